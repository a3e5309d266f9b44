#include "control/pipeline.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/app/log.h"
#include "control/config/parse.h"
#include "control/validate/validate.h"

namespace evenkeel {
namespace {

Refusal RefusalOf(const absl::Status& status) {
  const std::string text(status.message());
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return {"unavailable", text, "start evenkeel-dataplane, or see its log"};
    case absl::StatusCode::kInternal:
    case absl::StatusCode::kDataLoss:
    case absl::StatusCode::kResourceExhausted:
      return {"internal", text, "see the log of evenkeeld"};
    default:
      return {"refused", text, ""};
  }
}

size_t CountErrors(const std::vector<Finding>& findings) {
  return static_cast<size_t>(std::count_if(findings.begin(), findings.end(), [](const Finding& f) {
    return f.severity == Severity::kError;
  }));
}

std::optional<Refusal> CheckCall(const ApplyCall& call) {
  if (call.reason.empty()) {
    return Refusal{"usage", "a change needs a reason", "give --reason TEXT"};
  }
  if (call.confirm == "now") return std::nullopt;
  if (call.confirm == "auto") {
    return Refusal{"refused", "nothing watches traffic yet, so a trial cannot confirm itself",
                   "leave --confirm out, look at evenkeel top, then evenkeel confirm"};
  }
  if (!call.confirm.empty()) {
    return Refusal{"usage", absl::StrCat("--confirm=", call.confirm, " is unknown"),
                   "leave it out for a trial, or --confirm=now"};
  }
  return Refusal{"refused", "trials are not built yet",
                 "--confirm=now publishes at once, with no trial and no way back by itself"};
}

std::string DigestOf(const std::string& content) { return HexDigest(Sha256(content)); }

}  // namespace

absl::StatusOr<std::unique_ptr<Pipeline>> Pipeline::Create(Store* store,
                                                           std::vector<PlaneSink*> sinks,
                                                           Options options) {
  std::unique_ptr<Pipeline> pipeline(new Pipeline(store, std::move(sinks), options));
  if (absl::Status s = pipeline->Load(); !s.ok()) return s;
  return pipeline;
}

Pipeline::~Pipeline() {
  {
    const std::lock_guard lock(wake_mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void Pipeline::Start() {
  thread_ = std::thread([this] { Watch(); });
  for (PlaneSink* sink : sinks_) {
    sink->Start([this] { PlanesChanged(); });
  }
}

RunningPtr Pipeline::Running() const {
  const std::lock_guard lock(running_mutex_);
  return running_;
}

void Pipeline::Install(RunningPtr running) {
  const std::lock_guard lock(running_mutex_);
  running_ = std::move(running);
}

absl::Status Pipeline::Load() {
  absl::StatusOr<std::optional<Revision>> stored = store_->Running();
  if (!stored.ok()) return stored.status();
  if (!stored->has_value()) {
    LogInfo("pipeline", "no revision yet: waiting for the first apply");
    return absl::OkStatus();
  }
  absl::StatusOr<std::shared_ptr<RunningRevision>> running = Rebuild(**stored);
  if (!running.ok()) return running.status();
  LogInfo("pipeline", "revision ", (*running)->revision, ", published last as generation ",
          (*running)->generation, ", is the running one");
  Install(*std::move(running));
  return absl::OkStatus();
}

// What cannot be built again stops neither the daemon nor the planes: they run it already.
absl::StatusOr<std::shared_ptr<RunningRevision>> Pipeline::Rebuild(const Revision& revision) {
  absl::StatusOr<std::vector<Lease>> leases = store_->Leases(revision.revision);
  if (!leases.ok()) return leases.status();
  absl::StatusOr<LeaseTable> table = LeaseTable::Restore(*leases);
  if (!table.ok()) return table.status();
  leases_ = *std::move(table);

  auto running = std::make_shared<RunningRevision>();
  running->revision = revision.revision;
  running->generation = revision.generation;
  running->content_digest = revision.digest;
  ParseResult parsed = ParseConfig(revision.content);
  if (!parsed.config) {
    LogError("pipeline", "the stored revision ", revision.revision,
             " cannot be read by this version; the planes go on as they are. First error: line ",
             parsed.findings.front().line, ": ", parsed.findings.front().message);
    return running;
  }
  running->config = *std::move(parsed.config);
  absl::StatusOr<ClusterKey> key = KeyFor(running->config, MissingKey::kRefuse);
  absl::Status status = key.status();
  if (key.ok()) {
    absl::StatusOr<CompiledPtr> compiled = Compile({.config = running->config,
                                                    .key = *key,
                                                    .leases = leases_,
                                                    .generation = running->generation,
                                                    .revision = running->revision},
                                                   &cache_);
    if (compiled.ok()) running->compiled = *std::move(compiled);
    status = compiled.status();
  }
  if (!status.ok()) {
    LogError("pipeline", "revision ", revision.revision,
             " cannot be built again; the planes go on as they are: ", status.message());
  }
  return running;
}

ApplyOutcome Pipeline::Apply(const ApplyCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  const RunningPtr base = Running();
  const int64_t base_revision = base == nullptr ? 0 : base->revision;
  const auto refuse = [&](Refusal refusal, std::vector<Finding> findings = {}) {
    LogWarning("apply", "refused ", call.file, " of ", who.name, ": ", refusal.message);
    return ApplyOutcome{.refusal = std::move(refusal), .findings = std::move(findings)};
  };

  if (std::optional<Refusal> refusal = CheckCall(call)) return refuse(*std::move(refusal));
  if (call.base_revision && *call.base_revision != base_revision) {
    return refuse({"refused",
                   absl::StrCat("the base has moved: revision ", base_revision, " runs, not ",
                                *call.base_revision),
                   "look at what changed, then apply on the new base"});
  }
  const std::string digest = DigestOf(call.content);
  if (std::optional<ApplyOutcome> unchanged = ApplyUnchanged(call, digest)) {
    return unchanged->refusal ? refuse(*unchanged->refusal) : *unchanged;
  }

  CheckResult check = CheckConfig(call.content, {.now = absl::Now()});
  if (!check.config) {
    const size_t errors = CountErrors(check.findings);
    return refuse(
        {"invalid", absl::StrCat(call.file, " has ", errors, errors == 1 ? " error" : " errors"),
         "nothing was changed; correct the file and apply it again"},
        std::move(check.findings));
  }
  if (std::optional<Refusal> refusal = CheckPlanes()) {
    return refuse(*std::move(refusal), std::move(check.findings));
  }
  absl::StatusOr<Candidate> candidate = Prepare(*std::move(check.config), digest);
  if (!candidate.ok()) return refuse(RefusalOf(candidate.status()), std::move(check.findings));

  const RunningRevision& next = *candidate->running;
  const Revision revision{.revision = next.revision,
                          .when = absl::Now(),
                          .who = who,
                          .reason = call.reason,
                          .file = call.file,
                          .content = call.content,
                          .digest = digest,
                          .base_revision = base_revision,
                          .generation = next.generation};
  if (std::optional<Refusal> refusal = Publish(*candidate, revision)) {
    return refuse(*std::move(refusal), std::move(check.findings));
  }
  LogInfo("apply", "revision ", next.revision, " runs as generation ", next.generation, ": ",
          who.name, " applied ", call.file, " with no trial, because: ", call.reason);
  return ApplyOutcome{.revision = next.revision,
                      .generation = next.generation,
                      .findings = std::move(check.findings)};
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
  if (!everywhere && base->compiled != nullptr) {
    if (absl::Status s = Republish(); !s.ok()) return ApplyOutcome{.refusal = RefusalOf(s)};
  }
  LogInfo("apply", call.file, " is what revision ", base->revision, " holds: nothing to do");
  return ApplyOutcome{.revision = base->revision, .generation = Running()->generation};
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

// The key decides where every flow goes: a revision with another one is refused (fault F32).
absl::StatusOr<ClusterKey> Pipeline::KeyFor(const Config& config, MissingKey missing) {
  absl::StatusOr<std::string> known = store_->KeyHash();
  if (!known.ok()) return known.status();
  const std::string& file = config.cluster.key_file;
  absl::StatusOr<ClusterKey> key =
      known->empty() && missing == MissingKey::kMake ? ReadOrMakeKey(file) : ReadKey(file);
  if (absl::IsNotFound(key.status())) {
    return absl::FailedPreconditionError(
        absl::StrCat("the key file ", file,
                     " is gone: copy it back from another node of the cluster or from a backup"));
  }
  if (key.ok() && !known->empty() && key->fingerprint() != *known) {
    return absl::FailedPreconditionError(
        absl::StrCat("F32: the key file ", file,
                     " holds another key than the running revision was hashed with; with it every "
                     "flow would go to another backend: put the former key back"));
  }
  return key;
}

absl::StatusOr<Pipeline::Candidate> Pipeline::Prepare(Config config, const std::string& digest) {
  Candidate candidate{.running = std::make_shared<RunningRevision>()};
  RunningRevision& next = *candidate.running;
  absl::StatusOr<int64_t> revision = store_->NextRevision();
  if (!revision.ok()) return revision.status();
  absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();
  next.revision = *revision;
  next.generation = *generation;
  next.content_digest = digest;
  next.config = std::move(config);

  absl::StatusOr<ClusterKey> key = KeyFor(next.config, MissingKey::kMake);
  if (!key.ok()) return key.status();
  candidate.key = *key;
  absl::StatusOr<LeaseTable> leases = LeaseAll(next.config, leases_, absl::Now());
  if (!leases.ok()) return leases.status();
  candidate.leases = *std::move(leases);
  absl::StatusOr<CompiledPtr> compiled = Compile({.config = next.config,
                                                  .key = candidate.key,
                                                  .leases = candidate.leases,
                                                  .generation = next.generation,
                                                  .revision = next.revision},
                                                 &cache_);
  if (!compiled.ok()) return compiled.status();
  next.compiled = *std::move(compiled);
  return candidate;
}

std::optional<Refusal> Pipeline::Publish(const Candidate& candidate, const Revision& revision) {
  if (absl::Status s = store_->Begin(revision, candidate.leases.all()); !s.ok()) {
    return RefusalOf(s);
  }
  const PublicationPtr& publication = candidate.running->compiled->publication;
  for (PlaneSink* sink : sinks_) {
    absl::Status published = sink->Publish(publication, options_.publish_timeout);
    if (published.ok()) continue;
    published = absl::Status(published.code(),
                             absl::StrCat("the ", sink->kind(), " plane: ", published.message()));
    TakeBack(revision.revision, published, candidate.leases);
    return RefusalOf(published);
  }
  if (absl::Status s = store_->Confirm(revision.revision, candidate.key.fingerprint()); !s.ok()) {
    TakeBack(revision.revision, s, candidate.leases);
    return RefusalOf(s);
  }
  leases_ = candidate.leases;
  Install(candidate.running);
  return std::nullopt;
}

// Whatever reached a plane is undone. Planes that cannot be asked now are when they connect again.
void Pipeline::TakeBack(int64_t revision, const absl::Status& why, const LeaseTable& attempted) {
  LogError("publish", "revision ", revision, " did not come to run: ", why.message());
  if (absl::Status s = store_->Abandon(revision, why.message()); !s.ok()) {
    LogError("store", "cannot record that: ", s.message());
  }
  const bool may_have_run = std::any_of(sinks_.begin(), sinks_.end(), [&](PlaneSink* sink) {
    const PlaneState state = sink->State();
    return !state.connected || state.revision == revision;
  });
  if (!may_have_run) return;
  // A plane may hold flows of backends that only this revision had: their indices stay theirs.
  const RunningPtr running = Running();
  const Config none;
  absl::StatusOr<LeaseTable> kept =
      LeaseAll(running == nullptr ? none : running->config, attempted, absl::Now());
  if (kept.ok()) leases_ = *std::move(kept);
  for (PlaneSink* sink : sinks_) Reconcile(sink);
  PlanesChanged();  // what could not be done now is tried again
}

// Above everything that was ever reserved or that a plane runs.
absl::StatusOr<uint64_t> Pipeline::NextGeneration() const {
  absl::StatusOr<uint64_t> stored = store_->Generation();
  if (!stored.ok()) return stored.status();
  uint64_t highest = *stored;
  for (PlaneSink* sink : sinks_) highest = std::max(highest, sink->State().generation);
  return highest + 1;
}

}  // namespace evenkeel
