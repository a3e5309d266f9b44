// Peers that hang, die or talk nonsense: an error within the timeout, never a crash, a leak or a
// plane that stops serving.
#include "dataplane/table/channel.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <random>
#include <thread>

#include "absl/time/clock.h"
#include "dataplane/table/channel_client.h"
#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/plane_fixture.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(60);

UniqueFd RawSocket() { return UniqueFd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0)); }

UniqueFd RawConnect(const std::string& path) {
  UniqueFd fd = RawSocket();
  const SocketAddress address = *UnixAddress(path);
  EXPECT_EQ(connect(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.size), 0);
  return fd;
}

UniqueFd RawListen(const std::string& path) {
  UniqueFd fd = RawSocket();
  const SocketAddress address = *UnixAddress(path);
  EXPECT_EQ(bind(fd.get(), reinterpret_cast<const sockaddr*>(address.bytes), address.size), 0);
  EXPECT_EQ(listen(fd.get(), 4), 0);
  return fd;
}

template <typename T>
void RawSend(int fd, const T& message, std::vector<int> fds = {}) {
  (void)SendMessage(fd, std::as_bytes(std::span(&message, 1)), fds);
}

// The next message, or null when the peer has closed.
std::unique_ptr<Message> RawReceive(int fd) {
  auto message = std::make_unique<Message>();
  for (;;) {
    pollfd ready{fd, POLLIN, 0};
    if (poll(&ready, 1, 20000) != 1) return nullptr;
    const absl::Status status = ReceiveMessage(fd, message.get());
    if (status.ok()) return message;
    if (!absl::IsUnavailable(status)) return nullptr;
  }
}

void ExpectStillServing(const TestDirectory& dir, uint64_t generation) {
  const auto client = ChannelClient::Connect(dir / "plane.sock", kTimeout);
  ASSERT_TRUE(client.ok()) << client.status();
  const ImageSpec spec = SmallSpec(generation);
  EXPECT_EQ((*client)->Publish(MustBuild(spec).bytes(), TablesOf(spec), kTimeout),
            absl::OkStatus());
}

class HostileControlTest : public testing::Test {
 protected:
  TestDirectory dir_;
  TestPlane plane_{dir_};
};

TEST_F(HostileControlTest, RandomBytesOnlyEndTheConnection) {
  const uint32_t seed = std::random_device()();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937 random(seed);
  for (int round = 0; round < 300; round++) {
    const UniqueFd fd = RawConnect(dir_ / "plane.sock");
    for (int i = 0; i < 5; i++) {
      std::vector<std::byte> bytes(random() % 9000 + 1);
      for (std::byte& byte : bytes) byte = std::byte{static_cast<uint8_t>(random())};
      if (random() % 2 == 0 && bytes.size() >= sizeof(MessageHeader)) {
        MessageHeader header;
        header.type = static_cast<MessageType>(random() % 10);
        header.size = static_cast<uint32_t>(bytes.size());
        std::memcpy(bytes.data(), &header, sizeof(header));
      }
      const int fds[] = {0, 1, 2};
      (void)SendMessage(fd.get(), bytes, std::span(fds).first(random() % 4));
    }
  }
  ExpectStillServing(dir_, 1);
}

TEST_F(HostileControlTest, DescriptorsOfRefusedMessagesAreClosed) {
  ExpectStillServing(dir_, 1);
  const size_t before = OpenDescriptors();
  {
    const UniqueFd fd = RawConnect(dir_ / "plane.sock");
    ASSERT_NE(RawReceive(fd.get()), nullptr);
    StatsMessage stats = MakeMessage<StatsMessage>(1);
    RawSend(fd.get(), stats, {0, 1, 2});  // descriptors that nobody asked for
    auto tables = MakeMessage<TablesMessage>(2);
    tables.count = 3;
    RawSend(fd.get(), tables, {0, 1});  // one too few: ends the connection
    while (RawReceive(fd.get()) != nullptr) {
    }
  }
  // The plane's thread closes what it holds a moment after the connection's end is seen here.
  const absl::Time deadline = absl::Now() + absl::Seconds(20);
  while (OpenDescriptors() > before && absl::Now() < deadline) {
    absl::SleepFor(absl::Milliseconds(1));
  }
  EXPECT_LE(OpenDescriptors(), before);
}

TEST_F(HostileControlTest, TablesThatAreNoTablesAreNamedInTheNack) {
  const UniqueFd fd = RawConnect(dir_ / "plane.sock");
  ASSERT_NE(RawReceive(fd.get()), nullptr);
  auto tables = MakeMessage<TablesMessage>(1);
  tables.count = 1;
  tables.entry[0].slots_log2 = 12;
  RawSend(fd.get(), tables, {0});
  auto publish = MakeMessage<PublishMessage>(2);
  publish.generation = 7;
  RawSend(fd.get(), publish);
  const std::unique_ptr<Message> answer = RawReceive(fd.get());
  ASSERT_NE(answer, nullptr);
  const NackMessage* nack = answer->As<NackMessage>();
  ASSERT_NE(nack, nullptr);
  EXPECT_EQ(nack->code, static_cast<uint32_t>(NackCode::kTableShape)) << nack->text;
  EXPECT_EQ(nack->generation, 7u);
  EXPECT_EQ(nack->header.request, 2u);
}

TEST_F(HostileControlTest, ControlThatNeverReadsIsDroppedAndThePlaneLivesOn) {
  const UniqueFd fd = RawConnect(dir_ / "plane.sock");
  for (int i = 0; i < 20000; i++) {
    const auto request = MakeMessage<StatsMessage>(static_cast<uint32_t>(i));
    if (SendMessage(fd.get(), std::as_bytes(std::span(&request, 1)), {}).ok()) continue;
    pollfd ready{fd.get(), POLLOUT, 0};
    if (poll(&ready, 1, 100) != 1 || (ready.revents & (POLLERR | POLLHUP)) != 0) break;
  }
  ExpectStillServing(dir_, 1);
}

TEST_F(HostileControlTest, FloodsDoNotKeepANewControlOut) {
  std::vector<std::thread> flood;
  for (int t = 0; t < 2; t++) {
    flood.emplace_back([this] {
      const UniqueFd fd = RawConnect(dir_ / "plane.sock");
      const absl::Time until = absl::Now() + absl::Milliseconds(300);
      while (absl::Now() < until) RawSend(fd.get(), MakeMessage<StatsMessage>(1));
    });
  }
  for (std::thread& thread : flood) thread.join();
  ExpectStillServing(dir_, 1);
}

// Fault: a control that came while the plane handled the last but one of the events that it takes
// at a time was greeted only when something else came.
TEST_F(HostileControlTest, OneThatComesBehindManyEventsIsGreeted) {
  constexpr int kBurst = 80;
  for (int round = 0; round < 60; ++round) {
    const int comes_at = 56 + round % 12;  // of 64 at a time, of which the first may be another
    TestDirectory dir;
    TestPlane plane(dir);
    const UniqueFd first = RawConnect(dir / "plane.sock");
    ASSERT_NE(RawReceive(first.get()), nullptr);
    int handled = 0;
    std::atomic<int> second = -1;
    plane.OnStats([&] {
      if (++handled == 1) {
        for (int i = 1; i < kBurst; ++i) RawSend(first.get(), MakeMessage<StatsMessage>(1));
      }
      if (handled == comes_at) second = RawConnect(dir / "plane.sock").Release();
    });
    RawSend(first.get(), MakeMessage<StatsMessage>(1));
    while (second < 0) absl::SleepFor(absl::Milliseconds(1));
    const UniqueFd connection(second);
    ASSERT_NE(RawReceive(connection.get()), nullptr) << comes_at;
  }
}

// What a plane could do to control.
class HostilePlaneTest : public testing::Test {
 protected:
  // `behave` runs with the accepted connection.
  absl::Status ConnectTo(const std::function<void(int)>& behave,
                         absl::Duration timeout = kTimeout) {
    std::thread plane([&] {
      const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
      behave(peer.get());
    });
    const absl::Time start = absl::Now();
    const absl::Status status = ChannelClient::Connect(dir_ / "plane.sock", timeout).status();
    EXPECT_LT(absl::Now() - start, timeout + absl::Seconds(20));
    plane.join();
    return status;
  }
  static UniqueFd StatsFd() { return *MakeSharedMemfd("stats", 4096); }
  // Says nothing until control hangs up.
  static void StaySilent(int fd) {
    char bytes[1024];
    while (recv(fd, bytes, sizeof(bytes), 0) > 0) {
    }
  }

  TestDirectory dir_;
  UniqueFd listener_ = RawListen(dir_ / "plane.sock");
};

TEST_F(HostilePlaneTest, SilenceIsATimeout) {
  const absl::Status status = ConnectTo(StaySilent, absl::Milliseconds(300));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
}

TEST_F(HostilePlaneTest, DeathIsAnError) {
  const absl::Status status = ConnectTo([](int) {});
  EXPECT_TRUE(absl::IsAborted(status)) << status;
}

TEST_F(HostilePlaneTest, NobodyListeningSaysSo) {
  const absl::Status status = ChannelClient::Connect(dir_ / "none.sock", kTimeout).status();
  EXPECT_TRUE(absl::IsUnavailable(status));
  EXPECT_NE(status.message().find("is evenkeel-dataplane running?"), absl::string_view::npos);
}

TEST_F(HostilePlaneTest, AnotherAbiIsNamed) {
  const UniqueFd stats = StatsFd();
  const absl::Status status = ConnectTo([&](int fd) {
    auto hello = MakeMessage<HelloMessage>(0);
    hello.abi = 99;
    hello.stats_size = 4096;
    RawSend(fd, hello, {stats.get()});
  });
  EXPECT_TRUE(absl::IsFailedPrecondition(status)) << status;
}

TEST_F(HostilePlaneTest, NonsenseIsAnError) {
  const UniqueFd stats = StatsFd();
  const auto hello = [&](const std::function<void(HelloMessage&)>& change) {
    return ConnectTo([&](int fd) {
      auto message = MakeMessage<HelloMessage>(0);
      message.stats_size = 4096;
      change(message);
      RawSend(fd, message, {stats.get()});
      absl::SleepFor(absl::Milliseconds(50));
    });
  };
  EXPECT_EQ(hello([](HelloMessage&) {}), absl::OkStatus());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.stats_size = 8192; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.stats_size = ~uint64_t{0}; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.root_size = 4096; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.table_count = 1; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.table_count = ~0u; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.header.magic = 1; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.header.version = kChannelVersion + 1; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.header.size = 1; }).ok());
  EXPECT_FALSE(hello([](HelloMessage& m) { m.header.type = MessageType::kAck; }).ok());
}

TEST_F(HostilePlaneTest, PlaneThatHangsInTheMiddleCostsATimeoutAndTheConnection) {
  const UniqueFd stats = StatsFd();
  std::thread plane([&] {
    const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
    auto hello = MakeMessage<HelloMessage>(0);
    hello.stats_size = 4096;
    RawSend(peer.get(), hello, {stats.get()});
    StaySilent(peer.get());
  });
  const auto client = ChannelClient::Connect(dir_ / "plane.sock", kTimeout);
  ASSERT_TRUE(client.ok()) << client.status();
  const ImageSpec spec = SmallSpec(1);
  const absl::Status status =
      (*client)->Publish(MustBuild(spec).bytes(), TablesOf(spec), absl::Milliseconds(100));
  EXPECT_TRUE(absl::IsDeadlineExceeded(status)) << status;
  EXPECT_FALSE((*client)->connected());
  EXPECT_TRUE(absl::IsUnavailable((*client)->Stats(kTimeout).status()));
  plane.join();
}

TEST_F(HostilePlaneTest, RootThatDoesNotVerifyIsReportedAndTheConnectionUsable) {
  const UniqueFd stats = StatsFd();
  const UniqueFd root = *MakeSealedMemfd("root", std::vector<std::byte>(4096));
  std::thread plane([&] {
    const UniqueFd peer(accept(listener_.get(), nullptr, nullptr));
    auto hello = MakeMessage<HelloMessage>(0);
    hello.stats_size = 4096;
    hello.generation = 3;
    hello.root_size = 4096;
    RawSend(peer.get(), hello, {stats.get(), root.get()});
  });
  const auto client = ChannelClient::Connect(dir_ / "plane.sock", kTimeout);
  plane.join();
  ASSERT_TRUE(client.ok()) << client.status();
  EXPECT_EQ(NackCodeOf((*client)->accepted().status()), NackCode::kMagic);
  EXPECT_EQ((*client)->hello().generation, 3u);
}

TEST(UnixAddressTest, PathsMustFit) {
  EXPECT_TRUE(UnixAddress(std::string(107, 'x')).ok());
  EXPECT_FALSE(UnixAddress(std::string(108, 'x')).ok());
  EXPECT_FALSE(UnixAddress("").ok());
}

}  // namespace
}  // namespace evenkeel
