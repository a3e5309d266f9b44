// Validation, plan and guards of one change, in that order: everything that can be said about it
// before anything is touched. Pure, any thread.
//
//   absl::StatusOr<Judgement> judged = Judge({.content = text, .base = &running->config, ...});
//   if (!judged->config) Refuse("invalid", judged->plan.findings);
//   if (judged->plan.verdict == Verdict::kRefuse) Refuse("refused", judged->plan.findings);
#ifndef CONTROL_CHANGE_JUDGE_H_
#define CONTROL_CHANGE_JUDGE_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/plan/plan.h"
#include "control/store/revision.h"

namespace evenkeel {

// A drain that begins or ends leaves the file alone, so what the file has become guilty of by the
// passing of time (an override, another drain that has ended) is told and does not stand in its
// way.
enum class OldErrors { kRefuse, kTell };

struct JudgeInput {
  absl::string_view content;
  std::vector<BackendDrain> drains;  // beside the file
  std::vector<Allow> allow;          // overrides beside those of the file
  const Config* base = nullptr;      // what runs, its drains joined; null: nothing
  int64_t base_revision = 0;
  WeightHistory confirmed;
  std::map<std::string, double> new_flows;
  uint64_t flow_table_entries = 0;
  absl::Time now;
  OldErrors old_errors = OldErrors::kRefuse;
  PoolTables* tables = nullptr;  // kept from one to the next; null: all are filled anew
};

struct Judgement {
  std::optional<Config> config;  // effective; not set: it has errors, which are in plan.findings
  std::vector<BackendDrain> drains;  // those whose backend it still has
  Plan plan;                         // where `config` is not set: a refusal with findings alone
};

// Errors: a table that cannot be filled.
absl::StatusOr<Judgement> Judge(JudgeInput input);

// What was found beside the plan, past every override: an error refuses it.
void AddFindings(std::vector<Finding> found, Plan& plan);

}  // namespace evenkeel

#endif  // CONTROL_CHANGE_JUDGE_H_
