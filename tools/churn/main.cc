// evenkeel-churn: the project's scheme against stateless Maglev, a capped LRU and a full table, on
// the same connections, changes and failures.
//
//   evenkeel-churn [--connections=9000000] [--node_failures=3] [--seed=1] [--json]
#include <gflags/gflags.h>

#include <cstdio>

#include "absl/strings/str_format.h"
#include "nlohmann/json.hpp"
#include "tools/churn/simulation.h"

DEFINE_uint64(connections, 9'000'000, "connections that begin, evenly over the time");
DEFINE_uint32(seconds, 7200, "simulated time");
DEFINE_uint32(idle, 900,
              "seconds of a window; a connection that speaks once in it has the promise");
DEFINE_uint32(backends, 20, "backends at the beginning");
DEFINE_uint32(nodes, 4, "balancers behind ECMP");
DEFINE_uint32(changes, 22, "changes of backends, weights and health");
DEFINE_uint32(node_failures, 0, "balancers that fail, one after the other");
DEFINE_uint32(lru_entries, 16384, "entries of the capped LRU, a node");
DEFINE_uint32(flow_buckets, 32768,
              "buckets of eight of Evenkeel's flow table, a node: a power of two");
DEFINE_uint64(seed, 1, "of everything random");
DEFINE_bool(json, false, "print one JSON object");

namespace evenkeel {
namespace {

void PrintText(const ChurnReport& report) {
  absl::PrintF(
      "%d connections, %d of them silent for longer than idle once; %d packets, %d "
      "publications; %d lost with their servers\n",
      report.connections, report.silent, report.packets, report.publications, report.lost);
  absl::PrintF("%-20s %12s %18s %14s\n", "scheme", "broken", "broken (silent)", "entries, most");
  for (const SchemeResult& scheme : report.schemes) {
    absl::PrintF("%-20s %12d %18d %14d\n", scheme.name, scheme.broken, scheme.broken_silent,
                 scheme.entries_max);
  }
  absl::PrintF("slots in transition at the end: %d\n", report.tail_slots_left);
}

void PrintJson(const ChurnReport& report) {
  nlohmann::json json = {{"connections", report.connections},
                         {"silent", report.silent},
                         {"packets", report.packets},
                         {"publications", report.publications},
                         {"lost", report.lost},
                         {"slots_in_transition", report.tail_slots_left}};
  for (const SchemeResult& scheme : report.schemes) {
    json["schemes"].push_back({{"name", scheme.name},
                               {"broken", scheme.broken},
                               {"broken_silent", scheme.broken_silent},
                               {"entries_max", scheme.entries_max}});
  }
  std::puts(json.dump().c_str());
}

int Main() {
  if (FLAGS_backends < 2 || FLAGS_backends > 1000 || FLAGS_nodes == 0 || FLAGS_nodes > 64 ||
      FLAGS_changes > 200 || FLAGS_idle < 60 || FLAGS_seconds <= FLAGS_changes ||
      FLAGS_lru_entries == 0 || FLAGS_flow_buckets < 128 ||
      (FLAGS_flow_buckets & (FLAGS_flow_buckets - 1)) != 0) {
    std::fputs(
        "evenkeel-churn: 2..1000 backends, 1..64 nodes, at most 200 changes and fewer than "
        "seconds, idle of 60 s or more, flow_buckets a power of two from 128 on\n",
        stderr);
    return 2;
  }
  const absl::StatusOr<ChurnReport> report = Simulate({.connections = FLAGS_connections,
                                                       .seconds = FLAGS_seconds,
                                                       .idle_s = FLAGS_idle,
                                                       .backends = FLAGS_backends,
                                                       .nodes = FLAGS_nodes,
                                                       .changes = FLAGS_changes,
                                                       .node_failures = FLAGS_node_failures,
                                                       .lru_entries = FLAGS_lru_entries,
                                                       .flow_buckets = FLAGS_flow_buckets,
                                                       .seed = FLAGS_seed});
  if (!report.ok()) {
    absl::FPrintF(stderr, "evenkeel-churn: %s\n", report.status().message());
    return 1;
  }
  FLAGS_json ? PrintJson(*report) : PrintText(*report);
  return 0;
}

}  // namespace
}  // namespace evenkeel

int main(int argc, char** argv) {
  gflags::SetUsageMessage("what a pool's changes break, by four ways of choosing backends");
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return evenkeel::Main();
}
