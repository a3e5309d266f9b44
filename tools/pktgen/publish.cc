// evenkeel-bench-control: stands in for evenkeeld in tools/bench. Publishes the site of site.h with
// BACKENDS in each pool and MANY more services, then answers each line on standard input with the
// plane's counters as JSON.
//
//   evenkeel-bench-control SOCKET BACKENDS [MANY]
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/table/channel_client.h"
#include "dataplane/table/image_builder.h"
#include "tools/pktgen/site.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);

absl::Status Publish(ChannelClient* client, uint16_t backends, uint16_t many) {
  const absl::StatusOr<ImageSpec> spec =
      pktgen::MakeSite(client->hello().generation + 1, backends, many);
  if (!spec.ok()) return spec.status();
  const absl::StatusOr<AlignedBytes> root = BuildImage(*spec);
  if (!root.ok()) return root.status();
  return client->Publish(root->bytes(), TablesOf(*spec), kTimeout);
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

absl::Status Serve(const char* socket, uint16_t backends, uint16_t many) {
  absl::StatusOr<std::unique_ptr<ChannelClient>> client = ChannelClient::Connect(socket, kTimeout);
  if (!client.ok()) return client.status();
  if (absl::Status s = Publish(client->get(), backends, many); !s.ok()) return s;
  char line[16];
  do {
    if (absl::Status s = PrintStats(client->get()); !s.ok()) return s;
  } while (fgets(line, sizeof(line), stdin) != nullptr);
  return absl::OkStatus();
}

int Main(int argc, char** argv) {
  const int backends = argc < 3 ? 0 : atoi(argv[2]);
  const int many = argc < 4 ? 0 : atoi(argv[3]);
  if (backends < 1 || backends > 1000 || many < 0 || many > pktgen::kManyMax) {
    fprintf(stderr, "usage: evenkeel-bench-control SOCKET BACKENDS [MANY]; up to 1000 of each\n");
    return 2;
  }
  const absl::Status served =
      Serve(argv[1], static_cast<uint16_t>(backends), static_cast<uint16_t>(many));
  if (served.ok()) return 0;
  fprintf(stderr, "evenkeel-bench-control: %s\n", std::string(served.message()).c_str());
  return 1;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) { return evenkeel::Main(argc, argv); }
