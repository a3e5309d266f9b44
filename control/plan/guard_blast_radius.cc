#include <set>

#include "absl/strings/str_cat.h"
#include "control/plan/guard_parts.h"
#include "control/plan/pool_table.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

bool Exceeds(double fraction, uint32_t limit_percent) {
  return fraction * 100 > limit_percent + 1e-9;
}

std::vector<std::string> Lighter(const Pool& before, const Pool& after) {
  const PoolWeights now = HealthyWeights(before);
  const PoolWeights then = HealthyWeights(after);
  std::vector<std::string> names;
  for (const Backend& backend : before.backends) {
    const auto was = now.find(backend.address);
    if (was == now.end()) continue;
    const auto found = then.find(backend.address);
    if (found == then.end() || found->second < was->second) names.push_back(backend.name);
  }
  return names;
}

double LostBetween(const Pool& before, const Pool& after) {
  return WeightLost(HealthyWeights(before), HealthyWeights(after));
}

void WeightOfPools(const GuardInput& in, FindingWriter& out) {
  const uint32_t limit = in.candidate.safety.blast_radius.weight_lost_percent;
  for (const PoolPlan& plan : in.plan.pools) {
    if (!Exceeds(plan.weight_lost, limit)) continue;
    if (!IsUsed(in.candidate, plan.name)) continue;
    const Pool* after = in.candidate.FindPool(plan.name);
    const Pool* before = in.base->FindPool(plan.name);
    const std::string path = PathOf(*after);
    std::string who = absl::StrCat("against what was confirmed in the last 24 hours (",
                                   PercentText(plan.weight_lost_now), " of it now)");
    if (Exceeds(plan.weight_lost_now, limit)) {
      // Of a pool by another name: said at the services that change over (WeightOfServices).
      if (before == nullptr || !Exceeds(LostBetween(*before, *after), limit)) continue;
      who = absl::StrCat("at once (", ListText(Lighter(*before, *after)), ")");
    }
    out.Error("F12", path,
              absl::StrCat("loses ", PercentText(plan.weight_lost), " of its healthy weight ", who,
                           "; safety.blast_radius.weight_lost is ", limit, "%"),
              absl::StrCat("take fewer backends at a time; ", AllowHint("F12", path)));
  }
}

// A service that changes its pool loses the former one's backends, but for those that both have.
void WeightOfServices(const GuardInput& in, FindingWriter& out) {
  const uint32_t limit = in.candidate.safety.blast_radius.weight_lost_percent;
  for (const Service& service : in.candidate.services) {
    const Service* former = FormerOf(*in.base, in.candidate, service);
    if (former == nullptr || former->pool == service.pool) continue;
    const Pool* before = in.base->FindPool(former->pool);
    const Pool* after = in.candidate.FindPool(service.pool);
    if (before == nullptr || after == nullptr) continue;
    const double lost = LostBetween(*before, *after);
    if (!Exceeds(lost, limit)) continue;
    const std::string path = absl::StrCat(PathOf(service), ".pool");
    out.Error("F12", path,
              absl::StrCat("goes from pool ", before->name, " to ", after->name, " and leaves ",
                           PercentText(lost),
                           " of its healthy weight behind; safety.blast_radius.weight_lost is ",
                           limit, "%"),
              absl::StrCat("bring the new backends into ", before->name, " step by step; ",
                           AllowHint("F12", path)));
  }
}

// Packets that go over to another service as a whole, as when two services swap their VIPs.
void WeightOfTakeovers(const GuardInput& in, FindingWriter& out) {
  const uint32_t limit = in.candidate.safety.blast_radius.weight_lost_percent;
  for (const Takeover& takeover : FindTakeovers(*in.base, in.candidate)) {
    const Service& taker = *FindService(in.candidate, takeover.taker);
    const Service& giver = *FindService(*in.base, takeover.giver);
    if (!MatchesAllOf(taker, giver)) continue;
    const Pool* before = in.base->FindPool(giver.pool);
    const Pool* after = in.candidate.FindPool(taker.pool);
    if (before == nullptr || after == nullptr) continue;
    const double lost = LostBetween(*before, *after);
    if (!Exceeds(lost, limit)) continue;
    const std::string path = PathOf(taker);
    out.Error(
        "F12", path,
        absl::StrCat("takes over all of ", giver.name, " (", MatchText(giver), ") and leaves ",
                     PercentText(lost), " of the healthy weight of pool ", before->name,
                     " behind; safety.blast_radius.weight_lost is ", limit, "%"),
        absl::StrCat("give it a VIP of its own first; ", AllowHint("F12", path)));
  }
}

// Why slots move, as far as it is not simply the weights.
struct Cause {
  absl::string_view rule;
  std::string path;
  std::string text;
  bool structural;
};

Cause CauseOfMoves(const Service& before, const Service& after, const Pool& old_pool,
                   const Pool& new_pool) {
  if (before.affinity != after.affinity) {
    return {
        "F32", absl::StrCat(PathOf(after), ".affinity"),
        absl::StrCat("affinity changes from ", Name(before.affinity), " to ", Name(after.affinity)),
        true};
  }
  if (before.pool != after.pool) {
    return {"F12", absl::StrCat(PathOf(after), ".pool"),
            absl::StrCat("the pool changes from ", before.pool, " to ", after.pool), true};
  }
  if (old_pool.table.slots != new_pool.table.slots) {
    return {"F08", absl::StrCat(PathOf(new_pool), ".table.slots"),
            absl::StrCat("the table changes from ", old_pool.table.slots, " to ",
                         new_pool.table.slots, " slots"),
            true};
  }
  if (old_pool.table.fill != new_pool.table.fill) {
    return {"F32", absl::StrCat(PathOf(new_pool), ".table.fill"),
            absl::StrCat("the fill changes from ", Name(old_pool.table.fill), " to ",
                         Name(new_pool.table.fill)),
            true};
  }
  return {"F12", PathOf(new_pool), "backends or weights change", false};
}

// Services of a pool share its table, so each cause is named once.
void SlotsMoved(const GuardInput& in, FindingWriter& out) {
  const uint32_t limit = in.candidate.safety.blast_radius.slots_moved_percent;
  std::set<std::string> named;
  for (const ServicePlan& plan : in.plan.services) {
    if (plan.is_new || plan.moved == 0) continue;
    const Service& after = *FindService(in.candidate, plan.name);
    const Service& before = *FormerOf(*in.base, in.candidate, after);
    const Cause cause = CauseOfMoves(before, after, *in.base->FindPool(before.pool),
                                     *in.candidate.FindPool(after.pool));
    const bool refused = Exceeds(plan.moved_without_growth, limit);
    if ((!refused && !cause.structural) || !named.insert(cause.path).second) continue;
    const std::string message = absl::StrCat(cause.text, ": ", PercentText(plan.moved),
                                             " of the slots of ", plan.name, " move");
    if (!refused) {
      out.Warning(cause.rule, cause.path, message, "see that this is meant");
      continue;
    }
    out.Error("F12", cause.path,
              absl::StrCat(message, ", ", PercentText(plan.moved_without_growth),
                           " more than new backends make necessary; "
                           "safety.blast_radius.slots_moved is ",
                           limit, "%"),
              absl::StrCat("go in smaller steps; ", AllowHint("F12", cause.path)));
  }
}

void ServicesTouched(const GuardInput& in, FindingWriter& out) {
  const uint32_t limit = in.candidate.safety.blast_radius.services;
  if (in.plan.services_touched <= limit) return;
  std::vector<std::string> names = in.plan.services_removed;
  for (const ServicePlan& service : in.plan.services) {
    if (service.touched) names.push_back(service.name);
  }
  out.Error("F12", "services",
            absl::StrCat("touches ", in.plan.services_touched, " services (", ListText(names),
                         "); safety.blast_radius.services is ", limit),
            absl::StrCat("change fewer at a time, or raise safety.blast_radius.services; ",
                         AllowHint("F12", "services")));
}

// Those whose clients reach nobody any more where they did: gone, or at another VIP.
void ServicesGone(const GuardInput& in, FindingWriter& out) {
  const size_t gone = in.plan.services_removed.size();
  std::vector<std::string> ended = in.plan.services_removed;
  for (const Service& service : in.candidate.services) {
    const Service* former = FormerOf(*in.base, in.candidate, service);
    if (former == nullptr) continue;
    const ServiceChange change = Compare(*former, service);
    if (change.vip || change.protocol) ended.push_back(service.name);
  }
  const size_t had = in.base->services.size();
  const bool most = 2 * ended.size() > had;
  if (gone == 0 && !most) return;  // each change of VIP and protocol is told by itself
  const Severity severity = most ? Severity::kError : Severity::kWarning;
  if (!most) ended.resize(gone);
  out.Add(severity, "F60", "services",
          absl::StrCat(ended.size(), " of ", had, " services are gone",
                       ended.size() > gone ? " or answer at another VIP (" : " (", ListText(ended),
                       "): their connections end"),
          severity == Severity::kWarning
              ? "nothing to do if they are meant to end"
              : absl::StrCat("more than half at once is refused, since a list that was cut short "
                             "looks the same; ",
                             AllowHint("F60", "services")));
}

}  // namespace

void GuardBlastRadius(const GuardInput& in, FindingWriter& out) {
  WeightOfPools(in, out);
  WeightOfServices(in, out);
  WeightOfTakeovers(in, out);
  SlotsMoved(in, out);
  ServicesTouched(in, out);
  ServicesGone(in, out);
}

}  // namespace evenkeel
