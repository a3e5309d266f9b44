// What an operator is told about a shadow, as the message that the CLI prints. Translation only.
#ifndef CONTROL_API_SHADOW_REPORTS_H_
#define CONTROL_API_SHADOW_REPORTS_H_

#include "control/shadow/shadow_book.h"

namespace evenkeel {

namespace v1 {
class ApplyReply;
class Shadow;
}  // namespace v1

void FillShadow(const ShadowView& view, v1::Shadow* out);

// Of a call that began one, or asks for it: beside the shadow what runs, since nothing else does.
void FillShadowReply(const ShadowView& view, v1::ApplyReply* reply);

}  // namespace evenkeel

#endif  // CONTROL_API_SHADOW_REPORTS_H_
