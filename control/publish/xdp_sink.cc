#include "control/publish/xdp_sink.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <chrono>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "bpf/map_audit.h"
#include "control/app/log.h"
#include "control/publish/plane_trial.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

// How long a publication waits for the MACs of next hops that are new in it.
constexpr absl::Duration kResolveBound = absl::Milliseconds(200);
// An answer to ARP may take a retry or two; only then is it worth a line.
constexpr absl::Duration kUnresolvedGrace = absl::Seconds(2);
constexpr int kAuditAttempts = 5;

}  // namespace

absl::StatusOr<std::unique_ptr<PlaneSink>> XdpSink::Create(const XdpPlane::Options& options) {
  std::unique_ptr<XdpSink> sink(new XdpSink(options));
  if (absl::Status s = sink->Connect(); !s.ok()) return s;
  return sink;
}

XdpSink::XdpSink(const XdpPlane::Options& options)
    : options_(options), wake_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

XdpSink::~XdpSink() {
  Stop();
  // A plane that never got an image forwards nothing: it is not left on the interface.
  if (plane_ != nullptr && !plane_->forwards()) plane_->Detach().IgnoreError();
}

absl::Status XdpSink::Connect() {
  absl::StatusOr<std::unique_ptr<XdpPlane>> plane = XdpPlane::Open(options_);
  if (!plane.ok()) return plane.status();
  for (const std::string& note : (*plane)->notes()) LogWarning("xdp", note);
  absl::StatusOr<std::unique_ptr<NextHops>> hops = NextHops::Follow(
      (*plane)->interface_index(), (*plane)->ports(),
      {.changed =
           [this](const Address& address, uint64_t word) {
             if (plane_ != nullptr) plane_->SetNextHop(address, word);
             unresolved_since_ = absl::Now();
             reported_.erase(address);
           },
       .port_added = [this](uint32_t number,
                            const lb_port& port) { plane_->SetPort(number, port); }});
  if (!hops.ok()) {
    if (!(*plane)->forwards()) (*plane)->Detach().IgnoreError();
    return hops.status();
  }
  plane_ = *std::move(plane);
  next_hops_ = *std::move(hops);
  unresolved_since_ = absl::Now();
  reported_.clear();
  const std::shared_ptr<const ImageView> image = plane_->current();
  if (image != nullptr) {
    next_hops_->Want(*image, plane_->way_back().get(), kResolveBound);
    for (const auto& one : {image, plane_->way_back()}) {
      if (one == nullptr) continue;
      for (const lb_next_hop& hop : one->next_hops()) {
        Address address;
        std::copy(std::begin(hop.address), std::end(hop.address), address.begin());
        // What is in use stays in use until the kernel knows better.
        const uint64_t word = next_hops_->Word(address);
        if (hop.has_static_mac == 0 && word != 0) plane_->SetNextHop(address, word);
      }
    }
  }
  LogInfo("xdp", plane_->was_adopted() ? "took over" : "attached", " the XDP program on ",
          options_.interface, ", ", XdpModeName(options_.mode), " mode: it runs ",
          image == nullptr ? std::string(plane_->forwards() ? "what cannot be read" : "nothing yet")
                           : absl::StrCat("generation ", image->generation(), " of revision ",
                                          image->revision()));
  if (const TrialRecord trial = plane_->trial(); trial.state == TrialState::kArmed) {
    LogInfo("xdp", "revision ", trial.id, " is on trial there: generation ",
            trial.return_generation, " comes back unless it is confirmed");
  }
  const std::lock_guard lock(state_mutex_);
  state_.connected = true;
  ++state_.connection;
  state_.generation = image == nullptr ? 0 : image->generation();
  state_.revision = image == nullptr ? 0 : static_cast<int64_t>(image->revision());
  state_.mode = std::string(XdpModeName(options_.mode));
  state_.image = image;
  state_.trial = ToPlaneTrial(plane_->trial());
  state_.fault.clear();
  return absl::OkStatus();
}

void XdpSink::Start(std::function<void()> changed) {
  changed_ = std::move(changed);
  thread_ = std::thread([this] { Run(); });
  changed_();
}

void XdpSink::Stop() {
  stopping_ = true;
  Wake();
  if (thread_.joinable()) thread_.join();
}

PlaneState XdpSink::State() const {
  const std::lock_guard lock(state_mutex_);
  return state_;
}

absl::Status XdpSink::Publish(const PublicationPtr& publication, absl::Duration) {
  const std::lock_guard plane_lock(plane_mutex_);
  return ToSinkStatus(Put(publication, nullptr));
}

absl::Status XdpSink::PublishTrial(const TrialPublication& trial, absl::Duration) {
  const std::lock_guard plane_lock(plane_mutex_);
  return ToSinkStatus(Put(trial.image, &trial));
}

absl::Status XdpSink::ConfirmTrial(uint64_t id, absl::Duration) {
  return ToSinkStatus(Decide(id, TrialState::kConfirmed));
}

absl::Status XdpSink::ReturnFromTrial(uint64_t id, absl::Duration) {
  return ToSinkStatus(Decide(id, TrialState::kReturned));
}

absl::StatusOr<std::shared_ptr<const ImageView>> XdpSink::Verify(const Publication& publication,
                                                                 VerifyCache* cache) {
  const auto lookup = [&](const Digest& digest) -> TablePtr {
    for (const TablePtr& table : publication.tables) {
      if (table->digest() == digest) return table;
    }
    return nullptr;
  };
  absl::StatusOr<ImageView> image =
      ImageView::Verify(AlignedBytes::CopyOf(publication.root.bytes()), lookup, cache);
  if (!image.ok()) return image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

// `trial`: null for a publication without one.
absl::Status XdpSink::Put(const PublicationPtr& publication, const TrialPublication* trial) {
  if (plane_ == nullptr) return absl::UnavailableError(State().fault);
  FollowTrial();
  const TrialRecord held = plane_->trial();
  const uint64_t running = plane_->current() == nullptr ? 0 : plane_->current()->generation();
  absl::Status status = trial == nullptr ? CheckNoTrial(held, publication->generation)
                                         : CheckTrial(held, ToTrialRecord(*trial), BootTimeNs());
  if (status.ok()) status = CheckFresh(held, running, publication->generation);
  if (!status.ok()) return status;
  auto image = Verify(*publication, &verified_);
  if (!image.ok()) return image.status();
  std::shared_ptr<const ImageView> way_back;
  if (trial != nullptr) {
    auto verified = Verify(*trial->way_back, &way_back_verified_);
    if (!verified.ok()) {
      return absl::InvalidArgumentError(
          absl::StrCat("the way back: ", verified.status().message()));
    }
    way_back = *std::move(verified);
  }
  next_hops_->Want(**image, way_back.get(), kResolveBound);
  unresolved_since_ = absl::Now();
  reported_.clear();
  const auto word = [this](const Address& address) { return next_hops_->Word(address); };
  status = trial == nullptr ? plane_->Publish(*image, word)
                            : plane_->PublishTrial(*image, way_back, ToTrialRecord(*trial), word);
  if (!status.ok()) return status;
  Wake();  // there may be more descriptors to wait for
  plane_->FollowTrial(BootTimeNs());
  Show();
  if (trial == nullptr || plane_->trial().state == TrialState::kArmed) return absl::OkStatus();
  return TellEnd(plane_->trial(), plane_->current()->revision(), trial->id, TrialState::kConfirmed);
}

absl::Status XdpSink::Decide(uint64_t id, TrialState wanted) {
  const std::lock_guard plane_lock(plane_mutex_);
  if (plane_ == nullptr) return absl::UnavailableError(State().fault);
  const TrialRecord held = plane_->trial();
  if (held.state == TrialState::kArmed && held.id == id) {
    plane_->DecideTrial(wanted, BootTimeNs());
    Show();
  }
  return TellEnd(plane_->trial(), plane_->current() == nullptr ? 0 : plane_->current()->revision(),
                 id, wanted);
}

// Called before anything is asked of the plane, since the program goes back by itself.
void XdpSink::FollowTrial() {
  if (!plane_->FollowTrial(BootTimeNs())) return;
  const TrialRecord trial = plane_->trial();
  if (trial.state == TrialState::kReturned) {
    LogWarning("xdp", "revision ", trial.id,
               " was not confirmed in time: the plane has gone back to generation ",
               plane_->current()->generation());
  }
  Show();
  has_news_ = true;
  Wake();
}

void XdpSink::Show() {
  const std::shared_ptr<const ImageView> image = plane_->current();
  const std::lock_guard lock(state_mutex_);
  state_.generation = image == nullptr ? 0 : image->generation();
  state_.revision = image == nullptr ? 0 : static_cast<int64_t>(image->revision());
  state_.image = nullptr;
  state_.trial = ToPlaneTrial(plane_->trial());
}

absl::StatusOr<PlaneAudit> XdpSink::Audit(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  absl::Status status;
  for (int attempt = 0; attempt < kAuditAttempts; ++attempt) {
    std::optional<ImageFacts> facts = TryAudit(deadline, &status);
    if (!status.ok()) return status;
    if (!facts) continue;
    return PlaneAudit{.generation = facts->generation,
                      .digest = facts->digest,
                      .workers = {},
                      .faults = std::move(facts->faults)};
  }
  return absl::AbortedError("the plane was published to again and again while it was looked at");
}

// Nothing: something else was published meanwhile.
std::optional<ImageFacts> XdpSink::TryAudit(absl::Time deadline, absl::Status* status) {
  std::unique_lock plane_lock(plane_mutex_);
  if (plane_ == nullptr) {
    *status = absl::UnavailableError(State().fault);
    return std::nullopt;
  }
  FollowTrial();
  const std::shared_ptr<const ImageView> running = plane_->current();
  if (running == nullptr) return ImageFacts{};
  MapAudit audit(plane_->maps(), static_cast<uint32_t>(plane_->current_set()));
  for (size_t i = 0; i < audit.tables(); ++i) {
    audit.CopyTable(i);
    plane_lock.unlock();
    audit.CheckTable(i);
    if (absl::Now() > deadline) {
      *status = absl::DeadlineExceededError("the audit of the XDP maps takes too long");
      return std::nullopt;
    }
    plane_lock.lock();
    if (plane_ == nullptr || plane_->current() != running) return std::nullopt;
  }
  ImageFacts facts = audit.Finish();
  if (!facts.faults.empty()) plane_->Distrust();
  return facts;
}

absl::Status XdpSink::ReadFlows(const ShowFlows& show) {
  const std::lock_guard plane_lock(plane_mutex_);
  if (plane_ == nullptr) return absl::UnavailableError(State().fault);
  show(plane_->flow_tables());
  return absl::OkStatus();
}

absl::StatusOr<SampleBatch> XdpSink::TakeSamples(uint32_t every) {
  const std::lock_guard plane_lock(plane_mutex_);
  if (plane_ == nullptr) return absl::UnavailableError(State().fault);
  SampleBatch batch;
  for (const SampleRing& ring : plane_->sample_rings()) {
    SetSampleRate(ring, every);
    evenkeel::TakeSamples(ring, &batch.samples);
    batch.dropped += DroppedSamples(ring);
  }
  return batch;
}

absl::StatusOr<StatsSnapshot> XdpSink::Stats(absl::Duration) {
  const std::lock_guard plane_lock(plane_mutex_);
  if (plane_ == nullptr) return absl::UnavailableError(State().fault);
  FollowTrial();
  StatsSnapshot stats;
  plane_->FillStats(&stats);
  // The maps, which count, can be no older than the boot.
  stats.uptime_ns = BootTimeNs();
  for (const Address& address : next_hops_->Unresolved()) {
    stats.alarms.push_back(absl::StrCat("next hop ", AddressText(address), " has no MAC address"));
  }
  stats.port_info = absl::StrCat("interface ", options_.interface, ", XDP in ",
                                 XdpModeName(options_.mode), " mode");
  return stats;
}

absl::Status XdpSink::Detach(std::vector<std::string>* removed) {
  {
    const std::lock_guard plane_lock(plane_mutex_);
    detached_ = true;
    if (plane_ != nullptr) {
      next_hops_.reset();
      if (absl::Status s = plane_->Detach(removed); !s.ok()) return s;
      plane_.reset();
    }
    const std::lock_guard lock(state_mutex_);
    state_.connected = false;
    state_.image = nullptr;
    state_.fault = absl::StrCat("`evenkeel detach` has removed the XDP program from ",
                                options_.interface, ": restart evenkeeld to forward again");
  }
  LogWarning("xdp", "detached from ", options_.interface, " as asked: nothing is forwarded there");
  Wake();
  changed_();
  return absl::OkStatus();
}

void XdpSink::Run() {
  // Not by the wall clock, which somebody may set.
  using Clock = std::chrono::steady_clock;
  Clock::time_point next_second = Clock::now();
  while (!stopping_) {
    if (has_news_.exchange(false)) changed_();
    if (Clock::now() >= next_second) {
      EverySecond();
      next_second = Clock::now() + std::chrono::seconds(1);
    }
    std::vector<pollfd> waits = {{.fd = wake_.get(), .events = POLLIN, .revents = 0}};
    {
      const std::lock_guard plane_lock(plane_mutex_);
      if (next_hops_ != nullptr) {
        for (const int fd : next_hops_->fds()) {
          waits.push_back({.fd = fd, .events = POLLIN, .revents = 0});
        }
      }
    }
    const int64_t left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_second - Clock::now()).count();
    if (poll(waits.data(), waits.size(), static_cast<int>(std::max<int64_t>(left, 0)) + 1) <= 0) {
      continue;
    }
    if (waits[0].revents != 0) {
      uint64_t count = 0;
      [[maybe_unused]] const ssize_t size = read(wake_.get(), &count, sizeof(count));
    }
    const std::lock_guard plane_lock(plane_mutex_);
    if (next_hops_ != nullptr) next_hops_->HandleReady();
  }
}

void XdpSink::EverySecond() {
  bool has_changed = false;
  {
    const std::lock_guard plane_lock(plane_mutex_);
    if (detached_) return;
    if (plane_ != nullptr) {
      if (const absl::Status attached = plane_->CheckAttached(); !attached.ok()) {
        has_changed = Lose(attached);
      } else {
        FollowTrial();
        next_hops_->Tick(absl::Now());
        plane_->SweepFlows();
        ReportUnresolved();
      }
    } else if (const absl::Status connected = Connect(); connected.ok()) {
      has_changed = true;
    } else {
      const std::lock_guard lock(state_mutex_);
      if (std::exchange(state_.fault, std::string(connected.message())) != connected.message()) {
        LogWarning("xdp", "not attached, trying again for ever: ", connected.message());
      }
    }
  }
  if (has_changed) changed_();
}

void XdpSink::ReportUnresolved() {
  if (plane_->current() == nullptr || absl::Now() - unresolved_since_ < kUnresolvedGrace) return;
  for (const Address& address : next_hops_->Unresolved()) {
    if (!reported_.insert(address).second) continue;
    LogWarning("xdp", "next hop ", AddressText(address),
               " has no MAC address: nobody answers to it; what goes there is dropped "
               "(next_hop_unresolved)");
  }
}

bool XdpSink::Lose(const absl::Status& why) {
  LogWarning("xdp", "lost the plane: ", why.message());
  next_hops_.reset();
  plane_.reset();
  const std::lock_guard lock(state_mutex_);
  state_.connected = false;
  state_.image = nullptr;
  state_.fault = std::string(why.message());
  return true;
}

void XdpSink::Wake() {
  const uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_.get(), &one, sizeof(one));
}

}  // namespace evenkeel
