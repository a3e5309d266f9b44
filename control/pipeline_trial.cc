// The end of a change: confirmed or gone back, by a person, by the deadline or after a restart.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/app/log.h"
#include "control/change/healthy_states.h"
#include "control/change/refusals.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

// Of the deadline: a plane goes back by itself, and is asked just after.
constexpr uint64_t kGraceNs = 100'000'000;

PlaneView ViewOf(TrialPhase phase) {
  switch (phase) {
    case TrialPhase::kArmed:
      return PlaneView::kArmed;
    case TrialPhase::kConfirmed:
      return PlaneView::kKept;
    case TrialPhase::kReturned:
      return PlaneView::kReturned;
  }
  return PlaneView::kUnknown;
}

}  // namespace

PlaneView Pipeline::ViewOf(PlaneSink* sink, const Change& change) const {
  if (const auto answer = change.answers.find(sink); answer != change.answers.end()) {
    return answer->second;
  }
  const PlaneState state = sink->State();
  if (!state.connected) return PlaneView::kUnknown;
  const Revision& revision = change.revision;
  if (state.trial && state.trial->id == static_cast<uint64_t>(revision.revision)) {
    return evenkeel::ViewOf(state.trial->phase);
  }
  // Under whatever generation: what is on trial may have been published again since.
  return state.revision == revision.revision ? PlaneView::kKept : PlaneView::kWithout;
}

TrialFacts Pipeline::FactsOf(const Change& change) const {
  TrialFacts facts{.state = change.revision.state, .is_trial = change.is_trial()};
  if (const std::optional<TrialTerms>& terms = change.revision.trial) {
    facts.expired = terms->boot_id != options_.clock->BootId() ||
                    options_.clock->BootNs() >= terms->deadline_ns + kGraceNs;
  }
  for (PlaneSink* sink : sinks_) facts.planes.push_back(ViewOf(sink, change));
  return facts;
}

// As far as planes, time and what people have said allow. False: to be tried again soon.
bool Pipeline::SettleActive() {
  if (!RecordEnding() || !LoadActive()) return false;
  while (active_) {
    const TrialDecision decision = NextStep(FactsOf(*active_));
    if (decision.step == TrialStep::kWait) return true;
    if (!TakeStep(decision)) return false;
  }
  return unrecorded_ == std::nullopt;
}

// One that was begun and whose end this process has not seen.
bool Pipeline::LoadActive() {
  if (active_) return true;
  absl::StatusOr<std::optional<Revision>> stored = store_->Active();
  if (!stored.ok()) return !Faulty("store", stored.status().message());
  if (!stored->has_value()) return true;
  absl::StatusOr<Change> change = RebuildChange(**stored);
  if (!change.ok()) return !Faulty("store", change.status().message());
  active_ = *std::move(change);
  ShowTrial();
  return true;
}

bool Pipeline::TakeStep(const TrialDecision& decision) {
  switch (decision.step) {
    case TrialStep::kWait:
      return true;
    case TrialStep::kStartTrial:
      return StartTrial();
    case TrialStep::kStartConfirm: {
      const int64_t number = active_->revision.revision;
      const absl::Status stored = Noted(store_->StartConfirm(
          number, Entry(TheDaemon(), "confirming", number, "every plane keeps it already")));
      if (!stored.ok()) return !Faulty("store", stored.message());
      active_->revision.state = RevisionState::kConfirming;
      return true;
    }
    case TrialStep::kAskPlanes:
      return AskPlanes();
    case TrialStep::kConfirm:
      return RecordConfirmed();
    case TrialStep::kReturn:
      Return(decision.reason, TheDaemon());
      return true;
    case TrialStep::kAbandon: {
      const int64_t number = active_->revision.revision;
      // No plane has had it: everything stays as it was before.
      active_->leases_back = leases_;
      active_->back = Running();
      LogInfo("pipeline", "revision ", number, " never ran: ", decision.reason);
      EndActive({.revision = number,
                 .state = RevisionState::kFailed,
                 .outcome = decision.reason,
                 .base = {},
                 .entry = Entry(TheDaemon(), "failed", number, decision.reason)});
      return true;
    }
  }
  return true;
}

bool Pipeline::StartTrial() {
  const int64_t number = active_->revision.revision;
  const absl::Status started = Noted(store_->StartTrial(
      number, Entry(active_->revision.who, "trial", number,
                    "every plane runs it on trial; evenkeeld was started again meanwhile")));
  if (!started.ok()) return !Faulty("store", started.message());
  active_->revision.state = RevisionState::kTrial;
  ShowTrial();
  Step("trial");
  return true;
}

// What a plane answers latches there, and so it does here.
bool Pipeline::AskPlanes() {
  const uint64_t id = static_cast<uint64_t>(active_->revision.revision);
  for (PlaneSink* sink : sinks_) {
    if (ViewOf(sink, *active_) != PlaneView::kArmed) continue;
    const absl::Status kept = sink->ConfirmTrial(id, options_.publish_timeout);
    if (kept.ok()) {
      active_->answers[sink] = PlaneView::kKept;
      Step("plane confirmed");
    } else if (absl::IsFailedPrecondition(kept)) {
      active_->answers[sink] = PlaneView::kReturned;
      Step("plane refused");
      return true;
    } else {
      return !Faulty("confirm",
                     absl::StrCat("the ", sink->kind(),
                                  " plane does not answer to the confirmation of revision ", id,
                                  ", trying again: ", kept.message()));
    }
  }
  return true;
}

bool Pipeline::RecordConfirmed() {
  const Revision& revision = active_->revision;
  absl::StatusOr<std::string> key_hash =
      active_->key_hash ? absl::StatusOr<std::string>(*active_->key_hash) : store_->KeyHash();
  if (!key_hash.ok()) return !Faulty("store", key_hash.status().message());
  const absl::Status confirmed = Noted(store_->Confirm(
      revision.revision,
      {.key_hash = *key_hash,
       .replaced_weights = active_->back == nullptr ? "" : HealthyText(active_->back->config)},
      Entry(TheDaemon(), "confirmed", revision.revision, "every plane keeps it")));
  if (!confirmed.ok()) {
    return !Faulty("store", absl::StrCat("revision ", revision.revision,
                                         " runs for good, and that cannot be recorded yet: ",
                                         confirmed.message()));
  }
  Step("confirmed");
  LogInfo("change", "revision ", revision.revision, " is confirmed");
  leases_ = active_->leases;
  // Also one that this process found: as its former process published it.
  Install(active_->running);
  FollowConfigs(&active_->running->config, nullptr);
  ApplyOutcome end{.revision = revision.revision, .generation = revision.generation};
  active_.reset();
  {
    const std::lock_guard lock(view_mutex_);
    last_end_ = std::move(end);
  }
  ShowTrial();
  return true;
}

// Every plane that can be asked is back when this ends; one that cannot goes back by itself.
void Pipeline::Return(std::string reason, const Who& who) {
  const Change& change = *active_;
  const uint64_t id = static_cast<uint64_t>(change.revision.revision);
  // What a plane has just connected with and control did not know of: its way back is another, too.
  std::shared_ptr<const ImageView> unheard;
  for (PlaneSink* sink : sinks_) {
    if (ViewOf(sink, change) != PlaneView::kArmed) continue;
    const PlaneState state = sink->State();
    if (!knows_planes_ || state.generation != change.revision.generation) unheard = state.image;
    const absl::Status back = sink->ReturnFromTrial(id, options_.publish_timeout);
    if (back.ok()) {
      Step("plane returned");
    } else {
      LogError("rollback", "the ", sink->kind(), " plane was told to go back from revision ", id,
               " and: ", back.message(), "; it does so by itself at ",
               TimeText(change.revision.trial->deadline), ", or when it connects again");
    }
  }
  const int64_t number = change.revision.revision;
  const bool was_told = change.revision.state != RevisionState::kPending;
  LogWarning("rollback", "revision ", number, " is rolled back: ", reason,
             change.back == nullptr
                 ? std::string("; nothing runs")
                 : absl::StrCat("; revision ", change.back->revision, " runs as generation ",
                                change.back->generation));
  ReturnedBase base;
  if (change.back != nullptr) {
    base = {.revision = change.back->revision,
            .generation = change.back->generation,
            .leases = change.leases_back.all()};
  }
  EndActive({.revision = number,
             .state = was_told ? RevisionState::kRolledBack : RevisionState::kFailed,
             .outcome = reason,
             .base = std::move(base),
             .entry = Entry(who, was_told ? "rolled back" : "failed", number, reason)});
  if (Running() != nullptr) ComeAfter(unheard);
}

// The base runs again, and `ending` gets recorded now or as soon as the store can be written.
void Pipeline::EndActive(Ending ending) {
  ApplyOutcome end{.revision = ending.revision,
                   .state = ChangeState::kRolledBack,
                   .generation = active_->back == nullptr ? 0 : active_->back->generation,
                   .reason = ending.outcome};
  leases_ = active_->leases_back;
  Install(active_->back);
  active_.reset();
  FollowRunning();
  {
    const std::lock_guard lock(view_mutex_);
    last_end_ = std::move(end);
  }
  ShowTrial();
  unrecorded_ = std::move(ending);
  RecordEnding();
  Step("ended");
}

bool Pipeline::RecordEnding() {
  if (!unrecorded_) return true;
  const int64_t number = unrecorded_->revision;
  absl::Status recorded = Record(*unrecorded_);
  if (absl::IsFailedPrecondition(recorded)) {
    LogError("store", "how revision ", number,
             " ended is recorded otherwise: ", recorded.message());
    recorded = absl::OkStatus();
  }
  if (recorded.ok()) unrecorded_.reset();
  if (Noted(recorded).ok()) return true;
  return !Faulty("store", absl::StrCat("how revision ", number,
                                       " ended cannot be recorded yet: ", recorded.message()));
}

absl::Status Pipeline::Record(const Ending& ending) {
  if (ending.state == RevisionState::kFailed) {
    return store_->Abandon(ending.revision, ending.outcome, ending.entry);
  }
  return store_->RollBack(ending.revision, ending.outcome, ending.base, ending.entry);
}

// What readers see of the trial.
void Pipeline::ShowTrial() {
  std::optional<TrialView> view;
  uint64_t deadline_ns = 0;
  if (active_ && active_->is_trial() && active_->revision.state != RevisionState::kPending) {
    const Revision& revision = active_->revision;
    view = TrialView{.revision = revision.revision,
                     .base_revision = revision.base_revision,
                     .who = revision.who,
                     .reason = revision.reason,
                     .since = revision.when,
                     .deadline = revision.trial->deadline,
                     .left = {},
                     .generation = revision.generation,
                     .return_generation = revision.trial->return_generation,
                     .confirming = revision.state == RevisionState::kConfirming,
                     .canary = CanaryOf(*active_)};
    deadline_ns = revision.trial->deadline_ns;
    Install(active_->running);
  }
  const std::lock_guard lock(view_mutex_);
  trial_view_ = std::move(view);
  trial_deadline_ns_ = deadline_ns;
  ended_.notify_all();
}

std::optional<TrialView> Pipeline::Trial() const {
  const std::lock_guard lock(view_mutex_);
  std::optional<TrialView> view = trial_view_;
  if (!view) return view;
  const uint64_t now = options_.clock->BootNs();
  view->left = absl::Nanoseconds(trial_deadline_ns_ > now ? trial_deadline_ns_ - now : 0);
  return view;
}

ApplyOutcome Pipeline::OutcomeOf(const Change& change) const {
  return {.revision = change.revision.revision,
          .state = ChangeState::kTrial,
          .generation = change.revision.generation,
          .confirm_deadline = change.revision.trial->deadline,
          .canary = CanaryOf(change)};
}

absl::StatusOr<ApplyOutcome> Pipeline::AwaitTrialEnd(int64_t revision, absl::Time deadline) {
  {
    std::unique_lock lock(view_mutex_);
    while (trial_view_ && trial_view_->revision == revision) {
      const absl::Duration left = deadline - absl::Now();
      if (left <= absl::ZeroDuration()) {
        return ApplyOutcome{.revision = revision,
                            .state = ChangeState::kTrial,
                            .generation = trial_view_->generation,
                            .confirm_deadline = trial_view_->deadline,
                            .canary = trial_view_->canary};
      }
      ended_.wait_for(lock, absl::ToChronoMilliseconds(std::min(left, absl::Seconds(1))));
    }
    if (last_end_ && last_end_->revision == revision) return *last_end_;
  }
  absl::StatusOr<Revision> found = Show(revision);
  if (!found.ok()) return found.status();
  return ApplyOutcome{.revision = revision,
                      .state = found->state == RevisionState::kConfirmed ? ChangeState::kConfirmed
                                                                         : ChangeState::kRolledBack,
                      .generation = found->generation,
                      .reason = found->outcome};
}

}  // namespace evenkeel
