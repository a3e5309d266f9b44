// Drains beside the file: how they join the configuration that the file says. Pure, any thread.
//
//   Config effective = file;
//   drains = JoinDrains(drains, effective);   // without those whose backend is gone
#ifndef CONTROL_CHANGE_DRAINS_H_
#define CONTROL_CHANGE_DRAINS_H_

#include <vector>

#include "absl/strings/string_view.h"
#include "control/change/calls.h"
#include "control/config/config.h"
#include "control/store/revision.h"

namespace evenkeel {

// Sets `drain` of the backends that `drains` name, unless the file drains them itself, and returns
// those drains that still name a backend.
std::vector<BackendDrain> JoinDrains(const std::vector<BackendDrain>& drains, Config& config);

// Null: `drains` does not name it.
const BackendDrain* FindDrain(const std::vector<BackendDrain>& drains, absl::string_view pool,
                              absl::string_view backend);

// Everything that drains in `effective`, of which `drains` are not the file's.
std::vector<DrainView> ViewsOf(const Config& effective, const std::vector<BackendDrain>& drains);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_DRAINS_H_
