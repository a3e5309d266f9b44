// Frames of the corpus, mutated at random, through the core on exact-size heap buffers. Built with
// sanitizers (meson setup -Db_sanitize=address,undefined) it finds reads and writes outside the
// frame.
#include <gtest/gtest.h>

#include <random>

#include "tests/packets/corpus.h"
#include "tests/packets/mutate.h"
#include "tests/packets/run_native.h"
#include "tests/support/seed.h"

namespace evenkeel::packets {
namespace {

constexpr int kFrames = 200'000;

// What holds for every frame whatever it is.
void ExpectSane(const Bytes& in, const Outcome& outcome) {
  ASSERT_EQ(outcome.verdict, lb_reason_verdict(outcome.reason));
  ASSERT_NE(outcome.reason, LB_REASON_table_fault);
  ASSERT_NE(outcome.reason, LB_REASON_no_headroom);
  if (outcome.verdict == LB_FORWARD) {
    ASSERT_NE(outcome.decision.backend, LB_NONE);
    ASSERT_EQ(outcome.out.size(), outcome.decision.frame_length);
    ASSERT_LE(outcome.out.size(), size_t{14} + 1600);
  } else if (outcome.verdict == LB_REPLY) {
    ASSERT_LE(outcome.out.size(), in.size() + 48);
  } else {
    ASSERT_TRUE(outcome.out.empty());
  }
}

TEST(MutationTest, NoFrameLeadsOutOfItsBuffer) {
  std::mt19937 random(TestSeed());
  const std::vector<Case> corpus = Corpus();
  const Tables tables(Scene());
  for (int i = 0; i < kFrames; i++) {
    Bytes frame = corpus[random() % corpus.size()].in;
    Mutate(random, frame);
    SCOPED_TRACE("frame " + std::to_string(i));
    ASSERT_NO_FATAL_FAILURE(ExpectSane(frame, RunNative(tables.view(), frame)));
  }
}

}  // namespace
}  // namespace evenkeel::packets
