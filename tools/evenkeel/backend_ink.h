// The colour of a backend's state, the same in every verb.
#ifndef TOOLS_EVENKEEL_BACKEND_INK_H_
#define TOOLS_EVENKEEL_BACKEND_INK_H_

#include <string>

#include "tools/evenkeel/ink.h"

namespace evenkeel::cli {

// `state` is up, suspect, down or draining.
inline Ink InkOfState(const std::string& state) {
  if (state == "up") return Ink::kGood;
  return state == "down" ? Ink::kBad : Ink::kDoubtful;
}

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_BACKEND_INK_H_
