#include "dataplane/table/flow_directory.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>

#include "dataplane/table/flow_evidence.h"
#include "tests/dataplane/table/test_directory.h"

namespace evenkeel {
namespace {

constexpr uint32_t kBuckets = 128;

class FlowDirectoryTest : public testing::Test {
 protected:
  std::vector<FlowRegion> Take(uint32_t workers, uint32_t buckets = kBuckets) {
    absl::StatusOr<FlowTables> tables = TakeFlowTables(path_, buckets, workers);
    EXPECT_TRUE(tables.ok()) << tables.status();
    note_ = tables->note;
    return std::move(tables->regions);
  }
  static uint64_t& At(FlowRegion& region, uint32_t bucket, uint32_t way) {
    return region.buckets()[bucket].entry[way];
  }
  static uint64_t Occupied(const FlowRegion& region) {
    uint64_t sum = 0;
    for (const uint64_t count : region.head().occupied) sum += count;
    return sum;
  }

  TestDirectory directory_;
  const std::string path_ = directory_.path() + "/flows";
  std::string note_;
};

TEST_F(FlowDirectoryTest, EachWorkerGetsAnEmptyTableOfItsOwn) {
  const std::vector<FlowRegion> regions = Take(3);
  ASSERT_EQ(regions.size(), 3u);
  for (uint32_t i = 0; i < 3; ++i) {
    EXPECT_EQ(regions[i].shape().worker, i);
    EXPECT_EQ(regions[i].buckets().size(), kBuckets);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(regions[i].buckets().data()) % 64, 0u);
    EXPECT_EQ(Occupied(regions[i]), 0u);
  }
  EXPECT_EQ(note_, "");
}

TEST_F(FlowDirectoryTest, RestartedDataplaneTakesOverWhatItsFormerSelfKnew) {
  {
    std::vector<FlowRegion> regions = Take(2);
    At(regions[1], 77, 3) = lb_entry(5, 6, 7, LB_ENTRY_FIRM);
    regions[1].head().inserted[LB_ENTRY_FIRM] = 9;
  }
  std::vector<FlowRegion> regions = Take(2);
  EXPECT_EQ(note_, "took over 1 flows");
  EXPECT_EQ(At(regions[1], 77, 3), lb_entry(5, 6, 7, LB_ENTRY_FIRM));
  EXPECT_EQ(regions[1].head().inserted[LB_ENTRY_FIRM], 9u);
  // Killed between an entry and its count: counted again.
  EXPECT_EQ(regions[1].head().occupied[LB_ENTRY_FIRM], 1u);
  EXPECT_EQ(Occupied(regions[0]), 0u);
}

TEST_F(FlowDirectoryTest, EveryWorkerGetsAllFlowsWhenTheirNumberChanges) {
  {
    std::vector<FlowRegion> regions = Take(2);
    At(regions[0], 3, 0) = lb_entry(100, 1, 7, LB_ENTRY_MISS);
    At(regions[1], 3, 0) = lb_entry(200, 2, 7, LB_ENTRY_FIRM);
    // Known to both: the firm one wins.
    At(regions[0], 9, 0) = lb_entry(300, 1, 7, LB_ENTRY_MISS);
    At(regions[1], lb_flow_other_bucket(9, 300, kBuckets - 1), 5) =
        lb_entry(300, 2, 7, LB_ENTRY_FIRM);
    At(regions[0], 9, 1) = lb_entry(300, 3, 7, LB_ENTRY_PENDING);
  }
  for (const uint32_t workers : {3u, 1u}) {
    SCOPED_TRACE(workers);
    std::vector<FlowRegion> regions = Take(workers);
    ASSERT_EQ(regions.size(), workers);
    for (FlowRegion& region : regions) {
      EXPECT_EQ(region.head().occupied[LB_ENTRY_FIRM], 2u);
      EXPECT_EQ(region.head().occupied[LB_ENTRY_MISS], 1u);
      EXPECT_EQ(region.head().occupied[LB_ENTRY_PENDING], 1u);
      uint64_t found = 0;
      for (const lb_flow_bucket& bucket : region.buckets()) {
        for (const uint64_t entry : bucket.entry) {
          if (lb_entry_signature(entry) == 300 && lb_entry_class(entry) != LB_ENTRY_PENDING) {
            EXPECT_EQ(lb_entry_backend(entry), 2u);
            ++found;
          }
        }
      }
      EXPECT_EQ(found, 1u);
    }
  }
  EXPECT_NE(access((path_ + "/flows-0").c_str(), F_OK), -1);
  EXPECT_EQ(access((path_ + "/flows-1").c_str(), F_OK), -1);
}

TEST_F(FlowDirectoryTest, FirmFlowsComeBeforeWeakOnesWhereThereIsNoRoomForAll) {
  {
    std::vector<FlowRegion> regions = Take(3, 2);
    for (FlowRegion& region : regions) {
      for (uint32_t i = 0; i < 16; ++i) {
        const uint32_t signature = region.shape().worker * 100 + i;
        At(region, i / 8, i % 8) = lb_entry(signature, 1, 7, i < 5 ? LB_ENTRY_FIRM : LB_ENTRY_MISS);
      }
    }
  }
  std::vector<FlowRegion> regions = Take(1, 2);
  EXPECT_EQ(regions[0].head().occupied[LB_ENTRY_FIRM], 15u);
  EXPECT_EQ(regions[0].head().occupied[LB_ENTRY_MISS], 1u);
}

TEST_F(FlowDirectoryTest, TablesOfAnotherSizeBootOrVersionAreBegunAnew) {
  { Take(1, 64); }
  EXPECT_EQ(Occupied(Take(1)[0]), 0u);
  EXPECT_NE(note_.find("they had 512 entries, and are to have 1024"), std::string::npos) << note_;
  {
    std::vector<FlowRegion> regions = Take(1);
    At(regions[0], 0, 0) = lb_entry(5, 6, 7, LB_ENTRY_FIRM);
    std::fstream file(path_ + "/flows-0", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(offsetof(lb_flow_file, boot_id));
    file.write("another boot...", 16);
  }
  EXPECT_EQ(Occupied(Take(1)[0]), 0u);
  EXPECT_NE(note_.find("another boot"), std::string::npos) << note_;
  std::ofstream(path_ + "/flows-0") << "rubbish";
  EXPECT_EQ(Occupied(Take(1)[0]), 0u);
  EXPECT_NE(note_.find("too short"), std::string::npos) << note_;
}

TEST_F(FlowDirectoryTest, ReaderSeesWhatTheWriterWritesAndKeepsATableThatIsReplaced) {
  std::vector<FlowRegion> writer = Take(1);
  absl::StatusOr<std::vector<FlowRegion>> reader = ReadFlowTables(path_);
  ASSERT_TRUE(reader.ok()) << reader.status();
  ASSERT_EQ(reader->size(), 1u);
  At(writer[0], 1, 2) = lb_entry(5, 6, 7, LB_ENTRY_FIRM);
  EXPECT_EQ((*reader)[0].buckets()[1].entry[2], lb_entry(5, 6, 7, LB_ENTRY_FIRM));
  Take(1, 64);
  EXPECT_EQ((*reader)[0].buckets()[1].entry[2], lb_entry(5, 6, 7, LB_ENTRY_FIRM));
}

TEST_F(FlowDirectoryTest, WithoutADirectoryThereAreNoTablesToRead) {
  absl::StatusOr<std::vector<FlowRegion>> reader = ReadFlowTables(path_);
  ASSERT_TRUE(reader.ok());
  EXPECT_TRUE(reader->empty());
  EXPECT_EQ(DefaultFlowDirectory("/run/evenkeel/dataplane.sock"), "/run/evenkeel/dataplane-flows");
}

TEST(FlowEvidenceTest, CountsFlowsByBackendAndTellsTheirSlots) {
  FlowEvidence evidence(
      1000, [](uint16_t index) { return index < 3 ? std::optional<uint32_t>(450) : std::nullopt; });
  std::vector<lb_flow_bucket> buckets(4);
  buckets[0].entry[0] = lb_entry(0x12345678, 1, 990, LB_ENTRY_FIRM);
  buckets[0].entry[1] = lb_entry(0x12345999, 1, 800, LB_ENTRY_MISS | LB_ENTRY_CLOSING);
  buckets[1].entry[7] = lb_entry(0x92345678, 1, 999 & LB_PENDING_TICK_MASK, LB_ENTRY_PENDING);
  buckets[2].entry[7] = lb_entry(0xa2345678, 2, 549, LB_ENTRY_FIRM);  // too old
  buckets[3].entry[7] = lb_entry(0xb2345678, 7, 999, LB_ENTRY_FIRM);  // no such backend
  evidence.Add(buckets);
  EXPECT_EQ(evidence.backends().size(), 1u);
  EXPECT_EQ(evidence.of(1).flows, 2u);
  EXPECT_EQ(evidence.of(1).closing, 1u);
  EXPECT_EQ(evidence.of(1).pending, 1u);
  EXPECT_EQ(evidence.of(1).youngest_ticks, 10u);
  EXPECT_EQ(evidence.of(1).oldest_ticks, 200u);
  EXPECT_EQ(evidence.of(2).flows, 0u);
  EXPECT_TRUE(evidence.Names(0x123, 12, 1));
  EXPECT_TRUE(evidence.Names(0x1234, 16, 1));
  EXPECT_TRUE(evidence.Names(0x12345, 20, 1));
  EXPECT_FALSE(evidence.Names(0x123, 12, 2));
  EXPECT_FALSE(evidence.Names(0x1235, 16, 1));
  EXPECT_TRUE(evidence.Names(0x923, 12, 1));
  int visits = 0;
  evidence.ForEachSlot(12, [&](uint32_t slot, uint16_t backend) {
    EXPECT_TRUE(slot == 0x123 || slot == 0x923);
    EXPECT_EQ(backend, 1);
    ++visits;
  });
  EXPECT_EQ(visits, 2);
}

}  // namespace
}  // namespace evenkeel
