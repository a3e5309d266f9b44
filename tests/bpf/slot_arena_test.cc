#include "bpf/slot_arena.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace evenkeel {
namespace {

Digest Named(uint32_t number) {
  Digest digest{};
  for (size_t i = 0; i < 4; ++i) digest[i] = static_cast<uint8_t>(number >> (8 * i));
  return digest;
}

TEST(SlotArenaTest, ATableLiesThereOnceAndAsLongAsSomebodyHasIt) {
  SlotArena arena(512);
  EXPECT_TRUE(arena.Take(Named(1), 256)->is_new);
  EXPECT_FALSE(arena.Take(Named(1), 256)->is_new);
  EXPECT_TRUE(arena.Take(Named(2), 256));
  EXPECT_FALSE(arena.Take(Named(3), 256));
  arena.Release(Named(1));
  EXPECT_FALSE(arena.Take(Named(3), 256));
  arena.Release(Named(1));
  EXPECT_EQ(arena.Take(Named(3), 256)->first, 0u);
}

TEST(SlotArenaTest, FreeRunsGrowTogetherAgain) {
  SlotArena arena(4096);
  for (uint32_t i = 0; i < 16; ++i) ASSERT_TRUE(arena.Take(Named(i), 256));
  for (uint32_t i = 0; i < 16; i += 2) arena.Release(Named(i));
  EXPECT_FALSE(arena.Take(Named(99), 512));
  for (uint32_t i = 1; i < 16; i += 2) arena.Release(Named(i));
  EXPECT_EQ(arena.Take(Named(99), 4096)->first, 0u);
}

TEST(SlotArenaTest, TakesWhatARestartFindsWhereItLies) {
  SlotArena arena(1024);
  EXPECT_TRUE(arena.TakeAt(Named(1), 512, 256));
  EXPECT_TRUE(arena.TakeAt(Named(1), 512, 256));
  EXPECT_FALSE(arena.TakeAt(Named(1), 256, 256));  // it cannot lie in two places
  EXPECT_FALSE(arena.TakeAt(Named(2), 700, 256));  // across another
  EXPECT_FALSE(arena.TakeAt(Named(2), 900, 256));  // past the end
  EXPECT_EQ(arena.Take(Named(3), 512)->first, 0u);
  EXPECT_EQ(arena.Take(Named(4), 256)->first, 768u);
}

TEST(SlotArenaTest, NoRowIsEverHeldTwice) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  SlotArena arena(8192);
  struct Held {
    uint32_t number, first, rows;
  };
  std::vector<Held> held;
  std::vector<int> owner(8192, -1);
  for (uint32_t step = 0; step < 20000; ++step) {
    if (!held.empty() && random() % 2 == 0) {
      std::swap(held[random() % held.size()], held.back());
      const Held gone = held.back();
      held.pop_back();
      arena.Release(Named(gone.number));
      for (uint32_t row = gone.first; row < gone.first + gone.rows; ++row) owner[row] = -1;
      continue;
    }
    const uint32_t rows = 256u << (random() % 4);
    const auto place = arena.Take(Named(step), rows);
    if (!place) continue;
    ASSERT_LE(place->first + rows, 8192u);
    for (uint32_t row = place->first; row < place->first + rows; ++row) {
      ASSERT_EQ(owner[row], -1);
      owner[row] = static_cast<int>(step);
    }
    held.push_back({step, place->first, rows});
  }
}

}  // namespace
}  // namespace evenkeel
