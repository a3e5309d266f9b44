// What a person says about a trial: confirm, rollback; and rollback to an earlier revision.
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/change/refusals.h"
#include "control/pipeline.h"

namespace evenkeel {

Refusal Pipeline::NothingOnTrial() const {
  const std::lock_guard lock(view_mutex_);
  std::string message = "nothing is on trial";
  if (last_end_ && last_end_->state == ChangeState::kRolledBack) {
    absl::StrAppend(&message, ": revision ", last_end_->revision,
                    " was rolled back: ", last_end_->reason);
  }
  return {"refused", std::move(message), "evenkeel history shows what ran"};
}

// What was seen of one trial says nothing of another.
std::optional<Refusal> Pipeline::CheckJudged(std::optional<int64_t> judged) const {
  if (!judged || *judged == active_->revision.revision) return std::nullopt;
  return Refusal{"refused",
                 absl::StrCat("revision ", *judged, " was judged, and revision ",
                              active_->revision.revision, " is on trial by now"),
                 "the one that is on trial is left alone"};
}

Refusal Pipeline::HeldBy(const Change& change) const {
  const Revision& revision = change.revision;
  if (revision.state == RevisionState::kPending) {
    return {"unavailable",
            absl::StrCat(DescribeRevision(revision),
                         " had been begun when evenkeeld was stopped, and a plane that would say "
                         "what became of it is not connected"),
            "start it (evenkeel-dataplane); nothing was changed"};
  }
  if (revision.state == RevisionState::kConfirming) {
    return {"refused",
            absl::StrCat(DescribeRevision(revision),
                         " is being confirmed, and a plane has not answered yet"),
            "evenkeel status shows when it has"};
  }
  return {"refused",
          absl::StrCat(DescribeRevision(revision), " is on trial until ",
                       TimeText(revision.trial->deadline)),
          "one change at a time: evenkeel confirm, evenkeel rollback, or wait"};
}

ApplyOutcome Pipeline::Confirm(const Who& who, std::optional<int64_t> judged) {
  const std::lock_guard lock(change_mutex_);
  SettleActive();
  if (!active_ || !active_->is_trial() || active_->revision.state == RevisionState::kPending) {
    return Refused(who, "confirm", NothingOnTrial());
  }
  if (std::optional<Refusal> refusal = CheckJudged(judged)) {
    return Refused(who, "confirm", *std::move(refusal));
  }
  const int64_t number = active_->revision.revision;
  if (const CanaryStage* stage = active_->running->canary.get()) {
    return Refused(who, "confirm",
                   {"refused",
                    absl::StrCat("revision ", number, " runs on ", stage->percent,
                                 "% of the slots, which says nothing of the others yet"),
                    "it widens by itself: evenkeel status shows what it waits for; or roll it back "
                    "and apply it without --canary"});
  }
  if (active_->revision.state == RevisionState::kTrial) {
    const absl::Status stored = Noted(store_->StartConfirm(
        number, Entry(who, "confirming", number, absl::StrCat(who.name, " confirms it"))));
    if (!stored.ok()) return Refused(who, "confirm", RefusalOf(stored));
    active_->revision.state = RevisionState::kConfirming;
    ShowTrial();
    Step("confirming");
  }
  SettleActive();
  if (active_) {
    return Refused(who, "confirm",
                   {"unavailable",
                    absl::StrCat("it is not known yet whether revision ", number, " is confirmed: ",
                                 last_fault_.empty() ? "a plane is not connected" : last_fault_),
                    "the plane decides; evenkeel status shows what it did once it has answered"});
  }
  const std::optional<ApplyOutcome> end = [this] {
    const std::lock_guard view(view_mutex_);
    return last_end_;
  }();
  if (end->state == ChangeState::kConfirmed) {
    Step("replied");
    return *end;
  }
  ReconcileAll();
  ApplyOutcome outcome =
      Refused(who, "confirm",
              {"refused", absl::StrCat("revision ", number, " was rolled back: ", end->reason),
               "look at evenkeel history, then apply it again"});
  outcome.revision = number;
  outcome.state = ChangeState::kRolledBack;
  return outcome;
}

ApplyOutcome Pipeline::Rollback(const RollbackCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  SettleActive();
  return call.to ? RollbackTo(call, who) : RollbackTrial(call, who);
}

ApplyOutcome Pipeline::RollbackTrial(const RollbackCall& call, const Who& who) {
  if (!active_ || !active_->is_trial() || active_->revision.state == RevisionState::kPending) {
    Refusal refusal = NothingOnTrial();
    refusal.hint = "--to REV goes back to an earlier revision; evenkeel history lists them";
    return Refused(who, "rollback", std::move(refusal));
  }
  if (std::optional<Refusal> refusal = CheckJudged(call.judged)) {
    return Refused(who, "rollback", *std::move(refusal));
  }
  if (active_->revision.state == RevisionState::kConfirming) {
    return Refused(who, "rollback", HeldBy(*active_));
  }
  // The way back lies in the planes and is right whenever they take it, so they take it at once.
  // But its windows are made for the deadline: those for now follow when the operator has his
  // answer.
  const CompiledPtr on_trial = active_->running->compiled;
  Return(absl::StrCat(who.name, " rolled it back",
                      call.reason.empty() ? "" : absl::StrCat(": ", call.reason)),
         who);
  if (const RunningPtr back = Running(); back != nullptr && on_trial != nullptr) {
    returned_ = {on_trial->image, back->generation};
  }
  ReconcileAll();
  PlanesChanged();
  Step("replied");
  const std::lock_guard view(view_mutex_);
  return *last_end_;
}

ApplyOutcome Pipeline::RollbackTo(const RollbackCall& call, const Who& who) {
  const std::string what = absl::StrCat("rollback to revision ", *call.to);
  if (std::optional<Refusal> refusal = CheckIdle()) return Refused(who, what, *refusal);
  absl::StatusOr<std::optional<Revision>> found = store_->Find(*call.to);
  if (!found.ok()) return Refused(who, what, RefusalOf(found.status()));
  if (!found->has_value()) {
    return Refused(who, what,
                   {"not_found", absl::StrCat("there is no revision ", *call.to),
                    "evenkeel history lists them"});
  }
  const Revision& target = **found;
  if (target.state != RevisionState::kConfirmed) {
    return Refused(who, what,
                   {"refused",
                    absl::StrCat("revision ", *call.to, " was never confirmed (it is ",
                                 Name(target.state), ": ", target.outcome, ")"),
                    "go back to one that was, or apply the file"});
  }
  if (std::optional<ApplyOutcome> unchanged =
          ApplyUnchanged({.content = target.content, .file = target.file}, target.digest)) {
    return unchanged->refusal ? Refused(who, what, *unchanged->refusal) : *unchanged;
  }
  if (std::optional<Refusal> refusal = CheckAgain(target.digest)) {
    return Refused(who, what, *refusal);
  }
  const RunningPtr base = Running();
  return Carry(
      {.verb = "rollback",
       .content = target.content,
       .file = target.file,
       .reason = call.reason.empty() ? absl::StrCat("back to revision ", *call.to) : call.reason,
       .who = who,
       .drains = base == nullptr ? std::vector<BackendDrain>() : base->record.drains});
}

}  // namespace evenkeel
