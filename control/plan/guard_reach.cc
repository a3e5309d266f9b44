#include "absl/strings/str_cat.h"
#include "control/plan/guard_parts.h"
#include "control/plan/service_change.h"

namespace evenkeel {
namespace {

void ChangedService(const Service& before, const Service& after, FindingWriter& out) {
  const ServiceChange change = Compare(before, after);
  if (change.vip) {
    out.Warning("F25", absl::StrCat(PathOf(after), ".vip"),
                absl::StrCat("goes from ", before.vip.ToString(), " to ", after.vip.ToString(),
                             ": connections to the old address end"),
                "announce the new address and change the DNS first; keep the old one as a service "
                "of its own until nobody asks for it");
  }
  if (change.protocol) {
    out.Warning("F23", absl::StrCat(PathOf(after), ".protocol"),
                absl::StrCat("goes from ", Name(before.protocol), " to ", Name(after.protocol),
                             ": ", Name(before.protocol), " packets no longer match"),
                "if both are meant, write a second service");
  }
  if (change.narrowed) {
    out.Warning("F23", absl::StrCat(PathOf(after), ".ports"),
                absl::StrCat("goes from ", ToString(before.ports), " to ", ToString(after.ports),
                             ": ports that matched no longer do, and pass to the kernel"),
                "see that nobody uses them any more");
  }
  if (change.fragments && after.fragments == Fragments::kDrop) {
    out.Warning("F48", absl::StrCat(PathOf(after), ".fragments"),
                absl::StrCat("goes from ", Name(before.fragments),
                             " to drop: fragmented packets that reached a backend no longer do"),
                "see that no client sends any");
  }
}

bool AsksTheSame(Health before, const Health& after) {
  before.interval = after.interval;
  before.timeout = after.timeout;
  before.rise = after.rise;
  before.fall = after.fall;
  before.note = after.note;
  return before == after;
}

void ChangedPool(const Pool& before, const Pool& after, FindingWriter& out) {
  if (before.forward != after.forward) {
    out.Warning("F40", absl::StrCat(PathOf(after), ".forward"),
                absl::StrCat("goes from ", Name(before.forward), " to ", Name(after.forward),
                             " for all of the pool's backends at once"),
                "see that every backend takes such packets: a pool with one of them first");
  }
  const std::string health = absl::StrCat(PathOf(after), ".health");
  if (before.health && !after.health) {
    out.Warning("F15", health, "is gone: a backend that dies keeps its share of the connections",
                "keep a check, of whatever kind");
  } else if (after.health && (!before.health || !AsksTheSame(*before.health, *after.health))) {
    out.Warning("F14", health,
                before.health ? "asks something else than before: a slip here fails every backend"
                              : "is new: a slip here fails every backend",
                "see that all backends answer it; min_healthy holds what is left");
  }
  if (after.idle < before.idle) {
    out.Warning("F36", absl::StrCat(PathOf(after), ".idle"),
                absl::StrCat("goes from ", absl::FormatDuration(before.idle), " to ",
                             absl::FormatDuration(after.idle),
                             ": connections that are silent for longer are no longer kept"),
                "see that no application of the pool is silent for so long");
  }
}

void ChangedNetwork(const Network& before, const Network& after, FindingWriter& out) {
  const auto say = [&](absl::string_view rule, absl::string_view key, absl::string_view hint) {
    out.Warning(rule, absl::StrCat("network.", key),
                absl::StrCat(key, " changes, for every service at once"), std::string(hint));
  };
  if (before.gateway != after.gateway) say("F44", "gateway", "see that it answers from this node");
  if (before.gateway_mac != after.gateway_mac) {
    say("F44", "gateway_mac", "a MAC that nobody has loses every packet");
  }
  if (before.encap_source != after.encap_source) {
    say("F45", "encap_source", "routers and backends must let the new source in");
  }
  if (before.vlan != after.vlan) say("F45", "vlan", "the switch port must carry it");
  if (before.mtu != after.mtu) say("F39", "mtu", "the segment must carry it");
  if (before.client_mtu != after.client_mtu) say("F39", "client_mtu", "clients are told of it");
}

}  // namespace

void GuardReach(const GuardInput& in, FindingWriter& out) {
  for (const Service& service : in.candidate.services) {
    const Service* former = FormerOf(*in.base, in.candidate, service);
    if (former != nullptr) ChangedService(*former, service, out);
  }
  for (const Takeover& takeover : FindTakeovers(*in.base, in.candidate)) {
    const Service& taker = *FindService(in.candidate, takeover.taker);
    const Service& giver = *FindService(*in.base, takeover.giver);
    out.Warning("F21", PathOf(taker),
                absl::StrCat("matches ", MatchText(taker), ", which so far went to ", giver.name,
                             " (", MatchText(giver), "): these connections change from pool ",
                             giver.pool, " to ", taker.pool),
                "see that this part of it is meant to go elsewhere");
  }
  for (const Pool& pool : in.candidate.pools) {
    const Pool* former = in.base->FindPool(pool.name);
    if (former != nullptr) ChangedPool(*former, pool, out);
  }
  ChangedNetwork(in.base->network, in.candidate.network, out);
  if (in.base->cluster.key_file != in.candidate.cluster.key_file) {
    out.Warning(
        "F32", "cluster.key_file",
        absl::StrCat("goes from ", in.base->cluster.key_file, " to ", in.candidate.cluster.key_file,
                     ": unless both hold the same key, every connection moves"),
        "keep the key; evenkeeld refuses another one");
  }
}

}  // namespace evenkeel
