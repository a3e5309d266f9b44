#include "control/plan/service_change.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

// Sorted, neighbours and overlaps joined.
std::vector<PortRange> Normal(const Ports& ports) {
  if (ports.any) return {{0, 65535}};
  std::vector<PortRange> ranges = ports.ranges;
  std::sort(ranges.begin(), ranges.end(),
            [](const PortRange& a, const PortRange& b) { return a.low < b.low; });
  std::vector<PortRange> joined;
  for (const PortRange& range : ranges) {
    if (!joined.empty() && range.low <= joined.back().high + 1) {
      joined.back().high = std::max(joined.back().high, range.high);
    } else {
      joined.push_back(range);
    }
  }
  return joined;
}

bool Covers(const Ports& outer, const Ports& inner) {
  const std::vector<PortRange> ranges = Normal(outer);
  for (const PortRange& wanted : Normal(inner)) {
    if (std::none_of(ranges.begin(), ranges.end(), [&](const PortRange& range) {
          return range.low <= wanted.low && wanted.high <= range.high;
        })) {
      return false;
    }
  }
  return true;
}

bool Intersect(const Ports& a, const Ports& b) {
  for (const PortRange& left : Normal(a)) {
    for (const PortRange& right : Normal(b)) {
      if (left.low <= right.high && right.low <= left.high) return true;
    }
  }
  return false;
}

bool CanMatchTheSame(const Service& a, const Service& b) {
  return a.protocol == b.protocol && a.vip.Overlaps(b.vip) && Intersect(a.ports, b.ports);
}

// How exactly it matches; the more exact of two services that match the same packet gets it.
std::pair<int, int> Rank(const Service& service) {
  const bool range = std::any_of(service.ports.ranges.begin(), service.ports.ranges.end(),
                                 [](const PortRange& r) { return r.low != r.high; });
  return {service.vip.mapped_length(), service.ports.any ? 0 : range ? 1 : 2};
}

bool SameMatch(const Service& a, const Service& b) {
  return a.vip == b.vip && a.protocol == b.protocol && Covers(a.ports, b.ports) &&
         Covers(b.ports, a.ports);
}

}  // namespace

const Service* FindService(const Config& config, absl::string_view name) {
  for (const Service& service : config.services) {
    if (service.name == name) return &service;
  }
  return nullptr;
}

const Service* FormerOf(const Config& before, const Config& after, const Service& service) {
  if (const Service* same = FindService(before, service.name)) return same;
  for (const Service& former : before.services) {
    if (SameMatch(former, service) && FindService(after, former.name) == nullptr) return &former;
  }
  return nullptr;
}

const Service* LaterOf(const Config& before, const Config& after, const Service& service) {
  return FormerOf(after, before, service);
}

ServiceChange Compare(const Service& before, const Service& after) {
  return {.vip = before.vip != after.vip,
          .protocol = before.protocol != after.protocol,
          .narrowed = !Covers(after.ports, before.ports),
          .widened = !Covers(before.ports, after.ports),
          .pool = before.pool != after.pool,
          .affinity = before.affinity != after.affinity,
          .fragments = before.fragments != after.fragments};
}

std::vector<Takeover> FindTakeovers(const Config& before, const Config& after) {
  std::vector<Takeover> takeovers;
  for (const Service& taker : after.services) {
    const Service* former = FormerOf(before, after, taker);
    if (former != nullptr && SameMatch(*former, taker)) continue;
    for (const Service& giver : before.services) {
      if (&giver == former || !CanMatchTheSame(giver, taker)) continue;
      // Where the giver stays as it is and is the more exact one, it keeps what it had.
      const Service* later = LaterOf(before, after, giver);
      if (later != nullptr && SameMatch(*later, giver) && Rank(giver) > Rank(taker)) continue;
      takeovers.push_back({taker.name, giver.name});
    }
  }
  return takeovers;
}

bool MatchesAllOf(const Service& outer, const Service& inner) {
  return outer.protocol == inner.protocol && outer.vip.Contains(inner.vip) &&
         Covers(outer.ports, inner.ports);
}

std::string MatchText(const Service& service) {
  const std::string vip = service.vip.ToString();
  const std::string host =
      service.vip.family() == Family::kIpv6 ? absl::StrCat("[", vip, "]") : vip;
  return absl::StrCat(host, ":", ToString(service.ports), "/", Name(service.protocol));
}

}  // namespace evenkeel
