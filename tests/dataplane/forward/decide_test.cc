#include "dataplane/forward/decide.h"

#include <gtest/gtest.h>

#include <map>

#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

TablesSpec FourBackends() {
  TablesSpec spec = Scene();
  spec.pools[0].backends = {{.address = "10.0.1.11"},
                            {.address = "10.0.1.12"},
                            {.address = "10.0.1.13"},
                            {.address = "10.0.1.14"}};
  return spec;
}

TEST(DecideTest, WithoutAnImageEverythingPasses) {
  const lb_view none{};
  const Outcome outcome = RunNative(none, Ethernet({}, TcpPacket({})));
  EXPECT_EQ(outcome.verdict, LB_PASS);
  EXPECT_EQ(outcome.reason, LB_REASON_no_image);
}

TEST(DecideTest, EachReasonHasTheVerdictOfTheList) {
#define LB_EXPECT_VERDICT(name, verdict, text) \
  EXPECT_EQ(lb_reason_verdict(LB_REASON_##name), verdict) << #name;
  LB_REASONS(LB_EXPECT_VERDICT)
#undef LB_EXPECT_VERDICT
}

TEST(DecideTest, SlotTellsBackendAndCounter) {
  const Tables tables(FourBackends());
  std::map<uint16_t, int> seen;
  for (uint16_t port = 1; port <= 4000; port++) {
    const Outcome outcome =
        RunNative(tables.view(), Ethernet({}, TcpPacket({.client_port = port}, {}, kTcpAck, {})));
    ASSERT_EQ(outcome.reason, LB_REASON_none);
    ASSERT_EQ(outcome.decision.backend, outcome.flow.slot % 4);
    ASSERT_EQ(outcome.decision.counter, outcome.flow.slot % 4);
    ASSERT_EQ(outcome.decision.previous, LB_NONE);
    ASSERT_EQ(outcome.out[14 + 19], 11 + outcome.flow.slot % 4);  // the outer destination
    seen[outcome.decision.backend]++;
  }
  for (const auto& [backend, count] : seen) EXPECT_NEAR(count, 1000, 150) << backend;
}

TEST(DecideTest, CountersOfTwoServicesOfAPoolAreApart) {
  const Tables tables(FourBackends());
  const Outcome http = RunNative(tables.view(), Ethernet({}, TcpPacket({})));
  const Outcome range = RunNative(tables.view(), Ethernet({}, TcpPacket({.vip_port = 8000})));
  EXPECT_LT(http.decision.counter, 4u);
  EXPECT_GE(range.decision.counter, 4u);
  EXPECT_LT(range.decision.counter, 8u);
}

TEST(DecideTest, SlotInTransitionNamesItsPreviousBackend) {
  TablesSpec spec = FourBackends();
  spec.pools[0].backends.resize(2);
  spec.pools[0].backends[1].moved_from = "10.0.1.11";
  const Tables tables(spec);
  for (uint16_t port = 1; port <= 50; port++) {
    const Outcome outcome =
        RunNative(tables.view(), Ethernet({}, TcpPacket({.client_port = port})));
    ASSERT_EQ(outcome.reason, LB_REASON_none);
    EXPECT_EQ(outcome.decision.backend, outcome.flow.slot % 2);
    EXPECT_EQ(outcome.decision.previous, outcome.flow.slot % 2 ? 0 : LB_NONE);
  }
}

TEST(DecideTest, IcmpErrorReachesTheBackendOfItsFlow) {
  const Tables tables(FourBackends());
  for (uint16_t port = 1; port <= 200; port++) {
    const Conversation c{.client_port = port};
    Bytes segment;
    Put16(segment, c.vip_port);
    Put16(segment, c.client_port);
    Put32(segment, 1);
    const Bytes quote = Ip({.source = c.vip, .destination = c.client, .protocol = kTcp}, segment);
    const Address hop = ParseAddress("192.0.2.1");
    const Bytes error = Ip({.source = hop, .destination = c.vip, .protocol = kIcmp},
                           Icmp({.source = hop, .type = 3, .code = 4, .body = quote}));
    const Outcome of_flow = RunNative(tables.view(), Ethernet({}, TcpPacket(c)));
    const Outcome of_error = RunNative(tables.view(), Ethernet({}, error));
    ASSERT_EQ(of_error.reason, LB_REASON_none);
    EXPECT_EQ(of_error.flow.hash, of_flow.flow.hash);
    EXPECT_EQ(of_error.decision.backend, of_flow.decision.backend);
  }
}

TEST(DecideTest, PrefetchingIsHarmlessForWhateverIsForwarded) {
  const Tables tables(Scene());
  const Address empty = ParseAddress("203.0.113.14");
  for (const Bytes& frame :
       {Ethernet({}, TcpPacket({})), Ethernet({}, TcpPacket({.vip = empty})),
        Ethernet({}, Ip({.source = kClient4, .destination = kVip4, .protocol = kIcmp},
                        Icmp({.source = kClient4})))}) {
    lb_flow flow;
    ASSERT_EQ(lb_classify(&tables.view(), frame.data(), frame.data() + frame.size(), &flow),
              LB_FORWARD);
    lb_prefetch_slot(&tables.view(), &flow);
    lb_prefetch_backend(&tables.view(), &flow);
  }
}

}  // namespace
}  // namespace evenkeel::packets
