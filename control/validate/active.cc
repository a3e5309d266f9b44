#include "control/validate/active.h"

#include <algorithm>

namespace evenkeel {
namespace {

constexpr InactiveKey kInactiveKeys[] = {
    {"pools.*.backends.*.capacity", "loads are not compared with it"},
};

}  // namespace

absl::Span<const InactiveKey> InactiveKeys() { return kInactiveKeys; }

bool IsActive(absl::string_view path) {
  return std::none_of(std::begin(kInactiveKeys), std::end(kInactiveKeys),
                      [path](const InactiveKey& key) { return key.path == path; });
}

bool IsBuilt(Forward forward) { return forward == Forward::kIpip || forward == Forward::kL2dsr; }

bool IsBuilt(Fragments fragments) { return fragments == Fragments::kDrop; }

}  // namespace evenkeel
