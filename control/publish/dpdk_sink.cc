#include "control/publish/dpdk_sink.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/app/log.h"
#include "control/publish/plane_trial.h"
#include "dataplane/table/flow_directory.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kRetryMin = absl::Milliseconds(100);
constexpr absl::Duration kRetryMax = absl::Seconds(1);
constexpr absl::Duration kConnectTimeout = absl::Seconds(3);
constexpr absl::Duration kSamplesTimeout = absl::Seconds(1);
// Between two connections, at least.
constexpr absl::Duration kConnectionPause = absl::Milliseconds(100);
// How often a connection that poll() reports ready is looked at while a call on it is under way.
constexpr absl::Duration kBusyPause = absl::Milliseconds(20);

std::string Describe(const ChannelClient::PlaneInfo& plane) {
  return absl::StrCat("process ", plane.pid, ", version ", plane.version, ", ", plane.worker_count,
                      plane.worker_count == 1 ? " worker" : " workers");
}

absl::Status NotConnected(const std::string& path, const std::string& fault) {
  return absl::UnavailableError(
      absl::StrCat("no dataplane is connected on ", path, fault.empty() ? "" : ": ", fault));
}

}  // namespace

DpdkSink::DpdkSink(std::string socket_path)
    : socket_path_(std::move(socket_path)), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

void DpdkSink::Stop() {
  stopping_ = true;
  Wake();
  if (thread_.joinable()) thread_.join();
}

void DpdkSink::Start(std::function<void()> changed) {
  changed_ = std::move(changed);
  thread_ = std::thread([this] { Run(); });
}

PlaneState DpdkSink::State() const {
  const std::lock_guard lock(state_mutex_);
  return state_;
}

absl::Status DpdkSink::Publish(const PublicationPtr& publication, absl::Duration timeout) {
  const std::lock_guard call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  const absl::Status published =
      EndCall(client_->Publish(publication->root.bytes(), publication->tables, timeout));
  if (published.ok()) SetRunning(publication->generation, publication->revision);
  return published;
}

absl::Status DpdkSink::PublishTrial(const TrialPublication& trial, absl::Duration timeout) {
  const std::lock_guard call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  const auto offered = [](const PublicationPtr& image) {
    return ChannelClient::Offered{image->root.bytes(), image->tables};
  };
  const absl::Status published = client_->PublishTrial(
      offered(trial.image), offered(trial.way_back), ToTrialRecord(trial), timeout);
  // Before what the plane may have said since: that it has gone back.
  if (published.ok()) SetRunning(trial.image->generation, trial.image->revision);
  return EndCall(published);
}

absl::Status DpdkSink::ConfirmTrial(uint64_t id, absl::Duration timeout) {
  return Decide(id, TrialState::kConfirmed, timeout);
}

absl::Status DpdkSink::ReturnFromTrial(uint64_t id, absl::Duration timeout) {
  return Decide(id, TrialState::kReturned, timeout);
}

absl::Status DpdkSink::Decide(uint64_t id, TrialState wanted, absl::Duration timeout) {
  const std::lock_guard call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  return EndCall(client_->Decide(id, wanted, timeout));
}

// Other calls go on meanwhile; the answer comes to whoever reads the connection, most often Run().
absl::StatusOr<PlaneAudit> DpdkSink::Audit(absl::Duration timeout) {
  const auto deadline = std::chrono::steady_clock::now() + absl::ToChronoMilliseconds(timeout);
  std::unique_lock call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  const ChannelClient* const asked = client_.get();
  if (absl::Status status = EndCall(client_->BeginAudit(timeout)); !status.ok()) return status;
  for (;;) {
    if (client_.get() != asked || !client_->connected()) {
      return NotConnected(socket_path_, State().fault);
    }
    if (auto facts = client_->TakeAudit()) {
      if (!facts->ok()) return facts->status();
      return PlaneAudit{.generation = (*facts)->generation,
                        .digest = (*facts)->digest,
                        .workers = std::move((*facts)->workers),
                        .faults = std::move((*facts)->faults)};
    }
    if (call_ended_.wait_until(call, deadline) == std::cv_status::timeout) {
      return absl::DeadlineExceededError("the plane has not finished its audit in time");
    }
  }
}

absl::StatusOr<SampleBatch> DpdkSink::TakeSamples(uint32_t every) {
  const std::lock_guard call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  if (!samples_) {
    absl::StatusOr<SampleMemory> memory = client_->OpenSamples(kSamplesTimeout);
    if (absl::Status status = EndCall(memory.status()); !status.ok()) return status;
    samples_.emplace(*std::move(memory));
  }
  SampleBatch batch;
  for (uint32_t i = 0; i < samples_->count(); ++i) {
    const SampleRing ring = samples_->ring(i);
    SetSampleRate(ring, every);
    evenkeel::TakeSamples(ring, &batch.samples);
    batch.dropped += DroppedSamples(ring);
  }
  return batch;
}

// The workers' tables are files, in a directory that the plane told when it connected.
absl::Status DpdkSink::ReadFlows(const ShowFlows& show) {
  std::string directory;
  {
    const std::lock_guard call(call_mutex_);
    if (client_ == nullptr) return NotConnected(socket_path_, State().fault);
    directory = client_->hello().flow_dir;
  }
  if (directory.empty()) return absl::OkStatus();  // it tracks none
  const absl::StatusOr<std::vector<FlowRegion>> tables = ReadFlowTables(directory);
  if (!tables.ok()) return tables.status();
  for (const FlowRegion& table : *tables) show(table.buckets());
  return absl::OkStatus();
}

absl::StatusOr<StatsSnapshot> DpdkSink::Stats(absl::Duration timeout) {
  const std::lock_guard call(call_mutex_);
  if (client_ == nullptr || !client_->connected()) return NotConnected(socket_path_, State().fault);
  absl::StatusOr<StatsSnapshot> stats = client_->Stats(timeout);
  if (absl::Status status = EndCall(stats.status()); !status.ok()) return status;
  return stats;
}

void DpdkSink::SetRunning(uint64_t generation, int64_t revision) {
  const std::lock_guard lock(state_mutex_);
  state_.generation = generation;
  state_.revision = revision;
  state_.image = nullptr;
}

// The end of every call: notices a lost connection and what the plane has told meanwhile.
absl::Status DpdkSink::EndCall(absl::Status status) {
  call_ended_.notify_all();
  if (!client_->connected()) {
    Lose(status);
    return status;
  }
  if (TakeTrial() && client_->news().trial.state == TrialState::kReturned) {
    has_news_ = true;
    Wake();
  }
  return ToSinkStatus(std::move(status));
}

// True: the plane's trial is another or has ended.
bool DpdkSink::TakeTrial() {
  const ChannelClient::TrialNews& news = client_->news();
  const std::lock_guard lock(state_mutex_);
  std::optional<PlaneTrial> trial = ToPlaneTrial(news.trial);
  if (trial == state_.trial) return false;
  state_.trial = trial;
  if (trial && state_.generation != news.generation) {
    state_.generation = news.generation;
    state_.revision = static_cast<int64_t>(news.revision);
    state_.image = nullptr;
  }
  return true;
}

void DpdkSink::Run() {
  absl::Duration retry = kRetryMin;
  while (!stopping_) {
    if (has_news_.exchange(false)) changed_();
    int connection = -1;
    {
      const std::lock_guard call(call_mutex_);
      if (client_ != nullptr && client_->connected()) connection = client_->fd();
    }
    if (connection >= 0) {
      Wait(absl::InfiniteDuration(), connection);
      CheckConnection();
    } else if (TryConnect()) {
      retry = kRetryMin;
      changed_();
      // A plane that two evenkeelds fight for, or that dies at once, is not asked without end.
      Wait(kConnectionPause, -1);
    } else {
      Wait(retry, -1);
      retry = std::min(retry * 2, kRetryMax);
    }
  }
}

void DpdkSink::CheckConnection() {
  // Readable is either the answer to a call of another thread, which then holds the lock, or what
  // the plane says by itself, or the end.
  std::unique_lock call(call_mutex_, std::try_to_lock);
  if (!call.owns_lock()) {
    Wait(kBusyPause, -1);
    return;
  }
  if (client_ == nullptr || !client_->connected()) return;
  const absl::Status news = client_->TakeNews();
  call_ended_.notify_all();
  if (news.ok()) {
    if (!TakeTrial()) return;
  } else {
    client_.reset();
    Lose(absl::UnavailableError(
        "it closed the connection (it was stopped, or another evenkeeld took over)"));
  }
  call.unlock();
  changed_();
}

bool DpdkSink::TryConnect() {
  absl::StatusOr<std::unique_ptr<ChannelClient>> client =
      ChannelClient::Connect(socket_path_, kConnectTimeout);
  const std::lock_guard call(call_mutex_);
  if (!client.ok()) {
    client_.reset();
    const std::lock_guard lock(state_mutex_);
    const std::string fault(client.status().message());
    if (fault != state_.fault) {  // said once, not every second
      LogWarning("publish", "no dataplane yet, trying again for ever: ", fault);
    }
    state_.connected = false;
    state_.fault = fault;
    return false;
  }
  client_ = *std::move(client);
  samples_.reset();
  const ChannelClient::PlaneInfo& plane = client_->hello();
  const absl::StatusOr<std::shared_ptr<const ImageView>>& accepted = client_->accepted();
  LogInfo("publish", "connected to the dataplane (", Describe(plane), "): it runs ",
          plane.generation == 0
              ? std::string("nothing yet")
              : absl::StrCat("generation ", plane.generation, " of revision ", plane.revision));
  const std::lock_guard lock(state_mutex_);
  state_.connected = true;
  ++state_.connection;
  state_.generation = plane.generation;
  state_.revision = static_cast<int64_t>(plane.revision);
  state_.image = accepted.ok() ? *accepted : nullptr;
  state_.fault = std::string(accepted.status().message());
  state_.trial = ToPlaneTrial(plane.trial);
  return true;
}

void DpdkSink::Wait(absl::Duration timeout, int connection) {
  // poll() skips negative descriptors.
  pollfd waits[2] = {{.fd = wake_.get(), .events = POLLIN, .revents = 0},
                     {.fd = connection, .events = POLLIN, .revents = 0}};
  const int64_t timeout_ms =
      timeout == absl::InfiniteDuration() ? -1 : absl::ToInt64Milliseconds(timeout);
  if (poll(waits, 2, static_cast<int>(timeout_ms)) <= 0 || waits[0].revents == 0) return;
  uint64_t count = 0;
  [[maybe_unused]] const ssize_t size = read(wake_.get(), &count, sizeof(count));
}

void DpdkSink::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

void DpdkSink::Lose(const absl::Status& why) {
  LogWarning("publish", "lost the dataplane, connecting again: ", why.message());
  const std::lock_guard lock(state_mutex_);
  state_.connected = false;
  state_.image = nullptr;
  state_.fault = std::string(why.message());
  Wake();
}

}  // namespace evenkeel
