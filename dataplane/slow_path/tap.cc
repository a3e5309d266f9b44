#include "dataplane/slow_path/tap.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

constexpr int kPollMs = 1;  // the longest that a packet for the kernel waits
constexpr unsigned kBurst = 32;

// One ioctl on the interface named in `request`.
absl::Status Set(int socket_fd, unsigned long what, ifreq* request, absl::string_view text) {
  if (ioctl(socket_fd, what, request) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("tap ", request->ifr_name, ": ", text));
}

absl::Status BringUp(const Tap::Options& options) {
  const UniqueFd socket_fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!socket_fd.valid()) return absl::ErrnoToStatus(errno, "socket");
  ifreq request{};
  options.name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_hwaddr.sa_family = ARPHRD_ETHER;
  std::copy(options.mac.begin(), options.mac.end(), request.ifr_hwaddr.sa_data);
  if (auto s = Set(socket_fd.get(), SIOCSIFHWADDR, &request, "MAC address"); !s.ok()) return s;
  if (options.mtu != 0) {
    request.ifr_mtu = options.mtu;
    if (auto s = Set(socket_fd.get(), SIOCSIFMTU, &request, "MTU"); !s.ok()) return s;
  }
  if (auto s = Set(socket_fd.get(), SIOCGIFFLAGS, &request, "flags"); !s.ok()) return s;
  request.ifr_flags = static_cast<short>(request.ifr_flags | IFF_UP);
  return Set(socket_fd.get(), SIOCSIFFLAGS, &request, "up");
}

}  // namespace

absl::StatusOr<std::unique_ptr<Tap>> Tap::Open(const Options& options, KernelQueues* queues,
                                               rte_mempool* pool) {
  if (options.name.empty() || options.name.size() >= IFNAMSIZ) {
    return absl::InvalidArgumentError(absl::StrCat(
        "'", options.name, "' is no interface name: 1 to ", IFNAMSIZ - 1, " characters"));
  }
  UniqueFd device(open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC));
  if (!device.valid()) return absl::ErrnoToStatus(errno, "/dev/net/tun");
  ifreq request{};
  options.name.copy(request.ifr_name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (ioctl(device.get(), TUNSETIFF, &request) != 0) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("tap ", options.name, " (needs CAP_NET_ADMIN and an unused name)"));
  }
  if (absl::Status s = BringUp(options); !s.ok()) return s;
  const unsigned interface_index = if_nametoindex(options.name.c_str());
  return std::unique_ptr<Tap>(new Tap(std::move(device), interface_index, queues, pool));
}

Tap::Tap(UniqueFd device, unsigned interface_index, KernelQueues* queues, rte_mempool* pool)
    : device_(std::move(device)),
      interface_index_(interface_index),
      queues_(queues),
      pool_(pool),
      thread_([this] { Run(); }) {}

Tap::~Tap() {
  stop_.store(true, std::memory_order_relaxed);
  thread_.join();
}

void Tap::Run() {
  while (!stop_.load(std::memory_order_relaxed)) {
    pollfd ready{device_.get(), POLLIN, 0};
    if (poll(&ready, 1, kPollMs) > 0) TakeFromKernel();
    GiveToKernel();
  }
}

void Tap::GiveToKernel() {
  rte_mbuf* packets[kBurst];
  unsigned count;
  while ((count = rte_ring_sc_dequeue_burst(queues_->to_kernel(), reinterpret_cast<void**>(packets),
                                            kBurst, nullptr)) > 0) {
    for (unsigned i = 0; i < count; ++i) {
      const ssize_t written =
          write(device_.get(), rte_pktmbuf_mtod(packets[i], const void*), packets[i]->data_len);
      (written > 0 ? given_ : refused_).fetch_add(1, std::memory_order_relaxed);
    }
    rte_pktmbuf_free_bulk(packets, count);
  }
}

void Tap::TakeFromKernel() {
  for (unsigned i = 0; i < kBurst; ++i) {
    rte_mbuf* packet = rte_pktmbuf_alloc(pool_);
    if (packet == nullptr) return;
    const ssize_t length =
        read(device_.get(), rte_pktmbuf_mtod(packet, void*), rte_pktmbuf_tailroom(packet));
    if (length <= 0) {
      rte_pktmbuf_free(packet);
      return;
    }
    packet->data_len = static_cast<uint16_t>(length);
    packet->pkt_len = static_cast<uint32_t>(length);
    taken_.fetch_add(1, std::memory_order_relaxed);
    if (rte_ring_sp_enqueue(queues_->from_kernel(), packet) != 0) {
      rte_pktmbuf_free(packet);
      refused_.fetch_add(1, std::memory_order_relaxed);
    }
  }
}

}  // namespace evenkeel
