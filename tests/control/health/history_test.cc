#include "control/health/history.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

const ProbeOutcome kPass = ProbeOutcome::Passed();
const ProbeOutcome kFail = ProbeOutcome::Unanswered("no answer");
const ProbeOutcome kUnable = ProbeOutcome::Undecided("no descriptor");

CheckHistory After(std::initializer_list<ProbeOutcome> outcomes) {
  CheckHistory history(2, 3);
  for (const ProbeOutcome& outcome : outcomes) history.Take(outcome);
  return history;
}

TEST(CheckHistoryTest, TakesAsManyInARowAsConfigured) {
  EXPECT_EQ(After({kPass}).passing(), std::nullopt);
  EXPECT_EQ(After({kPass, kPass}).passing(), true);
  EXPECT_EQ(After({kFail, kFail}).passing(), std::nullopt);
  EXPECT_EQ(After({kFail, kFail, kFail}).passing(), false);
  EXPECT_EQ(After({kFail, kFail, kPass, kFail, kFail}).passing(), std::nullopt);
  EXPECT_EQ(After({kPass, kPass, kFail, kFail}).passing(), true);
  EXPECT_EQ(After({kPass, kPass, kFail, kFail, kFail}).passing(), false);
  EXPECT_EQ(After({kFail, kFail, kFail, kPass, kFail, kPass}).passing(), false);
  EXPECT_EQ(After({kFail, kFail, kFail, kPass, kPass}).passing(), true);
}

TEST(CheckHistoryTest, WhatCouldNotBeAskedCountsNeitherWay) {
  EXPECT_EQ(After({kPass, kUnable, kPass}).passing(), true);
  EXPECT_EQ(After({kPass, kPass, kUnable, kUnable, kUnable, kUnable}).passing(), true);
  EXPECT_EQ(After({kPass, kPass, kUnable}).last_error(), "no descriptor");
  EXPECT_EQ(After({kFail, kPass}).last_error(), "");
}

TEST(CheckHistoryTest, HurriesOnlyTowardsAPass) {
  EXPECT_FALSE(After({}).nearly_passing());
  EXPECT_TRUE(After({kPass}).nearly_passing());
  EXPECT_FALSE(After({kFail}).nearly_passing());
  EXPECT_FALSE(After({kPass, kPass}).nearly_passing());
}

TEST(CheckHistoryTest, OnlyCompleteSilenceKillsThePath) {
  CheckHistory history(2, 3);
  for (int i = 0; i < 9; ++i) history.TakeRound(/*answered=*/false, /*complete=*/false);
  EXPECT_TRUE(history.path_alive());
  history.TakeRound(false, true);
  history.TakeRound(false, true);
  EXPECT_TRUE(history.path_alive());
  history.TakeRound(false, true);
  EXPECT_FALSE(history.path_alive());
  history.TakeRound(true, true);
  EXPECT_TRUE(history.path_alive());
}

}  // namespace
}  // namespace evenkeel
