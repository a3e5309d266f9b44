#include "control/validate/active.h"

#include <algorithm>

namespace evenkeel {
namespace {

constexpr InactiveKey kInactiveKeys[] = {
    {"pools.*.health", "nothing is checked: every backend that does not drain counts as healthy"},
    {"pools.*.objectives.min_healthy", "no backend is ever taken out by itself"},
    {"pools.*.idle", "flows are not followed across a change"},
    {"pools.*.hold", "no backend is ever declared dead"},
    {"pools.*.drain", "a backend that drains gets no more packets at once"},
    {"pools.*.slow_start", "a new backend gets its full share at once",
     [](const Pool& pool) { return pool.slow_start == absl::ZeroDuration(); }},
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
