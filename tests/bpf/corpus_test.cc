// The corpus through the loaded BPF program: the same verdict, reason, bytes and counters as the
// case says. Needs root; skips without it.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include "dataplane/forward/icmp.h"
#include "dataplane/forward/reason_name.h"
#include "tests/bpf/run_bpf.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"
#include "tests/packets/stories.h"
#include "tests/packets/virtual_time.h"

namespace evenkeel::packets {
namespace {

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
    EXPECT_STREQ(lb_reason_name(outcome.reason), lb_reason_name(c.reason));
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

const Case& CaseNamed(const std::vector<Case>& corpus, const std::string& name) {
  return *std::find_if(corpus.begin(), corpus.end(), [&](const Case& c) { return c.name == name; });
}

TEST_F(CorpusBpfTest, TellsABoundedNumberOfSendersThatTheirPacketIsTooBig) {
  constexpr unsigned kSent = 500;
  const std::vector<Case> corpus = Corpus();
  const Case& too_big = CaseNamed(corpus, "too_big_ipip");
  const Case& echo = CaseNamed(corpus, "echo4");
  ASSERT_TRUE(StayOnOneCpu());
  core_->SetTables(Tables(too_big.tables));
  const auto start = std::chrono::steady_clock::now();
  unsigned told = 0;
  for (unsigned i = 0; i < kSent; ++i) {
    const BpfOutcome outcome = core_->Run(too_big.in);
    if (outcome.reason == LB_REASON_too_big_reply) {
      EXPECT_EQ(outcome.action, XDP_TX);
      ++told;
      continue;
    }
    ASSERT_EQ(outcome.reason, LB_REASON_too_big_untold);
    ASSERT_EQ(outcome.action, XDP_DROP);
    ASSERT_EQ(HexDump(outcome.out), HexDump(too_big.in));
  }
  // The program's clock steps every few milliseconds, and goes on while the test waits for a CPU.
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_GE(told, LB_ERRORS_BURST);
  EXPECT_LE(told, LB_ERRORS_BURST + (seconds.count() + 0.1) * LB_ERRORS_PER_SECOND);
  EXPECT_EQ(core_->Run(echo.in).reason, LB_REASON_echo_reply) << "an answer is no error";
}

TEST_F(CorpusBpfTest, ProgramTellsEveryStoryAsTheCoreDoes) {
  for (const Story& story : Stories()) {
    SCOPED_TRACE(story.name + ": " + story.why);
    std::ranges::fill(core_->flows(), lb_flow_bucket{});
    TablesSpec spec = story.tables;
    const Tables native_tables(spec);
    NativeFlows native_flows(64);
    VirtualTime time(core_->flows());
    for (const Step& step : story.steps) {
      SCOPED_TRACE(testing::Message() << "step " << &step - story.steps.data());
      const uint64_t now_ns = step.at_s * 1'000'000'000;
      const lb_view view = native_flows.Over(native_tables.view(), now_ns);
      const Outcome expected = RunNative(view, step.in);
      BpfOutcome outcome;
      time.At(step.at_s, [&](uint64_t start_ns) {
        spec.start_ns = start_ns;
        const Tables tables(spec);
        core_->SetTables(tables);
        outcome = core_->Run(step.in);
      });
      EXPECT_EQ(outcome.reason, LB_REASON_none);
      EXPECT_EQ(HexDump(outcome.out), HexDump(expected.out));
      EXPECT_EQ(outcome.counter, expected.decision.counter);
      EXPECT_EQ(LivingFlows(core_->flows(), time.real_tick(), native_tables),
                LivingFlows(native_flows.buckets(), lb_tick_of(now_ns), native_tables));
    }
  }
}

TEST_F(CorpusBpfTest, EverythingPassesBeforeTheFirstImage) {
  const BpfOutcome outcome = core_->Run(Corpus().front().in);
  EXPECT_EQ(outcome.action, XDP_PASS);
  EXPECT_EQ(outcome.reason, LB_REASON_no_image);
}

}  // namespace
}  // namespace evenkeel::packets
