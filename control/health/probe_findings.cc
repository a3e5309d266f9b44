#include "control/health/probe_findings.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

struct Kind {
  absl::string_view rule;
  absl::string_view what;
  absl::string_view hint;
};

Kind KindOf(ProbeFinding finding) {
  switch (finding) {
    case ProbeFinding::kPasses:
      break;
    case ProbeFinding::kWrongAnswer:
      return {"F14", "is there, but the check fails",
              "correct the port, path or status of the check, or start the service"};
    case ProbeFinding::kNoVip:
      return {"F41", "unwraps the tunnel, but the VIP gives no answer",
              "put the VIP on its loopback"};
    case ProbeFinding::kNoTunnel:
      return {"F40", "answers at its own address, but not through the tunnel",
              "set up the decapsulation there, and the VIP on its loopback"};
    case ProbeFinding::kSilent:
      return {"F17", "gives no answer at all", "is it up, and is there a route to it?"};
    case ProbeFinding::kNotChecked:
      return {"F14", "could not be checked from this node", ""};
  }
  return {};
}

// Where the file says what is asked.
std::string CheckPath(const Pool& pool) {
  static constexpr absl::string_view kKeys[] = {".tcp.port", ".http.port", ".https.port",
                                                ".udp.port", ".icmp"};
  return absl::StrCat(PathOf(pool), ".health", kKeys[static_cast<size_t>(pool.health->kind)]);
}

Finding At(const Config& config, Severity severity, std::string path, const Kind& kind,
           std::string message) {
  const Location at = config.locations.Find(path);
  return {.rule = std::string(kind.rule),
          .severity = severity,
          .path = std::move(path),
          .line = at.line,
          .column = at.column,
          .message = std::move(message),
          .hint = std::string(kind.hint)};
}

// The whole pool fails: what most of it fails by.
Finding OfPool(const Config& config, const Pool& pool, const std::vector<ProbeReport>& reports) {
  std::map<ProbeFinding, size_t> counts;
  for (const ProbeReport& report : reports) ++counts[report.finding];
  const ProbeFinding finding =
      std::max_element(counts.begin(), counts.end(), [](const auto& a, const auto& b) {
        return a.second < b.second;
      })->first;
  const auto example =
      std::find_if(reports.begin(), reports.end(),
                   [finding](const ProbeReport& report) { return report.finding == finding; });
  const Kind kind = KindOf(finding);
  const bool undecided = finding == ProbeFinding::kNotChecked;
  return At(config, undecided ? Severity::kWarning : Severity::kError, CheckPath(pool), kind,
            absl::StrCat("no backend of the pool passes its check now: ", example->target.backend,
                         " ", kind.what, " (", example->error, ")"));
}

}  // namespace

std::vector<Finding> ProbeFindings(const Config& config, const std::vector<ProbeReport>& reports) {
  std::vector<Finding> findings;
  size_t next = 0;
  for (const Pool& pool : config.pools) {
    if (!pool.health || pool.backends.empty()) continue;
    const std::vector<ProbeReport> of_pool(
        reports.begin() + static_cast<long>(next),
        reports.begin() + static_cast<long>(next) + static_cast<long>(pool.backends.size()));
    next += pool.backends.size();
    const bool any_passes = std::any_of(of_pool.begin(), of_pool.end(), [](const auto& report) {
      return report.finding == ProbeFinding::kPasses;
    });
    if (!any_passes) {
      findings.push_back(OfPool(config, pool, of_pool));
      continue;
    }
    for (size_t i = 0; i < of_pool.size(); ++i) {
      if (of_pool[i].finding == ProbeFinding::kPasses) continue;
      const Kind kind = KindOf(of_pool[i].finding);
      findings.push_back(
          At(config, Severity::kWarning, PathOf(pool, pool.backends[i]), kind,
             absl::StrCat(pool.backends[i].name, " ", kind.what, " (", of_pool[i].error, ")")));
    }
  }
  return findings;
}

}  // namespace evenkeel
