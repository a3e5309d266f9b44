// One worker between two rings: what becomes of packets, and that each is counted once.
#include "dataplane/worker/worker_loop.h"

#include <gtest/gtest.h>

#include <chrono>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "dataplane/forward/icmp.h"
#include "dataplane/forward/verdict.h"
#include "dataplane/table/flow_directory.h"
#include "dataplane/table/trial.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/test_directory.h"
#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/builder.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel {
namespace {

using packets::Bytes;

const Address kClient = V4(198, 51, 100, 2);
const Address kVip = V4(203, 0, 113, 10);

Bytes TcpFrame(uint8_t flags, uint16_t source_port = 40000, uint16_t destination_port = 80) {
  return packets::Ethernet({}, packets::Ip({.source = kClient, .destination = kVip},
                                           packets::Tcp({.source = kClient,
                                                         .destination = kVip,
                                                         .source_port = source_port,
                                                         .destination_port = destination_port,
                                                         .flags = flags})));
}

Bytes UdpFrame(uint16_t source_port) {
  return packets::Ethernet(
      {}, packets::Ip({.source = kClient, .destination = kVip, .protocol = packets::kUdp},
                      packets::Udp({.source = kClient,
                                    .destination = kVip,
                                    .source_port = source_port,
                                    .destination_port = 53})));
}

Bytes ArpFrame() { return packets::Ethernet({.type = packets::kTypeArp}, packets::Counting(46)); }

std::shared_ptr<const ImageView> MakeImage(uint64_t generation = 1) {
  ImageSpec spec = SmallSpec(generation);
  spec.next_hops[1].static_mac = Mac{2, 0, 0, 0, 0, 6};
  spec.services.push_back(MakeService("dns", kVip, 0, {{53, 53}}));
  spec.services.back().transport = LB_UDP;
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

// Every slot of pool web has just moved from backend 0 to 1 or 2.
std::shared_ptr<const ImageView> MakeMovedImage(uint64_t generation, uint64_t open_until_ns) {
  ImageSpec spec = SmallSpec(generation);
  spec.next_hops[1].static_mac = Mac{2, 0, 0, 0, 0, 6};
  lb_transition transition{};
  transition.previous = 0;
  transition.armed_previous = 0;
  transition.state = LB_SLOT_OPEN;
  transition.open_until_ns = open_until_ns;
  spec.transitions.push_back(transition);
  std::vector<lb_slot> slots;
  for (size_t i = 0; i < 4096; ++i) slots.push_back(static_cast<lb_slot>(1 + i % 2) | 1u << 16);
  absl::StatusOr<TablePtr> table = Table::Create(slots);
  EXPECT_TRUE(table.ok()) << table.status();
  spec.pools[0].effective = *table;
  spec.pools[0].effective_id_digest =
      IdDigest(**table, [&](uint16_t lease) { return spec.pools[0].members[lease].backend_id; });
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

class WorkerTest : public testing::Test {
 protected:
  void Start(unsigned places_to_send = 1024, rte_ring* to_kernel = nullptr,
             rte_ring* from_kernel = nullptr) {
    wire_ = std::make_unique<RingPort>(places_to_send);
    plane_ = std::make_unique<Plane>(1, wire_->port().mac());
    absl::StatusOr<FlowTables> flows = TakeFlowTables(directory_ / "flows", kFlowBuckets, 1);
    ASSERT_TRUE(flows.ok()) << flows.status();
    plane_->TrackFlows(std::move(flows->regions));
    WorkerConfig config;
    config.port = wire_->port().id();
    config.polling = Polling::kBusy;
    config.to_kernel = to_kernel;
    config.from_kernel = from_kernel;
    worker_ = std::make_unique<Worker>(config, plane_.get());
  }
  void Publish(uint64_t generation = 1) {
    ASSERT_TRUE(
        plane_->Install(MakeImage(generation), [](const Address&) { return uint64_t{0}; }).ok());
  }
  // The manager waits for workers that are online; here it and the worker are one thread.
  void Poll() {
    plane_->swap().Online(0);
    worker_->Poll();
    plane_->swap().Offline(0);
  }
  uint64_t Count(lb_reason reason) { return plane_->worker(0).reasons[reason].Get(); }
  uint64_t CountAll() {
    uint64_t sum = 0;
    for (const Counter& reason : plane_->worker(0).reasons) sum += reason.Get();
    return sum;
  }

  static constexpr uint32_t kFlowBuckets = 2048;
  TestDirectory directory_;
  std::unique_ptr<RingPort> wire_;
  std::unique_ptr<Plane> plane_;
  std::unique_ptr<Worker> worker_;
};

// The address of the backend that a tunnelled frame goes to.
uint8_t LastByteOfOuterDestination(const Bytes& frame) { return frame[14 + 19]; }

TEST_F(WorkerTest, TracksTheFlowsOfSlotsThatHaveMovedAlsoAfterARestart) {
  Start();
  const auto no_neighbour = [](const Address&) { return uint64_t{0}; };
  const uint64_t later = BootTimeNs() + 600'000'000'000;
  ASSERT_TRUE(plane_->Install(MakeMovedImage(1, later), no_neighbour).ok());
  const auto send = [&](uint8_t flags) {
    wire_->Inject(TcpFrame(flags, 4321));
    Poll();
    const std::vector<Bytes> sent = wire_->Sent();
    EXPECT_EQ(sent.size(), 1u);
    return sent.empty() ? 255 : LastByteOfOuterDestination(sent[0]);
  };
  EXPECT_EQ(send(packets::kTcpAck), 0);
  StatsSnapshot stats;
  plane_->FillStats({0}, &stats);
  ASSERT_EQ(stats.flow_tables.size(), 1u);
  EXPECT_EQ(stats.flow_tables[0].entries, kFlowBuckets * LB_FLOW_WAYS);
  EXPECT_EQ(stats.flow_tables[0].occupied[LB_ENTRY_MISS], 1u);
  // Its window over, the slot is in tail: only the entry leads to the old backend.
  ASSERT_TRUE(plane_->Install(MakeMovedImage(2, 1), no_neighbour).ok());
  EXPECT_EQ(send(packets::kTcpAck), 0);

  worker_.reset();
  plane_.reset();
  wire_.reset();
  Start();
  ASSERT_TRUE(plane_->Install(MakeMovedImage(3, 1), no_neighbour).ok());
  EXPECT_EQ(send(packets::kTcpAck), 0);
}

TEST_F(WorkerTest, SweepsItsFlowTableWhileNothingComes) {
  Start();
  ASSERT_TRUE(
      plane_->Install(MakeMovedImage(1, 1), [](const Address&) { return uint64_t{0}; }).ok());
  const FlowRegion& region = *plane_->flows(0);
  const uint32_t now = lb_tick_of(BootTimeNs());
  region.buckets()[100].entry[0] = lb_entry(1, 1, now - 400, LB_ENTRY_FIRM);
  region.buckets()[101].entry[0] = lb_entry(2, 1, now - 460, LB_ENTRY_FIRM);
  region.buckets()[102].entry[0] = lb_entry(3, 99, now, LB_ENTRY_FIRM);
  region.head().occupied[LB_ENTRY_FIRM] = 3;
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  while (region.head().sweeps == 0 && std::chrono::steady_clock::now() < deadline) Poll();
  EXPECT_EQ(region.head().sweeps, 1u);
  EXPECT_EQ(region.head().occupied[LB_ENTRY_FIRM], 1u);
  EXPECT_NE(region.buckets()[100].entry[0], 0u);
}

TEST_F(WorkerTest, SynFloodAtRestTracksNothing) {
  Start();
  Publish();
  for (uint16_t port = 1; port <= 3000; ++port) {
    wire_->Inject(TcpFrame(packets::kTcpSyn, port));
    if (port % 500 != 0) continue;
    for (int i = 0; i < 20; ++i) Poll();
    wire_->Sent();
  }
  const lb_flow_head none{};
  EXPECT_EQ(std::memcmp(&plane_->flows(0)->head(), &none, sizeof(none)), 0);
}

TEST_F(WorkerTest, SendsWhatTheCoreWrites) {
  Start();
  Publish();
  const Bytes frame = TcpFrame(packets::kTcpSyn);
  const packets::Outcome expected = packets::RunNative(plane_->current()->view(), frame);
  ASSERT_EQ(expected.verdict, LB_FORWARD);
  wire_->Inject(frame);
  Poll();
  EXPECT_EQ(wire_->Sent(), std::vector<Bytes>{expected.out});
  const FlowCounter& count = plane_->current()->counters(0).flow(expected.decision.counter);
  EXPECT_EQ(count.packets.Get(), 1u);
  EXPECT_EQ(count.bytes.Get(), frame.size() - 14);
  EXPECT_EQ(count.new_flows.Get(), 1u);
  EXPECT_EQ(Count(LB_REASON_none), 1u);
}

TEST_F(WorkerTest, PassesEverythingBeforeTheFirstImage) {
  Start();
  wire_->Inject(TcpFrame(packets::kTcpSyn));
  wire_->Inject(ArpFrame());
  Poll();
  EXPECT_EQ(Count(LB_REASON_no_image), 2u);
  EXPECT_TRUE(wire_->Sent().empty());
  EXPECT_EQ(wire_->buffers_out(), 0u);
}

TEST_F(WorkerTest, CountsWhatTheTransmitQueueRefusesAsTxFullAndNotForTheBackend) {
  Start(/*places_to_send=*/8);
  Publish();
  for (uint16_t i = 0; i < 64; ++i) wire_->Inject(TcpFrame(packets::kTcpSyn, 1000 + i));
  Poll();
  EXPECT_EQ(Count(LB_REASON_none), 7u);  // a ring of eight holds seven
  EXPECT_EQ(Count(LB_REASON_tx_full), 57u);
  EXPECT_EQ(wire_->buffers_out(), 7u);
  uint64_t to_backends = 0;
  for (uint32_t i = 0; i < plane_->current()->image().counter_count(); ++i) {
    to_backends += plane_->current()->counters(0).flow(i).packets.Get();
  }
  EXPECT_EQ(to_backends, 7u);
}

TEST_F(WorkerTest, DropsAPacketThatIsSpreadOverBuffers) {
  Start();
  Publish();
  rte_mbuf* head = wire_->MakePacket(TcpFrame(packets::kTcpSyn));
  ASSERT_EQ(rte_pktmbuf_chain(head, wire_->MakePacket(packets::Counting(100))), 0);
  wire_->Inject(head);
  Poll();
  EXPECT_EQ(Count(LB_REASON_not_linear), 1u);
  EXPECT_EQ(wire_->buffers_out(), 0u);
}

TEST_F(WorkerTest, DropsAPacketWithoutRoomInFront) {
  Start();
  Publish();
  rte_mbuf* packet = wire_->MakePacket(TcpFrame(packets::kTcpSyn));
  // The frame begins where the buffer does.
  memmove(packet->buf_addr, rte_pktmbuf_mtod(packet, void*), packet->data_len);
  packet->data_off = 0;
  wire_->Inject(packet);
  Poll();
  EXPECT_EQ(Count(LB_REASON_no_headroom), 1u);
  EXPECT_EQ(wire_->buffers_out(), 0u);
}

TEST_F(WorkerTest, HandsPassedPacketsToTheKernelUntilItsQueueIsFull) {
  rte_ring* to_kernel = rte_ring_create("to_kernel_test", 8, SOCKET_ID_ANY, 0);
  Start(1024, to_kernel);
  Publish();
  for (int i = 0; i < 10; ++i) wire_->Inject(ArpFrame());
  Poll();
  EXPECT_EQ(Count(LB_REASON_not_ip), 7u);
  EXPECT_EQ(Count(LB_REASON_tap_full), 3u);
  EXPECT_EQ(rte_ring_count(to_kernel), 7u);
  void* packet;
  while (rte_ring_dequeue(to_kernel, &packet) == 0)
    rte_pktmbuf_free(static_cast<rte_mbuf*>(packet));
  rte_ring_free(to_kernel);
}

TEST_F(WorkerTest, SendsWhatTheKernelSends) {
  rte_ring* from_kernel = rte_ring_create("from_kernel_test", 8, SOCKET_ID_ANY, 0);
  Start(1024, nullptr, from_kernel);
  const Bytes frame = ArpFrame();
  ASSERT_EQ(rte_ring_enqueue(from_kernel, wire_->MakePacket(frame)), 0);
  Poll();
  EXPECT_EQ(wire_->Sent(), std::vector<Bytes>{frame});
  EXPECT_EQ(plane_->worker(0).from_kernel.Get(), 1u);
  EXPECT_EQ(plane_->worker(0).received.Get(), 0u);
  rte_ring_free(from_kernel);
}

TEST_F(WorkerTest, CountsAUdpFlowOnce) {
  Start();
  Publish();
  for (int i = 0; i < 5; ++i) wire_->Inject(UdpFrame(5000));
  wire_->Inject(UdpFrame(5001));
  Poll();
  EXPECT_EQ(Count(LB_REASON_none), 6u);
  EXPECT_EQ(plane_->worker(0).new_flows.Get(), 2u);
}

Bytes TooBigFrame() {
  return packets::Ethernet({}, packets::TcpPacket({.client = kClient, .vip = kVip}, {},
                                                  packets::kTcpAck, packets::Counting(1560)));
}

TEST_F(WorkerTest, TellsABoundedNumberOfSendersThatTheirPacketIsTooBig) {
  constexpr unsigned kBursts = 40;
  Start();
  Publish();
  const packets::Outcome expected = packets::RunNative(plane_->current()->view(), TooBigFrame());
  ASSERT_EQ(expected.reason, LB_REASON_too_big_reply);
  const auto start = std::chrono::steady_clock::now();
  size_t told = 0;
  for (unsigned burst = 0; burst < kBursts; ++burst) {
    for (uint16_t i = 0; i < Burst::kPackets; ++i) wire_->Inject(TooBigFrame());
    Poll();
    for (const Bytes& reply : wire_->Sent()) {
      ASSERT_EQ(reply, expected.out);
      ++told;
    }
  }
  const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
  EXPECT_GE(told, LB_ERRORS_BURST);
  EXPECT_LE(told, LB_ERRORS_BURST + seconds.count() * LB_ERRORS_PER_SECOND + 1);
  EXPECT_EQ(Count(LB_REASON_too_big_reply), told);
  EXPECT_EQ(Count(LB_REASON_too_big_untold), kBursts * Burst::kPackets - told);
  EXPECT_EQ(wire_->buffers_out(), 0u);
}

TEST_F(WorkerTest, TakesTheNewGenerationWithTheNextBurst) {
  Start();
  Publish(1);
  Poll();
  EXPECT_EQ(plane_->worker(0).generation.Get(), 1u);
  Publish(2);
  Poll();
  EXPECT_EQ(plane_->worker(0).generation.Get(), 2u);
}

// Frames of the corpus with bytes changed, cut and lengthened, and frames of random bytes.
TEST_F(WorkerTest, EveryBufferHasOneFateOverAMillionFrames) {
  constexpr int kFrames = 1'000'000;
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE(seed);
  std::mt19937 random(seed);
  Start();
  Publish();
  std::vector<Bytes> seeds = {
      TcpFrame(packets::kTcpSyn), TcpFrame(packets::kTcpAck), UdpFrame(7), ArpFrame(), Bytes(),
      packets::Counting(2000)};
  for (const packets::Case& c : packets::Corpus()) seeds.push_back(c.in);

  for (int sent = 0; sent < kFrames;) {
    for (int i = 0; i < 256; ++i, ++sent) {
      Bytes frame = seeds[random() % seeds.size()];
      for (unsigned changes = random() % 4; changes > 0 && !frame.empty(); --changes) {
        frame[random() % std::min<size_t>(frame.size(), 80)] = static_cast<uint8_t>(random());
      }
      if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
      if (random() % 16 == 0) frame.resize(frame.size() + random() % 64);
      wire_->Inject(frame);
    }
    for (int i = 0; i < 5; ++i) Poll();
    wire_->Sent();
  }
  EXPECT_EQ(wire_->buffers_out(), 0u);
  EXPECT_EQ(plane_->worker(0).received.Get(), CountAll());
  EXPECT_GE(CountAll(), static_cast<uint64_t>(kFrames));
  EXPECT_GT(Count(LB_REASON_none), 0u);
}

}  // namespace
}  // namespace evenkeel
