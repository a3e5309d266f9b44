// evenkeel-xdp-bench: what one packet costs the XDP program, by BPF_PROG_TEST_RUN under a wrapper
// that restores the packet, in nanoseconds of this thread's CPU time; beside it, in the same
// rounds, what the wrapper and an empty program cost. Needs root; touches no interface.
//
//   evenkeel-xdp-bench ROUNDS PACKETS   prints a JSON object: {case: [nanoseconds of each round]}
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <numeric>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "bpf/map_writer.h"
#include "dataplane/forward/wire.h"
#include "dataplane/table/image_builder.h"
#include "tools/pktgen/site.h"
#include "tools/xdp_bench/wrapper.h"
#include "tools/xdp_bench/wrapper.skel.h"

namespace evenkeel {
namespace {

constexpr uint16_t kBackends = 100;
constexpr uint32_t kFlowsMany = 10'000'000;

absl::StatusOr<std::shared_ptr<const ImageView>> MakeImage() {
  const absl::StatusOr<ImageSpec> spec = pktgen::MakeSite(1, kBackends, 0);
  if (!spec.ok()) return spec.status();
  absl::StatusOr<AlignedBytes> root = BuildImage(*spec);
  if (!root.ok()) return root.status();
  const std::vector<TablePtr> tables = TablesOf(*spec);
  absl::StatusOr<ImageView> image = ImageView::Verify(
      *std::move(root),
      [&](const Digest& digest) -> TablePtr {
        for (const TablePtr& table : tables) {
          if (table->digest() == digest) return table;
        }
        return nullptr;
      },
      nullptr);
  if (!image.ok()) return image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

// 64 bytes of Ethernet, IP, TCP ACK (IPv6: 74) to the service, or to nobody.
std::vector<uint8_t> MakeFrame(bool ipv4, bool to_vip) {
  std::vector<uint8_t> frame(ipv4 ? 64 : 74);
  lb_ethernet ethernet{};
  ethernet.destination[0] = 2;
  ethernet.source[0] = 2;
  ethernet.type = ipv4 ? LB_ETHERTYPE_IPV4 : LB_ETHERTYPE_IPV6;
  std::memcpy(frame.data(), &ethernet, sizeof(ethernet));
  lb_tcp tcp{};
  tcp.source_port = LB_NET16(40000);
  tcp.destination_port = LB_NET16(80);
  tcp.data_offset = 0x50;
  tcp.flags = LB_TCP_ACK;
  if (ipv4) {
    lb_ipv4 ip{};
    ip.version_ihl = 0x45;
    ip.total_length = LB_NET16(50);
    ip.ttl = 64;
    ip.protocol = LB_PROTOCOL_TCP;
    const uint8_t vip[4] = {203, 0, 113, static_cast<uint8_t>(to_vip ? 10 : 99)};
    std::memcpy(&ip.destination, vip, sizeof(vip));
    std::memcpy(&frame[14], &ip, sizeof(ip));
    std::memcpy(&frame[34], &tcp, sizeof(tcp));
  } else {
    lb_ipv6 ip{};
    ip.version_class_label = LB_NET32(0x60000000u);
    ip.payload_length = LB_NET16(20);
    ip.next_header = LB_PROTOCOL_TCP;
    ip.hop_limit = 64;
    const Address client = pktgen::SiteIpv6(0x100, 0);
    const Address vip = pktgen::SiteIpv6(0x113, to_vip ? 10 : 99);
    std::memcpy(ip.source, client.data(), client.size());
    std::memcpy(ip.destination, vip.data(), vip.size());
    std::memcpy(&frame[14], &ip, sizeof(ip));
    std::memcpy(&frame[54], &tcp, sizeof(tcp));
  }
  return frame;
}

struct BenchCase {
  const char* name;
  int program;  // file descriptor
  bool ipv4;
  bool to_vip;
  uint32_t flows;
  uint32_t action;  // what it must answer
};

class Bench {
 public:
  explicit Bench(wrapper_bpf* wrapper) : wrapper_(*wrapper) {}

  // Nanoseconds a packet; below 0: it failed, and was told.
  double Measure(const BenchCase& c, uint32_t packets) {
    const std::vector<uint8_t> in = MakeFrame(c.ipv4, c.to_vip);
    wrapper_frame& frame = wrapper_.data_frame->frame;
    frame.length = static_cast<uint32_t>(in.size());
    frame.family = c.ipv4 ? LB_IPV4 : LB_IPV6;
    frame.flows = c.flows;
    frame.step = Step(c.flows);
    frame.flow = 0;
    std::memcpy(frame.ethernet, in.data(), 14);
    const uint32_t key = 0;
    if (bpf_map_update_elem(bpf_map__fd(wrapper_.maps.under_test), &key, &c.program, BPF_ANY) !=
        0) {
      return Failed(c, "cannot be called from the wrapper");
    }
    std::vector<uint8_t> out(256);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.data(), .data_out = out.data(),
                .data_size_in = static_cast<uint32_t>(in.size()),
                .data_size_out = static_cast<uint32_t>(out.size()),
                .repeat = static_cast<int>(packets));
    const double before = CpuNanoseconds();
    const int error = bpf_prog_test_run_opts(bpf_program__fd(wrapper_.progs.wrapper), &options);
    const double after = CpuNanoseconds();
    if (error != 0) return Failed(c, std::strerror(-error));
    if (options.retval != c.action) {
      return Failed(c, ("answered " + std::to_string(options.retval)).c_str());
    }
    return (after - before) / packets;
  }

 private:
  static double CpuNanoseconds() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
  }
  // About the golden section of `flows`.
  static uint32_t Step(uint32_t flows) {
    uint32_t step = static_cast<uint32_t>(flows * 0.618) + 1;
    while (std::gcd(step, flows) != 1) ++step;
    return flows == 1 ? 0 : step;
  }
  static double Failed(const BenchCase& c, const char* why) {
    std::fprintf(stderr, "xdp-bench: %s: %s\n", c.name, why);
    return -1;
  }

  wrapper_bpf& wrapper_;
};

int Fail(const absl::Status& status) {
  std::fprintf(stderr, "xdp-bench: %s\n", std::string(status.message()).c_str());
  return 1;
}

int Run(int rounds, uint32_t packets) {
  absl::StatusOr<std::shared_ptr<const ImageView>> image = MakeImage();
  if (!image.ok()) return Fail(image.status());
  absl::StatusOr<CpuMaps> cpus = CpuMaps::Create({});
  if (!cpus.ok()) return Fail(cpus.status());
  absl::StatusOr<std::unique_ptr<Instance>> instance =
      Instance::Load(MapWriter::SizesFor(**image, nullptr, {}), *cpus);
  if (!instance.ok()) return Fail(instance.status());
  absl::StatusOr<Totals> totals = Totals::Create(1 << 12);
  if (!totals.ok()) return Fail(totals.status());
  absl::StatusOr<std::unique_ptr<MapWriter>> writer =
      MapWriter::Open((*instance)->maps(), &*totals);
  if (!writer.ok()) return Fail(writer.status());
  const uint64_t word = lb_next_hop_word((*image)->next_hops()[0].static_mac);
  if (absl::Status s = (*writer)->Publish(*image, [&](const Address&) { return word; }); !s.ok()) {
    return Fail(s);
  }
  wrapper_bpf* wrapper = wrapper_bpf__open_and_load();
  if (wrapper == nullptr) return Fail(absl::InternalError("the wrapper does not load"));

  constexpr uint32_t kPass = 2, kTx = 3;
  const int base = bpf_program__fd(wrapper->progs.base);
  const int room = bpf_program__fd(wrapper->progs.room);
  const int lb = (*instance)->program();
  const BenchCase cases[] = {
      {"empty, 1 flow", base, true, true, 1, kTx},
      {"empty, 10 M flows", base, true, true, kFlowsMany, kTx},
      {"floor: room and 34 bytes, 10 M flows", room, true, true, kFlowsMany, kTx},
      {"not a VIP", lb, true, false, 1, kPass},
      {"IPv4 TCP, IPIP, 1 flow", lb, true, true, 1, kTx},
      {"IPv4 TCP, IPIP, 10 M flows", lb, true, true, kFlowsMany, kTx},
      {"IPv6 TCP, 6in6, 1 flow", lb, false, true, 1, kTx},
      {"IPv6 TCP, 6in6, 10 M flows", lb, false, true, kFlowsMany, kTx},
  };
  Bench bench(wrapper);
  std::vector<std::vector<double>> results(std::size(cases));
  bool ok = true;
  for (int round = 0; ok && round < rounds; ++round) {
    for (size_t i = 0; ok && i < std::size(cases); ++i) {
      results[i].push_back(bench.Measure(cases[i], packets));
      ok = results[i].back() >= 0;
    }
  }
  std::printf("{");
  for (size_t i = 0; i < std::size(cases); ++i) {
    std::printf("%s\"%s\": [", i == 0 ? "" : ", ", cases[i].name);
    for (size_t round = 0; round < results[i].size(); ++round) {
      std::printf("%s%.2f", round == 0 ? "" : ", ", results[i][round]);
    }
    std::printf("]");
  }
  std::printf("}\n");
  wrapper_bpf__destroy(wrapper);
  return ok ? 0 : 1;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: evenkeel-xdp-bench ROUNDS PACKETS\n");
    return 2;
  }
  return evenkeel::Run(std::atoi(argv[1]), static_cast<uint32_t>(std::atol(argv[2])));
}
