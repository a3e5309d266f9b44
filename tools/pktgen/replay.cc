// evenkeel-replay.so: puts a replay port (replay_port.h) into a DPDK program, for tools/bench:
//
//   EVENKEEL_REPLAY_SOCKET=PATH PROGRAM -d evenkeel-replay.so --vdev net_null0,no-rx=1 ...
//
// Waits until port 0 is started, then connects to the Unix socket PATH, and answers each command, a
// line, with a line of JSON:
//
//   run FAMILY PROTOCOL PORT SYN FLOWS SERVICES BATCHES     (mix.h)
#include <pthread.h>
#include <rte_ethdev.h>
#include <rte_lcore.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "tools/pktgen/replay_port.h"

namespace evenkeel::pktgen {
namespace {

// As many as a receive queue usually has; with the frames 0.5 MiB of cache.
constexpr uint32_t kBuffers = 2048;
constexpr uint16_t kPort = 0;
constexpr uint32_t kFlowsMax = 1u << 24;

std::string Hex(const std::vector<uint8_t>& bytes) {
  std::string text;
  char digits[3];
  for (const uint8_t byte : bytes) {
    snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

std::string Answer(const ReplayResult& result) {
  std::string own;
  std::string loop;
  char number[32];
  for (const BatchTime& batch : result.batches) {
    snprintf(number, sizeof(number), "%s%.3f", own.empty() ? "" : ", ", batch.own_ns);
    own += number;
    snprintf(number, sizeof(number), "%s%.3f", loop.empty() ? "" : ", ", batch.loop_ns);
    loop += number;
  }
  snprintf(number, sizeof(number), "%.3f", result.bytes_out);
  return "{\"own\": [" + own + "], \"loop\": [" + loop +
         "], \"preempted\": " + std::to_string(result.preempted) + ", \"bytes_out\": " + number +
         ", \"in\": \"" + Hex(result.last_in) + "\", \"out\": \"" + Hex(result.last_out) + "\"}";
}

std::string Obey(ReplayPort* port, const char* line) {
  Mix mix;
  unsigned family = 0;
  unsigned protocol = 0;
  unsigned syn = 0;
  unsigned batches = 0;
  if (sscanf(line, "run %u %u %hu %u %u %u %u", &family, &protocol, &mix.port, &syn, &mix.flows,
             &mix.services, &batches) != 7 ||
      (family != 4 && family != 6) || (protocol != 6 && protocol != 17) || mix.flows == 0 ||
      mix.flows > kFlowsMax || (mix.flows & (mix.flows - 1)) != 0 || mix.services == 0 ||
      batches == 0) {
    return "{\"problem\": \"not understood\"}";
  }
  mix.ipv4 = family == 4;
  mix.protocol = static_cast<uint8_t>(protocol);
  mix.syn = syn != 0;
  ReplayResult result;
  const std::string problem = port->Measure(mix, batches, &result);
  return problem.empty() ? Answer(result) : "{\"problem\": \"" + problem + "\"}";
}

// A port's functions are in place when they are no longer those of a port that is stopped.
void AwaitStart(const void* stopped) {
  while (reinterpret_cast<const void*>(
             __atomic_load_n(&rte_eth_fp_ops[kPort].rx_pkt_burst, __ATOMIC_ACQUIRE)) == stopped) {
    usleep(10'000);
  }
  usleep(100'000);  // the other functions are set after the first
}

// Beside the program's main thread: the forwarder has its core for itself.
void LeaveTheForwardersCore() {
  const rte_cpuset_t cpus = rte_lcore_cpuset(rte_get_main_lcore());
  pthread_setaffinity_np(pthread_self(), sizeof(cpus), &cpus);
}

void Serve(const std::string& path, const void* stopped) {
  AwaitStart(stopped);
  LeaveTheForwardersCore();
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  strncpy(address.sun_path, path.c_str(), sizeof(address.sun_path) - 1);
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    perror("evenkeel-replay: connect");
    return;
  }
  FILE* commands = fdopen(fd, "r");
  ReplayPort* port = ReplayPort::Install(kPort, kBuffers);
  dprintf(fd,
          port != nullptr ? "{\"ready\": true}\n" : "{\"problem\": \"no memory for buffers\"}\n");
  char line[128];
  while (port != nullptr && fgets(line, sizeof(line), commands) != nullptr) {
    dprintf(fd, "%s\n", Obey(port, line).c_str());
  }
}

// When EAL loads this library, before there is a port.
__attribute__((constructor)) void Begin() {
  const char* path = getenv("EVENKEEL_REPLAY_SOCKET");
  if (path == nullptr) return;
  const void* stopped = reinterpret_cast<const void*>(rte_eth_fp_ops[kPort].rx_pkt_burst);
  std::thread(Serve, std::string(path), stopped).detach();
}

}  // namespace
}  // namespace evenkeel::pktgen
