#include "control/pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/change/drains.h"
#include "control/config/parse.h"
#include "control/plan/pool_table.h"

namespace evenkeel {
namespace {

// A plane goes back by itself at the deadline; it is looked at just after.
constexpr absl::Duration kAfterDeadline = absl::Milliseconds(200);
constexpr char kStateAlarm[] = "state";
// How often the thread of audits looks whether one is due, and what it pauses between two at least.
constexpr absl::Duration kAuditLook = absl::Seconds(1);
constexpr absl::Duration kAuditPause = absl::Milliseconds(10);

}  // namespace

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(Store* store,
                                                           std::vector<PlaneSink*> sinks,
                                                           Options options) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(store, std::move(sinks), std::move(options)));
  if (absl::Status s = pipeline->Load(); !s.ok()) return s;
  return pipeline;
}

Pipeline::Pipeline(Store* store, std::vector<PlaneSink*> sinks, Options options)
    : store_(store),
      sinks_(std::move(sinks)),
      options_(std::move(options)),
      planned_tables_(std::make_unique<PoolTables>()) {}

Pipeline::~Pipeline() {
  {
    const std::lock_guard lock(wake_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
  if (audit_thread_.joinable()) audit_thread_.join();
}

void Pipeline::Start() {
  {
    const std::lock_guard lock(change_mutex_);
    FollowRunning();  // whoever checks is there now
  }
  thread_ = std::thread([this] { Watch(); });
  audit_thread_ = std::thread([this] { KeepAuditing(); });
  for (PlaneSink* sink : sinks_) {
    sink->Start([this] { PlanesChanged(); });
  }
}

void Pipeline::PlanesChanged() {
  {
    const std::lock_guard lock(wake_mutex_);
    changed_ = true;
  }
  wake_.notify_all();
}

void Pipeline::Watch() {
  bool settled = true;
  while (true) {
    const absl::Duration wait = UntilNextDuty(settled);
    {
      std::unique_lock lock(wake_mutex_);
      wake_.wait_for(lock, absl::ToChronoMilliseconds(wait),
                     [this] { return changed_ || stopping_; });
      if (stopping_) return;
      changed_ = false;
    }
    settled = SettleLocked();
  }
}

bool Pipeline::SettleLocked() {
  const std::lock_guard lock(change_mutex_);
  return ReconcileAll() && KeepSteady();
}

bool Pipeline::Settle() {
  const bool settled = SettleLocked();
  if (UntilNextAudit() <= absl::ZeroDuration()) Audit();
  return settled;
}

// A thread of its own: planes of a thousand tables look at them for seconds, and deadlines and
// backends do not wait for that.
void Pipeline::KeepAuditing() {
  while (true) {
    {
      std::unique_lock lock(wake_mutex_);
      // What runs may get another period, or begin to run.
      const absl::Duration wait = std::clamp(UntilNextAudit(), kAuditPause, kAuditLook);
      wake_.wait_for(lock, absl::ToChronoMilliseconds(wait), [this] { return stopping_; });
      if (stopping_) return;
    }
    if (UntilNextAudit() <= absl::ZeroDuration()) Audit();
  }
}

// Endless while nothing runs that could be audited.
absl::Duration Pipeline::UntilNextAudit() const {
  const std::lock_guard lock(view_mutex_);
  if (running_ == nullptr) return absl::InfiniteDuration();
  // A clock that was set back makes nobody wait for longer than the period.
  return std::min(next_audit_ - options_.clock->Now(), running_->config.safety.audit_every);
}

absl::Duration Pipeline::UntilNextDuty(bool settled) const {
  absl::Duration wait = settled ? absl::Hours(1) : options_.retry_interval;
  wait = std::min(wait, UntilNextHealth());
  const std::lock_guard lock(view_mutex_);
  if (trial_view_) {
    const uint64_t now = options_.clock->BootNs();
    const uint64_t left = trial_deadline_ns_ > now ? trial_deadline_ns_ - now : 0;
    wait = std::min(wait, absl::Nanoseconds(left) + kAfterDeadline);
  }
  return std::max(wait, absl::Milliseconds(1));
}

void Pipeline::Step(absl::string_view step) {
  if (options_.at_step) options_.at_step(step);
}

RunningPtr Pipeline::Running() const {
  const std::lock_guard lock(view_mutex_);
  return running_;
}

void Pipeline::Install(RunningPtr running) {
  publisher_.SetRunning(
      running == nullptr || running->compiled == nullptr ? nullptr : running->compiled->image);
  const std::lock_guard lock(view_mutex_);
  running_ = std::move(running);
  if (running_ == nullptr) return;
  // A shorter period counts from now, not from the end of the longer one.
  next_audit_ = std::min(next_audit_, options_.clock->Now() + running_->config.safety.audit_every);
}

RunningPtr Pipeline::Base() const { return active_ ? active_->back : Running(); }

LogEntry Pipeline::Entry(const Who& who, absl::string_view event, int64_t revision,
                         std::string text) const {
  return {.when = options_.clock->Now(),
          .who = who,
          .event = std::string(event),
          .revision = revision,
          .text = std::move(text)};
}

absl::Status Pipeline::Noted(absl::Status status) {
  if (status.ok()) {
    if (!unrecorded_) Clear(kStateAlarm);
  } else if (!absl::IsFailedPrecondition(status)) {
    Raise(kStateAlarm,
          {.rule = "state",
           .service = {},
           .backend = {},
           .since = options_.clock->Now(),
           .message = absl::StrCat("the state directory cannot be written, so nothing can be "
                                   "changed (planes forward on, a trial goes back at its "
                                   "deadline): ",
                                   status.message())});
  }
  return status;
}

absl::Status Pipeline::Load() {
  absl::StatusOr<std::optional<Revision>> stored = store_->Running();
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    LogInfo("pipeline", "no confirmed revision yet");
  } else {
    absl::StatusOr<LeaseTable> leases = StoredLeases((*stored)->revision);
    if (!leases.ok()) return leases.status();
    leases_ = *std::move(leases);
    absl::StatusOr<std::shared_ptr<RunningRevision>> running = Rebuild(**stored, leases_);
    if (!running.ok()) return running.status();
    LogInfo("pipeline", "revision ", (*running)->revision, ", published last as generation ",
            (*running)->generation, ", is the confirmed one");
    Install(*std::move(running));
  }
  next_audit_ = options_.clock->Now() + absl::Seconds(10);  // planes have connected by then
  next_evidence_ = next_audit_;
  absl::StatusOr<std::optional<Revision>> active = store_->Active();
  if (!active.ok()) return active.status();
  if (!active->has_value()) {
    FollowRunning();
    return absl::OkStatus();
  }
  LogInfo("pipeline", "revision ", (*active)->revision, " was ", Name((*active)->state),
          " when evenkeeld was stopped: its planes will be asked");
  absl::StatusOr<Change> change = RebuildChange(**active);
  if (!change.ok()) return change.status();
  active_ = *std::move(change);
  ShowTrial();
  FollowRunning();
  return absl::OkStatus();
}

absl::StatusOr<LeaseTable> Pipeline::StoredLeases(int64_t revision) {
  absl::StatusOr<std::vector<Lease>> leases = store_->Leases(revision);
  if (!leases.ok()) return leases.status();
  return LeaseTable::Restore(*leases);
}

// What cannot be built again stops neither the daemon nor the planes: they run it already.
absl::StatusOr<std::shared_ptr<RunningRevision>> Pipeline::Rebuild(const Revision& revision,
                                                                   const LeaseTable& leases) {
  auto running = std::make_shared<RunningRevision>();
  running->revision = revision.revision;
  running->generation = revision.generation;
  running->content_digest = revision.digest;
  running->record = revision;
  running->record.content.clear();
  ParseResult parsed = ParseConfig(revision.content);
  if (!parsed.config) {
    LogError("pipeline", "the stored revision ", revision.revision,
             " cannot be read by this version; the planes go on as they are. First error: line ",
             parsed.findings.front().line, ": ", parsed.findings.front().message);
    return running;
  }
  running->config = *std::move(parsed.config);
  JoinDrains(revision.drains, running->config);
  if (const RunningPtr base = Running(); revision.canary && base != nullptr) {
    SetStage(base->config, revision.canary->percent, *running);
  }
  absl::StatusOr<ClusterKey> key = KeyFor(running->config, MissingKey::kRefuse);
  absl::Status status = key.status();
  if (key.ok()) {
    absl::StatusOr<CompiledPtr> compiled = publisher_.MakeAgain({.config = running->config,
                                                                 .key = *key,
                                                                 .leases = leases,
                                                                 .generation = running->generation,
                                                                 .revision = running->revision,
                                                                 .canary = running->canary.get()});
    if (compiled.ok()) running->compiled = *std::move(compiled);
    status = compiled.status();
  }
  if (!status.ok()) {
    LogError("pipeline", "revision ", revision.revision,
             " cannot be built again; the planes go on as they are: ", status.message());
  }
  return running;
}

// As Prepare() and Compile() made it: the same images, since they are made of the same facts.
absl::StatusOr<Pipeline::Change> Pipeline::RebuildChange(const Revision& revision) {
  Change change{.revision = revision};
  change.revision.content.clear();
  absl::StatusOr<LeaseTable> leases = StoredLeases(revision.revision);
  if (!leases.ok()) return leases.status();
  change.leases = *std::move(leases);
  absl::StatusOr<std::shared_ptr<RunningRevision>> running = Rebuild(revision, change.leases);
  if (!running.ok()) return running.status();
  change.running = *std::move(running);

  const RunningPtr base = Running();
  const Config nothing = NothingConfirmed(change.running->config);
  const Config& base_config = base == nullptr ? nothing : base->config;
  absl::StatusOr<LeaseTable> back = LeaseAll(base_config, change.leases, revision.when);
  if (!back.ok()) return back.status();
  change.leases_back = *std::move(back);
  change.back = base;
  absl::StatusOr<ClusterKey> key = KeyFor(change.running->config, MissingKey::kRefuse);
  if (!key.ok()) return change;
  change.key_hash = key->fingerprint();
  if (!change.is_trial()) return change;
  absl::StatusOr<CompiledPtr> way_back =
      publisher_.MakeAgain({.config = base_config,
                            .key = *key,
                            .leases = change.leases_back,
                            .generation = revision.trial->return_generation,
                            .revision = base == nullptr ? 0 : base->revision});
  if (!way_back.ok()) return change;
  change.way_back = *std::move(way_back);
  if (base != nullptr) {
    auto returned = std::make_shared<RunningRevision>(*base);
    returned->generation = revision.trial->return_generation;
    returned->compiled = change.way_back;
    change.back = std::move(returned);
  }
  return change;
}

}  // namespace evenkeel
