// One change, from the call to its publication.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/canary/slice.h"
#include "control/change/healthy_states.h"
#include "control/change/refusals.h"
#include "control/change/unfinished.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kConfirmWithinMin = absl::Seconds(30);
constexpr absl::Duration kConfirmWithinMax = absl::Hours(1);
constexpr absl::Duration kRolledBackRefused = absl::Hours(1);
constexpr absl::Duration kHistory = absl::Hours(24);

std::string DigestOf(const std::string& content) { return HexDigest(Sha256(content)); }

// For the audit log: all that decided about a change.
std::string StoryOf(const Revision& revision, absl::string_view again, bool force,
                    const std::vector<Finding>& findings) {
  std::string story = absl::StrCat(revision.verb, " ", revision.file, " (sha256 ", revision.digest,
                                   "), base ", revision.base_revision, ", plan ",
                                   revision.plan_digest, ", because: ", revision.reason);
  if (revision.trial) {
    absl::StrAppend(&story, "; on trial until ", TimeText(revision.trial->deadline));
  } else {
    absl::StrAppend(&story, "; with no trial");
  }
  if (revision.canary) absl::StrAppend(&story, "; on ", revision.canary->first, "% of the slots");
  for (const BackendDrain& drain : revision.drains) {
    absl::StrAppend(&story, "; drains ", drain.pool, "/", drain.backend, ": ", drain.reason);
  }
  for (const Allow& allow : revision.allow) {
    absl::StrAppend(&story, "; override of ", allow.rule, " at ", allow.at, " until ",
                    TimeText(allow.until), ": ", allow.reason);
  }
  if (!again.empty()) absl::StrAppend(&story, "; again after a rollback: ", again);
  if (force) absl::StrAppend(&story, "; forced past the guards");
  for (const Finding& finding : findings) {
    if (finding.severity == Severity::kNote) continue;
    absl::StrAppend(&story, "; ", SeverityName(finding.severity), " ", finding.rule, " ",
                    finding.path, ": ", finding.message);
  }
  return story;
}

}  // namespace

ApplyOutcome Pipeline::Refused(const Who& who, absl::string_view what, Refusal refusal,
                               std::vector<Finding> findings) {
  LogWarning("change", "refused ", what, " of ", who.name, ": ", refusal.message);
  if (refusal.code != "usage") {  // a call that says nothing is no event
    const absl::Status logged = Noted(store_->Log(
        Entry(who, "refused", 0, absl::StrCat(what, ": ", refusal.code, ": ", refusal.message))));
    if (!logged.ok()) LogError("store", "cannot log that: ", logged.message());
  }
  return {.refusal = std::move(refusal), .findings = std::move(findings)};
}

std::optional<Refusal> Pipeline::CheckCall(const ApplyCall& call) const {
  if (call.reason.empty()) {
    return Refusal{"usage", "a change needs a reason", "give --reason TEXT"};
  }
  if (!call.confirm.empty() && call.confirm != "now") {
    return Refusal{"usage", absl::StrCat("--confirm=", call.confirm, " is unknown"),
                   "leave it out for a trial, or --confirm=now"};
  }
  if (call.confirm_within && call.confirm == "now") {
    return Refusal{"usage", "--confirm-within is for a trial, and --confirm=now makes none",
                   "give one of the two"};
  }
  if (call.confirm_within &&
      (*call.confirm_within < kConfirmWithinMin || *call.confirm_within > kConfirmWithinMax)) {
    return Refusal{"usage",
                   absl::StrCat("--confirm-within=", absl::FormatDuration(*call.confirm_within),
                                " is not allowed"),
                   "from 30s to 1h"};
  }
  if (call.canary_percent && call.confirm == "now") {
    return Refusal{"usage", "--canary is for a trial, and --confirm=now makes none",
                   "give one of the two"};
  }
  if (call.canary_percent &&
      (*call.canary_percent < kCanaryPercentMin || *call.canary_percent > kCanaryPercentMax)) {
    return Refusal{"usage", absl::StrCat("--canary=", *call.canary_percent, "% is not allowed"),
                   absl::StrCat("from ", kCanaryPercentMin, "% to ", kCanaryPercentMax, "%")};
  }
  return std::nullopt;
}

ApplyOutcome Pipeline::Apply(const ApplyCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  return ApplyLocked(call, who);
}

ApplyOutcome Pipeline::ApplyLocked(const ApplyCall& call, const Who& who) {
  const std::string what = absl::StrCat("apply ", call.file);
  if (std::optional<Refusal> refusal = CheckCall(call)) return Refused(who, what, *refusal);
  const std::string digest = DigestOf(call.content);
  SettleActive();
  if (active_ && active_->revision.state == RevisionState::kTrial &&
      active_->running->content_digest == digest && call.confirm.empty()) {
    return OutcomeOf(*active_);
  }
  if (std::optional<Refusal> refusal = CheckIdle()) return Refused(who, what, *refusal);
  if (const RunningPtr base = Running();
      call.base_revision && *call.base_revision != (base == nullptr ? 0 : base->revision)) {
    return Refused(who, what,
                   BaseMoved(*call.base_revision, base == nullptr ? nullptr : &base->record));
  }
  if (std::optional<ApplyOutcome> unchanged = ApplyUnchanged(call, digest)) {
    return unchanged->refusal ? Refused(who, what, *unchanged->refusal) : *unchanged;
  }
  if (call.again.empty()) {
    if (std::optional<Refusal> refusal = CheckAgain(digest)) return Refused(who, what, *refusal);
  }
  const RunningPtr base = Running();
  return Carry({.verb = "apply",
                .content = call.content,
                .file = call.file,
                .reason = call.reason,
                .who = who,
                .drains = base == nullptr ? std::vector<BackendDrain>() : base->record.drains,
                .allow = call.allow,
                .plan_digest = call.plan_digest,
                .on_trial = call.confirm.empty(),
                .confirm_within = call.confirm_within,
                .canary_percent = call.canary_percent,
                .again = call.again});
}

// One change at a time, and none that could not be recorded.
std::optional<Refusal> Pipeline::CheckIdle() {
  if (!RecordEnding()) {
    return Refusal{"unavailable",
                   absl::StrCat("the state directory cannot be written, so the end of revision ",
                                unrecorded_->revision, " is not recorded yet"),
                   "free space, or make the directory writable; nothing was changed"};
  }
  if (!active_) return std::nullopt;
  return HeldBy(*active_);
}

std::optional<Refusal> Pipeline::CheckAgain(const std::string& digest) {
  absl::StatusOr<std::optional<Revision>> found =
      store_->RolledBackSince(digest, options_.clock->Now() - kRolledBackRefused);
  if (!found.ok()) return RefusalOf(found.status());
  if (!found->has_value()) return std::nullopt;
  return RolledBackBefore(**found);
}

// Set if `call` asks for what already is the running revision.
std::optional<ApplyOutcome> Pipeline::ApplyUnchanged(const ApplyCall& call,
                                                     const std::string& digest) {
  const RunningPtr base = Running();
  if (base == nullptr || base->content_digest != digest) return std::nullopt;
  if (std::optional<Refusal> refusal = CheckPlanes()) return ApplyOutcome{.refusal = refusal};
  const bool everywhere = std::all_of(sinks_.begin(), sinks_.end(), [&](PlaneSink* sink) {
    return sink->State().revision == base->revision;
  });
  // A plane that mends what the audit found in it does so with the next publication.
  const bool tampered = HasAlarm("F55");
  if ((!everywhere || tampered) && base->compiled != nullptr) {
    if (absl::Status s =
            Republish(tampered ? "a plane's tables had been changed" : "a plane ran something else",
                      nullptr, true);
        !s.ok()) {
      return ApplyOutcome{.refusal = RefusalOf(s)};
    }
  }
  LogInfo("apply", call.file, " is what revision ", base->revision, " holds: no new revision");
  return ApplyOutcome{.revision = base->revision, .generation = Running()->generation};
}

absl::StatusOr<Judgement> Pipeline::JudgeProposal(const Proposal& proposal) {
  const absl::Time now = options_.clock->Now();
  const RunningPtr base = Running();
  absl::StatusOr<std::vector<std::string>> states = store_->HealthyWeightsSince(now - kHistory);
  if (!states.ok()) return states.status();
  absl::StatusOr<Judgement> judged =
      Judge({.content = proposal.content,
             .drains = proposal.drains,
             .allow = proposal.allow,
             .base = base == nullptr ? nullptr : &base->config,
             .base_revision = base == nullptr ? 0 : base->revision,
             .confirmed = HistoryOf(*states),
             .new_flows = proposal.new_flows.empty() && options_.new_flows ? options_.new_flows()
                                                                           : proposal.new_flows,
             .flow_table_entries = options_.flow_table_entries ? options_.flow_table_entries() : 0,
             .now = now,
             .old_errors = proposal.old_errors,
             .tables = planned_tables_.get()});
  if (judged.ok() && judged->config && base != nullptr && base->compiled != nullptr) {
    AddFindings(FindUnfinished(*base->compiled->image, *judged->config, options_.clock->Now(),
                               options_.clock->BootNs()),
                judged->plan);
  }
  return judged;
}

std::optional<Refusal> Pipeline::CheckVerdict(const Proposal& proposal, const Plan& plan) const {
  if (!proposal.plan_digest.empty() && proposal.plan_digest != HexDigest(plan.digest)) {
    const RunningPtr base = Running();
    return PlanMoved(proposal.plan_digest, plan, base == nullptr ? nullptr : &base->record);
  }
  if (plan.verdict == Verdict::kAllow || proposal.force) return std::nullopt;
  return RefusedByPlan(plan, proposal.verb);
}

ApplyOutcome Pipeline::Carry(const Proposal& proposal) {
  const std::string what = absl::StrCat(proposal.verb, " ", proposal.file);
  absl::StatusOr<Judgement> judged = JudgeProposal(proposal);
  if (!judged.ok()) return Refused(proposal.who, what, RefusalOf(judged.status()));
  std::vector<Finding> findings = judged->plan.findings;
  if (!judged->config) {
    return Refused(proposal.who, what, InvalidFile(proposal.file, findings), findings);
  }
  if (std::optional<Refusal> refusal = CheckVerdict(proposal, judged->plan)) {
    return Refused(proposal.who, what, *std::move(refusal), std::move(findings));
  }
  if (proposal.canary_percent) {
    if (std::optional<Refusal> refusal = CheckCanary(*judged->config)) {
      return Refused(proposal.who, what, *std::move(refusal), std::move(findings));
    }
  }
  if (std::optional<Refusal> refusal = CheckPlanes()) {
    return Refused(proposal.who, what, *std::move(refusal), std::move(findings));
  }
  absl::StatusOr<Change> change = Prepare(proposal, *std::move(judged));
  if (!change.ok()) {
    return Refused(proposal.who, what, RefusalOf(change.status()), std::move(findings));
  }

  const Revision& revision = change->revision;
  Revision stored = revision;
  stored.content = proposal.content;
  const absl::Status begun =
      Noted(store_->Begin(stored, change->leases.all(),
                          Entry(proposal.who, proposal.verb, revision.revision,
                                StoryOf(revision, proposal.again, proposal.force, findings))));
  if (!begun.ok()) {
    return Refused(proposal.who, what, RefusalOf(begun), std::move(findings));
  }
  Step("begun");
  if (absl::Status published = Publish(*change); !published.ok()) {
    TakeBack(*change, published);
    return Refused(proposal.who, what, RefusalOf(published), std::move(findings));
  }
  LogInfo("apply", "revision ", revision.revision, " runs as generation ", revision.generation,
          ": ", revision.who.name, ", ", what,
          revision.trial ? absl::StrCat(", on trial until ", TimeText(revision.trial->deadline))
                         : std::string(", with no trial"),
          ", because: ", revision.reason);
  ApplyOutcome outcome =
      active_ ? OutcomeOf(*active_)
              : ApplyOutcome{.revision = revision.revision, .generation = revision.generation};
  outcome.findings = std::move(findings);
  Step("replied");
  return outcome;
}

// A change begins only where every plane is there and runs the base.
std::optional<Refusal> Pipeline::CheckPlanes() {
  for (PlaneSink* sink : sinks_) {
    if (const PlaneState state = sink->State(); !state.connected) {
      return Refusal{"unavailable",
                     absl::StrCat("the ", sink->kind(), " plane is not connected",
                                  state.fault.empty() ? "" : ": ", state.fault),
                     "start it (evenkeel-dataplane), or see its log; nothing was changed"};
    }
  }
  if (ReconcileAll()) return std::nullopt;
  return Refusal{"unavailable", absl::StrCat("a plane does not run what it should: ", last_fault_),
                 "see the log of evenkeeld; nothing was changed"};
}

absl::Status Pipeline::PublishTo(PlaneSink* sink, const Change& change) {
  const PublicationPtr& publication = change.running->compiled->publication;
  absl::Status published =
      change.is_trial() ? sink->PublishTrial({.id = static_cast<uint64_t>(change.revision.revision),
                                              .image = publication,
                                              .way_back = change.way_back->publication,
                                              .deadline_ns = change.revision.trial->deadline_ns},
                                             options_.publish_timeout)
                        : sink->Publish(publication, options_.publish_timeout);
  if (published.ok()) return published;
  return absl::Status(published.code(),
                      absl::StrCat("the ", sink->kind(), " plane: ", published.message()));
}

// Ends with the change running: confirmed, or on trial.
absl::Status Pipeline::Publish(Change& change) {
  absl::StatusOr<ClusterKey> key = KeyFor(change.running->config, MissingKey::kRefuse);
  if (!key.ok()) return key.status();
  // Also where there is no trial: until it runs, the base's book is kept.
  FollowConfigs(change.back == nullptr ? nullptr : &change.back->config, &change.running->config);
  const uint64_t deadline_ns = change.is_trial() ? change.revision.trial->deadline_ns : 0;
  const TrialTimes times{
      .now_ns = options_.clock->BootNs(), .deadline_ns = deadline_ns, .back_ns = deadline_ns};
  if (absl::Status s = MakeImages(change, *key, times); !s.ok()) return s;
  Step("compiled");
  for (PlaneSink* sink : sinks_) {
    if (absl::Status s = PublishTo(sink, change); !s.ok()) return s;
    Step("published");
  }
  const int64_t number = change.revision.revision;
  if (change.is_trial()) {
    const absl::Status started = Noted(store_->StartTrial(
        number, Entry(change.revision.who, "trial", number, "every plane runs it on trial")));
    if (!started.ok()) return started;
    change.revision.state = RevisionState::kTrial;
    active_ = change;
    ShowTrial();
    knows_planes_ = true;
    Step("trial");
    return absl::OkStatus();
  }
  const RunningPtr replaced = Running();
  const absl::Status confirmed = Noted(store_->Confirm(
      number,
      {.key_hash = *change.key_hash,
       .replaced_weights = replaced == nullptr ? "" : HealthyText(replaced->config)},
      Entry(change.revision.who, "confirmed", number, "every plane runs it")));
  if (!confirmed.ok()) return confirmed;
  Step("confirmed");
  leases_ = change.leases;
  Install(change.running);
  FollowRunning();
  knows_planes_ = true;
  return absl::OkStatus();
}

// Whatever reached a plane is undone. Planes that cannot be asked now are when they connect again.
void Pipeline::TakeBack(const Change& change, const absl::Status& why) {
  const int64_t number = change.revision.revision;
  LogError("publish", "revision ", number, " did not come to run: ", why.message());
  bool may_have_run = false;
  for (PlaneSink* sink : sinks_) {
    const PlaneState state = sink->State();
    const bool holds_trial = state.trial && state.trial->id == static_cast<uint64_t>(number);
    may_have_run = may_have_run || !state.connected || state.revision == number || holds_trial;
    if (!state.connected || !holds_trial) continue;
    const absl::Status back = sink->ReturnFromTrial(state.trial->id, options_.publish_timeout);
    if (!back.ok()) {
      LogError("publish", "the ", sink->kind(), " plane does not go back when told (",
               back.message(), "); it does so by itself at the deadline");
    }
  }
  if (may_have_run) {
    // A plane may hold flows of backends that only this revision had: their indices stay theirs.
    leases_ = change.leases_back;
    if (change.is_trial() && change.way_back != nullptr) {
      Install(change.back);
    } else if (change.running->compiled != nullptr) {
      // What follows must not lose the flows that it has placed.
      publisher_.SetRunning(change.running->compiled->image);
    }
  }
  unrecorded_ = Ending{
      .revision = number,
      .state = RevisionState::kFailed,
      .outcome = std::string(why.message()),
      .base = {},
      .entry = Entry(TheDaemon(), "failed", number, absl::StrCat("it never ran: ", why.message()))};
  FollowRunning();
  RecordEnding();
  Step("taken back");
  if (!may_have_run) return;
  ReconcileAll();
  PlanesChanged();  // what could not be done now is tried again
}

}  // namespace evenkeel
