// A plane of the test's own: takes what it is given, or refuses, or is not there, as the test says.
// Its trials end when the test says so: it has no clock.
#ifndef TESTS_CONTROL_PUBLISH_FAKE_SINK_H_
#define TESTS_CONTROL_PUBLISH_FAKE_SINK_H_

#include <algorithm>
#include <mutex>
#include <optional>
#include <utility>
#include <vector>

#include "control/publish/sink.h"

namespace evenkeel {

class FakeSink : public PlaneSink {
 public:
  absl::string_view kind() const override { return "fake"; }
  void Start(std::function<void()> changed) override { changed_ = std::move(changed); }
  void Stop() override { changed_ = nullptr; }

  absl::Status Publish(const PublicationPtr& publication, absl::Duration) override {
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    offered_.push_back(publication);
    absl::Status answer = std::exchange(next_answer_, absl::OkStatus());
    if (absl::IsDeadlineExceeded(answer)) {
      if (takes_silently_) running_ = publication;
      state_.connected = false;
      state_.image = nullptr;
    }
    if (!answer.ok()) return answer;
    if (IsOnTrial()) return absl::FailedPreconditionError("a trial is armed");
    if (publication->generation <= Newest()) {
      return absl::InvalidArgumentError("stale generation");
    }
    trial_.reset();
    state_.trial.reset();
    Install(publication);
    return absl::OkStatus();
  }

  absl::Status ReadFlows(const ShowFlows& show) override {
    const std::lock_guard lock(mutex_);
    if (!flows_) return absl::UnimplementedError("this plane tracks no flows");
    show(*flows_);
    return absl::OkStatus();
  }
  // What its flow table holds from now on: one flow a bucket.
  void SetFlows(const std::vector<uint64_t>& entries) {
    const std::lock_guard lock(mutex_);
    flows_.emplace();
    for (const uint64_t entry : entries) flows_->push_back({.entry = {entry}});
  }

  absl::Status PublishTrial(const TrialPublication& trial, absl::Duration) override {
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    offered_trials_.push_back(trial);
    absl::Status answer = std::exchange(next_answer_, absl::OkStatus());
    const bool is_lost = absl::IsDeadlineExceeded(answer);
    if (!answer.ok() && !(is_lost && takes_silently_)) {
      if (is_lost) Lose();
      return answer;
    }
    const bool is_renewal = IsOnTrial() && trial_->id == trial.id;
    if (IsOnTrial() && !is_renewal) return absl::FailedPreconditionError("another trial is armed");
    if (!is_renewal && state_.trial && state_.trial->id == trial.id) {
      return absl::FailedPreconditionError("this trial has ended");
    }
    if (trial.image->generation <= Newest() ||
        trial.way_back->generation != trial.image->generation + 1) {
      return absl::InvalidArgumentError("stale generation");
    }
    const uint64_t deadline = is_renewal ? trial_->deadline_ns : trial.deadline_ns;
    trial_ = trial;
    trial_->deadline_ns = deadline;
    state_.trial = PlaneTrial{.id = trial.id,
                              .generation = trial.image->generation,
                              .return_generation = trial.way_back->generation,
                              .deadline_ns = deadline};
    Install(trial.image);
    if (is_lost) Lose();
    return answer;
  }

  absl::Status ConfirmTrial(uint64_t id, absl::Duration) override {
    return Decide(id, TrialPhase::kConfirmed);
  }
  absl::Status ReturnFromTrial(uint64_t id, absl::Duration) override {
    return Decide(id, TrialPhase::kReturned);
  }

  absl::StatusOr<PlaneAudit> Audit(absl::Duration) override {
    if (while_auditing_) while_auditing_();
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    if (audit_) return *audit_;
    PlaneAudit audit;
    if (running_ == nullptr) return audit;
    audit.generation = running_->generation;
    if (const auto image = ImageOf(*running_)) audit.digest = image->RecomputedDigest();
    return audit;
  }

  absl::StatusOr<SampleBatch> TakeSamples(uint32_t every) override {
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    sample_every_ = every;
    return SampleBatch{.samples = std::exchange(samples_, {}), .dropped = samples_lost_};
  }
  // What found no room since the plane's start.
  void SetSamplesLost(uint64_t lost) {
    const std::lock_guard lock(mutex_);
    samples_lost_ = lost;
  }
  // What it has sampled since it was asked last.
  void AddSample(const lb_sample& sample) {
    const std::lock_guard lock(mutex_);
    samples_.push_back(sample);
  }
  uint32_t sample_every() const {
    const std::lock_guard lock(mutex_);
    return sample_every_;
  }

  PlaneState State() const override {
    const std::lock_guard lock(mutex_);
    return state_;
  }

  absl::StatusOr<StatsSnapshot> Stats(absl::Duration) override {
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    StatsSnapshot stats = stats_;
    stats.generation = state_.generation;
    return stats;
  }

  // Says so to whoever watches.
  void Connect() {
    {
      const std::lock_guard lock(mutex_);
      state_.connected = true;
      ++state_.connection;
      state_.generation = running_ == nullptr ? 0 : running_->generation;
      state_.revision = running_ == nullptr ? 0 : running_->revision;
      state_.image = running_ == nullptr ? nullptr : ImageOf(*running_);
    }
    if (changed_) changed_();
  }
  void Disconnect() {
    {
      const std::lock_guard lock(mutex_);
      state_.connected = false;
    }
    if (changed_) changed_();
  }
  // A plane that was started anew and remembers nothing.
  void Forget() {
    const std::lock_guard lock(mutex_);
    running_ = nullptr;
  }
  // What the plane runs, whoever published it.
  void Run(PublicationPtr publication) {
    const std::lock_guard lock(mutex_);
    running_ = std::move(publication);
  }

  // The trial's deadline passes, seen by control when it is connected. Nothing once it has ended.
  void PassDeadline() {
    bool is_seen = false;
    {
      const std::lock_guard lock(mutex_);
      if (!IsOnTrial()) return;
      End(TrialPhase::kReturned);
      is_seen = state_.connected;
    }
    if (is_seen && changed_) changed_();
  }
  // A plane that died and was started anew: during a trial it begins with the way back; what it
  // knew of trials is gone. Connect() follows.
  void Restart() {
    const std::lock_guard lock(mutex_);
    Lose();
    if (IsOnTrial()) End(TrialPhase::kReturned);
    trial_.reset();
    state_.trial.reset();
  }

  // Of the next Publish() or PublishTrial(). DeadlineExceeded: the connection is lost; `takes` says
  // whether the plane installs the image all the same.
  void AnswerNext(absl::Status status, bool takes = false) {
    const std::lock_guard lock(mutex_);
    next_answer_ = std::move(status);
    takes_silently_ = takes;
  }
  // Of the next ConfirmTrial() or ReturnFromTrial(), as above.
  void AnswerNextDecision(absl::Status status, bool takes = false) {
    const std::lock_guard lock(mutex_);
    next_decision_ = std::move(status);
    decides_silently_ = takes;
  }
  // What Audit() finds from now on; nullopt: what runs, without faults.
  void SetAudit(std::optional<PlaneAudit> audit) {
    const std::lock_guard lock(mutex_);
    audit_ = std::move(audit);
  }
  // Called in each Audit(), as long as the plane looks at itself.
  void WhileAuditing(std::function<void()> act) { while_auditing_ = std::move(act); }
  void SetStats(StatsSnapshot stats) {
    const std::lock_guard lock(mutex_);
    stats_ = std::move(stats);
  }

  PublicationPtr running() const {
    const std::lock_guard lock(mutex_);
    return running_;
  }
  size_t offered() const {
    const std::lock_guard lock(mutex_);
    return offered_.size();
  }
  std::vector<TrialPublication> offered_trials() const {
    const std::lock_guard lock(mutex_);
    return offered_trials_;
  }
  void ForgetOffers() {
    const std::lock_guard lock(mutex_);
    offered_.clear();
    offered_trials_.clear();
  }

 private:
  // The rest is called under the mutex.
  bool IsOnTrial() const { return state_.trial && state_.trial->phase == TrialPhase::kArmed; }
  // The generation of a way back is spent whether it ran or not.
  uint64_t Newest() const {
    return std::max(running_ == nullptr ? 0 : running_->generation,
                    state_.trial ? state_.trial->return_generation : 0);
  }
  void Install(PublicationPtr publication) {
    running_ = std::move(publication);
    state_.generation = running_->generation;
    state_.revision = running_->revision;
    state_.image = nullptr;
  }
  void Lose() {
    state_.connected = false;
    state_.image = nullptr;
  }
  void End(TrialPhase phase) {
    state_.trial->phase = phase;
    if (phase == TrialPhase::kReturned) Install(trial_->way_back);
  }
  absl::Status Decide(uint64_t id, TrialPhase phase) {
    const std::lock_guard lock(mutex_);
    if (!state_.connected) return absl::UnavailableError("not connected");
    absl::Status answer = std::exchange(next_decision_, absl::OkStatus());
    const bool is_lost = absl::IsDeadlineExceeded(answer);
    if (answer.ok() || (is_lost && decides_silently_)) {
      const absl::Status decided = DecideNow(id, phase);
      if (answer.ok()) answer = decided;
    }
    if (is_lost) Lose();
    return answer;
  }
  absl::Status DecideNow(uint64_t id, TrialPhase phase) {
    const bool is_known = state_.trial && state_.trial->id == id;
    if (is_known && IsOnTrial()) End(phase);
    // Of a trial that it knows nothing of, what runs tells: the revision on trial, or another.
    const bool is_confirmed =
        is_known ? state_.trial->phase == TrialPhase::kConfirmed
                 : running_ != nullptr && static_cast<uint64_t>(running_->revision) == id;
    if (is_confirmed == (phase == TrialPhase::kConfirmed)) return absl::OkStatus();
    return absl::FailedPreconditionError(is_confirmed ? "it was confirmed" : "it has gone back");
  }

  static std::shared_ptr<const ImageView> ImageOf(const Publication& publication) {
    const TableLookup find = [&](const Digest& digest) -> TablePtr {
      for (const TablePtr& table : publication.tables) {
        if (table->digest() == digest) return table;
      }
      return nullptr;
    };
    absl::StatusOr<ImageView> image =
        ImageView::Verify(AlignedBytes::CopyOf(publication.root.bytes()), find, nullptr);
    return image.ok() ? std::make_shared<const ImageView>(*std::move(image)) : nullptr;
  }

  mutable std::mutex mutex_;
  std::function<void()> changed_;
  std::optional<std::vector<lb_flow_bucket>> flows_;  // unset: it tracks none
  PlaneState state_;
  PublicationPtr running_;
  std::vector<PublicationPtr> offered_;
  std::vector<TrialPublication> offered_trials_;
  std::optional<TrialPublication> trial_;  // the latest
  absl::Status next_answer_;
  bool takes_silently_ = false;
  absl::Status next_decision_;
  bool decides_silently_ = false;
  std::optional<PlaneAudit> audit_;
  std::function<void()> while_auditing_;
  StatsSnapshot stats_;
  std::vector<lb_sample> samples_;
  uint32_t sample_every_ = 0;
  uint64_t samples_lost_ = 0;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_PUBLISH_FAKE_SINK_H_
