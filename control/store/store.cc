#include "control/store/store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/store/statements.h"

namespace evenkeel {
namespace {

constexpr char kFile[] = "control.db";
constexpr int kSchemaVersion = 2;

constexpr char kKeyHash[] = "key_hash";
constexpr char kGeneration[] = "generation";
constexpr char kVersionKey[] = "schema_version";
constexpr char kLogEntries[] = "audit_entries";
constexpr char kLogHead[] = "audit_head";

constexpr absl::Duration kHealthyWeightsKept = absl::Hours(24);

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

absl::StatusOr<std::unique_ptr<Store>> Store::Open(const std::string& state_dir) {
  const std::string file = absl::StrCat(state_dir, "/", kFile);
  absl::StatusOr<Database> database = Database::Open(file);
  if (!database.ok()) return Explain(database.status(), file);
  std::unique_ptr<Store> store(new Store(*std::move(database), file));
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
  // A table that others refer to is replaced: the references hold again once it has its name.
  if (absl::Status s = database_.Execute("PRAGMA foreign_keys=OFF"); !s.ok()) return s;
  if (absl::Status s = database_.Transaction([this] { return Migrate(); }); !s.ok()) return s;
  return database_.Execute("PRAGMA foreign_keys=ON");
}

absl::Status Store::Migrate() {
  absl::StatusOr<int> version = Version();
  if (!version.ok()) return version.status();
  if (*version > kSchemaVersion) {
    return absl::FailedPreconditionError(absl::StrCat(
        kFile, " was written by a newer evenkeeld (its version is ", *version, ", this one knows ",
        kSchemaVersion, "): run that one, or restore the database of before the upgrade"));
  }
  if (*version == 1) {
    if (absl::Status s = database_.Execute(sql::kFromVersion1); !s.ok()) return s;
  }
  if (absl::Status s = database_.Execute(sql::kSchema); !s.ok()) return s;
  return SetMeta(kVersionKey, absl::StrCat(kSchemaVersion));
}

// 0: a new file.
absl::StatusOr<int> Store::Version() {
  absl::StatusOr<Statement> find =
      database_.Prepare("SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'meta'");
  if (!find.ok()) return find.status();
  absl::StatusOr<bool> row = find->Step();
  if (!row.ok()) return row.status();
  if (!*row) return 0;
  find->Reset();
  absl::StatusOr<std::string> text = Meta(kVersionKey);
  if (!text.ok()) return text.status();
  int version = 0;
  if (!text->empty() && !absl::SimpleAtoi(*text, &version)) {
    return absl::DataLossError(absl::StrCat(kFile, " has the unknown version '", *text, "'"));
  }
  return version;
}

absl::Status Store::Change(const LogEntry& entry, const std::function<absl::Status()>& body) {
  return database_.Transaction([&]() -> absl::Status {
    if (absl::Status s = body(); !s.ok()) return s;
    absl::StatusOr<LogHead> head = ReadHead();
    if (!head.ok()) return head.status();
    head = Append(database_, *head, entry);
    if (!head.ok()) return head.status();
    if (absl::Status s = SetMeta(kLogEntries, absl::StrCat(head->entries)); !s.ok()) return s;
    return SetMeta(kLogHead, HexDigest(head->hash));
  });
}

absl::Status Store::Begin(const Revision& revision, const std::vector<Lease>& leases,
                          const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<std::optional<Revision>> active = FindWith(database_.Prepare(sql::kFindActive));
  if (!active.ok()) return active.status();
  if (active->has_value()) {
    return absl::FailedPreconditionError(
        absl::StrCat("revision ", (*active)->revision, " is still ", Name((*active)->state)));
  }
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = Insert(revision); !s.ok()) return s;
    const uint64_t last =
        std::max(revision.generation, revision.trial ? revision.trial->return_generation : 0);
    if (absl::Status s = RaiseGeneration(last); !s.ok()) return s;
    return WriteLeases(revision.revision, leases);
  });
}

absl::Status Store::StartTrial(int64_t revision, const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry,
                [&] { return MoveOn(revision, RevisionState::kPending, RevisionState::kTrial); });
}

absl::Status Store::Widen(int64_t revision, int percent, const std::vector<Lease>& leases,
                          const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = SetCanary(revision, percent); !s.ok()) return s;
    return ReplaceLeases(revision, leases);
  });
}

absl::Status Store::StartConfirm(int64_t revision, const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(
      entry, [&] { return MoveOn(revision, RevisionState::kTrial, RevisionState::kConfirming); });
}

absl::Status Store::Confirm(int64_t revision, const Confirmation& confirmation,
                            const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = End(revision, RevisionState::kConfirmed, "", entry.when); !s.ok()) {
      return s;
    }
    if (absl::Status s = RunWith(sql::kDropOtherLeases, revision); !s.ok()) return s;
    if (!confirmation.replaced_weights.empty()) {
      absl::StatusOr<Statement> set = database_.Prepare(sql::kSetHealthyWeights);
      if (!set.ok()) return set.status();
      set->BindText(1, confirmation.replaced_weights);
      set->Bind(2, absl::ToUnixMicros(entry.when));
      if (absl::Status s = set->Run(); !s.ok()) return s;
    }
    const absl::Time kept_since = entry.when - kHealthyWeightsKept;
    if (absl::Status s = RunWith(sql::kDropHealthyWeights, absl::ToUnixMicros(kept_since));
        !s.ok()) {
      return s;
    }
    return SetMeta(kKeyHash, confirmation.key_hash);
  });
}

absl::Status Store::RollBack(int64_t revision, absl::string_view outcome, const ReturnedBase& base,
                             const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = End(revision, RevisionState::kRolledBack, outcome, entry.when); !s.ok()) {
      return s;
    }
    if (absl::Status s = RunWith(sql::kDropLeases, revision); !s.ok()) return s;
    if (base.revision == 0) return absl::OkStatus();
    if (absl::Status s = SetGeneration(base.revision, base.generation); !s.ok()) return s;
    return ReplaceLeases(base.revision, base.leases);
  });
}

absl::Status Store::Abandon(int64_t revision, absl::string_view outcome, const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = End(revision, RevisionState::kFailed, outcome, entry.when); !s.ok()) {
      return s;
    }
    return RunWith(sql::kDropLeases, revision);
  });
}

absl::Status Store::Republish(int64_t revision, uint64_t generation,
                              const std::vector<Lease>& leases, const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [&]() -> absl::Status {
    if (absl::Status s = SetGeneration(revision, generation); !s.ok()) return s;
    if (absl::Status s = RaiseGeneration(generation); !s.ok()) return s;
    return ReplaceLeases(revision, leases);
  });
}

absl::StatusOr<uint64_t> Store::Generation() {
  const std::lock_guard lock(mutex_);
  return ReadGeneration();
}

absl::StatusOr<uint64_t> Store::ReadGeneration() {
  absl::StatusOr<std::string> text = Meta(kGeneration);
  if (!text.ok()) return text.status();
  uint64_t generation = 0;
  if (!text->empty() && !absl::SimpleAtoi(*text, &generation)) {
    return absl::DataLossError(absl::StrCat("the generation is no number: '", *text, "'"));
  }
  return generation;
}

absl::Status Store::ReserveGeneration(uint64_t generation) {
  const std::lock_guard lock(mutex_);
  return database_.Transaction([&] { return RaiseGeneration(generation); });
}

absl::Status Store::RaiseGeneration(uint64_t generation) {
  absl::StatusOr<uint64_t> stored = ReadGeneration();
  if (!stored.ok()) return stored.status();
  return SetMeta(kGeneration, absl::StrCat(std::max(*stored, generation)));
}

absl::StatusOr<std::string> Store::KeyHash() {
  const std::lock_guard lock(mutex_);
  return Meta(kKeyHash);
}

absl::Status Store::Log(const LogEntry& entry) {
  const std::lock_guard lock(mutex_);
  return Change(entry, [] { return absl::OkStatus(); });
}

absl::StatusOr<LogHead> Store::Head() {
  const std::lock_guard lock(mutex_);
  return ReadHead();
}

absl::StatusOr<LogHead> Store::ReadHead() {
  absl::StatusOr<std::string> entries = Meta(kLogEntries);
  if (!entries.ok()) return entries.status();
  absl::StatusOr<std::string> hash = Meta(kLogHead);
  if (!hash.ok()) return hash.status();
  LogHead head;
  if (entries->empty() && hash->empty()) return head;
  const std::string bytes = absl::HexStringToBytes(*hash);
  if (!absl::SimpleAtoi(*entries, &head.entries) || bytes.size() != head.hash.size()) {
    return absl::DataLossError("the record of the audit log's head is damaged");
  }
  std::copy(bytes.begin(), bytes.end(), head.hash.begin());
  return head;
}

absl::StatusOr<LogCheck> Store::CheckLog(std::vector<LogWitness> witnesses) {
  // Before the file is read: what is appended meanwhile does no harm.
  absl::StatusOr<LogHead> head = Head();
  if (!head.ok()) return head.status();
  witnesses.push_back({"the store's own record", *head});
  return evenkeel::CheckLog(file_, witnesses);
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
