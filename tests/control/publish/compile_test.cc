#include "control/publish/compile.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/config/parse.h"
#include "dataplane/table/image_builder.h"
#include "tests/control/app/sample_config.h"

namespace evenkeel {
namespace {

Config ConfigOf(const std::string& text) {
  ParseResult parsed = ParseConfig(text);
  for (const Finding& finding : parsed.findings) EXPECT_EQ(finding.message, "");
  return parsed.config.value_or(Config{});
}

struct Compiler {
  CompileCache cache;
  LeaseTable leases;
  ClusterKey key{.bytes = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16}};

  CompiledPtr Run(const Config& config, uint64_t generation = 1, int64_t revision = 1,
                  absl::Time now = absl::FromUnixSeconds(1'000'000)) {
    absl::StatusOr<LeaseTable> next = LeaseAll(config, leases, now, [](uint16_t) { return true; });
    EXPECT_TRUE(next.ok()) << next.status();
    leases = *std::move(next);
    absl::StatusOr<CompiledPtr> compiled = Compile({.config = config,
                                                    .key = key,
                                                    .leases = leases,
                                                    .generation = generation,
                                                    .revision = revision},
                                                   &cache);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return compiled.ok() ? *compiled : nullptr;
  }
};

// The oracle: what each weight is owed, in slots, to the fraction.
std::vector<double> Owed(const std::vector<uint32_t>& weights, uint32_t slots) {
  const double sum = std::accumulate(weights.begin(), weights.end(), 0.0);
  std::vector<double> owed;
  for (uint32_t weight : weights) owed.push_back(slots * (weight / sum));
  return owed;
}

// Counted from the table that the image maps, by address: independent of what compile says of
// itself.
std::vector<uint32_t> CountInTable(const ImageView& image, const Config& config) {
  std::vector<uint32_t> counts(config.pools[0].backends.size());
  const lb_pool& pool = image.pools()[0];
  for (lb_slot slot : image.tables()[pool.table]->slots()) {
    const lb_backend& owner = image.backends()[lb_slot_backend(slot)];
    for (size_t i = 0; i < counts.size(); ++i) {
      const IpAddress::Bytes& bytes = config.pools[0].backends[i].address.bytes();
      if (std::equal(bytes.begin(), bytes.end(), owner.address)) ++counts[i];
    }
  }
  return counts;
}

class WeightsTest : public testing::TestWithParam<std::vector<uint32_t>> {};

TEST_P(WeightsTest, GetWhatTheyAskForToWithinOneSlot) {
  const Config config = ConfigOf(SampleConfig({.weights = GetParam()}));
  const CompiledPtr compiled = Compiler().Run(config);
  ASSERT_NE(compiled, nullptr);
  const std::vector<double> owed = Owed(GetParam(), 65536);
  const std::vector<uint32_t> counted = CountInTable(*compiled->image, config);
  EXPECT_EQ(std::accumulate(counted.begin(), counted.end(), 0u), 65536u);
  for (size_t i = 0; i < owed.size(); ++i) {
    EXPECT_LT(std::abs(counted[i] - owed[i]), 1) << "backend " << i;
    EXPECT_EQ(counted[i], compiled->pools[0].quotas[i]);
    EXPECT_DOUBLE_EQ(compiled->pools[0].share(i), counted[i] / 65536.0);
  }
}

std::vector<uint32_t> TenOf100WithTenOf50() {
  std::vector<uint32_t> weights(20, 100);
  std::fill(weights.begin() + 10, weights.end(), 50);
  return weights;
}

INSTANTIATE_TEST_SUITE_P(
    TrapsOfOtherBalancers, WeightsTest,
    testing::Values(std::vector<uint32_t>{1, 10}, std::vector<uint32_t>{100, 100, 100},
                    std::vector<uint32_t>{1000, 100, 100, 100, 100},
                    std::vector<uint32_t>{97, 1, 1, 1}, std::vector<uint32_t>{1, 2, 7},
                    std::vector<uint32_t>{65536, 65536, 1 << 20}, TenOf100WithTenOf50()));

TEST(CompileTest, GivesADrainedBackendNoSlots) {
  const Config config = ConfigOf(SampleConfig({.weights = {100, 100, 100}, .drained = "b2"}));
  const CompiledPtr compiled = Compiler().Run(config);
  EXPECT_EQ(compiled->pools[0].quotas, (std::vector<uint32_t>{32768, 0, 32768}));
  EXPECT_EQ(CountInTable(*compiled->image, config), compiled->pools[0].quotas);
  const std::span<const lb_backend> backends = compiled->image->backends();
  EXPECT_EQ(std::count_if(backends.begin(), backends.end(),
                          [](const lb_backend& b) { return b.flags == LB_BACKEND_DRAINED; }),
            1);
}

TEST(CompileTest, LeavesAPoolWithoutBackendsWithoutATable) {
  const CompiledPtr compiled =
      Compiler().Run(ConfigOf(SampleConfig({.weights = {}, .allow_empty = true})));
  ASSERT_NE(compiled, nullptr);
  EXPECT_EQ(compiled->pools[0].table, nullptr);
  EXPECT_TRUE(compiled->publication->tables.empty());
  EXPECT_EQ(compiled->image->services().size(), 2u);
}

TEST(CompileTest, DoesNotDependOnTheOrderOfTheFile) {
  const Config config = ConfigOf(SampleConfig({.weights = {10, 20, 30, 40}}));
  Config shuffled = config;
  std::reverse(shuffled.services.begin(), shuffled.services.end());
  std::reverse(shuffled.pools[0].backends.begin(), shuffled.pools[0].backends.end());
  Compiler compiler;
  const CompiledPtr a = compiler.Run(config);
  const CompiledPtr b = compiler.Run(shuffled);
  EXPECT_TRUE(SameContent(*a->image, *b->image));
  EXPECT_EQ(compiler.cache.tables.built(), 1u);
}

TEST(CompileTest, DiffersFromAnotherGenerationInTheGenerationAlone) {
  const Config config = ConfigOf(SampleConfig({}));
  Compiler compiler;
  const CompiledPtr a = compiler.Run(config, 1);
  const CompiledPtr b = compiler.Run(config, 2);
  EXPECT_TRUE(SameContent(*a->image, *b->image));
  EXPECT_NE(a->publication->generation, b->publication->generation);
  EXPECT_EQ(b->image->generation(), 2u);
  EXPECT_EQ(b->image->params().generation, 2u);
  const CompiledPtr c = compiler.Run(config, 2, 9);
  EXPECT_FALSE(SameContent(*a->image, *c->image)) << "the revision is part of the content";
}

TEST(CompileTest, BuildsAnUnchangedPoolOnce) {
  Compiler compiler;
  const Config config = ConfigOf(SampleConfig({}));
  Config other = config;
  other.network.mtu = 9000;
  const CompiledPtr a = compiler.Run(config, 1);
  const CompiledPtr b = compiler.Run(other, 2, 2);
  EXPECT_EQ(compiler.cache.tables.built(), 1u);
  EXPECT_EQ(a->publication->tables[0], b->publication->tables[0]);
}

TEST(CompileTest, KeepsAnIndexForTheAddressThatHasIt) {
  Compiler compiler;
  compiler.Run(ConfigOf(SampleConfig({.weights = {1, 1, 1}})));
  const uint16_t second = compiler.leases.Find(NameId("web"), MapIpv4({10, 0, 1, 12}))->index;

  Config fewer = ConfigOf(SampleConfig({.weights = {1, 1, 1}}));
  fewer.pools[0].backends.erase(fewer.pools[0].backends.begin());
  const CompiledPtr compiled = compiler.Run(fewer, 2, 2);
  EXPECT_EQ(compiler.leases.Find(NameId("web"), MapIpv4({10, 0, 1, 12}))->index, second);
  const Lease* leaving = compiler.leases.Find(NameId("web"), MapIpv4({10, 0, 1, 11}));
  ASSERT_NE(leaving, nullptr);
  EXPECT_TRUE(leaving->leaving);
  EXPECT_EQ(compiled->image->backends()[leaving->index].flags, LB_BACKEND_LEAVING);
}

TEST(CompileTest, GivesAnIndexToAnotherOnlyAfterIdle) {
  Compiler compiler;
  const absl::Time start = absl::FromUnixSeconds(1'000'000);
  Config config = ConfigOf(SampleConfig({.weights = {1, 1}}));
  compiler.Run(config, 1, 1, start);
  config.pools[0].backends[0].address = *IpAddress::Parse("10.0.9.1");
  compiler.Run(config, 2, 2, start + absl::Seconds(1));
  EXPECT_EQ(compiler.leases.Find(NameId("web"), MapIpv4({10, 0, 9, 1}))->index, 2);
  config.pools[0].backends[0].address = *IpAddress::Parse("10.0.9.2");
  compiler.Run(config, 3, 3, start + absl::Minutes(16));
  EXPECT_EQ(compiler.leases.Find(NameId("web"), MapIpv4({10, 0, 9, 2}))->index, 0);
}

TEST(CompileTest, PutsTheNetworkSectionIntoTheParameters) {
  std::string text = SampleConfig({});
  Config config = ConfigOf(text);
  config.network.encap_source.ipv4 = *IpPrefix::Parse("10.7.0.0/20");
  config.network.encap_source.ipv6 = *IpPrefix::Parse("fd00::/60");
  config.network.gateway_mac.ipv4 = *MacAddress::Parse("02:00:00:00:00:07");
  config.network.vlan = 42;
  const CompiledPtr compiled = Compiler().Run(config);
  const lb_params& params = compiled->image->params();
  EXPECT_EQ(params.encap_source4[1], 7);
  EXPECT_EQ(params.encap_mask4[1], 0xff);
  EXPECT_EQ(params.encap_mask4[2], 0xf0);
  EXPECT_EQ(params.encap_mask4[3], 0x00);
  EXPECT_EQ(params.encap_mask6[6], 0xff);
  EXPECT_EQ(params.encap_mask6[7], 0xf0);
  EXPECT_EQ(params.encap_mask6[8], 0x00);
  EXPECT_EQ(params.vlan, 42);
  EXPECT_EQ(params.hash_key[0], 0x0807060504030201ull);
  ASSERT_EQ(compiled->image->next_hops().size(), 1u);
  EXPECT_TRUE(compiled->image->next_hops()[0].has_static_mac);
  EXPECT_EQ(compiled->image->next_hops()[0].static_mac[5], 7);
}

TEST(CompileTest, SendsL2DsrFramesToEachBackendItself) {
  Config config = ConfigOf(SampleConfig({.weights = {1, 1, 1}}));
  config.pools[0].forward = Forward::kL2dsr;
  const CompiledPtr compiled = Compiler().Run(config);
  EXPECT_EQ(compiled->image->next_hops().size(), 3u);
  EXPECT_EQ(compiled->image->backends()[0].encap, LB_ENCAP_L2DSR);
}

TEST(CompileTest, RefusesAForwardModeThatIsNotBuilt) {
  Config config = ConfigOf(SampleConfig({}));
  config.pools[0].forward = Forward::kGue;
  CompileCache cache;
  const absl::StatusOr<LeaseTable> leases = LeaseAll(config, {}, absl::Now());
  const absl::Status status =
      Compile({.config = config, .key = {}, .leases = *leases, .generation = 1, .revision = 1},
              &cache)
          .status();
  EXPECT_TRUE(absl::IsInvalidArgument(status));
  EXPECT_TRUE(absl::StrContains(status.message(), "gue is not built yet")) << status;
}

}  // namespace
}  // namespace evenkeel
