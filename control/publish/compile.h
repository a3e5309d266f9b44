// From a valid configuration to what is published: tables, root, and what the operator is told of
// them.
//
// Pure: the same input gives the same bytes, whatever order the file has, which is how a restarted
// control sees that a plane runs what it should. Called by the pipeline under its lock.
//
//   absl::StatusOr<CompiledPtr> next = Compile({.config = config, .key = key, .leases = leases,
//                                               .generation = 43, .revision = 7}, &cache);
#ifndef CONTROL_PUBLISH_COMPILE_H_
#define CONTROL_PUBLISH_COMPILE_H_

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "control/canary/stage.h"
#include "control/config/config.h"
#include "control/publish/effective.h"
#include "control/publish/key_file.h"
#include "control/publish/sink.h"
#include "control/publish/table_cache.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

struct CompileInput {
  const Config& config;
  const ClusterKey& key;
  const LeaseTable& leases;  // holds every configured (pool, address) pair: see LeaseAll()
  uint64_t generation = 0;
  int64_t revision = 0;
  // Length and head of the audit log at this moment: what is written after can be cut unseen, what
  // was written before cannot.
  uint64_t audit_entries = 0;
  Digest audit_head{};
  // Set: `config` is its StageConfig(), and the slots of its slice have the candidate's owners.
  const CanaryStage* canary = nullptr;
  StandingOf standing_of;  // empty: every backend is up
  Succession succession;   // what it comes after
};

// A pool's table as the operator asks about it.
struct CompiledPool {
  uint64_t id = 0;               // NameId() of its name
  uint32_t slots = 0;            // of the table
  BuiltTablePtr table;           // null: no backend has slots
  std::vector<uint32_t> quotas;  // slots of each backend, in the configuration's order

  // Fraction of 1 that `backend` (its place in the configuration) owns.
  double share(size_t backend) const { return static_cast<double>(quotas[backend]) / slots; }
};

struct Compiled {
  PublicationPtr publication;
  std::shared_ptr<const ImageView> image;  // the same, verified by the planes' own rules
  std::vector<CompiledPool> pools;         // in the configuration's order
  AdvanceCounts slots;                     // what became of them
};
using CompiledPtr = std::shared_ptr<const Compiled>;

// What need not be done again from one image to the next.
struct CompileCache {
  TableCache tables;
  VerifyCache verified;
};

// InvalidArgument: a limit of the image is passed; the text names the thing. FailedPrecondition: a
// structural change has to wait for a former one (former.h).
absl::StatusOr<CompiledPtr> Compile(const CompileInput& input, CompileCache* cache);

// `leases` with every pair of `config`; pairs that it no longer has leave, and may be given to
// another after their pool's `idle`, once `is_unnamed` says that no flow and no transition names
// their index. ResourceExhausted: more pairs than a node holds.
using IsUnnamed = std::function<bool(uint16_t)>;
absl::StatusOr<LeaseTable> LeaseAll(const Config& config, LeaseTable leases, absl::Time now,
                                    const IsUnnamed& is_unnamed);
// Nothing is released.
inline absl::StatusOr<LeaseTable> LeaseAll(const Config& config, LeaseTable leases,
                                           absl::Time now) {
  return LeaseAll(config, std::move(leases), now, [](uint16_t) { return false; });
}

// True if both are the same image but for the generation and the audit log's head.
bool SameContent(const ImageView& a, const ImageView& b);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_COMPILE_H_
