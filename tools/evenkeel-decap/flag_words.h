// The command line with what its flagfiles say in their place.
//
// gflags passes over a line of a flagfile that it does not understand, so that a slip would leave
// the default in force (--vip= for --vips=: any inner destination). Words of the command line it
// refuses.
#ifndef TOOLS_EVENKEEL_DECAP_FLAG_WORDS_H_
#define TOOLS_EVENKEEL_DECAP_FLAG_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"

namespace evenkeel::decap {

// `words`: all of argv. InvalidArgument: a flagfile cannot be read, or holds what is no flag of its
// own.
absl::StatusOr<std::vector<std::string>> WithFlagfiles(const std::vector<std::string>& words);

}  // namespace evenkeel::decap

#endif  // TOOLS_EVENKEEL_DECAP_FLAG_WORDS_H_
