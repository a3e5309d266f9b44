#include "dataplane/app/manager.h"

#include <poll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "dataplane/app/log.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

// How long a publication waits for the MACs of next hops that are new in it.
constexpr absl::Duration kResolveBound = absl::Milliseconds(200);
// An answer to ARP may take a retry or two; only then is it worth a line.
constexpr absl::Duration kUnresolvedGrace = absl::Seconds(2);

Address AddressOf(const lb_next_hop& hop) {
  Address address;
  std::copy(std::begin(hop.address), std::end(hop.address), address.begin());
  return address;
}

std::string MacText(uint64_t word) {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", word & 0xff, word >> 8 & 0xff,
                         word >> 16 & 0xff, word >> 24 & 0xff, word >> 32 & 0xff,
                         word >> 40 & 0xff);
}

std::vector<Address> DynamicNextHops(const ImageView& image) {
  std::vector<Address> addresses;
  for (const lb_next_hop& hop : image.next_hops()) {
    if (hop.has_static_mac == 0) addresses.push_back(AddressOf(hop));
  }
  return addresses;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Manager>> Manager::Create(const Options& options, Plane* plane,
                                                         Port* port) {
  std::unique_ptr<Manager> manager(new Manager(options, plane, port));
  Manager* self = manager.get();
  if (options.neighbour_interface != 0) {
    auto neighbours = Neighbours::Follow(
        static_cast<int>(options.neighbour_interface),
        [self](const Address& address, uint64_t word) { self->OnNeighbour(address, word); });
    if (!neighbours.ok()) return neighbours.status();
    manager->neighbours_ = *std::move(neighbours);
  }
  PlaneEndpoint::Options endpoint_options;
  endpoint_options.socket_path = options.socket;
  endpoint_options.state_dir = options.state_dir;
  endpoint_options.kind = PlaneKind::kDpdk;
  endpoint_options.worker_count = plane->worker_count();
  endpoint_options.version = EVENKEEL_VERSION;
  endpoint_options.flow_dir = options.flow_dir;
  endpoint_options.samples_fd = options.samples_fd;
  PlaneEndpoint::Callbacks callbacks;
  callbacks.install = [self](std::shared_ptr<const ImageView> image) {
    return self->Install(std::move(image));
  };
  callbacks.fill_stats = [self](StatsSnapshot* stats) { self->FillStats(stats); };
  callbacks.in_use = [plane](std::vector<uint64_t>* workers) -> std::shared_ptr<const ImageView> {
    for (uint32_t i = 0; i < plane->worker_count(); ++i) {
      workers->push_back(plane->worker(i).generation.Get());
    }
    return plane->current() == nullptr ? nullptr : plane->current()->shared_image();
  };
  callbacks.log = [](absl::string_view level, absl::string_view text) {
    LogLine(level, "control", text);
  };
  auto endpoint = PlaneEndpoint::Create(std::move(endpoint_options), std::move(callbacks));
  if (!endpoint.ok()) return endpoint.status();
  manager->endpoint_ = *std::move(endpoint);
  return manager;
}

int Manager::Run(int signal_fd) {
  // Not by the wall clock, which somebody may set.
  using Clock = std::chrono::steady_clock;
  Clock::time_point next_second = Clock::now();
  for (;;) {
    if (Clock::now() >= next_second) {
      EverySecond();
      next_second = Clock::now() + std::chrono::seconds(1);
    }
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(next_second - Clock::now()).count();
    pollfd ready[] = {{signal_fd, POLLIN, 0},
                      {endpoint_->poll_fd(), POLLIN, 0},
                      {neighbours_ != nullptr ? neighbours_->fd() : -1, POLLIN, 0}};
    if (poll(ready, std::size(ready), static_cast<int>(left) + 1) <= 0) continue;
    if (ready[0].revents != 0) {
      signalfd_siginfo signal{};
      return read(signal_fd, &signal, sizeof(signal)) == sizeof(signal)
                 ? static_cast<int>(signal.ssi_signo)
                 : 0;
    }
    if (ready[2].revents != 0) neighbours_->HandleReady();
    if (ready[1].revents != 0) endpoint_->HandleReady();
  }
}

absl::Status Manager::Install(std::shared_ptr<const ImageView> image) {
  if (neighbours_ != nullptr) {
    neighbours_->Want(DynamicNextHops(*image));
    neighbours_->Await(kResolveBound);
  }
  reported_.clear();
  unresolved_since_ = absl::Now();
  return plane_->Install(std::move(image),
                         [this](const Address& address) { return NextHopWord(address); });
}

uint64_t Manager::NextHopWord(const Address& address) const {
  return neighbours_ != nullptr ? neighbours_->Word(address) : 0;
}

void Manager::OnNeighbour(const Address& address, uint64_t word) {
  plane_->SetNextHop(address, word);
  if (word != 0) {
    LogInfo("neighbours", "next hop ", AddressText(address), " is at ", MacText(word));
    reported_.erase(address);
  }
  unresolved_since_ = absl::Now();
}

void Manager::EverySecond() {
  plane_->Tidy();
  for (const std::string& alarm : plane_->Alarms()) LogWarning("worker", alarm);
  if (neighbours_ != nullptr) neighbours_->Tick(absl::Now());
  ReportUnresolved();
  ReportLosses();
}

void Manager::ReportUnresolved() {
  if (plane_->current() == nullptr || absl::Now() - unresolved_since_ < kUnresolvedGrace) return;
  const std::vector<Address> unresolved = neighbours_ != nullptr
                                              ? neighbours_->Unresolved()
                                              : DynamicNextHops(plane_->current()->image());
  for (const Address& address : unresolved) {
    if (!reported_.insert(address).second) continue;
    LogWarning("neighbours", "next hop ", AddressText(address), " has no MAC address: ",
               neighbours_ != nullptr
                   ? "nobody answers to it; what goes there is dropped (next_hop_unresolved)"
                   : "this port has no kernel interface to ask by; set gateway_mac");
  }
  if (neighbours_ != nullptr && !neighbours_->refusal().ok() && !unresolved.empty() &&
      !refusal_reported_) {
    refusal_reported_ = true;
    LogWarning("neighbours", neighbours_->refusal().message(),
               "; run with CAP_NET_ADMIN or set gateway_mac");
  }
}

void Manager::ReportLosses() {
  const PortLosses now = port_->Losses();
  if (now.missed > losses_.missed) {
    LogWarning("port", now.missed - losses_.missed, " packets lost, ", now.missed,
               " in all: the workers did not fetch them in time; more workers or --rx-descriptors");
  }
  if (now.no_buffer > losses_.no_buffer) {
    LogWarning("port", now.no_buffer - losses_.no_buffer, " packets lost, ", now.no_buffer,
               " in all: no packet buffer was free; raise --mbufs");
  }
  losses_ = now;
}

void Manager::FillStats(StatsSnapshot* stats) const {
  plane_->FillStats(options_.lcores, stats);
  stats->alarms = plane_->Alarms();
  if (neighbours_ != nullptr) {
    for (const Address& address : neighbours_->Unresolved()) {
      stats->alarms.push_back(
          absl::StrCat("next hop ", AddressText(address), " has no MAC address"));
    }
  }
  const PortLosses losses = port_->Losses();
  stats->port_info = absl::StrCat(
      absl::StrJoin(port_->facts(), "\n"), "\nlost before a worker: ", losses.missed, " missed, ",
      losses.no_buffer, " without a buffer, ", losses.bad_frames, " bad frames");
}

}  // namespace evenkeel
