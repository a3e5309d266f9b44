// The whole program, from capture file to capture file, with a real control connection.
//
//   process_test PATH_OF_EVENKEEL_DATAPLANE
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "dataplane/forward/verdict.h"
#include "dataplane/table/channel_client.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/builder.h"

namespace evenkeel {
namespace {

std::string dataplane_path;  // from the command line

constexpr size_t kPcapHeader = 24;
constexpr size_t kRecordHeader = 16;

void WriteCapture(const std::string& path, const std::vector<packets::Bytes>& frames) {
  std::ofstream file(path, std::ios::binary);
  const auto word = [&](uint32_t value) {
    file.write(reinterpret_cast<const char*>(&value), sizeof(value));
  };
  for (const uint32_t value : {0xa1b2c3d4u, 0x00040002u, 0u, 0u, 65535u, 1u}) word(value);
  for (const packets::Bytes& frame : frames) {
    for (const size_t value : {size_t{0}, size_t{0}, frame.size(), frame.size()}) {
      word(static_cast<uint32_t>(value));
    }
    file.write(reinterpret_cast<const char*>(frame.data()),
               static_cast<std::streamsize>(frame.size()));
  }
}

size_t FramesIn(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  file.seekg(kPcapHeader);
  size_t frames = 0;
  uint32_t header[kRecordHeader / 4];
  while (file.read(reinterpret_cast<char*>(header), sizeof(header))) {
    file.seekg(header[2], std::ios::cur);
    ++frames;
  }
  return frames;
}

packets::Bytes SegmentTo(const Address& vip, uint16_t source_port) {
  const Address client = V4(198, 51, 100, 2);
  return packets::Ethernet(
      {}, packets::Ip(
              {.source = client, .destination = vip},
              packets::Tcp({.source = client, .destination = vip, .source_port = source_port})));
}

packets::Bytes SynTo(const Address& vip, uint16_t source_port) {
  const Address client = V4(198, 51, 100, 2);
  return packets::Ethernet({}, packets::Ip({.source = client, .destination = vip},
                                           packets::Tcp({.source = client,
                                                         .destination = vip,
                                                         .source_port = source_port,
                                                         .flags = packets::kTcpSyn})));
}

class ProcessTest : public testing::Test {
 protected:
  void SetUp() override {
    char folder[] = "/tmp/evkprocessXXXXXX";
    folder_ = mkdtemp(folder);
    WriteCapture(folder_ + "/empty.pcap", {});
  }
  void TearDown() override {
    if (pid_ > 0) End(SIGKILL);
    std::filesystem::remove_all(folder_);
  }

  void Start(const std::string& capture) {
    const std::string device =
        "--vdev=net_pcap0,rx_pcap=" + folder_ + "/" + capture + ",tx_pcap=" + folder_ + "/out.pcap";
    const std::string socket = "--socket=" + socket_path();
    const std::string state = "--state-dir=" + folder_ + "/state";
    pid_ = fork();
    if (pid_ == 0) {
      freopen((folder_ + "/log").c_str(), "w", stderr);
      execl(dataplane_path.c_str(), "evenkeel-dataplane", socket.c_str(), state.c_str(), "--",
            "--no-huge", "-m", "64", "--no-pci", "--no-shconf", "--no-telemetry",
            "--lcores=0@0,1@0", device.c_str(), nullptr);
      _exit(127);
    }
  }
  std::unique_ptr<ChannelClient> Connect() {
    for (int i = 0; i < 300; ++i) {
      auto client = ChannelClient::Connect(socket_path(), absl::Seconds(5));
      if (client.ok()) return *std::move(client);
      absl::SleepFor(absl::Milliseconds(50));
    }
    ADD_FAILURE() << "no answer at " << socket_path() << "\n" << Log();
    return nullptr;
  }
  // The exit status; -1 when a signal ended it.
  int End(int signal_number) {
    int status = 0;
    kill(pid_, signal_number);
    waitpid(pid_, &status, 0);
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  }
  std::string Log() const {
    std::ifstream file(folder_ + "/log");
    return {std::istreambuf_iterator<char>(file), {}};
  }
  // What an audit says of the only worker, which may take a poll to show `expected`.
  static uint64_t WorkerGeneration(ChannelClient& client, uint64_t expected) {
    uint64_t generation = 0;
    for (int i = 0; i < 1000 && generation != expected; ++i) {
      if (i > 0) absl::SleepFor(absl::Milliseconds(10));
      const auto facts = client.Audit(absl::Seconds(10));
      if (!facts.ok() || facts->workers.size() != 1) return 0;
      generation = facts->workers[0];
    }
    return generation;
  }
  // A root lies in the state directory: its tables were written before.
  bool IsSaved() const {
    std::error_code none_yet;
    for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/state", none_yet)) {
      const std::string name = entry.path().filename().string();
      if (name.starts_with("root-") && !name.ends_with(".new")) return true;  // whole
    }
    return false;
  }
  std::string socket_path() const { return folder_ + "/dataplane.sock"; }

  std::string folder_;
  pid_t pid_ = 0;
};

TEST_F(ProcessTest, ForwardsByItsLastGoodImageBeforeControlHasSpoken) {
  Start("empty.pcap");
  {
    const auto client = Connect();
    ASSERT_NE(client, nullptr);
    const ImageSpec spec = SmallSpec();
    const AlignedBytes root = MustBuild(spec);
    const absl::Status published = client->Publish(root.bytes(), TablesOf(spec), absl::Seconds(10));
    ASSERT_TRUE(published.ok()) << published;
    for (int i = 0; i < 1200 && !IsSaved(); ++i) absl::SleepFor(absl::Milliseconds(50));
  }
  End(SIGKILL);

  // Three for services by way of the IPv4 gateway, whose MAC is static; one to nobody's address.
  const Address vip = V4(203, 0, 113, 10);
  WriteCapture(folder_ + "/in.pcap",
               {SynTo(vip, 1), SynTo(vip, 2), SynTo(vip, 3), SynTo(V4(192, 0, 2, 1), 4)});
  Start("in.pcap");
  const auto client = Connect();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->hello().generation, 1u);
  absl::StatusOr<StatsSnapshot> stats = client->Stats(absl::Seconds(5));
  for (int i = 0; i < 1200 && stats.ok() && stats->received < 4; ++i) {
    absl::SleepFor(absl::Milliseconds(50));
    stats = client->Stats(absl::Seconds(5));
  }
  ASSERT_TRUE(stats.ok()) << stats.status();
  EXPECT_EQ(stats->received, 4u);
  EXPECT_EQ(stats->reasons[LB_REASON_none], 3u);
  EXPECT_EQ(stats->reasons[LB_REASON_no_service], 1u);
  uint64_t new_flows = 0;
  for (const FlowCount& flow : stats->flows) new_flows += flow.new_flows;
  EXPECT_EQ(new_flows, 3u);
  const absl::Time before = absl::Now();
  EXPECT_EQ(End(SIGTERM), 0) << Log();
  EXPECT_LT(absl::Now() - before, absl::Seconds(20));
  EXPECT_EQ(FramesIn(folder_ + "/out.pcap"), 3u);
  EXPECT_NE(Log().find("mempool: 0 of "), std::string::npos) << Log();
}

TEST_F(ProcessTest, TrialEndsByItselfWhoeverDies) {
  const auto try_it = [](ChannelClient& client, uint64_t generation, uint64_t duration_ns) {
    ImageSpec image = SmallSpec(generation);
    image.revision = generation;
    image.pools[0] = MakePool("web", {5, 5}, 0);
    const ImageSpec way_back = SmallSpec(generation + 1);
    const AlignedBytes root = MustBuild(image), way_back_root = MustBuild(way_back);
    const auto tables = TablesOf(image), way_back_tables = TablesOf(way_back);
    return client.PublishTrial({root.bytes(), tables}, {way_back_root.bytes(), way_back_tables},
                               {.id = generation,
                                .generation = generation,
                                .return_generation = generation + 1,
                                .deadline_ns = BootTimeNs() + duration_ns},
                               absl::Seconds(10));
  };
  Start("empty.pcap");
  {
    const auto client = Connect();
    ASSERT_NE(client, nullptr);
    ASSERT_EQ(try_it(*client, 2, 4'000'000'000), absl::OkStatus());
    EXPECT_EQ(WorkerGeneration(*client, 2), 2u);
  }
  // Control has died; the deadline comes all the same.
  absl::SleepFor(absl::Seconds(4));
  auto client = Connect();
  ASSERT_NE(client, nullptr);
  for (int i = 0; i < 300 && client->hello().generation == 2; ++i) {
    absl::SleepFor(absl::Milliseconds(100));
    client = Connect();
    ASSERT_NE(client, nullptr);
  }
  EXPECT_EQ(client->hello().generation, 3u) << Log();
  EXPECT_EQ(client->hello().trial.state, TrialState::kReturned);
  absl::StatusOr<ChannelClient::AuditFacts> facts = client->Audit(absl::Seconds(10));
  ASSERT_TRUE(facts.ok()) << facts.status();
  EXPECT_EQ(facts->generation, 3u);
  EXPECT_EQ(WorkerGeneration(*client, 3), 3u);
  EXPECT_EQ(facts->digest, (*client->accepted())->StatedDigest());
  EXPECT_TRUE(facts->faults.empty());
  // Now the plane dies during a trial: the next one starts from the way back.
  ASSERT_EQ(try_it(*client, 4, 3600'000'000'000), absl::OkStatus());
  End(SIGKILL);
  Start("empty.pcap");
  client = Connect();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->hello().generation, 5u) << Log();
}

// Every slot of pool web has moved from backend 0 to 1; in tail only an entry leads to 0.
ImageSpec MovedSpec(uint64_t generation, uint8_t state) {
  ImageSpec spec = SmallSpec(generation);
  lb_transition transition{};
  transition.state = state;
  transition.open_until_ns = ~0ull;
  spec.transitions.push_back(transition);
  absl::StatusOr<TablePtr> table = Table::Create(std::vector<lb_slot>(4096, 1u << 16 | 1));
  EXPECT_TRUE(table.ok()) << table.status();
  spec.pools[0].effective = *table;
  spec.pools[0].effective_id_digest =
      IdDigest(**table, [&](uint16_t lease) { return spec.pools[0].members[lease].backend_id; });
  return spec;
}

TEST_F(ProcessTest, KilledDataplanesFlowsAreTakenOver) {
  const Address vip = V4(203, 0, 113, 10);
  std::vector<packets::Bytes> segments;
  for (uint16_t port = 1; port <= 3; ++port) segments.push_back(SegmentTo(vip, port));
  WriteCapture(folder_ + "/in.pcap", segments);
  const uint64_t old_backend = SmallSpec().pools[0].members[0].backend_id;
  const auto publish = [](ChannelClient& client, const ImageSpec& spec) {
    const AlignedBytes root = MustBuild(spec);
    return client.Publish(root.bytes(), TablesOf(spec), absl::Seconds(10));
  };
  // First an image to start from, so that the capture's packets find the slots open.
  Start("empty.pcap");
  {
    const auto client = Connect();
    ASSERT_NE(client, nullptr);
    ASSERT_TRUE(publish(*client, MovedSpec(1, LB_SLOT_OPEN)).ok());
    for (int i = 0; i < 1200 && !IsSaved(); ++i) absl::SleepFor(absl::Milliseconds(50));
  }
  End(SIGKILL);
  const auto packets_to_old = [&](ChannelClient& client) {
    uint64_t packets = 0, received = 0;
    for (int i = 0; i < 1200 && received < segments.size(); ++i) {
      const absl::StatusOr<StatsSnapshot> stats = client.Stats(absl::Seconds(5));
      if (!stats.ok()) break;
      received = stats->received;
      packets = 0;
      for (const FlowCount& flow : stats->flows) {
        if (flow.backend_id == old_backend) packets += flow.packets;
      }
      if (received < segments.size()) absl::SleepFor(absl::Milliseconds(50));
    }
    return packets;
  };
  Start("in.pcap");
  {
    const auto client = Connect();
    ASSERT_NE(client, nullptr);
    EXPECT_EQ(packets_to_old(*client), 3u) << Log();
    const absl::StatusOr<StatsSnapshot> stats = client->Stats(absl::Seconds(5));
    ASSERT_TRUE(stats.ok()) << stats.status();
    ASSERT_EQ(stats->flow_tables.size(), 1u);
    EXPECT_EQ(stats->flow_tables[0].flows, 3u);
    ASSERT_TRUE(publish(*client, MovedSpec(2, LB_SLOT_TAIL)).ok());
    std::error_code none;
    for (int i = 0; i < 1200; ++i) {
      size_t roots = 0;
      for (const auto& entry : std::filesystem::directory_iterator(folder_ + "/state", none)) {
        const std::string name = entry.path().filename().string();
        roots += name.starts_with("root-") && name.ends_with("2") ? 1 : 0;
      }
      if (roots != 0) break;
      absl::SleepFor(absl::Milliseconds(50));
    }
  }
  End(SIGKILL);
  Start("in.pcap");
  const auto client = Connect();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->hello().generation, 2u);
  EXPECT_EQ(packets_to_old(*client), 3u) << Log();
  EXPECT_NE(Log().find("took over 3 flows"), std::string::npos) << Log();
}

TEST_F(ProcessTest, PassesEverythingWhileThereIsNoImage) {
  WriteCapture(folder_ + "/in.pcap", {SynTo(V4(203, 0, 113, 10), 1)});
  Start("in.pcap");
  const auto client = Connect();
  ASSERT_NE(client, nullptr);
  EXPECT_EQ(client->hello().generation, 0u);
  EXPECT_EQ(End(SIGINT), 0) << Log();
  EXPECT_NE(Log().find("received 1: forwarded 0, replied 0, passed 1, dropped 0"),
            std::string::npos)
      << Log();
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  if (argc != 2) return 2;
  evenkeel::dataplane_path = argv[1];
  return RUN_ALL_TESTS();
}
