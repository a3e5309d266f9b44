// What becomes of the flows of a slot that has moved, case by case, and what no stranger can do to
// them. EVENKEEL_SEED repeats a random run; the seed is printed.
#include "dataplane/forward/track.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

#include "tests/dataplane/forward/track_fixture.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

using Random = std::mt19937_64;
constexpr uint64_t kHash = 0x1234567800000005;
constexpr uint16_t kOld = 1, kNew = 2, kOther = 3;
constexpr uint32_t kSequence = 0x40000000;

// One flow through a slot that goes from kOld to kNew. Time passes by Wait().
class TrackTest : public testing::Test {
 protected:
  uint32_t Send(uint32_t flags, uint32_t sequence = kSequence + 1) {
    lb_track_packet packet{};
    packet.key = {.hash = kHash, .pools = 0xffff0000, .tick = tick_ & LB_STAMP_MASK};
    packet.sequence = sequence;
    packet.current = kNew;
    packet.previous = open_ ? kOld : LB_NONE;
    packet.flags = flags;
    return table_.Ask(packet);
  }
  uint32_t Syn(uint32_t sequence = kSequence) { return Send(LB_TRACK_FIRST, sequence); }
  uint32_t Ack(uint32_t sequence = kSequence + 1) { return Send(0, sequence); }
  void Wait(uint32_t ticks) { tick_ += ticks; }
  void SetDead(uint16_t backend, bool dead = true) {
    table_.backend(backend).state = dead ? LB_BACKEND_DEAD : LB_BACKEND_UP;
  }
  uint64_t Count(lb_flow_class kind) const { return table_.head().occupied[kind]; }

  TrackFixture table_{64};
  uint32_t tick_ = 5000;
  bool open_ = true;
};

TEST_F(TrackTest, OpenSendsAnOldFlowToPreviousAndTracksIt) {
  EXPECT_EQ(Ack(), kOld);
  EXPECT_EQ(Count(LB_ENTRY_MISS), 1u);
  open_ = false;
  EXPECT_EQ(Ack(), kOld);
}

TEST_F(TrackTest, OpenSendsASynToCurrentAndItsFlowStaysThere) {
  EXPECT_EQ(Syn(), kNew);
  EXPECT_EQ(Count(LB_ENTRY_PENDING), 1u);
  EXPECT_EQ(Ack(), kNew);
  EXPECT_EQ(Count(LB_ENTRY_FIRM), 1u);
  EXPECT_EQ(Count(LB_ENTRY_PENDING), 0u);
  Wait(400);
  EXPECT_EQ(Ack(kSequence + 900'000'000), kNew);
}

TEST_F(TrackTest, SynOfALiveFlowFollowsIt) {
  EXPECT_EQ(Ack(), kOld);
  Wait(1);
  EXPECT_EQ(Syn(), kOld);
  open_ = false;
  Wait(1);
  EXPECT_EQ(Syn(), kOld);
}

TEST_F(TrackTest, SynOfASilentFlowBeginsANewOneBesideIt) {
  for (const bool open : {true, false}) {
    SCOPED_TRACE(open);
    EXPECT_EQ(Ack(), kOld);
    open_ = open;
    Wait(2);
    EXPECT_EQ(Syn(), kNew);
    // Not yet: what does not fit the new flow is the old one's.
    EXPECT_EQ(Ack(kSequence + (100u << 22)), kOld);
    EXPECT_EQ(Ack(), kNew);
    EXPECT_EQ(Ack(kSequence + (100u << 22)), kNew);
    // In tail the flow goes to current by itself, and the slot ends the sooner.
    EXPECT_EQ(table_.occupied(), open ? 1u : 0u);
    Wait(500);
    table_.SweepAll(tick_);
    open_ = true;
  }
}

TEST_F(TrackTest, ClosingLetsASynBeginAnewAndIsUndoneByALaterPacket) {
  for (const uint32_t flag : {LB_TRACK_FIN, LB_TRACK_RST}) {
    SCOPED_TRACE(flag);
    EXPECT_EQ(Ack(), kOld);
    EXPECT_EQ(Send(flag), kOld);
    EXPECT_EQ(Syn(), kNew);
    EXPECT_EQ(Ack(kSequence + (100u << 22)), kOld);  // a spoofed one it was
    EXPECT_EQ(Syn(kSequence), kOld);                 // live again
    for (const uint32_t ticks : {6, 500}) {
      Wait(ticks);
      table_.SweepAll(tick_);
    }
  }
}

TEST_F(TrackTest, RstMakesNoEntry) {
  EXPECT_EQ(Send(LB_TRACK_RST), kOld);
  EXPECT_EQ(table_.occupied(), 0u);
  EXPECT_EQ(Syn(), kNew);
  EXPECT_EQ(Send(LB_TRACK_RST), kNew);
  EXPECT_EQ(Count(LB_ENTRY_FIRM), 0u);
}

TEST_F(TrackTest, SecondPacketInALaterTickMakesFirmButNoRst) {
  Ack();
  Ack();
  EXPECT_EQ(Count(LB_ENTRY_MISS), 1u);
  Wait(1);
  Send(LB_TRACK_RST);
  EXPECT_EQ(Count(LB_ENTRY_MISS), 1u);
  Wait(1);
  Ack();
  EXPECT_EQ(Count(LB_ENTRY_FIRM), 1u);
}

TEST_F(TrackTest, TailSendsWhatNothingClaimsToCurrentAndTracksNothing) {
  open_ = false;
  EXPECT_EQ(Ack(), kNew);
  EXPECT_EQ(Syn(), kNew);
  EXPECT_EQ(table_.occupied(), 0u);
}

TEST_F(TrackTest, DeadPreviousCountsAsAbsentAndClaimsItsFlowsWhenItReturns) {
  SetDead(kOld);
  EXPECT_EQ(Ack(), kNew);
  EXPECT_EQ(table_.occupied(), 0u);
  SetDead(kOld, false);
  EXPECT_EQ(Ack(), kOld);
  SetDead(kOld);
  EXPECT_EQ(Ack(), kNew);
  SetDead(kOld, false);
  EXPECT_EQ(Ack(), kOld);
}

TEST_F(TrackTest, SuspectBackendKeepsItsFlows) {
  EXPECT_EQ(Ack(), kOld);
  table_.backend(kOld).state = LB_BACKEND_SUSPECT;
  EXPECT_EQ(Ack(), kOld);
  open_ = false;
  EXPECT_EQ(Ack(), kOld);
}

TEST_F(TrackTest, EntryOlderThanIdleCountsAsAbsentUnswept) {
  EXPECT_EQ(Ack(), kOld);
  open_ = false;
  Wait(450);
  EXPECT_EQ(Ack(), kOld);
  Wait(451);
  EXPECT_EQ(Ack(), kNew);
}

TEST_F(TrackTest, DatagramOfAnOldFlowGoesToPreviousWhileArmed) {
  EXPECT_EQ(Send(LB_TRACK_UDP), kOld);
  open_ = false;
  EXPECT_EQ(Send(LB_TRACK_UDP), kOld);
}

TEST_F(TrackTest, DatagramIsTrackedAtCurrentWhilePreviousIsDead) {
  SetDead(kOld);
  EXPECT_EQ(Send(LB_TRACK_UDP), kNew);
  SetDead(kOld, false);
  EXPECT_EQ(Send(LB_TRACK_UDP), kNew);
}

TEST_F(TrackTest, QuicInitialBeginsAtCurrentUnlessAnEntryLiesThere) {
  EXPECT_EQ(Send(LB_TRACK_UDP | LB_TRACK_FIRST), kNew);
  EXPECT_EQ(Send(LB_TRACK_UDP), kNew);
  Wait(500);
  EXPECT_EQ(Send(LB_TRACK_UDP), kOld);
  Wait(10);
  EXPECT_EQ(Send(LB_TRACK_UDP | LB_TRACK_FIRST), kOld);
  EXPECT_EQ(Send(LB_TRACK_UDP), kOld);
}

TEST_F(TrackTest, IcmpErrorGoesWhereTheFlowGoesAndChangesNothing) {
  EXPECT_EQ(Send(LB_TRACK_ERROR), kOld);
  EXPECT_EQ(table_.occupied(), 0u);
  Syn();
  EXPECT_EQ(Send(LB_TRACK_ERROR), kNew);
  EXPECT_EQ(Count(LB_ENTRY_PENDING), 1u);
  Ack();
  open_ = false;
  Wait(300);
  EXPECT_EQ(Send(LB_TRACK_ERROR), kNew);
  Wait(300);  // it has refreshed nothing
  open_ = true;
  EXPECT_EQ(Send(LB_TRACK_ERROR), kOld);
}

// Whatever the table is full of.
TEST(TrackPropertyTest, SynAndItsNextPacketReachTheSameBackend) {
  Random random(TestSeed());
  TrackFixture table(4, 4);
  uint64_t refused = 0;
  uint32_t tick = 100;
  for (int i = 0; i < 200'000; ++i) {
    if (random() % 64 == 0) tick += static_cast<uint32_t>(random() % 2);
    if (random() % 256 == 0) {
      table.backend(kOld).state = random() % 2 ? LB_BACKEND_DEAD : LB_BACKEND_SUSPECT;
    }
    if (random() % 16 == 0) table.SweepAll(tick & LB_STAMP_MASK);
    lb_track_packet packet{};
    packet.key = {.hash = random() % 400 * 0x100003b97f4a7c15,
                  .pools = 0xffff0000,
                  .tick = tick & LB_STAMP_MASK};
    packet.current = kNew;
    packet.previous = random() % 3 ? kOld : LB_NONE;
    packet.sequence = static_cast<uint32_t>(random());
    packet.flags = random() % 2 ? LB_TRACK_FIRST : 0;
    const uint64_t refused_before = table.head().refused[0] + table.head().refused[1];
    const uint32_t first = table.Ask(packet);
    refused += table.head().refused[0] + table.head().refused[1] - refused_before;
    if (packet.flags != LB_TRACK_FIRST) continue;
    packet.flags = 0;
    packet.sequence += 1;
    ASSERT_EQ(table.Ask(packet), first) << i;
  }
  EXPECT_GT(refused, 1000u);
}

// A stranger who knows the flow's four-tuple but not its sequence numbers, and who sends from any
// other address besides.
TEST(TrackPropertyTest, SpoofedPacketsNeitherMoveNorEvictAFirmFlow) {
  Random random(TestSeed());
  TrackFixture table(8, 4);
  uint32_t tick = 100;
  const auto send = [&](uint64_t hash, uint32_t flags, uint32_t sequence, bool open) {
    lb_track_packet packet{};
    packet.key = {.hash = hash, .pools = 0xffff0000, .tick = tick & LB_STAMP_MASK};
    packet.sequence = sequence;
    packet.current = kNew;
    packet.previous = open ? kOld : LB_NONE;
    packet.flags = flags;
    return table.Ask(packet);
  };
  // A third of the table, promoted by handshakes; they speak in another part of the sequence space.
  std::vector<uint64_t> flows;
  for (int i = 0; i < 20; ++i) {
    flows.push_back(random());
    ASSERT_EQ(send(flows.back(), LB_TRACK_FIRST, 0xc0000000, true), kNew);
    ASSERT_EQ(send(flows.back(), 0, 0xc0000001, true), kNew);
  }
  for (int i = 0; i < 300'000; ++i) {
    if (random() % 32 == 0) tick++;
    if (random() % 16 == 0) table.SweepAll(tick & LB_STAMP_MASK);
    const bool open = random() % 4 != 0;
    const uint64_t victim = flows[random() % flows.size()];
    const uint64_t hash = random() % 4 == 0 ? victim : random();
    const uint32_t flags[] = {LB_TRACK_FIRST, 0, LB_TRACK_FIN, LB_TRACK_RST};
    send(hash, flags[random() % 4], static_cast<uint32_t>(random()) >> 1, open);
    if (random() % 8 != 0) continue;
    ASSERT_EQ(send(victim, 0, 0xc0000002, true), kNew) << i;
  }
  EXPECT_GT(table.head().evicted[LB_ENTRY_MISS], 1000u);
  EXPECT_EQ(table.head().evicted[LB_ENTRY_FIRM], 0u);
}

TEST(TrackPropertyTest, SynFloodStaysWithinTheQuotaAndHonestConnectionsSucceed) {
  Random random(TestSeed());
  constexpr uint32_t kBuckets = 2048;
  TrackFixture table(kBuckets, 4);
  uint32_t tick = 100;
  const auto send = [&](uint64_t hash, uint32_t flags, uint32_t sequence) {
    lb_track_packet packet{};
    packet.key = {.hash = hash, .pools = 0xffff0000, .tick = tick & LB_STAMP_MASK};
    packet.sequence = sequence;
    packet.current = kNew;
    packet.previous = kOld;
    packet.flags = flags;
    return table.Ask(packet);
  };
  std::vector<uint64_t> established(2000);
  for (uint64_t& hash : established) {
    hash = random();
    send(hash, 0, 1);
  }
  tick++;
  for (uint64_t hash : established) send(hash, 0, 2);
  const uint64_t firm = table.head().occupied[LB_ENTRY_FIRM];
  ASSERT_EQ(firm, established.size());
  int honest = 0, succeeded = 0;
  for (int second = 0; second < 20; ++second) {
    tick += static_cast<uint32_t>(second % 2);
    std::vector<std::pair<uint64_t, uint32_t>> begun;
    for (int i = 0; i < 50'000; ++i) {
      send(random(), LB_TRACK_FIRST, static_cast<uint32_t>(random()));
      if (i % 500 == 0) {
        const uint64_t hash = random();
        begun.push_back({hash, send(hash, LB_TRACK_FIRST, 77)});
      }
    }
    for (const auto& [hash, backend] : begun) {
      ++honest;
      if (send(hash, 0, 78) == backend) ++succeeded;
    }
  }
  EXPECT_LE(table.head().occupied[LB_ENTRY_PENDING], 2 * kBuckets);
  EXPECT_GE(table.head().occupied[LB_ENTRY_FIRM], firm);
  EXPECT_EQ(table.head().evicted[LB_ENTRY_FIRM], 0u);
  EXPECT_GE(succeeded * 100, honest * 99) << succeeded << " of " << honest;
  for (uint64_t hash : established) ASSERT_EQ(send(hash, 0, 3), kOld);
}

}  // namespace
}  // namespace evenkeel
