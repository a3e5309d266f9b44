// evenkeel-pktgen: fills a link with prepared packets and counts what comes back. For tools/bench.
//
//   evenkeel-pktgen EAL_ARGUMENTS
//
// Takes one command a line on standard input and answers each with one line of JSON:
//
//   run FLOWS MILLISECONDS    sends packets of FLOWS flows (a power of two, up to 2^24) for that
//   long quit
//
// One port, one queue, one worker lcore; it does nothing between commands.
#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_ethdev.h>
#include <rte_launch.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "tools/pktgen/frames.h"

namespace evenkeel::pktgen {
namespace {

constexpr uint16_t kBurst = 64;
constexpr uint16_t kDescriptors = 2048;
constexpr unsigned kBuffers = 3071;
constexpr uint32_t kFlowsMax = 1u << 24;

struct Run {
  rte_mempool* pool;
  uint16_t port;
  uint32_t flows;
  uint64_t milliseconds;
  uint64_t sent;
  uint64_t received;
  double seconds;    // since the first packet came back
  double cpu_share;  // of the core, in the whole run; less than 1: others had it too
};

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

uint16_t TakeBack(uint16_t port) {
  rte_mbuf* packets[kBurst];
  const uint16_t count = rte_eth_rx_burst(port, 0, packets, kBurst);
  if (count > 0) rte_pktmbuf_free_bulk(packets, count);
  return count;
}

// Takes the buffers of the burst after this one, so that their lines, which the forwarder has read,
// are on their way back while this one is sent.
bool TakeNext(rte_mempool* pool, rte_mbuf** packets) {
  if (rte_pktmbuf_alloc_bulk(pool, packets, kBurst) != 0) return false;
  for (uint16_t i = 0; i < kBurst; ++i) {
    __builtin_prefetch(rte_pktmbuf_mtod(packets[i], char*), 1);
  }
  return true;
}

uint16_t SendBurst(const Run& run, FlowWalk* walk, rte_mbuf** packets) {
  for (uint16_t i = 0; i < kBurst; ++i) SetFlow(packets[i], walk->Next());
  const uint16_t sent = rte_eth_tx_burst(run.port, 0, packets, kBurst);
  if (sent < kBurst) rte_pktmbuf_free_bulk(packets + sent, kBurst - sent);
  return sent;
}

// On the worker lcore.
int RunOnLcore(void* argument) {
  Run* run = static_cast<Run*>(argument);
  FlowWalk walk(run->flows);
  const double cpu_begin = ThreadSeconds();
  const uint64_t begin = rte_rdtsc();
  const uint64_t end = begin + rte_get_tsc_hz() / 1000 * run->milliseconds;
  uint64_t now = begin;
  uint64_t first_back = 0;
  rte_mbuf* packets[2][kBurst];
  bool taken[2] = {};
  int turn = 0;
  for (; now < end; now = rte_rdtsc()) {
    if (taken[turn]) run->sent += SendBurst(*run, &walk, packets[turn]);
    taken[turn] = TakeNext(run->pool, packets[turn]);
    turn ^= 1;
    run->received += TakeBack(run->port);
    if (first_back == 0 && run->received != 0) first_back = now;
  }
  const double hz = static_cast<double>(rte_get_tsc_hz());
  run->seconds = first_back == 0 ? 0 : static_cast<double>(now - first_back) / hz;
  for (int i = 0; i < 2; ++i) {
    if (taken[i]) rte_pktmbuf_free_bulk(packets[i], kBurst);
  }
  run->cpu_share = (ThreadSeconds() - cpu_begin) / (static_cast<double>(now - begin) / hz);
  for (uint64_t quiet = 0; quiet < 1000; ++quiet) {  // what is still under way
    if (TakeBack(run->port) > 0) quiet = 0;
  }
  return 0;
}

rte_mempool* MakePool(const char* name) {
  return rte_pktmbuf_pool_create(name, kBuffers, 256, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
}

// The pool of prepared packets; null when the port does not start. What comes back lies in a pool
// of its own, so that it overwrites none of them.
rte_mempool* StartPort(uint16_t port) {
  rte_mempool* prepared = MakePool("pktgen_send");
  rte_mempool* taken_back = MakePool("pktgen_receive");
  const rte_eth_conf conf{};
  if (prepared == nullptr || taken_back == nullptr ||
      rte_eth_dev_configure(port, 1, 1, &conf) != 0 ||
      rte_eth_rx_queue_setup(port, 0, kDescriptors, SOCKET_ID_ANY, nullptr, taken_back) != 0 ||
      rte_eth_tx_queue_setup(port, 0, kDescriptors, SOCKET_ID_ANY, nullptr) != 0) {
    return nullptr;
  }
  PrepareFrames(prepared,
                {.destination_mac = {2, 0, 0, 0, 0, 0x10}, .source_mac = {2, 0, 0, 0, 0, 1}});
  return rte_eth_dev_start(port) == 0 ? prepared : nullptr;
}

// rte_eal_wait_lcore() by itself spins, and on this core the forwarder under test runs.
void AwaitAsleep(unsigned lcore) {
  while (rte_eal_get_lcore_state(lcore) == RUNNING) usleep(1000);
  rte_eal_wait_lcore(lcore);
}

int Serve(uint16_t port, rte_mempool* pool, unsigned lcore) {
  char line[128];
  puts("{\"ready\": true}");
  fflush(stdout);
  while (fgets(line, sizeof(line), stdin) != nullptr && line[0] != 'q') {
    Run run{};
    run.pool = pool;
    run.port = port;
    if (sscanf(line, "run %u %lu", &run.flows, &run.milliseconds) != 2 || run.flows == 0 ||
        run.flows > kFlowsMax || (run.flows & (run.flows - 1)) != 0) {
      fprintf(stderr, "evenkeel-pktgen: not understood: %s", line);
      return 2;
    }
    rte_eal_remote_launch(RunOnLcore, &run, lcore);
    AwaitAsleep(lcore);
    printf(
        "{\"flows\": %u, \"seconds\": %.6f, \"cpu_share\": %.4f, \"sent\": %lu, \"received\": "
        "%lu}\n",
        run.flows, run.seconds, run.cpu_share, run.sent, run.received);
    fflush(stdout);
  }
  return 0;
}

int Main(int argc, char** argv) {
  if (rte_eal_init(argc, argv) < 0) return 1;
  const unsigned lcore = rte_get_next_lcore(-1, /*skip_main=*/1, /*wrap=*/0);
  if (lcore >= RTE_MAX_LCORE || rte_eth_dev_count_avail() != 1) {
    fprintf(stderr, "evenkeel-pktgen: needs two lcores and one port\n");
    return 2;
  }
  const uint16_t port = static_cast<uint16_t>(rte_eth_find_next(0));
  rte_mempool* pool = StartPort(port);
  if (pool == nullptr) {
    fprintf(stderr, "evenkeel-pktgen: the port does not start\n");
    return 1;
  }
  const int status = Serve(port, pool, lcore);
  rte_eth_dev_stop(port);
  rte_eth_dev_close(port);
  rte_eal_cleanup();
  return status;
}

}  // namespace
}  // namespace evenkeel::pktgen

int main(int argc, char** argv) { return evenkeel::pktgen::Main(argc, argv); }
