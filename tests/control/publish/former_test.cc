// Structural changes, image after image, as the pipeline compiles them.
#include "control/publish/former.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "control/publish/compile.h"
#include "gtest/gtest.h"

namespace evenkeel {
namespace {

constexpr uint64_t kStart = 5000 * kSecondNs;
constexpr uint64_t kIdle = 900 * kSecondNs;

constexpr char kHead[] =
    "schema: evenkeel/v1\n"
    "cluster: {name: test, key_file: /k, owned_prefixes: [203.0.113.0/24]}\n"
    "network: {encap_source: {ipv4: 10.0.0.10}, gateway: {ipv4: 10.0.0.1}}\n"
    "pools:\n";
constexpr char kWeb[] =
    "  web: {table: {slots: 4096}, backends: {b1: {address: 10.0.1.11, weight: 1},"
    " b2: {address: 10.0.1.12, weight: 1}}}\n";
// The same machines among others.
constexpr char kApi[] =
    "  api: {table: {slots: 8192}, backends: {b1: {address: 10.0.1.11, weight: 2},"
    " b3: {address: 10.0.1.13, weight: 1}}}\n";
constexpr char kThird[] =
    "  third: {table: {slots: 4096}, backends: {b4: {address: 10.0.1.14, weight: 1}}}\n";

// The service `http` of a pool; what else there is, `more`.
std::string Services(absl::string_view pool, absl::string_view affinity = "flow",
                     absl::string_view more = "") {
  return absl::StrCat("services:\n  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: ",
                      pool, ", affinity: ", affinity, "}\n", more);
}

class FormerTest : public testing::Test {
 protected:
  absl::StatusOr<CompiledPtr> Make(const std::string& text, Succession succession) {
    ParseResult parsed = ParseConfig(absl::StrCat(kHead, text));
    for (const Finding& finding : parsed.findings) EXPECT_EQ(finding.message, "");
    const std::vector<bool> named =
        image_ == nullptr ? std::vector<bool>() : NamedBackends(*image_->image);
    absl::StatusOr<LeaseTable> leases = LeaseAll(
        *parsed.config, leases_, absl::FromUnixSeconds(static_cast<int64_t>(now_ / kSecondNs)),
        [&](uint16_t b) { return b >= named.size() || !named[b]; });
    EXPECT_TRUE(leases.ok()) << leases.status();
    leases_ = *leases;
    succession.running = image_ == nullptr ? nullptr : image_->image.get();
    return Compile({.config = *parsed.config,
                    .key = key_,
                    .leases = leases_,
                    .generation = ++generation_,
                    .revision = 1,
                    .succession = succession},
                   &cache_);
  }
  void Publish(const std::string& text, Succession succession = {}) {
    if (succession.now_ns == 0) succession.now_ns = now_;
    absl::StatusOr<CompiledPtr> made = Make(text, succession);
    ASSERT_TRUE(made.ok()) << made.status();
    image_ = *made;
  }

  const ImageView& image() const { return *image_->image; }
  const lb_service& Service(absl::string_view name, const ImageView& of) const {
    return *std::ranges::find(of.services(), NameId(name), &lb_service::id);
  }
  const lb_service& Service(absl::string_view name) const { return Service(name, image()); }
  const lb_service& Former(absl::string_view name) const {
    return image().services()[Service(name).former];
  }
  uint64_t PoolOf(const lb_service& service) const { return image().pools()[service.pool].id; }
  TablePtr TableOf(const lb_service& service) const { return image().tables()[service.table]; }
  // Every flow table has been read, and holds an entry of each backend of `pool`.
  TailEvidence Read(absl::string_view pool = "") {
    TailEvidence evidence(now_);
    for (const lb_pool& running : image().pools()) {
      if (running.id != NameId(pool)) continue;
      for (const lb_member& member : image().members_of(running)) {
        evidence.Add({.pool = running.id, .backend = member.backend});
      }
    }
    return evidence;
  }

  CompileCache cache_;
  LeaseTable leases_;
  ClusterKey key_{.bytes = {1, 2, 3}};
  uint64_t generation_ = 0;
  uint64_t now_ = kStart;
  CompiledPtr image_;
};

const std::string kBoth = absl::StrCat(kWeb, kApi);

TEST_F(FormerTest, AServiceThatGoesToAnotherPoolKeepsItsFormerOneForIdle) {
  Publish(kBoth + Services("web"));
  EXPECT_FALSE(HasFormers(image()));
  Publish(kBoth + Services("api"));
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(PoolOf(Service("http")), NameId("api"));
  EXPECT_EQ(Service("http").former_until_ns, now_ + kIdle);
  const lb_service& former = Former("http");
  EXPECT_EQ(PoolOf(former), NameId("web"));
  EXPECT_EQ(former.table, image().pools()[former.pool].table);
  EXPECT_EQ(former.slot_shift, 64 - 12);
  EXPECT_EQ(Service("http").slot_shift, 64 - 13);
  const uint64_t until = Service("http").former_until_ns;
  now_ += 60 * kSecondNs;
  Publish(kBoth + Services("api"));
  EXPECT_EQ(Service("http").former_until_ns, until) << "no longer than it was";
}

TEST_F(FormerTest, APoolThatIsNoLongerConfiguredStaysWhileItIsAFormerOne) {
  Publish(kWeb + Services("web"));
  const auto before = image().tables()[image().pools()[0].table];
  Publish(kApi + Services("api"));
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(PoolOf(Former("http")), NameId("web"));
  const lb_pool& kept = image().pools()[Former("http").pool];
  EXPECT_EQ(image().tables()[kept.table]->digest(), before->digest());
  EXPECT_EQ(kept.member_count, 2u);
  EXPECT_EQ(leases_.leaving().size(), 2u);

  now_ += kIdle + 10 * kSecondNs;
  const TailEvidence held = Read("web");
  Publish(kApi + Services("api"), {.evidence = &held});
  EXPECT_TRUE(HasFormers(image())) << "its connections have entries";
  const TailEvidence none = Read();
  Publish(kApi + Services("api"), {.evidence = &none});
  EXPECT_FALSE(HasFormers(image()));
  EXPECT_EQ(image_->slots.ended, 1u);
  EXPECT_EQ(image().pools().size(), 1u);
}

TEST_F(FormerTest, NothingEndsBeforeTheWindowAndWithoutAReadingAfterIt) {
  Publish(kBoth + Services("web"));
  Publish(kBoth + Services("api"));
  now_ += kIdle - kSecondNs;
  const TailEvidence early = Read();
  Publish(kBoth + Services("api"), {.evidence = &early});
  EXPECT_TRUE(HasFormers(image()));
  now_ += 2 * kSecondNs;
  Publish(kBoth + Services("api"), {.evidence = &early});
  EXPECT_TRUE(HasFormers(image())) << "an entry may have been made since";
  Publish(kBoth + Services("api"));
  EXPECT_TRUE(HasFormers(image()));
}

TEST_F(FormerTest, GoingBackLeavesTheNewOnesConnectionsToTheirEntries) {
  Publish(kBoth + Services("web"));
  const uint64_t deadline = now_ + 3600 * kSecondNs;
  Publish(kBoth + Services("api"), {.open_at_least_ns = deadline});
  EXPECT_GT(Service("http").former_until_ns, deadline) << "a trial's whole time";
  Publish(kBoth + Services("web"), {.now_ns = deadline});
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(PoolOf(Service("http")), NameId("web"));
  EXPECT_EQ(PoolOf(Former("http")), NameId("api"));
  EXPECT_EQ(Service("http").former_until_ns, 0u) << "who has no entry was there before";
}

TEST_F(FormerTest, GoingBackAfterTheWindowIsAChangeLikeAnother) {
  Publish(kBoth + Services("web"));
  Publish(kBoth + Services("api"));
  now_ += kIdle + kSecondNs;
  Publish(kBoth + Services("web"));
  EXPECT_EQ(PoolOf(Former("http")), NameId("api"));
  EXPECT_EQ(Service("http").former_until_ns, now_ + kIdle);
}

TEST_F(FormerTest, AServiceThatIsStillOnItsWayCannotMoveOn) {
  const std::string all = absl::StrCat(kWeb, kApi, kThird);
  Publish(all + Services("web"));
  Publish(all + Services("api"));
  const absl::StatusOr<CompiledPtr> made = Make(all + Services("third"), {.now_ns = now_});
  EXPECT_TRUE(absl::IsFailedPrecondition(made.status())) << made.status();
  now_ += kIdle + kSecondNs;
  const TailEvidence none = Read();
  Publish(all + Services("third"), {.evidence = &none});
  EXPECT_EQ(PoolOf(Former("http")), NameId("api"));
}

TEST_F(FormerTest, AnotherHashIsAnotherWay) {
  Publish(kWeb + Services("web"));
  Publish(kWeb + Services("web", "client"));
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(Service("http").affinity, LB_AFFINITY_CLIENT);
  EXPECT_EQ(Former("http").affinity, LB_AFFINITY_FLOW);
  EXPECT_EQ(Former("http").pool, Service("http").pool);
}

TEST_F(FormerTest, WhatIsCarvedOutOfAnotherServiceGoesByThatOnesTable) {
  const auto any = [](absl::string_view more) {
    return absl::StrCat(kWeb, kApi,
                        "services:\n  all: {vip: 203.0.113.0/24, ports: any, protocol: tcp, pool: "
                        "web}\n",
                        more);
  };
  Publish(any(""));
  Publish(
      any("  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: api}\n"
          "  same: {vip: 203.0.113.11, ports: [80], protocol: tcp, pool: web}\n"
          "  dns: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: api}\n"));
  EXPECT_EQ(PoolOf(Former("http")), NameId("web"));
  EXPECT_EQ(Service("same").former, LB_NONE) << "the same table and hash";
  EXPECT_EQ(Service("dns").former, LB_NONE) << "nobody had them";
  EXPECT_EQ(Service("all").former, LB_NONE);
  Publish(any(""));
  EXPECT_EQ(PoolOf(Former("all")), NameId("api")) << "where connections of http are";
  EXPECT_EQ(Service("all").former_until_ns, 0u);
}

TEST_F(FormerTest, AnotherNameIsNoChange) {
  Publish(kBoth + Services("web"));
  Publish(kBoth +
          "services:\n  site: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web}\n");
  EXPECT_FALSE(HasFormers(image()));
}

TEST_F(FormerTest, ADatagramThatNothingClaimsIsTheFormerOnesForAMinute) {
  const auto dns = [](absl::string_view pool) {
    return absl::StrCat(
        "services:\n  dns: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: ", pool, "}\n");
  };
  Publish(kBoth + dns("web"));
  Publish(kBoth + dns("api"));
  EXPECT_EQ(Service("dns").former_until_ns, now_ + kArmedNs);
}

TEST_F(FormerTest, WhatRunsIsFoundAgainByteForByte) {
  Publish(kWeb + Services("web"));
  Publish(kApi + Services("api"));
  const absl::StatusOr<CompiledPtr> again = Make(kApi + Services("api"), {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(SameContent(*(*again)->image, image()));
}

std::string Web(int slots, absl::string_view backends) {
  return absl::StrCat("  web: {table: {slots: ", slots, "}, backends: {", backends, "}}\n");
}
constexpr char kTwo[] = "b1: {address: 10.0.1.11, weight: 1}, b2: {address: 10.0.1.12, weight: 1}";
constexpr char kOne[] = "b1: {address: 10.0.1.11, weight: 1}";

TEST_F(FormerTest, APoolThatGetsAnotherNumberOfSlotsKeepsItsFormerTable) {
  Publish(Web(4096, kTwo) + Services("web"));
  const TablePtr before = TableOf(Service("http"));
  Publish(Web(8192, kTwo) + Services("web"));
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(TableOf(Former("http"))->digest(), before->digest());
  EXPECT_EQ(Former("http").slot_shift, 64 - 12);
  EXPECT_EQ(Former("http").pool, Service("http").pool);
  EXPECT_EQ(Service("http").slot_shift, 64 - 13);
  EXPECT_EQ(Service("http").former_until_ns, now_ + kIdle);
  const absl::StatusOr<CompiledPtr> again = Make(Web(8192, kTwo) + Services("web"), {});
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(SameContent(*(*again)->image, image())) << "after a restart";

  const TablePtr meanwhile = TableOf(Service("http"));
  Publish(Web(4096, kTwo) + Services("web"));
  EXPECT_EQ(TableOf(Service("http"))->digest(), before->digest()) << "every slot is as it was";
  EXPECT_EQ(TableOf(Former("http"))->digest(), meanwhile->digest());
  EXPECT_EQ(Service("http").former_until_ns, 0u);
}

TEST_F(FormerTest, ABackendThatGoesWithTheNumberOfSlotsStaysInTheFormerTable) {
  Publish(Web(4096, kTwo) + Services("web"));
  const TablePtr before = TableOf(Service("http"));
  Publish(Web(8192, kOne) + Services("web"));
  ASSERT_TRUE(HasFormers(image()));
  EXPECT_EQ(TableOf(Former("http"))->digest(), before->digest());
  EXPECT_EQ(TableOf(Service("http"))->shares().size(), 1u);

  // And back, other weights at once: what moved against the table that was kept is open.
  Publish(Web(4096, kOne) + Services("web"));
  size_t moved = 0;
  for (size_t slot = 0; slot < 4096; slot++) {
    const lb_slot now = TableOf(Service("http"))->slots()[slot];
    const uint16_t owner = lb_slot_backend(before->slots()[slot]);
    if (lb_slot_backend(now) == owner) continue;
    moved++;
    const lb_transition& transition = image().transitions()[lb_slot_transition(now)];
    EXPECT_TRUE(IsOpen(transition, now_));
    EXPECT_EQ(transition.previous, owner);
  }
  EXPECT_EQ(moved, 2048u);
}

TEST_F(FormerTest, SlotsThatWereOpenAreTheirPreviousOwnersInTheFormerTable) {
  const auto both = [](const std::string& pool) {
    return pool + Services("web", "flow",
                           "  dns: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: web}\n");
  };
  Publish(both(Web(4096, kTwo)));
  const TablePtr before = TableOf(Service("http"));
  Publish(both(Web(4096, kOne)));
  now_ += kArmedNs + kSecondNs;
  Publish(both(Web(8192, kOne)));
  EXPECT_EQ(TableOf(Former("http"))->digest(), before->digest());
  EXPECT_EQ(TableOf(Former("dns"))->shares().size(), 1u) << "the armed minute was over";
  EXPECT_EQ(image().transitions().size(), 1u);
}

TEST_F(FormerTest, AFormerPoolMayGetAnotherNumberOfSlotsToo) {
  Publish(kBoth + Services("web"));
  const TablePtr before = TableOf(Service("http"));
  Publish(kBoth + Services("api"));
  const uint64_t until = Service("http").former_until_ns;
  Publish(Web(8192, kTwo) + kApi + Services("api"));
  EXPECT_EQ(PoolOf(Former("http")), NameId("web"));
  EXPECT_EQ(TableOf(Former("http"))->digest(), before->digest());
  EXPECT_EQ(Service("http").former_until_ns, until);
  Publish(kApi + Services("api"));
  EXPECT_EQ(TableOf(Former("http"))->digest(), before->digest()) << "and be removed";
  EXPECT_EQ(Service("http").former_until_ns, until);
}

TEST_F(FormerTest, AnotherNumberOfSlotsIsOverWhenEveryEntryAgreesWithTheNewTable) {
  Publish(Web(4096, kTwo) + Services("web"));
  Publish(Web(8192, kTwo) + Services("web"));
  now_ += kIdle + kSecondNs;
  TailEvidence held(now_);
  held.Add({.pool = NameId("web"), .slot = 7, .backend = 1});
  Publish(Web(8192, kTwo) + Services("web"), {.evidence = &held});
  EXPECT_TRUE(HasFormers(image()));
  TailEvidence agreed(now_);
  agreed.Add({.pool = NameId("web"), .slot = 7, .backend = 1, .is_current = true});
  Publish(Web(8192, kTwo) + Services("web"), {.evidence = &agreed});
  EXPECT_FALSE(HasFormers(image()));
  EXPECT_EQ(image().tables().size(), 1u);
}

TEST_F(FormerTest, WithinAPoolOneMayMoveOnOnceTheWindowIsOver) {
  Publish(Web(4096, kTwo) + Services("web"));
  Publish(Web(8192, kTwo) + Services("web"));
  const absl::StatusOr<CompiledPtr> made =
      Make(Web(16384, kTwo) + Services("web"), {.now_ns = now_});
  EXPECT_TRUE(absl::IsFailedPrecondition(made.status())) << made.status();
  now_ += kIdle + kSecondNs;
  Publish(Web(16384, kTwo) + Services("web"));
  EXPECT_EQ(Former("http").slot_shift, 64 - 13);
  EXPECT_EQ(Service("http").former_until_ns, now_ + kIdle);
}

}  // namespace
}  // namespace evenkeel
