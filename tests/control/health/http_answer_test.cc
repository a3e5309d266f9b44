#include "control/health/http_answer.h"

#include <gtest/gtest.h>

namespace evenkeel {
namespace {

// The same bytes at once and one by one.
HttpAnswer Taken(absl::string_view text) {
  HttpAnswer at_once, in_drops;
  at_once.Take(text);
  for (size_t i = 0; i < text.size(); ++i) in_drops.Take(text.substr(i, 1));
  EXPECT_EQ(at_once.complete(), in_drops.complete()) << text;
  EXPECT_EQ(at_once.status(), in_drops.status()) << text;
  EXPECT_EQ(at_once.fault(), in_drops.fault()) << text;
  return at_once;
}

TEST(HttpAnswerTest, IsCompleteAtTheEndOfTheHeader) {
  EXPECT_FALSE(Taken("HTTP/1.1 204 No Content\r\nServer: x\r\n").complete());
  const HttpAnswer answer = Taken("HTTP/1.1 204 No Content\r\nServer: x\r\n\r\nbody");
  EXPECT_TRUE(answer.complete());
  EXPECT_EQ(answer.status(), 204u);
  EXPECT_FALSE(answer.fault().has_value());
}

TEST(HttpAnswerTest, TakesWhatOldServersSay) {
  EXPECT_TRUE(Taken("HTTP/1.0 200\n\n").complete());
  EXPECT_EQ(Taken("HTTP/1.1 200\r\n\r\n").status(), 200u);
}

TEST(HttpAnswerTest, RefusesWhatIsNoStatusLine) {
  for (const char* text :
       {"\r\n", "HTTP/2 200\r\n", "HTTP/1.1 20\r\n", "HTTP/1.1 2000\r\n", "HTTP/1.1 abc\r\n",
        "HTTP/1.1  200\r\n", "HTTP/1.1 099 x\r\n", "220 mail ready\r\n"}) {
    EXPECT_TRUE(Taken(text).fault().has_value()) << text;
    EXPECT_FALSE(Taken(text).complete()) << text;
  }
}

TEST(HttpAnswerTest, KeepsLittleOfWhatIsEndless) {
  HttpAnswer answer;
  answer.Take("HTTP/1.1 200 OK\r\n");
  for (int i = 0; i < 1000; ++i) answer.Take(std::string(1000, 'x'));
  EXPECT_EQ(answer.fault(), "its header is longer than 16384 bytes");
  EXPECT_EQ(Taken(std::string(100, '\x01')).fault(),
            "the answer is no HTTP: \"" + std::string(40, '.') + "\"");
}

}  // namespace
}  // namespace evenkeel
