// What is only asked about changes, and who was turned away.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

// Somebody who asks again and again without permission must not fill the disk.
constexpr absl::Duration kRefusalPause = absl::Seconds(10);
constexpr size_t kRefusalsRemembered = 1000;

}  // namespace

absl::StatusOr<Plan> Pipeline::PlanChange(const PlanCall& call) {
  const RunningPtr base = Running();
  absl::StatusOr<Judgement> judged =
      JudgeProposal({.verb = "plan",
                     .content = call.content,
                     .file = call.file,
                     .drains = base == nullptr ? std::vector<BackendDrain>() : base->record.drains,
                     .allow = call.allow,
                     .new_flows = call.new_flows});
  if (!judged.ok()) return judged.status();
  Plan plan = std::move(judged->plan);
  if (call.probe_within && judged->config && options_.probe) {
    AddFindings(options_.probe(*judged->config, *call.probe_within), plan);
  }
  return plan;
}

absl::StatusOr<std::vector<Revision>> Pipeline::History() {
  absl::StatusOr<std::vector<Revision>> revisions = store_->History();
  if (!revisions.ok()) return revisions;
  // What the store could not be told yet is known here.
  const std::lock_guard lock(view_mutex_);
  for (Revision& revision : *revisions) {
    if (!last_end_ || revision.revision != last_end_->revision) continue;
    if (last_end_->state != ChangeState::kRolledBack || revision.ended) continue;
    revision.state = RevisionState::kRolledBack;
    revision.outcome = last_end_->reason;
  }
  return revisions;
}

absl::StatusOr<Revision> Pipeline::Show(int64_t revision) {
  absl::StatusOr<std::optional<Revision>> found = store_->Find(revision);
  if (!found.ok()) return found.status();
  if (!found->has_value()) {
    return absl::NotFoundError(absl::StrCat("there is no revision ", revision));
  }
  return **std::move(found);
}

void Pipeline::LogRefusal(absl::string_view verb, const Who& who, absl::string_view why) {
  {
    const std::lock_guard lock(view_mutex_);
    const absl::Time now = options_.clock->Now();
    std::erase_if(refusals_logged_,
                  [&](const auto& logged) { return now - logged.second >= kRefusalPause; });
    const auto key = std::make_pair(who.uid, std::string(verb));
    if (refusals_logged_.size() >= kRefusalsRemembered || refusals_logged_.contains(key)) return;
    refusals_logged_[key] = now;
  }
  LogWarning("api", "refused ", verb, " to ", who.name, " (uid ", who.uid, "): ", why);
  const absl::Status logged =
      store_->Log(Entry(who, "refused", 0, absl::StrCat(verb, ": permission: ", why)));
  if (!logged.ok()) LogError("store", "cannot log that: ", logged.message());
}

}  // namespace evenkeel
