// The corpus through the core in this process.
#include <gtest/gtest.h>

#include <set>

#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"

namespace evenkeel::packets {
namespace {

const char* const kReasonNames[] = {
#define LB_REASON_NAME(name, verdict, text) #name,
    LB_REASONS(LB_REASON_NAME)
#undef LB_REASON_NAME
};

TEST(CorpusTest, NativeCoreGivesReasonAndBytesOfEveryCase) {
  for (const Case& c : Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const Tables tables(c.tables);
    const Outcome outcome = RunNative(tables.view(), c.in);
    EXPECT_STREQ(kReasonNames[outcome.reason], kReasonNames[c.reason]);
    EXPECT_EQ(outcome.verdict, lb_reason_verdict(c.reason));
    EXPECT_EQ(HexDump(outcome.out), HexDump(c.out));
    EXPECT_EQ((outcome.flow.flags & LB_FLOW_NEW) != 0, c.new_flow);
  }
}

TEST(CorpusTest, NamesAreUnique) {
  std::set<std::string> names;
  for (const Case& c : Corpus()) EXPECT_TRUE(names.insert(c.name).second) << c.name;
}

// The others come from adapters, or (table_fault, no_headroom) from a fault of ours; no_image needs
// a view without tables: see decide_test.
TEST(CorpusTest, EveryReasonOfTheCoreHasACase) {
  std::set<lb_reason> seen;
  for (const Case& c : Corpus()) seen.insert(c.reason);
  for (int reason = 0; reason < LB_REASON_COUNT; reason++) {
    switch (reason) {
      case LB_REASON_no_image:
      case LB_REASON_too_big_untold:
      case LB_REASON_no_headroom:
      case LB_REASON_not_linear:
      case LB_REASON_tx_full:
      case LB_REASON_tap_full:
      case LB_REASON_table_fault:
        break;
      default:
        EXPECT_TRUE(seen.count(static_cast<lb_reason>(reason))) << kReasonNames[reason];
    }
  }
}

}  // namespace
}  // namespace evenkeel::packets
