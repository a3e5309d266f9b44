#include "control/validate/overlap.h"

#include <algorithm>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "control/validate/prefix_index.h"

namespace evenkeel {
namespace {

enum class Rank { kExact, kRange, kAny };

// One element of a service's ports. `service` counts from 0 in the order of the file.
struct Claim {
  Rank rank;
  PortRange ports;
  size_t service;
  size_t port_index;
};

// The claims to one prefix by services of one protocol.
struct Group {
  IpPrefix prefix;
  std::vector<Claim> claims;  // sorted by rank, then by lowest port
  bool ambiguous = false;
};

void AddClaims(const Service& service, size_t index, std::vector<Claim>& claims) {
  if (service.ports.any) claims.push_back({Rank::kAny, {0, 65535}, index, 0});
  for (size_t i = 0; i < service.ports.ranges.size(); ++i) {
    const PortRange ports = service.ports.ranges[i];
    claims.push_back({ports.low == ports.high ? Rank::kExact : Rank::kRange, ports, index, i});
  }
}

class OverlapFinder {
 public:
  explicit OverlapFinder(absl::Span<const Service> services)
      : services_(services), takers_(services.size()) {}

  Overlaps Find(Protocol protocol) {
    MakeGroups(protocol);
    for (Group& group : groups_) FindAmbiguities(group);
    for (const Group& inner : groups_) {
      index_.ForEachAround(
          inner.prefix, [&](const IpPrefix&, size_t outer) { FindShadows(inner, groups_[outer]); });
    }
    CollectShadows();
    return std::move(found_);
  }

 private:
  void MakeGroups(Protocol protocol) {
    for (size_t i = 0; i < services_.size(); ++i) {
      const Service& service = services_[i];
      if (service.protocol != protocol) continue;
      const size_t group = index_.FindOrAdd(service.vip, groups_.size());
      if (group == groups_.size()) groups_.push_back({.prefix = service.vip});
      AddClaims(service, i, groups_[group].claims);
    }
    for (Group& group : groups_) {
      std::sort(group.claims.begin(), group.claims.end(), [](const Claim& a, const Claim& b) {
        return std::tie(a.rank, a.ports.low, a.service, a.port_index) <
               std::tie(b.rank, b.ports.low, b.service, b.port_index);
      });
    }
  }

  // Within one rank, a claim that begins before an earlier one ends overlaps it. The one that
  // reaches furthest is enough to compare with: who overlaps any earlier claim overlaps that one.
  void FindAmbiguities(Group& group) {
    const Claim* reach = nullptr;
    for (const Claim& claim : group.claims) {
      const bool apart =
          reach == nullptr || reach->rank != claim.rank || reach->ports.high < claim.ports.low;
      if (!apart) {
        Report(*reach, claim);
        group.ambiguous = true;
      }
      if (apart || claim.ports.high > reach->ports.high) reach = &claim;
    }
  }

  void Report(const Claim& a, const Claim& b) {
    const auto [first, second] = std::minmax(a, b, [](const Claim& x, const Claim& y) {
      return std::tie(x.service, x.port_index) < std::tie(y.service, y.port_index);
    });
    if (!pairs_.emplace(first.service, second.service).second) return;
    const PortRange shared{std::max(a.ports.low, b.ports.low),
                           std::min(a.ports.high, b.ports.high)};
    found_.ambiguities.push_back(
        {&services_[first.service], &services_[second.service], shared, second.port_index});
  }

  // Notes for each claim of `outer` who in `inner` takes ports of it: within one group whoever is
  // of a better rank, from a longer prefix everybody. What is ambiguous has to be mended first; in
  // the rest the claims of one rank are disjoint, so that those which overlap a claim lie side by
  // side.
  void FindShadows(const Group& inner, const Group& outer) {
    if (inner.ambiguous || outer.ambiguous) return;
    for (const Claim& claim : outer.claims) {
      for (Rank rank : {Rank::kExact, Rank::kRange, Rank::kAny}) {
        if (&inner == &outer && rank >= claim.rank) break;
        auto taker = std::partition_point(inner.claims.begin(), inner.claims.end(),
                                          [&](const Claim& candidate) {
                                            return std::tie(candidate.rank, candidate.ports.high) <
                                                   std::tie(rank, claim.ports.low);
                                          });
        for (; taker != inner.claims.end() && taker->rank == rank; ++taker) {
          if (taker->ports.low > claim.ports.high) break;
          if (taker->service == claim.service) continue;
          takers_[claim.service].emplace(taker->service,
                                         PortRange{std::max(taker->ports.low, claim.ports.low),
                                                   std::min(taker->ports.high, claim.ports.high)});
        }
      }
    }
  }

  void CollectShadows() {
    for (size_t i = 0; i < takers_.size(); ++i) {
      if (takers_[i].empty()) continue;
      const auto& [by, ports] = *takers_[i].begin();
      found_.shadows.push_back({&services_[i], &services_[by], ports, takers_[i].size() - 1});
    }
  }

  const absl::Span<const Service> services_;
  std::vector<Group> groups_;
  PrefixIndex<size_t> index_;                  // position in groups_
  std::set<std::pair<size_t, size_t>> pairs_;  // reported as ambiguous
  // By service: who takes ports of it, and which first.
  std::vector<std::map<size_t, PortRange>> takers_;
  Overlaps found_;
};

}  // namespace

Overlaps FindOverlaps(absl::Span<const Service> services) {
  Overlaps all = OverlapFinder(services).Find(Protocol::kTcp);
  Overlaps udp = OverlapFinder(services).Find(Protocol::kUdp);
  all.ambiguities.insert(all.ambiguities.end(), udp.ambiguities.begin(), udp.ambiguities.end());
  all.shadows.insert(all.shadows.end(), udp.shadows.begin(), udp.shadows.end());
  return all;
}

}  // namespace evenkeel
