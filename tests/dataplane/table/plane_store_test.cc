#include "dataplane/table/plane_store.h"

#include <gtest/gtest.h>

#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"

namespace evenkeel {
namespace {

class PlaneStoreTest : public testing::Test {
 protected:
  PlaneStoreTest() { NewMailbox(); }

  void NewMailbox() {
    writer_.emplace(*MailboxWriter::Create(1 << 16));
    ASSERT_TRUE(store_.SetMailbox(*Duplicate(writer_->fd()), writer_->capacity()).ok());
  }
  void SendTables(const ImageSpec& spec) {
    for (const TablePtr& table : TablesOf(spec)) {
      ASSERT_TRUE(
          store_.AddTable(*Duplicate(table->fd()), table->digest(), table->slots_log2()).ok());
    }
  }
  absl::Status Publish(const ImageSpec& spec) {
    SendTables(spec);
    EXPECT_TRUE(writer_->Write(MustBuild(spec).bytes()).ok());
    return store_.Publish(spec.generation);
  }

  absl::Status install_result_;
  std::shared_ptr<const ImageView> installed_;
  PlaneStore store_{[this](std::shared_ptr<const ImageView> image) {
    if (install_result_.ok()) installed_ = std::move(image);
    return install_result_;
  }};
  std::optional<MailboxWriter> writer_;
};

TEST_F(PlaneStoreTest, InstallsWhatVerifies) {
  EXPECT_EQ(Publish(SmallSpec(3)), absl::OkStatus());
  ASSERT_NE(installed_, nullptr);
  EXPECT_EQ(installed_->generation(), 3u);
  EXPECT_EQ(store_.accepted(), installed_);
  EXPECT_EQ(store_.table_count(), 2u);
}

TEST_F(PlaneStoreTest, StaleGenerationsAreRefusedAndTheOldOneStays) {
  ASSERT_TRUE(Publish(SmallSpec(3)).ok());
  for (const uint64_t generation : {1, 2, 3}) {
    const absl::Status status = Publish(SmallSpec(generation));
    EXPECT_EQ(NackCodeOf(status), NackCode::kStaleGeneration) << status;
  }
  EXPECT_EQ(installed_->generation(), 3u);
  EXPECT_TRUE(Publish(SmallSpec(4)).ok());
}

TEST_F(PlaneStoreTest, KeepsOnlyTheTablesOfTheAcceptedImage) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ImageSpec next = SmallSpec(2);
  next.pools[0] = MakePool("web", {5, 5, 5}, 0);
  ASSERT_TRUE(Publish(next).ok());
  EXPECT_EQ(store_.table_count(), 2u);
  ImageSpec bad = SmallSpec(3);
  bad.pools[0] = MakePool("web", {9, 5, 5}, 0);
  bad.pools[0].members[0].slots--;
  bad.pools[0].members[1].slots++;
  EXPECT_EQ(NackCodeOf(Publish(bad)), NackCode::kQuota);
  EXPECT_EQ(store_.table_count(), 2u);
  EXPECT_EQ(installed_->generation(), 2u);
}

TEST_F(PlaneStoreTest, MissingTableAndMissingMailboxAreRefused) {
  const ImageSpec spec = SmallSpec(1);
  ASSERT_TRUE(writer_->Write(MustBuild(spec).bytes()).ok());
  EXPECT_EQ(NackCodeOf(store_.Publish(1)), NackCode::kTableMissing);
  store_.BeginConnection();
  EXPECT_EQ(NackCodeOf(store_.Publish(1)), NackCode::kMailbox);
  EXPECT_EQ(installed_, nullptr);
}

TEST_F(PlaneStoreTest, DoorbellOfAnotherGenerationIsRefused) {
  const ImageSpec spec = SmallSpec(5);
  SendTables(spec);
  ASSERT_TRUE(writer_->Write(MustBuild(spec).bytes()).ok());
  EXPECT_EQ(NackCodeOf(store_.Publish(6)), NackCode::kMailbox);
}

TEST_F(PlaneStoreTest, FailedInstallKeepsTheOldImage) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  install_result_ = absl::ResourceExhaustedError("no memory for counters");
  const absl::Status status = Publish(SmallSpec(2));
  EXPECT_EQ(NackCodeOf(status), NackCode::kSwap);
  EXPECT_NE(status.message().find("no memory for counters"), absl::string_view::npos);
  EXPECT_EQ(store_.accepted()->generation(), 1u);
  install_result_ = absl::OkStatus();
  EXPECT_TRUE(Publish(SmallSpec(2)).ok());
}

}  // namespace
}  // namespace evenkeel
