// plain.h is a shorter lb_resolve() and lb_apply(): held against them, byte by byte.
#include "dataplane/forward/plain.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <random>
#include <utility>

#include "tests/packets/corpus.h"
#include "tests/packets/mutate.h"
#include "tests/packets/run_native.h"
#include "tests/support/seed.h"

namespace evenkeel::packets {
namespace {

constexpr int kFrames = 20'000;

// Whether the frame went the short way; where it did, it is what the long way makes of it. On a
// heap buffer of exactly the size of what leaves.
void ExpectAsTheLongWay(const lb_view& view, const Bytes& in, bool* taken) {
  *taken = false;
  const Outcome expected = RunNative(view, in);
  const auto frame = std::make_unique<uint8_t[]>(in.size());  // never null, as in.data() may be
  std::ranges::copy(in, frame.get());
  lb_flow flow;
  if (lb_classify(&view, frame.get(), frame.get() + in.size(), &flow) != LB_FORWARD) return;
  lb_plain plain;
  lb_plain_begin(&plain, &view);
  lb_plain_route route;
  if (!lb_plain_find(&plain, &flow, &route)) return;
  *taken = true;

  ASSERT_EQ(expected.verdict, LB_FORWARD) << HexDump(in);
  ASSERT_EQ(expected.reason, LB_REASON_none);
  ASSERT_EQ(route.backend, expected.decision.chosen);
  ASSERT_EQ(route.counter, expected.decision.counter);
  const size_t head = sizeof(lb_ethernet) + route.room;
  const auto out = std::make_unique<uint8_t[]>(head + flow.ip_length);
  std::fill_n(out.get(), head, uint8_t{0xee});
  std::copy_n(in.begin() + sizeof(lb_ethernet), flow.ip_length, out.get() + head);
  lb_plain_write(&plain, out.get(), &flow, &route);
  const Bytes written(out.get(), out.get() + head + flow.ip_length);
  ASSERT_EQ(HexDump(written), HexDump(expected.out)) << HexDump(in);
}

bool IsPlain(const Case& c) {
  const Tables tables(c.tables);
  bool taken = false;
  ExpectAsTheLongWay(tables.view(), c.in, &taken);
  return taken;
}

TEST(PlainTest, AgreesOnTheCorpusAndTakesMuchOfIt) {
  size_t taken = 0;
  for (const Case& c : Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    taken += IsPlain(c) ? 1 : 0;
    ASSERT_FALSE(HasFatalFailure());
  }
  EXPECT_GE(taken, 40u);
}

// Any packet of the corpus or of many clients, then a few bytes of it changed.
Bytes SomeFrame(std::mt19937& random, const std::vector<Case>& corpus) {
  Conversation conversation = random() % 2 != 0 ? kTo4 : kTo6;
  conversation.client_port = static_cast<uint16_t>(random());
  Bytes frame = random() % 2 != 0 ? corpus[random() % corpus.size()].in
                                  : Ethernet({}, TcpPacket(conversation));
  Mutate(random, frame);
  return frame;
}

TablesSpec WithSources(const char* source4, const char* source6, uint16_t mtu) {
  TablesSpec spec = WideScene();
  spec.encap_source4 = source4;
  spec.encap_source6 = source6;
  spec.mtu = mtu;
  return spec;
}

TEST(PlainTest, AgreesOnMutatedFramesWhateverTheParameters) {
  std::mt19937 random(TestSeed());
  const std::vector<Case> corpus = Corpus();
  for (const TablesSpec& spec :
       {WithSources("10.0.0.10/32", "fd00::10/128", 1600),
        WithSources("10.200.0.0/16", "fd00::/64", 1600),
        WithSources("10.201.202.192/26", "fd00::7:0/112", 95),
        WithSources("", "fd00::10/128", 1600), WithSources("10.0.0.10/32", "", 1600)}) {
    const Tables tables(spec);
    for (int i = 0; i < kFrames; i++) {
      bool taken = false;
      ASSERT_NO_FATAL_FAILURE(ExpectAsTheLongWay(tables.view(), SomeFrame(random, corpus), &taken));
    }
  }
}

TEST(PlainTest, TakesMostOfWhatIsForwarded) {
  std::mt19937 random(1);  // what it has to reach is expected of these frames
  const std::vector<Case> corpus = Corpus();
  const Tables tables(WideScene());
  int taken_count = 0, forwarded = 0;
  for (int i = 0; i < kFrames; i++) {
    const Bytes frame = SomeFrame(random, corpus);
    bool taken = false;
    ASSERT_NO_FATAL_FAILURE(ExpectAsTheLongWay(tables.view(), frame, &taken));
    taken_count += taken ? 1 : 0;
    forwarded += RunNative(tables.view(), frame).verdict == LB_FORWARD ? 1 : 0;
  }
  EXPECT_GT(forwarded, kFrames / 4);
  EXPECT_GT(taken_count, forwarded * 8 / 10);
}

// One case each of what has to go the long way, beside its neighbour that need not.
class LongWayTest : public testing::Test {
 protected:
  static bool GoesTheShortWay(const TablesSpec& spec, const Bytes& frame) {
    return IsPlain({.name = "", .why = "", .tables = spec, .in = frame});
  }
  const Bytes frame_ = Ethernet({}, TcpPacket({}));
};

TEST_F(LongWayTest, IsNotForPlainPackets) {
  EXPECT_TRUE(GoesTheShortWay(Scene(), frame_));
  EXPECT_TRUE(GoesTheShortWay(Scene(), Ethernet({}, UdpPacket({.vip_port = 53}))));
  // 4in6, L2 DSR, then 6in6, 6in4, L2 DSR.
  for (const char* vip : {"203.0.113.11", "203.0.113.12"}) {
    EXPECT_TRUE(GoesTheShortWay(Scene(), Ethernet({}, TcpPacket({.vip = ParseAddress(vip)}))))
        << vip;
  }
  for (const char* vip : {"2001:db8:113::10", "2001:db8:113::11", "2001:db8:113::12"}) {
    EXPECT_TRUE(GoesTheShortWay(
        Scene(), Ethernet({}, TcpPacket({.client = kClient6, .vip = ParseAddress(vip)}))))
        << vip;
  }
}

TEST_F(LongWayTest, IsForPacketsOfAnotherKind) {
  EXPECT_FALSE(GoesTheShortWay(Scene(), Ethernet({.tags = {{.tci = 7}}}, TcpPacket({}))));
  EXPECT_FALSE(GoesTheShortWay(Scene(), Ethernet({}, TcpPacket({}, {.ttl = 1}))));
  EXPECT_FALSE(GoesTheShortWay(Scene(), Ethernet({}, TcpPacket(kTo6, {.ttl = 1}))));
}

TEST_F(LongWayTest, IsForIcmp) {
  size_t echoes = 0;
  for (const std::vector<Case>& cases : {ReplyCases(), IcmpErrorCases()}) {
    for (const Case& c : cases) {
      const Tables tables(c.tables);
      lb_flow flow;
      if (lb_classify(&tables.view(), c.in.data(), c.in.data() + c.in.size(), &flow) ==
              LB_FORWARD &&
          (flow.flags & LB_FLOW_ICMP_ERROR) != 0) {
        EXPECT_FALSE(IsPlain(c)) << c.name;
      }
      if ((flow.flags & LB_FLOW_ECHO) == 0) continue;
      lb_plain plain;
      lb_plain_begin(&plain, &tables.view());
      lb_plain_route route;
      EXPECT_FALSE(lb_plain_find(&plain, &flow, &route)) << c.name;
      ++echoes;
    }
  }
  EXPECT_GT(echoes, 0u);
}

TEST_F(LongWayTest, IsForMissingBackendsAndNextHops) {
  for (const char* vip : {"203.0.113.14", "203.0.113.15"}) {
    EXPECT_FALSE(GoesTheShortWay(Scene(), Ethernet({}, TcpPacket({.vip = ParseAddress(vip)}))))
        << vip;
  }
}

TEST_F(LongWayTest, IsForParametersThatItAloneKnows) {
  TablesSpec tagged = Scene();
  tagged.vlan = 12;
  EXPECT_FALSE(GoesTheShortWay(tagged, frame_));
  TablesSpec without_source = Scene();
  without_source.encap_source4 = "";
  EXPECT_FALSE(GoesTheShortWay(without_source, frame_));
}

TEST_F(LongWayTest, IsForTheFirstByteTooMuch) {
  const uint16_t inner = static_cast<uint16_t>(frame_.size() - sizeof(lb_ethernet));
  TablesSpec fitting = Scene();
  fitting.mtu = static_cast<uint16_t>(inner + sizeof(lb_ipv4));
  EXPECT_TRUE(GoesTheShortWay(fitting, frame_));
  fitting.mtu--;
  EXPECT_FALSE(GoesTheShortWay(fitting, frame_));
}

TEST_F(LongWayTest, IsForSlotsAndServicesThatHaveMoved) {
  TablesSpec moved = Scene();
  for (PoolSpec& pool : moved.pools) {
    if (pool.name != "tunnel4") continue;
    pool.backends.push_back({.address = "10.0.1.99", .owns_slots = false});
    pool.backends.front().moved_from = "10.0.1.99";
    pool.backends.front().open_for_s = 10;
  }
  EXPECT_FALSE(GoesTheShortWay(moved, frame_));
  TablesSpec structure = Scene();
  structure.services.front().former = FormerSpec{.pool = "tunnel4", .for_s = 10};
  EXPECT_FALSE(GoesTheShortWay(structure, frame_));
}

TEST_F(LongWayTest, IsForAllWithoutAnImage) {
  const lb_view none{};
  lb_plain plain;
  lb_plain_begin(&plain, &none);
  for (const uint32_t limit : plain.ip_length_limit) EXPECT_EQ(limit, 0u);
}

}  // namespace
}  // namespace evenkeel::packets
