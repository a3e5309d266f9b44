// The corpus through the loaded BPF program: the same verdict, reason, bytes and counters as the
// case says. Needs root; skips without it.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include "tests/bpf/run_bpf.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"

namespace evenkeel::packets {
namespace {

const char* const kReasonNames[] = {
#define LB_REASON_NAME(name, verdict, text) #name,
    LB_REASONS(LB_REASON_NAME)
#undef LB_REASON_NAME
};

int ActionOf(lb_verdict verdict) {
  if (verdict == LB_PASS) return XDP_PASS;
  return verdict == LB_DROP ? XDP_DROP : XDP_TX;
}

class CorpusBpfTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load();
    if (absl::IsPermissionDenied(core.status())) GTEST_SKIP() << "needs root: loads BPF programs";
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
  }
  std::unique_ptr<BpfCore> core_;
};

TEST_F(CorpusBpfTest, ProgramGivesReasonBytesAndCountsOfEveryCase) {
  int run = 0;
  for (const Case& c : Corpus()) {
    if (c.in.size() < kBpfFrameBytesMin) continue;
    SCOPED_TRACE(c.name + ": " + c.why);
    const Tables tables(c.tables);
    core_->SetTables(tables);
    const BpfOutcome outcome = core_->Run(c.in);
    const lb_verdict verdict = lb_reason_verdict(c.reason);
    EXPECT_STREQ(kReasonNames[outcome.reason], kReasonNames[c.reason]);
    EXPECT_EQ(outcome.action, ActionOf(verdict));
    // What is passed or dropped is as it came.
    EXPECT_EQ(HexDump(outcome.out), HexDump(c.out.empty() ? c.in : c.out));
    const Outcome native = RunNative(tables.view(), c.in);
    EXPECT_EQ(outcome.counted.packets, verdict == LB_FORWARD ? 1u : 0u);
    if (verdict == LB_FORWARD) {
      EXPECT_EQ(outcome.counter, native.decision.counter);
      EXPECT_EQ(outcome.counted.bytes, native.flow.ip_length);
    }
    ++run;
  }
  EXPECT_GT(run, 100);
  RecordProperty("cases", run);
}

TEST_F(CorpusBpfTest, EverythingPassesBeforeTheFirstImage) {
  const BpfOutcome outcome = core_->Run(Corpus().front().in);
  EXPECT_EQ(outcome.action, XDP_PASS);
  EXPECT_EQ(outcome.reason, LB_REASON_no_image);
}

}  // namespace
}  // namespace evenkeel::packets
