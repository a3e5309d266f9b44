// The corpus through the whole worker: in by a port's receive queue, out by its transmit queue,
// with the case's tables as a verified image. The same bytes, the same reason, and every buffer
// back.
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "dataplane/forward/reason_name.h"
#include "dataplane/table/fill.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/image_view.h"
#include "dataplane/worker/worker_loop.h"
#include "tests/dataplane/worker/eal_environment.h"
#include "tests/dataplane/worker/ring_port.h"
#include "tests/packets/corpus.h"
#include "tests/packets/run_native.h"

namespace evenkeel {
namespace {

struct Prefix {
  Address address{};
  uint8_t length = 128;
};

Prefix ParsePrefix(const std::string& text) {
  const size_t slash = text.find('/');
  Prefix prefix{packets::ParseAddress(text.substr(0, slash)), 128};
  if (slash == std::string::npos) return prefix;
  const int from = packets::IsIpv4(prefix.address) ? 96 : 0;
  prefix.length = static_cast<uint8_t>(from + std::stoi(text.substr(slash + 1)));
  return prefix;
}

template <size_t kBytes>
void SetMask(int bits, std::array<uint8_t, kBytes>* mask) {
  for (size_t i = 0; i < kBytes; ++i) {
    const int here = std::clamp(bits - static_cast<int>(i) * 8, 0, 8);
    (*mask)[i] = static_cast<uint8_t>(0xff00 >> here);
  }
}

ParamsSpec ParamsOf(const packets::TablesSpec& tables) {
  ParamsSpec params;
  std::memcpy(params.hash_key.data(), tables.key.data(), tables.key.size());
  params.encap_source4 = {};
  if (!tables.encap_source4.empty()) {
    const Prefix source = ParsePrefix(tables.encap_source4);
    std::memcpy(params.encap_source4.data(), &source.address[12], 4);
    SetMask(source.length - 96, &params.encap_mask4);
  }
  if (!tables.encap_source6.empty()) {
    const Prefix source = ParsePrefix(tables.encap_source6);
    params.encap_source6 = source.address;
    SetMask(source.length, &params.encap_mask6);
  }
  params.mtu = tables.mtu;
  params.client_mtu = tables.client_mtu;
  params.vlan = tables.vlan;
  return params;
}

// A next hop of its own for every backend, so that each may have, or lack, a MAC.
uint16_t AddNextHop(const packets::BackendSpec& backend, ImageSpec* image) {
  const Address address = packets::ParseAddress(backend.address);
  const bool ipv4 = packets::IsIpv4(address);
  NextHopSpec hop{address, backend.mac};
  if (!backend.mac && backend.resolved) {
    hop.static_mac = ipv4 ? packets::kGateway4Mac : packets::kGateway6Mac;
  }
  image->next_hops.push_back(hop);
  return static_cast<uint16_t>(image->next_hops.size() - 1);
}

void AddPool(const packets::PoolSpec& in, uint16_t* lease, ImageSpec* image) {
  PoolSpec pool;
  pool.name = in.name;
  pool.slots_log2 = static_cast<uint8_t>(in.slots_log2);
  std::vector<FillBackend> backends;
  std::vector<uint16_t> leases;
  for (const packets::BackendSpec& backend : in.backends) {
    ASSERT_FALSE(backend.moved_from) << "a case with a transition: say it in the image too";
    MemberSpec member;
    member.address = packets::ParseAddress(backend.address);
    member.backend_id = BackendId(member.address);
    member.lease = (*lease)++;
    member.next_hop = AddNextHop(backend, image);
    member.weight = 1;
    member.encap = static_cast<lb_encap>(backend.encap);
    backends.push_back({member.backend_id, member.weight});
    leases.push_back(member.lease);
    pool.members.push_back(member);
  }
  if (!backends.empty()) {
    const absl::StatusOr<Fill> fill = BuildFill(pool.fill, backends, pool.slots_log2);
    ASSERT_TRUE(fill.ok()) << fill.status();
    const absl::StatusOr<TablePtr> table = Table::Create(PureSlots(*fill, leases));
    ASSERT_TRUE(table.ok()) << table.status();
    pool.base = *table;
    pool.base_id_digest = IdDigest(*fill, backends);
    const std::vector<uint32_t> owned = CountSlots(*fill, backends.size());
    for (size_t i = 0; i < owned.size(); ++i) pool.members[i].slots = owned[i];
  }
  image->pools.push_back(std::move(pool));
}

ServiceSpec ServiceOf(const packets::ServiceSpec& in, const packets::TablesSpec& tables) {
  ServiceSpec service;
  const Prefix vip = ParsePrefix(in.vip);
  service.vip = vip.address;
  service.prefix_length = vip.length;
  service.transport = static_cast<lb_transport>(in.transport);
  service.affinity = static_cast<lb_affinity>(in.affinity);
  service.any_port = in.ports.empty();
  for (const packets::PortRange& ports : in.ports) service.ports.push_back({ports.low, ports.high});
  while (tables.pools[service.pool].name != in.pool) ++service.pool;
  return service;
}

std::shared_ptr<const ImageView> ImageOf(const packets::TablesSpec& tables) {
  ImageSpec spec;
  spec.generation = 1;
  spec.revision = 1;
  spec.params = ParamsOf(tables);
  uint16_t lease = 0;
  for (const packets::PoolSpec& pool : tables.pools) AddPool(pool, &lease, &spec);
  for (const packets::ServiceSpec& service : tables.services) {
    spec.services.push_back(ServiceOf(service, tables));
    spec.services.back().name = "s" + std::to_string(spec.services.size());
  }
  absl::StatusOr<AlignedBytes> root = BuildImage(spec);
  EXPECT_TRUE(root.ok()) << root.status();
  if (!root.ok()) return nullptr;
  const std::vector<TablePtr> known = TablesOf(spec);
  const auto lookup = [&known](const Digest& digest) -> TablePtr {
    for (const TablePtr& table : known) {
      if (table->digest() == digest) return table;
    }
    return nullptr;
  };
  absl::StatusOr<ImageView> image = ImageView::Verify(*std::move(root), lookup, nullptr);
  EXPECT_TRUE(image.ok()) << image.status();
  if (!image.ok()) return nullptr;
  return std::make_shared<const ImageView>(*std::move(image));
}

// What the counters of a worker say of the one packet that it was given.
struct Counted {
  std::string reason;  // its name, or that it was counted not once
  uint64_t forwarded = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;
};

Counted CountsOf(Plane& plane) {
  Counted counted;
  uint64_t sum = 0;
  for (int reason = 0; reason < LB_REASON_COUNT; ++reason) {
    const uint64_t count = plane.worker(0).reasons[reason].Get();
    sum += count;
    if (count != 0) counted.reason = lb_reason_name(reason);
  }
  if (sum != 1) counted.reason = "counted " + std::to_string(sum) + " times";
  const GenerationCounters& counters = plane.current()->counters(0);
  for (uint32_t i = 0; i < counters.count(); ++i) {
    counted.forwarded += counters.flow(i).packets.Get();
    counted.bytes += counters.flow(i).bytes.Get();
    counted.new_flows += counters.flow(i).new_flows.Get();
  }
  return counted;
}

TEST(WorkerCorpusTest, EveryCaseLeavesThePortAsTheCorpusSays) {
  RingPort wire;
  int run = 0;
  for (const packets::Case& c : packets::Corpus()) {
    SCOPED_TRACE(c.name + ": " + c.why);
    const std::shared_ptr<const ImageView> image = ImageOf(c.tables);
    ASSERT_NE(image, nullptr);
    Plane plane(1, packets::kPortMac);
    WorkerConfig config;
    config.port = wire.port().id();
    config.polling = Polling::kBusy;
    const auto worker = std::make_unique<Worker>(config, &plane);
    ASSERT_TRUE(plane.Install(image, [](const Address&) { return uint64_t{0}; }).ok());

    wire.Inject(c.in);
    plane.swap().Online(0);
    worker->Poll();
    plane.swap().Offline(0);

    const std::vector<packets::Bytes> sent = wire.Sent();
    ASSERT_EQ(sent.size(), c.out.empty() ? 0u : 1u);
    if (!sent.empty()) {
      EXPECT_EQ(packets::HexDump(sent[0]), packets::HexDump(c.out));
    }
    const Counted counted = CountsOf(plane);
    EXPECT_EQ(counted.reason, lb_reason_name(c.reason));
    const bool forwarded = lb_reason_verdict(c.reason) == LB_FORWARD;
    const packets::Tables tables(c.tables);
    const packets::Outcome native = packets::RunNative(tables.view(), c.in);
    EXPECT_EQ(counted.forwarded, forwarded ? 1u : 0u);
    EXPECT_EQ(counted.bytes, forwarded ? native.flow.ip_length : 0u);
    if (forwarded && native.flow.protocol == packets::kTcp) {
      EXPECT_EQ(counted.new_flows, c.new_flow ? 1u : 0u);
    }
    EXPECT_EQ(wire.buffers_out(), 0u);
    ++run;
  }
  EXPECT_GT(run, 100);
  RecordProperty("cases", run);
}

}  // namespace
}  // namespace evenkeel
