// A trial that has a slice of the slots first, and how it widens.
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/canary/slice.h"
#include "control/pipeline.h"

namespace evenkeel {

std::optional<Refusal> Pipeline::CheckCanary(const Config& candidate) const {
  const RunningPtr base = Running();
  const std::optional<std::string> why =
      base == nullptr ? "nothing runs yet that the slice could be compared with"
                      : WhyNoCanary(base->config, candidate);
  if (!why) return std::nullopt;
  return Refusal{"refused",
                 absl::StrCat("this change cannot be tried on a slice of the slots: ", *why),
                 "a canary moves slots between backends (added, removed, drained, weighed "
                 "otherwise); apply the rest by itself, or leave --canary out"};
}

// `running` has the candidate's whole configuration.
void Pipeline::SetStage(const Config& before, int percent, RunningRevision& running) {
  running.canary = nullptr;
  if (percent >= 100) return;
  running.canary = std::make_shared<const CanaryStage>(
      CanaryStage{.percent = percent, .before = before, .after = std::move(running.config)});
  running.config = StageConfig(*running.canary);
}

std::optional<CanaryView> Pipeline::CanaryOf(const Change& change) {
  if (!change.revision.canary) return std::nullopt;
  const CanaryStage* stage = change.running->canary.get();
  return CanaryView{.percent = stage == nullptr ? 100 : stage->percent,
                    .stages = CanaryStages(change.revision.canary->first),
                    .waits_for = {}};
}

// `change` with so much of the slots; its images are still those that it had.
absl::StatusOr<Pipeline::Change> Pipeline::AtStage(const Change& change, int percent) const {
  const CanaryStage& stage = *change.running->canary;
  Change next = change;
  next.revision.canary->percent = percent;
  next.running = std::make_shared<RunningRevision>(*change.running);
  next.running->config = stage.after;
  SetStage(stage.before, percent, *next.running);
  // Backends that the candidate does not have leave with the last stage.
  absl::StatusOr<LeaseTable> leases =
      LeaseAll(next.running->config, change.leases, options_.clock->Now());
  if (!leases.ok()) return leases.status();
  next.leases = *std::move(leases);
  leases = LeaseAll(stage.before, next.leases, next.revision.when);
  if (!leases.ok()) return leases.status();
  next.leases_back = *std::move(leases);
  return next;
}

absl::Status Pipeline::Widen(const WidenCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  SettleActive();
  const bool is_meant = active_ && active_->revision.revision == call.revision &&
                        active_->revision.state == RevisionState::kTrial;
  const std::shared_ptr<const CanaryStage> stage = is_meant ? active_->running->canary : nullptr;
  if (stage == nullptr || stage->percent != call.percent) {
    return absl::FailedPreconditionError(absl::StrCat(
        "revision ", call.revision, " is not on trial with ", call.percent, "% any more"));
  }
  absl::StatusOr<Change> next = AtStage(*active_, NextCanaryPercent(stage->percent));
  if (!next.ok()) return next.status();
  const int percent = next->revision.canary->percent;
  if (absl::Status s = RecordStage(call, *next, who); !s.ok()) return s;

  FollowConfigs(&stage->before, &next->running->config);
  const uint64_t deadline_ns = next->revision.trial->deadline_ns;
  if (absl::Status s = RenewTrial(*std::move(next), deadline_ns); !s.ok()) {
    FollowRunning();
    return s;
  }
  LogInfo("canary", "revision ", call.revision, " has ", percent,
          "% of the slots now, as generation ", active_->revision.generation, ": ", call.evidence);
  Step("widened");
  return absl::OkStatus();
}

// Before a plane is told: whoever is started again goes on with what the store says. Once, also
// where the planes do not take it at once.
absl::Status Pipeline::RecordStage(const WidenCall& call, const Change& next, const Who& who) {
  const int percent = next.revision.canary->percent;
  if (active_->revision.canary->percent == percent) return absl::OkStatus();
  const absl::Status recorded = Noted(store_->Widen(
      call.revision, percent, next.leases.all(),
      Entry(who, "widened", call.revision,
            absl::StrCat("from ", call.percent, "% to ", percent, "%: ", call.evidence))));
  if (!recorded.ok()) return recorded;
  active_->revision.canary->percent = percent;
  Step("widening");
  return absl::OkStatus();
}

void Pipeline::TellCanary(int64_t revision, std::string waits_for) {
  const std::lock_guard lock(view_mutex_);
  if (!trial_view_ || trial_view_->revision != revision || !trial_view_->canary) return;
  trial_view_->canary->waits_for = std::move(waits_for);
}

}  // namespace evenkeel
