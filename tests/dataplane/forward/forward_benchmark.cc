// Nanoseconds of CPU a packet for the core alone, taken in bursts of 64 as the worker does it. Each
// round writes a new flow into the frames; BM_Floor does that and nothing else, so the core's own
// cost is the difference.
//
//   build/tests/dataplane/forward/forward_benchmark --benchmark_repetitions=15
//       --benchmark_report_aggregates_only=true
#include <benchmark/benchmark.h>

#include <cstring>
#include <memory>

#include "dataplane/forward/batch.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/plain.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

constexpr size_t kBurst = 64;
constexpr size_t kRoom = 64;     // in front of a frame
constexpr size_t kStride = 320;  // a frame with its room
constexpr size_t kHead = 64;     // what a round writes anew

// 64 backends of one pool with 2^16 slots.
TablesSpec ManyBackends(const char* prefix) {
  TablesSpec spec = Scene();
  for (PoolSpec& pool : spec.pools) {
    if (pool.name.substr(0, 6) != "tunnel") continue;
    pool.slots_log2 = 16;
    const std::string address = pool.name == "tunnel4" ? "10.0.1." : prefix;
    pool.backends.clear();
    for (int i = 1; i <= 64; i++) pool.backends.push_back({.address = address + std::to_string(i)});
  }
  return spec;
}

class Burst {
 public:
  Burst(const Bytes& frame, uint32_t flows)
      : length_(frame.size()), flow_mask_(flows - 1), ipv4_(frame[12] == 0x08) {
    memory_ = std::make_unique<uint8_t[]>(kBurst * kStride);
    for (size_t i = 0; i < kBurst; i++) std::memcpy(Frame(i), frame.data(), frame.size());
    std::memcpy(head_, frame.data(), sizeof(head_));
  }

  // The next 64 flows, by a generator of full period.
  void Renew() {
    for (size_t i = 0; i < kBurst; i++) {
      state_ = state_ * 1664525 + 1013904223;
      const uint32_t flow = (state_ >> 8 & flow_mask_) * 2654435761u;
      uint8_t* frame = Frame(i);
      std::memcpy(frame, head_, sizeof(head_));
      std::memcpy(frame + (ipv4_ ? 14 + 12 : 14 + 20), &flow, sizeof(flow));
    }
    benchmark::ClobberMemory();
  }

  void Classify(const lb_view& view) {
    lb_batch_begin(&view, &batch_, &memo_);
    for (size_t i = 0; i < kBurst; i++)
      verdict_[i] = lb_batch_add(&view, &batch_, &memo_, Frame(i), Frame(i) + length_, &flow_[i],
                                 static_cast<uint32_t>(i));
    lb_batch_finish(&view, &batch_, flow_);
  }

  void ClassifyOneByOne(const lb_view& view) {
    for (size_t i = 0; i < kBurst; i++) {
      verdict_[i] = lb_classify(&view, Frame(i), Frame(i) + length_, &flow_[i]);
      if (verdict_[i] == LB_FORWARD) lb_prefetch_slot(&view, &flow_[i]);
    }
  }

  // The worker's stages behind the classification.
  void Forward(const lb_view& view) {
    PrefetchBackends(view);
    lb_plain plain;
    lb_plain_begin(&plain, &view);
    for (size_t i = 0; i < kBurst; i++) {
      if (verdict_[i] != LB_FORWARD) continue;
      lb_plain_route route;
      if (lb_plain_find(&plain, &flow_[i], &route)) {
        lb_plain_write(&plain, Frame(i) - route.room, &flow_[i], &route);
        decision_[i].counter = route.counter;
      } else if (Resolve(view, i)) {
        Apply(view, i);
      }
    }
    benchmark::ClobberMemory();
  }

  // The same by lb_resolve() and lb_apply() only.
  void ForwardTheLongWay(const lb_view& view) {
    PrefetchBackends(view);
    for (size_t i = 0; i < kBurst; i++)
      if (verdict_[i] == LB_FORWARD) Resolve(view, i);
    for (size_t i = 0; i < kBurst; i++)
      if (verdict_[i] == LB_FORWARD) Apply(view, i);
    benchmark::ClobberMemory();
  }

 private:
  void PrefetchBackends(const lb_view& view) {
    for (size_t i = 0; i < kBurst; i++)
      if (verdict_[i] == LB_FORWARD) lb_prefetch_backend(&view, &flow_[i]);
  }

  bool Resolve(const lb_view& view, size_t i) {
    uint8_t* frame = Frame(i);
    verdict_[i] = lb_resolve(&view, frame, frame + length_, &flow_[i], &decision_[i]);
    return verdict_[i] == LB_FORWARD;
  }

  void Apply(const lb_view& view, size_t i) {
    uint8_t* start = Frame(i) - decision_[i].head_delta;
    lb_apply(&view, start, start + decision_[i].frame_length, &flow_[i], &decision_[i]);
  }

  uint8_t* Frame(size_t i) { return memory_.get() + i * kStride + kRoom; }

  const size_t length_;
  const uint32_t flow_mask_;
  const bool ipv4_;
  uint32_t state_ = 1;
  std::unique_ptr<uint8_t[]> memory_;
  lb_flow flow_[kBurst];
  lb_decision decision_[kBurst];
  lb_verdict verdict_[kBurst];
  uint8_t head_[kHead];
  lb_batch batch_;
  lb_memo memo_{};
};

void Report(benchmark::State& state) {
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kBurst));
  state.counters["ns_per_packet"] = benchmark::Counter(
      static_cast<double>(kBurst) * 1e-9,
      benchmark::Counter::kIsIterationInvariantRate | benchmark::Counter::kInvert);
}

enum Work { kNothing, kBatch, kOneByOne };

void Run(benchmark::State& state, const Bytes& frame, Work work) {
  const Tables tables(ManyBackends("fd00::1:"));
  Burst burst(frame, static_cast<uint32_t>(state.range(0)));
  for (auto _ : state) {
    burst.Renew();
    if (work == kNothing) continue;
    if (work == kBatch) {
      burst.Classify(tables.view());
      burst.Forward(tables.view());
    } else {
      burst.ClassifyOneByOne(tables.view());
      burst.ForwardTheLongWay(tables.view());
    }
  }
  Report(state);
}

const Bytes& Frame4() {
  static const Bytes frame = Ethernet({}, TcpPacket({}, {}, kTcpAck, Counting(6)));
  return frame;
}
const Bytes& Frame6() {
  static const Bytes frame =
      Ethernet({}, TcpPacket({.client = kClient6, .vip = kVip6}, {}, kTcpAck, Counting(6)));
  return frame;
}

void BM_Floor(benchmark::State& state) { Run(state, Frame4(), kNothing); }
void BM_Ipip(benchmark::State& state) { Run(state, Frame4(), kBatch); }
void BM_IpipOneByOne(benchmark::State& state) { Run(state, Frame4(), kOneByOne); }
void BM_Ip6InIp6(benchmark::State& state) { Run(state, Frame6(), kBatch); }
void BM_L2Dsr(benchmark::State& state) {
  Run(state,
      Ethernet({}, TcpPacket({.vip = ParseAddress("203.0.113.12")}, {}, kTcpAck, Counting(6))),
      kBatch);
}
void BM_NotAVip(benchmark::State& state) {
  Run(state, Ethernet({}, TcpPacket({.vip = ParseAddress("203.0.113.9")})), kBatch);
}
BENCHMARK(BM_Floor)->Arg(1)->Arg(1 << 20);
BENCHMARK(BM_Ipip)->Arg(1)->Arg(1 << 20);
BENCHMARK(BM_IpipOneByOne)->Arg(1)->Arg(1 << 20);
BENCHMARK(BM_Ip6InIp6)->Arg(1)->Arg(1 << 20);
BENCHMARK(BM_L2Dsr)->Arg(1 << 20);
BENCHMARK(BM_NotAVip)->Arg(1 << 20);

void BM_SipHash13(benchmark::State& state) {
  const uint64_t key[2] = {1, 2};
  lb_hash_message message{};
  uint64_t sum = 0;
  for (auto _ : state) {
    message.word[0]++;
    sum += lb_siphash13(key, &message, LB_HASH_WORDS_IPV4);
  }
  benchmark::DoNotOptimize(sum);
}
BENCHMARK(BM_SipHash13);

}  // namespace
}  // namespace evenkeel::packets

BENCHMARK_MAIN();
