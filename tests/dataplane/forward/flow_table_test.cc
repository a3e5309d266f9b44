// The flow table and what is decided by it, against a model on random traces.
// EVENKEEL_SEED repeats one; the seed is printed.
#include "dataplane/forward/flow_table.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/dataplane/forward/flow_model.h"
#include "tests/dataplane/forward/track_fixture.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

using Random = std::mt19937_64;

lb_track_packet Translate(const FlowModel::Packet& packet) {
  lb_track_packet t{};
  t.key.hash = packet.hash;
  t.key.pools = packet.pool | static_cast<uint32_t>(packet.former_pool.value_or(LB_NONE)) << 16;
  t.key.tick = static_cast<uint32_t>(packet.tick) & LB_STAMP_MASK;
  t.sequence = packet.sequence;
  t.current = packet.current;
  t.previous = packet.previous.value_or(LB_NONE);
  t.flags = (packet.first ? LB_TRACK_FIRST : 0) | (packet.udp ? LB_TRACK_UDP : 0) |
            (packet.fin ? LB_TRACK_FIN : 0) | (packet.rst ? LB_TRACK_RST : 0) |
            (packet.error ? LB_TRACK_ERROR : 0);
  return t;
}

// Eight backends of two pools, a table of `buckets`, and the model of both.
class Both {
 public:
  explicit Both(uint32_t buckets) : real_(buckets, 8), model_(buckets, Backends()) {
    for (uint16_t i = 0; i < 8; ++i) {
      real_.backend(i).pool = model_.backends[i].pool;
      real_.pool(i / 4).idle_s =
          static_cast<uint32_t>(model_.backends[i].idle_ticks) * LB_TICK_SECONDS;
    }
  }

  void SetDead(uint16_t backend, bool dead) {
    model_.backends[backend].dead = dead;
    real_.backend(backend).state = dead ? LB_BACKEND_DEAD : LB_BACKEND_SUSPECT;
  }
  void Sweep(uint64_t tick) { real_.SweepAll(static_cast<uint32_t>(tick) & LB_STAMP_MASK); }

  void Compare(const FlowModel::Packet& packet) {
    ASSERT_EQ(real_.Ask(Translate(packet)), model_.Ask(packet));
  }

  // Everything that still counts.
  void CompareContent(uint64_t tick) {
    auto living = model_.Living(tick);
    uint64_t filled = 0;
    for (uint32_t place = 0; place < real_.buckets().size() * 8; ++place) {
      const uint64_t entry = real_.buckets()[place / 8].entry[place % 8];
      if (lb_entry_class(entry) == LB_ENTRY_FREE) {
        ASSERT_FALSE(living.contains(place)) << place;
        continue;
      }
      ++filled;
      const uint32_t stamp = static_cast<uint32_t>(tick) & LB_STAMP_MASK;
      const lb_backend& backend = real_.backend(static_cast<uint16_t>(lb_entry_backend(entry)));
      const uint16_t idle = lb_idle_ticks(real_.pool(backend.pool).idle_s);
      if (lb_entry_is_expired(entry, stamp, idle)) {
        ASSERT_FALSE(living.contains(place)) << place;
        continue;
      }
      ASSERT_TRUE(living.contains(place)) << place;
      const FlowModel::Flow& flow = living.at(place);
      ASSERT_EQ(lb_entry_signature(entry), flow.signature);
      ASSERT_EQ(lb_entry_backend(entry), flow.backend);
      ASSERT_EQ(lb_entry_class(entry), static_cast<uint32_t>(flow.kind));
      ASSERT_EQ(lb_entry_age(entry, stamp), tick - flow.tick);
      ASSERT_EQ(lb_entry_is_closing(entry), flow.closing);
    }
    ASSERT_EQ(real_.occupied(), filled);
  }

  const lb_flow_head& head() const { return real_.head(); }

 private:
  static std::vector<FlowModel::Backend> Backends() {
    std::vector<FlowModel::Backend> backends(8);
    for (uint16_t i = 0; i < 8; ++i) {
      backends[i].pool = i / 4;
      backends[i].idle_ticks = i / 4 == 0 ? 30 : LB_IDLE_S_MAX / LB_TICK_SECONDS;
    }
    return backends;
  }

  TrackFixture real_;
  FlowModel model_;
};

FlowModel::Packet RandomPacket(Random& random, const std::vector<uint64_t>& flows, uint64_t tick) {
  const auto one_in = [&](unsigned n) { return random() % n == 0; };
  FlowModel::Packet packet;
  packet.hash = flows[random() % flows.size()];
  packet.tick = tick;
  packet.pool = static_cast<uint16_t>(one_in(4));
  if (one_in(4)) packet.former_pool = static_cast<uint16_t>(1 - packet.pool);
  packet.current = static_cast<uint16_t>(packet.pool * 4 + random() % 4);
  if (!one_in(3)) {
    const uint16_t pool = packet.former_pool && one_in(2) ? *packet.former_pool : packet.pool;
    packet.previous = static_cast<uint16_t>(pool * 4 + random() % 4);
  }
  packet.sequence = static_cast<uint32_t>((random() % 4) << 22) - static_cast<uint32_t>(one_in(2));
  packet.udp = one_in(5);
  packet.first = one_in(3);
  packet.error = one_in(20);
  if (!packet.udp && !packet.first) {
    packet.fin = one_in(8);
    packet.rst = !packet.fin && one_in(8);
  }
  return packet;
}

struct Trace {
  uint32_t buckets;
  size_t flows;
};
constexpr Trace kTraces[] = {{2, 100}, {8, 40}, {64, 2000}};

void RunTrace(const Trace& trace, Random& random, Both& both) {
  std::vector<uint64_t> flows;
  for (size_t i = 0; i < trace.flows; ++i) {
    // Some share a signature, and then perhaps a bucket.
    const uint64_t hash = random();
    const bool twin = i > 0 && random() % 16 == 0;
    flows.push_back(twin ? (flows[i - 1] & ~0xffffffffull) | (hash & 0xffffffff) : hash);
  }
  uint64_t tick = LB_STAMP_MASK + 1 + random() % 20000;
  uint64_t swept = tick;
  for (int i = 0; i < 30'000; ++i) {
    // At times a long silence. Swept as seldom as a plane may: no pending stamp wraps unseen.
    uint64_t ticks = random() % 16 == 0 ? random() % 4 : 0;
    if (random() % 2000 == 0) ticks = random() % 9000;
    for (; ticks > 0; --ticks) {
      if (++tick - swept < 2) continue;
      both.Sweep(tick);
      swept = tick;
    }
    if (random() % 64 == 0) both.SetDead(static_cast<uint16_t>(random() % 8), random() % 2);
    both.Compare(RandomPacket(random, flows, tick));
    if (testing::Test::HasFatalFailure()) FAIL() << "packet " << i;
    if (i % 16 != 0) continue;
    both.CompareContent(tick);
    if (testing::Test::HasFatalFailure()) FAIL() << "after packet " << i;
  }
  EXPECT_EQ(both.head().evicted[LB_ENTRY_FIRM], 0u);
}

TEST(FlowTableTest, AgreesWithTheModelOnRandomTraces) {
  Random random(TestSeed());
  for (int round = 0; round < 4; ++round) {
    for (const Trace& trace : kTraces) {
      SCOPED_TRACE(trace.buckets);
      Both both(trace.buckets);
      RunTrace(trace, random, both);
      if (HasFailure()) return;
    }
  }
}

// Of one seed: where a random trace goes is left to chance, and need not be everywhere.
TEST(FlowTableTest, TracesProvokeEveryInsertEvictionAndRefusal) {
  Random random(1);
  for (const Trace& trace : kTraces) {
    SCOPED_TRACE(trace.buckets);
    Both both(trace.buckets);
    RunTrace(trace, random, both);
    const lb_flow_head& head = both.head();
    for (int c : {LB_ENTRY_PENDING, LB_ENTRY_MISS, LB_ENTRY_FIRM}) EXPECT_GT(head.inserted[c], 0u);
    EXPECT_GT(head.expired, 0u);
    if (trace.flows < trace.buckets * 12) continue;
    EXPECT_GT(head.evicted[LB_ENTRY_PENDING] + head.evicted[LB_ENTRY_MISS], 0u);
    EXPECT_GT(head.refused[LB_REFUSED_QUOTA], 0u);
    EXPECT_GT(head.refused[LB_REFUSED_FULL], 0u);
  }
}

TEST(FlowTableTest, TheOtherBucketOfTheOtherBucketIsTheFirst) {
  Random random(1);
  for (int i = 0; i < 10'000; ++i) {
    const uint32_t mask = (2u << random() % 20) - 1;
    const uint32_t signature = static_cast<uint32_t>(random());
    const uint32_t bucket = static_cast<uint32_t>(random()) & mask;
    const uint32_t other = lb_flow_other_bucket(bucket, signature, mask);
    ASSERT_NE(other, bucket);
    ASSERT_LE(other, mask);
    ASSERT_EQ(lb_flow_other_bucket(other, signature, mask), bucket);
  }
}

TEST(FlowTableTest, SweepFreesWhatIsOlderThanItsPoolsIdleAndNothingElse) {
  TrackFixture table(16, 2, 60);
  table.backend(1).pool = 1;
  table.pool(1).idle_s = LB_IDLE_S_MAX;
  const auto packet = [](uint64_t hash, uint16_t previous) {
    return lb_track_packet{.key = {.hash = hash, .pools = 0x00010000, .tick = 8000},
                           .sequence = 0,
                           .current = 0,
                           .previous = previous,
                           .flags = 0,
                           .reserved = 0};
  };
  table.Ask(packet(0x100000001, 0));
  table.Ask(packet(0x200000002, 1));
  ASSERT_EQ(table.occupied(), 2u);
  table.SweepAll((8000 + 30) & LB_STAMP_MASK);
  EXPECT_EQ(table.occupied(), 2u);
  table.SweepAll((8000 + 31) & LB_STAMP_MASK);
  EXPECT_EQ(table.occupied(), 1u);
  table.SweepAll((8000 + 7200) & LB_STAMP_MASK);
  EXPECT_EQ(table.occupied(), 1u);
  table.SweepAll((8000 + 7201) & LB_STAMP_MASK);
  EXPECT_EQ(table.occupied(), 0u);
  EXPECT_EQ(table.head().expired, 2u);
  EXPECT_EQ(table.head().sweeps, 4u);
}

TEST(FlowTableTest, AnEntryOfABackendThatTheImageLacksCountsForNothing) {
  TrackFixture table(16);
  lb_track_packet packet{};
  packet.key = {.hash = 0x700000003, .pools = 0xffff0000, .tick = 10};
  packet.previous = 3;
  EXPECT_EQ(table.Ask(packet), 3u);
  ASSERT_EQ(table.occupied(), 1u);
  table.backend(3).family = LB_FAMILY_NONE;
  packet.previous = LB_NONE;
  EXPECT_EQ(table.Ask(packet), 0u);
  table.SweepAll(10);
  EXPECT_EQ(table.occupied(), 0u);
}

}  // namespace
}  // namespace evenkeel
