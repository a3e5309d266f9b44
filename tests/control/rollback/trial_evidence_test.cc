#include <gtest/gtest.h>

#include <set>

#include <mutex>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/config/parse.h"
#include "control/rollback/auto_confirm.h"
#include "control/rollback/path_asker.h"
#include "control/rollback/trial_judge.h"
#include "control/rollback/trial_paths.h"

namespace evenkeel {
namespace {

// `backends`: lines of pool web; two services of it, one of UDP, and a pool of another family.
Config Site(const std::string& backends, const std::string& more = "",
            const std::string& vip = "203.0.113.10") {
  const ParseResult parsed =
      ParseConfig(absl::StrCat(R"(
schema: evenkeel/v1
cluster: {name: test, owned_prefixes: [203.0.113.0/24, "2001:db8:113::/48"]}
network: {encap_source: {ipv4: 10.0.0.10, ipv6: "fd00::10"}, gateway: {ipv4: 10.0.0.1, ipv6: "fd00::1"}}
pools:
  six: {backends: {s1: {address: "fd00::11", weight: 1}}}
  web:
    backends:
)",
                               backends, R"(
services:
  http: {vip: )",
                               vip, R"(, ports: [80], protocol: tcp, pool: web}
  tls: {vip: 203.0.113.10, ports: ["443-444"], protocol: tcp, pool: web}
  dns: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: web}
  six: {vip: "2001:db8:113::10", ports: [80], protocol: tcp, pool: six}
)",
                               more));
  EXPECT_TRUE(parsed.config) << parsed.findings.front().message;
  return parsed.config.value_or(Config{});
}

constexpr char kTwo[] =
    "      b1: {address: 10.0.1.11, weight: 100}\n      b2: {address: 10.0.1.12, weight: 100}\n";
constexpr char kThird[] = "      b3: {address: 10.0.1.13, weight: 100, capacity: 100}\n";

std::vector<std::string> Changed(const std::vector<TrialPath>& paths) {
  std::vector<std::string> names;
  for (const TrialPath& path : paths) {
    if (path.is_changed) names.push_back(absl::StrCat(path.service, " ", path.target.backend));
  }
  return names;
}

TEST(TrialPathsTest, ANewBackendIsAskedByEachTcpServiceAndHasContrastsOfThatService) {
  const std::vector<TrialPath> paths = PathsOf(Site(kTwo), Site(absl::StrCat(kTwo, kThird)));
  EXPECT_EQ(Changed(paths), (std::vector<std::string>{"http b3", "tls b3"}));
  EXPECT_EQ(paths[0].target.check.port, 80u);
  EXPECT_EQ(paths[1].target.check.port, 443u);
  EXPECT_EQ(paths[0].target.vips.front().ToString(), "203.0.113.10");
  ASSERT_EQ(paths[0].contrasts.size(), 2u);
  for (const size_t contrast : paths[0].contrasts) {
    EXPECT_FALSE(paths[contrast].is_changed);
    EXPECT_EQ(paths[contrast].service, "http");
  }
}

TEST(TrialPathsTest, AWeightChangesNoWay) {
  EXPECT_TRUE(PathsOf(Site(kTwo), Site("      b1: {address: 10.0.1.11, weight: 10}\n"
                                       "      b2: {address: 10.0.1.12, weight: 100}\n"))
                  .empty());
}

TEST(TrialPathsTest, AnotherVipIsComparedWithTheOtherServicesOfThePool) {
  const std::vector<TrialPath> paths = PathsOf(Site(kTwo), Site(kTwo, "", "203.0.113.20"));
  EXPECT_EQ(Changed(paths), (std::vector<std::string>{"http b1", "http b2"}));
  for (const size_t contrast : paths[0].contrasts) EXPECT_EQ(paths[contrast].service, "tls");
}

TEST(TrialPathsTest, NothingToCompareWithMeansNoContrast) {
  const std::vector<TrialPath> paths = PathsOf(Config{}, Site(kTwo));
  ASSERT_FALSE(paths.empty());
  for (const TrialPath& path : paths) EXPECT_TRUE(path.contrasts.empty());
}

TEST(TrialJudgeTest, ActsOnlyOnAContrastOfFourRounds) {
  PathEvidence path{.service = "http",
                    .backend = "web/b3",
                    .failed = 3,
                    .error = "connection refused",
                    .contrast = "web/b1"};
  EXPECT_FALSE(ReasonToReturn({.paths = {path}}));
  path.failed = 4;
  const auto reason = ReasonToReturn({.paths = {path}});
  ASSERT_TRUE(reason);
  EXPECT_TRUE(absl::StrContains(*reason, "web/b3")) << *reason;
  EXPECT_TRUE(absl::StrContains(*reason, "connection refused")) << *reason;
  EXPECT_TRUE(absl::StrContains(*reason, "web/b1")) << *reason;
}

TEST(TrialJudgeTest, ANewBackendThatFailsItsCheckBesideOneThatPasses) {
  CheckEvidence old{.pool = "web", .backend = "b1"};
  CheckEvidence added{.pool = "web",
                      .backend = "b3",
                      .is_changed = true,
                      .fails = true,
                      .fails_before = true,
                      .error = "timeout"};
  EXPECT_TRUE(ReasonToReturn({.checks = {old, added}}));
  old.fails = true;
  EXPECT_FALSE(ReasonToReturn({.checks = {old, added}}))
      << "nothing passes: the check's own fault?";
  old.fails = false;
  added.is_changed = false;
  EXPECT_FALSE(ReasonToReturn({.checks = {old, added}})) << "it failed without the change";
}

TEST(TrialJudgeTest, AnotherCheckThatHalfThePoolFailsWhileItPassesTheFormerOne) {
  std::vector<CheckEvidence> checks(4, {.pool = "web", .backend = "b", .is_changed = true});
  checks[0].fails = true;
  EXPECT_FALSE(ReasonToReturn({.checks = checks}));
  checks[1].fails = true;
  EXPECT_TRUE(ReasonToReturn({.checks = checks}));
  for (CheckEvidence& check : checks) check.fails_before = check.fails;
  EXPECT_FALSE(ReasonToReturn({.checks = checks})) << "they are down either way";
}

TEST(TrialJudgeTest, DropsThatBeganWithTheChange) {
  DropEvidence drop{.reason = "no_backend", .before = 0, .lately = 40, .received = 1000};
  EXPECT_TRUE(ReasonToReturn({.drops = {drop}}));
  drop.before = 1;
  EXPECT_FALSE(ReasonToReturn({.drops = {drop}}));
  drop = {.reason = "no_backend", .before = 0, .lately = 40, .received = 100'000};
  EXPECT_FALSE(ReasonToReturn({.drops = {drop}})) << "too small a part";
  drop = {.reason = "no_backend", .before = 0, .lately = 20, .received = 20};
  EXPECT_FALSE(ReasonToReturn({.drops = {drop}})) << "too few";
}

TEST(TrialJudgeTest, ATableThatIsNotTheOneThatWasPublished) {
  EXPECT_TRUE(ReasonToReturn({.table_fault = "slot 7"}));
  EXPECT_FALSE(ReasonToReturn({}));
}

// Rounds of answers as the test says: by backend, what fails.
TEST(PathAskerTest, CountsRoundsInWhichTheChangedWayFailsAndAContrastAnswers) {
  std::mutex mutex;
  std::set<std::string> failing = {"b3"};
  const auto ask = [&](const std::vector<HealthTarget>& targets, const Network&) {
    const std::lock_guard lock(mutex);
    std::vector<ProbeReport> reports;
    for (const HealthTarget& target : targets) {
      ProbeReport& report = reports.emplace_back();
      report.target = target;
      if (failing.contains(target.backend)) {
        report.finding = ProbeFinding::kWrongAnswer;
        report.error = "connection refused";
      }
    }
    return reports;
  };
  PathAsker asker([&] { return ask; });
  const auto wait_for = [&](const auto& condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(10));
    EXPECT_TRUE(condition());
  };
  asker.Begin(PathsOf(Site(kTwo), Site(absl::StrCat(kTwo, kThird))), Network{});
  wait_for([&] { return asker.Evidence()[0].failed >= 2; });
  EXPECT_EQ(asker.Evidence()[0].backend, "web/b3");
  EXPECT_EQ(asker.Evidence()[0].error, "connection refused");
  EXPECT_FALSE(asker.Evidence()[0].contrast.empty());
  EXPECT_FALSE(asker.AllAnswer());
  {
    const std::lock_guard lock(mutex);
    failing = {"b1", "b2", "b3"};  // everything is down: no contrast
  }
  wait_for([&] { return asker.Evidence()[0].failed == 0; });
  {
    const std::lock_guard lock(mutex);
    failing.clear();
  }
  wait_for([&] { return asker.AllAnswer(); });
  asker.End();
}

TEST(PathAskerTest, ARoundThatCouldNotBeAskedCountsNeitherWay) {
  std::mutex mutex;
  int rounds = 0;
  const auto ask = [&](const std::vector<HealthTarget>& targets, const Network&) {
    const std::lock_guard lock(mutex);
    ++rounds;
    std::vector<ProbeReport> reports;
    for (const HealthTarget& target : targets) {
      ProbeReport& report = reports.emplace_back();
      report.target = target;
      if (target.backend != "b3") continue;
      report.finding = rounds == 2 ? ProbeFinding::kNotChecked : ProbeFinding::kSilent;
    }
    return reports;
  };
  PathAsker asker([&] { return ask; });
  asker.Begin(PathsOf(Site(kTwo), Site(absl::StrCat(kTwo, kThird))), Network{});
  const auto told = [&] {
    const std::lock_guard lock(mutex);
    return rounds;
  };
  for (int i = 0; i < 1000 && told() < 4; ++i) absl::SleepFor(absl::Milliseconds(10));
  asker.End();
  EXPECT_EQ(asker.Evidence()[0].failed, told() - 1);
}

Plan GoodPlan() {
  Plan plan;
  plan.has_base = true;
  plan.pools.resize(1);
  plan.evidence = {.flows = 876, .seconds = 30};
  return plan;
}

TEST(AutoConfirmTest, IsRefusedWhereItCouldProveNothing) {
  const auto why = [](const Plan& plan, bool overrides = false, int seconds = 300) {
    const auto refusal = WhyNotAutoConfirm(plan, overrides, absl::Seconds(seconds));
    return refusal ? refusal->message : "";
  };
  EXPECT_EQ(why(GoodPlan()), "");
  EXPECT_TRUE(absl::StrContains(why(GoodPlan(), true), "overrides"));
  EXPECT_TRUE(absl::StrContains(why(GoodPlan(), false, 30), "60 s"));
  Plan plan = GoodPlan();
  plan.evidence.seconds = 400;
  EXPECT_TRUE(absl::StrContains(why(plan), "400 s to see the 876 new flows"));
  plan.evidence.seconds.reset();
  EXPECT_TRUE(absl::StrContains(why(plan), "876 new flows"));
  plan = GoodPlan();
  plan.pools[0].share_jump = 2.5;
  EXPECT_TRUE(absl::StrContains(why(plan), "2.5 times"));
  plan = GoodPlan();
  plan.evidence = {};
  EXPECT_TRUE(absl::StrContains(why(plan), "changes nothing"));
  plan = GoodPlan();
  plan.has_base = false;
  EXPECT_FALSE(why(plan).empty());
}

TEST(AutoConfirmTest, KnowsWhoGains) {
  const std::vector<GainingBackend> gaining =
      GainingBackends(Site(kTwo), Site(absl::StrCat(kTwo, kThird)));
  ASSERT_EQ(gaining.size(), 3u) << "http, tls, dns";
  EXPECT_EQ(gaining[0].backend, "web/b3");
  EXPECT_EQ(gaining[0].capacity, 100u);
  EXPECT_TRUE(gaining[2].is_udp);
  EXPECT_TRUE(GainingBackends(Site(kTwo), Site(kTwo)).empty());
}

TEST(AutoConfirmTest, ConfirmsOnceEverythingIsProved) {
  const AutoEvidence good{.since = absl::Seconds(61),
                          .gains = {{.name = "web/b3 for http",
                                     .new_flows = 219,
                                     .per_flow = 4,
                                     .others = 4.2,
                                     .load = 0.5}},
                          .paths_answer = true,
                          .alarm = ""};
  EXPECT_TRUE(JudgeAutoConfirm(good).confirms) << JudgeAutoConfirm(good).why;
  AutoEvidence evidence = good;
  evidence.since = absl::Seconds(59);
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
  evidence = good;
  evidence.gains[0].new_flows = 218;
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
  evidence = good;
  evidence.gains[0].per_flow = 2;
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
  evidence = good;
  evidence.gains[0].load = 0.81;
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
  evidence = good;
  evidence.paths_answer = false;
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
  evidence = good;
  evidence.alarm = "uneven";
  EXPECT_FALSE(JudgeAutoConfirm(evidence).confirms);
}

}  // namespace
}  // namespace evenkeel
