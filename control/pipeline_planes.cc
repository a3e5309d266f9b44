// The pipeline's other half: it looks after planes that connect, so that each runs what it should.
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/app/log.h"
#include "control/pipeline.h"

namespace evenkeel {

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
    {
      std::unique_lock lock(wake_mutex_);
      const auto woken = [this] { return changed_ || stopping_; };
      if (settled) {
        wake_.wait(lock, woken);
      } else {
        wake_.wait_for(lock, absl::ToChronoMilliseconds(options_.retry_interval), woken);
      }
      if (stopping_) return;
      changed_ = false;
    }
    const std::lock_guard lock(change_mutex_);
    settled = ReconcileAll();
  }
}

bool Pipeline::ReconcileAll() {
  if (!SettlePending()) return false;
  bool settled = true;
  for (PlaneSink* sink : sinks_) settled = Reconcile(sink) && settled;
  if (settled) last_fault_.clear();
  return settled;
}

// A revision that the former process had begun: what the planes run decides.
bool Pipeline::SettlePending() {
  absl::StatusOr<std::optional<Revision>> pending = store_->Pending();
  if (pending.ok() && !pending->has_value()) return true;
  absl::Status status = pending.status();
  if (status.ok()) {
    const Revision& revision = **pending;
    bool everywhere = true;
    for (PlaneSink* sink : sinks_) {
      const PlaneState state = sink->State();
      if (!state.connected) return true;  // nothing can be told yet
      everywhere = everywhere && state.revision == revision.revision && state.image != nullptr;
    }
    if (!everywhere) {
      LogInfo("pipeline", "revision ", revision.revision,
              " had been begun when evenkeeld was stopped, and no plane runs it: abandoned");
      status = store_->Abandon(revision.revision, "evenkeeld was stopped before a plane ran it");
    } else {
      LogInfo("pipeline", "revision ", revision.revision,
              " had been begun when evenkeeld was stopped, and the planes run it: confirmed");
      absl::StatusOr<std::shared_ptr<RunningRevision>> running = Rebuild(revision);
      status = running.status();
      absl::StatusOr<ClusterKey> key =
          status.ok() ? KeyFor((*running)->config, MissingKey::kRefuse) : status;
      if (key.ok()) status = store_->Confirm(revision.revision, key->fingerprint());
      if (status.ok()) Install(*std::move(running));
    }
  }
  if (status.ok()) return true;
  if (std::exchange(last_fault_, std::string(status.message())) != status.message()) {
    LogError("store", "a revision that was begun cannot be settled: ", status.message());
  }
  return false;
}

bool Pipeline::Reconcile(PlaneSink* sink) {
  const PlaneState state = sink->State();
  if (!state.connected) return true;  // asked again when it connects
  const bool is_new = std::exchange(connections_[sink], state.connection) != state.connection;
  const RunningPtr running = Running();
  if (running == nullptr) {
    if (is_new && state.image != nullptr) AdoptUnknown(*sink, state);
    return true;
  }
  if (running->compiled == nullptr) return true;  // said when it was loaded
  if (IsUnknown(state)) {
    if (is_new) AdoptUnknown(*sink, state);
    return true;
  }
  if (!is_new && state.generation == running->generation && state.revision == running->revision) {
    return true;
  }
  if (state.image != nullptr && state.revision == running->revision &&
      SameContent(*state.image, *running->compiled->image)) {
    auto adopted = std::make_shared<RunningRevision>(*running);
    adopted->generation = state.generation;
    Install(std::move(adopted));
    LogInfo("pipeline", "the ", sink->kind(), " plane runs revision ", running->revision,
            " as generation ", state.generation, ", as it should: nothing published");
    return true;
  }
  const absl::Status status = Republish();
  if (status.ok()) {
    LogInfo("publish", "the ", sink->kind(), " plane ran ",
            state.generation == 0 ? "nothing" : absl::StrCat("generation ", state.generation),
            ": published revision ", running->revision, " again, as generation ",
            Running()->generation);
    return true;
  }
  connections_.erase(sink);
  if (std::exchange(last_fault_, std::string(status.message())) != status.message()) {
    LogError("publish", "the ", sink->kind(), " plane does not run revision ", running->revision,
             ", trying again for ever: ", status.message());
  }
  return false;
}

// A revision that this state directory never began: it was lost, or restored from an old backup.
// What is newer than all that control knows is not overwritten without a person's word.
bool Pipeline::IsUnknown(const PlaneState& state) {
  const absl::StatusOr<int64_t> next = store_->NextRevision();
  return next.ok() && state.image != nullptr && state.revision >= *next;
}

// The plane goes on, and its backends keep their indices.
void Pipeline::AdoptUnknown(const PlaneSink& sink, const PlaneState& state) {
  leases_ = LeaseTable::Adopt(*state.image, absl::Now());
  LogWarning("pipeline", "the ", sink.kind(), " plane runs revision ", state.revision,
             " (generation ", state.generation,
             "), of which this state directory knows nothing: it goes on as it is; apply the "
             "configuration file to take it over");
}

// To every plane that is there, so that all have one generation.
absl::Status Pipeline::Republish() {
  const RunningPtr running = Running();
  absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();
  absl::StatusOr<ClusterKey> key = KeyFor(running->config, MissingKey::kRefuse);
  if (!key.ok()) return key.status();
  absl::StatusOr<CompiledPtr> compiled = Compile({.config = running->config,
                                                  .key = *key,
                                                  .leases = leases_,
                                                  .generation = *generation,
                                                  .revision = running->revision},
                                                 &cache_);
  if (!compiled.ok()) return compiled.status();
  if (absl::Status s = store_->Republish(running->revision, *generation, leases_.all()); !s.ok()) {
    // Going back matters more than its record: the plane's own generation carries the number.
    LogError("store", "cannot record generation ", *generation, ": ", s.message());
  }
  for (PlaneSink* sink : sinks_) {
    if (!sink->State().connected) continue;
    const absl::Status published =
        sink->Publish((*compiled)->publication, options_.publish_timeout);
    if (!published.ok()) return published;
  }
  auto republished = std::make_shared<RunningRevision>(*running);
  republished->generation = *generation;
  republished->compiled = *std::move(compiled);
  Install(std::move(republished));
  return absl::OkStatus();
}

}  // namespace evenkeel
