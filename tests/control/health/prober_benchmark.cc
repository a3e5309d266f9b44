// Run by hand: how much of a core many checks take.
//
//   prober_benchmark [CHECKS=10000] [SECONDS=20] [tcp|http|icmp|tunnel]    (tools/bench health)
//
// Each target is an address of its own: in 127.0.0.0/8, where child processes accept and answer;
// or (tunnel; needs root) behind one veth, where a thread unwraps, accepts and answers. Neither is
// counted. Status 1 when one check in a hundred has failed: then it was not this that was measured.
// The prober's thread also does the work of the network on the way to the server.
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/prober.h"
#include "tests/control/health/tunnel_backend.h"

namespace evenkeel {
namespace {

constexpr int kServers = 4;

// Listeners that share a port, one for each server: the kernel spreads connections over them.
struct Listeners {
  std::vector<int> fds;
  uint16_t port = 0;
};

Listeners Listen() {
  Listeners listeners;
  for (int i = 0; i < kServers; ++i) {
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof(on));
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(listeners.port);
    socklen_t size = sizeof(address);
    if (bind(fd, reinterpret_cast<sockaddr*>(&address), size) != 0 || listen(fd, 65535) != 0) {
      std::perror("listen");
      std::exit(1);
    }
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    listeners.port = ntohs(address.sin_port);
    listeners.fds.push_back(fd);
  }
  return listeners;
}

[[noreturn]] void Serve(int listener, bool http) {
  prctl(PR_SET_PDEATHSIG, SIGTERM);
  constexpr char kAnswer[] = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n";
  while (true) {
    const int connection = accept4(listener, nullptr, nullptr, SOCK_CLOEXEC);
    if (connection < 0) continue;
    if (http) send(connection, kAnswer, sizeof(kAnswer) - 1, MSG_NOSIGNAL);
    close(connection);
  }
}

double ProcessCpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

std::vector<HealthTarget> Targets(int count, const std::string& kind, uint16_t port) {
  const bool tunnel = kind == "tunnel";
  std::vector<HealthTarget> targets;
  for (int i = 0; i < count; ++i) {
    HealthTarget target{.pool = "bench", .backend = absl::StrCat("b", i)};
    target.address =
        *IpAddress::Parse(absl::StrCat(tunnel ? "10.77." : "127.1.", i / 250, ".", i % 250 + 1));
    target.vips = {*IpAddress::Parse("203.0.113.10")};
    target.check.kind = kind == "http"   ? HealthKind::kHttp
                        : kind == "icmp" ? HealthKind::kIcmp
                                         : HealthKind::kTcp;
    target.check.port = tunnel ? TunnelBackend::kPort : port;
    target.check.via = tunnel ? HealthVia::kTunnel : HealthVia::kDirect;
    targets.push_back(target);
  }
  return targets;
}

std::unique_ptr<TunnelBackend> MakeBackend() {
  if (!EnterOwnNetwork()) {
    std::fprintf(stderr, "prober_benchmark: tunnel needs root\n");
    std::exit(1);
  }
  auto backend = std::make_unique<TunnelBackend>(1);
  backend->Run("ip address add 203.0.113.10/32 dev lo");
  backend->Run("ip route add local 10.77.0.0/16 dev lo");
  Shell("ip route add 10.77.0.0/16 via 10.9.1.2; ip route add default via 10.9.1.2");
  return backend;
}

int Main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 20;
  const std::string kind = argc > 3 ? argv[3] : "tcp";
  std::unique_ptr<TunnelBackend> backend;
  std::vector<pid_t> servers;
  uint16_t port = 0;
  if (kind == "tunnel") {
    backend = MakeBackend();
  } else {
    const Listeners listeners = Listen();
    port = listeners.port;
    for (const int fd : listeners.fds) {
      servers.push_back(fork());
      if (servers.back() == 0) Serve(fd, kind == "http");
    }
  }
  Network network;
  network.encap_source.ipv4 = *IpPrefix::Parse("10.9.1.1");
  auto prober = *Prober::Start({}, [](const HealthVerdict&) {});
  prober->SetTargets(Targets(count, kind, port), network);
  absl::SleepFor(absl::Seconds(6));  // first verdicts, hurried

  const auto cpu_seconds = [&] {
    return ProcessCpuSeconds() - (backend ? backend->cpu_seconds() : 0);
  };
  const HealthStats before = prober->Stats();
  const double cpu_before = cpu_seconds();
  absl::SleepFor(absl::Seconds(seconds));
  const double cpu = cpu_seconds() - cpu_before;
  const HealthStats after = prober->Stats();
  const auto checks = static_cast<double>(after.started - before.started);
  std::printf(
      "%d %s checks every 2 s: %.0f a second, %.1f%% of one core, %.1f us each; "
      "%ld failed, %ld late\n",
      count, kind.c_str(), checks / seconds, 100 * cpu / seconds, 1e6 * cpu / checks,
      static_cast<long>(after.failed - before.failed), static_cast<long>(after.late - before.late));
  for (const std::string& problem : prober->Problems()) std::printf("%s\n", problem.c_str());
  prober.reset();
  for (const pid_t server : servers) {
    kill(server, SIGTERM);
    waitpid(server, nullptr, 0);
  }
  // A target that fails is another kind of work than what is measured.
  return static_cast<double>(after.failed - before.failed) < 0.01 * checks ? 0 : 1;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
