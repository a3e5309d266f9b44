#include "control/validate/active.h"

namespace evenkeel {

bool IsBuilt(Forward forward) { return forward == Forward::kIpip || forward == Forward::kL2dsr; }

bool IsBuilt(Fragments fragments) { return fragments == Fragments::kDrop; }

}  // namespace evenkeel
