// A packet made anew from its sampled header is decided as the packet itself was.
#include "control/sample/decide_sample.h"

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <random>

#include "control/sample/sample_packet.h"
#include "dataplane/forward/decide.h"
#include "dataplane/worker/sampler.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/corpus.h"
#include "tests/packets/tables.h"

namespace evenkeel {
namespace {

struct Decided {
  lb_flow flow{};
  lb_decision decision{};
};

// Nothing: it matches no service.
std::optional<Decided> Decide(const lb_view& view, const uint8_t* begin, const uint8_t* end) {
  Decided decided;
  if (lb_classify(&view, begin, end, &decided.flow) != LB_FORWARD) return std::nullopt;
  lb_resolve(&view, begin, end, &decided.flow, &decided.decision);
  return decided;
}

TEST(SamplePacketTest, OfEveryPacketOfTheCorpusIsDecidedAsTheCorpusSays) {
  SamplePacket again;
  size_t seen = 0;
  for (const packets::Case& c : packets::Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const packets::Tables tables(c.tables);
    const std::optional<Decided> first =
        Decide(tables.view(), c.in.data(), c.in.data() + c.in.size());
    if (!first) continue;
    const std::optional<lb_sample> sample =
        MakeSample(tables.view(), c.in.data(), first->flow, first->decision);
    if (!sample) continue;
    again.Become(*sample);
    const std::optional<Decided> second = Decide(tables.view(), again.begin(), again.end());
    ASSERT_TRUE(second);
    EXPECT_EQ(second->flow.service, first->flow.service);
    EXPECT_EQ(second->flow.hash, first->flow.hash);
    EXPECT_EQ(second->flow.flags & LB_FLOW_NEW, first->flow.flags & LB_FLOW_NEW);
    // Whether its sender may be told is the Ethernet header's, which no sample has.
    if (c.name == "too_big_to_multicast_mac") continue;
    EXPECT_EQ(second->decision.reason, first->decision.reason);
    EXPECT_EQ(second->decision.backend, first->decision.backend);
    EXPECT_EQ(sample->backend, first->decision.backend);
    ++seen;
  }
  EXPECT_GT(seen, 20u);
}

TEST(SampleDeciderTest, SaysServiceBackendAndHashByTheImageItHas) {
  absl::StatusOr<ImageView> image = VerifySpec(SmallSpec());
  ASSERT_TRUE(image.ok()) << image.status();
  SampleDecider decider(std::make_shared<const ImageView>(*std::move(image)));
  lb_sample sample{};
  sample.family = LB_IPV4;
  sample.protocol = LB_PROTOCOL_TCP;
  sample.tcp_flags = LB_TCP_SYN;
  sample.ttl = 64;
  sample.ip_length = 60;
  const Address client = V4(198, 51, 100, 2), vip = V4(203, 0, 113, 10),
                other = V4(198, 51, 100, 99);
  std::copy(client.begin(), client.end(), sample.source);
  std::copy(vip.begin(), vip.end(), sample.destination);
  sample.source_port = LB_NET16(40000);
  sample.destination_port = LB_NET16(80);
  const SampleFate fate = decider.Decide(sample);
  EXPECT_EQ(fate.verdict, LB_FORWARD);
  EXPECT_EQ(fate.reason, LB_REASON_none);
  EXPECT_NE(fate.service, LB_NONE);
  EXPECT_NE(fate.backend, LB_NONE);
  EXPECT_NE(fate.hash, 0u);
  std::copy(other.begin(), other.end(), sample.destination);
  EXPECT_EQ(decider.Decide(sample).verdict, LB_PASS);
  EXPECT_EQ(decider.Decide(sample).service, LB_NONE);
}

// Whatever another process has left in the ring: nothing is read beyond the packet (ASan).
TEST(SampleDeciderTest, SurvivesAnyRecord) {
  absl::StatusOr<ImageView> image = VerifySpec(SmallSpec());
  ASSERT_TRUE(image.ok()) << image.status();
  SampleDecider decider(std::make_shared<const ImageView>(*std::move(image)));
  std::mt19937_64 random(testing::UnitTest::GetInstance()->random_seed());
  for (int i = 0; i < 100'000; ++i) {
    lb_sample sample;
    for (uint8_t& byte : std::span(reinterpret_cast<uint8_t*>(&sample), sizeof(sample))) {
      byte = static_cast<uint8_t>(random());
    }
    if (i % 2 == 0) sample.family = LB_IPV4;
    if (i % 3 == 0) sample.protocol = LB_PROTOCOL_TCP;
    const SampleFate fate = decider.Decide(sample);
    ASSERT_LT(fate.reason, LB_REASON_COUNT);
  }
}

}  // namespace
}  // namespace evenkeel
