// Planes that connect: each is brought to run what it should.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/config/parse.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

// No other plane runs what was published later.
bool IsNewest(const PlaneState& state, const std::vector<PlaneSink*>& sinks) {
  return std::ranges::none_of(sinks, [&](PlaneSink* sink) {
    const PlaneState other = sink->State();
    return other.connected && other.generation > state.generation;
  });
}

}  // namespace

// Said once, not at every try. Always true.
bool Pipeline::Faulty(absl::string_view area, absl::string_view text) {
  if (std::exchange(last_fault_, std::string(text)) != text) LogError(area, text);
  return true;
}

// True: every connected plane runs what it should.
bool Pipeline::ReconcileAll() {
  if (!SettleActive()) return false;
  bool settled = true;
  for (PlaneSink* sink : sinks_) settled = Reconcile(sink) && settled;
  if (settled) last_fault_.clear();
  return settled;
}

bool Pipeline::Reconcile(PlaneSink* sink) {
  const PlaneState state = sink->State();
  if (!state.connected) return true;  // asked again when it connects
  const bool is_new = std::exchange(connections_[sink], state.connection) != state.connection;
  // What a change under way needs of its planes, NextStep() says.
  if (active_) {
    if (!is_new || AdoptTrial(state)) return true;
    connections_.erase(sink);
    return false;
  }
  const RunningPtr running = Running();
  if (is_new && running != nullptr && !IsUnknown(state) && IsNewest(state, sinks_)) {
    ComeAfter(state.image);
  }
  if (!EndStrayTrial(sink, state)) return false;
  if (running == nullptr) {
    if (state.revision == 0) return true;
    if (!IsUnknown(state)) return PublishNothing(sink, state);
    if (is_new && state.image != nullptr) AdoptUnknown(*sink, state);
    return true;
  }
  if (running->compiled == nullptr) return true;  // said when it was loaded
  if (IsUnknown(state)) {
    if (is_new) AdoptUnknown(*sink, state);
    return true;
  }
  const PlaneState now = sink->State();
  const bool is_same = now.generation == running->generation && now.revision == running->revision;
  if (is_same && !is_new) return true;
  RunningPtr adopted = FindAgain(*running, now);
  if (adopted != nullptr) {
    Install(std::move(adopted));
    LogInfo("pipeline", "the ", sink->kind(), " plane runs revision ", running->revision,
            " as generation ", now.generation, ", as it should: nothing published");
    return true;
  }
  const absl::Status status = Republish("a plane ran something else", nullptr, true);
  if (status.ok()) {
    LogInfo("publish", "the ", sink->kind(), " plane ran ",
            now.generation == 0 ? "nothing" : absl::StrCat("generation ", now.generation),
            ": published revision ", running->revision, " again, as generation ",
            Running()->generation);
    return true;
  }
  connections_.erase(sink);
  return !Faulty("publish",
                 absl::StrCat("the ", sink->kind(), " plane does not run revision ",
                              running->revision, ", trying again for ever: ", status.message()));
}

// What is published next comes after what a plane ran when it connected, whatever control has heard
// of it: slots have moved with that, or have not, and their connections know the way by the next
// image alone. A process that has published nothing yet takes over how backends stand, too.
void Pipeline::ComeAfter(const std::shared_ptr<const ImageView>& image) {
  if (image == nullptr) return;
  if (!knows_planes_) {
    standings_.Adopt(*image, options_.clock->Now());
    publisher_.SetStandings({.running = standings_.Running(), .confirmed = standings_.Confirmed()});
  }
  publisher_.SetRunning(image);
}

// A trial that this store has ended while the plane could not be told.
bool Pipeline::EndStrayTrial(PlaneSink* sink, const PlaneState& state) {
  if (!state.trial || state.trial->phase != TrialPhase::kArmed || IsUnknown(state)) return true;
  const absl::Status back = sink->ReturnFromTrial(state.trial->id, options_.publish_timeout);
  if (back.ok()) {
    LogInfo("rollback", "the ", sink->kind(), " plane still had revision ", state.trial->id,
            " on trial, which has ended: told to go back");
    return true;
  }
  return !Faulty("rollback",
                 absl::StrCat("the ", sink->kind(), " plane still has revision ", state.trial->id,
                              " on trial and does not go back: ", back.message()));
}

// A revision that this state directory never began: it was lost, or restored from an old backup.
// What is newer than all that control knows is not overwritten without a person's word.
bool Pipeline::IsUnknown(const PlaneState& state) {
  const absl::StatusOr<int64_t> next = store_->NextRevision();
  return next.ok() && state.revision >= *next;
}

// The plane goes on, and its backends keep their indices.
void Pipeline::AdoptUnknown(const PlaneSink& sink, const PlaneState& state) {
  if (state.image != nullptr) leases_ = LeaseTable::Adopt(*state.image, options_.clock->Now());
  LogWarning("pipeline", "the ", sink.kind(), " plane runs revision ", state.revision,
             " (generation ", state.generation,
             "), of which this state directory knows nothing: it goes on as it is; apply the "
             "configuration file to take it over");
}

// A plane that took the first revision of all without its answer being heard: whoever applied it
// was told that it does not run, and there is none before it.
bool Pipeline::PublishNothing(PlaneSink* sink, const PlaneState& state) {
  absl::StatusOr<CompiledPtr> nothing = MakeNothing(state);
  const absl::Status published =
      nothing.ok() ? sink->Publish((*nothing)->publication, options_.publish_timeout)
                   : nothing.status();
  if (!published.ok()) {
    return !Faulty("publish",
                   absl::StrCat("the ", sink->kind(), " plane runs revision ", state.revision,
                                ", which never came to be, and cannot be told to run nothing: ",
                                published.message()));
  }
  publisher_.SetRunning(nullptr);
  LogWarning("publish", "the ", sink->kind(), " plane ran revision ", state.revision,
             ", which never came to be, and nothing was confirmed before it: nothing runs");
  return true;
}

// Of what a failed revision's configuration says about the node; its backends' indices stay theirs.
absl::StatusOr<CompiledPtr> Pipeline::MakeNothing(const PlaneState& state) {
  const absl::StatusOr<Revision> failed = Show(state.revision);
  if (!failed.ok()) return failed.status();
  const ParseResult parsed = ParseConfig(failed->content);
  if (!parsed.config) return absl::FailedPreconditionError("its file cannot be read");
  const absl::StatusOr<ClusterKey> key = KeyFor(*parsed.config, MissingKey::kRefuse);
  if (!key.ok()) return key.status();
  const absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();
  if (absl::Status s = Noted(store_->ReserveGeneration(*generation)); !s.ok()) return s;
  const absl::StatusOr<LogHead> head = store_->Head();
  if (!head.ok()) return head.status();

  const Config nothing = NothingConfirmed(*parsed.config);
  const absl::Time now = options_.clock->Now();
  if (state.image != nullptr) leases_ = LeaseTable::Adopt(*state.image, now);
  absl::StatusOr<LeaseTable> leases = LeaseAll(nothing, leases_, now);
  if (!leases.ok()) return leases.status();
  leases_ = *std::move(leases);
  return publisher_.Make({.config = nothing,
                          .key = *key,
                          .leases = leases_,
                          .generation = *generation,
                          .audit_entries = head->entries,
                          .audit_head = head->hash},
                         options_.clock->BootNs());
}

// To every plane that is there, so that all have one generation.
absl::Status Pipeline::Republish(absl::string_view why, const TailEvidence* evidence, bool must) {
  const RunningPtr running = Running();
  absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();
  absl::StatusOr<ClusterKey> key = KeyFor(running->config, MissingKey::kRefuse);
  if (!key.ok()) return key.status();
  CompileInput input{.config = running->config,
                     .key = *key,
                     .leases = leases_,
                     .generation = *generation,
                     .revision = running->revision};
  const uint64_t now_ns = options_.clock->BootNs();
  if (!must) {
    absl::StatusOr<CompiledPtr> wanted = publisher_.Make(input, now_ns, evidence);
    if (!wanted.ok()) return wanted.status();
    if ((*wanted)->slots.ended == 0) return absl::OkStatus();
  }
  const absl::Status recorded =
      Noted(store_->Republish(running->revision, *generation, leases_.all(),
                              Entry(TheDaemon(), "published again", running->revision,
                                    absl::StrCat("as generation ", *generation, ": ", why))));
  if (!recorded.ok()) {
    // Going back matters more than its record: the plane's own generation carries the number.
    LogError("store", "cannot record generation ", *generation, ": ", recorded.message());
  }
  absl::StatusOr<LogHead> head = store_->Head();
  if (!head.ok()) return head.status();
  input.audit_entries = head->entries;
  input.audit_head = head->hash;
  absl::StatusOr<CompiledPtr> compiled = publisher_.Make(input, now_ns, evidence);
  if (!compiled.ok()) return compiled.status();
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
  knows_planes_ = true;
  return absl::OkStatus();
}

}  // namespace evenkeel
