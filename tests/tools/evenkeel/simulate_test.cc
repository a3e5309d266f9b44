// Recorded packets through the core: captures are written by the test itself.
#include <pcap/pcap.h>

#include <map>

#include "control/sample/space_saving.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"
#include "tests/tools/evenkeel/temp_folder.h"
#include "tools/evenkeel/offline_core.h"
#include "tools/evenkeel/simulate_capture.h"
#include "tools/evenkeel/simulate_run.h"
#include "tools/evenkeel/test_packet.h"

namespace evenkeel::cli {
namespace {

TestFlow FlowNumber(uint32_t number, uint16_t port) {
  TestFlow flow;
  flow.from = {*IpAddress::Parse(absl::StrCat("198.51.", 100 + number / 50000, ".", number % 250)),
               static_cast<uint16_t>(1024 + number)};
  flow.to = {*IpAddress::Parse("203.0.113.10"), port};
  return flow;
}

ClusterKey SomeKey() {
  ClusterKey key;
  for (size_t i = 0; i < key.bytes.size(); ++i) key.bytes[i] = static_cast<uint8_t>(i * 7 + 1);
  return key;
}

std::unique_ptr<OfflineCore> CoreOf(const Sample& sample) {
  absl::StatusOr<std::unique_ptr<OfflineCore>> core = OfflineCore::Make(Parsed(sample), SomeKey());
  EXPECT_TRUE(core.ok()) << core.status();
  return core.ok() ? *std::move(core) : nullptr;
}

void Send(Simulation& simulation, const TestFlow& flow) {
  const std::vector<uint8_t> packet = FirstPacket(flow);
  simulation.Add(packet.data(), packet.data() + packet.size());
}

TEST(SimulationTest, CountsSharesAndTheFlowsThatMove) {
  const auto before = CoreOf({.weights = {100, 100, 100, 100}});
  const auto after = CoreOf({.weights = {100, 100, 200}});
  Simulation simulation(*after, before.get());
  constexpr int kFlows = 20000;
  for (int i = 0; i < kFlows; ++i) {
    Send(simulation, FlowNumber(static_cast<uint32_t>(i), 443));
    Send(simulation, FlowNumber(static_cast<uint32_t>(i), 443));
  }
  const v1::SimulateReply reply = simulation.Result();
  EXPECT_EQ(reply.packets(), 2 * kFlows);
  EXPECT_EQ(reply.forward(), 2 * kFlows);
  EXPECT_EQ(reply.flows(), kFlows);
  const v1::SimulateService& https = reply.services(0);
  ASSERT_EQ(https.service(), "https");
  EXPECT_EQ(https.backends(2).name(), "web-3");
  EXPECT_NEAR(https.backends(2).share(), 0.5, 0.02);
  EXPECT_EQ(https.backends(2).share_expected(), 0.5);
  // What plan counts in slots, flows show.
  const Plan plan =
      Planned(Sample{.weights = {100, 100, 100, 100}}, Sample{.weights = {100, 100, 200}});
  EXPECT_NEAR(static_cast<double>(reply.flows_moved()) / kFlows, plan.services[0].moved, 0.015);
}

TEST(SimulationTest, TellsWhatIsNotForwardedAndWhy) {
  const auto core = CoreOf({.weights = {100}});
  Simulation simulation(*core, nullptr);
  Send(simulation, FlowNumber(1, 443));
  Send(simulation, FlowNumber(2, 22));
  TestFlow elsewhere = FlowNumber(3, 443);
  elsewhere.to.address = *IpAddress::Parse("192.0.2.1");
  Send(simulation, elsewhere);
  const std::vector<uint8_t> packet = FirstPacket(FlowNumber(4, 443));
  simulation.Add(packet.data(), packet.data() + 30);
  const v1::SimulateReply reply = simulation.Result();
  EXPECT_EQ(reply.packets(), 4);
  EXPECT_EQ(reply.passes().at("vip_unmatched"), 1);
  EXPECT_EQ(reply.passes().at("no_service"), 1);
  EXPECT_EQ(reply.drops().at("truncated"), 1);
  EXPECT_EQ(reply.forward() + reply.reply() + reply.pass() + reply.drop(), reply.packets());
  EXPECT_FALSE(reply.has_flows_moved());
}

TEST(SimulationTest, NamesTheHeaviest) {
  const auto core = CoreOf({.weights = {100, 100}});
  Simulation simulation(*core, nullptr);
  for (uint32_t i = 0; i < 3000; ++i) Send(simulation, FlowNumber(i, 443));
  for (int i = 0; i < 500; ++i) Send(simulation, FlowNumber(77, 443));
  const v1::SimulateReply reply = simulation.Result();
  ASSERT_EQ(reply.top_flows_size(), 1);  // no other stands out
  EXPECT_EQ(reply.top_flows(0).who(), "198.51.100.77:1101 -> 203.0.113.10:443/tcp");
  EXPECT_GE(reply.top_flows(0).packets(), 501);
  EXPECT_LE(reply.top_flows(0).packets_min(), 501);
  EXPECT_EQ(reply.top_sources(0).who(), "198.51.100.77");
}

TEST(SpaceSavingTest, NeverCountsTooLowAndKeepsTheFrequent) {
  SpaceSaving<uint32_t> sketch(16);
  std::map<uint32_t, uint64_t> exact;
  for (uint32_t i = 0; i < 20000; ++i) {
    const uint32_t key = i % 5 == 0 ? 1 : i % 7 == 0 ? 2 : 100 + i % 997;
    sketch.Add(key);
    ++exact[key];
  }
  const auto top = sketch.Top(2);
  EXPECT_EQ(top[0].key, 1u);
  EXPECT_EQ(top[1].key, 2u);
  for (const auto& counter : sketch.Top(16)) {
    EXPECT_GE(counter.count, exact[counter.key]);
    EXPECT_LE(counter.count - counter.error, exact[counter.key]);
  }
}

// Writes packets of one link type; `skip` bytes of the Ethernet frame make way for `link_header`.
std::string WriteCapture(const TempFolder& folder, int link_type, size_t skip,
                         const std::string& link_header, uint32_t snap_length) {
  const std::string path = folder.Path("traffic.pcap");
  pcap_t* pcap = pcap_open_dead(link_type, 65535);
  pcap_dumper_t* dumper = pcap_dump_open(pcap, path.c_str());
  for (uint32_t i = 0; i < 10; ++i) {
    TestFlow flow = FlowNumber(i, 443);
    flow.bytes = 200;
    const std::vector<uint8_t> frame = FirstPacket(flow);
    std::string packet =
        link_header + std::string(frame.begin() + static_cast<long>(skip), frame.end());
    pcap_pkthdr header{};
    header.len = static_cast<uint32_t>(packet.size());
    header.caplen = std::min(header.len, snap_length);
    pcap_dump(reinterpret_cast<u_char*>(dumper), &header,
              reinterpret_cast<const u_char*>(packet.data()));
  }
  pcap_dump_close(dumper);
  pcap_close(pcap);
  return path;
}

int ForwardedOf(const std::string& path, int* cut_short) {
  const auto core = CoreOf({.weights = {100}});
  absl::StatusOr<std::unique_ptr<Capture>> capture = Capture::Open(path);
  EXPECT_TRUE(capture.ok()) << capture.status();
  if (!capture.ok()) return -1;
  Simulation simulation(*core, nullptr);
  Frame frame;
  while ((*capture)->Next(&frame)) {
    *cut_short += frame.cut_short;
    simulation.Add(frame.begin, frame.end);
  }
  EXPECT_EQ((*capture)->error(), "");
  return static_cast<int>(simulation.Result().forward());
}

TEST(CaptureTest, ReadsEveryLinkTypeThatCarriesIp) {
  const TempFolder folder;
  int cut_short = 0;
  EXPECT_EQ(ForwardedOf(WriteCapture(folder, DLT_EN10MB, 0, "", 65535), &cut_short), 10);
  EXPECT_EQ(ForwardedOf(WriteCapture(folder, DLT_RAW, 14, "", 65535), &cut_short), 10);
  EXPECT_EQ(ForwardedOf(WriteCapture(folder, DLT_NULL, 14, std::string(4, 'x'), 65535), &cut_short),
            10);
  EXPECT_EQ(
      ForwardedOf(WriteCapture(folder, DLT_LINUX_SLL, 14, std::string(16, 'x'), 65535), &cut_short),
      10);
  EXPECT_EQ(cut_short, 0);
}

TEST(CaptureTest, FillsUpWhatWasCutShort) {
  const TempFolder folder;
  int cut_short = 0;
  EXPECT_EQ(ForwardedOf(WriteCapture(folder, DLT_EN10MB, 0, "", 96), &cut_short), 10);
  EXPECT_EQ(
      ForwardedOf(WriteCapture(folder, DLT_LINUX_SLL, 14, std::string(16, 'x'), 96), &cut_short),
      10);
  EXPECT_EQ(cut_short, 20);
}

TEST(CaptureTest, RefusesWhatIsNone) {
  const TempFolder folder;
  EXPECT_TRUE(absl::IsUnavailable(Capture::Open(folder.Path("none")).status()));
  EXPECT_TRUE(absl::IsUnavailable(Capture::Open(folder.Path("")).status()));
  EXPECT_TRUE(absl::IsInvalidArgument(Capture::Open(folder.Write("x", "no capture")).status()));
}

}  // namespace
}  // namespace evenkeel::cli
