// `apply --shadow`: waits for the end of a shadow, and shows what it saw.
#ifndef TOOLS_EVENKEEL_SHADOW_REPORT_H_
#define TOOLS_EVENKEEL_SHADOW_REPORT_H_

#include <optional>
#include <string>

#include "control/api/evenkeel.pb.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// `reply` is what apply got, with a shadow that runs; it becomes the one that has ended.
std::optional<Failure> AwaitShadowEnd(const Arguments& arguments, v1::ApplyReply& reply);

// For people: per service and backend what is and what would be.
std::string RenderShadow(const v1::Shadow& shadow, bool color);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_SHADOW_REPORT_H_
