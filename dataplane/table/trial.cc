#include "dataplane/table/trial.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {

absl::Status CheckFresh(const TrialRecord& held, uint64_t running, uint64_t generation) {
  if (generation > std::max(running, held.return_generation)) return absl::OkStatus();
  return Refuse(NackCode::kStaleGeneration,
                generation <= running
                    ? absl::StrCat("generation ", generation, " is stale: ", running,
                                   " is running here; another control has published")
                    : absl::StrCat("generation ", generation, " is stale: ", held.return_generation,
                                   " is a trial's way back"));
}

absl::Status CheckNoTrial(const TrialRecord& held, uint64_t generation) {
  if (held.state != TrialState::kArmed) return absl::OkStatus();
  return Refuse(NackCode::kTrialArmed,
                absl::StrCat("revision ", held.id, " is on trial here: generation ", generation,
                             " must wait until it is confirmed or has gone back"));
}

absl::Status CheckTrial(const TrialRecord& held, const TrialRecord& wanted, uint64_t now_ns) {
  const bool is_armed = held.state == TrialState::kArmed;
  if (wanted.return_generation != wanted.generation + 1) {
    return Refuse(NackCode::kProtocol,
                  absl::StrCat("the way back of generation ", wanted.generation, " must be ",
                               wanted.generation + 1, ", not ", wanted.return_generation));
  }
  if (is_armed && held.id != wanted.id) {
    return Refuse(NackCode::kTrialArmed,
                  absl::StrCat("revision ", held.id, " is on trial here: revision ", wanted.id,
                               " must wait until it is confirmed or has gone back"));
  }
  if (!is_armed && held.state != TrialState::kNone && held.id == wanted.id) {
    return Refuse(
        NackCode::kTrialEnded,
        absl::StrCat("the trial of revision ", wanted.id, " has ended here: it ",
                     held.state == TrialState::kConfirmed ? "was confirmed" : "has gone back"));
  }
  if ((is_armed ? held.deadline_ns : wanted.deadline_ns) <= now_ns) {
    return Refuse(NackCode::kTrialEnded,
                  absl::StrCat("the deadline of revision ", wanted.id, " has passed"));
  }
  return absl::OkStatus();
}

absl::Status TellEnd(const TrialRecord& held, uint64_t running_revision, uint64_t id,
                     TrialState wanted) {
  const bool is_known = held.state != TrialState::kNone && held.id == id;
  if (held.state == TrialState::kArmed) {
    return Refuse(NackCode::kTrialArmed,
                  absl::StrCat("revision ", held.id, " is on trial here, not ", id));
  }
  const bool is_confirmed =
      is_known ? held.state == TrialState::kConfirmed : running_revision == id;
  if (is_confirmed == (wanted == TrialState::kConfirmed)) return absl::OkStatus();
  return Refuse(NackCode::kTrialEnded,
                is_confirmed ? absl::StrCat("revision ", id, " was confirmed here")
                : is_known   ? absl::StrCat("the plane has gone back from revision ", id)
                             : absl::StrCat("the plane does not run revision ", id));
}

}  // namespace evenkeel
