// A candidate made for a shadow: judged and compiled as an apply would, and nothing more.
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/change/refusals.h"
#include "control/pipeline.h"
#include "control/shadow/candidate.h"

namespace evenkeel {

ShadowCandidate Pipeline::MakeShadow(const ApplyCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  ShadowCandidate candidate;
  const auto refuse = [&](Refusal refusal) {
    candidate.refusal =
        Refused(who, absl::StrCat("shadow ", call.file), std::move(refusal)).refusal;
    return candidate;
  };
  if (call.reason.empty()) {
    return refuse({"usage", "a shadow needs a reason", "give --reason TEXT"});
  }
  SettleActive();
  if (std::optional<Refusal> refusal = CheckIdle()) return refuse(*refusal);
  const RunningPtr base = Running();
  if (base == nullptr || base->compiled == nullptr) {
    return refuse({"refused", "nothing runs that the candidate could be compared with",
                   "apply a first revision, then let its change run as a shadow"});
  }
  if (call.base_revision && *call.base_revision != base->revision) {
    return refuse(BaseMoved(*call.base_revision, &base->record));
  }
  const Proposal proposal{.verb = "shadow",
                          .content = call.content,
                          .file = call.file,
                          .reason = call.reason,
                          .who = who,
                          .drains = base->record.drains,
                          .allow = call.allow,
                          .plan_digest = call.plan_digest,
                          .force = true};
  absl::StatusOr<Judgement> judged = JudgeProposal(proposal);
  if (!judged.ok()) return refuse(RefusalOf(judged.status()));
  candidate.findings = judged->plan.findings;
  if (!judged->config) return refuse(InvalidFile(call.file, candidate.findings));
  if (std::optional<Refusal> refusal = CheckVerdict(proposal, judged->plan)) {
    return refuse(*refusal);
  }
  if (std::optional<Refusal> refusal = CheckPlanes()) return refuse(*refusal);

  candidate.config = *std::move(judged->config);
  absl::StatusOr<LeaseTable> leases = LeaseAll(candidate.config, leases_, options_.clock->Now());
  if (!leases.ok()) return refuse(RefusalOf(leases.status()));
  absl::StatusOr<ClusterKey> key = KeyFor(candidate.config, MissingKey::kRefuse);
  if (!key.ok()) return refuse(RefusalOf(key.status()));
  candidate.leases = *std::move(leases);
  candidate.key = *key;
  if (absl::Status s = MakeTables(*base->compiled->image, &candidate); !s.ok()) {
    return refuse(RefusalOf(s));
  }
  candidate.base_revision = base->revision;
  candidate.base_generation = base->generation;
  return candidate;
}

void Pipeline::LogShadow(const Who& who, absl::string_view text) {
  LogInfo("shadow", text);
  const absl::Status logged = store_->Log(Entry(who, "shadow", 0, std::string(text)));
  if (!logged.ok()) LogError("store", "cannot log that: ", logged.message());
}

}  // namespace evenkeel
