// What a change is made of: its numbers, its leases, its key, its images.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

// The database keeps microseconds; what is compiled again from it must not differ.
absl::Time Stored(absl::Time time) { return absl::FromUnixMicros(absl::ToUnixMicros(time)); }

}  // namespace

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

// Numbers, leases and times: everything that the store must know before anything is published.
absl::StatusOr<Pipeline::Change> Pipeline::Prepare(const Proposal& proposal, Judgement judged) {
  const RunningPtr base = Running();
  if (proposal.on_trial && base != nullptr && base->compiled == nullptr) {
    return absl::FailedPreconditionError(
        absl::StrCat("revision ", base->revision,
                     " cannot be built again (see the log), so a trial would have no way back"));
  }
  absl::StatusOr<int64_t> number = store_->NextRevision();
  if (!number.ok()) return number.status();
  absl::StatusOr<uint64_t> generation = NextGeneration();
  if (!generation.ok()) return generation.status();

  Change change;
  Revision& revision = change.revision;
  revision = {.revision = *number,
              .verb = proposal.verb,
              .when = Stored(options_.clock->Now()),
              .who = proposal.who,
              .reason = proposal.reason,
              .file = proposal.file,
              .content = "",
              .digest = HexDigest(Sha256(proposal.content)),
              .base_revision = base == nullptr ? 0 : base->revision,
              .generation = *generation,
              .plan_digest = HexDigest(judged.plan.digest),
              .trial = {},
              .canary = {},
              .allow = proposal.allow,
              .drains = std::move(judged.drains),
              .ended = {},
              .outcome = ""};
  if (proposal.on_trial) {
    const absl::Duration within =
        proposal.confirm_within.value_or(judged.config->safety.confirm_within);
    revision.trial =
        TrialTerms{.return_generation = *generation + 1,
                   .deadline_ns = options_.clock->BootNs() +
                                  static_cast<uint64_t>(absl::ToInt64Nanoseconds(within)),
                   .boot_id = options_.clock->BootId(),
                   .deadline = Stored(revision.when + within)};
  }
  change.running =
      std::make_shared<RunningRevision>(RunningRevision{.revision = *number,
                                                        .generation = *generation,
                                                        .content_digest = revision.digest,
                                                        .record = revision,
                                                        .config = *std::move(judged.config),
                                                        .canary = nullptr,
                                                        .compiled = nullptr});
  if (proposal.canary_percent) {
    revision.canary =
        CanaryTerms{.first = *proposal.canary_percent, .percent = *proposal.canary_percent};
    change.running->record.canary = revision.canary;
    SetStage(base->config, *proposal.canary_percent, *change.running);
  }
  absl::StatusOr<LeaseTable> leases =
      LeaseAll(change.running->config, leases_, options_.clock->Now());
  if (!leases.ok()) return leases.status();
  change.leases = *std::move(leases);
  const Config nothing = NothingConfirmed(change.running->config);
  leases = LeaseAll(base == nullptr ? nothing : base->config, change.leases, revision.when);
  if (!leases.ok()) return leases.status();
  change.leases_back = *std::move(leases);
  change.back = base;
  absl::StatusOr<ClusterKey> key = KeyFor(change.running->config, MissingKey::kMake);
  if (!key.ok()) return key.status();
  change.key_hash = key->fingerprint();
  return change;
}

// The audit log's head goes in, so this comes after the revision's beginning has been logged.
absl::Status Pipeline::MakeImages(Change& change, const ClusterKey& key, const TrialTimes& times) {
  absl::StatusOr<LogHead> head = store_->Head();
  if (!head.ok()) return head.status();
  const CompileInput candidate{.config = change.running->config,
                               .key = key,
                               .leases = change.leases,
                               .generation = change.revision.generation,
                               .revision = change.revision.revision,
                               .audit_entries = head->entries,
                               .audit_head = head->hash,
                               .canary = change.running->canary.get()};
  if (!change.is_trial()) {
    absl::StatusOr<CompiledPtr> compiled = publisher_.Make(candidate, times.now_ns);
    if (!compiled.ok()) return compiled.status();
    change.running->compiled = *std::move(compiled);
    return absl::OkStatus();
  }
  const RunningPtr base = change.back;
  const Config nothing = NothingConfirmed(change.running->config);
  absl::StatusOr<TrialImages> images =
      publisher_.MakeTrial(candidate,
                           {.config = base == nullptr ? nothing : base->config,
                            .key = key,
                            .leases = change.leases_back,
                            .generation = change.revision.trial->return_generation,
                            .revision = base == nullptr ? 0 : base->revision,
                            .audit_entries = head->entries,
                            .audit_head = head->hash},
                           times);
  if (!images.ok()) return images.status();
  change.running->compiled = std::move(images->image);
  change.way_back = std::move(images->way_back);
  if (base == nullptr) return absl::OkStatus();
  auto returned = std::make_shared<RunningRevision>(*base);
  returned->generation = change.revision.trial->return_generation;
  returned->compiled = change.way_back;
  change.back = std::move(returned);
  return absl::OkStatus();
}

// Above everything that was ever reserved or that a plane runs or holds.
absl::StatusOr<uint64_t> Pipeline::NextGeneration() const {
  absl::StatusOr<uint64_t> stored = store_->Generation();
  if (!stored.ok()) return stored.status();
  uint64_t highest = *stored;
  for (PlaneSink* sink : sinks_) {
    const PlaneState state = sink->State();
    highest = std::max(highest, state.generation);
    if (state.trial) highest = std::max(highest, state.trial->return_generation);
  }
  return highest + 1;
}

}  // namespace evenkeel
