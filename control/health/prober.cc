#include "control/health/prober.h"

#include <signal.h>

#include <algorithm>
#include <utility>

#include "control/app/log.h"

namespace evenkeel {

absl::StatusOr<std::unique_ptr<Prober>> Prober::Start(const Options& options,
                                                      OnVerdict on_verdict) {
  absl::StatusOr<std::unique_ptr<HealthEngine>> engine = HealthEngine::Create(options);
  if (!engine.ok()) return engine.status();
  return std::unique_ptr<Prober>(new Prober(*std::move(engine), std::move(on_verdict)));
}

Prober::Prober(std::unique_ptr<HealthEngine> engine, OnVerdict on_verdict)
    : engine_(std::move(engine)), on_verdict_(std::move(on_verdict)), thread_([this] { Run(); }) {}

Prober::~Prober() {
  stopping_.store(true);
  engine_->Wake();
  thread_.join();
}

void Prober::Run() {
  // OpenSSL writes without MSG_NOSIGNAL.
  sigset_t pipe;
  sigemptyset(&pipe);
  sigaddset(&pipe, SIGPIPE);
  pthread_sigmask(SIG_BLOCK, &pipe, nullptr);

  while (!stopping_.load()) {
    engine_->Wait();
    std::vector<HealthVerdict> verdicts;
    std::vector<std::string> problems;
    {
      const std::lock_guard lock(mutex_);
      verdicts = engine_->Work();
      problems = engine_->Problems();
    }
    for (const HealthVerdict& verdict : verdicts) on_verdict_(verdict);
    LogProblems(std::move(problems));
  }
}

void Prober::LogProblems(std::vector<std::string> problems) {
  for (const std::string& problem : problems) {
    if (std::find(logged_.begin(), logged_.end(), problem) == logged_.end()) {
      LogWarning("health", problem);
    }
  }
  logged_ = std::move(problems);
}

void Prober::SetTargets(const std::vector<HealthTarget>& targets, const Network& network) {
  {
    const std::lock_guard lock(mutex_);
    engine_->SetTargets(targets, network);
  }
  engine_->Wake();
}

std::vector<HealthStatus> Prober::Status() const {
  const std::lock_guard lock(mutex_);
  return engine_->Status();
}

HealthStats Prober::Stats() const {
  const std::lock_guard lock(mutex_);
  return engine_->stats();
}

std::vector<std::string> Prober::Problems() const {
  const std::lock_guard lock(mutex_);
  return engine_->Problems();
}

}  // namespace evenkeel
