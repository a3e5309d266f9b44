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

  absl::Status Stage(const ImageSpec& spec) {
    SendTables(spec);
    EXPECT_TRUE(writer_->Write(MustBuild(spec).bytes()).ok());
    return store_.Stage(spec.generation);
  }
  // Revision `id` as `generation`, with the way back to the small one as the next.
  absl::Status Try(uint64_t id, uint64_t generation, uint64_t deadline_ns, uint64_t now_ns = 0) {
    ImageSpec way_back = SmallSpec(generation + 1);
    if (absl::Status staged = Stage(way_back); !staged.ok()) return staged;
    const ImageSpec image = Tried(id, generation);
    SendTables(image);
    EXPECT_TRUE(writer_->Write(MustBuild(image).bytes()).ok());
    return store_.PublishTrial({.id = id,
                                .generation = generation,
                                .return_generation = generation + 1,
                                .deadline_ns = deadline_ns},
                               now_ns);
  }
  static ImageSpec Tried(uint64_t id, uint64_t generation) {
    ImageSpec image = SmallSpec(generation);
    image.revision = id;
    image.pools[0] = MakePool("web", {static_cast<uint32_t>(id), 2, 7}, 0);
    return image;
  }

  absl::Status install_result_;
  std::shared_ptr<const ImageView> installed_;
  absl::Status keep_result_;
  std::shared_ptr<const ImageView> kept_;  // the way back, when it was to be made durable
  uint64_t ran_when_kept_ = 0;
  PlaneStore store_{{.install =
                         [this](std::shared_ptr<const ImageView> image) {
                           if (install_result_.ok()) installed_ = std::move(image);
                           return install_result_;
                         },
                     .keep_way_back =
                         [this](std::shared_ptr<const ImageView> image) {
                           ran_when_kept_ = installed_ == nullptr ? 0 : installed_->generation();
                           if (keep_result_.ok()) kept_ = std::move(image);
                           return keep_result_;
                         }}};
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

TEST_F(PlaneStoreTest, TrialRunsAndTheWayBackIsKeptBeforeIt) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_EQ(Try(9, 2, 1000), absl::OkStatus());
  EXPECT_EQ(installed_->generation(), 2u);
  EXPECT_EQ(kept_->generation(), 3u);
  EXPECT_EQ(ran_when_kept_, 1u);
  EXPECT_TRUE(store_.is_on_trial());
  EXPECT_EQ(store_.table_count(), 3u);  // web twice, bulk once
}

TEST_F(PlaneStoreTest, GoesBackAtTheDeadlineAndNotBefore) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  EXPECT_FALSE(store_.ExpireTrial(999));
  EXPECT_EQ(installed_->generation(), 2u);
  EXPECT_TRUE(store_.ExpireTrial(1000));
  EXPECT_EQ(installed_->generation(), 3u);
  EXPECT_EQ(store_.trial().state, TrialState::kReturned);
  EXPECT_FALSE(store_.ExpireTrial(1001));
}

TEST_F(PlaneStoreTest, WhoEndsTheTrialFirstHasEndedIt) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  EXPECT_EQ(store_.Decide(9, TrialState::kConfirmed, 999), absl::OkStatus());
  EXPECT_FALSE(store_.ExpireTrial(1000));
  EXPECT_EQ(store_.Decide(9, TrialState::kConfirmed, 2000), absl::OkStatus());
  EXPECT_EQ(NackCodeOf(store_.Decide(9, TrialState::kReturned, 2000)), NackCode::kTrialEnded);
  EXPECT_EQ(installed_->generation(), 2u);
  EXPECT_EQ(store_.table_count(), 2u);

  ASSERT_TRUE(Try(10, 4, 3000).ok());
  // Past the deadline it goes back, though nobody has looked at the clock until now.
  EXPECT_EQ(NackCodeOf(store_.Decide(10, TrialState::kConfirmed, 3000)), NackCode::kTrialEnded);
  EXPECT_EQ(installed_->generation(), 5u);
  EXPECT_EQ(store_.Decide(10, TrialState::kReturned, 3001), absl::OkStatus());

  ASSERT_TRUE(Try(11, 6, 9000).ok());
  EXPECT_EQ(store_.Decide(11, TrialState::kReturned, 3002), absl::OkStatus());
  EXPECT_EQ(installed_->generation(), 7u);
  EXPECT_EQ(NackCodeOf(store_.Decide(11, TrialState::kConfirmed, 3003)), NackCode::kTrialEnded);
}

TEST_F(PlaneStoreTest, RenewalChangesBothImagesAndKeepsTheDeadline) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  ASSERT_EQ(Try(9, 4, 5000, 500), absl::OkStatus());
  EXPECT_EQ(installed_->generation(), 4u);
  EXPECT_EQ(store_.trial().deadline_ns, 1000u);
  EXPECT_TRUE(store_.ExpireTrial(1000));
  EXPECT_EQ(installed_->generation(), 5u);
  // What has ended is not renewed.
  EXPECT_EQ(NackCodeOf(Try(9, 6, 9000, 1001)), NackCode::kTrialEnded);
  EXPECT_EQ(installed_->generation(), 5u);
}

TEST_F(PlaneStoreTest, ArmedTrialRefusesEveryOtherPublication) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  EXPECT_EQ(NackCodeOf(Publish(SmallSpec(8))), NackCode::kTrialArmed);
  EXPECT_EQ(NackCodeOf(Try(10, 8, 2000)), NackCode::kTrialArmed);
  EXPECT_EQ(NackCodeOf(store_.Decide(10, TrialState::kConfirmed, 1)), NackCode::kTrialArmed);
  EXPECT_EQ(installed_->generation(), 2u);
  EXPECT_TRUE(store_.is_on_trial());
}

TEST_F(PlaneStoreTest, GenerationOfAWayBackIsSpentEitherWay) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  ASSERT_TRUE(store_.Decide(9, TrialState::kConfirmed, 1).ok());
  EXPECT_EQ(NackCodeOf(Publish(SmallSpec(3))), NackCode::kStaleGeneration);
  EXPECT_EQ(Publish(SmallSpec(4)), absl::OkStatus());
  EXPECT_EQ(store_.trial().state, TrialState::kNone);
}

TEST_F(PlaneStoreTest, TrialWithoutASoundWayBackIsRefusedAsAWhole) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  // Nothing staged.
  ASSERT_TRUE(writer_->Write(MustBuild(Tried(9, 2)).bytes()).ok());
  SendTables(Tried(9, 2));
  const TrialRecord trial{.id = 9, .generation = 2, .return_generation = 3, .deadline_ns = 1000};
  EXPECT_EQ(NackCodeOf(store_.PublishTrial(trial, 0)), NackCode::kProtocol);
  // Cut, then with one bit changed: every bit of the header, and a sample of the rest.
  const AlignedBytes sound = MustBuild(SmallSpec(3));
  const auto refused = [&](std::span<const std::byte> bytes) {
    SendTables(SmallSpec(3));
    if (!writer_->Write(bytes).ok()) return true;
    if (store_.Stage(3).ok()) return false;
    SendTables(Tried(9, 2));
    EXPECT_TRUE(writer_->Write(MustBuild(Tried(9, 2)).bytes()).ok());
    return !store_.PublishTrial(trial, 0).ok() && installed_->generation() == 1;
  };
  for (const size_t length : {sound.size() - 1, sound.size() / 2, sizeof(lb_root), size_t{1}}) {
    EXPECT_TRUE(refused(sound.bytes().first(length))) << length;
  }
  for (size_t bit = 0; bit < 8 * sound.size(); bit += bit < 8 * sizeof(lb_root) ? 7 : 1021) {
    AlignedBytes changed = AlignedBytes::CopyOf(sound.bytes());
    changed.data()[bit / 8] ^= std::byte{1} << (bit % 8);
    EXPECT_TRUE(refused(changed.bytes())) << "bit " << bit;
  }
  EXPECT_EQ(kept_, nullptr);
  EXPECT_EQ(Try(9, 2, 1000), absl::OkStatus());
}

TEST_F(PlaneStoreTest, WayBackThatCannotBeKeptRefusesTheTrial) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  keep_result_ = absl::ResourceExhaustedError("no space left on device");
  const absl::Status status = Try(9, 2, 1000);
  EXPECT_EQ(NackCodeOf(status), NackCode::kResource);
  EXPECT_NE(status.message().find("no space left on device"), absl::string_view::npos) << status;
  EXPECT_EQ(installed_->generation(), 1u);
  EXPECT_EQ(store_.trial().state, TrialState::kNone);
}

TEST_F(PlaneStoreTest, DeadlineThatHasPassedIsRefused) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  EXPECT_EQ(NackCodeOf(Try(9, 2, 1000, 1000)), NackCode::kTrialEnded);
  EXPECT_EQ(installed_->generation(), 1u);
}

TEST_F(PlaneStoreTest, AnotherControlFindsTheTrialArmedAndItsWayBackHeld) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  ASSERT_TRUE(Stage(SmallSpec(7)).ok());  // and then it died
  store_.BeginConnection();
  NewMailbox();
  EXPECT_TRUE(store_.is_on_trial());
  EXPECT_TRUE(store_.ExpireTrial(1000));
  EXPECT_EQ(installed_->generation(), 3u);
}

TEST_F(PlaneStoreTest, WayBackThatCannotBeInstalledIsTriedAgain) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());
  ASSERT_TRUE(Try(9, 2, 1000).ok());
  install_result_ = absl::ResourceExhaustedError("no memory for counters");
  EXPECT_TRUE(store_.ExpireTrial(1000));
  EXPECT_TRUE(store_.is_return_pending());
  // The latch has fallen all the same.
  EXPECT_EQ(NackCodeOf(store_.Decide(9, TrialState::kConfirmed, 1001)), NackCode::kTrialEnded);
  install_result_ = absl::OkStatus();
  EXPECT_TRUE(store_.ExpireTrial(1002));
  EXPECT_EQ(installed_->generation(), 3u);
  EXPECT_FALSE(store_.is_return_pending());
}

TEST_F(PlaneStoreTest, WhatRunsTellsOfATrialThatIsNotKnown) {
  ASSERT_TRUE(Publish(SmallSpec(1)).ok());  // revision 7
  EXPECT_EQ(store_.Decide(7, TrialState::kConfirmed, 1), absl::OkStatus());
  EXPECT_EQ(NackCodeOf(store_.Decide(7, TrialState::kReturned, 1)), NackCode::kTrialEnded);
  EXPECT_EQ(store_.Decide(8, TrialState::kReturned, 1), absl::OkStatus());
  EXPECT_EQ(NackCodeOf(store_.Decide(8, TrialState::kConfirmed, 1)), NackCode::kTrialEnded);
}

}  // namespace
}  // namespace evenkeel
