// Random sites with random edits, against oracles that know nothing of the product's code: whatever
// validate and plan accept gives the shares that were asked for, sends every packet to the service
// that the rules of matching say, and moves no flow of which the plan does not speak.
//
// EVENKEEL_SEED repeats a run.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "control/plan/plan.h"
#include "control/plan/service_change.h"
#include "control/validate/validate.h"
#include "tests/gauntlet/random_site.h"
#include "tests/packets/builder.h"
#include "tools/evenkeel/offline_core.h"

namespace evenkeel {
namespace {

constexpr int kRounds = 150;
constexpr int kProbes = 300;

absl::Time Today() { return absl::FromCivil(absl::CivilDay(2026, 11, 1), absl::UTCTimeZone()); }

struct Probe {
  uint32_t client, vip;  // the last byte of 203.0.113.x
  uint16_t port;
  bool udp;
};

struct Answer {
  const Service* service = nullptr;
  lb_verdict verdict = LB_DROP;
  uint64_t backend = 0;
  bool operator==(const Answer& other) const {
    return verdict == other.verdict && backend == other.backend;
  }
};

Answer Ask(const cli::OfflineCore& core, const Probe& probe) {
  const auto client = packets::ParseAddress(
      absl::StrCat("198.51.", probe.client >> 8 & 255, ".", probe.client & 255));
  const auto vip = packets::ParseAddress(absl::StrCat("203.0.113.", probe.vip));
  const packets::TransportSpec spec{
      .source = client,
      .destination = vip,
      .source_port = static_cast<uint16_t>(1024 + probe.client % 60000),
      .destination_port = probe.port};
  const packets::Bytes frame =
      packets::Ethernet({}, packets::Ip({.source = client,
                                         .destination = vip,
                                         .protocol = probe.udp ? packets::kUdp : packets::kTcp},
                                        probe.udp ? packets::Udp(spec) : packets::Tcp(spec)));
  lb_flow flow{};
  flow.service = LB_NONE;
  const cli::Fate fate = core.Judge(frame.data(), frame.data() + frame.size(), &flow);
  return {fate.verdict == LB_PASS ? nullptr : core.ServiceAt(flow.service), fate.verdict,
          fate.backend_id};
}

// Oracle: who matches. The longest prefix that has a service which fits; in it a single port before
// a range before any.
std::string Matching(const RandomSite& site, const Probe& probe) {
  std::string best;
  int best_rank = -1;
  for (const RandomService& service : site.services) {
    if ((service.protocol == "udp") != probe.udp) continue;
    const std::vector<std::string> vip = absl::StrSplit(service.vip, '/');
    const uint32_t last = static_cast<uint32_t>(std::atoi(vip[0].substr(10).c_str()));
    const int length = vip.size() == 2 ? std::atoi(vip[1].c_str()) : 32;
    if (last >> (32 - length) != probe.vip >> (32 - length)) continue;
    const std::vector<std::string> items = absl::StrSplit(service.ports, absl::ByAnyChar("[], "));
    for (std::string item : items) {
      item.erase(std::remove(item.begin(), item.end(), '"'), item.end());
      const std::vector<std::string> ends = absl::StrSplit(item, '-');
      const bool any = item == "any";
      if (item.empty()) continue;
      const int low = any ? 0 : std::atoi(ends.front().c_str());
      const int high = any ? 65535 : std::atoi(ends.back().c_str());
      const int rank = 3 * length + (any ? 0 : low < high ? 1 : 2);
      if (low <= probe.port && probe.port <= high && rank > best_rank) {
        best_rank = rank;
        best = service.name;
      }
    }
  }
  return best;
}

// Oracle: slots by largest remainder, up to ties; Maglev within the objective.
void ExpectShares(const RandomPool& pool, const std::map<std::string, double>& shares) {
  uint64_t total = 0;
  for (const RandomBackend& b : pool.backends) total += b.drained ? 0 : b.weight;
  double given = 0;
  for (const RandomBackend& b : pool.backends) {
    const double share = shares.at(absl::StrCat("b", b.number));
    given += share;
    const double asked = b.drained || total == 0 ? 0 : static_cast<double>(b.weight) / total;
    const double slack = pool.maglev ? 0.05 * asked : 1.0 / pool.slots;
    EXPECT_LE(std::abs(share - asked), slack + 1e-12) << pool.name << "/b" << b.number;
  }
  EXPECT_NEAR(given, total == 0 ? 0 : 1, 1e-9);
}

// The shares that the compiled table really has, against the oracle and against the plan.
void CheckShares(const RandomSite& site, const cli::OfflineCore& core, const Plan& plan) {
  for (uint16_t i = 0; i < core.service_count(); ++i) {
    const Service& service = *core.ServiceAt(i);
    const Pool& pool = *core.config().FindPool(service.pool);
    std::map<std::string, double> shares;
    for (size_t b = 0; b < pool.backends.size(); ++b) {
      shares[pool.backends[b].name] = core.ShareOf(i, b);
    }
    for (const RandomPool& drawn : site.pools) {
      if (drawn.name == pool.name) ExpectShares(drawn, shares);
    }
    for (const ServicePlan& planned : plan.services) {
      if (planned.name != service.name) continue;
      for (const BackendPlan& backend : planned.backends) {
        if (backend.change == BackendChange::kRemoved) continue;
        EXPECT_EQ(backend.after, shares.at(backend.name)) << service.name;
      }
    }
  }
}

// Whether the plan says of the service that had a flow that something becomes of it.
bool Speaks(const Plan& plan, const Config& base, const Config& candidate, const Service& had) {
  const Service* const later = LaterOf(base, candidate, had);
  if (later == nullptr) {
    return std::count(plan.services_removed.begin(), plan.services_removed.end(), had.name) == 1;
  }
  return std::any_of(plan.services.begin(), plan.services.end(), [&](const ServicePlan& service) {
    return service.name == later->name && service.touched;
  });
}

class Round {
 public:
  // False: nothing to compare.
  bool Draw(SiteDice& dice) {
    before_ = dice.Draw();
    after_ = before_;
    dice.Edit(after_);
    base_ = CheckConfig(before_.Text(), {.now = Today()}).config;
    const CheckResult checked = CheckConfig(after_.Text(), {.now = Today()});
    candidate_ = checked.config;
    if (!base_ || !candidate_) return false;
    absl::StatusOr<Plan> plan =
        MakePlan(&*base_, *candidate_, {.now = Today(), .validation = checked.findings});
    EXPECT_TRUE(plan.ok()) << plan.status();
    if (plan.ok()) plan_ = *std::move(plan);
    return plan.ok();
  }

  void Judge(SiteDice& dice) {
    ClusterKey key;
    for (uint8_t& byte : key.bytes) byte = static_cast<uint8_t>(dice.Below(256));
    const auto old_core = cli::OfflineCore::Make(*base_, key);
    const auto new_core = cli::OfflineCore::Make(*candidate_, key);
    ASSERT_TRUE(old_core.ok() && new_core.ok());
    CheckShares(after_, **new_core, plan_);
    for (int i = 0; i < kProbes; ++i) Compare(**old_core, **new_core, DrawProbe(dice));
    for (const auto& [service, seen] : seen_) CheckMoved(service, seen.first, seen.second);
  }

  bool allowed() const { return plan_.verdict == Verdict::kAllow; }
  std::string Texts() const { return absl::StrCat(before_.Text(), "--- becomes\n", after_.Text()); }

 private:
  static Probe DrawProbe(SiteDice& dice) {
    static constexpr uint16_t kPorts[] = {80, 85, 90, 443, 444, 1500, 8443};
    return {.client = dice.Below(65536),
            .vip = dice.Below(17),
            .port = kPorts[dice.Below(std::size(kPorts))],
            .udp = dice.Below(4) == 0};
  }

  void Compare(const cli::OfflineCore& old_core, const cli::OfflineCore& new_core,
               const Probe& probe) {
    const Answer had = Ask(old_core, probe), has = Ask(new_core, probe);
    EXPECT_EQ(has.service == nullptr ? "" : has.service->name, Matching(after_, probe));
    if (had.service == nullptr) return;
    const bool moved = !(had == has);
    EXPECT_TRUE(!moved || Speaks(plan_, *base_, *candidate_, *had.service))
        << had.service->name << " loses port " << probe.port << " of .." << probe.vip;
    // What found no backend had nothing that could move.
    if (had.verdict != LB_FORWARD) return;
    if (has.service != nullptr && has.service->name == had.service->name) {
      auto& [flows, changed] = seen_[had.service->name];
      ++flows;
      changed += moved;
    }
  }

  // Of flows that stay with their service: five standard deviations.
  void CheckMoved(const std::string& name, int flows, int moved) const {
    for (const ServicePlan& service : plan_.services) {
      if (service.name != name || flows < 50) continue;
      const double expected = flows * service.moved;
      const double slack = 5 * std::sqrt(expected * (1 - service.moved)) + 1;
      EXPECT_NEAR(moved, expected, slack) << name << " of " << flows;
    }
  }

  RandomSite before_, after_;
  std::optional<Config> base_, candidate_;
  Plan plan_;
  std::map<std::string, std::pair<int, int>> seen_;  // flows, and those that moved
};

TEST(GauntletPropertyTest, WhatIsAcceptedHasItsSharesAndMovesNothingUnsaid) {
  uint32_t seed = std::random_device{}();
  if (const char* given = std::getenv("EVENKEEL_SEED")) {
    EXPECT_TRUE(absl::SimpleAtoi(given, &seed));
  }
  printf("EVENKEEL_SEED=%u\n", seed);
  SiteDice dice(seed);
  int judged = 0, allowed = 0;
  for (int round = 0; round < kRounds; ++round) {
    Round one;
    if (!one.Draw(dice)) continue;
    one.Judge(dice);
    ++judged;
    allowed += one.allowed();
    if (HasFailure()) {
      FAIL() << "EVENKEEL_SEED=" << seed << ", round " << round << "\n" << one.Texts();
    }
  }
  // Else the dice draw nothing that is worth judging.
  EXPECT_GT(judged, kRounds / 5);
  EXPECT_GT(allowed, kRounds / 20);
}

}  // namespace
}  // namespace evenkeel
