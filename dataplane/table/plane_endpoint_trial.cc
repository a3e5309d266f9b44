// Trials as control asks for them and as the deadline ends them: the half of PlaneEndpoint that
// plane_endpoint.h says of trials.
#include <sys/timerfd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/table/plane_endpoint.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

// How long the manager waits for the disk: before a trial, and when one was confirmed.
constexpr absl::Duration kDurableBound = absl::Seconds(2);
// Between two tries to install a way back.
constexpr uint64_t kReturnRetryNs = 1'000'000'000;

}  // namespace

void PlaneEndpoint::TakeStage(const StageMessage& stage) {
  AnswerPublication(stage.header.request, stage.generation, store_.Stage(stage.generation));
}

void PlaneEndpoint::TakeTrial(const TrialMessage& message) {
  const bool is_renewal = store_.is_on_trial();
  const absl::Status status = store_.PublishTrial(message.trial, BootTimeNs());
  if (!status.ok()) {
    AnswerPublication(message.header.request, message.trial.generation, status);
    // The way back of a trial that did not begin may be on disk already.
    if (!is_renewal) KeepAccepted();
    return;
  }
  transfer_fault_ = absl::OkStatus();
  FollowTrial();
  const TrialRecord& trial = store_.trial();
  const uint64_t now_ns = BootTimeNs();
  if (!is_renewal) {
    Log("info", absl::StrCat("revision ", trial.id, " is on trial as generation ", trial.generation,
                             ": generation ", trial.return_generation, " comes back in ",
                             (std::max(trial.deadline_ns, now_ns) - now_ns) / 1'000'000,
                             " ms unless it is confirmed"));
  }
  TellTrial(message.header.request);
}

void PlaneEndpoint::TakeDecision(const DecideMessage& decision) {
  if (decision.wanted != TrialState::kConfirmed && decision.wanted != TrialState::kReturned) {
    return server_->Disconnect("it asked for an end of a trial that there is not");
  }
  ExpireTrial();
  const bool was_on_trial = store_.is_on_trial();
  const absl::Status status = store_.Decide(decision.id, decision.wanted, BootTimeNs());
  FollowTrial();
  if (was_on_trial && !store_.is_on_trial()) {
    Log("info", absl::StrCat("the trial of revision ", decision.id,
                             store_.trial().state == TrialState::kConfirmed
                                 ? " is confirmed"
                                 : " has ended: it has gone back"));
    // Before the answer: who was told "confirmed" must not see it taken back by a restart.
    if (store_.trial().state == TrialState::kConfirmed) {
      KeepConfirmed();
    } else {
      KeepAccepted();
    }
  }
  if (!status.ok()) {
    Log("warning", status.message());
    if (was_on_trial && !store_.is_on_trial()) TellTrial(0);
    return Nack(decision.header.request, 0, status);
  }
  TellTrial(decision.header.request);
}

void PlaneEndpoint::ExpireTrial() {
  if (!store_.ExpireTrial(BootTimeNs())) return;
  FollowTrial();
  const TrialRecord& trial = store_.trial();
  if (store_.is_return_pending()) {
    Log("error", absl::StrCat("the deadline of revision ", trial.id, " has passed, but generation ",
                              trial.return_generation,
                              " could not be installed; it is tried again every second"));
  } else {
    Log("warning",
        absl::StrCat("revision ", trial.id, " was not confirmed in time: went back to generation ",
                     trial.return_generation));
    KeepAccepted();
  }
  TellTrial(0);
}

// The timer stands for the store's next step: the deadline, or another try.
void PlaneEndpoint::FollowTrial() {
  uint64_t at_ns = 0;  // disarms, and takes back a time that has come
  if (store_.is_on_trial()) at_ns = store_.trial().deadline_ns;
  if (store_.is_return_pending()) at_ns = BootTimeNs() + kReturnRetryNs;
  itimerspec timer{};
  timer.it_value.tv_sec = static_cast<time_t>(at_ns / 1'000'000'000);
  timer.it_value.tv_nsec = static_cast<long>(at_ns % 1'000'000'000);
  if (timerfd_settime(deadline_.get(), TFD_TIMER_ABSTIME, &timer, nullptr) != 0) {
    Log("error", absl::StrCat("cannot set the trial's timer: ", std::strerror(errno)));
  }
}

void PlaneEndpoint::TellTrial(uint32_t request) {
  TrialStateMessage message = MakeMessage<TrialStateMessage>(request);
  message.trial = store_.trial();
  if (const auto& image = store_.accepted(); image != nullptr) {
    message.generation = image->generation();
    message.revision = image->revision();
  }
  server_->Send(message);
}

// A renewal's way back may come later: the one on disk is good, if older.
absl::Status PlaneEndpoint::KeepWayBack(const std::shared_ptr<const ImageView>& image) {
  if (last_good_ == nullptr) return absl::OkStatus();
  if (!store_.is_on_trial()) return last_good_->SaveAndWait(image, kDurableBound);
  last_good_->Save(image);
  return absl::OkStatus();
}

// What was decided is final; a disk that does not take it is an alarm, not another decision.
void PlaneEndpoint::KeepConfirmed() {
  if (last_good_ == nullptr) return;
  const absl::Status kept = last_good_->SaveAndWait(store_.accepted(), kDurableBound);
  if (!kept.ok()) {
    Log("error", absl::StrCat("generation ", store_.accepted()->generation(),
                              " runs, but a restart would not find it: ", kept.message()));
  }
}

}  // namespace evenkeel
