// A plane of the test's own: takes what it is given, or refuses, or is not there, as the test says.
#ifndef TESTS_CONTROL_PUBLISH_FAKE_SINK_H_
#define TESTS_CONTROL_PUBLISH_FAKE_SINK_H_

#include <mutex>
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
    if (publication->generation <= state_.generation) {
      return absl::InvalidArgumentError("stale generation");
    }
    running_ = publication;
    state_.generation = publication->generation;
    state_.revision = publication->revision;
    state_.image = nullptr;
    return absl::OkStatus();
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

  // Of the next Publish(). DeadlineExceeded: the connection is lost; `takes` says whether the plane
  // installs the image all the same.
  void AnswerNext(absl::Status status, bool takes = false) {
    const std::lock_guard lock(mutex_);
    next_answer_ = std::move(status);
    takes_silently_ = takes;
  }
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
  void ForgetOffers() {
    const std::lock_guard lock(mutex_);
    offered_.clear();
  }

 private:
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
  PlaneState state_;
  PublicationPtr running_;
  std::vector<PublicationPtr> offered_;
  absl::Status next_answer_;
  bool takes_silently_ = false;
  StatsSnapshot stats_;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_PUBLISH_FAKE_SINK_H_
