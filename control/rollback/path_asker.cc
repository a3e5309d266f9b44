#include "control/rollback/path_asker.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr std::chrono::seconds kPace(1);
constexpr std::chrono::milliseconds kPauseMin(100);  // after a round that took longer

std::string NameOf(const HealthTarget& target) {
  return absl::StrCat(target.pool, "/", target.backend);
}

}  // namespace

void PathAsker::Begin(std::vector<TrialPath> paths, const Network& network) {
  End();
  paths_ = std::move(paths);
  evidence_.clear();
  all_answer_ = false;
  ending_ = false;
  for (const TrialPath& path : paths_) {
    if (path.is_changed) {
      evidence_.push_back(
          {.service = path.service, .backend = NameOf(path.target), .error = {}, .contrast = {}});
    }
  }
  if (evidence_.empty()) return;
  thread_ = std::thread([this, network] { Run(network); });
}

void PathAsker::End() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void PathAsker::Run(const Network& network) {
  std::vector<HealthTarget> targets;
  for (const TrialPath& path : paths_) targets.push_back(path.target);
  const Ask ask = make_ask_();
  std::unique_lock lock(mutex_);
  while (!ending_) {
    lock.unlock();
    const auto begun = std::chrono::steady_clock::now();
    const std::vector<ProbeReport> reports = ask(targets, network);
    const auto ended = std::chrono::steady_clock::now();
    lock.lock();
    Count(reports);
    wake_.wait_until(lock, std::max(begun + kPace, ended + kPauseMin), [this] { return ending_; });
  }
}

// With the lock held.
void PathAsker::Count(const std::vector<ProbeReport>& reports) {
  const auto answers = [&](size_t i) { return reports[i].finding == ProbeFinding::kPasses; };
  all_answer_ = true;
  // Changed ways stand first.
  for (size_t i = 0; i < evidence_.size(); ++i) {
    PathEvidence& evidence = evidence_[i];
    all_answer_ = all_answer_ && answers(i);
    evidence.contrast.clear();
    for (const size_t contrast : paths_[i].contrasts) {
      if (answers(contrast)) evidence.contrast = NameOf(reports[contrast].target);
    }
    if (answers(i) || evidence.contrast.empty()) {
      evidence.failed = 0;
    } else if (reports[i].finding != ProbeFinding::kNotChecked) {
      ++evidence.failed;
      evidence.error = reports[i].error;
    }
  }
}

std::vector<PathEvidence> PathAsker::Evidence() const {
  const std::lock_guard lock(mutex_);
  return evidence_;
}

bool PathAsker::AllAnswer() const {
  const std::lock_guard lock(mutex_);
  return all_answer_;
}

}  // namespace evenkeel
