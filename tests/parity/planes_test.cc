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
#include <vector>

#include "dataplane/forward/wire.h"
#include "dataplane/worker/recent_flows.h"
#include "tests/bpf/run_bpf.h"
#include "tests/packets/run_native.h"
#include "tests/parity/random_tables.h"

namespace evenkeel::packets {
namespace {

constexpr uint64_t kFrames = 400'000;
constexpr int kFramesATable = 2000;

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
  explicit Comparison(BpfCore* core) : core_(*core) {}

  // False: they differ, and the test has failed.
  bool Frame(const Tables& tables, const Bytes& in) {
    const Outcome native = RunNative(tables.view(), in);
    const uint64_t period = Period();
    core_.RefillErrors();  // the limit is no part of the core
    const BpfOutcome program = core_.Run(in);
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
      // Only where the clock did not step between the two.
      if (period == Period()) {
        EXPECT_EQ(program.counted.new_flows, is_new ? 1u : 0u);
      }
    }
    ++verdicts_[native.verdict];
    return !testing::Test::HasFailure();
  }

  const uint64_t* verdicts() const { return verdicts_; }

 private:
  bool IsNewFlow(const lb_flow& flow, uint64_t period) {
    const bool first = (flow.flags & LB_FLOW_NEW) != 0;
    if (flow.protocol != LB_PROTOCOL_UDP) return first;
    return recent_.IsNew(RecentFlows::Signature(flow), period) || first;
  }

  BpfCore& core_;
  RecentFlows recent_;
  uint64_t verdicts_[LB_VERDICTS] = {};
};

TEST(PlanesTest, NativeCoreAndProgramTreatEveryFrameAlike) {
  absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load();
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
  for (uint64_t frame = 0; frame < frames; frame += kFramesATable) {
    const Tables tables(RandomTables(random));
    (*core)->SetTables(tables);
    for (int i = 0; i < kFramesATable; ++i) {
      const Bytes in = generator.Next(tables.spec(), random);
      ASSERT_TRUE(comparison.Frame(tables, in))
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
}

}  // namespace
}  // namespace evenkeel::packets
