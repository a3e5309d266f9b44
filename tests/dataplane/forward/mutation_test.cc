// Frames of the corpus, mutated at random, through the core on exact-size heap buffers. Built with
// sanitizers (meson setup -Db_sanitize=address,undefined) it finds reads and writes outside the
// frame.
#include <gtest/gtest.h>

#include <random>

#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"

namespace evenkeel::packets {
namespace {

constexpr int kFrames = 200'000;

void Mutate(std::mt19937& random, Bytes& frame) {
  const auto below = [&random](size_t bound) { return random() % bound; };
  for (size_t times = below(4); times-- > 0 && !frame.empty();) {
    const size_t at = below(std::min<size_t>(frame.size(), below(4) ? 80 : frame.size()));
    switch (below(5)) {
      case 0:
        frame[at] = static_cast<uint8_t>(random());
        break;
      case 1:
        frame[at] ^= static_cast<uint8_t>(1u << below(8));
        break;
      case 2:
        frame[at] = below(2) ? 0x00 : 0xff;
        break;
      case 3:
        frame.resize(below(frame.size() + 1));
        break;
      default:
        frame.insert(frame.begin() + static_cast<long>(at), below(9),
                     static_cast<uint8_t>(random()));
    }
  }
}

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
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
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
