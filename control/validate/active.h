// Which values of the configuration this build cannot honour yet. The one place to touch when one
// is built.
#ifndef CONTROL_VALIDATE_ACTIVE_H_
#define CONTROL_VALIDATE_ACTIVE_H_

#include "control/config/config.h"

namespace evenkeel {

bool IsBuilt(Forward forward);
bool IsBuilt(Fragments fragments);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_ACTIVE_H_
