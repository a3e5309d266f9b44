#include "control/app/alarm_teller.h"

#include <gtest/gtest.h>
#include <httplib.h>
#include <sys/stat.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/control/app/temp_dir.h"

namespace evenkeel {
namespace {

AlarmEvent SomeAlarm(bool is_raised = true) {
  return {.is_raised = is_raised,
          .alarm = {.rule = "F34",
                    .service = "http",
                    .backend = {},
                    .since = absl::FromUnixSeconds(1'790'000'000),
                    .message = "it's \"uneven\"; $(reboot)"}};
}

class AlarmTellerTest : public testing::Test {
 protected:
  std::string Script(const std::string& body) {
    const std::string path = dir_ / "page";
    std::ofstream(path) << "#!/bin/sh\n" << body << "\n";
    chmod(path.c_str(), 0700);
    return path;
  }
  std::string Read(const std::string& path) {
    std::stringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }
  template <typename Condition>
  static bool Comes(const Condition& condition) {
    for (int i = 0; i < 3000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(10));
    return condition();
  }

  TempDir dir_;
};

TEST_F(AlarmTellerTest, RunsTheProgramWithTheAlarmAsWords) {
  const std::string out = dir_ / "out";
  auto teller = AlarmTeller::Start(
      {.exec = Script(absl::StrCat("printf '%s|' \"$@\" >> ", out, "; echo >> ", out))});
  ASSERT_TRUE(teller.ok()) << teller.status();
  (*teller)->Send(SomeAlarm());
  (*teller)->Send(SomeAlarm(false));
  const std::string expected =
      "raised|F34|http||2026-09-21T14:13:20Z|it's \"uneven\"; $(reboot)|\n"
      "cleared|F34|http||2026-09-21T14:13:20Z|it's \"uneven\"; $(reboot)|\n";
  EXPECT_TRUE(Comes([&] { return Read(out) == expected; })) << Read(out);
}

TEST_F(AlarmTellerTest, AProgramThatHangsIsEndedAndTheNextOneRuns) {
  const std::string out = dir_ / "out";
  auto teller = AlarmTeller::Start(
      {.exec = Script(absl::StrCat("echo $1 >> ", out, "; [ $1 = cleared ] || sleep 1000")),
       .time_limit = absl::Seconds(2)});
  ASSERT_TRUE(teller.ok()) << teller.status();
  (*teller)->Send(SomeAlarm());
  (*teller)->Send(SomeAlarm(false));
  EXPECT_TRUE(Comes([&] { return Read(out) == "raised\ncleared\n"; })) << Read(out);
}

TEST_F(AlarmTellerTest, PostsJsonAndTriesAgain) {
  httplib::Server server;
  std::mutex mutex;
  std::vector<std::string> bodies;
  server.Post("/hook", [&](const httplib::Request& request, httplib::Response& response) {
    const std::lock_guard lock(mutex);
    bodies.push_back(request.body);
    response.status = bodies.size() == 1 ? 503 : 204;
  });
  const int port = server.bind_to_any_port("127.0.0.1");
  std::thread thread([&] { server.listen_after_bind(); });
  while (!server.is_running()) absl::SleepFor(absl::Milliseconds(1));
  {
    auto teller = AlarmTeller::Start({.webhook = absl::StrCat("http://127.0.0.1:", port, "/hook")});
    ASSERT_TRUE(teller.ok()) << teller.status();
    (*teller)->Send(SomeAlarm());
    EXPECT_TRUE(Comes([&] {
      const std::lock_guard lock(mutex);
      return bodies.size() == 2;
    }));
  }
  server.stop();
  thread.join();
  ASSERT_EQ(bodies.size(), 2u);
  const nlohmann::json body = nlohmann::json::parse(bodies[1], nullptr, false);
  EXPECT_EQ(body["event"], "raised");
  EXPECT_EQ(body["rule"], "F34");
  EXPECT_EQ(body["service"], "http");
  EXPECT_TRUE(body["backend"].is_null());
  EXPECT_EQ(body["since"], "2026-09-21T14:13:20Z");
}

TEST_F(AlarmTellerTest, RefusesWhatItCouldNotUse) {
  EXPECT_FALSE(AlarmTeller::Start({.exec = dir_ / "nothing"}).ok());
  for (const char* url : {"https://a/b", "ftp://a", "http://", "http:///a", "a.example"}) {
    const auto teller = AlarmTeller::Start({.webhook = url});
    ASSERT_FALSE(teller.ok()) << url;
    EXPECT_TRUE(absl::StrContains(teller.status().message(), url));
  }
}

}  // namespace
}  // namespace evenkeel
