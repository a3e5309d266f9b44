#include "tools/evenkeel-decap/statistics.h"

#include <gtest/gtest.h>

namespace evenkeel::decap {
namespace {

TEST(FormatOutcomesTest, NamesWhatHappenedAndLeavesOutWhatDidNot) {
  Outcomes outcomes = {};
  EXPECT_EQ(FormatOutcomes(outcomes), "received 0 packets");
  outcomes[DECAP_IPIP] = {.packets = 10, .bytes = 1000};
  outcomes[DECAP_6IN4] = {.packets = 1, .bytes = 100};
  outcomes[DECAP_INNER_NOT_VIP] = {.packets = 1, .bytes = 100};
  EXPECT_EQ(FormatOutcomes(outcomes), "received 12 packets: ipip 10, 6in4 1, inner_not_vip 1");
}

}  // namespace
}  // namespace evenkeel::decap
