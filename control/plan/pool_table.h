// The table of a pool as the planes will get it, and what a change of it moves.
//
// Built by the same fills that control/publish compiles with, so a share that the plan shows is
// counted from slots, not computed from weights. Pure, any thread.
//
//   PoolTables tables;                     // kept, a pool that stays as it is is filled once
//   PoolTables::Use use = tables.Begin();  // in each plan
//   absl::StatusOr<PoolTablePtr> before = use.Get(old_pool), after = use.Get(new_pool);
//   Movement movement = Compare(**before, **after);   // {.moved = 0.25, .unavoidable = 0.249, ...}
#ifndef CONTROL_PLAN_POOL_TABLE_H_
#define CONTROL_PLAN_POOL_TABLE_H_

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "control/config/config.h"
#include "dataplane/table/fill.h"

namespace evenkeel {

struct PoolTable {
  FillKind fill = FillKind::kExact;
  uint32_t slots = 0;                 // 2^k, also where nobody owns any
  std::vector<FillBackend> backends;  // those that have a weight, by rising id
  // slot -> place in `backends`; empty where nobody owns slots, and in a table of an earlier plan:
  // Compare() then fills it again.
  std::vector<uint16_t> owners;
  absl::flat_hash_map<uint64_t, uint32_t> slots_of;  // by backend id, owners only
  Digest digest{};                                   // over backend ids; zeros without owners

  bool empty() const { return backends.empty(); }
  uint32_t SlotsOf(const IpAddress& address) const;
  double ShareOf(const IpAddress& address) const;  // fraction of 1
};
using PoolTablePtr = std::shared_ptr<const PoolTable>;

// Builds each distinct table once, and keeps those of the last plan, without their owners: a
// kilobyte or two of a pool. Any thread.
class PoolTables {
  struct Key {
    FillKind fill;
    uint32_t slots;
    std::vector<std::pair<uint64_t, uint32_t>> members;  // (id, weight), sorted

    auto operator<=>(const Key&) const = default;
  };
  using Tables = std::map<Key, PoolTablePtr>;

 public:
  // One plan's. Another one waits for its end, and finds what it has made.
  class Use {
   public:
    explicit Use(PoolTables& tables) : tables_(tables), lock_(tables.mutex_) {}
    ~Use();

    // InvalidArgument, naming the pool: its table cannot be filled.
    absl::StatusOr<PoolTablePtr> Get(const Pool& pool);

   private:
    PoolTables& tables_;
    const std::lock_guard<std::mutex> lock_;
    Tables used_;
  };
  Use Begin() { return Use(*this); }

 private:
  std::mutex mutex_;  // guards what follows
  Tables kept_;
};

// Fractions of the hash space, 0..1.
struct Movement {
  double moved = 0;        // its flows have another backend afterwards
  double unavoidable = 0;  // what must move whatever the fill: the sum of what backends gain
  // What growth forces: what backends own that owned nothing before, but of each no more than twice
  // the largest share of one that stays. A newcomer that takes the pool over is no growth.
  double forced = 0;
};

// Tables of different sizes are compared over the hash space that their slots stand for. Where
// nobody owns slots afterwards everything moves (to nowhere), where nobody did before nothing does.
Movement Compare(const PoolTable& before, const PoolTable& after);

// The same where the two choose slots by different hashes (another affinity): a flow that lands
// anywhere afterwards keeps its backend by chance alone.
Movement CompareUnrelated(const PoolTable& before, const PoolTable& after);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_POOL_TABLE_H_
