#include "control/transition/transition_set.h"

#include <random>
#include <set>

#include "gtest/gtest.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

lb_transition Open(uint16_t previous, uint64_t until_ns) {
  return {.previous = previous, .state = LB_SLOT_OPEN, .open_until_ns = until_ns};
}

TEST(TransitionSetTest, EqualRecordsAreOne) {
  TransitionSet set({});
  const uint32_t first = set.Add(Open(1, 10));
  EXPECT_EQ(set.Add(Open(1, 10)), first);
  EXPECT_NE(set.Add(Open(2, 10)), first);
  EXPECT_EQ(set.used(), 2u);
}

TEST(TransitionSetTest, ARecordOfTheRunningImageKeepsItsNumber) {
  const std::vector<lb_transition> running = {{}, Open(1, 10), Open(2, 10), Open(3, 10)};
  TransitionSet set(running);
  const uint32_t added = set.Add(Open(9, 99));
  const uint32_t kept = set.Keep(3);
  const auto references = set.Finish();
  ASSERT_TRUE(references.ok());
  EXPECT_EQ((*references)[kept], 1) << "two are in use: no number is beyond two";
  EXPECT_EQ((*references)[added], 2);

  TransitionSet again(running);
  EXPECT_EQ(again.Keep(1), 1u);
  EXPECT_EQ(again.Keep(2), 2u);
  again.Keep(3);
  const auto same = again.Finish();
  ASSERT_TRUE(same.ok());
  EXPECT_EQ(*same, (std::vector<uint16_t>{0, 1, 2, 3}));
}

TEST(TransitionSetTest, RefusesMoreThanATableCanReferTo) {
  TransitionSet set({});
  for (uint32_t n = 0; n < 65535; n++) set.Add(Open(static_cast<uint16_t>(n % 1000), n));
  EXPECT_TRUE(set.Finish().ok());
  TransitionSet more({});
  for (uint32_t n = 0; n < 65536; n++) more.Add(Open(static_cast<uint16_t>(n % 1000), n));
  EXPECT_EQ(more.Finish().status().code(), absl::StatusCode::kResourceExhausted);
}

TEST(TransitionSetTest, AnyMixOfKeptAndAddedComesOutWhole) {
  std::mt19937 random(TestSeed());
  for (int round = 0; round < 300; round++) {
    std::vector<lb_transition> running = {{}};
    const uint32_t count = random() % 20;
    for (uint16_t i = 0; i < count; i++) running.push_back(Open(i, 10));
    TransitionSet set(running);
    std::vector<std::pair<uint32_t, lb_transition>> given;
    for (uint32_t i = 0; i < 30; i++) {
      const uint16_t choice = static_cast<uint16_t>(random() % 40);
      if (choice != 0 && choice <= count) {
        given.emplace_back(set.Keep(choice), running[choice]);
      } else {
        given.emplace_back(set.Add(Open(choice, 20)), Open(choice, 20));
      }
    }
    const size_t used = set.used();
    const auto references = set.Finish();
    ASSERT_TRUE(references.ok());
    const std::vector<lb_transition> records = set.TakeRecords();
    ASSERT_EQ(records.size(), used);
    std::set<uint16_t> distinct;
    for (const auto& [number, record] : given) {
      const uint16_t reference = (*references)[number];
      ASSERT_GE(reference, 1);
      ASSERT_LE(reference, used);
      ASSERT_EQ(TransitionKey(records[reference - 1]), TransitionKey(record));
      distinct.insert(reference);
    }
    ASSERT_EQ(distinct.size(), used);
  }
}

}  // namespace
}  // namespace evenkeel
