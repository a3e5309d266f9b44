// A snapshot of a plane's counters. The plane writes it into its statistics memfd before it answers
// a STATS request; control copies it out, checks it and diffs it against the one before. All counts
// are cumulative since the plane's start.
//
//   plane:    StatsSnapshot now = ...;  writer.Write(now);
//   control:  absl::StatusOr<StatsSnapshot> now = client.Stats(absl::Seconds(1));
#ifndef DATAPLANE_TABLE_STATS_H_
#define DATAPLANE_TABLE_STATS_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/flow_records.h"

namespace evenkeel {

// Of one service at one backend.
struct FlowCount {
  uint64_t service_id;
  uint64_t backend_id;
  uint64_t packets;
  uint64_t bytes;  // of the packets as they came
  uint64_t new_flows;
};
static_assert(sizeof(FlowCount) == 40);

struct WorkerCount {
  uint32_t worker;
  uint32_t lcore;
  uint64_t received;
  uint64_t packets;  // forwarded
  uint64_t new_flows;
  uint64_t busy_polls;
  uint64_t idle_polls;
  uint64_t generation;  // that it uses now
};
static_assert(sizeof(WorkerCount) == 56);

// Of one table of tracked flows: a worker's, or an RX queue's. What is counted by enum
// lb_flow_class (flow_records.h) has its four places.
struct FlowTableCount {
  uint32_t table;
  uint32_t reserved;
  uint64_t entries;  // that it has room for
  uint64_t flows;    // that it holds, of all classes
  uint64_t occupied[LB_ENTRY_CLASSES];
  uint64_t inserted[LB_ENTRY_CLASSES];
  uint64_t evicted[LB_ENTRY_CLASSES];
  uint64_t refused[LB_FLOW_REFUSALS];  // by enum lb_flow_refusal
  uint64_t expired;
  uint64_t sweeps;

  static FlowTableCount Of(uint32_t table, uint64_t entries, const lb_flow_head& head);
};
static_assert(sizeof(FlowTableCount) == 152);

struct StatsSnapshot {
  uint64_t generation = 0;
  uint64_t revision = 0;
  uint64_t received = 0;
  uint64_t uptime_ns = 0;
  Digest digest{};  // ImageView::StatedDigest() of the image in use
  std::vector<uint64_t>
      reasons;  // packets by enum lb_reason (forward/verdict.h); 0 counts the forwarded
  std::vector<FlowCount> flows;
  std::vector<WorkerCount> workers;
  std::vector<FlowTableCount> flow_tables;  // empty: flows are not tracked
  std::vector<std::string>
      alarms;             // what the plane itself noticed: a worker that hangs, a disk that is full
  std::string port_info;  // ports, queues, RSS: for people
};

// Bytes of the encoded form.
size_t EncodedSize(const StatsSnapshot& snapshot);
// `out` has at least EncodedSize() bytes.
void EncodeStats(const StatsSnapshot& snapshot, std::span<std::byte> out);
// `bytes` may be anything: a snapshot that is damaged or half written is DataLoss.
absl::StatusOr<StatsSnapshot> DecodeStats(std::span<const std::byte> bytes);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_STATS_H_
