// Images whose rows carry their generation in what a frame shows of four different maps: the outer
// source (parameters), the VLAN (parameters, read by another step), the backend's address
// (backends, by the slots), the MAC (next hops). Over a loaded program without an interface. Needs
// root.
#ifndef TESTS_BPF_MARKED_IMAGE_H_
#define TESTS_BPF_MARKED_IMAGE_H_

#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <memory>

#include "bpf/map_writer.h"
#include "bpf/set_root.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/builder.h"
#include "tests/packets/bytes.h"

namespace evenkeel {

using packets::Bytes;

inline constexpr uint64_t kMarks = 250;  // what a byte tells apart, of generations
inline constexpr uint16_t kBackends = 4;

inline const Address kClient = V4(198, 51, 100, 2);
inline const Address kVip = V4(203, 0, 113, 10);

inline std::shared_ptr<const ImageView> ImageOf(uint64_t generation, uint64_t revision = 1) {
  const uint8_t mark = static_cast<uint8_t>(generation % kMarks);
  ImageSpec spec;
  spec.generation = generation;
  spec.revision = revision;
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

// For images whose MACs are all configured.
inline uint64_t MarkedWord(const Address&) { return 0; }

inline Bytes Frame(uint16_t port) {
  return packets::Ethernet({}, packets::Ip({.source = kClient, .destination = kVip},
                                           packets::Tcp({.source = kClient,
                                                         .destination = kVip,
                                                         .source_port = port,
                                                         .flags = packets::kTcpAck})));
}

// The generation's mark where all parts of the frame agree on it, else -1.
inline int MarkOf(const Bytes& out) {
  const int mac = out[5];
  const int vlan = (out[14] << 8 | out[15]) - 1;
  const int source = out[18 + 15];
  const int backend = (out[18 + 18] << 8 | out[18 + 19]) / kBackends;
  return mac == vlan && vlan == source && source == backend ? mac : -1;
}

class MarkedImageTest : public testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<CpuMaps> cpus = CpuMaps::Create({});
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
    const absl::Status s = writer_->Publish(ImageOf(generation), MarkedWord);
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

  // Packets that the set of `generation` has counted; 0 when it is in no set.
  uint64_t CountedIn(uint64_t generation) const {
    const LbMaps& maps = instance_->maps();
    uint64_t packets = 0;
    for (uint32_t set = 0; set < LB_SETS; ++set) {
      if (SetHeader(maps, set)->generation != generation) continue;
      for (uint32_t cpu = 0; cpu < maps.sizes.cpus; ++cpu) {
        const size_t first = (size_t{cpu} * LB_SETS + set) * maps.sizes.counters;
        for (uint32_t i = 0; i < kBackends; ++i) packets += maps.counters[first + i].packets;
      }
    }
    return packets;
  }

  CpuMaps cpus_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<Totals> totals_;
  std::unique_ptr<MapWriter> writer_;
};

}  // namespace evenkeel

#endif  // TESTS_BPF_MARKED_IMAGE_H_
