// What the watch costs a large node: a thousand services of twenty backends each, over the whole
// way from the planes' counters to alarms and history.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "absl/strings/str_cat.h"
#include "control/watch/lookout.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

constexpr int kPools = 50, kServicesOfPool = 20, kBackends = 20;
constexpr int kSeconds = 40;
constexpr double kCoreMax = 0.2;

std::string ServiceName(int pool, int service) { return absl::StrCat("s", pool, "-", service); }

Address AddressOf(int pool, int backend) {
  return MapIpv4({10, 1, static_cast<uint8_t>(pool), static_cast<uint8_t>(1 + backend)});
}

std::string LargeConfig(const std::string& key_file) {
  std::string text = absl::StrCat(
      "schema: evenkeel/v1\ncluster: {name: test, key_file: ", key_file,
      ", owned_prefixes: [203.0.0.0/16]}\nnetwork:\n  encap_source: {ipv4: 10.0.0.10}\n"
      "  gateway: {ipv4: 10.0.0.1}\npools:\n");
  for (int pool = 0; pool < kPools; ++pool) {
    absl::StrAppend(&text, "  p", pool, ":\n    table: {slots: 8192}\n    backends:\n");
    for (int b = 0; b < kBackends; ++b) {
      absl::StrAppend(&text, "      b", b, ": {address: 10.1.", pool, ".", 1 + b,
                      ", weight: 100}\n");
    }
  }
  absl::StrAppend(&text, "services:\n");
  for (int pool = 0; pool < kPools; ++pool) {
    for (int service = 0; service < kServicesOfPool; ++service) {
      absl::StrAppend(&text, "  ", ServiceName(pool, service), ": {vip: 203.0.", pool, ".",
                      1 + service, ", ports: [80], protocol: tcp, pool: p", pool, "}\n");
    }
  }
  return text;
}

double ThreadSeconds() {
  timespec now;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

TEST(WatchCostTest, AThousandServicesTakeLessThanAFifthOfACore) {
  ChangeRig rig;
  const ApplyOutcome applied = rig.Now(LargeConfig(rig.dir_ / "cluster.key"));
  ASSERT_FALSE(applied.refusal) << applied.refusal->message;
  Traffic traffic({&rig.plane_});
  int alarms = 0;
  Lookout lookout(rig.pipeline_.get(), &traffic, [&](const AlarmEvent&) { ++alarms; });
  double watched = 0;  // CPU of the observer alone
  traffic.Observe([&](const TrafficNow& now, absl::Time at) {
    const double begun = ThreadSeconds();
    lookout.See(now, at);
    watched += ThreadSeconds() - begun;
  });

  StatsSnapshot stats;
  for (int pool = 0; pool < kPools; ++pool) {
    for (int service = 0; service < kServicesOfPool; ++service) {
      for (int b = 0; b < kBackends; ++b) {
        FlowCount count;
        count.service_id = NameId(ServiceName(pool, service));
        count.backend_id = BackendId(AddressOf(pool, b));
        stats.flows.push_back(count);
      }
    }
  }
  stats.generation = applied.generation;
  std::mt19937_64 random(20261129);
  std::poisson_distribution<uint64_t> flows(5);
  std::vector<double> seconds, of_watch;
  for (int i = 0; i < kSeconds; ++i) {
    stats.uptime_ns += 1'000'000'000;
    for (FlowCount& count : stats.flows) {
      const uint64_t fresh = flows(random);
      count.new_flows += fresh;
      count.packets += 5 * fresh;
    }
    rig.plane_.SetStats(stats);
    watched = 0;
    const double begun = ThreadSeconds();
    traffic.Sample(absl::FromUnixSeconds(1'790'000'000 + i));
    seconds.push_back(ThreadSeconds() - begun);
    of_watch.push_back(watched);
  }
  EXPECT_EQ(traffic.Now().watch.seconds, static_cast<uint64_t>(kSeconds - 1));
  std::sort(seconds.begin(), seconds.end());
  std::sort(of_watch.begin(), of_watch.end());
  const double median = seconds[kSeconds / 2];
  std::printf(
      "%d services of %d backends: %.1f ms of CPU a second (%.1f %% of a core), worst %.1f ms; "
      "the watch's part %.1f ms; %d alarms\n",
      kPools * kServicesOfPool, kBackends, 1e3 * median, 100 * median, 1e3 * seconds.back(),
      1e3 * of_watch[kSeconds / 2], alarms);
  EXPECT_LT(median, kCoreMax);
}

}  // namespace
}  // namespace evenkeel
