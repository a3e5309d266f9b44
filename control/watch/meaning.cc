#include "control/watch/meaning.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace evenkeel {
namespace {

struct Meaning {
  const char* rule;
  std::string sentence;
};

std::string Percent(double share) { return absl::StrFormat("%.1f %%", 100 * share); }

Meaning MeaningOf(const WatchedService& service, const SplitAlarm& alarm,
                  const TableVerdict& tables) {
  if (!tables.fault.empty()) {
    return {"F55",
            absl::StrCat("The table in use is not the one that was published: ", tables.fault)};
  }
  const std::string as_published =
      tables.is_known ? "The planes' tables are as published (audited just now). " : "";
  if (service.by_client) {
    return {"F30", absl::StrCat(as_published,
                                "The service keeps a client on its backend, so most likely one "
                                "client, or a proxy or NAT, has many of the flows")};
  }
  if (!alarm.member) {
    return {"F04", absl::StrCat(as_published,
                                "No single backend is far off, but all together are: most likely "
                                "the flows' hash is not even, as behind a router that hashes alike "
                                "(F34)")};
  }
  if (alarm.above && alarm.expected < 1e-3) {
    return {"F36", absl::StrCat(as_published,
                                "It should get none: most likely clients use their ports again "
                                "while connections of theirs are led to it")};
  }
  return {"F34", absl::StrCat(as_published,
                              "The flows' hash is not even: most likely a router in front hashes "
                              "alike, or one client repeats the same few connections")};
}

}  // namespace

std::string MemberName(const WatchedService& service, uint64_t id) {
  for (const WatchedMember& member : service.members) {
    if (member.id == id) return member.name;
  }
  return absl::StrFormat("backend %016x", id);
}

WatchAlarm DistributionAlarm(const WatchedService& service, const SplitAlarm& alarm,
                             const TableVerdict& tables) {
  const Meaning meaning = MeaningOf(service, alarm, tables);
  WatchAlarm out{.kind = WatchKind::kDistribution,
                 .rule = meaning.rule,
                 .service = service.name,
                 .backend = {},
                 .since = alarm.since,
                 .strength = alarm.strength,
                 .message = {}};
  if (alarm.member) {
    out.backend = MemberName(service, *alarm.member);
    out.message = absl::StrCat(*out.backend, " gets ", Percent(alarm.observed),
                               " of the new flows of ", service.name, " and should get ",
                               Percent(alarm.expected), ". ", meaning.sentence);
  } else {
    out.message = absl::StrCat("the new flows of ", service.name,
                               " are not shared out as its table says. ", meaning.sentence);
  }
  return out;
}

WatchAlarm FollowUpAlarm(const WatchedService& service, const SilentMember& silent) {
  const std::string name = MemberName(service, silent.id);
  return {.kind = WatchKind::kFollowUp,
          .rule = service.is_checked ? "F15" : "F41",
          .service = service.name,
          .backend = name,
          .since = silent.since,
          .strength = 1,
          .message = absl::StrFormat(
              "%s is up and does not answer: %.1f packets follow each of its new flows of %s, %.1f "
              "those of the others. Its server refuses or is gone%s, its VIP is missing (F41), it "
              "does not unwrap the tunnel (F40), or it drops what comes out of it (F43)",
              name, silent.per_flow, service.name, silent.others,
              service.is_checked ? " though its check passes (F15)" : "")};
}

WatchAlarm WholeAlarm(const WatchedService& service, const WholeState& whole) {
  const bool is_flood = whole.fault == WholeFault::kFlood;
  const std::string counts = absl::StrFormat(
      "%.0f new flows a second of %s are followed by %.0f packets, %.0f are usual. ", whole.flows,
      service.name, whole.followers, whole.usual);
  return {.kind = WatchKind::kFollowUp,
          .rule = is_flood ? "F37" : "F44",
          .service = service.name,
          .backend = {},
          .since = whole.since,
          .strength = 1,
          .message = absl::StrCat(
              counts, is_flood ? "Connections are made as before: most likely a flood of SYNs"
                               : "No backend answers any more, so it is the way to them: the "
                                 "gateway's MAC is stale or wrong, or the VLAN or the source of "
                                 "the tunnel (F45)")};
}

WatchAlarm WorkersAlarm(const SplitAlarm& alarm) {
  const std::string who =
      alarm.member
          ? absl::StrFormat("worker %d gets %s of the new flows and should get %s", *alarm.member,
                            Percent(alarm.observed), Percent(alarm.expected))
          : "the workers do not get equal parts of the new flows";
  return {.kind = WatchKind::kWorkers,
          .rule = "F49",
          .service = {},
          .backend = {},
          .since = alarm.since,
          .strength = alarm.strength,
          .message = absl::StrCat(who,
                                  ": RSS does not spread them, or few clients make them; "
                                  "evenkeel doctor looks at the port")};
}

}  // namespace evenkeel
