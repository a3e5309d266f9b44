#include "tools/evenkeel/test_run.h"

#include <algorithm>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/plan/if_lost.h"
#include "control/plan/plan.h"
#include "control/plan/pool_table.h"
#include "control/validate/validate.h"
#include "tools/evenkeel/offline_core.h"
#include "tools/evenkeel/test_packet.h"

namespace evenkeel::cli {
namespace {

enum class Unit { kPercent, kCount };

std::string Text(double value, Unit unit) {
  return unit == Unit::kPercent ? absl::StrFormat("%.4g%%", 100 * value)
                                : absl::StrFormat("%.0f", value);
}

// Gathers what a test found; the first thing that is not as expected makes it fail.
class Verdicts {
 public:
  void Equal(absl::string_view what, const std::optional<std::string>& expected,
             const std::string& found) {
    if (!expected) return;
    Say(what, found.empty() ? "none" : found, *expected == found, *expected);
  }

  void Within(absl::string_view what, const std::optional<Bounds>& bounds, double found,
              Unit unit) {
    if (!bounds) return;
    // Rounding of the figures must not decide.
    constexpr double kSlack = 1e-9;
    const bool ok = (!bounds->min || found >= *bounds->min - kSlack) &&
                    (!bounds->max || found <= *bounds->max + kSlack);
    std::vector<std::string> wanted;
    if (bounds->min) wanted.push_back(absl::StrCat("at least ", Text(*bounds->min, unit)));
    if (bounds->max) wanted.push_back(absl::StrCat("at most ", Text(*bounds->max, unit)));
    Say(what, Text(found, unit), ok, absl::StrJoin(wanted, " and "));
  }

  void Fail(std::string message) {
    ok_ = false;
    said_.push_back(std::move(message));
  }

  v1::TestResult Result(const std::string& name) const {
    v1::TestResult result;
    result.set_name(name);
    result.set_ok(ok_);
    result.set_message(absl::StrJoin(ok_ ? said_ : wrong_.empty() ? said_ : wrong_, "; "));
    return result;
  }

 private:
  void Say(absl::string_view what, absl::string_view found, bool ok, absl::string_view expected) {
    said_.push_back(absl::StrCat(what, " is ", found));
    if (ok) return;
    ok_ = false;
    wrong_.push_back(absl::StrCat(what, " is ", found, ", expected ", expected));
  }

  bool ok_ = true;
  std::vector<std::string> said_;
  std::vector<std::string> wrong_;
};

class Runner {
 public:
  Runner(const Config& candidate, const OfflineCore& core, const Plan& plan)
      : candidate_(candidate), core_(core), plan_(plan) {}

  v1::TestResult Run(const TestCase& test) const {
    Verdicts verdicts;
    switch (test.kind) {
      case TestKind::kTable:
        RunTable(test, verdicts);
        break;
      case TestKind::kFlow:
        RunFlow(test, verdicts);
        break;
      case TestKind::kChange:
        RunChange(test, verdicts);
        break;
      case TestKind::kLoss:
        RunLoss(test, verdicts);
        break;
    }
    return verdicts.Result(test.name);
  }

 private:
  const ServicePlan* FindServicePlan(const std::string& name) const {
    for (const ServicePlan& service : plan_.services) {
      if (service.name == name) return &service;
    }
    return nullptr;
  }

  const PoolPlan* FindPoolPlan(const std::string& name) const {
    for (const PoolPlan& pool : plan_.pools) {
      if (pool.name == name) return &pool;
    }
    return nullptr;
  }

  void RunTable(const TestCase& test, Verdicts& verdicts) const {
    std::string pool_name = test.pool.value_or("");
    if (test.service) {
      const ServicePlan* service = FindServicePlan(*test.service);
      if (service == nullptr)
        return verdicts.Fail(absl::StrCat("there is no service ", *test.service));
      pool_name = service->pool;
    }
    const Pool* pool = candidate_.FindPool(pool_name);
    const PoolPlan* plan = FindPoolPlan(pool_name);
    if (pool == nullptr) return verdicts.Fail(absl::StrCat("there is no pool ", pool_name));
    PoolTables tables;
    const absl::StatusOr<PoolTablePtr> table = tables.Begin().Get(*pool);
    if (!table.ok()) return verdicts.Fail(std::string(table.status().message()));
    std::vector<double> shares;
    for (const Backend& backend : pool->backends) {
      shares.push_back((*table)->ShareOf(backend.address));
    }
    verdicts.Equal("the pool", test.expect.pool, pool_name);
    CheckBackends(test, *pool, shares, verdicts);
    for (const NamedBounds& wanted : test.expect.share) {
      const auto named = std::find_if(pool->backends.begin(), pool->backends.end(),
                                      [&](const Backend& b) { return b.name == wanted.name; });
      if (named == pool->backends.end()) {
        verdicts.Fail(absl::StrCat("pool ", pool_name, " has no backend ", wanted.name));
        continue;
      }
      const auto place = static_cast<size_t>(named - pool->backends.begin());
      verdicts.Within(absl::StrCat("the share of ", wanted.name), wanted.bounds, shares[place],
                      Unit::kPercent);
    }
    verdicts.Within("the largest share error", test.expect.share_error, plan->share_error,
                    Unit::kPercent);
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] == 0) continue;
      verdicts.Within(absl::StrCat("slots of ", pool->backends[i].name), test.expect.slots,
                      shares[i] * pool->table.slots, Unit::kCount);
    }
  }

  void CheckBackends(const TestCase& test, const Pool& pool, const std::vector<double>& shares,
                     Verdicts& verdicts) const {
    if (!test.expect.backends) return;
    std::vector<std::string> serving;
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] > 0) serving.push_back(pool.backends[i].name);
    }
    std::vector<std::string> wanted = *test.expect.backends;
    std::sort(serving.begin(), serving.end());
    std::sort(wanted.begin(), wanted.end());
    verdicts.Equal("the list of serving backends", absl::StrJoin(wanted, ", "),
                   absl::StrJoin(serving, ", "));
  }

  void RunFlow(const TestCase& test, Verdicts& verdicts) const {
    const std::vector<uint8_t> packet = FirstPacket(*test.flow);
    lb_flow flow;
    const Fate fate = core_.Judge(packet.data(), packet.data() + packet.size(), &flow);
    const Service* service = core_.ServiceAt(flow.service);
    verdicts.Equal("the verdict", test.expect.verdict, VerdictText(fate));
    verdicts.Equal("the service", test.expect.service, service == nullptr ? "" : service->name);
    verdicts.Equal("the pool", test.expect.pool, service == nullptr ? "" : service->pool);
  }

  void RunChange(const TestCase& test, Verdicts& verdicts) const {
    double moved = 0;
    double beyond = 0;
    double lost = plan_.weight_lost();
    if (test.service) {
      const ServicePlan* service = FindServicePlan(*test.service);
      if (service == nullptr)
        return verdicts.Fail(absl::StrCat("there is no service ", *test.service));
      moved = service->moved;
      beyond = service->beyond_unavoidable;
      lost = FindPoolPlan(service->pool)->weight_lost;
    } else {
      for (const ServicePlan& service : plan_.services) {
        moved = std::max(moved, service.moved);
        beyond = std::max(beyond, service.beyond_unavoidable);
      }
    }
    verdicts.Equal("the verdict", test.expect.verdict, std::string(Name(plan_.verdict)));
    verdicts.Within("the share of slots that move", test.expect.slots_moved, moved, Unit::kPercent);
    verdicts.Within("what moves beyond the unavoidable", test.expect.beyond_unavoidable, beyond,
                    Unit::kPercent);
    verdicts.Within("the healthy weight lost", test.expect.weight_lost, lost, Unit::kPercent);
    verdicts.Within("the number of services touched", test.expect.services_touched,
                    plan_.services_touched, Unit::kCount);
  }

  void RunLoss(const TestCase& test, Verdicts& verdicts) const {
    const Pool* pool = candidate_.FindPool(*test.pool);
    if (pool == nullptr) return verdicts.Fail(absl::StrCat("there is no pool ", *test.pool));
    const bool capacity = test.new_flows.has_value();
    const std::optional<double> load =
        capacity ? WorstCapacityLoad(*pool, *test.new_flows, *test.failures)
                 : WorstShareLoad(*pool, *test.failures);
    if (!load) {
      return verdicts.Fail(ServingBackends(*pool) <= *test.failures
                               ? "nobody is left"
                               : "no backend that is left declares a capacity");
    }
    verdicts.Within(capacity ? "the tightest survivor's load of its capacity"
                             : "the survivors' load, of what it was,",
                    test.expect.load, *load, Unit::kPercent);
  }

  const Config& candidate_;
  const OfflineCore& core_;
  const Plan& plan_;
};

}  // namespace

absl::StatusOr<v1::TestReply> RunTests(const TestFile& file, const Config& candidate,
                                       const Config* base) {
  const ClusterKey key{};  // any will do: see the header
  absl::StatusOr<std::unique_ptr<OfflineCore>> core = OfflineCore::Make(candidate, key);
  if (!core.ok()) return core.status();
  PlanInputs inputs{.now = absl::Now()};
  inputs.validation = Validate(candidate, ValidateOptions{.now = inputs.now});
  const absl::StatusOr<Plan> plan = MakePlan(base, candidate, inputs);
  if (!plan.ok()) return plan.status();
  const Runner runner(candidate, **core, *plan);
  v1::TestReply reply;
  reply.set_ok(true);
  for (const TestCase& test : file.tests) {
    *reply.add_results() = runner.Run(test);
    if (!reply.results().rbegin()->ok()) reply.set_ok(false);
  }
  return reply;
}

}  // namespace evenkeel::cli
