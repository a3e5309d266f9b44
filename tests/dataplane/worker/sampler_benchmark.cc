// What sampling costs a worker: bursts through its stages with sampling off, as usual (3,000 of ten
// million packets a second) and far more often, in turns, by the thread's own CPU time.
//
//   EVENKEEL_BENCH_ROUNDS=101 build/tests/dataplane/worker/worker_sampler_benchmark
#include <gtest/gtest.h>
#include <time.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "dataplane/worker/burst.h"
#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/corpus.h"
#include "tests/packets/tables.h"

namespace evenkeel {
namespace {

constexpr int kBursts = 20'000;

double ThreadSeconds() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

// A plain packet that is tunnelled.
packets::Case Plain() {
  for (const packets::Case& c : packets::Corpus()) {
    if (lb_reason_verdict(c.reason) == LB_FORWARD && c.in.size() >= 54) return c;
  }
  return {};
}

TEST(SamplerBenchmark, CostOfABurst) {
  const char* asked = std::getenv("EVENKEEL_BENCH_ROUNDS");
  const int rounds = asked == nullptr ? 3 : std::atoi(asked);
  RingPort wire;
  const packets::Case c = Plain();
  const packets::Tables tables(c.tables);
  const GenerationCounters counters(1024);
  SampleMemory memory = *SampleMemory::Create(1);
  const std::vector<uint32_t> rates = {0, 3334, 100, 10};
  std::vector<std::vector<double>> ns(rates.size());
  Burst burst;
  burst.sampler = Sampler(memory.ring(0), 1);
  for (uint16_t i = 0; i < Burst::kPackets; ++i) burst.packet[i] = wire.MakePacket(c.in);
  const rte_mbuf fresh = *burst.packet[0];
  std::vector<lb_sample> samples;
  for (int round = 0; round < rounds; ++round) {
    for (size_t k = 0; k < rates.size(); ++k) {
      SetSampleRate(memory.ring(0), rates[k]);
      double seconds = 0;
      for (int i = 0; i < kBursts; i += 100) {
        const double begun = ThreadSeconds();
        for (int b = 0; b < 100; ++b) {
          burst.count = Burst::kPackets;
          for (uint16_t p = 0; p < Burst::kPackets; ++p) {
            rte_mbuf* packet = burst.packet[p];
            packet->data_off = fresh.data_off;
            packet->data_len = fresh.data_len;
            packet->pkt_len = fresh.pkt_len;
            std::memcpy(rte_pktmbuf_mtod(packet, uint8_t*), c.in.data(), 54);
          }
          ForwardBurst(tables.view(), &counters.flow(0), &burst);
        }
        seconds += ThreadSeconds() - begun;
        samples.clear();
        TakeSamples(memory.ring(0), &samples);
      }
      ns[k].push_back(seconds * 1e9 / kBursts / Burst::kPackets);
    }
  }
  for (size_t k = 0; k < rates.size(); ++k) std::sort(ns[k].begin(), ns[k].end());
  const double off = ns[0][ns[0].size() / 2];
  for (size_t k = 0; k < rates.size(); ++k) {
    const double median = ns[k][ns[k].size() / 2];
    std::printf("one in %5u: %6.2f ns a packet (%.2f to %.2f), %+.2f %%\n", rates[k], median,
                ns[k].front(), ns[k].back(), 100 * (median / off - 1));
  }
  rte_pktmbuf_free_bulk(burst.packet, Burst::kPackets);
}

}  // namespace
}  // namespace evenkeel
