// Random configurations with random edits: whatever a plan says is compared with the table that
// planes map (control/publish compiles it) and with an oracle that knows only the rule of largest
// remainders.
#include <random>

#include "control/plan/pool_table.h"
#include "control/publish/compile.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel {
namespace {

constexpr uint32_t kSeed = 20261122;
constexpr int kRounds = 120;
constexpr uint32_t kSlots = 4096;

// The oracle: every backend has its share rounded down or up, those rounded up have the larger
// remainders, and nothing is left over.
void ExpectLargestRemainders(const std::vector<uint64_t>& weights,
                             const std::vector<uint32_t>& slots, uint64_t slot_count) {
  uint64_t total = 0, given = 0, least_up = UINT64_MAX, most_down = 0;
  for (uint64_t weight : weights) total += weight;
  for (size_t i = 0; i < weights.size(); ++i) {
    const uint64_t floor = slot_count * weights[i] / total;
    const uint64_t remainder = slot_count * weights[i] % total;
    EXPECT_TRUE(slots[i] == floor || slots[i] == floor + 1) << "backend " << i;
    if (slots[i] == floor) most_down = std::max(most_down, remainder);
    if (slots[i] > floor) least_up = std::min(least_up, remainder);
    given += slots[i];
  }
  EXPECT_EQ(given, slot_count);
  EXPECT_GE(least_up, most_down);
}

class Dice {
 public:
  explicit Dice(uint32_t seed) : random_(seed) {}
  uint32_t Below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_);
  }
  bool OneIn(uint32_t n) { return Below(n) == 0; }

 private:
  std::mt19937 random_;
};

Backend RandomBackend(Dice& dice, uint32_t number) {
  Backend backend;
  backend.name = absl::StrCat("b", number);
  backend.address = *IpAddress::Parse(
      absl::StrCat("10.", number >> 16, ".", number >> 8 & 255, ".", number & 255));
  backend.weight = dice.OneIn(3) ? 100 : 1 + dice.Below(dice.OneIn(4) ? 1u << 20 : 200);
  if (dice.OneIn(8)) backend.drain = Drain{"random", TestNow() + absl::Hours(1)};
  return backend;
}

Config RandomConfig(Dice& dice, uint32_t& number) {
  Config config = Parsed(Sample{.weights = {}});
  Pool& pool = config.pools[0];
  pool.table.slots = kSlots;
  if (dice.OneIn(5)) pool.table.fill = FillKind::kMaglev;
  const uint32_t count = 1 + dice.Below(30);
  for (uint32_t i = 0; i < count; ++i) pool.backends.push_back(RandomBackend(dice, ++number));
  return config;
}

void Edit(Dice& dice, uint32_t& number, Config& config) {
  std::vector<Backend>& backends = config.pools[0].backends;
  for (uint32_t edits = 1 + dice.Below(4); edits > 0; --edits) {
    const uint32_t which =
        backends.empty() ? 0 : dice.Below(static_cast<uint32_t>(backends.size()));
    switch (dice.Below(5)) {
      case 0:
        backends.push_back(RandomBackend(dice, ++number));
        break;
      case 1:
        if (!backends.empty()) backends.erase(backends.begin() + which);
        break;
      case 2:
        if (!backends.empty()) backends[which].weight = 1 + dice.Below(300);
        break;
      case 3:
        if (!backends.empty()) backends[which].drain.reset();
        break;
      case 4:
        if (dice.OneIn(4)) config.pools[0].table.slots = 2 * kSlots;
        break;
    }
  }
}

// Slot -> backend id, as the plane will map it.
std::vector<uint64_t> CompiledOwners(const Config& config) {
  absl::StatusOr<LeaseTable> leases = LeaseAll(config, LeaseTable(), TestNow());
  EXPECT_TRUE(leases.ok()) << leases.status();
  CompileCache cache;
  absl::StatusOr<CompiledPtr> compiled =
      Compile({.config = config, .key = ClusterKey(), .leases = *leases, .generation = 1}, &cache);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  std::vector<uint64_t> owners;
  if (!compiled.ok() || (*compiled)->pools[0].table == nullptr) return owners;
  for (lb_slot slot : (*compiled)->pools[0].table->table->slots()) {
    owners.push_back((*compiled)->image->backends()[lb_slot_backend(slot)].id);
  }
  return owners;
}

double MovedByCounting(const std::vector<uint64_t>& before, const std::vector<uint64_t>& after) {
  if (before.empty()) return 0;
  if (after.empty()) return 1;
  const size_t grid = std::max(before.size(), after.size());
  size_t moved = 0;
  for (size_t i = 0; i < grid; ++i) {
    moved += before[i * before.size() / grid] != after[i * after.size() / grid];
  }
  return static_cast<double>(moved) / static_cast<double>(grid);
}

void ExpectSharesOfThePlane(const Pool& pool, const ServicePlan& plan,
                            const std::vector<uint64_t>& owners) {
  std::vector<uint64_t> weights;
  std::vector<uint32_t> slots;
  for (size_t i = 0; i < pool.backends.size(); ++i) {
    const Backend& backend = pool.backends[i];
    const auto owned = std::count(owners.begin(), owners.end(), BackendId(backend.address.bytes()));
    EXPECT_EQ(plan.backends[i].after, static_cast<double>(owned) / pool.table.slots)
        << backend.name;
    if (backend.effective_weight() == 0) continue;
    weights.push_back(backend.weight);
    slots.push_back(static_cast<uint32_t>(owned));
  }
  if (!weights.empty() && pool.table.fill == FillKind::kExact) {
    ExpectLargestRemainders(weights, slots, pool.table.slots);
  }
}

TEST(PlanPropertyTest, SaysWhatThePlaneMapsAndAllThatMoves) {
  Dice dice(kSeed);
  uint32_t number = 0;
  int judged = 0;
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", round ", round));
    const Config base = RandomConfig(dice, number);
    Config after = base;
    Edit(dice, number, after);
    const absl::StatusOr<Plan> plan = MakePlan(&base, after, {.now = TestNow()});
    if (!plan.ok()) {  // Maglev refuses backends that are too light
      EXPECT_EQ(base.pools[0].table.fill, FillKind::kMaglev) << plan.status();
      continue;
    }
    ++judged;
    const std::vector<uint64_t> owners = CompiledOwners(after);
    const double moved = MovedByCounting(CompiledOwners(base), owners);
    for (const ServicePlan& service : plan->services) {
      EXPECT_EQ(service.moved, moved);
      EXPECT_GE(service.moved + 1e-12, plan->pools[0].unavoidable);
      ExpectSharesOfThePlane(after.pools[0], service, owners);
    }
    if (testing::Test::HasFailure()) return;
  }
  EXPECT_GT(judged, kRounds / 2);
}

void ExpectSame(const Plan& plan, const Plan& expected) {
  EXPECT_EQ(plan.digest, expected.digest);
  EXPECT_EQ(plan.findings.size(), expected.findings.size());
  EXPECT_EQ(plan.pools[0].moved, expected.pools[0].moved);
  EXPECT_EQ(plan.pools[0].unavoidable, expected.pools[0].unavoidable);
  EXPECT_EQ(plan.pools[0].share_error, expected.pools[0].share_error);
  for (size_t i = 0; i < plan.services.size(); ++i) {
    EXPECT_EQ(plan.services[i].moved, expected.services[i].moved);
    EXPECT_EQ(plan.services[i].moved_without_growth, expected.services[i].moved_without_growth);
  }
}

// As a node is planned for: what was planned before has become the base, or has not.
TEST(PlanPropertyTest, TablesKeptFromEarlierPlansChangeNone) {
  Dice dice(kSeed);
  uint32_t number = 0;
  PoolTables kept;
  Config base = RandomConfig(dice, number);
  for (int round = 0; round < kRounds; ++round) {
    SCOPED_TRACE(absl::StrCat("seed ", kSeed, ", round ", round));
    Config after = dice.OneIn(10) ? RandomConfig(dice, number) : base;
    if (!dice.OneIn(5)) Edit(dice, number, after);
    const absl::StatusOr<Plan> expected = MakePlan(&base, after, {.now = TestNow()});
    for (int again = 0; again < 2; ++again) {
      const absl::StatusOr<Plan> plan = MakePlan(&base, after, {.now = TestNow(), .tables = &kept});
      ASSERT_EQ(plan.status(), expected.status());
      if (plan.ok()) ExpectSame(*plan, *expected);
    }
    if (testing::Test::HasFailure()) return;
    if (expected.ok() && dice.OneIn(2)) base = after;
  }
}

// The silent weight traps of other balancers: each is served exactly.
TEST(PlanPropertyTest, ServesTheWeightTrapsExactly) {
  const std::vector<std::vector<int>> traps = {
      {1, 10},
      {100, 100, 100},
      {1000, 100, 100, 100, 100},
      {97, 1, 1, 1},
      {100, 100, 100, 100, 100, 100, 100, 100, 100, 100, 50, 50, 50, 50, 50, 50, 50, 50, 50, 50},
      {65536, 65536},
  };
  for (const std::vector<int>& weights : traps) {
    const Config config = Parsed(Sample{.weights = weights});
    const Plan plan = Planned(nullptr, config);
    const std::vector<uint64_t> owners = CompiledOwners(config);
    ExpectSharesOfThePlane(config.pools[0], plan.services[0], owners);
    EXPECT_LT(plan.pools[0].share_error, 0.01) << weights.size() << " backends";
  }
}

}  // namespace
}  // namespace evenkeel
