#include "tools/evenkeel/commands.h"

namespace evenkeel::cli {
namespace {

constexpr FlagKind kSwitch = FlagKind::kSwitch;
constexpr FlagKind kText = FlagKind::kText;
constexpr FlagKind kDuration = FlagKind::kDuration;
constexpr FlagKind kWhole = FlagKind::kWhole;
constexpr FlagState kRequired = FlagState::kRequired;
constexpr FlagState kNotBuilt = FlagState::kNotBuilt;

std::vector<FlagSpec> ApplyFlags() {
  return {
      {"reason", kText, "TEXT", "why, for the history", kRequired},
      {"base", kWhole, "REV", "refuse unless this revision runs now (0: none does)"},
      {"confirm", kText, "now", "publish at once, without a trial"},
      {"plan", kText, "DIGEST", "refuse unless the plan is still this one", kNotBuilt},
      {"confirm-within", kDuration, "D", "how long the trial lasts", kNotBuilt},
      {"wait", kSwitch, "", "return when the trial has ended", kNotBuilt},
      {"allow", kText, "RULE@PATH[=D]", "let this finding pass", kNotBuilt},
      {"shadow", kSwitch, "", "run beside what forwards", kNotBuilt},
      {"canary", kText, "P%", "on this share of the flows first", kNotBuilt},
      {"again", kText, "TEXT", "apply what was rolled back", kNotBuilt},
  };
}

std::vector<FlagSpec> PlanFlags() {
  return {
      {"base", kText, "FILE", "compare with this file, not with what runs"},
      {"new-flows", kText, "SERVICE=N,...", "new flows a second, for what depends on them"},
      {"probe", kSwitch, "", "ask the network and the backends first", kNotBuilt},
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
       "apply FILE --reason=TEXT [--base=REV] --confirm=now",
       "Make a configuration file the running revision.",
       RunApply,
       {{"FILE"}},
       ApplyFlags()},
      {"status", "status", "Say what runs: revision, generation, planes, alarms.", RunStatus},
      {"services", "services", "List the services with their tables and counters.", RunServices},
      {"backends", "backends", "List each backend's expected and observed share.", RunBackends},
      {"top",
       "top [--interval=D] [--count=N]",
       "Watch shares and rates, live.",
       RunTop,
       {},
       TopFlags()},
      {"explain",
       "explain --from=A:P --to=A:P --proto=tcp|udp",
       "Say where a packet goes and why, by the tables in use.",
       RunExplain,
       {},
       ExplainFlags()},
      {"drops", "drops", "Count what became of the packets, and why some were dropped.", RunDrops},
      {"detach", "detach", "Remove the XDP programs, maps and links.", RunDetach},
      {"version", "version", "Name this build; needs no daemon.", RunVersion},

      // Verbs of the interface that this version lacks.
      {"confirm", "confirm", "End a trial: keep it."},
      {"rollback", "rollback [--to=REV]", "End a trial, or go back to an earlier revision."},
      {"history", "history", "List the revisions."},
      {"show", "show REV", "Print a revision's file."},
      {"diff", "diff REV REV", "Compare two revisions."},
      {"audit", "audit", "Compare what is intended with what runs."},
      {"watch", "watch", "Follow events and alarms, live."},
      {"drain", "drain POOL/BACKEND --reason=TEXT", "Take new connections off a backend."},
      {"undrain", "undrain POOL/BACKEND --reason=TEXT", "Give a backend its share again."},
      {"capture", "capture", "Record packets with their verdicts."},
      {"doctor", "doctor", "Check the host and the network."},
  };
  return commands;
}

}  // namespace evenkeel::cli
