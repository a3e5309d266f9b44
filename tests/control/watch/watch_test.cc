#include "control/watch/watch.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/watch/history.h"

namespace evenkeel {
namespace {

// One service, four backends of equal share, seconds without chance.
class WatchTest : public testing::Test {
 protected:
  WatchTest() {
    auto node = std::make_shared<WatchedNode>();
    WatchedService& service = node->services.emplace_back();
    service.id = 1;
    service.name = "http";
    for (uint64_t i = 1; i <= 4; ++i) {
      service.members.push_back({.id = i, .name = absl::StrCat("web/b", i)});
    }
    node_ = node;
    service_ = &node->services.front();
  }

  // `followers`: packets after the first one of each new flow.
  void Add(const std::vector<uint64_t>& flows, const std::vector<double>& followers,
           int seconds = 1) {
    for (int i = 0; i < seconds; ++i) {
      at_ += absl::Seconds(1);
      WatchSecond second{.at = at_, .node = node_, .services = {}, .workers = workers_};
      ServiceSecond& service = second.services.emplace_back();
      service.service = node_->services.data();
      for (size_t b = 0; b < flows.size(); ++b) {
        service.counts.push_back(
            {.id = b + 1,
             .new_flows = flows[b],
             .packets = flows[b] + static_cast<uint64_t>(flows[b] * followers[b])});
      }
      service.tables = {shares_};
      watch_.Add(second);
      history_.Add(second);
    }
  }

  std::shared_ptr<const WatchedNode> node_;
  WatchedService* service_ = nullptr;
  std::vector<double> shares_ = {0.25, 0.25, 0.25, 0.25};
  WorkerCounts workers_;
  absl::Time at_ = absl::FromUnixSeconds(1'800'000'000);
  Watch watch_;
  History history_;
};

TEST_F(WatchTest, SaysNothingOfOrdinaryTraffic) {
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 100);
  EXPECT_TRUE(watch_.Alarms().empty());
  EXPECT_FALSE(watch_.NeedsAudit());
}

TEST_F(WatchTest, NamesServiceBackendSharesAndFault) {
  Add({250, 50, 50, 50}, {5, 5, 5, 5}, 4);
  EXPECT_TRUE(watch_.NeedsAudit());
  ASSERT_FALSE(watch_.Alarms().empty());
  const WatchAlarm alarm = watch_.Alarms().front();
  EXPECT_EQ(alarm.kind, WatchKind::kDistribution);
  EXPECT_EQ(alarm.service, "http");
  EXPECT_EQ(alarm.backend, "web/b1");
  EXPECT_EQ(alarm.rule, "F34");
  EXPECT_TRUE(absl::StrContains(alarm.message,
                                "gets 62.5 % of the new flows of http and should "
                                "get 25.0 %"))
      << alarm.message;
}

TEST_F(WatchTest, NamesTheTableOnceAnAuditHasFoundItWrong) {
  Add({250, 50, 50, 50}, {5, 5, 5, 5}, 4);
  watch_.SetTables({.is_known = true, .fault = "slot 7 names b1, not b2"});
  EXPECT_FALSE(watch_.NeedsAudit());
  EXPECT_EQ(watch_.Alarms().front().rule, "F55");
  EXPECT_TRUE(absl::StrContains(watch_.Alarms().front().message, "slot 7 names b1, not b2"));
}

TEST_F(WatchTest, NamesClientsWhereTheServiceKeepsThemTogether) {
  service_->by_client = true;
  Add({250, 50, 50, 50}, {5, 5, 5, 5}, 80);
  ASSERT_FALSE(watch_.Alarms().empty());
  EXPECT_EQ(watch_.Alarms().front().rule, "F30");
}

TEST_F(WatchTest, ABackendThatDoesNotAnswerIsNamedAndIsNoDistributionFault) {
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 60);
  // Every SYN comes again, twice.
  Add({100, 300, 100, 100}, {5, 0, 5, 5}, 5);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  const WatchAlarm alarm = watch_.Alarms().front();
  EXPECT_EQ(alarm.kind, WatchKind::kFollowUp);
  EXPECT_EQ(alarm.rule, "F41");
  EXPECT_EQ(alarm.backend, "web/b2");
  EXPECT_LE(at_ - alarm.since, absl::Seconds(8));

  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 5);
  EXPECT_TRUE(watch_.Alarms().empty()) << "it answers again";
}

TEST_F(WatchTest, ACheckThatPassesAllTheSameIsF15) {
  service_->is_checked = true;
  Add({100, 100, 100, 100}, {5, 0, 5, 5}, 5);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F15");
}

TEST_F(WatchTest, SilenceIsOverWhereABackendIsAskedNothingAnyMore) {
  Add({100, 100, 100, 100}, {5, 0, 5, 5}, 5);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  shares_ = {1.0 / 3, 0, 1.0 / 3, 1.0 / 3};
  Add({100, 0, 100, 100}, {5, 0, 5, 5}, 10);
  EXPECT_TRUE(watch_.Alarms().empty());
}

TEST_F(WatchTest, AFloodOfSynsIsAFloodAndNobodysSilence) {
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 60);
  Add({10'000, 10'000, 10'000, 10'000}, {0.05, 0.05, 0.05, 0.05}, 60);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F37");
  EXPECT_FALSE(watch_.Alarms().front().backend);
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 6);
  EXPECT_TRUE(watch_.Alarms().empty());
}

TEST_F(WatchTest, WhenNobodyAnswersAnyMoreItIsTheWayToThem) {
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 60);
  Add({150, 150, 150, 150}, {0, 0, 0, 0}, 5);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F44");
  EXPECT_TRUE(absl::StrContains(watch_.Alarms().front().message, "600 new flows a second"))
      << watch_.Alarms().front().message;
  Add({150, 150, 150, 150}, {0, 0, 0, 0}, 600);
  EXPECT_EQ(watch_.Alarms().size(), 1u) << "it does not get used to it";
}

// Clients try again and again, and what was open fades away.
TEST_F(WatchTest, SilenceThatBeganLikeAFloodIsSilence) {
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 60);
  Add({500, 500, 500, 500}, {0.4, 0.4, 0.4, 0.4}, 4);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F37");
  Add({150, 150, 150, 150}, {0, 0, 0, 0}, 5);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F44");
}

TEST_F(WatchTest, AServiceThatWasNeverFollowedUpHasNoUsual) {
  Add({100, 100, 100, 100}, {0, 0, 0, 0}, 600);
  EXPECT_TRUE(watch_.Alarms().empty());
}

TEST_F(WatchTest, FindsSilenceAtAFewFlowsASecond) {
  Add({2, 2, 2, 2}, {5, 5, 5, 5}, 60);
  Add({2, 2, 2, 2}, {5, 0, 5, 5}, 30);
  ASSERT_EQ(watch_.Alarms().size(), 1u);
  EXPECT_EQ(watch_.Alarms().front().backend, "web/b2");
}

TEST_F(WatchTest, AWorkerThatGetsAllIsF49) {
  workers_ = {.ids = {0, 1}, .new_flows = {400, 0}};
  Add({100, 100, 100, 100}, {5, 5, 5, 5}, 80);
  ASSERT_EQ(watch_.Alarms().size(), 2u);
  EXPECT_EQ(watch_.Alarms().front().rule, "F49");
  EXPECT_EQ(watch_.Alarms().front().kind, WatchKind::kWorkers);
}

TEST_F(WatchTest, AServiceThatIsRemovedTakesItsAlarmsAlong) {
  Add({250, 50, 50, 50}, {5, 5, 5, 5}, 4);
  ASSERT_FALSE(watch_.Alarms().empty());
  watch_.Add({.at = at_ + absl::Seconds(1),
              .node = std::make_shared<WatchedNode>(),
              .services = {},
              .workers = {}});
  EXPECT_TRUE(watch_.Alarms().empty());
}

TEST_F(WatchTest, TheHistoryHoldsAnHourInSteps) {
  Add({100, 300, 0, 0}, {5, 5, 5, 5}, 2 * 3600);
  const std::optional<ServiceHistory> history = history_.Of("http");
  ASSERT_TRUE(history);
  EXPECT_GE(history->ends.size(), 240u);
  EXPECT_LE(history->ends.size(), 242u);
  ASSERT_EQ(history->lines.size(), 4u);
  EXPECT_EQ(history->lines[1].name, "web/b2");
  EXPECT_EQ(history->lines[1].points.size(), history->ends.size());
  EXPECT_EQ(history->lines[1].points[100].observed, 15 * 300u);
  EXPECT_FLOAT_EQ(history->lines[1].points[100].expected, 0.25);
  EXPECT_FALSE(history_.Of("other"));
}

TEST_F(WatchTest, TheHistoryKnowsTheLowestRate) {
  EXPECT_TRUE(history_.LowestRates().empty());
  Add({10, 10, 10, 10}, {5, 5, 5, 5}, 60);
  Add({1, 1, 1, 1}, {5, 5, 5, 5}, 60);
  Add({10, 10, 10, 10}, {5, 5, 5, 5}, 60);
  EXPECT_DOUBLE_EQ(history_.LowestRates().at("http"), 4);
}

TEST_F(WatchTest, TheHistoryMarksRevisions) {
  history_.MarkRevision(1, at_);
  history_.MarkRevision(1, at_ + absl::Seconds(1));
  history_.MarkRevision(2, at_ + absl::Seconds(2));
  ASSERT_EQ(history_.Revisions().size(), 2u);
  EXPECT_EQ(history_.Revisions()[1].revision, 2);
  EXPECT_EQ(history_.Revisions()[1].at, at_ + absl::Seconds(2));
}

}  // namespace
}  // namespace evenkeel
