// Generations swapped under packets: each packet must be decided by one generation of everything.
// The rows carry their generation, in what a frame shows of four different maps: the outer source
// (parameters), the VLAN (parameters, read by another step), the backend's address (backends, by
// the slots), the MAC (next hops). Needs root; skips without it.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdio>
#include <thread>

#include "absl/time/clock.h"
#include "bpf/map_writer.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/builder.h"
#include "tests/packets/bytes.h"

namespace evenkeel {
namespace {

using packets::Bytes;

constexpr uint64_t kMarks = 250;  // what a byte tells apart, of generations
constexpr uint16_t kBackends = 4;

const Address kClient = V4(198, 51, 100, 2);
const Address kVip = V4(203, 0, 113, 10);

std::shared_ptr<const ImageView> ImageOf(uint64_t generation) {
  const uint8_t mark = static_cast<uint8_t>(generation % kMarks);
  ImageSpec spec;
  spec.generation = generation;
  spec.revision = 1;
  spec.params.hash_key = {1, 2};
  spec.params.encap_source4 = {10, 9, 0, mark};
  spec.params.vlan = static_cast<uint16_t>(1 + mark);
  spec.next_hops.push_back({V4(10, 0, 0, 1), Mac{2, 0, 0, 0, 0, mark}});
  // MakePool numbers the backends' addresses by lease.
  spec.pools.push_back(MakePool("web", {1, 2, 3, 4}, static_cast<uint16_t>(mark * kBackends)));
  spec.services.push_back(MakeService("http", kVip, 0, {{80, 80}}));
  absl::StatusOr<ImageView> image = VerifySpec(spec);
  EXPECT_TRUE(image.ok()) << image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

uint64_t WordOf(const ImageView& image) {
  return lb_next_hop_word(image.next_hops()[0].static_mac);
}

Bytes Frame(uint16_t port) {
  return packets::Ethernet({}, packets::Ip({.source = kClient, .destination = kVip},
                                           packets::Tcp({.source = kClient,
                                                         .destination = kVip,
                                                         .source_port = port,
                                                         .flags = packets::kTcpAck})));
}

// The generation's mark where all parts of the frame agree on it, else -1.
int MarkOf(const Bytes& out) {
  const int mac = out[5];
  const int vlan = (out[14] << 8 | out[15]) - 1;
  const int source = out[18 + 15];
  const int backend = (out[18 + 18] << 8 | out[18 + 19]) / kBackends;
  return mac == vlan && vlan == source && source == backend ? mac : -1;
}

class SwapTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<CpuMaps> cpus = CpuMaps::Create();
    if (absl::IsPermissionDenied(cpus.status())) GTEST_SKIP() << "needs root: loads BPF programs";
    ASSERT_TRUE(cpus.ok()) << cpus.status();
    cpus_ = *std::move(cpus);
    absl::StatusOr<std::unique_ptr<Instance>> instance =
        Instance::Load(LB_MAP_SIZES_DEFAULT, cpus_);
    ASSERT_TRUE(instance.ok()) << instance.status();
    instance_ = *std::move(instance);
    absl::StatusOr<Totals> totals = Totals::Create(1 << 14);
    ASSERT_TRUE(totals.ok()) << totals.status();
    totals_ = std::make_unique<Totals>(*std::move(totals));
    Reopen();
  }
  void Reopen() {
    absl::StatusOr<std::unique_ptr<MapWriter>> writer =
        MapWriter::Open(instance_->maps(), totals_.get());
    ASSERT_TRUE(writer.ok()) << writer.status();
    writer_ = *std::move(writer);
  }
  void Publish(uint64_t generation) {
    const auto image = ImageOf(generation);
    const uint64_t word = WordOf(*image);
    const absl::Status s = writer_->Publish(image, [&](const Address&) { return word; });
    ASSERT_TRUE(s.ok()) << s;
  }
  Bytes Send(uint16_t port) {
    const Bytes in = Frame(port);
    Bytes out(256);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.data(), .data_out = out.data(),
                .data_size_in = static_cast<uint32_t>(in.size()),
                .data_size_out = static_cast<uint32_t>(out.size()), .repeat = 1);
    EXPECT_EQ(bpf_prog_test_run_opts(instance_->program(), &options), 0);
    EXPECT_EQ(options.retval, 3u);  // XDP_TX
    out.resize(options.data_size_out);
    return out;
  }
  uint64_t Counted() const {
    FlowSums sums = totals_->Sums();
    writer_->AddCounts(&sums);
    uint64_t packets = 0;
    for (const auto& [pair, sum] : sums) packets += sum.packets;
    return packets;
  }

  CpuMaps cpus_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Totals> totals_;
  std::unique_ptr<MapWriter> writer_;
};

TEST_F(SwapTest, NoPacketIsDecidedByPartsOfTwoGenerations) {
  Publish(1);
  std::atomic<bool> stop = false;
  std::atomic<uint64_t> sent = 0;
  std::atomic<uint64_t> torn = 0;
  const auto send = [&] {
    for (uint16_t port = 1; !stop; ++port) {
      if (MarkOf(Send(port)) < 0) ++torn;
      ++sent;
    }
  };
  std::thread first(send);
  std::thread second(send);
  uint64_t generation = 1;
  const absl::Time begin = absl::Now();
  constexpr int kSeconds = 10;
  while (absl::Now() < begin + absl::Seconds(kSeconds)) {
    Publish(++generation);
    const absl::Time next = begin + absl::Milliseconds(10) * static_cast<int64_t>(generation - 1);
    if (next > absl::Now()) absl::SleepFor(next - absl::Now());
  }
  const double rate = static_cast<double>(generation) / absl::ToDoubleSeconds(absl::Now() - begin);
  stop = true;
  first.join();
  second.join();
  std::printf("%llu packets over %llu generations, %.0f a second\n",
              static_cast<unsigned long long>(sent.load()),
              static_cast<unsigned long long>(generation), rate);
  EXPECT_EQ(torn, 0u);
  EXPECT_GT(sent, 1000u);
  EXPECT_GT(rate, 20);  // 100 on a machine that does nothing else
  EXPECT_EQ(Counted(), sent);
}

TEST_F(SwapTest, AnotherProcessTakesOverWhatTheMapsHold) {
  for (uint64_t generation = 1; generation <= 6; ++generation) {
    Publish(generation);
    for (uint16_t port = 1; port <= 10; ++port) Send(port);
  }
  const auto before = writer_->current();
  Reopen();
  ASSERT_NE(writer_->current(), nullptr);
  EXPECT_EQ(writer_->current()->generation(), 6u);
  EXPECT_EQ(writer_->current()->RecomputedDigest(), before->StatedDigest());
  EXPECT_EQ(MarkOf(Send(1)), 6);
  EXPECT_EQ(Counted(), 61u);
  for (uint64_t generation = 7; generation <= 16; ++generation) Publish(generation);
  EXPECT_EQ(MarkOf(Send(1)), 16);
  EXPECT_EQ(Counted(), 62u);
}

TEST_F(SwapTest, CountsAreFoldedOnceWhenControlDiesBetweenTotalsAndMaps) {
  Publish(1);
  for (uint16_t port = 1; port <= 100; ++port) Send(port);
  EXPECT_EQ(Counted(), 100u);
  // As if it had been killed after the totals were written and before the counters were zeroed.
  FlowSums live;
  writer_->AddCounts(&live);
  for (const auto& [pair, sum] : live) ASSERT_TRUE(totals_->Fold(pair, sum, 1).ok());
  Reopen();
  EXPECT_EQ(Counted(), 100u);
  ASSERT_TRUE(writer_->FoldAll().ok());
  EXPECT_EQ(Counted(), 100u);
}

TEST_F(SwapTest, AnImageThatTheMapsCannotHoldIsRefusedAndChangesNothing) {
  Publish(1);
  ImageSpec large = SmallSpec(2);
  for (uint16_t i = 0; i < 400; ++i) {
    large.services.push_back(
        MakeService("s" + std::to_string(i), kVip, 0,
                    {{static_cast<uint16_t>(10000 + i), static_cast<uint16_t>(10000 + i)}}));
  }
  absl::StatusOr<ImageView> image = VerifySpec(large);
  ASSERT_TRUE(image.ok()) << image.status();
  const auto shared = std::make_shared<const ImageView>(*std::move(image));
  EXPECT_FALSE(writer_->Fits(*shared));
  EXPECT_TRUE(absl::IsResourceExhausted(
      writer_->Publish(shared, [](const Address&) { return uint64_t{0}; })));
  EXPECT_EQ(MarkOf(Send(1)), 1);
}

}  // namespace
}  // namespace evenkeel
