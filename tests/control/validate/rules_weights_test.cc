#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/control/validate/check.h"

namespace evenkeel {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string WithSlots(uint32_t slots, const std::vector<uint32_t>& weights) {
  return Replace(SampleWithWeights(weights),
                 "    backends:", absl::StrCat("    table: {slots: ", slots, "}\n    backends:"));
}

TEST(WeightRulesTest, AcceptOrdinaryProportions) {
  const std::vector<std::vector<uint32_t>> kLegitimate = {
      {1, 2, 7}, {1, 7}, {100, 100, 100}, {1}, {1048576, 1048576}, {2, 3, 5, 7, 11, 13}};
  for (const auto& weights : kLegitimate) {
    EXPECT_THAT(PlacesIn(SampleWithWeights(weights)), IsEmpty()) << testing::PrintToString(weights);
  }
  std::vector<uint32_t> mixed(20, 100);
  std::fill_n(mixed.begin(), 10, 50);
  EXPECT_THAT(PlacesIn(SampleWithWeights(mixed)), IsEmpty());
}

TEST(WeightRulesTest, F01NamesTheOddWeight) {
  EXPECT_THAT(PlacesIn(SampleWithWeights({10, 10, 1000, 10})),
              ElementsAre("13:39 error F01 pools.web.backends.b3.weight"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({1000, 1000, 10, 1000})),
              ElementsAre("13:39 error F01 pools.web.backends.b3.weight"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({97, 1, 1, 1})),
              ElementsAre("11:39 error F01 pools.web.backends.b1.weight"));
  EXPECT_THAT(MessagesOf("F01", SampleWithWeights({97, 1, 1, 1})),
              ElementsAre("the weight 97 is 97 times more than the 1 of `b2`, the limit is 20"));
}

TEST(WeightRulesTest, F01NamesEveryOddWeight) {
  EXPECT_THAT(PlacesIn(SampleWithWeights({30, 30, 800, 30, 1})),
              ElementsAre("13:39 error F01 pools.web.backends.b3.weight",
                          "15:39 error F01 pools.web.backends.b5.weight",
                          "15:39 warning F07 pools.web.backends.b5.weight"));
}

TEST(WeightRulesTest, F01FollowsTheRatioOfTheFile) {
  const std::string text = SampleWithWeights({1, 30});
  EXPECT_THAT(PlacesIn(text), ElementsAre("12:39 error F01 pools.web.backends.b2.weight"));
  // Taken at its word, but not silently.
  EXPECT_THAT(PlacesIn(absl::StrCat(text, "safety: {weight_ratio: 30}\n")),
              ElementsAre("12:39 warning F01 pools.web.backends.b2.weight"));
}

TEST(WeightRulesTest, F01ComparesWeightsWithCapacities) {
  const auto with = [](int weight, int capacity) {
    return SampleWithBackends(
        absl::StrCat("      b1: {address: 10.0.1.1, weight: 100, capacity: 1000}\n"
                     "      b2: {address: 10.0.1.2, weight: 100, capacity: 1000}\n"
                     "      b3: {address: 10.0.1.3, weight: ",
                     weight, ", capacity: ", capacity, "}\n"));
  };
  EXPECT_THAT(MessagesOf("F01", with(200, 2000)), IsEmpty());
  EXPECT_THAT(MessagesOf("F01", with(200, 1000)), IsEmpty());
  EXPECT_THAT(MessagesOf("F01", with(300, 1000)),
              ElementsAre("for its capacity of 1000, `b3` weighs 3 times what `b2` does (100 for "
                          "1000)"));
  EXPECT_THAT(MessagesOf("F01", with(100, 3000)), ElementsAre(HasSubstr("0.333 times")));
}

TEST(WeightRulesTest, F01IgnoresBackendsThatDrain) {
  EXPECT_THAT(PlacesIn(SampleWithBackends(
                  "      b1: {address: 10.0.1.1, weight: 10}\n"
                  "      b2: {address: 10.0.1.2, weight: 1000, drain: {reason: x, until: "
                  "2027-01-01T00:00:00Z}}\n")),
              IsEmpty());
}

TEST(WeightRulesTest, F02RefusesZeroWithoutDrain) {
  EXPECT_THAT(PlacesIn(Sample("weight: 100", "weight: 0")),
              ElementsAre("11:40 error F02 pools.web.backends.b1.weight"));
  EXPECT_THAT(PlacesIn(Sample("weight: 100",
                              "weight: 0, drain: {reason: x, until: "
                              "2027-01-01T00:00:00Z}")),
              IsEmpty());
}

TEST(WeightRulesTest, F03RefusesAPoolThatDrainsWholly) {
  const std::string text = SampleWithBackends(
      "      b1: {address: 10.0.1.1, weight: 1, drain: {reason: x, until: "
      "2027-01-01T00:00:00Z}}\n");
  EXPECT_THAT(PlacesIn(text), ElementsAre("9:3 error F03 pools.web"));
  EXPECT_THAT(PlacesIn(Replace(text, "    backends:", "    allow_empty: true\n    backends:")),
              ElementsAre("9:3 warning F03 pools.web"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({0, 0})),
              ElementsAre("9:3 error F03 pools.web", "11:39 error F02 pools.web.backends.b1.weight",
                          "12:39 error F02 pools.web.backends.b2.weight"));
}

TEST(WeightRulesTest, F04WarnsOfTwoScales) {
  EXPECT_THAT(PlacesIn(SampleWithWeights({50, 50, 500})),
              ElementsAre("13:39 warning F04 pools.web.backends.b3.weight"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({1000, 100, 100, 100, 100})),
              ElementsAre("11:39 warning F04 pools.web.backends.b1.weight"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({1, 10})),
              ElementsAre("12:39 warning F04 pools.web.backends.b2.weight"));
  // Beyond F01's ratio too, where it isn't one slip.
  EXPECT_THAT(PlacesIn(SampleWithWeights({33, 33, 1000, 1000})),
              Contains("13:39 warning F04 pools.web.backends.b3.weight"));
  EXPECT_THAT(PlacesIn(SampleWithWeights({33, 33, 1000})), Not(Contains(HasSubstr("F04"))));
  // A spread without a gap is nobody's slip.
  EXPECT_THAT(PlacesIn(SampleWithWeights({10, 20, 40, 80, 160})), IsEmpty());
}

TEST(WeightRulesTest, F06RefusesSharesThatTheTableCannotExpress) {
  std::vector<uint32_t> weights(97, 1000);
  weights.push_back(951);
  EXPECT_THAT(PlacesIn(WithSlots(4096, weights)),
              Contains(HasSubstr("error F06 pools.web.backends.b")));
  EXPECT_THAT(MessagesOf("F06", WithSlots(4096, weights)), ElementsAre(HasSubstr("of 4096 slots")));
  EXPECT_THAT(MessagesOf("F06", WithSlots(65536, weights)), IsEmpty());
  const std::string loose =
      Replace(WithSlots(4096, weights),
              "    backends:", "    objectives: {max_share_error: 5%}\n    backends:");
  EXPECT_THAT(PlacesIn(loose), Contains(HasSubstr("warning F06 pools.web.backends.b")));
  const std::string strict =
      Replace(SampleWithWeights({1, 1, 1}),
              "    backends:", "    objectives: {max_share_error: 0%}\n    backends:");
  EXPECT_THAT(MessagesOf("F06", strict), ElementsAre(HasSubstr("the objective is 0%")));
}

TEST(WeightRulesTest, F06BuildsTheOtherFillToo) {
  const std::string text =
      Replace(SampleWithWeights({1, 2, 7}), "    backends:",
              "    table: {fill: maglev}\n    objectives: {max_share_error: 0%}\n"
              "    backends:");
  EXPECT_THAT(MessagesOf("F06", text), ElementsAre(HasSubstr("of 65536 slots")));
}

TEST(WeightRulesTest, F07WarnsUnderAHundredSlotsAndRefusesUnderTwenty) {
  const auto with = [](size_t count) { return WithSlots(4096, std::vector<uint32_t>(count, 1)); };
  EXPECT_THAT(MessagesOf("F07", with(40)), IsEmpty());
  EXPECT_THAT(MessagesOf("F07", with(41)),
              ElementsAre(HasSubstr("owns 99 of 4096 slots, fewer than 100")));
  EXPECT_THAT(PlacesIn(with(41)), Contains(HasSubstr("warning F07")));
  EXPECT_THAT(MessagesOf("F07", with(205)),
              ElementsAre(HasSubstr("19 of 4096 slots, fewer than 20")));
  EXPECT_THAT(PlacesIn(with(205)), Contains(HasSubstr("error F07")));
  // More backends than slots: some would get none.
  EXPECT_THAT(MessagesOf("F07", with(5000)), ElementsAre(HasSubstr("owns 0 of 4096 slots")));
}

TEST(WeightRulesTest, F08WantsAPowerOfTwo) {
  for (uint32_t slots : {0u, 1u, 1024u, 2048u, 4095u, 65537u, 1048577u, 2097152u}) {
    EXPECT_THAT(PlacesIn(WithSlots(slots, {1, 1})),
                ElementsAre("10:20 error F08 pools.web.table.slots"))
        << slots;
  }
  for (uint32_t slots : {4096u, 65536u, 1048576u}) {
    EXPECT_THAT(PlacesIn(WithSlots(slots, {1, 1})), IsEmpty()) << slots;
  }
}

}  // namespace
}  // namespace evenkeel
