// Trials in the maps: what the program does at the deadline, what control does, and what a killed
// control leaves. The rows carry their generation (marked_image.h). Needs root; skips without it.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "tests/bpf/marked_image.h"

namespace evenkeel {
namespace {

constexpr uint64_t kSecondNs = 1'000'000'000;

class TrialTest : public MarkedImageTest {
 protected:
  // Generation g on trial as revision `id`, g + 1 the way back.
  absl::Status Try(uint64_t id, uint64_t generation, uint64_t deadline_ns) {
    return writer_->PublishTrial(ImageOf(generation, id), ImageOf(generation + 1, 1),
                                 {.id = id, .deadline_ns = deadline_ns}, MarkedWord);
  }
  // What the latch says, without settling it.
  uint64_t latch() const { return instance_->maps().trial->state; }
};

TEST_F(TrialTest, ProgramGoesBackAtTheDeadlineWithoutControl) {
  Publish(1);
  EXPECT_EQ(MarkOf(Send(1)), 1);
  const uint64_t deadline_ns = BootTimeNs() + 2 * kSecondNs;
  ASSERT_TRUE(Try(9, 2, deadline_ns).ok());
  EXPECT_EQ(MarkOf(Send(2)), 2);
  EXPECT_EQ(writer_->trial().state, TrialState::kArmed);
  while (BootTimeNs() <= deadline_ns) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(latch(), uint64_t{LB_TRIAL_ARMED});  // nobody came
  EXPECT_EQ(MarkOf(Send(3)), 3);
  EXPECT_EQ(latch(), uint64_t{LB_TRIAL_RETURNED});
  EXPECT_EQ(MarkOf(Send(4)), 3);
  // Each packet is counted where it was decided: one in 1 and 2, two in 3.
  EXPECT_EQ(CountedIn(3), 2u);
  EXPECT_EQ(Counted(), 4u);
  // Control comes later, and changes nothing but the root word.
  EXPECT_EQ(writer_->DecideTrial(TrialState::kConfirmed), TrialState::kReturned);
  EXPECT_EQ(MarkOf(Send(5)), 3);
  EXPECT_EQ(writer_->current()->generation(), 3u);
  EXPECT_EQ(*instance_->maps().root_word & LB_ROOT_WORD_ON_TRIAL, 0u);
  EXPECT_EQ(writer_->trial().generation, 2u);
  EXPECT_EQ(writer_->trial().return_generation, 3u);
  EXPECT_EQ(Counted(), 5u);
}

TEST_F(TrialTest, ConfirmedTrialStaysPastItsDeadline) {
  Publish(1);
  const uint64_t deadline_ns = BootTimeNs() + 2 * kSecondNs;
  ASSERT_TRUE(Try(9, 2, deadline_ns).ok());
  ASSERT_EQ(writer_->DecideTrial(TrialState::kConfirmed), TrialState::kConfirmed);
  while (BootTimeNs() <= deadline_ns) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(MarkOf(Send(1)), 2);
  EXPECT_EQ(writer_->DecideTrial(TrialState::kReturned), TrialState::kConfirmed);
  EXPECT_EQ(MarkOf(Send(1)), 2);
  Publish(4);
  EXPECT_EQ(writer_->trial().state, TrialState::kNone);
}

TEST_F(TrialTest, RenewalChangesBothImagesAndKeepsTheDeadline) {
  Publish(1);
  const uint64_t deadline_ns = BootTimeNs() + 2 * kSecondNs;
  ASSERT_TRUE(Try(9, 2, deadline_ns).ok());
  uint64_t generation = 2;
  while (BootTimeNs() < deadline_ns - kSecondNs) {
    generation += 2;
    ASSERT_TRUE(Try(9, generation, deadline_ns + 100 * kSecondNs).ok());
    ASSERT_EQ(MarkOf(Send(1)), static_cast<int>(generation % kMarks));
  }
  EXPECT_GT(generation, 4u);
  EXPECT_EQ(writer_->trial().deadline_ns, deadline_ns);
  while (BootTimeNs() <= deadline_ns) absl::SleepFor(absl::Milliseconds(1));
  EXPECT_EQ(MarkOf(Send(1)), static_cast<int>((generation + 1) % kMarks));
  // A renewal that comes too late changes what it goes back to, not that it has gone back.
  ASSERT_TRUE(Try(9, generation + 2, deadline_ns).ok());
  EXPECT_EQ(MarkOf(Send(1)), static_cast<int>((generation + 3) % kMarks));
  EXPECT_EQ(writer_->DecideTrial(TrialState::kConfirmed), TrialState::kReturned);
}

// Packets on two threads run into the deadline while control confirms at that very moment.
TEST_F(TrialTest, ConfirmAndDeadlineNeverBothWin) {
  Publish(1);
  constexpr int kRounds = 300;
  int confirmed = 0;
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> torn = 0;
  std::vector<std::thread> senders;
  for (int i = 0; i < 2; ++i) {
    senders.emplace_back([&] {
      for (uint16_t port = 1; !stop; ++port) torn += MarkOf(Send(port)) < 0 ? 1 : 0;
    });
  }
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t generation = 2 + 2 * static_cast<uint64_t>(round);
    const uint64_t deadline_ns = BootTimeNs() + kSecondNs / 100;
    ASSERT_TRUE(Try(static_cast<uint64_t>(round) + 10, generation, deadline_ns).ok());
    const uint64_t ask_ns = deadline_ns - 30'000 + static_cast<uint64_t>(round) * 200;
    while (BootTimeNs() < ask_ns) {
    }
    const TrialState ended = writer_->DecideTrial(TrialState::kConfirmed);
    ASSERT_TRUE(ended == TrialState::kConfirmed || ended == TrialState::kReturned);
    const bool is_confirmed = ended == TrialState::kConfirmed;
    confirmed += is_confirmed ? 1 : 0;
    const uint64_t runs = generation + (is_confirmed ? 0 : 1);
    ASSERT_EQ(writer_->current()->generation(), runs);
    ASSERT_EQ(MarkOf(Send(7)), static_cast<int>(runs % kMarks)) << round;
    // Nothing was counted in the set of the one that lost: no packet went by it after the decision,
    // and none by the way back before it.
    if (is_confirmed) {
      ASSERT_EQ(CountedIn(generation + 1), 0u) << round;
    }
  }
  stop = true;
  for (std::thread& sender : senders) sender.join();
  EXPECT_EQ(torn, 0u);
  std::printf("%d of %d confirmed\n", confirmed, kRounds);
}

TEST_F(TrialTest, AnotherControlTakesTheTrialOverArmedEndedOrInBetween) {
  Publish(1);
  ASSERT_TRUE(Try(9, 2, BootTimeNs() + 3600 * kSecondNs).ok());
  Reopen();
  TrialRecord trial = writer_->trial();
  EXPECT_EQ(trial.id, 9u);
  EXPECT_EQ(trial.generation, 2u);
  EXPECT_EQ(trial.return_generation, 3u);
  EXPECT_EQ(trial.state, TrialState::kArmed);
  ASSERT_NE(writer_->way_back(), nullptr);
  // As if control had died between the latch and the root word.
  instance_->maps().trial->state = LB_TRIAL_CONFIRMED;
  Reopen();
  EXPECT_EQ(writer_->trial().state, TrialState::kConfirmed);
  EXPECT_EQ(MarkOf(Send(1)), 2);
  EXPECT_EQ(*instance_->maps().root_word & LB_ROOT_WORD_ON_TRIAL, 0u);
  Reopen();  // an ended one is remembered, too
  EXPECT_EQ(writer_->trial().state, TrialState::kConfirmed);

  ASSERT_TRUE(Try(10, 4, BootTimeNs()).ok());
  EXPECT_EQ(MarkOf(Send(1)), 5);
  Reopen();
  EXPECT_EQ(writer_->trial().state, TrialState::kReturned);
  EXPECT_EQ(writer_->current()->generation(), 5u);
  // As if it had died between arming the record and the root word that makes it count.
  instance_->maps().trial->state = LB_TRIAL_ARMED;
  instance_->maps().trial->ended_word = 0;
  Reopen();
  EXPECT_EQ(writer_->trial().state, TrialState::kNone);
  EXPECT_EQ(MarkOf(Send(1)), 5);
  Publish(6);
  EXPECT_EQ(MarkOf(Send(1)), 6);
}

TEST_F(TrialTest, WayBackDamagedInTheMapsIsSeenByWhoTakesOver) {
  Publish(1);
  ASSERT_TRUE(Try(9, 2, BootTimeNs() + 3600 * kSecondNs).ok());
  const uint32_t set = LB_ROOT_WORD_SET(instance_->maps().trial->return_word);
  const size_t bytes = size_t{instance_->maps().sizes.root_rows} * LB_ROOT_ROW_BYTES;
  instance_->maps().roots[set * bytes + 200] ^= std::byte{4};
  EXPECT_TRUE(absl::IsDataLoss(MapWriter::Open(instance_->maps(), totals_.get()).status()));
}

// A writer that publishes, tries, renews and decides is killed at random moments. What it leaves is
// taken over: packets are decided by one generation, which is one that the trial allows.
TEST_F(TrialTest, KilledAtAnyInstructionItLeavesWhatCanBeTakenOver) {
  const uint32_t seed = std::random_device()();
  std::printf("seed %u\n", seed);
  std::mt19937 random(seed);
  uint64_t generation = 1;
  Publish(generation);
  int armed = 0, returned = 0, confirmed = 0;
  // What the child has done in all; it may be slow to begin.
  auto* const steps = static_cast<std::atomic<uint32_t>*>(
      mmap(nullptr, sizeof(std::atomic<uint32_t>), PROT_READ | PROT_WRITE,
           MAP_SHARED | MAP_ANONYMOUS, -1, 0));
  ASSERT_NE(static_cast<void*>(steps), MAP_FAILED);
  constexpr int kRounds = 150;
  for (int round = 0; round < kRounds; ++round) {
    const uint64_t first = generation + 2;
    const uint32_t choices = random();
    steps->store(0);
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      std::mt19937 choose(choices);
      for (uint64_t next = first;; next += 2) {
        const uint64_t id = next;
        if (!Try(id, next, BootTimeNs() + (choose() % 2 == 0 ? kSecondNs / 1000 : kSecondNs))
                 .ok()) {
          _exit(1);
        }
        ++*steps;
        while (choose() % 2 == 0) {
          next += 2;
          if (!Try(id, next, 0).ok()) _exit(2);
        }
        writer_->DecideTrial(choose() % 2 == 0 ? TrialState::kConfirmed : TrialState::kReturned);
        ++*steps;
        if (choose() % 2 == 0) {
          next += 2;
          if (!writer_->Publish(ImageOf(next, 1), MarkedWord).ok()) _exit(3);
        }
      }
    }
    const uint32_t at_least = random() % 6;
    siginfo_t ended{};
    while (*steps < at_least && ended.si_pid == 0) {
      std::this_thread::yield();
      waitid(P_PID, static_cast<id_t>(child), &ended, WEXITED | WNOHANG | WNOWAIT);
    }
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "seed " << seed << ": exit " << WEXITSTATUS(status);

    Reopen();
    if (HasFatalFailure()) return;
    const TrialRecord trial = writer_->trial();
    armed += trial.state == TrialState::kArmed ? 1 : 0;
    returned += trial.state == TrialState::kReturned ? 1 : 0;
    confirmed += trial.state == TrialState::kConfirmed ? 1 : 0;
    const int mark = MarkOf(Send(1));
    writer_->SettleTrial();  // the packet may have been past the deadline
    ASSERT_EQ(mark, static_cast<int>(writer_->current()->generation() % kMarks))
        << "seed " << seed << " round " << round;
    if (trial.state == TrialState::kArmed) {
      const TrialState ended = writer_->DecideTrial(TrialState::kReturned);
      ASSERT_EQ(ended, TrialState::kReturned);
      ASSERT_EQ(MarkOf(Send(2)), static_cast<int>(trial.return_generation % kMarks));
    }
    generation = std::max({writer_->current()->generation(), trial.return_generation, generation});
    // Sets that were being filled hold higher ones.
    for (uint32_t set = 0; set < LB_SETS; ++set) {
      generation = std::max(generation, SetHeader(instance_->maps(), set)->generation);
    }
  }
  munmap(steps, sizeof(*steps));
  std::printf("found armed %d, returned %d, confirmed %d times of %d\n", armed, returned, confirmed,
              kRounds);
  EXPECT_GT(armed, 0);
}

}  // namespace
}  // namespace evenkeel
