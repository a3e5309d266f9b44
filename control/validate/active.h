// Which keys of the configuration this build accepts but does not act on yet, and which values it
// cannot honour. The one place to touch when a feature lands: delete its row.
#ifndef CONTROL_VALIDATE_ACTIVE_H_
#define CONTROL_VALIDATE_ACTIVE_H_

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "control/config/config.h"

namespace evenkeel {

struct InactiveKey {
  absl::string_view path;     // with * for a name: "pools.*.idle"
  absl::string_view instead;  // what happens at present, for the message
  // Null, or whether this pool's value asks for nothing but what happens anyway.
  bool (*honoured)(const Pool&) = nullptr;
};
absl::Span<const InactiveKey> InactiveKeys();

// Whether the key of that path (in the spelling of the table) is acted on.
bool IsActive(absl::string_view path);

bool IsBuilt(Forward forward);
bool IsBuilt(Fragments fragments);

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_ACTIVE_H_
