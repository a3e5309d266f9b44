// Needs root: checks through real tunnels, to backends in network namespaces of their own; skips
// without.
#include "control/health/tunnel.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <memory>
#include <set>

#include "absl/strings/str_cat.h"
#include "control/health/probe_once.h"
#include "tests/control/health/tunnel_backend.h"
#include "tests/control/health/watcher.h"

namespace evenkeel {
namespace {

using testing::HasSubstr;

IpAddress Address(absl::string_view text) { return *IpAddress::Parse(text); }
const IpAddress kVip4 = *IpAddress::Parse("203.0.113.10");
const IpAddress kVip6 = *IpAddress::Parse("2001:db8:113::10");

class TunnelTest : public testing::Test {
 protected:
  static void SetUpTestSuite() {
    if (!EnterOwnNetwork()) return;
    one_ = std::make_unique<TunnelBackend>(1);
    two_ = std::make_unique<TunnelBackend>(2);
    // The way that clients' answers would take, by which the node finds its own address.
    Shell("ip route add default via 10.9.1.2");
    Shell("ip -6 route add default via fd09:1::2");
  }
  static void TearDownTestSuite() {
    one_.reset();
    two_.reset();
  }
  void SetUp() override {
    if (!one_) GTEST_SKIP() << "needs root, for network namespaces of its own";
    for (TunnelBackend* backend : {one_.get(), two_.get()}) {
      backend->SetUnwraps(true);
      AddVips(*backend);
    }
  }

  static void AddVips(const TunnelBackend& backend) {
    backend.Run(absl::StrCat("ip address replace ", kVip4.ToString(), "/32 dev lo"));
    backend.Run(absl::StrCat("ip -6 address replace ", kVip6.ToString(), "/128 dev lo"));
  }
  static void RemoveVips(const TunnelBackend& backend) {
    backend.Run(absl::StrCat("ip address del ", kVip4.ToString(), "/32 dev lo"));
    backend.Run(absl::StrCat("ip -6 address del ", kVip6.ToString(), "/128 dev lo"));
  }
  static Network TheNetwork() {
    Network network;
    network.encap_source = {.ipv4 = IpPrefix(Address("10.9.1.1")),
                            .ipv6 = IpPrefix(Address("fd09:1::1"))};
    return network;
  }
  static HealthTarget Target(const TunnelBackend& backend, const std::string& name,
                             HealthKind kind = HealthKind::kTcp, const IpAddress& vip = kVip4,
                             Family outer = Family::kIpv4) {
    HealthTarget target{
        .pool = name, .backend = name, .address = backend.address(outer), .vips = {vip}};
    target.check.kind = kind;
    target.check.port = TunnelBackend::kPort;
    target.check.send = "ping";
    target.check.expect = "pong";
    target.check.interval = absl::Milliseconds(200);
    target.check.timeout = absl::Milliseconds(150);
    target.check.rise = target.check.fall = 2;
    target.path_port = TunnelBackend::kPort;
    return target;
  }

  static std::unique_ptr<TunnelBackend> one_;
  static std::unique_ptr<TunnelBackend> two_;
};
std::unique_ptr<TunnelBackend> TunnelTest::one_;
std::unique_ptr<TunnelBackend> TunnelTest::two_;

TEST_F(TunnelTest, EveryKindPassesInEveryCombinationOfFamilies) {
  const std::pair<HealthKind, const char*> kinds[] = {{HealthKind::kTcp, "tcp"},
                                                      {HealthKind::kHttp, "http"},
                                                      {HealthKind::kUdp, "udp"},
                                                      {HealthKind::kIcmp, "icmp"}};
  std::vector<HealthTarget> targets;
  for (const auto& [kind, kind_name] : kinds) {
    for (const IpAddress& vip : {kVip4, kVip6}) {
      for (const Family outer : {Family::kIpv4, Family::kIpv6}) {
        targets.push_back(Target(
            *one_,
            absl::StrCat(kind_name, " ", FamilyName(vip.family()), " in ", FamilyName(outer)), kind,
            vip, outer));
      }
    }
  }
  const int unwrapped = one_->unwrapped();
  Watcher watcher;
  watcher.Watch(targets, TheNetwork());
  for (size_t i = 0; i < targets.size(); ++i) {
    EXPECT_TRUE(watcher.AwaitPassing(targets[i].backend))
        << targets[i].backend << ": " << watcher.status(i).last_error;
  }
  EXPECT_GT(one_->unwrapped(), unwrapped + 32);
  EXPECT_EQ(one_->inner_ttl_max(), 2) << "a backend without the VIP could send it on to another";
}

TEST_F(TunnelTest, ABackendWithoutTheVipIsFoundOutAndTheOtherIsNot) {
  RemoveVips(*two_);
  Watcher watcher;
  watcher.Watch({Target(*one_, "one"), Target(*two_, "two")}, TheNetwork());
  EXPECT_TRUE(watcher.AwaitPassing("one"));
  const auto verdict = watcher.AwaitFailing("two");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->last_error,
            "connect to 203.0.113.10:8080 (ipip to 10.9.2.2): no answer in 150ms");
  // No ping either: the path is dead, whatever the backend's own address answers.
  EXPECT_TRUE(watcher.Await("two", [](const HealthVerdict& v) { return !v.path_alive; }));

  AddVips(*two_);
  EXPECT_TRUE(watcher.Await("two", [](const HealthVerdict& v) { return v.passing; }));
  EXPECT_EQ(watcher.status(0).passing, true);
}

TEST_F(TunnelTest, ABackendWithoutDecapsulationIsFoundOut) {
  two_->SetUnwraps(false);
  HealthTarget direct = Target(*two_, "direct");
  direct.check.via = HealthVia::kDirect;
  Watcher watcher;
  watcher.Watch({Target(*two_, "tunnel"), direct}, TheNetwork());
  EXPECT_TRUE(watcher.AwaitPassing("direct"));
  EXPECT_TRUE(watcher.AwaitFailing("tunnel"));
  two_->SetUnwraps(true);
  EXPECT_TRUE(watcher.AwaitPassing("tunnel"));
}

TEST_F(TunnelTest, AClosedPortBehindTheTunnelIsAnAnswer) {
  HealthTarget target = Target(*one_, "b");
  target.check.port = 8081;
  Watcher watcher;
  watcher.Watch({target}, TheNetwork());
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->last_error, HasSubstr("connection refused"));
  EXPECT_TRUE(verdict->path_alive);
}

TEST_F(TunnelTest, EveryVipHasToPass) {
  two_->Run("ip address del 203.0.113.10/32 dev lo");
  HealthTarget target = Target(*two_, "b");
  target.vips = {kVip4, kVip6};
  Watcher watcher;
  watcher.Watch({target}, TheNetwork());
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->last_error, HasSubstr("203.0.113.10:8080"));
  AddVips(*two_);
  EXPECT_TRUE(watcher.AwaitPassing("b"));
}

TEST_F(TunnelTest, L2DsrSendsFramesToTheMacOfTheBackend) {
  std::vector<HealthTarget> targets;
  for (const IpAddress& vip : {kVip4, kVip6}) {
    for (const HealthKind kind : {HealthKind::kTcp, HealthKind::kIcmp}) {
      targets.push_back(Target(*two_, absl::StrCat(vip.ToString(), " ", static_cast<int>(kind)),
                               kind, vip, vip.family()));
      targets.back().forward = Forward::kL2dsr;
    }
  }
  targets.push_back(Target(*two_, "nobody"));
  targets.back().address = Address("10.9.2.99");
  targets.back().forward = Forward::kL2dsr;
  const int unwrapped = two_->unwrapped();
  Watcher watcher;
  watcher.Watch(targets, TheNetwork());
  for (size_t i = 0; i + 1 < targets.size(); ++i) {
    EXPECT_TRUE(watcher.AwaitPassing(targets[i].backend)) << watcher.status(i).last_error;
  }
  EXPECT_EQ(two_->unwrapped(), unwrapped);
  const auto nobody = watcher.AwaitFailing("nobody");
  ASSERT_TRUE(nobody.has_value());
  EXPECT_THAT(nobody->last_error, HasSubstr("(l2dsr to 10.9.2.99, whose MAC nobody tells)"));
}

TEST_F(TunnelTest, AVipOfThisNodeIsRefusedAndDecidesNothing) {
  Shell("ip address add 203.0.113.10/32 dev lo");
  Watcher watcher;
  watcher.Watch({Target(*one_, "b")}, TheNetwork());
  while (watcher.status(0).checks < 3) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(watcher.status(0).passing, std::nullopt);
  EXPECT_THAT(watcher.status(0).last_error, HasSubstr("is an address of this node"));
  Shell("ip address del 203.0.113.10/32 dev lo");
}

TEST_F(TunnelTest, LeavesNoRulesBehind) {
  {
    Watcher watcher;
    watcher.Watch({Target(*one_, "b")}, TheNetwork());
    EXPECT_TRUE(Shell("ip rule | grep -q 0x45564b"));
    EXPECT_TRUE(Shell("ip -6 rule | grep -q 0x45564b"));
  }
  EXPECT_FALSE(Shell("ip rule | grep -q 0x45564b"));
  EXPECT_FALSE(Shell("ip -6 rule | grep -q 0x45564b"));
  EXPECT_FALSE(Shell("ip link show evk-health"));
}

TEST_F(TunnelTest, ADryRunTellsWhatIsWrong) {
  RemoveVips(*two_);
  HealthTarget closed = Target(*one_, "closed port");
  closed.check.port = 8081;
  HealthTarget absent = Target(*one_, "absent");
  absent.address = Address("10.9.1.99");
  const std::vector<HealthTarget> targets = {Target(*one_, "right"), closed, absent,
                                             Target(*two_, "without VIP")};
  std::vector<ProbeReport> reports = ProbeOnce(targets, TheNetwork(), absl::Seconds(20));
  ASSERT_EQ(reports.size(), 4u);
  EXPECT_EQ(reports[0].finding, ProbeFinding::kPasses) << reports[0].error;
  EXPECT_EQ(reports[1].finding, ProbeFinding::kWrongAnswer) << reports[1].error;
  EXPECT_THAT(reports[1].error, HasSubstr("connection refused"));
  EXPECT_EQ(reports[2].finding, ProbeFinding::kSilent) << reports[2].error;
  EXPECT_EQ(reports[3].finding, ProbeFinding::kNoVip) << reports[3].error;

  two_->SetUnwraps(false);
  reports = ProbeOnce({Target(*two_, "without decapsulation")}, TheNetwork(), absl::Seconds(20));
  EXPECT_EQ(reports[0].finding, ProbeFinding::kNoTunnel) << reports[0].error;
}

// As a trial is watched: a verdict in each round, also on what gives no answer.
TEST_F(TunnelTest, ARoundHasAVerdictOnEach) {
  RemoveVips(*two_);
  HealthTarget closed = Target(*one_, "closed port");
  closed.check.port = 8081;
  const std::vector<HealthTarget> targets = {Target(*one_, "right"), closed,
                                             Target(*two_, "without VIP")};
  {
    ProbeRounds rounds;
    for (int round = 0; round < 4; ++round) {
      const std::vector<ProbeReport> reports = rounds.Ask(targets, TheNetwork());
      ASSERT_EQ(reports.size(), 3u);
      EXPECT_EQ(reports[0].finding, ProbeFinding::kPasses) << reports[0].error;
      EXPECT_EQ(reports[1].finding, ProbeFinding::kWrongAnswer) << reports[1].error;
      EXPECT_EQ(reports[2].finding, ProbeFinding::kSilent) << reports[2].error;
    }
    EXPECT_TRUE(Shell("ip link show evk-trial"));
  }
  EXPECT_FALSE(Shell("ip link show evk-trial"));
}

// As a change is planned while the running one is checked.
TEST_F(TunnelTest, ADryRunDisturbsNoChecks) {
  Watcher watcher;
  watcher.Watch({Target(*one_, "one"), Target(*two_, "two")}, TheNetwork());
  ASSERT_TRUE(watcher.AwaitPassing("one"));
  ASSERT_TRUE(watcher.AwaitPassing("two"));
  const std::vector<ProbeReport> reports =
      ProbeOnce({Target(*one_, "one")}, TheNetwork(), absl::Seconds(20));
  EXPECT_EQ(reports[0].finding, ProbeFinding::kPasses) << reports[0].error;
  const uint64_t checks = watcher.status(0).checks;
  while (watcher.status(0).checks < checks + 3) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(watcher.verdicts().size(), 2u);
}

void DropNetAdmin() {
  __user_cap_header_struct header{.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2]{};
  syscall(SYS_capget, &header, data);
  data[0].effective &= ~(1u << CAP_NET_ADMIN);
  syscall(SYS_capset, &header, data);
}

// Never directly instead.
TEST_F(TunnelTest, WithoutTheCapabilityNothingIsCheckedAndThatIsSaid) {
  const int served = one_->served();
  HealthStatus status;
  std::vector<std::string> problems;
  std::thread([&] {
    DropNetAdmin();
    Watcher watcher;
    watcher.Watch({Target(*one_, "b")}, TheNetwork());
    absl::SleepFor(absl::Milliseconds(500));
    status = watcher.status(0);
    problems = watcher.prober().Problems();
  }).join();
  EXPECT_EQ(status.passing, std::nullopt);
  EXPECT_EQ(status.checks, 0u);
  EXPECT_THAT(status.last_error, testing::StartsWith("not checked: "));
  EXPECT_THAT(status.last_error, HasSubstr("needs CAP_NET_ADMIN"));
  EXPECT_EQ(problems.size(), 1u);
  EXPECT_EQ(one_->served(), served);
}

}  // namespace
}  // namespace evenkeel
