#include "control/health/tunnel.h"

#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/inner_packet.h"
#include "control/health/socket.h"
#include "control/health/way.h"

namespace evenkeel {
namespace {

constexpr int kPacketMax = 2048;  // the device's MTU is below
constexpr int kPacketsAtOnce = 4096;
constexpr absl::Duration kSourceKept = absl::Seconds(10);
constexpr absl::Duration kSendErrorShown = absl::Minutes(1);

absl::StatusOr<UniqueFd> OpenRaw(int family, int type, int protocol) {
  UniqueFd fd(socket(family, type | SOCK_NONBLOCK | SOCK_CLOEXEC, protocol));
  if (fd.valid()) return fd;
  const int error = errno;
  return absl::Status(absl::ErrnoToStatusCode(error),
                      absl::StrCat("cannot open a socket for tunnelled checks: ", ErrnoText(error),
                                   error == EPERM ? " (needs CAP_NET_RAW)" : ""));
}

uint32_t KeyOf(bool ipv4, int protocol, uint16_t port) {
  return uint32_t{ipv4} << 17 | uint32_t{protocol == IPPROTO_UDP} << 16 | port;
}

// The port that a socket has been bound to.
uint16_t PortOf(int socket) {
  sockaddr_in6 self{};
  socklen_t size = sizeof(self);
  getsockname(socket, reinterpret_cast<sockaddr*>(&self), &size);
  return ntohs(self.sin6_port);  // at the same place in both families
}

}  // namespace

absl::StatusOr<std::unique_ptr<HealthTunnel>> HealthTunnel::Open(
    const TunDevice::Options& options, std::function<void(int fd)> added) {
  absl::StatusOr<UniqueFd> raw4 = OpenRaw(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (!raw4.ok()) return raw4.status();
  absl::StatusOr<UniqueFd> raw6 = OpenRaw(AF_INET6, SOCK_RAW, IPPROTO_RAW);
  if (!raw6.ok()) return raw6.status();
  absl::StatusOr<UniqueFd> frames = OpenRaw(AF_PACKET, SOCK_DGRAM, 0);  // 0: it receives nothing
  if (!frames.ok()) return frames.status();
  absl::StatusOr<TunDevice> device = TunDevice::Open(options);
  if (!device.ok()) return device.status();
  added(device->fd());
  return std::unique_ptr<HealthTunnel>(new HealthTunnel(*std::move(device), *std::move(raw4),
                                                        *std::move(raw6), *std::move(frames),
                                                        std::move(added)));
}

HealthTunnel::HealthTunnel(TunDevice device, UniqueFd raw4, UniqueFd raw6, UniqueFd frames,
                           std::function<void(int fd)> added)
    : device_(std::move(device)),
      raw4_(std::move(raw4)),
      raw6_(std::move(raw6)),
      frames_(std::move(frames)),
      added_(std::move(added)) {}

void HealthTunnel::Configure(const Network& network, const std::vector<IpAddress>& l2_backends) {
  outer_ = OuterHeader(network);
  hops_.Want(l2_backends, added_);
}

// What the kernel itself would send from to the VIP, were it not for the mark.
absl::StatusOr<IpAddress> HealthTunnel::SourceTowards(const IpAddress& vip) {
  const absl::Time now = absl::Now();
  const auto known = sources_.find(vip);
  if (known != sources_.end() && now < known->second.until) return known->second.address;
  absl::StatusOr<IpAddress> source = LocalAddressTowards(vip);
  if (source.ok() && *source == vip) {
    source = absl::FailedPreconditionError(
        absl::StrCat(vip.ToString(),
                     " is an address of this node, which would drop answers from "
                     "it: take it off its interface"));
  }
  sources_.insert_or_assign(vip, Source{source, now + kSourceKept});
  return source;
}

absl::Status HealthTunnel::Prepare(int socket, int protocol, const IpAddress& vip,
                                   const std::optional<IpAddress>& source, const TunnelEnd& end) {
  if (const absl::Status& s = device_.routed(vip.family()); !s.ok()) return s;
  const absl::StatusOr<IpAddress> from = source ? *source : SourceTowards(vip);
  if (!from.ok()) return from.status();
  const uint32_t mark = device_.mark();
  const int ttl = kInnerTtl;
  const bool ipv4 = vip.is_ipv4();
  const int level = ipv4 ? IPPROTO_IP : IPPROTO_IPV6;
  if (setsockopt(socket, SOL_SOCKET, SO_MARK, &mark, sizeof(mark)) != 0 ||
      setsockopt(socket, level, ipv4 ? IP_TTL : IPV6_UNICAST_HOPS, &ttl, sizeof(ttl)) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot mark a socket: ", ErrnoText(errno)));
  }
  if (absl::Status s = BindTo(socket, *from); !s.ok()) return s;
  const auto [known, is_new] = ends_.try_emplace(KeyOf(ipv4, protocol, PortOf(socket)), end);
  if (!is_new && known->second != end) {
    Drain();  // the last words of the port's former owner
    known->second = end;
  }
  return absl::OkStatus();
}

absl::Status HealthTunnel::SendEcho(const EchoSocket& echo, uint64_t ticket, const IpAddress& vip,
                                    const std::optional<IpAddress>& source, const TunnelEnd& end) {
  const absl::StatusOr<IpAddress> from = source ? *source : SourceTowards(vip);
  if (!from.ok()) return from.status();
  uint8_t room[OuterHeader::kRoom + kInnerEchoMax];
  const absl::Span<uint8_t> packet = absl::MakeSpan(room).subspan(OuterHeader::kRoom);
  const size_t length = WriteInnerEcho(*from, vip, echo.Message(vip.family(), ticket), packet);
  Send(end, static_cast<uint32_t>(ticket), packet.first(length));
  return absl::OkStatus();
}

void HealthTunnel::HandleReady() {
  Drain();
  hops_.HandleReady();
}

void HealthTunnel::Drain() {
  uint8_t room[OuterHeader::kRoom + kPacketMax];
  uint8_t* packet = room + OuterHeader::kRoom;
  for (int i = 0; i < kPacketsAtOnce; ++i) {
    const ssize_t length = read(device_.fd(), packet, kPacketMax);
    if (length <= 0) return;
    const absl::Span<uint8_t> bytes(packet, static_cast<size_t>(length));
    const std::optional<InnerFlow> flow = FlowOf(bytes);
    if (!flow) continue;  // what the kernel says to any new interface
    const auto end = ends_.find(KeyOf(flow->ipv4, flow->protocol, flow->source_port));
    if (end != ends_.end()) Send(end->second, flow->source_port * 0x9e3779b1u, bytes);
  }
}

void HealthTunnel::Send(const TunnelEnd& end, uint32_t varying, absl::Span<uint8_t> packet) {
  if (end.forward == Forward::kL2dsr) {
    const std::optional<FrameHop> hop = hops_.Find(end.backend);
    if (!hop) return;  // nobody answers for it: neither will the check get an answer
    sockaddr_ll to{};
    to.sll_family = AF_PACKET;
    to.sll_protocol = htons(packet[0] >> 4 == 4 ? ETH_P_IP : ETH_P_IPV6);
    to.sll_ifindex = hop->interface_index;
    to.sll_halen = 6;
    std::copy(hop->mac.bytes().begin(), hop->mac.bytes().end(), to.sll_addr);
    Sent(sendto(frames_.get(), packet.data(), packet.size(), 0,
                reinterpret_cast<const sockaddr*>(&to), sizeof(to)));
    return;
  }
  const size_t outer = outer_.Write(end.backend, varying, packet);
  const SocketAddress to(end.backend, 0);
  const int fd = end.backend.is_ipv4() ? raw4_.get() : raw6_.get();
  Sent(sendto(fd, packet.data() - outer, outer + packet.size(), 0, to.get(), to.size));
}

void HealthTunnel::Sent(ssize_t result) {
  if (result >= 0) return;
  send_error_ =
      absl::StrCat("some packets of checks through the tunnel cannot be sent: ", ErrnoText(errno));
  failed_until_ = absl::Now() + kSendErrorShown;
}

std::string HealthTunnel::Describe(const TunnelEnd& end) const {
  const bool lost = end.forward == Forward::kL2dsr && !hops_.Find(end.backend);
  return absl::StrCat(" (", Name(end.forward), " to ", end.backend.ToString(),
                      lost ? ", whose MAC nobody tells" : "", ")");
}

}  // namespace evenkeel
