// Generations swapped under packets: each packet must be decided by one generation of everything.
// The rows carry their generation (marked_image.h). Needs root; skips without it.
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/time/clock.h"
#include "tests/bpf/marked_image.h"

namespace evenkeel {
namespace {

class SwapTest : public MarkedImageTest {};

TEST_F(SwapTest, NoPacketIsDecidedByPartsOfTwoGenerations) {
  Publish(1);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> sent = 0;
  std::atomic<uint64_t> torn = 0;
  const auto send = [&] {
    for (uint16_t port = 1; !stop; ++port) {
      if (MarkOf(Send(port)) < 0) ++torn;
      ++sent;
    }
  };
  std::thread first(send);
  std::thread second(send);
  uint64_t generation = 1;
  const absl::Time begin = absl::Now();
  constexpr int kSeconds = 10;
  while (absl::Now() < begin + absl::Seconds(kSeconds)) {
    Publish(++generation);
    const absl::Time next = begin + absl::Milliseconds(10) * static_cast<int64_t>(generation - 1);
    if (next > absl::Now()) absl::SleepFor(next - absl::Now());
  }
  const double rate = static_cast<double>(generation) / absl::ToDoubleSeconds(absl::Now() - begin);
  stop = true;
  first.join();
  second.join();
  std::printf("%llu packets over %llu generations, %.0f a second\n",
              static_cast<unsigned long long>(sent.load()),
              static_cast<unsigned long long>(generation), rate);
  EXPECT_EQ(torn, 0u);
  EXPECT_GT(sent, 1000u);
  EXPECT_GT(rate, 20);  // 100 on a machine that does nothing else
  EXPECT_EQ(Counted(), sent);
}

TEST_F(SwapTest, AnotherProcessTakesOverWhatTheMapsHold) {
  for (uint64_t generation = 1; generation <= 6; ++generation) {
    Publish(generation);
    for (uint16_t port = 1; port <= 10; ++port) Send(port);
  }
  const auto before = writer_->current();
  Reopen();
  ASSERT_NE(writer_->current(), nullptr);
  EXPECT_EQ(writer_->current()->generation(), 6u);
  EXPECT_EQ(writer_->current()->RecomputedDigest(), before->StatedDigest());
  EXPECT_EQ(MarkOf(Send(1)), 6);
  EXPECT_EQ(Counted(), 61u);
  for (uint64_t generation = 7; generation <= 16; ++generation) Publish(generation);
  EXPECT_EQ(MarkOf(Send(1)), 16);
  EXPECT_EQ(Counted(), 62u);
}

TEST_F(SwapTest, CountsAreFoldedOnceWhenControlDiesBetweenTotalsAndMaps) {
  Publish(1);
  for (uint16_t port = 1; port <= 100; ++port) Send(port);
  EXPECT_EQ(Counted(), 100u);
  // As if it had been killed after the totals were written and before the counters were zeroed.
  FlowSums live;
  writer_->AddCounts(&live);
  for (const auto& [pair, sum] : live) ASSERT_TRUE(totals_->Fold(pair, sum, 1).ok());
  Reopen();
  EXPECT_EQ(Counted(), 100u);
  ASSERT_TRUE(writer_->FoldAll().ok());
  EXPECT_EQ(Counted(), 100u);
}

TEST_F(SwapTest, AnImageThatTheMapsCannotHoldIsRefusedAndChangesNothing) {
  Publish(1);
  ImageSpec large = SmallSpec(2);
  for (uint16_t i = 0; i < 400; ++i) {
    large.services.push_back(
        MakeService("s" + std::to_string(i), kVip, 0,
                    {{static_cast<uint16_t>(10000 + i), static_cast<uint16_t>(10000 + i)}}));
  }
  absl::StatusOr<ImageView> image = VerifySpec(large);
  ASSERT_TRUE(image.ok()) << image.status();
  const auto shared = std::make_shared<const ImageView>(*std::move(image));
  EXPECT_FALSE(writer_->Fits(*shared));
  EXPECT_TRUE(absl::IsResourceExhausted(
      writer_->Publish(shared, [](const Address&) { return uint64_t{0}; })));
  EXPECT_EQ(MarkOf(Send(1)), 1);
}

}  // namespace
}  // namespace evenkeel
