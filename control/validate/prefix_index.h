// Which of many prefixes holds an address: one hash look-up for each prefix length in use.
#ifndef CONTROL_VALIDATE_PREFIX_INDEX_H_
#define CONTROL_VALIDATE_PREFIX_INDEX_H_

#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "control/config/address.h"

namespace evenkeel {

template <typename T>
class PrefixIndex {
 public:
  // The value of `prefix`; where there is none yet, `value` becomes it.
  T& FindOrAdd(const IpPrefix& prefix, T value) {
    (prefix.family() == Family::kIpv4 ? ipv4_lengths_ : ipv6_lengths_).insert(prefix.length());
    return values_.emplace(prefix, std::move(value)).first->second;
  }

  // Calls `visit(prefix, value)` for each prefix that holds all of `inner`, itself included;
  // shortest first.
  template <typename Visit>
  void ForEachAround(const IpPrefix& inner, Visit visit) const {
    for (int length : LengthsOf(inner.family())) {
      if (length > inner.length()) return;
      const auto found = values_.find(IpPrefix(inner.address(), length));
      if (found != values_.end()) visit(found->first, found->second);
    }
  }

  // Distinct prefix lengths of a family.
  const std::set<int>& LengthsOf(Family family) const {
    return family == Family::kIpv4 ? ipv4_lengths_ : ipv6_lengths_;
  }

 private:
  std::set<int> ipv4_lengths_, ipv6_lengths_;
  absl::flat_hash_map<IpPrefix, T> values_;
};

}  // namespace evenkeel

#endif  // CONTROL_VALIDATE_PREFIX_INDEX_H_
