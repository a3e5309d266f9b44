// What differs between two configurations by meaning: order, spelling, comments and defaults that
// are written out make no difference.
//
// Pure, any thread.
//
//   absl::StatusOr<v1::DiffReply> diff = DiffConfigs(old_config, new_config);
#ifndef TOOLS_EVENKEEL_CONFIG_DIFF_H_
#define TOOLS_EVENKEEL_CONFIG_DIFF_H_

#include <string>

#include "absl/status/statusor.h"
#include "control/api/evenkeel.pb.h"
#include "control/config/config.h"

namespace evenkeel::cli {

// Pools, backends and services that one side lacks are one change each, under their own path; all
// else is a change for each path whose value differs. The shares are those that the tables have.
// Errors: a table that cannot be filled. `from` and `to` are left at 0.
absl::StatusOr<v1::DiffReply> DiffConfigs(const Config& from, const Config& to);

std::string RenderDiff(const v1::DiffReply& diff, bool color);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_CONFIG_DIFF_H_
