#include "control/rollback/trial_judge.h"

#include <algorithm>
#include <map>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

// Rounds are a second apart: neither lost packets nor a server's restart are evidence.
constexpr int kRoundsInARow = 4;

constexpr uint64_t kDropsMin = 30;
constexpr double kDropsShare = 0.01;  // of all packets

std::optional<std::string> JudgePaths(const std::vector<PathEvidence>& paths) {
  for (const PathEvidence& path : paths) {
    if (path.failed < kRoundsInARow) continue;
    return absl::StrCat(path.backend, ", which this change gives ", path.service,
                        " to, does not answer there (", path.error, "), while ", path.contrast,
                        ", which it leaves alone, does");
  }
  return std::nullopt;
}

// Of one pool: what was changed fails, and what was not, or the settings before, pass.
std::optional<std::string> JudgePool(const std::string& pool,
                                     const std::vector<const CheckEvidence*>& checks) {
  size_t newly_failing = 0;
  const CheckEvidence* failing = nullptr;
  const CheckEvidence* passing = nullptr;
  for (const CheckEvidence* check : checks) {
    if (!check->is_changed && !check->fails) passing = check;
    if (!check->is_changed || !check->fails) continue;
    failing = check;
    if (!check->fails_before) ++newly_failing;
  }
  if (failing == nullptr) return std::nullopt;
  if (passing != nullptr) {
    return absl::StrCat(pool, "/", failing->backend, ", which this change adds, fails its check (",
                        failing->error, "), while ", pool, "/", passing->backend, " passes it");
  }
  if (2 * newly_failing < checks.size()) return std::nullopt;
  return absl::StrCat(newly_failing, " of ", checks.size(), " backends of ", pool,
                      " fail the check as this change sets it (", failing->error,
                      ") and pass it as it was");
}

std::optional<std::string> JudgeChecks(const std::vector<CheckEvidence>& checks) {
  std::map<std::string, std::vector<const CheckEvidence*>> pools;
  for (const CheckEvidence& check : checks) pools[check.pool].push_back(&check);
  for (const auto& [pool, of_pool] : pools) {
    if (auto reason = JudgePool(pool, of_pool)) return reason;
  }
  return std::nullopt;
}

std::optional<std::string> JudgeDrops(const std::vector<DropEvidence>& drops) {
  for (const DropEvidence& drop : drops) {
    if (drop.before > 0 || drop.lately < kDropsMin) continue;
    if (static_cast<double>(drop.lately) < kDropsShare * static_cast<double>(drop.received))
      continue;
    return absl::StrCat(drop.lately, " of ", drop.received,
                        " packets of the last 3 s were dropped (", drop.reason,
                        "), none in the 10 s before this change");
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::string> ReasonToReturn(const TrialEvidence& evidence) {
  if (!evidence.table_fault.empty()) {
    return absl::StrCat("traffic does not follow the tables: ", evidence.table_fault);
  }
  if (auto reason = JudgePaths(evidence.paths)) return reason;
  if (auto reason = JudgeChecks(evidence.checks)) return reason;
  return JudgeDrops(evidence.drops);
}

}  // namespace evenkeel
