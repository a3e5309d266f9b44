// What evenkeeld must not forget: revisions, the generation, the key's fingerprint, the leases of
// backend indices. One SQLite database, control.db, in the state directory.
//
// Every state is reached by one transaction that is on the disk before the call returns, so
// whatever moment the process is killed at, the next one finds one of the states below and goes on
// from it:
//
//   Begin()    a pending revision, its generation reserved, its leases taken; nothing published yet
//   Confirm()  the planes run it: it is the running revision
//   Abandon()  it never ran: the confirmed revision before it still is the running one
//
// Not safe between threads: the pipeline calls it under its lock. Contents stay on the disk; only
// what a call returns is in memory.
#ifndef CONTROL_STORE_STORE_H_
#define CONTROL_STORE_STORE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/store/revision.h"
#include "control/store/sqlite.h"
#include "dataplane/table/lease.h"

namespace evenkeel {

class Store {
 public:
  // Opens or makes `state_dir`/control.db and checks it. DataLoss: it is damaged; the text names
  // the file and says what to do.
  static absl::StatusOr<std::unique_ptr<Store>> Open(const std::string& state_dir);

  // The newest confirmed revision. Unset: none yet.
  absl::StatusOr<std::optional<Revision>> Running();
  // The revision that was begun and neither confirmed nor abandoned: the last process was killed.
  absl::StatusOr<std::optional<Revision>> Pending();
  absl::StatusOr<std::optional<Revision>> Find(int64_t revision);

  // Every revision without its content, the newest first.
  absl::StatusOr<std::vector<Revision>> History();

  // The number for the next Begin(): above every one that was ever begun.
  absl::StatusOr<int64_t> NextRevision();
  // Stores `revision` as pending, under its number, with the leases that its image uses. Its
  // generation counts as used from now on. FailedPrecondition: one is pending already.
  absl::Status Begin(const Revision& revision, const std::vector<Lease>& leases);
  // `key_hash` becomes the fingerprint that the next revisions are held to.
  absl::Status Confirm(int64_t revision, absl::string_view key_hash);
  absl::Status Abandon(int64_t revision, absl::string_view outcome);

  // The highest generation that was ever reserved; 0: none.
  absl::StatusOr<uint64_t> Generation();
  // No later generation is at or below `generation`.
  absl::Status ReserveGeneration(uint64_t generation);
  // The confirmed `revision` is about to be published again, under `generation` and with `leases`.
  absl::Status Republish(int64_t revision, uint64_t generation, const std::vector<Lease>& leases);

  // Empty before the first confirmed revision.
  absl::StatusOr<std::string> KeyHash();

  // Those of `revision`, which is pending or the newest confirmed one, by rising index.
  absl::StatusOr<std::vector<Lease>> Leases(int64_t revision);

 private:
  explicit Store(Database database) : database_(std::move(database)) {}

  absl::Status Prepare();
  absl::Status CheckVersion();
  absl::StatusOr<std::optional<Revision>> FindWhere(const char* condition, int64_t parameter);
  absl::Status End(int64_t revision, RevisionState state, absl::string_view outcome);
  absl::Status WriteLeases(int64_t revision, const std::vector<Lease>& leases);
  absl::Status RunWith(const char* sql, int64_t parameter);
  absl::StatusOr<std::string> Meta(absl::string_view key);
  absl::Status SetMeta(absl::string_view key, absl::string_view value);
  absl::Status RaiseGeneration(uint64_t generation);

  Database database_;
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_STORE_H_
