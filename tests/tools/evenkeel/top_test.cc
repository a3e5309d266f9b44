#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/share_bar.h"
#include "tools/evenkeel/top_frame.h"
#include "tools/evenkeel/top_view.h"
#include "tools/evenkeel/watch_view.h"

namespace evenkeel::cli {
namespace {

constexpr Terminal kPlainTerminal = {.interactive = true, .color = false, .unicode = false};

// Two services over `backends` backends of equal weight, after `seconds` of traffic.
TopSample Sample(int backends, double seconds) {
  TopSample sample;
  sample.taken = absl::FromUnixMillis(1'700'000'000'000 + static_cast<int64_t>(seconds * 1000));
  sample.status.set_revision(12);
  sample.status.set_state("confirmed");
  sample.status.set_generation(31);
  sample.status.add_planes()->set_connected(true);
  for (const char* service : {"http4", "http6"}) {
    for (int i = 1; i <= backends; ++i) {
      v1::Backend& backend = *sample.backends.add_backends();
      backend.set_service(service);
      backend.set_pool("web");
      backend.set_name(absl::StrCat("b", i));
      backend.set_state("up");
      backend.set_share_expected(1.0 / backends);
      backend.set_share_observed(1.0 / backends);
      backend.set_new_flows(static_cast<int64_t>(100 * seconds));
      backend.set_packets(static_cast<int64_t>(1000 * seconds));
      backend.set_bytes(static_cast<int64_t>(125'000'000 * seconds));
    }
  }
  return sample;
}

TopFrame Frame(int backends) {
  const TopSample before = Sample(backends, 1);
  return MakeTopFrame(&before, Sample(backends, 3));
}

TEST(TopFrameTest, SubtractsTwoLooks) {
  const TopFrame frame = Frame(4);
  EXPECT_DOUBLE_EQ(frame.seconds, 2);
  ASSERT_EQ(frame.services.size(), 2u);
  EXPECT_EQ(frame.services[1].name, "http6");
  ASSERT_EQ(frame.services[0].backends.size(), 4u);
  EXPECT_DOUBLE_EQ(*frame.services[0].backends[0].rates.new_flows, 100);
  EXPECT_DOUBLE_EQ(*frame.services[0].backends[0].rates.packets, 1000);
  EXPECT_DOUBLE_EQ(*frame.services[0].backends[0].rates.bits, 1e9);
  EXPECT_DOUBLE_EQ(*frame.services[0].rates.new_flows, 400);
}

TEST(TopFrameTest, HasNoRatesAtTheFirstLookAndAfterARestartOfThePlane) {
  const TopSample later = Sample(1, 5);
  EXPECT_FALSE(MakeTopFrame(nullptr, later).services[0].rates.packets);
  TopSample restarted = Sample(1, 2);
  restarted.taken = later.taken + absl::Seconds(1);
  EXPECT_FALSE(MakeTopFrame(&later, restarted).services[0].rates.packets);
}

TEST(TopFrameTest, IsAnObjectWithEveryField) {
  TopFrame frame = Frame(1);
  frame.services.resize(1);
  frame.services[0].backends[0].share_observed.reset();
  EXPECT_EQ(
      Dump(ToJson(frame), JsonLayout::kLine),
      R"({"time":"2023-11-14T22:13:23.000Z","seconds":2.0,"revision":12,)"
      R"("state":"confirmed","generation":31,"alarms":[],"notes":[],"services":[{"name":"http4",)"
      R"("new_flows_per_second":100.0,"packets_per_second":1000.0,)"
      R"("bits_per_second":1000000000.0,"backends":[{"name":"b1","pool":"web",)"
      R"("address":"","state":"up","share_expected":1.0,"share_observed":null,)"
      R"("new_flows_per_second":100.0,"packets_per_second":1000.0,)"
      R"("bits_per_second":1000000000.0}]}]})");
}

TEST(TopFrameTest, CallsASharePastChanceAndRoundingUneven) {
  TopFrame frame = Frame(4);
  TopService& service = frame.services[0];
  EXPECT_FALSE(IsUneven(service, service.backends[0]));
  // 4,000 flows: a standard deviation of 0.7 points.
  service.backends[0].share_observed = 0.27;
  EXPECT_FALSE(IsUneven(service, service.backends[0]));
  service.backends[0].share_observed = 0.35;
  EXPECT_TRUE(IsUneven(service, service.backends[0]));
  service.backends[0].share_observed.reset();
  EXPECT_FALSE(IsUneven(service, service.backends[0]));
}

TEST(ShareBarTest, IsAsLongAsTheShareAndMarksTheExpectedOne) {
  EXPECT_EQ(ShareBar({.expected = 0.5, .observed = 0.5, .full = 1}, 11, false), "#####|     ");
  EXPECT_EQ(ShareBar({.expected = 0.5, .observed = 1, .full = 1}, 11, false), "#####|#### ");
  EXPECT_EQ(ShareBar({.expected = 1, .observed = 0.2, .full = 1}, 11, false), "##        |");
  EXPECT_EQ(ShareBar({.expected = 0, .observed = 0, .full = 0}, 3, false), "|  ");
  EXPECT_EQ(ShareBar({.expected = 1, .observed = 0.55, .full = 1}, 11, true), "█████▌    │");
}

TEST(TopViewTest, FitsAnOrdinaryTerminal) {
  const auto lines = RenderTop(Frame(2), "", {.columns = 80, .rows = 24}, kPlainTerminal);
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_EQ(lines[0].substr(0, 58), "Evenkeel  revision 12 (confirmed)  generation 31  planes 1");
  EXPECT_TRUE(absl::StrContains(lines[1], "EXPECTED   OBSERVED"));
  EXPECT_TRUE(absl::StrContains(lines[1], "NEW/S     PKT/S    GBIT/S"));
  EXPECT_TRUE(absl::StartsWith(lines[3], "  b1             50.00%     50.00%  ##"));
  EXPECT_TRUE(absl::EndsWith(lines[3], "|       100      1000     1.000"));
}

TEST(TopViewTest, NeverLeavesItsTerminal) {
  for (int columns : {1, 5, 12, 20, 33, 40, 60, 79, 80, 120, 300}) {
    for (int rows : {1, 2, 3, 4, 5, 7, 10, 24, 60}) {
      for (int backends : {1, 3, 200}) {
        TopFrame frame = Frame(backends);
        frame.alarms = {"something\nis wrong"};
        frame.notes = {"one flow\nhas most"};
        const auto lines =
            RenderTop(frame, "a notice", {.columns = columns, .rows = rows}, kPlainTerminal);
        EXPECT_LE(lines.size(), static_cast<size_t>(rows));
        for (const std::string& line : lines) {
          EXPECT_LE(DisplayWidth(line), static_cast<size_t>(columns)) << line;
          EXPECT_FALSE(absl::StrContains(line, "\n"));
        }
      }
    }
  }
}

TEST(TopViewTest, ShowsTheBackendsThatAreOffWhenThereIsNoRoomForAll) {
  TopFrame frame = Frame(200);
  frame.services[0].backends[150].share_observed = 0.04;
  frame.services[0].backends[170].state = "down";
  const auto lines = RenderTop(frame, "", {.columns = 100, .rows = 8}, kPlainTerminal);
  ASSERT_EQ(lines.size(), 8u);
  EXPECT_TRUE(absl::StrContains(lines[2], "http4 (2 of"));
  EXPECT_TRUE(absl::StartsWith(lines[3], "  b151 "));
  EXPECT_TRUE(absl::StartsWith(lines[4], "  b171 down"));
}

TEST(TopViewTest, SaysHowManyServicesAreNotShown) {
  const auto lines = RenderTop(Frame(3), "", {.columns = 80, .rows = 5}, kPlainTerminal);
  ASSERT_EQ(lines.size(), 5u);
  EXPECT_EQ(lines[4].substr(0, 19), "and 1 more service ");
}

TEST(TopViewTest, ANoteIsPlainAndBelowTheAlarms) {
  TopSample sample = Sample(2, 1);
  sample.status.add_notes()->set_message("one flow has 40 % of the bytes");
  sample.status.add_alarms()->set_message("b1 gets too much");
  const TopFrame frame = MakeTopFrame(nullptr, sample);
  EXPECT_EQ(ToJson(frame)["notes"][0], "one flow has 40 % of the bytes");
  Terminal terminal = kPlainTerminal;
  terminal.color = true;
  const auto lines = RenderTop(frame, "", {.columns = 80, .rows = 24}, terminal);
  EXPECT_TRUE(absl::StrContains(lines[1], "\x1b[31malarm: b1 gets too much")) << lines[1];
  EXPECT_TRUE(absl::StartsWith(lines[2], "note: one flow has 40 % of the bytes")) << lines[2];
  EXPECT_FALSE(absl::StrContains(lines[2], "\x1b")) << lines[2];

  for (int i = 0; i < 30; ++i) sample.status.add_notes()->set_message("another one");
  const auto many =
      RenderTop(MakeTopFrame(nullptr, sample), "", {.columns = 80, .rows = 24}, kPlainTerminal);
  EXPECT_TRUE(absl::StartsWith(many[5], "and 28 more notes")) << many[5];
  EXPECT_TRUE(absl::StartsWith(many[6], "SERVICE")) << many[6];
}

TEST(TopViewTest, PaintsOnlyWithColour) {
  Terminal terminal = kPlainTerminal;
  const TerminalSize size{.columns = 100, .rows = 24};
  for (const std::string& line : RenderTop(Frame(2), "", size, terminal)) {
    EXPECT_FALSE(absl::StrContains(line, "\x1b"));
  }
  terminal.color = true;
  EXPECT_TRUE(absl::StrContains(RenderTop(Frame(2), "", size, terminal)[0], "\x1b[1m"));
}

// With an alarm, a note and a trial.
TopSample Troubled(double seconds) {
  TopSample sample = Sample(3, seconds);
  v1::Alarm& alarm = *sample.status.add_alarms();
  alarm.set_rule("F34");
  alarm.set_service("http4");
  alarm.set_backend("web/b1");
  alarm.set_since("2026-01-01T00:00:00Z");
  alarm.set_message("web/b1 gets 50.0 % of the new flows of http4 and should get 33.3 %.");
  v1::Alarm& note = *sample.status.add_notes();
  note.set_rule("F38");
  note.set_service("http4");
  note.set_since("2026-01-01T00:00:07Z");
  note.set_message("one flow has 40 % of the bytes of http4");
  sample.status.mutable_trial()->set_revision(13);
  sample.status.mutable_trial()->set_base_revision(12);
  sample.status.mutable_trial()->set_seconds_left(41);
  return sample;
}

TEST(WatchViewTest, TheLineHoldsStatusAndShares) {
  const nlohmann::ordered_json line = WatchToJson(Troubled(1), Troubled(3));
  EXPECT_EQ(line["revision"], 12);
  EXPECT_EQ(line["trial"]["seconds_left"], 41);
  EXPECT_EQ(line["alarms"][0]["rule"], "F34");
  EXPECT_EQ(line["alarms"][0]["backend"], "web/b1");
  EXPECT_EQ(line["notes"][0]["rule"], "F38");
  EXPECT_EQ(line["services"][0]["name"], "http4");
  EXPECT_EQ(line["services"][0]["new_flows_per_second"], 300);
  EXPECT_EQ(line["services"][0]["backends"][2]["share_expected"], 1.0 / 3);
}

TEST(WatchViewTest, ShowsTrialAlarmAndShares) {
  const TopSample before = Troubled(1);
  const std::vector<std::string> lines =
      RenderWatch(&before, Troubled(3), "", {.columns = 60, .rows = 24}, kPlainTerminal);
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  EXPECT_TRUE(absl::StrContains(text, "revision 13 is on trial for 41 s more")) << text;
  EXPECT_TRUE(absl::StrContains(text, "F34 since 2026-01-01T00:00:00Z: web/b1 gets")) << text;
  EXPECT_TRUE(absl::StrContains(text, "    new flows of http4 and should get 33.3 %.")) << text;
  const std::string note = "note: F38 since 2026-01-01T00:00:07Z: one flow has 40 % of";
  EXPECT_TRUE(absl::StrContains(text, note)) << text;
  EXPECT_EQ(text.find("note: "), text.rfind("note: ")) << "told once\n" << text;
  EXPECT_TRUE(absl::StrContains(text, "b3 ")) << text;
}

TEST(WatchViewTest, NeverLeavesItsTerminal) {
  for (int columns : {1, 5, 20, 60, 80, 300}) {
    for (int rows : {1, 2, 3, 5, 10, 24, 60}) {
      const auto lines = RenderWatch(nullptr, Troubled(3), "a notice",
                                     {.columns = columns, .rows = rows}, kPlainTerminal);
      EXPECT_LE(lines.size(), static_cast<size_t>(rows));
      for (const std::string& line : lines) {
        EXPECT_LE(DisplayWidth(line), static_cast<size_t>(columns)) << line;
      }
    }
  }
}

}  // namespace
}  // namespace evenkeel::cli
