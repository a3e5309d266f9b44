// Makes seconds for the watch of successive looks at the planes' counters, and of the tables that
// ran between them.
//
// What cannot be compared makes no second: a plane that has started anew, a generation that came
// and went unseen. A generation that the planes run and that is not known here yet (they swap
// before control says so) is waited for: its second is then as long as two.
//
//   maker.Learn(image);              // whenever another one runs
//   if (auto second = maker.Next(node, look)) watch.Add(*second);
//
// One thread.
#ifndef CONTROL_WATCH_SECOND_MAKER_H_
#define CONTROL_WATCH_SECOND_MAKER_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/metrics/traffic.h"
#include "control/watch/table_shares.h"
#include "control/watch/watch_second.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

std::shared_ptr<const WatchedNode> WatchedNodeOf(const Config& config);

// The planes' counters at one moment.
struct CounterLook {
  absl::Time at;
  uint64_t uptime_ns = 0;  // of all planes
  // Generations in use: the lowest and the highest of all planes and workers.
  uint64_t generation_min = 0;
  uint64_t generation_max = 0;
  absl::flat_hash_map<FlowKey, FlowTotals> flows;
  WorkerCounts workers;  // empty: they are not to be compared
};

class SecondMaker {
 public:
  void Learn(const ImageView& image);
  // A way back that may never run.
  void Reserve(uint64_t generation) { reserved_.insert(generation); }

  std::optional<WatchSecond> Next(std::shared_ptr<const WatchedNode> node, CounterLook look);

 private:
  // Of a UDP service, whose flows stay where they were for minutes after a change.
  struct FormerRow {
    std::shared_ptr<const ShareRow> row;
    absl::Time last_run;
  };

  bool IsComparable(const CounterLook& look) const;
  bool IsKnownBetween(uint64_t from, uint64_t to) const;
  void Forget(uint64_t before);
  std::vector<std::shared_ptr<const ShareRow>> RowsFor(const WatchedService& service,
                                                       const CounterLook& look);
  ServiceSecond Fill(const WatchedService& service, const CounterLook& look);

  std::map<uint64_t, TableShares> tables_;  // by generation
  std::set<uint64_t> reserved_;
  absl::flat_hash_map<uint64_t, std::vector<FormerRow>> former_;  // by service
  std::optional<CounterLook> before_;
  int waited_ = 0;  // looks
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_SECOND_MAKER_H_
