#include "dataplane/table/region.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "dataplane/table/refusal.h"
#include "dataplane/table/table.h"

namespace evenkeel {
namespace {

const std::vector<std::byte> kContent(8192, std::byte{42});

TEST(RegionTest, SealedMemfdCannotBeChangedByAnybody) {
  const UniqueFd fd = *MakeSealedMemfd("test", kContent);
  EXPECT_LT(write(fd.get(), "x", 1), 0);
  EXPECT_NE(ftruncate(fd.get(), 1), 0);
  EXPECT_NE(ftruncate(fd.get(), 1 << 20), 0);
  EXPECT_EQ(mmap(nullptr, 8192, PROT_WRITE, MAP_SHARED, fd.get(), 0), MAP_FAILED);
  const absl::StatusOr<MappedRegion> region = MapSealed(fd.get(), kContent.size());
  ASSERT_TRUE(region.ok()) << region.status();
  EXPECT_EQ(region->bytes()[8191], std::byte{42});
}

TEST(RegionTest, MapSealedRefusesOtherSizesAndMissingSeals) {
  const UniqueFd sealed = *MakeSealedMemfd("test", kContent);
  EXPECT_TRUE(absl::IsInvalidArgument(MapSealed(sealed.get(), 4096).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(MapSealed(sealed.get(), 16384).status()));
  const UniqueFd shared = *MakeSharedMemfd("test", 8192);
  EXPECT_TRUE(absl::IsInvalidArgument(MapSealed(shared.get(), 8192).status()));
  const UniqueFd bare(memfd_create("bare", MFD_ALLOW_SEALING));
  ASSERT_EQ(ftruncate(bare.get(), 8192), 0);
  EXPECT_TRUE(absl::IsInvalidArgument(MapShared(bare.get(), 8192, Access::kRead).status()));
}

TEST(RegionTest, OrdinaryFilesPipesAndNothingAreRefused) {
  char path[] = "/tmp/evenkeel-region-XXXXXX";
  const UniqueFd file(mkstemp(path));
  unlink(path);
  ASSERT_EQ(ftruncate(file.get(), 8192), 0);
  EXPECT_FALSE(CheckSeals(file.get(), kSealsSize, 8192).ok());
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const UniqueFd reader(ends[0]), writer(ends[1]);
  EXPECT_FALSE(CheckSeals(reader.get(), kSealsSize, 0).ok());
  EXPECT_FALSE(CheckSeals(-1, kSealsSize, 0).ok());
}

TEST(RegionTest, CopyOfAFileThatIsTooShortIsRefused) {
  char path[] = "/tmp/evenkeel-region-XXXXXX";
  const UniqueFd file(mkstemp(path));
  unlink(path);
  ASSERT_EQ(pwrite(file.get(), kContent.data(), kContent.size(), 0), 8192);
  EXPECT_TRUE(MakeSealedMemfdFrom("test", file.get(), 8192).ok());
  EXPECT_TRUE(absl::IsOutOfRange(MakeSealedMemfdFrom("test", file.get(), 8193).status()));
}

TEST(RegionTest, DescriptorsMoveAndCloseOnce) {
  UniqueFd first(dup(0));
  const int number = first.get();
  UniqueFd second = std::move(first);
  EXPECT_FALSE(first.valid());
  EXPECT_EQ(second.get(), number);
  second.Reset();
  EXPECT_EQ(fcntl(number, F_GETFD), -1);
}

TEST(TableTest, FactsAreThoseOfTheSlots) {
  std::vector<lb_slot> slots(4096, 5);
  slots[0] = 7;
  slots[1] = 7 | 3u << 16;
  const TablePtr table = *Table::Create(slots);
  const std::vector<SlotShare> expected = {{5, 4094}, {7, 2}};
  EXPECT_TRUE(std::ranges::equal(table->shares(), expected));
  EXPECT_EQ(table->transition_max(), 3);
}

TEST(TableTest, AdoptRefusesAnotherContentOrShape) {
  const TablePtr table = *Table::Create(std::vector<lb_slot>(4096, 5));
  EXPECT_TRUE(Table::Adopt(*Duplicate(table->fd()), table->digest(), 12).ok());
  Digest other = table->digest();
  other[0] ^= 1;
  EXPECT_EQ(NackCodeOf(Table::Adopt(*Duplicate(table->fd()), other, 12).status()),
            NackCode::kTableDigest);
  EXPECT_EQ(NackCodeOf(Table::Adopt(*Duplicate(table->fd()), table->digest(), 13).status()),
            NackCode::kTableShape);
  EXPECT_EQ(NackCodeOf(Table::Adopt(*Duplicate(table->fd()), table->digest(), 64).status()),
            NackCode::kTableShape);
  UniqueFd writable = *MakeSharedMemfd("test", 4096 * sizeof(lb_slot));
  EXPECT_EQ(NackCodeOf(Table::Adopt(std::move(writable), table->digest(), 12).status()),
            NackCode::kTableShape);
}

TEST(TableTest, SizesAreAPowerOfTwoWithinLimits) {
  EXPECT_FALSE(Table::Create(std::vector<lb_slot>(2048)).ok());
  EXPECT_FALSE(Table::Create(std::vector<lb_slot>(5000)).ok());
  EXPECT_FALSE(Table::Create({}).ok());
}

}  // namespace
}  // namespace evenkeel
