// Real servers on loopback. The tests of pings need root (CAP_NET_RAW), and skip without.
#include "control/health/prober.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include "absl/strings/str_cat.h"
#include "tests/control/health/loopback_server.h"
#include "tests/control/health/watcher.h"

namespace evenkeel {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

HealthTarget Target(const std::string& name, HealthKind kind, uint16_t port) {
  HealthTarget target{.pool = name, .backend = name, .address = Loopback(Family::kIpv4)};
  target.check.kind = kind;
  target.check.port = port;
  target.check.via = HealthVia::kDirect;
  target.check.interval = absl::Milliseconds(200);
  target.check.timeout = absl::Milliseconds(150);
  target.check.rise = 2;
  target.check.fall = 2;
  target.path_port = port;
  return target;
}

const LoopbackServer::Serve kAccepts = [](int) {};
LoopbackServer::Serve Answers(const std::string& answer) {
  return [answer](int connection) {
    Hear(connection);
    Say(connection, answer);
  };
}
const std::string kOk = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok\n";

// What a check of that kind says of the server.
std::string ErrorOf(HealthKind kind, uint16_t port) {
  Watcher watcher;
  watcher.Watch({Target("b", kind, port)});
  const auto verdict = watcher.AwaitFailing("b");
  return verdict ? verdict->last_error : "no verdict";
}

TEST(ProberTest, TcpPassesWhereSomebodyAccepts) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const LoopbackServer server(family, kAccepts);
    HealthTarget target = Target("b", HealthKind::kTcp, server.port());
    target.address = Loopback(family);
    Watcher watcher;
    watcher.Watch({target});
    const auto verdict = watcher.AwaitPassing("b");
    ASSERT_TRUE(verdict.has_value());
    EXPECT_TRUE(verdict->path_alive);
    EXPECT_GT(verdict->rtt, absl::ZeroDuration());
    EXPECT_EQ(verdict->last_error, "");
    EXPECT_GE(watcher.status(0).checks, 2u) << "rise is 2";
  }
}

TEST(ProberTest, ARefusalIsAnAnswer) {
  const uint16_t port = ClosedPort();
  Watcher watcher;
  watcher.Watch({Target("b", HealthKind::kTcp, port)});
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_TRUE(verdict->path_alive);
  EXPECT_EQ(verdict->last_error,
            absl::StrCat("connect to 127.0.0.1:", port, ": connection refused"));
  EXPECT_EQ(watcher.status(0).last_error, verdict->last_error);
}

TEST(ProberTest, SilenceIsNoAnswer) {
  const DeafServer server;
  EXPECT_EQ(ErrorOf(HealthKind::kTcp, server.port()),
            absl::StrCat("connect to 127.0.0.1:", server.port(), ": no answer in 150ms"));
}

TEST(ProberTest, HttpPassesOnTheWantedStatus) {
  const LoopbackServer ok(Family::kIpv4, Answers(kOk));
  const LoopbackServer busy(Family::kIpv4, Answers("HTTP/1.1 503 Busy\r\n\r\n"));
  HealthTarget wants_busy = Target("wants-busy", HealthKind::kHttp, busy.port());
  wants_busy.check.status = 503;
  Watcher watcher;
  watcher.Watch({Target("ok", HealthKind::kHttp, ok.port()),
                 Target("busy", HealthKind::kHttp, busy.port()), wants_busy});
  EXPECT_TRUE(watcher.AwaitPassing("ok"));
  EXPECT_TRUE(watcher.AwaitPassing("wants-busy"));
  const auto refused = watcher.AwaitFailing("busy");
  ASSERT_TRUE(refused.has_value());
  EXPECT_EQ(refused->last_error,
            absl::StrCat("GET http://127.0.0.1:", busy.port(), "/: status 503 instead of 200"));
}

TEST(ProberTest, HttpSaysWhatIsWrongWithAnAnswer) {
  const LoopbackServer garbage(Family::kIpv4, Answers("SSH-2.0-OpenSSH_9.2p1\r\n"));
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, garbage.port()),
              HasSubstr("the answer is no HTTP: \"SSH-2.0-OpenSSH_9.2p1\""));

  const LoopbackServer endless_line(Family::kIpv4, [](int connection) {
    while (Say(connection, std::string(1000, 'x'))) {
    }
  });
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, endless_line.port()), HasSubstr("no HTTP: \"xxxx"));

  const LoopbackServer endless_header(Family::kIpv4, [](int connection) {
    Say(connection, "HTTP/1.1 200 OK\r\n");
    while (Say(connection, "X-Filler: 0123456789012345678901234567890123456789\r\n")) {
    }
  });
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, endless_header.port()),
              HasSubstr("its header is longer than 16384 bytes"));

  const LoopbackServer closes(Family::kIpv4, [](int connection) { Hear(connection); });
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, closes.port()), HasSubstr("closed before the end"));

  const LoopbackServer resets(Family::kIpv4, [](int connection) {
    Hear(connection);
    Reset(connection);
  });
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, resets.port()), HasSubstr("connection reset by peer"));
}

TEST(ProberTest, HttpGivesASlowServerNoMoreThanItsTime) {
  const LoopbackServer slow(Family::kIpv4, [](int connection) {
    Hear(connection);
    for (const char c : kOk) {
      if (!Say(connection, std::string(1, c))) return;
      absl::SleepFor(absl::Milliseconds(20));
    }
  });
  EXPECT_THAT(ErrorOf(HealthKind::kHttp, slow.port()),
              HasSubstr("no whole header of an answer in 150ms"));
}

TEST(ProberTest, HttpSendsWhatIsConfigured) {
  std::mutex mutex;
  std::string heard;
  const LoopbackServer server(Family::kIpv4, [&](int connection) {
    char buffer[1024];
    const ssize_t length = recv(connection, buffer, sizeof(buffer), 0);
    const std::lock_guard lock(mutex);
    if (length > 0) heard.assign(buffer, static_cast<size_t>(length));
    Say(connection, kOk);
  });
  HealthTarget target = Target("b", HealthKind::kHttp, server.port());
  target.check.path = "/healthz?full=1";
  target.vips = {*IpAddress::Parse("203.0.113.10")};
  Watcher watcher;
  watcher.Watch({target});
  ASSERT_TRUE(watcher.AwaitPassing("b"));
  {
    const std::lock_guard lock(mutex);
    EXPECT_THAT(heard, StartsWith("GET /healthz?full=1 HTTP/1.1\r\nHost: 203.0.113.10\r\n"));
    EXPECT_THAT(heard, testing::EndsWith("\r\n\r\n"));
  }
}

TEST(ProberTest, UdpWantsTheExpectedAnswer) {
  for (const Family family : {Family::kIpv4, Family::kIpv6}) {
    const UdpServer server(family, "pong 7");
    HealthTarget right = Target("right", HealthKind::kUdp, server.port());
    right.address = Loopback(family);
    right.check.send = "ping";
    right.check.expect = "pong";
    HealthTarget wrong = right;
    wrong.pool = wrong.backend = "wrong";
    wrong.check.expect = "gong";
    Watcher watcher;
    watcher.Watch({right, wrong});
    EXPECT_TRUE(watcher.AwaitPassing("right"));
    const auto verdict = watcher.AwaitFailing("wrong");
    ASSERT_TRUE(verdict.has_value());
    EXPECT_THAT(verdict->last_error, HasSubstr("the answer \"pong 7\" does not contain \"gong\""));
    EXPECT_TRUE(verdict->path_alive);
  }
}

TEST(ProberTest, UdpToAClosedPortIsRefused) {
  EXPECT_THAT(ErrorOf(HealthKind::kUdp, ClosedPort()), HasSubstr(": connection refused"));
}

TEST(ProberTest, PingsBothFamilies) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: pings need CAP_NET_RAW";
  HealthTarget ipv4 = Target("ipv4", HealthKind::kIcmp, 0);
  HealthTarget ipv6 = Target("ipv6", HealthKind::kIcmp, 0);
  ipv6.address = Loopback(Family::kIpv6);
  HealthTarget from = Target("from", HealthKind::kIcmp, 0);
  from.check.source = *IpAddress::Parse("127.0.0.9");
  Watcher watcher;
  watcher.Watch({ipv4, ipv6, from});
  EXPECT_TRUE(watcher.AwaitPassing("ipv4"));
  EXPECT_TRUE(watcher.AwaitPassing("ipv6"));
  EXPECT_TRUE(watcher.AwaitPassing("from"));
}

// Nobody accepts, but the machine is there: it drains, it is not dead.
TEST(ProberTest, APingTellsThatASilentBackendIsAlive) {
  if (geteuid() != 0) GTEST_SKIP() << "needs root: pings need CAP_NET_RAW";
  const DeafServer server;
  Watcher watcher;
  watcher.Watch({Target("b", HealthKind::kTcp, server.port())});
  ASSERT_TRUE(watcher.AwaitFailing("b"));
  const uint64_t checks = watcher.status(0).checks;
  while (watcher.status(0).checks < checks + 5) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_TRUE(watcher.status(0).path_alive);
}

TEST(ProberTest, TellsWhenABackendComesAndGoes) {
  const uint16_t port = ClosedPort();
  Watcher watcher;
  watcher.Watch({Target("b", HealthKind::kTcp, port)});
  ASSERT_TRUE(watcher.AwaitFailing("b"));
  {
    const LoopbackServer server(Family::kIpv4, kAccepts, port);
    ASSERT_TRUE(watcher.AwaitPassing("b"));
  }
  size_t told = watcher.verdicts().size();
  const absl::Time bound = absl::Now() + absl::Seconds(30);
  while ((told = watcher.verdicts().size()) < 3 && absl::Now() < bound) {
    absl::SleepFor(absl::Milliseconds(20));
  }
  ASSERT_GE(told, 3u);
  EXPECT_FALSE(watcher.verdicts()[2].passing);
}

TEST(ProberTest, ASourceThatIsNotHereDecidesNothing) {
  const LoopbackServer server(Family::kIpv4, kAccepts);
  HealthTarget target = Target("b", HealthKind::kTcp, server.port());
  target.check.source = *IpAddress::Parse("192.0.2.77");
  Watcher watcher;
  watcher.Watch({target});
  while (watcher.status(0).checks < 4) absl::SleepFor(absl::Milliseconds(20));
  EXPECT_EQ(watcher.status(0).passing, std::nullopt);
  EXPECT_THAT(watcher.status(0).last_error,
              HasSubstr("cannot check from 192.0.2.77: cannot assign requested address"));
  EXPECT_TRUE(watcher.verdicts().empty());
}

TEST(ProberTest, WhatIsCheckedAlreadyKeepsItsHistory) {
  const LoopbackServer server(Family::kIpv4, kAccepts);
  const HealthTarget kept = Target("kept", HealthKind::kTcp, server.port());
  Watcher watcher;
  watcher.Watch({kept, Target("gone", HealthKind::kTcp, server.port())});
  ASSERT_TRUE(watcher.AwaitPassing("kept"));
  const uint64_t checks = watcher.status(0).checks;

  HealthTarget renamed = kept;
  renamed.backend = "renamed";
  HealthTarget changed = kept;  // the revision on trial checks another way
  changed.check.fall = 7;
  changed.check.rise = 1000;  // so that it has no verdict soon
  watcher.Watch({changed, renamed});
  EXPECT_EQ(watcher.status(0).passing, std::nullopt);
  EXPECT_EQ(watcher.status(1).passing, true);
  EXPECT_GE(watcher.status(1).checks, checks);
  EXPECT_EQ(watcher.status(1).target->backend, "renamed");
  EXPECT_EQ(watcher.prober().Stats().targets, 2u);
}

// Servers that hang, drip, flood and refuse, and one that is as it should be.
TEST(ProberTest, NobodyHoldsUpAnother) {
  const DeafServer deaf;
  const LoopbackServer mute(Family::kIpv4, [](int connection) {
    char byte;
    while (recv(connection, &byte, 1, 0) > 0) {
    }
  });
  const LoopbackServer flood(Family::kIpv4, [](int connection) {
    while (Say(connection, std::string(65536, '\n'))) {
    }
  });
  const LoopbackServer good(Family::kIpv4, Answers(kOk));
  std::vector<HealthTarget> targets = {Target("good", HealthKind::kHttp, good.port())};
  for (int i = 0; i < 60; ++i) {
    const uint16_t port = i % 3 == 0 ? deaf.port() : i % 3 == 1 ? mute.port() : flood.port();
    targets.push_back(Target(absl::StrCat("bad-", i), HealthKind::kHttp, port));
  }
  Watcher watcher;
  watcher.Watch(targets);
  ASSERT_TRUE(watcher.AwaitPassing("good"));
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(watcher.AwaitFailing(absl::StrCat("bad-", i))) << i;
  // As many checks of the one as of any other.
  uint64_t most = 0;
  for (const HealthStatus& status : watcher.prober().Status()) most = std::max(most, status.checks);
  EXPECT_GE(2 * watcher.status(0).checks + 2, most);
}

TEST(ProberTest, DescriptorsAreBoundedAndTheBoundIsSaid) {
  const LoopbackServer mute(Family::kIpv4, [](int connection) {
    char byte;
    while (recv(connection, &byte, 1, 0) > 0) {
    }
  });
  std::vector<HealthTarget> targets;
  for (int i = 0; i < 30; ++i) {
    targets.push_back(Target(absl::StrCat("b-", i), HealthKind::kHttp, mute.port()));
  }
  Watcher watcher({.descriptors_max = 4});
  watcher.Watch(targets);
  for (int i = 0; i < 30; ++i) {
    ASSERT_TRUE(watcher.AwaitFailing(absl::StrCat("b-", i))) << i;
    EXPECT_LE(watcher.prober().Stats().in_flight, 4u);
  }
  EXPECT_THAT(watcher.prober().Problems(),
              testing::Contains(HasSubstr("more checks are due than 4 descriptors allow")));
}

}  // namespace
}  // namespace evenkeel
