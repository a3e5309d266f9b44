// What the loaded program samples: the same record as a worker would write, of one packet in N.
// Needs root; skips without it.
#include <gtest/gtest.h>
#include <linux/bpf.h>

#include <cmath>
#include <cstring>
#include <optional>

#include "dataplane/forward/decide.h"
#include "dataplane/worker/sampler.h"
#include "tests/bpf/run_bpf.h"
#include "tests/packets/corpus.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {
namespace {

class SampleBpfTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load();
    if (absl::IsPermissionDenied(core.status())) GTEST_SKIP() << "needs root: loads BPF programs";
    ASSERT_TRUE(core.ok()) << core.status();
    core_ = *std::move(core);
    ASSERT_TRUE(StayOnOneCpu());
  }

  // A packet that is forwarded.
  Case Forwarded() const {
    for (const Case& c : Corpus()) {
      if (lb_reason_verdict(c.reason) == LB_FORWARD && c.in.size() >= kBpfFrameBytesMin) return c;
    }
    return {};
  }

  std::unique_ptr<BpfCore> core_;
};

// What a worker writes of the packet; nothing where it samples none of its kind.
std::optional<lb_sample> Expected(const lb_view& view, const Bytes& frame) {
  lb_flow flow{};
  lb_decision decision{};
  const uint8_t* end = frame.data() + frame.size();
  if (lb_classify(&view, frame.data(), end, &flow) != LB_FORWARD) return std::nullopt;
  lb_resolve(&view, frame.data(), end, &flow, &decision);
  std::optional<lb_sample> sample = MakeSample(view, frame.data(), flow, decision);
  if (sample) {
    sample->every = 1;
    sample->generation = 1;  // BpfCore's
  }
  return sample;
}

TEST_F(SampleBpfTest, EveryPacketOfTheCorpusIsSampledByteForByteAsAWorkerDoes) {
  core_->SampleEvery(1);
  size_t seen = 0;
  for (const Case& c : Corpus()) {
    if (c.in.size() < kBpfFrameBytesMin) continue;
    SCOPED_TRACE(c.name + ": " + c.why);
    const Tables tables(c.tables);
    core_->SetTables(tables);
    const BpfOutcome outcome = core_->Run(c.in);
    EXPECT_EQ(outcome.reason, c.reason);
    EXPECT_EQ(HexDump(outcome.out), HexDump(c.out.empty() ? c.in : c.out));
    const std::vector<lb_sample> samples = core_->TakeSamples();
    const std::optional<lb_sample> expected = Expected(tables.view(), c.in);
    ASSERT_EQ(samples.size(), expected ? 1u : 0u);
    if (!expected) continue;
    const auto bytes = [](const lb_sample& sample) {
      const auto* first = reinterpret_cast<const uint8_t*>(&sample);
      return HexDump(Bytes(first, first + sizeof(sample)));
    };
    EXPECT_EQ(bytes(samples[0]), bytes(*expected));
    ++seen;
  }
  EXPECT_GT(seen, 20u);
}

TEST_F(SampleBpfTest, NothingIsSampledUnlessAskedForAndFromTheNextPacketOn) {
  const Case c = Forwarded();
  core_->SetTables(Tables(c.tables));
  for (int i = 0; i < 10; ++i) core_->Run(c.in);
  EXPECT_TRUE(core_->TakeSamples().empty());
  core_->SampleEvery(1);
  for (int i = 0; i < 3; ++i) core_->Run(c.in);
  EXPECT_EQ(core_->TakeSamples().size(), 3u);
  core_->SampleEvery(0);
  for (int i = 0; i < 10; ++i) core_->Run(c.in);
  EXPECT_TRUE(core_->TakeSamples().empty());
}

// Spacing of a mean of 7 and a variance of (13^2 - 1) / 12: 8 standard errors of the count.
TEST_F(SampleBpfTest, OnePacketInSoManyIsSampled) {
  const Case c = Forwarded();
  core_->SetTables(Tables(c.tables));
  core_->SampleEvery(7);
  constexpr int kPackets = 14'000;
  for (int i = 0; i < kPackets; ++i) core_->Run(c.in);
  const std::vector<lb_sample> samples = core_->TakeSamples();
  const double expected = kPackets / 7.0;
  const double sigma = std::sqrt(expected * 14 / 49);
  EXPECT_NEAR(samples.size(), expected, 8 * sigma + 1);
  for (const lb_sample& sample : samples) ASSERT_EQ(sample.every, 7u);
}

TEST_F(SampleBpfTest, AFullRingDropsCountsAndIsLeftAloneForAWhile) {
  const Case c = Forwarded();
  core_->SetTables(Tables(c.tables));
  core_->SampleEvery(1);
  const int packets = LB_SAMPLES_PER_RING + LB_SAMPLE_BACK_OFF / 2;
  for (int i = 0; i < packets; ++i) core_->Run(c.in);
  EXPECT_EQ(core_->dropped_samples(), 1u);
  EXPECT_EQ(core_->TakeSamples().size(), LB_SAMPLES_PER_RING);
}

}  // namespace
}  // namespace evenkeel::packets
