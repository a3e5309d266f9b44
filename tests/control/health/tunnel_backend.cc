#include "tests/control/health/tunnel_backend.h"

#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/in.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"

namespace evenkeel {
namespace {

constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";

int OpenTun() {
  const int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
  ifreq request{};
  std::strcpy(request.ifr_name, "unwrapped");
  request.ifr_flags = IFF_TUN | IFF_NO_PI;
  if (fd < 0 || ioctl(fd, TUNSETIFF, &request) != 0) std::perror("tun of a test's backend");
  return fd;
}

// On all addresses, of either family.
int Listen(int type) {
  const int fd = socket(AF_INET6, type | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  sockaddr_in6 any{};
  any.sin6_family = AF_INET6;
  any.sin6_port = htons(TunnelBackend::kPort);
  if (bind(fd, reinterpret_cast<sockaddr*>(&any), sizeof(any)) != 0) std::perror("bind");
  if (type == SOCK_STREAM) listen(fd, 4096);
  return fd;
}

// From the address that the datagram came to, as a server on a VIP has to.
bool AnswerDatagram(int fd) {
  char question[256];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(in6_pktinfo))];
  sockaddr_in6 from{};
  iovec part{.iov_base = question, .iov_len = sizeof(question)};
  msghdr header{.msg_name = &from,
                .msg_namelen = sizeof(from),
                .msg_iov = &part,
                .msg_iovlen = 1,
                .msg_control = control,
                .msg_controllen = sizeof(control)};
  if (recvmsg(fd, &header, 0) < 0) return false;
  // The interface that it came by is the tunnel's, and not the way back.
  if (cmsghdr* info = CMSG_FIRSTHDR(&header)) {
    reinterpret_cast<in6_pktinfo*>(CMSG_DATA(info))->ipi6_ifindex = 0;
  }
  char answer[] = "pong";
  part = {.iov_base = answer, .iov_len = 4};
  sendmsg(fd, &header, 0);
  return true;
}

}  // namespace

bool Shell(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;
}

bool EnterOwnNetwork() {
  return geteuid() == 0 && unshare(CLONE_NEWNET) == 0 && Shell("ip link set lo up");
}

TunnelBackend::TunnelBackend(int number) : number_(number) {
  thread_ = std::thread([this] { Serve(); });
  while (thread_id_ == 0) absl::SleepFor(absl::Milliseconds(1));
  const std::string near = absl::StrCat("near", number);
  Shell(absl::StrCat("ip link add ", near, " type veth peer name far netns ", thread_id_.load()));
  Shell(absl::StrCat("ip address add 10.9.", number, ".1/24 dev ", near));
  Shell(absl::StrCat("ip address add fd09:", number, "::1/64 dev ", near, " nodad"));
  Shell(absl::StrCat("ethtool -K ", near, " tx off; ip link set ", near, " up"));
  linked_ = true;
  while (!ready_) absl::SleepFor(absl::Milliseconds(1));
}

TunnelBackend::~TunnelBackend() {
  stopping_ = true;
  thread_.join();
  Shell(absl::StrCat("ip link del near", number_));
}

IpAddress TunnelBackend::address(Family family) const {
  return *IpAddress::Parse(family == Family::kIpv4 ? absl::StrCat("10.9.", number_, ".2")
                                                   : absl::StrCat("fd09:", number_, "::2"));
}

double TunnelBackend::cpu_seconds() {
  clockid_t clock;
  timespec used{};
  pthread_getcpuclockid(thread_.native_handle(), &clock);
  clock_gettime(clock, &used);
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

bool TunnelBackend::Run(const std::string& command) const {
  return Shell(absl::StrCat("nsenter --net=/proc/", thread_id_.load(), "/ns/net ", command));
}

void TunnelBackend::Serve() {
  if (unshare(CLONE_NEWNET) != 0) std::perror("unshare");
  thread_id_ = gettid();
  while (!linked_) absl::SleepFor(absl::Milliseconds(1));
  const int tun = OpenTun();
  for (const std::string& line :
       {absl::StrCat("ip address add 10.9.", number_, ".2/24 dev far"),
        absl::StrCat("ip address add fd09:", number_, "::2/64 dev far nodad"),
        std::string("ip link set lo up"), std::string("ip link set far up"),
        std::string("ip link set unwrapped up"),
        absl::StrCat("ip route add default via 10.9.", number_, ".1"),
        absl::StrCat("ip -6 route add default via fd09:", number_, "::1"),
        std::string("sysctl -w net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.unwrapped.rp_filter=0 "
                    "net.ipv4.conf.far.rp_filter=0")}) {
    if (!Shell(line)) std::fprintf(stderr, "test backend: `%s` failed\n", line.c_str());
  }
  const int raw[] = {socket(AF_INET, SOCK_RAW, IPPROTO_IPIP), socket(AF_INET, SOCK_RAW, 41),
                     socket(AF_INET6, SOCK_RAW, IPPROTO_IPIP), socket(AF_INET6, SOCK_RAW, 41)};
  const int tcp = Listen(SOCK_STREAM), udp = Listen(SOCK_DGRAM);
  const int yes = 1;
  setsockopt(udp, IPPROTO_IPV6, IPV6_RECVPKTINFO, &yes, sizeof(yes));
  pollfd waits[6];
  for (int i = 0; i < 6; ++i) waits[i] = {i < 4 ? raw[i] : i == 4 ? tcp : udp, POLLIN, 0};
  ready_ = true;
  while (!stopping_) {
    if (poll(waits, 6, 20) <= 0) continue;
    for (int i = 0; i < 4; ++i) {
      if (waits[i].revents != 0) Unwrap(raw[i], i < 2, tun);
    }
    for (int fd; (fd = accept(tcp, nullptr, nullptr)) >= 0; close(fd), ++served_) {
      send(fd, kAnswer, sizeof(kAnswer) - 1, MSG_NOSIGNAL);
    }
    while (waits[5].revents != 0 && AnswerDatagram(udp)) ++served_;
  }
  for (const pollfd& wait : waits) close(wait.fd);
  close(tun);
}

void TunnelBackend::Unwrap(int raw, bool outer_ipv4, int tun) {
  while (true) {
    uint8_t packet[2048];
    const ssize_t length = recv(raw, packet, sizeof(packet), MSG_DONTWAIT);
    if (length <= 0) return;
    // IPv4 raw sockets hand over the outer header too.
    const ssize_t outer = outer_ipv4 ? (packet[0] & 0xf) * 4 : 0;
    if (!unwraps_ || length <= outer) continue;
    const uint8_t* inner = packet + outer;
    const int ttl = inner[0] >> 4 == 4 ? inner[8] : inner[7];
    inner_ttl_max_ = std::max<int>(inner_ttl_max_, ttl);
    if (write(tun, inner, static_cast<size_t>(length - outer)) > 0) ++unwrapped_;
  }
}

}  // namespace evenkeel
