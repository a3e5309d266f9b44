#include "control/store/store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/store/statements.h"

namespace evenkeel {
namespace {

constexpr char kFile[] = "control.db";
constexpr int kSchemaVersion = 1;

constexpr char kKeyHash[] = "key_hash";
constexpr char kGeneration[] = "generation";
constexpr char kVersionKey[] = "schema_version";

absl::StatusOr<RevisionState> StateNamed(absl::string_view name) {
  for (RevisionState state :
       {RevisionState::kPending, RevisionState::kTrial, RevisionState::kConfirming,
        RevisionState::kConfirmed, RevisionState::kRolledBack, RevisionState::kFailed}) {
    if (Name(state) == name) return state;
  }
  return absl::DataLossError(absl::StrCat("a revision has the unknown state '", name, "'"));
}

absl::StatusOr<Revision> RevisionOf(const Statement& row) {
  absl::StatusOr<RevisionState> state = StateNamed(row.Text(1));
  if (!state.ok()) return state.status();
  return Revision{.revision = row.Int(0),
                  .state = *state,
                  .when = absl::FromUnixMicros(row.Int(2)),
                  .who = {.uid = static_cast<uint32_t>(row.Int(3)), .name = row.Text(4)},
                  .reason = row.Text(5),
                  .file = row.Text(6),
                  .content = row.Text(7),
                  .digest = row.Text(8),
                  .base_revision = row.Int(9),
                  .generation = static_cast<uint64_t>(row.Int(10)),
                  .outcome = row.Text(11),
                  .plan_digest = "",
                  .ended = {}};
}

// Damage is said with what to do, since it stops the daemon: the planes go on by themselves.
absl::Status Explain(absl::Status status, const std::string& file) {
  if (!absl::IsDataLoss(status)) return status;
  return absl::DataLossError(absl::StrCat(status.message(),
                                          ": the planes go on as they are. Restore ", file,
                                          " from a backup, or move it away together with its -wal "
                                          "and -shm files, start evenkeeld again "
                                          "and apply the configuration file again"));
}

}  // namespace

absl::string_view Name(RevisionState state) {
  switch (state) {
    case RevisionState::kPending:
      return "pending";
    case RevisionState::kTrial:
      return "trial";
    case RevisionState::kConfirming:
      return "confirming";
    case RevisionState::kConfirmed:
      return "confirmed";
    case RevisionState::kRolledBack:
      return "rolled_back";
    case RevisionState::kFailed:
      return "failed";
  }
  return "failed";
}

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& state_dir) {
  const std::string file = absl::StrCat(state_dir, "/", kFile);
  absl::StatusOr<Database> database = Database::Open(file);
  if (!database.ok()) return Explain(database.status(), file);
  std::unique_ptr<Store> store(new Store(*std::move(database)));
  if (absl::Status s = store->Prepare(); !s.ok()) return Explain(s, file);
  return store;
}

absl::Status Store::Prepare() {
  absl::StatusOr<Statement> check = database_.Prepare("PRAGMA quick_check(1)");
  if (!check.ok()) return check.status();
  absl::StatusOr<bool> row = check->Step();
  if (!row.ok()) return row.status();
  if (const std::string found = *row ? check->Text(0) : ""; found != "ok") {
    return absl::DataLossError(absl::StrCat(kFile, " is damaged (", found, ")"));
  }
  check->Reset();
  return database_.Transaction([this] {
    if (absl::Status s = database_.Execute(sql::kSchema); !s.ok()) return s;
    return CheckVersion();
  });
}

absl::Status Store::CheckVersion() {
  absl::StatusOr<std::string> version = Meta(kVersionKey);
  if (!version.ok()) return version.status();
  if (version->empty()) return SetMeta(kVersionKey, absl::StrCat(kSchemaVersion));
  int number = 0;
  if (!absl::SimpleAtoi(*version, &number)) {
    return absl::DataLossError(absl::StrCat(kFile, " has the unknown version '", *version, "'"));
  }
  if (number > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        kFile, " was written by a newer evenkeeld (its version is ", number, ", this one knows ",
        kSchemaVersion, "): run that one, or restore the database of before the upgrade"));
  }
  return absl::OkStatus();
}

absl::StatusOr<std::optional<Revision>> Store::Running() {
  return FindWhere(sql::kFindNewest, static_cast<int64_t>(RevisionState::kConfirmed));
}

absl::StatusOr<std::optional<Revision>> Store::Pending() {
  return FindWhere(sql::kFindNewest, static_cast<int64_t>(RevisionState::kPending));
}

absl::StatusOr<std::optional<Revision>> Store::Find(int64_t revision) {
  return FindWhere(sql::kFindRevision, revision);
}

absl::StatusOr<std::optional<Revision>> Store::FindWhere(const char* condition, int64_t parameter) {
  absl::StatusOr<Statement> find = database_.Prepare(condition);
  if (!find.ok()) return find.status();
  if (condition == sql::kFindNewest) {
    find->BindText(1, Name(static_cast<RevisionState>(parameter)));
  } else {
    find->Bind(1, parameter);
  }
  absl::StatusOr<bool> row = find->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  absl::StatusOr<Revision> revision = RevisionOf(*find);
  if (!revision.ok()) return revision.status();
  return *std::move(revision);
}

absl::StatusOr<std::vector<Revision>> Store::History() {
  absl::StatusOr<Statement> read = database_.Prepare(sql::kReadHistory);
  if (!read.ok()) return read.status();
  std::vector<Revision> revisions;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return revisions;
    absl::StatusOr<Revision> revision = RevisionOf(*read);
    if (!revision.ok()) return revision.status();
    revisions.push_back(*std::move(revision));
  }
}

absl::StatusOr<int64_t> Store::NextRevision() {
  absl::StatusOr<Statement> read = database_.Prepare(sql::kNextRevision);
  if (!read.ok()) return read.status();
  if (absl::StatusOr<bool> row = read->Step(); !row.ok()) return row.status();
  return read->Int(0);
}

absl::Status Store::Begin(const Revision& revision, const std::vector<Lease>& leases) {
  absl::StatusOr<std::optional<Revision>> pending = Pending();
  if (!pending.ok()) return pending.status();
  if (pending->has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("revision ", (*pending)->revision, " is still being published"));
  }
  return database_.Transaction([&]() -> absl::Status {
    absl::StatusOr<Statement> insert = database_.Prepare(sql::kInsertRevision);
    if (!insert.ok()) return insert.status();
    insert->Bind(1, revision.revision);
    insert->BindText(2, Name(RevisionState::kPending));
    insert->Bind(3, absl::ToUnixMicros(revision.when));
    insert->Bind(4, revision.who.uid);
    insert->BindText(5, revision.who.name);
    insert->BindText(6, revision.reason);
    insert->BindText(7, revision.file);
    insert->BindBlob(8, revision.content);
    insert->BindText(9, revision.digest);
    insert->Bind(10, revision.base_revision);
    insert->Bind(11, static_cast<int64_t>(revision.generation));
    if (absl::Status s = insert->Run(); !s.ok()) return s;
    if (absl::Status s = RaiseGeneration(revision.generation); !s.ok()) return s;
    return WriteLeases(revision.revision, leases);
  });
}

absl::Status Store::Confirm(int64_t revision, absl::string_view key_hash) {
  return database_.Transaction([&] {
    if (absl::Status s = End(revision, RevisionState::kConfirmed, ""); !s.ok()) return s;
    if (absl::Status s = RunWith(sql::kDropOtherLeases, revision); !s.ok()) return s;
    return SetMeta(kKeyHash, key_hash);
  });
}

absl::Status Store::Abandon(int64_t revision, absl::string_view outcome) {
  return database_.Transaction([&] {
    if (absl::Status s = End(revision, RevisionState::kFailed, outcome); !s.ok()) return s;
    return RunWith(sql::kDropLeases, revision);
  });
}

absl::Status Store::Republish(int64_t revision, uint64_t generation,
                              const std::vector<Lease>& leases) {
  return database_.Transaction([&]() -> absl::Status {
    absl::StatusOr<Statement> update = database_.Prepare(sql::kSetGeneration);
    if (!update.ok()) return update.status();
    update->Bind(1, static_cast<int64_t>(generation));
    update->Bind(2, revision);
    absl::StatusOr<bool> row = update->Step();
    if (!row.ok()) return row.status();
    if (!*row) {
      return absl::FailedPreconditionError(
          absl::StrCat("revision ", revision, " is not confirmed"));
    }
    if (absl::Status s = update->Run(); !s.ok()) return s;
    if (absl::Status s = RaiseGeneration(generation); !s.ok()) return s;
    if (absl::Status s = RunWith(sql::kDropLeases, revision); !s.ok()) return s;
    return WriteLeases(revision, leases);
  });
}

absl::Status Store::End(int64_t revision, RevisionState state, absl::string_view outcome) {
  absl::StatusOr<Statement> update = database_.Prepare(sql::kEndRevision);
  if (!update.ok()) return update.status();
  update->BindText(1, Name(state));
  update->BindText(2, outcome);
  update->Bind(3, revision);
  absl::StatusOr<bool> row = update->Step();  // the statement returns the row that it changed
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::FailedPreconditionError(absl::StrCat("revision ", revision, " is not pending"));
  }
  // Through the end: only then is the statement done and the transaction free to commit.
  return update->Run();
}

absl::StatusOr<uint64_t> Store::Generation() {
  absl::StatusOr<std::string> text = Meta(kGeneration);
  if (!text.ok()) return text.status();
  uint64_t generation = 0;
  if (!text->empty() && !absl::SimpleAtoi(*text, &generation)) {
    return absl::DataLossError(absl::StrCat("the generation is no number: '", *text, "'"));
  }
  return generation;
}

absl::Status Store::ReserveGeneration(uint64_t generation) {
  return database_.Transaction([&] { return RaiseGeneration(generation); });
}

absl::Status Store::RaiseGeneration(uint64_t generation) {
  absl::StatusOr<uint64_t> stored = Generation();
  if (!stored.ok()) return stored.status();
  return SetMeta(kGeneration, absl::StrCat(std::max(*stored, generation)));
}

absl::StatusOr<std::string> Store::KeyHash() { return Meta(kKeyHash); }

absl::StatusOr<std::vector<Lease>> Store::Leases(int64_t revision) {
  absl::StatusOr<Statement> read = database_.Prepare(sql::kReadLeases);
  if (!read.ok()) return read.status();
  read->Bind(1, revision);
  std::vector<Lease> leases;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return leases;
    Lease lease{.key = {.pool = static_cast<uint64_t>(read->Int(1)), .address = {}},
                .index = static_cast<uint16_t>(read->Int(0))};
    const std::string address = read->Text(2);
    if (address.size() != lease.key.address.size()) {
      return absl::DataLossError(absl::StrCat("lease ", lease.index, " has no address"));
    }
    std::copy(address.begin(), address.end(), lease.key.address.begin());
    lease.backend_id = BackendId(lease.key.address);
    if (const int64_t release_after = read->Int(3); release_after != 0) {
      lease.leaving = true;
      lease.release_after = absl::FromUnixMicros(release_after);
    }
    leases.push_back(lease);
  }
}

absl::Status Store::WriteLeases(int64_t revision, const std::vector<Lease>& leases) {
  absl::StatusOr<Statement> insert = database_.Prepare(sql::kInsertLease);
  if (!insert.ok()) return insert.status();
  for (const Lease& lease : leases) {
    insert->Bind(1, revision);
    insert->Bind(2, lease.index);
    insert->Bind(3, static_cast<int64_t>(lease.key.pool));
    insert->BindBlob(4, absl::string_view(reinterpret_cast<const char*>(lease.key.address.data()),
                                          lease.key.address.size()));
    insert->Bind(5, lease.leaving ? absl::ToUnixMicros(lease.release_after) : 0);
    if (absl::Status s = insert->Run(); !s.ok()) return s;
    insert->Reset();
  }
  return absl::OkStatus();
}

absl::Status Store::RunWith(const char* sql, int64_t parameter) {
  absl::StatusOr<Statement> statement = database_.Prepare(sql);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, parameter);
  return statement->Run();
}

absl::StatusOr<std::string> Store::Meta(absl::string_view key) {
  absl::StatusOr<Statement> read = database_.Prepare("SELECT value FROM meta WHERE key = ?");
  if (!read.ok()) return read.status();
  read->BindText(1, key);
  absl::StatusOr<bool> row = read->Step();
  if (!row.ok()) return row.status();
  return *row ? read->Text(0) : "";
}

absl::Status Store::SetMeta(absl::string_view key, absl::string_view value) {
  absl::StatusOr<Statement> write =
      database_.Prepare("INSERT OR REPLACE INTO meta(key, value) VALUES(?, ?)");
  if (!write.ok()) return write.status();
  write->BindText(1, key);
  write->BindText(2, value);
  return write->Run();
}

}  // namespace evenkeel
