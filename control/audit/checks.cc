#include "control/audit/checks.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "control/change/refusals.h"
#include "control/config/parse.h"
#include "control/plan/facts.h"

namespace evenkeel {
namespace {

constexpr char kBehindTheBack[] =
    "somebody has changed it behind evenkeeld's back: find out who; nothing is published by "
    "itself. evenkeel show REVISION > FILE and evenkeel apply FILE, with the revision that runs, "
    "writes it anew";

Finding Found(absl::string_view rule, Severity severity, std::string path, std::string message,
              absl::string_view hint) {
  return {.rule = std::string(rule),
          .severity = severity,
          .path = std::move(path),
          .message = std::move(message),
          .hint = std::string(hint)};
}

}  // namespace

std::vector<Finding> CheckChain(const absl::StatusOr<LogCheck>& log) {
  constexpr absl::string_view kHint =
      "somebody has edited control.db: compare it with a backup; the log goes on from here";
  std::vector<Finding> findings;
  if (!log.ok()) {
    findings.push_back(Found("audit", Severity::kError, "",
                             absl::StrCat("the audit log cannot be read: ", log.status().message()),
                             kHint));
    return findings;
  }
  for (const std::string& fault : log->faults) {
    findings.push_back(Found("audit", Severity::kError, "", fault, kHint));
  }
  return findings;
}

std::vector<Finding> CheckPlane(absl::string_view kind, const PlaneState& state,
                                const absl::StatusOr<PlaneAudit>& audit, uint64_t generation,
                                const ImageView& intended) {
  std::vector<Finding> findings;
  const auto add = [&](absl::string_view what, absl::string_view hint) {
    findings.push_back(
        Found("F55", Severity::kError, "", absl::StrCat("the ", kind, " plane ", what), hint));
  };
  if (!state.connected) {
    add(absl::StrCat("is not connected, so what it runs is not known",
                     state.fault.empty() ? "" : ": ", state.fault),
        "start it, or see its log");
    return findings;
  }
  if (absl::IsUnimplemented(audit.status())) return findings;
  if (!audit.ok()) {
    add(absl::StrCat("does not tell what it runs: ", audit.status().message()), "see its log");
    return findings;
  }
  if (audit->generation != generation) {
    add(absl::StrCat("runs generation ", audit->generation, ", not ", generation),
        "evenkeeld publishes what is confirmed to it when it connects: see the log");
  }
  const Digest stated = intended.StatedDigest();
  if (audit->generation == generation && audit->digest != stated) {
    add(absl::StrCat("does not balance as was confirmed: the digest of its tables is ",
                     HexDigest(audit->digest), ", not ", HexDigest(stated)),
        kBehindTheBack);
  }
  for (size_t worker = 0; worker < audit->workers.size(); ++worker) {
    if (audit->workers[worker] == audit->generation) continue;
    add(absl::StrCat("has a worker (", worker, ") that uses generation ", audit->workers[worker],
                     ", not ", audit->generation),
        "the worker hangs: see the log of evenkeel-dataplane");
  }
  for (const std::string& fault : audit->faults) {
    add(absl::StrCat("has other content than its image states: ", fault), kBehindTheBack);
  }
  return findings;
}

bool IsOtherContent(const Finding& finding) { return finding.hint == kBehindTheBack; }

std::vector<Finding> CheckFile(const Revision& record, absl::string_view content) {
  constexpr absl::string_view kHint =
      "a change that was refused or went back leaves its file: mend the file, or apply it";
  if (record.file.empty()) return {};
  const absl::StatusOr<std::string> file = ReadConfigFile(record.file);
  if (!file.ok()) {
    return {Found("F54", Severity::kWarning, "",
                  absl::StrCat("the file of revision ", record.revision,
                               " cannot be compared: ", file.status().message()),
                  "evenkeel show prints what runs")};
  }
  if (*file == content) return {};
  // What differs in comments and spelling alone is the same configuration.
  const ParseResult there = ParseConfig(*file), here = ParseConfig(content);
  if (there.config && here.config && ContentDigest(*there.config) == ContentDigest(*here.config)) {
    return {};
  }
  return {Found("F54", Severity::kWarning, "",
                absl::StrCat(record.file, " is not what runs as revision ", record.revision),
                kHint)};
}

std::vector<Finding> CheckEnds(const Config& effective, const Revision& record, absl::Time now) {
  std::vector<Finding> findings;
  for (const Pool& pool : effective.pools) {
    for (const Backend& backend : pool.backends) {
      if (!backend.drain || backend.drain->until > now) continue;
      findings.push_back(
          Found("F63", Severity::kError, absl::StrCat(PathOf(pool, backend), ".drain"),
                absl::StrCat("the drain of ", pool.name, "/", backend.name, " was to end at ",
                             TimeText(backend.drain->until), " (", backend.drain->reason, ")"),
                "undrain it, or give the drain another end: no change is applied before"));
    }
  }
  const auto check = [&](const Allow& allow, std::string path) {
    if (allow.until > now) return;
    findings.push_back(
        Found("F63", Severity::kError, std::move(path),
              absl::StrCat("the override of ", allow.rule, " at ", allow.at, " ended at ",
                           TimeText(allow.until), " (", allow.reason, ")"),
              "mend what it allowed, or allow it anew with the next apply"));
  };
  for (size_t i = 0; i < effective.safety.allow.size(); ++i) {
    check(effective.safety.allow[i], absl::StrCat("safety.allow[", i, "]"));
  }
  for (const Allow& allow : record.allow) check(allow, "");
  return findings;
}

}  // namespace evenkeel
