// evenkeel-bench-control: stands in for evenkeeld in tools/bench. Publishes one service on
// 203.0.113.10:80 with a pool of equal backends, then answers each line on standard input with the
// plane's counters as JSON.
//
//   evenkeel-bench-control SOCKET BACKENDS
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/table/channel_client.h"
#include "dataplane/table/fill.h"
#include "dataplane/table/image_builder.h"

namespace evenkeel {
namespace {

constexpr uint8_t kSlotsLog2 = 16;
constexpr absl::Duration kTimeout = absl::Seconds(10);

absl::StatusOr<PoolSpec> MakePool(uint16_t backends) {
  PoolSpec pool;
  pool.name = "bench";
  pool.slots_log2 = kSlotsLog2;
  std::vector<FillBackend> fill_input;
  std::vector<uint16_t> leases;
  for (uint16_t i = 0; i < backends; ++i) {
    MemberSpec member;
    member.address =
        MapIpv4({10, 0, static_cast<uint8_t>(1 + i / 250), static_cast<uint8_t>(i % 250 + 1)});
    member.backend_id = BackendId(member.address);
    member.lease = i;
    member.weight = 100;
    fill_input.push_back({member.backend_id, member.weight});
    leases.push_back(i);
    pool.members.push_back(member);
  }
  const absl::StatusOr<Fill> fill = BuildFill(LB_FILL_EXACT, fill_input, kSlotsLog2);
  if (!fill.ok()) return fill.status();
  absl::StatusOr<TablePtr> table = Table::Create(PureSlots(*fill, leases));
  if (!table.ok()) return table.status();
  pool.base = *std::move(table);
  pool.base_id_digest = IdDigest(*fill, fill_input);
  const std::vector<uint32_t> owned = CountSlots(*fill, fill_input.size());
  for (size_t i = 0; i < owned.size(); ++i) pool.members[i].slots = owned[i];
  return pool;
}

absl::Status Publish(ChannelClient* client, uint16_t backends) {
  absl::StatusOr<PoolSpec> pool = MakePool(backends);
  if (!pool.ok()) return pool.status();
  ImageSpec spec;
  spec.generation = client->hello().generation + 1;
  spec.revision = 1;
  spec.params.hash_key = {0x0706050403020100, 0x0f0e0d0c0b0a0908};
  spec.params.encap_source4 = {10, 0, 0, 10};
  spec.next_hops.push_back({MapIpv4({10, 0, 0, 1}), Mac{2, 0, 0, 0, 0, 1}});
  spec.pools.push_back(*std::move(pool));
  ServiceSpec service;
  service.name = "bench";
  service.vip = MapIpv4({203, 0, 113, 10});
  service.ports = {{80, 80}};
  spec.services.push_back(service);
  const absl::StatusOr<AlignedBytes> root = BuildImage(spec);
  if (!root.ok()) return root.status();
  return client->Publish(root->bytes(), TablesOf(spec), kTimeout);
}

absl::Status PrintStats(ChannelClient* client) {
  const absl::StatusOr<StatsSnapshot> stats = client->Stats(kTimeout);
  if (!stats.ok()) return stats.status();
  uint64_t busy = 0;
  uint64_t idle = 0;
  for (const WorkerCount& worker : stats->workers) {
    busy += worker.busy_polls;
    idle += worker.idle_polls;
  }
  printf("{\"received\": %lu, \"forwarded\": %lu, \"busy_polls\": %lu, \"empty_polls\": %lu}\n",
         stats->received, stats->reasons[0], busy, idle);
  fflush(stdout);
  return absl::OkStatus();
}

absl::Status Serve(const char* socket, uint16_t backends) {
  absl::StatusOr<std::unique_ptr<ChannelClient>> client = ChannelClient::Connect(socket, kTimeout);
  if (!client.ok()) return client.status();
  if (absl::Status s = Publish(client->get(), backends); !s.ok()) return s;
  char line[16];
  do {
    if (absl::Status s = PrintStats(client->get()); !s.ok()) return s;
  } while (fgets(line, sizeof(line), stdin) != nullptr);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  if (argc != 3) {
    fprintf(stderr, "usage: evenkeel-bench-control SOCKET BACKENDS\n");
    return 2;
  }
  const absl::Status served = Serve(argv[1], static_cast<uint16_t>(atoi(argv[2])));
  if (served.ok()) return 0;
  fprintf(stderr, "evenkeel-bench-control: %s\n", std::string(served.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
