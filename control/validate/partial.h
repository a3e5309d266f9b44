// Judges what could be read of a file that has errors, so that the operator sees both kinds of
// problem at once. Internal to control/validate.
#ifndef CONTROL_VALIDATE_PARTIAL_H_
#define CONTROL_VALIDATE_PARTIAL_H_

#include <string>
#include <vector>

#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/validate/validate.h"

namespace evenkeel {

// The errors of `config` that hold whatever the `unreliable` paths (ParseResult::unreliable) should
// have said: services and backends with such a path are left out, pools with one are judged by
// nobody, and with one in the sections that everything depends on there is no judging at all.
std::vector<Finding> ValidatePartial(Config config, const std::vector<std::string>& unreliable,
                                     const ValidateOptions& options);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_PARTIAL_H_
