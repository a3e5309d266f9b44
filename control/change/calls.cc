#include "control/change/calls.h"

namespace evenkeel {

absl::string_view Name(ChangeState state) {
  switch (state) {
    case ChangeState::kTrial:
      return "trial";
    case ChangeState::kConfirmed:
      return "confirmed";
    case ChangeState::kRolledBack:
      return "rolled_back";
  }
  return "";
}

}  // namespace evenkeel
