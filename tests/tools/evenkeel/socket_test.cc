// What connecting to a socket that is no evenkeeld comes to.
#include "tools/evenkeel/socket.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>
#include <thread>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "tests/tools/evenkeel/temp_folder.h"
#include "tools/evenkeel/client.h"

namespace evenkeel::cli {
namespace {

class SocketTest : public testing::Test {
 protected:
  // A socket that listens at path_.
  int Bind(int type, int backlog) {
    const int fd = socket(AF_UNIX, type, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strncpy(address.sun_path, path_.c_str(), sizeof(address.sun_path) - 1);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
    EXPECT_EQ(listen(fd, backlog), 0);
    return fd;
  }

  Failure Ask(absl::Duration timeout) {
    Client client(path_, timeout);
    v1::StatusReply reply;
    return client.Call(v1::StatusRequest(), reply).value_or(Failure{.exit = ExitStatus::kDone});
  }

  void ExpectNoDaemon(const std::string& message, absl::Duration timeout = absl::Seconds(5)) {
    const Failure failure = Ask(timeout);
    EXPECT_EQ(failure.exit, ExitStatus::kNoDaemon);
    EXPECT_TRUE(absl::StrContains(failure.message, message)) << failure.message;
    EXPECT_TRUE(absl::StrContains(failure.message, path_)) << failure.message;
    EXPECT_FALSE(failure.hint.empty());
  }

  const TempFolder folder_;
  const std::string path_ = folder_.Path("socket");
};

TEST_F(SocketTest, NotThere) { ExpectNoDaemon("does not exist"); }

TEST_F(SocketTest, AnOrdinaryFile) {
  folder_.Write("socket", "");
  ExpectNoDaemon("is not a socket");
}

TEST_F(SocketTest, LeftBehindByAProcessThatDied) {
  close(Bind(SOCK_STREAM, 1));
  ExpectNoDaemon("nothing listens on");
}

TEST_F(SocketTest, OfAnotherKind) {
  const int fd = Bind(SOCK_SEQPACKET, 1);
  ExpectNoDaemon("socket of another kind");
  close(fd);
}

TEST_F(SocketTest, ListenerThatNeverAccepts) {
  const int fd = Bind(SOCK_STREAM, 5);
  ExpectNoDaemon("gave no answer within 300ms", absl::Milliseconds(300));
  close(fd);
}

TEST_F(SocketTest, FullBacklog) {
  const int fd = Bind(SOCK_STREAM, 0);
  const auto first = ConnectSocket(path_, absl::Now() + absl::Seconds(1));
  ASSERT_TRUE(std::holds_alternative<int>(first));
  ExpectNoDaemon("accepts no connection", absl::Milliseconds(300));
  close(std::get<int>(first));
  close(fd);
}

TEST_F(SocketTest, PeerThatHangsUp) {
  const int fd = Bind(SOCK_STREAM, 5);
  std::thread peer([fd] { close(accept(fd, nullptr, nullptr)); });
  ExpectNoDaemon("the connection broke off");
  peer.join();
  close(fd);
}

TEST_F(SocketTest, PeerThatTalksSomethingElse) {
  const int fd = Bind(SOCK_STREAM, 5);
  std::thread peer([fd] {
    const int connection = accept(fd, nullptr, nullptr);
    const char garbage[] = "HTTP/1.1 400 Bad Request\r\n\r\n\xff\xfe\x00\x01";
    EXPECT_GT(send(connection, garbage, sizeof(garbage), MSG_NOSIGNAL), 0);
    absl::SleepFor(absl::Milliseconds(200));
    close(connection);
  });
  ExpectNoDaemon("the connection broke off");
  peer.join();
  close(fd);
}

TEST_F(SocketTest, PathTooLongForASocket) {
  const auto connected = ConnectSocket("/" + std::string(200, 'x'), absl::Now());
  ASSERT_TRUE(std::holds_alternative<Failure>(connected));
  EXPECT_EQ(std::get<Failure>(connected).exit, ExitStatus::kUsage);
}

}  // namespace
}  // namespace evenkeel::cli
