#include "control/publish/plane_trial.h"

#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

TrialPhase PhaseOf(TrialState state) {
  if (state == TrialState::kConfirmed) return TrialPhase::kConfirmed;
  return state == TrialState::kReturned ? TrialPhase::kReturned : TrialPhase::kArmed;
}

}  // namespace

std::optional<PlaneTrial> ToPlaneTrial(const TrialRecord& record) {
  if (record.state == TrialState::kNone) return std::nullopt;
  return PlaneTrial{.id = record.id,
                    .generation = record.generation,
                    .return_generation = record.return_generation,
                    .deadline_ns = record.deadline_ns,
                    .phase = PhaseOf(record.state)};
}

TrialRecord ToTrialRecord(const TrialPublication& trial) {
  return {.id = trial.id,
          .generation = trial.image->generation,
          .return_generation = trial.way_back->generation,
          .deadline_ns = trial.deadline_ns};
}

absl::Status ToSinkStatus(absl::Status status) {
  const NackCode code = NackCodeOf(status);
  if (code != NackCode::kTrialArmed && code != NackCode::kTrialEnded) return status;
  return absl::FailedPreconditionError(status.message());
}

}  // namespace evenkeel
