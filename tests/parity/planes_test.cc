// The native core against the loaded BPF program: random tables, random and mutated frames; equal
// verdicts, reasons, bytes and counters. Needs root; skips without it.
//
// Some 20 seconds; EVENKEEL_PARITY_FRAMES=10000000 for a long run, EVENKEEL_PARITY_SEED to repeat
// one. The seed is printed.
#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "dataplane/forward/wire.h"
#include "dataplane/worker/recent_flows.h"
#include "tests/bpf/run_bpf.h"
#include "tests/packets/run_native.h"
#include "tests/packets/virtual_time.h"
#include "tests/parity/random_tables.h"

namespace evenkeel::packets {
namespace {

constexpr uint64_t kFrames = 400'000;
constexpr int kFramesATable = 2000;
constexpr uint32_t kFlowBuckets = 8;  // few enough for flows to displace each other

uint64_t Setting(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

int ActionOf(lb_verdict verdict) {
  if (verdict == LB_PASS) return XDP_PASS;
  return verdict == LB_DROP ? XDP_DROP : XDP_TX;
}

// As the program reads it.
uint64_t Period() {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
  return static_cast<uint64_t>(now.tv_sec) / RecentFlows::kPeriodSeconds;
}

class Comparison {
 public:
  explicit Comparison(BpfCore* core)
      : core_(*core), native_flows_(core->flows().size()), time_(core->flows()) {}

  // Their deadlines are told from `second` on.
  void SetTables(const TablesSpec& spec, uint64_t second) {
    if (tables_ != nullptr) {
      // What is too old by the former tables may not be by the new ones, and only one side has
      // swept.
      DropDead(core_.flows(), time_.real_tick());
      DropDead(native_flows_.buckets(), native_tick_);
    }
    spec_ = spec;
    spec_.start_ns = second * 1'000'000'000;
    tables_ = std::make_unique<Tables>(spec_);
    program_start_ns_ = ~0ull;
  }

  // `second` is even and does not go back. False: they differ, and the test has failed.
  bool Frame(uint64_t second, const Bytes& in) {
    const uint64_t now_ns = second * 1'000'000'000;
    const Outcome native = RunNative(native_flows_.Over(tables_->view(), now_ns), in);
    native_tick_ = lb_tick_of(now_ns);
    uint64_t period = 0;
    BpfOutcome program;
    int runs = 0;
    time_.At(second, [&](uint64_t start_ns) {
      SetProgramTables(start_ns);
      period = Period();
      core_.RefillErrors();  // the limit is no part of the core
      program = core_.Run(in);
      ++runs;
    });
    EXPECT_EQ(program.action, ActionOf(native.verdict));
    EXPECT_EQ(program.reason, native.reason);
    const bool leaves = native.verdict == LB_FORWARD || native.verdict == LB_REPLY;
    if (program.out != (leaves ? native.out : in)) {
      ADD_FAILURE() << "native:\n"
                    << HexDump(leaves ? native.out : in) << "program:\n"
                    << HexDump(program.out);
    }
    const bool forwarded = native.verdict == LB_FORWARD;
    EXPECT_EQ(program.counted.packets, forwarded ? 1u : 0u);
    EXPECT_EQ(program.counted.bytes, forwarded ? native.flow.ip_length : 0u);
    if (forwarded) {
      EXPECT_EQ(program.counter, native.decision.counter);
      const bool is_new = IsNewFlow(native.flow, period);
      // Only where the clock did not step between the two, nor during the program's run.
      if (period == Period() && runs == 1) {
        EXPECT_EQ(program.counted.new_flows, is_new ? 1u : 0u);
      }
    }
    ++verdicts_[native.verdict];
    ++slot_states_[native.decision.state];
    const bool has_moved = native.decision.state != LB_SLOT_PURE;
    if (has_moved && verdicts_[LB_FORWARD] % 8 == 0) CompareFlows(lb_tick_of(now_ns));
    return !testing::Test::HasFailure();
  }

  const uint64_t* verdicts() const { return verdicts_; }
  const uint64_t* slot_states() const { return slot_states_; }
  const lb_flow_head& native_head() const { return native_flows_.head(); }

 private:
  void SetProgramTables(uint64_t start_ns) {
    if (start_ns == program_start_ns_) return;
    program_start_ns_ = start_ns;
    TablesSpec spec = spec_;
    spec.start_ns += start_ns;
    core_.SetTables(Tables(spec));
  }
  void DropDead(std::span<lb_flow_bucket> buckets, uint32_t tick) {
    const auto living = LivingFlows(buckets, tick, *tables_);
    for (uint32_t place = 0; place < buckets.size() * LB_FLOW_WAYS; ++place) {
      if (!living.contains(place)) buckets[place / LB_FLOW_WAYS].entry[place % LB_FLOW_WAYS] = 0;
    }
  }
  void CompareFlows(uint32_t tick) {
    EXPECT_EQ(LivingFlows(core_.flows(), time_.real_tick(), *tables_),
              LivingFlows(native_flows_.buckets(), tick, *tables_));
  }
  bool IsNewFlow(const lb_flow& flow, uint64_t period) {
    const bool first = (flow.flags & LB_FLOW_NEW) != 0;
    if (flow.protocol != LB_PROTOCOL_UDP) return first;
    return recent_.IsNew(RecentFlows::Signature(flow), period) || first;
  }

  BpfCore& core_;
  RecentFlows recent_;
  TablesSpec spec_;
  std::unique_ptr<Tables> tables_;
  uint64_t program_start_ns_ = ~0ull;
  NativeFlows native_flows_;
  uint32_t native_tick_ = 0;
  VirtualTime time_;
  uint64_t verdicts_[LB_VERDICTS] = {};
  uint64_t slot_states_[3] = {};
};

TEST(PlanesTest, NativeCoreAndProgramTreatEveryFrameAlike) {
  absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load(kFlowBuckets);
  if (absl::IsPermissionDenied(core.status())) GTEST_SKIP() << "needs root: loads BPF programs";
  ASSERT_TRUE(core.ok()) << core.status();
  const uint64_t seed = Setting("EVENKEEL_PARITY_SEED", std::random_device{}());
  const uint64_t frames = Setting("EVENKEEL_PARITY_FRAMES", kFrames);
  std::printf("EVENKEEL_PARITY_SEED=%llu, %llu frames\n", static_cast<unsigned long long>(seed),
              static_cast<unsigned long long>(frames));
  ASSERT_TRUE(StayOnOneCpu());
  Random random(seed);
  RandomFrames generator;
  Comparison comparison(core->get());
  uint64_t second = 2;  // at 0 a deadline of 0 s, which tables tell as 1 ns, would lie ahead
  for (uint64_t frame = 0; frame < frames; frame += kFramesATable) {
    // Other backends under the same indices, and the former tables' flows: whatever it is, alike.
    TablesSpec spec = RandomTables(random);
    comparison.SetTables(spec, second);
    for (int i = 0; i < kFramesATable; ++i) {
      if (random() % 50 == 0) second += 2 * (random() % 4);
      if (random() % 1000 == 0) second += 2 * (random() % 600);
      const Bytes in = generator.Next(spec, random);
      ASSERT_TRUE(comparison.Frame(second, in))
          << "frame " << frame + static_cast<uint64_t>(i) << ":\n"
          << HexDump(in);
    }
  }
  const uint64_t* verdicts = comparison.verdicts();
  std::printf("forward %llu, reply %llu, pass %llu, drop %llu; no difference\n",
              static_cast<unsigned long long>(verdicts[LB_FORWARD]),
              static_cast<unsigned long long>(verdicts[LB_REPLY]),
              static_cast<unsigned long long>(verdicts[LB_PASS]),
              static_cast<unsigned long long>(verdicts[LB_DROP]));
  for (int verdict = 0; verdict < LB_VERDICTS; ++verdict)
    EXPECT_GT(verdicts[verdict], frames / 500);
  const lb_flow_head& head = comparison.native_head();
  std::printf("open %llu, tail %llu; pending %llu, miss-made %llu, firm %llu, evicted %llu\n",
              static_cast<unsigned long long>(comparison.slot_states()[LB_SLOT_OPEN]),
              static_cast<unsigned long long>(comparison.slot_states()[LB_SLOT_TAIL]),
              static_cast<unsigned long long>(head.inserted[LB_ENTRY_PENDING]),
              static_cast<unsigned long long>(head.inserted[LB_ENTRY_MISS]),
              static_cast<unsigned long long>(head.inserted[LB_ENTRY_FIRM]),
              static_cast<unsigned long long>(head.evicted[LB_ENTRY_MISS]));
  if (frames < 100'000) return;  // a short run may lack one of them
  EXPECT_GT(comparison.slot_states()[LB_SLOT_OPEN], frames / 100);
  EXPECT_GT(comparison.slot_states()[LB_SLOT_TAIL], frames / 100);
  for (int kind : {LB_ENTRY_PENDING, LB_ENTRY_MISS, LB_ENTRY_FIRM})
    EXPECT_GT(head.inserted[kind], frames / 8000);
}

}  // namespace
}  // namespace evenkeel::packets
