// Run by hand: how much of a core many checks take.
//
//   prober_benchmark [CHECKS=10000] [SECONDS=20] [tcp|http|icmp]
//
// Each target is an address of its own in 127.0.0.0/8; a child process accepts and answers, and is
// not counted. On loopback the prober's thread also does the work of the network towards the
// server.
#include <netinet/in.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/health/prober.h"

namespace evenkeel {
namespace {

struct Listener {
  int fd;
  uint16_t port;
};

Listener Listen() {
  Listener listener{socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), 0};
  sockaddr_in address{};
  address.sin_family = AF_INET;
  socklen_t size = sizeof(address);
  if (bind(listener.fd, reinterpret_cast<sockaddr*>(&address), size) != 0 ||
      listen(listener.fd, 4096) != 0) {
    std::perror("listen");
    std::exit(1);
  }
  getsockname(listener.fd, reinterpret_cast<sockaddr*>(&address), &size);
  listener.port = ntohs(address.sin_port);
  return listener;
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

double CpuSeconds() {
  rusage usage;
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

int Main(int argc, char** argv) {
  const int count = argc > 1 ? std::atoi(argv[1]) : 10000;
  const int seconds = argc > 2 ? std::atoi(argv[2]) : 20;
  const std::string kind = argc > 3 ? argv[3] : "tcp";
  const Listener listener = Listen();
  const pid_t child = fork();
  if (child == 0) Serve(listener.fd, kind == "http");

  std::vector<HealthTarget> targets;
  for (int i = 0; i < count; ++i) {
    HealthTarget target{.pool = "bench", .backend = absl::StrCat("b", i)};
    target.address = *IpAddress::Parse(absl::StrCat("127.1.", i / 250, ".", i % 250 + 1));
    target.check.kind = kind == "http"   ? HealthKind::kHttp
                        : kind == "icmp" ? HealthKind::kIcmp
                                         : HealthKind::kTcp;
    target.check.port = listener.port;
    target.check.via = HealthVia::kDirect;
    targets.push_back(target);
  }
  auto prober = *Prober::Start({}, [](const HealthVerdict&) {});
  prober->SetTargets(targets, {});
  absl::SleepFor(absl::Seconds(6));  // first verdicts, hurried

  const HealthStats before = prober->Stats();
  const double cpu_before = CpuSeconds();
  absl::SleepFor(absl::Seconds(seconds));
  const double cpu = CpuSeconds() - cpu_before;
  const HealthStats after = prober->Stats();
  const auto checks = static_cast<double>(after.started - before.started);
  std::printf(
      "%d %s checks every 2 s: %.0f a second, %.1f%% of one core, %.1f us each; "
      "%ld failed, %ld late\n",
      count, kind.c_str(), checks / seconds, 100 * cpu / seconds, 1e6 * cpu / checks,
      static_cast<long>(after.failed - before.failed), static_cast<long>(after.late - before.late));
  prober.reset();
  kill(child, SIGTERM);
  waitpid(child, nullptr, 0);
  return 0;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
