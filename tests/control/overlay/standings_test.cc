#include "control/overlay/standings.h"

#include "absl/strings/str_replace.h"
#include "control/config/parse.h"
#include "gtest/gtest.h"
#include "tests/control/app/sample_config.h"

namespace evenkeel {
namespace {

// The sample's pool with a health section; `check` is the inside of its flow mapping.
Config ConfigWith(const std::vector<uint32_t>& weights, const std::string& check) {
  const std::string text = absl::StrReplaceAll(
      SampleConfig({.weights = weights}),
      {{"    forward: ipip\n",
        absl::StrCat("    forward: ipip\n    health: {", check, "}\n    slow_start: 70s\n")}});
  ParseResult parsed = ParseConfig(text);
  for (const Finding& finding : parsed.findings) EXPECT_EQ(finding.message, "");
  return parsed.config.value_or(Config{});
}

class StandingsTest : public testing::Test {
 protected:
  void Take(const Config& config, size_t backend, bool passes) {
    HealthVerdict verdict;
    verdict.target = std::make_shared<HealthTarget>(HealthTargetsOf(config)[backend]);
    verdict.passing = passes;
    standings_.Take(verdict, now_);
  }
  static int Steps(const Standings::StandingOf& of, const Config& config, size_t backend) {
    return of("web", config.pools[0].backends[backend].address.bytes()).steps;
  }

  absl::Time now_ = absl::FromUnixSeconds(1'000'000);
  Standings standings_;
  const Config tcp_ = ConfigWith({100, 100, 100}, "tcp: {port: 80}");
};

TEST_F(StandingsTest, AVerdictChangesWhatIsPublished) {
  standings_.SetConfigs(&tcp_, nullptr, now_);
  standings_.Advance(now_);
  Take(tcp_, 1, false);
  const Standings::StandingOf before = standings_.Running();
  EXPECT_TRUE(standings_.Advance(now_));
  EXPECT_EQ(Steps(standings_.Running(), tcp_, 1), 0);
  EXPECT_EQ(Steps(before, tcp_, 1), 8) << "a snapshot stays as it is";
  EXPECT_EQ(Steps(standings_.Running(), tcp_, 0), 8);
}

TEST_F(StandingsTest, ATrialHasItsOwnChecksAndItsOwnBook) {
  const Config other = ConfigWith({100, 100, 100}, "tcp: {port: 81}");
  standings_.SetConfigs(&tcp_, nullptr, now_);
  standings_.SetConfigs(&tcp_, &other, now_);
  standings_.Advance(now_);
  Take(other, 1, false);
  EXPECT_TRUE(standings_.Advance(now_));
  EXPECT_EQ(Steps(standings_.Running(), tcp_, 1), 0);
  EXPECT_EQ(Steps(standings_.Confirmed(), tcp_, 1), 8) << "by the confirmed check it passes";
  standings_.SetConfigs(&tcp_, nullptr, now_);
  EXPECT_EQ(Steps(standings_.Running(), tcp_, 1), 8) << "the trial's book went with it";
}

TEST_F(StandingsTest, AConfirmedTrialHandsItsBookOn) {
  const Config more = ConfigWith({100, 100, 100, 100}, "tcp: {port: 80}");
  standings_.SetConfigs(&tcp_, nullptr, now_);
  for (size_t b = 0; b < 3; b++) Take(tcp_, b, true);
  standings_.Advance(now_);
  standings_.SetConfigs(&tcp_, &more, now_);
  standings_.Advance(now_);
  EXPECT_EQ(Steps(standings_.Running(), more, 3), 0) << "no verdict yet";
  Take(more, 3, true);
  standings_.Advance(now_);
  EXPECT_EQ(Steps(standings_.Running(), more, 3), 1) << "slow start";
  standings_.SetConfigs(&more, nullptr, now_);
  EXPECT_FALSE(standings_.Advance(now_)) << "to the planes nothing has changed";
  EXPECT_EQ(Steps(standings_.Running(), more, 3), 1);
  EXPECT_EQ(standings_.NextChange(now_), now_ + absl::Seconds(10));
}

TEST_F(StandingsTest, SaysWhichPoolIsAtItsFloor) {
  standings_.SetConfigs(&tcp_, nullptr, now_);
  for (size_t b = 0; b < 3; b++) Take(tcp_, b, false);
  standings_.Advance(now_);
  const std::vector<PoolAlarm> alarms = standings_.Alarms();
  ASSERT_EQ(alarms.size(), 1u);
  EXPECT_EQ(alarms[0].pool, "web");
  EXPECT_EQ(alarms[0].floor.floor_percent, 50u);
}

}  // namespace
}  // namespace evenkeel
