#include "tools/evenkeel/commands.h"

namespace evenkeel::cli {
namespace {

constexpr FlagKind kSwitch = FlagKind::kSwitch;
constexpr FlagKind kText = FlagKind::kText;
constexpr FlagKind kDuration = FlagKind::kDuration;
constexpr FlagKind kWhole = FlagKind::kWhole;
constexpr FlagKind kInstant = FlagKind::kInstant;
constexpr FlagKind kDigest = FlagKind::kDigest;
constexpr FlagState kRequired = FlagState::kRequired;
constexpr FlagState kRepeated = FlagState::kRepeated;
constexpr FlagState kNotBuilt = FlagState::kNotBuilt;

std::vector<FlagSpec> ApplyFlags() {
  return {
      {"reason", kText, "TEXT", "why, for the history", kRequired},
      {"base", kWhole, "REV", "refuse unless this revision runs now (0: none does)"},
      {"plan", kDigest, "DIGEST", "refuse unless the plan is still this one"},
      {"confirm-within", kDuration, "D", "how long the trial lasts, 30s to 1h (as the file says)"},
      {"confirm", kText, "auto|now", "auto: by what it shows; now: no trial at all"},
      {"wait", kSwitch, "", "return when the trial has ended"},
      {"allow", kText, "RULE@PATH[=D]", "let this finding pass, for 24h or D", kRepeated},
      {"again", kText, "TEXT", "why what was rolled back is applied once more"},
      {"shadow", kSwitch, "", "publish nothing: show what it would do, for 60s or D"},
      {"canary", kText, "P%", "on this share of the slots first, 1% to 50%; it widens by itself"},
  };
}

std::vector<FlagSpec> RollbackFlags() {
  return {
      {"to", kWhole, "REV", "make this revision the running one again"},
      {"reason", kText, "TEXT", "why, for the history"},
  };
}

std::vector<FlagSpec> DrainFlags() {
  return {
      {"reason", kText, "TEXT", "why, for the history", kRequired},
      {"until", kInstant, "T", "raise an alarm when it is still drained then"},
      {"force", kSwitch, "", "pass the guards; the log says so"},
  };
}

std::vector<FlagSpec> UndrainFlags() {
  return {{"reason", kText, "TEXT", "why, for the history", kRequired}};
}

std::vector<FlagSpec> PlanFlags() {
  return {
      {"base", kText, "FILE", "compare with this file, not with what runs"},
      {"new-flows", kText, "SERVICE=N,...", "new flows a second, for what depends on them"},
      {"probe", kSwitch, "", "try its health checks first, from where evenkeeld runs"},
  };
}

std::vector<FlagSpec> TestFlags() {
  return {{"junit", kText, "OUT", "write the results there as JUnit XML, too"}};
}

std::vector<FlagSpec> SimulateFlags() {
  return {
      {"traffic", kText, "PCAP", "the packets, pcap or pcapng", kRequired},
      {"base", kText, "FILE", "count the flows that move against this file"},
  };
}

std::vector<FlagSpec> TopFlags() {
  return {
      {"interval", kDuration, "D", "time between two looks (1s)"},
      {"count", kWhole, "N", "end after N looks (0: never)"},
  };
}

std::vector<FlagSpec> ExplainFlags() {
  return {
      {"from", kText, "A:P", "the client; IPv6 as [A]:P", kRequired},
      {"to", kText, "A:P", "the VIP", kRequired},
      {"proto", kText, "tcp|udp", "the protocol", kRequired},
  };
}

}  // namespace

const std::vector<CommandSpec>& Commands() {
  static const std::vector<CommandSpec> commands = {
      {"validate",
       "validate FILE",
       "Judge a configuration file; needs no daemon.",
       RunValidate,
       {{"FILE"}}},
      {"rules",
       "rules [ID]",
       "List the rules of validate, or explain one.",
       RunRules,
       {{"ID", false}}},
      {"plan",
       "plan FILE [--base=FILE] [--new-flows=SERVICE=N,...]",
       "Show what a file would change, and whether the guards let it pass.",
       RunPlan,
       {{"FILE"}},
       PlanFlags()},
      {"test",
       "test FILE TESTS [--junit=OUT]",
       "Check a configuration against assertions of your own; needs no daemon.",
       RunTest,
       {{"FILE"}, {"TESTS"}},
       TestFlags()},
      {"simulate",
       "simulate FILE --traffic=PCAP [--base=FILE]",
       "Send recorded packets through the real core; needs no daemon.",
       RunSimulate,
       {{"FILE"}},
       SimulateFlags()},
      {"apply",
       "apply FILE --reason=TEXT [--plan=DIGEST] [--wait] ...",
       "Make a configuration file the running revision, on trial until you confirm.",
       RunApply,
       {{"FILE"}},
       ApplyFlags()},
      {"confirm", "confirm", "End the trial: keep what it tried.", RunConfirm},
      {"rollback",
       "rollback [--to=REV] [--reason=TEXT]",
       "End the trial and go back, or go back to an earlier revision.",
       RunRollback,
       {},
       RollbackFlags()},
      {"history", "history", "List the revisions: who, when, why, and how each ended.", RunHistory},
      {"show", "show REV", "Print a revision's file.", RunShow, {{"REV"}}},
      {"diff",
       "diff REV REV",
       "Compare two revisions by what they mean.",
       RunDiff,
       {{"REV"}, {"REV"}}},
      {"audit", "audit", "Compare what is intended with what runs; verify the log.", RunAudit},
      {"drain",
       "drain POOL/BACKEND --reason=TEXT [--until=T] [--force]",
       "Take new connections off a backend.",
       RunDrain,
       {{"POOL/BACKEND"}},
       DrainFlags()},
      {"undrain",
       "undrain POOL/BACKEND --reason=TEXT",
       "Give a backend its share again.",
       RunUndrain,
       {{"POOL/BACKEND"}},
       UndrainFlags()},
      {"status", "status", "Say what runs: revision, generation, planes, alarms.", RunStatus},
      {"services", "services", "List the services with their tables and counters.", RunServices},
      {"backends", "backends", "List each backend's expected and observed share.", RunBackends},
      {"top",
       "top [--interval=D] [--count=N]",
       "Watch shares and rates, live.",
       RunTop,
       {},
       TopFlags()},
      {"watch",
       "watch [--interval=D] [--count=N]",
       "Follow alarms, the trial and shares against the tables, live.",
       RunWatch,
       {},
       TopFlags()},
      {"explain",
       "explain --from=A:P --to=A:P --proto=tcp|udp",
       "Say where a packet goes and why, by the tables in use.",
       RunExplain,
       {},
       ExplainFlags()},
      {"drops", "drops", "Count what became of the packets, and why some were dropped.", RunDrops},
      {"doctor", "doctor", "Look on this host for what no file shows.", RunDoctor},
      {"detach", "detach", "Remove the XDP programs, maps and links.", RunDetach},
      {"version", "version", "Name this build; needs no daemon.", RunVersion},

      // Verbs of the interface that this version lacks.
      {"capture", "capture", "Record packets with their verdicts."},
  };
  return commands;
}

}  // namespace evenkeel::cli
