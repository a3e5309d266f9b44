// What goes on between changes: backends that fall and come back, slow starts, windows and tails
// that end, indices that nobody names any more. Each is a publication of what runs.
#include <algorithm>
#include <map>
#include <set>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/pipeline.h"
#include "control/publish/former.h"

namespace evenkeel {
namespace {

constexpr absl::string_view kFloorAlarm = "floor ";  // of the causes of its alarms
constexpr absl::Duration kEvidenceEvery = absl::Seconds(10);

// Those that are not there already.
void AddTargets(std::vector<HealthTarget> more, std::vector<HealthTarget>& targets) {
  std::map<std::pair<std::string, Address>, size_t> places;
  for (size_t i = 0; i < targets.size(); i++) {
    places[{targets[i].pool, targets[i].address.bytes()}] = i;
  }
  for (HealthTarget& target : more) {
    const auto known = places.find({target.pool, target.address.bytes()});
    if (known != places.end() && targets[known->second] == target) continue;
    targets.push_back(std::move(target));
  }
}

}  // namespace

void Pipeline::Take(const HealthVerdict& verdict) {
  standings_.Take(verdict, options_.clock->Now());
  PlanesChanged();
}

// The configurations whose backends count: what is confirmed, and `trial` beside it.
void Pipeline::FollowConfigs(const Config* confirmed, const Config* trial) {
  const absl::Time now = options_.clock->Now();
  standings_.SetConfigs(confirmed, trial, now);
  standings_.Advance(now);
  publisher_.SetStandings({.running = standings_.Running(), .confirmed = standings_.Confirmed()});
  if (!options_.check) return;
  std::vector<HealthTarget> targets;
  if (confirmed != nullptr) targets = HealthTargetsOf(*confirmed);
  if (trial != nullptr) AddTargets(HealthTargetsOf(*trial), targets);
  const Config* running = trial != nullptr ? trial : confirmed;
  options_.check(targets, running == nullptr ? Network() : running->network);
}

// As things are now: after a change has ended, or begun its trial.
void Pipeline::FollowRunning() {
  const RunningPtr base = Base();
  const RunningPtr running = Running();
  ForgetDrains(Drains());
  const bool on_trial = active_ && active_->is_trial() && running != nullptr && running != base;
  FollowConfigs(base == nullptr ? nullptr : &base->config, on_trial ? &running->config : nullptr);
}

// Null: the plane runs something else than `running`.
RunningPtr Pipeline::FindAgain(const RunningRevision& running, const PlaneState& state) {
  if (state.image == nullptr || state.revision != running.revision) return nullptr;
  if (!knows_planes_) return AsPlaneRuns(running, state);
  if (!SameContent(*state.image, *running.compiled->image)) return nullptr;
  auto found = std::make_shared<RunningRevision>(running);
  found->generation = state.generation;
  return found;
}

// A trial that a former process began, or whose renewal was not answered: its images are made again
// from what the plane runs, and published anew only where they come out otherwise.
bool Pipeline::AdoptTrial(const PlaneState& state) {
  const bool is_armed = state.trial && state.trial->phase == TrialPhase::kArmed &&
                        state.trial->id == static_cast<uint64_t>(active_->revision.revision);
  if (!is_armed || state.image == nullptr) return true;
  if (active_->revision.state != RevisionState::kTrial) return true;
  if (knows_planes_ && state.trial->generation == active_->revision.generation) return true;
  ComeAfter(state.image);
  if (FindStageAgain(state) || FindTrialAgain(*active_, state)) return true;
  const absl::Status renewed = RenewTrial(*active_, active_->revision.trial->deadline_ns);
  knows_planes_ = knows_planes_ || renewed.ok();
  return renewed.ok() ||
         !Faulty("publish", absl::StrCat("the trial cannot be renewed: ", renewed.message()));
}

// A canary's next stage, recorded and sent, whose answer was not heard.
bool Pipeline::FindStageAgain(const PlaneState& state) {
  const CanaryStage* stage = active_->running->canary.get();
  if (stage == nullptr || stage->percent == active_->revision.canary->percent) return false;
  absl::StatusOr<Change> recorded = AtStage(*active_, active_->revision.canary->percent);
  if (!recorded.ok() || !FindTrialAgain(*std::move(recorded), state)) return false;
  FollowRunning();
  return true;
}

bool Pipeline::FindTrialAgain(Change found, const PlaneState& state) {
  const absl::StatusOr<ClusterKey> key = KeyFor(found.running->config, MissingKey::kRefuse);
  if (!key.ok()) return false;
  found.revision.generation = state.trial->generation;
  found.revision.trial->return_generation = state.trial->return_generation;
  found.running = std::make_shared<RunningRevision>(*found.running);
  found.running->generation = state.trial->generation;
  const TrialTimes as_it_is{.back_ns = found.revision.trial->deadline_ns};
  if (!MakeImages(found, *key, as_it_is).ok()) return false;
  if (!SameContent(*state.image, *found.running->compiled->image)) return false;
  active_ = std::move(found);
  ShowTrial();
  knows_planes_ = true;
  return true;
}

// After a restart: what the plane runs is `running` if control, having come after it (how backends
// stand, which slots are in transition), makes the same. Null: it is something else.
RunningPtr Pipeline::AsPlaneRuns(const RunningRevision& running, const PlaneState& state) {
  const absl::StatusOr<ClusterKey> key = KeyFor(running.config, MissingKey::kRefuse);
  if (!key.ok()) return nullptr;
  absl::StatusOr<CompiledPtr> compiled = publisher_.MakeAgain({.config = running.config,
                                                               .key = *key,
                                                               .leases = leases_,
                                                               .generation = state.generation,
                                                               .revision = running.revision});
  if (!compiled.ok() || !SameContent(*state.image, *(*compiled)->image)) return nullptr;
  knows_planes_ = true;
  auto adopted = std::make_shared<RunningRevision>(running);
  adopted->generation = state.generation;
  adopted->compiled = *std::move(compiled);
  return adopted;
}

// True: nothing is left to do before time passes or a backend changes.
bool Pipeline::KeepSteady() {
  const RunningPtr running = Running();
  if (running == nullptr || running->compiled == nullptr) return true;
  if (active_ && active_->revision.state != RevisionState::kTrial) return true;
  const absl::Time now = options_.clock->Now();
  stale_ = standings_.Advance(now) || stale_;
  ShowFloors();

  const bool connected =
      std::ranges::any_of(sinks_, [](PlaneSink* sink) { return sink->State().connected; });
  if (!connected) return true;  // what is stale is published when one connects

  const ImageView& image = *running->compiled->image;
  const bool has_tails =
      image.transitions().size() > 1 || !leases_.leaving().empty() || HasFormers(image);
  const bool looks = (has_tails || !KnowsDrains(*running)) && now >= next_evidence_;
  const bool returned = returned_.image != nullptr && returned_.generation == running->generation;
  if (!returned) returned_ = {};
  if (!stale_ && !looks && !returned) return true;
  std::optional<FlowsNow> evidence;
  if (looks) {
    next_evidence_ = now + kEvidenceEvery;
    evidence = ReadEvidence(image);
    if (evidence) FollowDrains(*running, *evidence);
  }
  publisher_.SetStandings({.running = standings_.Running(), .confirmed = standings_.Confirmed()});
  const absl::Status status =
      returned ? RenewReturned() : Renew(evidence ? &evidence->tails : nullptr, stale_);
  if (!status.ok()) {
    return !Faulty("publish", absl::StrCat("how backends stand cannot be published, trying again: ",
                                           status.message()));
  }
  stale_ = false;
  return true;
}

std::optional<FlowsNow> Pipeline::ReadEvidence(const ImageView& image) {
  absl::StatusOr<FlowsNow> flows = ReadFlows(sinks_, image, options_.clock->BootNs());
  if (flows.ok()) return *std::move(flows);
  if (!absl::IsUnimplemented(flows.status())) {
    LogWarning("flows",
               "the flow tables cannot be read, so no tail ends: ", flows.status().message());
  }
  return std::nullopt;
}

// `must`: also where no tail ends.
absl::Status Pipeline::Renew(const TailEvidence* evidence, bool must) {
  if (active_) {
    return must ? RenewTrial(*active_, active_->revision.trial->deadline_ns) : absl::OkStatus();
  }
  if (must) return Republish("how backends stand has changed", evidence, true);
  if (evidence == nullptr) return absl::OkStatus();
  const bool released = ReleaseLeases(*Running(), *evidence);
  return Republish("flows have ended", evidence, released);
}

// What runs again after a trial, as if it had been published at this moment over the trial's image:
// windows that were to begin at the deadline begin now.
absl::Status Pipeline::RenewReturned() {
  const std::shared_ptr<const ImageView> back = publisher_.running();
  publisher_.SetRunning(returned_.image);
  absl::Status status = Republish("its windows begin now", nullptr, true);
  if (!status.ok()) publisher_.SetRunning(back);
  if (status.ok()) returned_ = {};
  return status;
}

// Leaving pairs that neither the image nor a flow names any more.
bool Pipeline::ReleaseLeases(const RunningRevision& running, const TailEvidence& evidence) {
  const std::vector<bool> named = NamedBackends(*running.compiled->image);
  const auto is_unnamed = [&](uint16_t index) {
    const bool in_image = index < named.size() && named[index];
    return !in_image && evidence.EntriesOf(index) == 0;
  };
  return !leases_.ReleaseExpired(options_.clock->Now(), is_unnamed).empty();
}

// Both images of the trial anew, as `next` has it, under the next two generations; the way back for
// `back_ns`.
absl::Status Pipeline::RenewTrial(Change next, uint64_t back_ns) {
  absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();
  absl::StatusOr<ClusterKey> key = KeyFor(next.running->config, MissingKey::kRefuse);
  if (!key.ok()) return key.status();
  if (absl::Status s = Noted(store_->ReserveGeneration(*generation + 1)); !s.ok()) return s;
  next.revision.generation = *generation;
  next.revision.trial->return_generation = *generation + 1;
  next.running = std::make_shared<RunningRevision>(*next.running);
  next.running->generation = *generation;
  const TrialTimes times{.now_ns = options_.clock->BootNs(),
                         .deadline_ns = next.revision.trial->deadline_ns,
                         .back_ns = back_ns};
  if (absl::Status s = MakeImages(next, *key, times); !s.ok()) return s;
  for (PlaneSink* sink : sinks_) {
    if (!sink->State().connected) continue;
    if (absl::Status s = PublishTo(sink, next); !s.ok()) return s;
    Step("renewed");
  }
  active_ = std::move(next);
  ShowTrial();
  return absl::OkStatus();
}

// A pool at its floor is an alarm for as long as it is (fault F17).
void Pipeline::ShowFloors() {
  std::set<std::string> causes;
  for (const PoolAlarm& alarm : standings_.Alarms()) {
    const std::string cause = absl::StrCat(kFloorAlarm, alarm.pool);
    causes.insert(cause);
    Raise(cause, {.rule = "F17",
                  .service = {},
                  .backend = {},
                  .since = alarm.floor.since,
                  .message = absl::StrCat(
                      "pool ", alarm.pool, ": ", alarm.floor.healthy_percent,
                      "% of its weight passes its health check, min_healthy is ",
                      alarm.floor.floor_percent,
                      "%: the pool stays as it is, since the check is the likelier fault; look at "
                      "last_error in evenkeel backends")});
  }
  const std::lock_guard lock(view_mutex_);
  std::erase_if(alarms_, [&](const auto& alarm) {
    return absl::StartsWith(alarm.first, kFloorAlarm) && !causes.contains(alarm.first);
  });
}

absl::Duration Pipeline::UntilNextHealth() const {
  const absl::Time now = options_.clock->Now();
  absl::Duration wait = standings_.NextChange(now) - now;
  const RunningPtr running = Running();
  if (running != nullptr && running->compiled != nullptr) {
    const ImageView& image = *running->compiled->image;
    if (image.transitions().size() > 1 || HasFormers(image)) wait = std::min(wait, kEvidenceEvery);
  }
  return wait;
}

}  // namespace evenkeel
