// The pipeline's operator calls but apply, and what is asked about revisions.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/app/log.h"
#include "control/pipeline.h"
#include "control/validate/validate.h"

namespace evenkeel {
namespace {

ApplyOutcome NotBuilt(absl::string_view what) {
  return {.refusal = Refusal{"refused", absl::StrCat(what, " is not built yet"), ""}};
}

constexpr char kNothingOnTrial[] = "nothing is on trial";

}  // namespace

ApplyOutcome Pipeline::Confirm(const Who&) {
  return {.refusal = Refusal{"refused", kNothingOnTrial, "evenkeel history shows what ran"}};
}

ApplyOutcome Pipeline::Rollback(const RollbackCall& call, const Who&) {
  if (call.to) return NotBuilt("rollback --to");
  return {.refusal = Refusal{"refused", kNothingOnTrial,
                             "--to REV goes back to an earlier revision; evenkeel history"}};
}

ApplyOutcome Pipeline::Drain(const DrainCall&, const Who&) { return NotBuilt("drain"); }

ApplyOutcome Pipeline::Undrain(const DrainCall&, const Who&) { return NotBuilt("undrain"); }

absl::StatusOr<ApplyOutcome> Pipeline::AwaitTrialEnd(int64_t revision, absl::Time) {
  absl::StatusOr<Revision> found = Show(revision);
  if (!found.ok()) return found.status();
  return ApplyOutcome{.revision = revision, .generation = found->generation};
}

absl::StatusOr<Plan> Pipeline::PlanChange(const std::string& content, const std::string&,
                                          const std::vector<Allow>& allow) {
  const absl::Time now = absl::Now();
  CheckResult check = CheckConfig(content, {.now = now, .allow = allow});
  if (!check.config) {
    Plan refused;
    refused.verdict = Verdict::kRefuse;
    refused.findings = std::move(check.findings);
    return refused;
  }
  const RunningPtr running = Running();
  return MakePlan(running == nullptr ? nullptr : &running->config, *check.config,
                  {.now = now,
                   .base_revision = running == nullptr ? 0 : running->revision,
                   .validation = std::move(check.findings),
                   .allow = allow});
}

std::optional<TrialView> Pipeline::Trial() const { return std::nullopt; }

absl::StatusOr<std::vector<Revision>> Pipeline::History() {
  const std::lock_guard lock(change_mutex_);
  return store_->History();
}

absl::StatusOr<Revision> Pipeline::Show(int64_t revision) {
  const std::lock_guard lock(change_mutex_);
  absl::StatusOr<std::optional<Revision>> found = store_->Find(revision);
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no revision ", revision));
  }
  return **std::move(found);
}

AuditReport Pipeline::Audit() {
  return {.ok = false,
          .findings = {{.rule = "audit", .message = "the audit is not built yet", .hint = ""}}};
}

std::vector<ControlAlarm> Pipeline::Alarms() const { return {}; }

std::vector<DrainView> Pipeline::Drains() const {
  std::vector<DrainView> drains;
  const RunningPtr running = Running();
  if (running == nullptr) return drains;
  for (const Pool& pool : running->config.pools) {
    for (const Backend& backend : pool.backends) {
      if (!backend.drain) continue;
      DrainView& view = drains.emplace_back(DrainView{.pool = pool.name,
                                                      .backend = backend.name,
                                                      .reason = backend.drain->reason,
                                                      .until = {},
                                                      .by_file = true});
      if (backend.drain->until != absl::InfiniteFuture()) view.until = backend.drain->until;
    }
  }
  return drains;
}

void Pipeline::LogRefusal(absl::string_view verb, const Who& who, absl::string_view why) {
  LogWarning("api", "refused ", verb, " to ", who.name, " (uid ", who.uid, "): ", why);
}

}  // namespace evenkeel
