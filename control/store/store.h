// What evenkeeld must not forget: revisions with their drains and overrides, the generation, the
// key's fingerprint, the leases of backend indices, the healthy weights of the last day, the audit
// log. One SQLite database, control.db, in the state directory.
//
// Every state is reached by one transaction that is on the disk before the call returns, so
// whatever moment the process is killed at, the next one finds one of the states below and goes on
// from it. The log's entry about a step is part of its transaction.
//
//   Begin()        pending: its generations reserved, its leases taken; nothing published yet
//   StartTrial()   trial: every plane runs it and holds the way back
//   Widen()        still trial: a canary shall have more slots; the planes are told next
//   StartConfirm() confirming: a person has said yes; the planes are being asked
//   Confirm()      confirmed: the planes run it for good; it is the running revision
//   RollBack()     rolled_back: the planes run its base, under the way back's generation
//   Abandon()      failed: it never ran; the confirmed revision before it still is the running one
//
// Safe from any thread: each call is whole by itself. Changes come from the pipeline under its
// lock. Contents stay on the disk; only what a call returns is in memory.
#ifndef CONTROL_STORE_STORE_H_
#define CONTROL_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/store/audit_log.h"
#include "control/store/revision.h"
#include "control/store/sqlite.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

// What changes with a revision's confirmation.
struct Confirmation {
  std::string key_hash;  // fingerprint that the next revisions are held to
  // Healthy weights of the revision that it replaces (healthy_states.h); empty: it replaces none.
  std::string replaced_weights;
};

// What runs again after a trial. No revision: nothing does.
struct ReturnedBase {
  int64_t revision = 0;
  uint64_t generation = 0;
  std::vector<Lease> leases;
};

class Store {
 public:
  // Opens or makes `state_dir`/control.db and checks it; one of an older version is brought up to
  // date. DataLoss: it is damaged; the text names the file and says what to do.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& state_dir);

  // The newest confirmed revision. Unset: none yet.
  absl::StatusOr<std::optional<Revision>> Running();
  // The one that is pending, on trial or being confirmed.
  absl::StatusOr<std::optional<Revision>> Active();
  absl::StatusOr<std::optional<Revision>> Find(int64_t revision);
  // Every revision without its content, drains and overrides, the newest first.
  absl::StatusOr<std::vector<Revision>> History();
  // The newest one of that content which was rolled back after `since`, without content.
  absl::StatusOr<std::optional<Revision>> RolledBackSince(absl::string_view digest,
                                                          absl::Time since);

  // The number for the next Begin(): above every one that was ever begun.
  absl::StatusOr<int64_t> NextRevision();
  // Stores `revision` as pending, under its number, with the leases that its images use. Its
  // generations count as used from now on. FailedPrecondition: another one is active.
  absl::Status Begin(const Revision& revision, const std::vector<Lease>& leases,
                     const LogEntry& entry);
  // These end with FailedPrecondition where the revision is not in the state that they begin with.
  absl::Status StartTrial(int64_t revision, const LogEntry& entry);
  absl::Status Widen(int64_t revision, int percent, const std::vector<Lease>& leases,
                     const LogEntry& entry);
  absl::Status StartConfirm(int64_t revision, const LogEntry& entry);
  absl::Status Confirm(int64_t revision, const Confirmation& confirmation, const LogEntry& entry);
  absl::Status RollBack(int64_t revision, absl::string_view outcome, const ReturnedBase& base,
                        const LogEntry& entry);
  absl::Status Abandon(int64_t revision, absl::string_view outcome, const LogEntry& entry);

  // The highest generation that was ever reserved; 0: none.
  absl::StatusOr<uint64_t> Generation();
  // No later generation is at or below `generation`.
  absl::Status ReserveGeneration(uint64_t generation);
  // The confirmed `revision` is about to be published again, under `generation` and with `leases`.
  absl::Status Republish(int64_t revision, uint64_t generation, const std::vector<Lease>& leases,
                         const LogEntry& entry);

  // Empty before the first confirmed revision.
  absl::StatusOr<std::string> KeyHash();

  // Those of `revision`, which is active or the newest confirmed one, by rising index.
  absl::StatusOr<std::vector<Lease>> Leases(int64_t revision);

  // Of revisions that were replaced at or after `since`, each distinct state once.
  absl::StatusOr<std::vector<std::string>> HealthyWeightsSince(absl::Time since);

  absl::Status Log(const LogEntry& entry);
  absl::StatusOr<LogHead> Head();
  // Reads the log anew, from the file; the store's own record of length and head is a witness too.
  absl::StatusOr<LogCheck> CheckLog(std::vector<LogWitness> witnesses);

 private:
  Store(Database database, std::string file)
      : database_(std::move(database)), file_(std::move(file)) {}

  absl::Status Prepare();
  absl::Status Migrate();
  absl::StatusOr<int> Version();
  // With the lock held, as everything below.
  absl::Status Change(const LogEntry& entry, const std::function<absl::Status()>& body);
  absl::Status MoveOn(int64_t revision, RevisionState from, RevisionState to);
  absl::Status End(int64_t revision, RevisionState state, absl::string_view outcome,
                   absl::Time when);
  absl::Status SetGeneration(int64_t revision, uint64_t generation);
  absl::Status Insert(const Revision& revision);
  absl::StatusOr<std::vector<Lease>> ReadLeases(int64_t revision);
  absl::Status WriteLeases(int64_t revision, const std::vector<Lease>& leases);
  absl::Status ReplaceLeases(int64_t revision, const std::vector<Lease>& leases);
  absl::Status RunWith(const char* sql, int64_t parameter);
  // The only row of `statement`, with drains and overrides.
  absl::StatusOr<std::optional<Revision>> FindWith(absl::StatusOr<Statement> statement);
  absl::Status ReadLists(Revision& revision);
  absl::Status ReadCanary(Revision& revision);
  absl::Status InsertCanary(const Revision& revision);
  absl::Status SetCanary(int64_t revision, int percent);
  absl::StatusOr<LogHead> ReadHead();
  absl::StatusOr<std::string> Meta(absl::string_view key);
  absl::Status SetMeta(absl::string_view key, absl::string_view value);
  absl::StatusOr<uint64_t> ReadGeneration();
  absl::Status RaiseGeneration(uint64_t generation);

  std::mutex mutex_;  // over everything below
  Database database_;
  const std::string file_;
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_STORE_H_
