// The page and what feeds it, over HTTP as a browser asks.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <nlohmann/json.hpp>
#include <regex>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/metrics/http_server.h"
#include "control/watch/lookout.h"
#include "dataplane/table/digest.h"
#include "tests/control/app/change_rig.h"

namespace evenkeel {
namespace {

class PageTest : public testing::Test, protected ChangeRig {
 protected:
  PageTest() {
    traffic_.Observe([this](const TrafficNow& now, absl::Time at) { lookout_.See(now, at); });
    EXPECT_FALSE(Now(Text({100, 100, 200})).refusal);
    for (uint64_t second = 0; second < 40; ++second) Count(second);
    // Any port that is free; the next one where somebody was faster.
    for (int attempt = 0; attempt < 20 && http_ == nullptr; ++attempt) {
      port_ = FreePort();
      auto http = HttpServer::Start(absl::StrCat("127.0.0.1:", port_), pipeline_.get(), &traffic_,
                                    &lookout_.history());
      if (http.ok()) http_ = *std::move(http);
    }
    EXPECT_NE(http_, nullptr);
  }

  void Count(uint64_t second) {
    StatsSnapshot stats;
    stats.uptime_ns = second * 1'000'000'000;
    const uint64_t flows[] = {100 * second, 100 * second, 200 * second};
    for (uint8_t b = 0; b < 3; ++b) {
      stats.flows.push_back({NameId("http"),
                             BackendId(MapIpv4({10, 0, 1, static_cast<uint8_t>(11 + b)})),
                             5 * flows[b], 300 * flows[b], flows[b]});
    }
    plane_.SetStats(stats);
    traffic_.Sample(absl::FromUnixSeconds(1'790'000'000 + static_cast<int64_t>(second)));
  }
  static int FreePort() {
    const int socket = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in address{.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t size = sizeof(address);
    EXPECT_EQ(bind(socket, reinterpret_cast<sockaddr*>(&address), size), 0);
    EXPECT_EQ(getsockname(socket, reinterpret_cast<sockaddr*>(&address), &size), 0);
    close(socket);
    return ntohs(address.sin_port);
  }
  httplib::Result Get(const std::string& path) {
    return httplib::Client("127.0.0.1", port_).Get(path);
  }
  nlohmann::json GetJson(const std::string& path) {
    const httplib::Result answer = Get(path);
    EXPECT_TRUE(answer && answer->status == 200) << path;
    if (!answer) return nullptr;
    return nlohmann::json::parse(answer->body, nullptr, false);
  }

  Traffic traffic_{{&plane_}};
  Lookout lookout_{pipeline_.get(), &traffic_, [](const AlarmEvent&) {}};
  int port_ = 0;
  std::unique_ptr<HttpServer> http_;
};

std::string HashOf(const std::string& page, const std::string& tag) {
  const size_t begin = page.find("<" + tag + ">") + tag.size() + 2;
  const std::string content = page.substr(begin, page.find("</" + tag + ">") - begin);
  const Digest digest = Sha256(std::as_bytes(std::span(content)));
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

TEST_F(PageTest, ThePolicyLetsItsOwnScriptRunAndNothingElse) {
  const httplib::Result page = Get("/");
  ASSERT_TRUE(page);
  EXPECT_EQ(page->status, 200);
  EXPECT_EQ(page->get_header_value("Content-Type"), "text/html; charset=utf-8");
  const std::string policy = page->get_header_value("Content-Security-Policy");
  EXPECT_TRUE(absl::StartsWith(policy, "default-src 'none'; ")) << policy;
  EXPECT_TRUE(absl::StrContains(
      policy, absl::StrCat("script-src 'sha256-", HashOf(page->body, "script"), "'; ")));
  EXPECT_TRUE(absl::StrContains(
      policy, absl::StrCat("style-src 'sha256-", HashOf(page->body, "style"), "'; ")));
  EXPECT_FALSE(absl::StrContains(policy, "unsafe"));
  // The one address in it is the name of SVG.
  const std::regex address("(https?:)?//[a-z][^\"' ]*");
  for (std::sregex_iterator it(page->body.begin(), page->body.end(), address), end; it != end;
       ++it) {
    EXPECT_EQ(it->str(), "http://www.w3.org/2000/svg");
  }
}

TEST_F(PageTest, IsFedWithSharesAlarmsAndTheTrial) {
  nlohmann::json now = GetJson("/distribution.json");
  EXPECT_EQ(now["node"], "test");
  EXPECT_EQ(now["state"], "confirmed");
  EXPECT_TRUE(now["trial"].is_null());
  EXPECT_TRUE(now["alarms"].empty());
  ASSERT_EQ(now["services"].size(), 2u);
  const nlohmann::json& http = now["services"][0];
  EXPECT_EQ(http["name"], "http");
  EXPECT_EQ(http["backends"][2]["name"], "b3");
  EXPECT_EQ(http["backends"][2]["state"], "up");
  EXPECT_DOUBLE_EQ(http["backends"][2]["expected"], 0.5);
  EXPECT_DOUBLE_EQ(http["backends"][2]["observed"], 0.5);
  EXPECT_TRUE(now["services"][1]["backends"][0]["observed"].is_null()) << "no traffic";
  ASSERT_EQ(now["revisions"].size(), 1u);

  ASSERT_FALSE(Try(Text({100, 100, 190})).refusal);
  now = GetJson("/distribution.json");
  EXPECT_EQ(now["state"], "trial");
  EXPECT_EQ(now["trial"]["base_revision"], 1);
  EXPECT_GT(now["trial"]["seconds_left"], 0);
  EXPECT_EQ(now["trial"]["who"], "alice");
}

TEST_F(PageTest, TellsNotesApartFromAlarms) {
  EXPECT_EQ(GetJson("/distribution.json")["notes"], nlohmann::json::array());
  SampleNow samples;
  samples.notes = {{.rule = "F38",
                    .service = "http",
                    .backend = "web/b1",
                    .since = absl::FromUnixSeconds(1'790'000'000),
                    .message = "one flow"},
                   {.rule = "F30", .service = "http", .message = "one client"}};
  traffic_.SetSamples(samples);
  const nlohmann::json now = GetJson("/distribution.json");
  EXPECT_TRUE(now["alarms"].empty());
  ASSERT_EQ(now["notes"].size(), 2u);
  EXPECT_EQ(now["notes"][0]["rule"], "F38");
  EXPECT_EQ(now["notes"][0]["backend"], "web/b1");
  EXPECT_EQ(now["notes"][0]["since"], "2026-09-21T14:13:20Z");
  EXPECT_EQ(now["notes"][0]["message"], "one flow");
  EXPECT_TRUE(now["notes"][1]["backend"].is_null());
}

TEST_F(PageTest, HasTheHistoryOfAService) {
  const nlohmann::json history = GetJson("/history.json?service=http");
  ASSERT_GE(history["ends"].size(), 3u);
  ASSERT_EQ(history["backends"].size(), 3u);
  EXPECT_EQ(history["backends"][2]["name"], "web/b3");
  EXPECT_EQ(history["backends"][2]["observed"].size(), history["ends"].size());
  EXPECT_FLOAT_EQ(history["backends"][2]["expected"][0], 0.5);
  EXPECT_TRUE(GetJson("/history.json?service=%3Cscript%3E")["backends"].empty());
}

TEST_F(PageTest, SaysWhatIsThereInsteadOfWhatIsNot) {
  const httplib::Result answer = Get("/nothing");
  ASSERT_TRUE(answer);
  EXPECT_EQ(answer->status, 404);
  EXPECT_TRUE(absl::StrContains(answer->body, "/metrics"));
  const auto posted = httplib::Client("127.0.0.1", port_).Post("/", "x", "text/plain");
  EXPECT_FALSE(posted && posted->status == 200) << "it changes nothing";
}

TEST_F(PageTest, AConnectionThatIsLeftOpenHoldsNobodyUp) {
  std::vector<std::unique_ptr<httplib::Client>> clients;
  for (int i = 0; i < 12; ++i) {
    clients.push_back(std::make_unique<httplib::Client>("127.0.0.1", port_));
    clients.back()->set_keep_alive(true);
    const httplib::Result answer = clients.back()->Get("/digest");
    ASSERT_TRUE(answer) << i;
    EXPECT_EQ(answer->status, 200);
  }
}

}  // namespace
}  // namespace evenkeel
