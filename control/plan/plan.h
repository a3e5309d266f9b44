// What a change would do, before it is done: shares, slots that move, connections at risk, what
// losses of backends would mean afterwards, the evidence that a trial needs, and whether the guards
// let it pass.
//
// Pure: the same configurations and inputs give the same plan, anywhere. Called by the CLI
// (offline, with
// --base) and by the pipeline before every publication that is not the return from a trial; any
// thread.
//
//   absl::StatusOr<Plan> plan = MakePlan(&running, candidate, {.now = absl::Now(), .validation =
//   findings}); if (plan->verdict == Verdict::kRefuse) return Refuse(plan->findings);
#ifndef CONTROL_PLAN_PLAN_H_
#define CONTROL_PLAN_PLAN_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "control/plan/if_lost.h"
#include "control/plan/weight_lost.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

class PoolTables;  // pool_table.h

struct PlanInputs {
  absl::Time now;
  int64_t base_revision = 0;        // 0: no revision, or a file
  std::vector<Finding> validation;  // of the candidate; become part of the plan
  std::vector<Allow> allow;         // overrides beside those of the candidate (apply --allow)
  WeightHistory confirmed;          // what was confirmed in the last 24 hours
  // New flows a second by service, as measured or told; a service that is not there is not known.
  std::map<std::string, double> new_flows;
  // Flows that the node can follow at a time, in all of its workers; 0: not known.
  uint64_t flow_table_entries = 0;
  PoolTables* tables = nullptr;  // kept from plan to plan; null: this plan fills all anew
};

enum class Verdict { kAllow, kRefuse };
enum class BackendChange { kSame, kWeight, kAdded, kRemoved, kDrained, kRestored };

absl::string_view Name(Verdict verdict);
absl::string_view Name(BackendChange change);  // "same", "weight", "added", ...

struct BackendPlan {
  std::string name;
  IpAddress address;
  uint32_t weight = 0;  // as configured; 0 for one that is removed
  BackendChange change = BackendChange::kSame;
  // Fractions of 1. A backend is known by its address: a new name alone changes nothing.
  double requested = 0;
  double before = 0;
  double after = 0;
};

struct ServicePlan {
  std::string name;
  std::string pool;
  uint32_t slots = 0;
  bool is_new = false;
  bool touched = false;             // its slots, its match or its hash change
  double moved = 0;                 // fraction of its slots whose flows get another backend
  double beyond_unavoidable = 0;    // moved, less what backends gain in all
  double moved_without_growth = 0;  // moved, less what growth forces (Movement::forced)
  std::optional<double> connections_at_risk;
  // Those that are followed: of a service that gets another pool, hash or number of slots, all.
  std::optional<double> connections_followed;
  std::vector<BackendPlan> backends;  // of the candidate in the file's order, then those removed
};

struct HostShare {
  std::string host;
  double share = 0;
};

struct DrainedBackend {
  std::string backend;  // "web-3"
  std::string reason;
  absl::Time until;
};

struct PoolPlan {
  std::string name;
  uint32_t slots = 0;
  FillKind fill = FillKind::kExact;
  bool is_new = false;
  std::vector<std::string> services;
  uint64_t weight_before = 0;
  uint64_t weight_after = 0;
  // Fractions of the healthy weight. 24 hours count only where this change takes something.
  double weight_lost = 0;      // the worse of now and the last 24 hours
  double weight_lost_now = 0;  // against what runs
  double moved = 0;
  double unavoidable = 0;
  double share_error = 0;  // worst of |share after / requested - 1|
  double share_jump = 1;   // largest factor by which a backend's share grows
  uint32_t lightest_slots = 0;
  Digest digest{};  // of its table, over backend ids
  std::vector<DrainedBackend> drained;
  std::vector<HostShare> hosts;  // where backends name their hosts (F10)
};

// What a trial must see before it can tell a good change from a bad one.
struct Evidence {
  uint64_t flows = 0;             // first packets of new flows, over the whole pool
  std::optional<double> seconds;  // at the known rate; not set: no rate is known
};

struct Plan {
  Digest digest{};
  int64_t base_revision = 0;
  bool has_base = false;
  Verdict verdict = Verdict::kAllow;
  std::vector<Finding> findings;  // validation's and the guards', in the order of the file
  std::vector<PoolPlan> pools;
  std::vector<ServicePlan> services;
  std::vector<std::string> services_removed;
  uint32_t services_touched = 0;
  // Upper bound: for each service new flows a second * idle * the share that moves, which is how
  // many connections that spoke within `idle` can at most have slots that move. 0 where nothing
  // moves or no rate is known; connections_known says which.
  uint64_t connections_at_risk = 0;
  bool connections_known = true;
  // Upper bound of the flows that have to be followed: the services' connections_followed, and as
  // many that begin there within `idle`.
  uint64_t flows_followed = 0;
  std::vector<LossEffect> if_lost;
  Evidence evidence;

  double weight_lost() const;  // the worst of its pools
};

// `base` is what runs; null for a node's first revision, which has no blast radius. `candidate` has
// passed validation, or its errors are among `inputs.validation`. Errors: a table that cannot be
// filled.
absl::StatusOr<Plan> MakePlan(const Config* base, const Config& candidate,
                              const PlanInputs& inputs);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_PLAN_H_
