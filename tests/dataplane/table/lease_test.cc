#include "dataplane/table/lease.h"

#include <gtest/gtest.h>

#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

const absl::Time kNow = absl::UnixEpoch() + absl::Hours(1000);
bool Unnamed(uint16_t) { return true; }

TEST(LeaseTest, PairKeepsItsIndex) {
  LeaseTable leases;
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 1)), 0);
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 2)), 1);
  EXPECT_EQ(*leases.Acquire(2, V4(10, 0, 0, 1)), 2);
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 1)), 0);
  EXPECT_EQ(leases.Find(1, V4(10, 0, 0, 2))->backend_id, BackendId(V4(10, 0, 0, 2)));
  EXPECT_EQ(leases.Find(3, V4(10, 0, 0, 2)), nullptr);
}

TEST(LeaseTest, LeavingIndexIsNotGivenAwayBeforeItsTimeIsOver) {
  LeaseTable leases;
  (void)leases.Acquire(1, V4(10, 0, 0, 1));
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 0, 1), kNow + absl::Minutes(15)).ok());
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 2)), 1);
  EXPECT_TRUE(leases.ReleaseExpired(kNow + absl::Minutes(14), Unnamed).empty());
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 3)), 2);
  EXPECT_EQ(leases.ReleaseExpired(kNow + absl::Minutes(15), Unnamed).size(), 1u);
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 4)), 0);
}

TEST(LeaseTest, LeavingIndexStaysWhileAFlowNamesIt) {
  LeaseTable leases;
  (void)leases.Acquire(1, V4(10, 0, 0, 1));
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 0, 1), kNow).ok());
  EXPECT_TRUE(leases.ReleaseExpired(kNow, [](uint16_t index) { return index != 0; }).empty());
  EXPECT_EQ(leases.leaving().size(), 1u);
}

TEST(LeaseTest, PairThatComesBackGetsItsOwnIndex) {
  LeaseTable leases;
  (void)leases.Acquire(1, V4(10, 0, 0, 1));
  (void)leases.Acquire(1, V4(10, 0, 0, 2));
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 0, 1), kNow).ok());
  EXPECT_EQ(*leases.Acquire(1, V4(10, 0, 0, 1)), 0);
  EXPECT_TRUE(leases.leaving().empty());
  EXPECT_TRUE(leases.ReleaseExpired(kNow, Unnamed).empty());
}

TEST(LeaseTest, LeavingTwiceKeepsTheFirstTime) {
  LeaseTable leases;
  (void)leases.Acquire(1, V4(10, 0, 0, 1));
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 0, 1), kNow).ok());
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 0, 1), kNow + absl::Hours(1)).ok());
  EXPECT_EQ(leases.leaving()[0].release_after, kNow);
  EXPECT_TRUE(absl::IsNotFound(leases.Leave(1, V4(9, 9, 9, 9), kNow)));
}

TEST(LeaseTest, NodeHoldsAtMostAllIndices) {
  LeaseTable leases;
  for (uint32_t i = 0; i < LB_BACKENDS_MAX; i++) {
    ASSERT_EQ(*leases.Acquire(1, V4(10, 0, static_cast<uint8_t>(i >> 8), static_cast<uint8_t>(i))),
              i);
  }
  EXPECT_TRUE(absl::IsResourceExhausted(leases.Acquire(2, V4(10, 0, 0, 1)).status()));
  ASSERT_TRUE(leases.Leave(1, V4(10, 0, 3, 7), kNow).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(leases.Acquire(2, V4(10, 0, 0, 1)).status()));
  (void)leases.ReleaseExpired(kNow, Unnamed);
  EXPECT_EQ(*leases.Acquire(2, V4(10, 0, 0, 1)), 0x307);
}

TEST(LeaseTest, AdoptedFromAnImageEveryPairKeepsItsIndex) {
  ImageSpec spec = SmallSpec();
  spec.pools[1] = MakePool("bulk", {100, 100}, 9);  // leaves 3..8 free
  MemberSpec gone;
  gone.address = V4(10, 9, 9, 9);
  gone.backend_id = BackendId(gone.address);
  gone.lease = 5;
  gone.flags = LB_BACKEND_LEAVING;
  spec.pools[0].members.push_back(gone);
  const absl::StatusOr<ImageView> image = VerifySpec(spec);
  ASSERT_TRUE(image.ok()) << image.status();

  LeaseTable leases = LeaseTable::Adopt(*image, kNow);
  EXPECT_EQ(leases.size(), 6u);
  EXPECT_EQ(leases.Find(NameId("bulk"), spec.pools[1].members[1].address)->index, 10);
  ASSERT_EQ(leases.leaving().size(), 1u);
  EXPECT_EQ(leases.leaving()[0].index, 5);
  EXPECT_EQ(leases.leaving()[0].release_after, kNow + absl::Seconds(900));
  EXPECT_EQ(*leases.Acquire(1, V4(1, 1, 1, 1)), 3);
  EXPECT_EQ(*leases.Acquire(1, V4(1, 1, 1, 2)), 4);
  EXPECT_EQ(*leases.Acquire(1, V4(1, 1, 1, 3)), 6);
}

}  // namespace
}  // namespace evenkeel
