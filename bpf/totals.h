// What has been counted for each (service, backend) by generations that no longer run: a pinned
// hash map that only control writes, so that counters survive both the turn of the sets and a
// restart.
//
// A generation is added exactly once, also where control is killed half way: an entry remembers the
// last generation that was added to it, and is written as a whole.
//
//   totals.Fold({service_id, backend_id}, counted, generation);
#ifndef BPF_TOTALS_H_
#define BPF_TOTALS_H_

#include <cstdint>
#include <memory>
#include <string>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/region.h"

namespace evenkeel {

struct FlowSum {
  uint64_t packets = 0;
  uint64_t bytes = 0;
  uint64_t new_flows = 0;

  bool IsZero() const { return packets == 0 && bytes == 0 && new_flows == 0; }
  FlowSum& operator+=(const FlowSum& other) {
    packets += other.packets;
    bytes += other.bytes;
    new_flows += other.new_flows;
    return *this;
  }
};
using FlowPair = std::pair<uint64_t, uint64_t>;  // service id, backend id
using FlowSums = absl::flat_hash_map<FlowPair, FlowSum>;

class Totals {
 public:
  static constexpr uint32_t kEntries = 1u << 18;

  static absl::StatusOr<Totals> Create(uint32_t entries = kEntries);
  static absl::StatusOr<Totals> Open(const std::string& pin);
  absl::Status Pin(const std::string& path) const;

  // Generations come in rising order.
  absl::Status Fold(const FlowPair& pair, const FlowSum& counted, uint64_t generation);
  bool HasFolded(const FlowPair& pair, uint64_t generation) const;

  FlowSums Sums() const;
  size_t size() const { return entries_.size(); }
  // Pairs that fit beside those that are here.
  size_t room() const { return capacity_ - entries_.size(); }
  // Forgets the pairs that `kept` does not have.
  void Keep(const absl::flat_hash_set<FlowPair>& kept);

 private:
  struct Entry {
    FlowSum sum;
    uint64_t folded_generation = 0;
  };
  static_assert(sizeof(Entry) == 32);

  Totals(UniqueFd fd, uint32_t capacity) : fd_(std::move(fd)), capacity_(capacity) {}

  UniqueFd fd_;
  uint32_t capacity_;
  absl::flat_hash_map<FlowPair, Entry> entries_;  // what the map holds
};

}  // namespace evenkeel

#endif  // BPF_TOTALS_H_
