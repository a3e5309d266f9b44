// The store's rows: revisions with their lists, and leases.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/store/statements.h"
#include "control/store/store.h"

namespace evenkeel {
namespace {

constexpr RevisionState kStates[] = {RevisionState::kPending,    RevisionState::kTrial,
                                     RevisionState::kConfirming, RevisionState::kConfirmed,
                                     RevisionState::kRolledBack, RevisionState::kFailed};

// More distinct states than this in a day are not compared with; the newest are.
constexpr int64_t kHealthyWeightsMax = 2000;

absl::StatusOr<RevisionState> StateNamed(absl::string_view name) {
  for (RevisionState state : kStates) {
    if (Name(state) == name) return state;
  }
  return absl::DataLossError(absl::StrCat("a revision has the unknown state '", name, "'"));
}

// An end that never comes has no place in the count of microseconds.
int64_t UntilToRow(absl::Time until) {
  return until == absl::InfiniteFuture() ? 0 : absl::ToUnixMicros(until);
}
absl::Time UntilOfRow(int64_t until_us) {
  return until_us == 0 ? absl::InfiniteFuture() : absl::FromUnixMicros(until_us);
}

absl::StatusOr<Revision> RevisionOf(const Statement& row) {
  absl::StatusOr<RevisionState> state = StateNamed(row.Text(1));
  if (!state.ok()) return state.status();
  Revision revision{.revision = row.Int(0),
                    .state = *state,
                    .verb = row.Text(2),
                    .when = absl::FromUnixMicros(row.Int(3)),
                    .who = {.uid = static_cast<uint32_t>(row.Int(4)), .name = row.Text(5)},
                    .reason = row.Text(6),
                    .file = row.Text(7),
                    .content = row.Text(8),
                    .digest = row.Text(9),
                    .base_revision = row.Int(10),
                    .generation = static_cast<uint64_t>(row.Int(11)),
                    .plan_digest = row.Text(12),
                    .trial = {},
                    .canary = {},
                    .allow = {},
                    .drains = {},
                    .ended = {},
                    .outcome = row.Text(18)};
  if (const int64_t return_generation = row.Int(13); return_generation != 0) {
    revision.trial = TrialTerms{.return_generation = static_cast<uint64_t>(return_generation),
                                .deadline_ns = static_cast<uint64_t>(row.Int(14)),
                                .boot_id = row.Text(15),
                                .deadline = absl::FromUnixMicros(row.Int(16))};
  }
  if (const int64_t ended = row.Int(17); ended != 0) revision.ended = absl::FromUnixMicros(ended);
  return revision;
}

// Runs a statement that returns the row which it changed.
absl::Status ChangeOne(Statement& update, int64_t revision, absl::string_view wanted) {
  absl::StatusOr<bool> row = update.Step();
  if (!row.ok()) return row.status();
  if (!*row) {
    return absl::FailedPreconditionError(absl::StrCat("revision ", revision, " is not ", wanted));
  }
  // Through the end: only then is the statement done and the transaction free to commit.
  return update.Run();
}

int64_t ReleaseAfterUs(const Lease& lease) {
  return lease.leaving ? absl::ToUnixMicros(lease.release_after) : 0;
}

bool SameRow(const Lease& a, const Lease& b) {
  return a.key == b.key && a.index == b.index && ReleaseAfterUs(a) == ReleaseAfterUs(b);
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

absl::StatusOr<std::optional<Revision>> Store::Running() {
  const std::lock_guard lock(mutex_);
  return FindWith(database_.Prepare(sql::kFindRunning));
}

absl::StatusOr<std::optional<Revision>> Store::Active() {
  const std::lock_guard lock(mutex_);
  return FindWith(database_.Prepare(sql::kFindActive));
}

absl::StatusOr<std::optional<Revision>> Store::Find(int64_t revision) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> find = database_.Prepare(sql::kFindRevision);
  if (find.ok()) find->Bind(1, revision);
  return FindWith(std::move(find));
}

absl::StatusOr<std::optional<Revision>> Store::RolledBackSince(absl::string_view digest,
                                                               absl::Time since) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> find = database_.Prepare(sql::kFindRolledBack);
  if (find.ok()) {
    find->BindText(1, digest);
    find->Bind(2, absl::ToUnixMicros(since));
  }
  return FindWith(std::move(find));
}

absl::StatusOr<std::optional<Revision>> Store::FindWith(absl::StatusOr<Statement> statement) {
  if (!statement.ok()) return statement.status();
  absl::StatusOr<bool> row = statement->Step();
  if (!row.ok()) return row.status();
  if (!*row) return std::nullopt;
  absl::StatusOr<Revision> revision = RevisionOf(*statement);
  if (!revision.ok()) return revision.status();
  if (absl::Status s = ReadLists(*revision); !s.ok()) return s;
  return *std::move(revision);
}

absl::Status Store::ReadLists(Revision& revision) {
  absl::StatusOr<Statement> drains = database_.Prepare(sql::kReadDrains);
  if (!drains.ok()) return drains.status();
  drains->Bind(1, revision.revision);
  while (true) {
    absl::StatusOr<bool> row = drains->Step();
    if (!row.ok()) return row.status();
    if (!*row) break;
    revision.drains.push_back(
        {.pool = drains->Text(0),
         .backend = drains->Text(1),
         .reason = drains->Text(2),
         .until = UntilOfRow(drains->Int(3)),
         .who = {.uid = static_cast<uint32_t>(drains->Int(4)), .name = drains->Text(5)},
         .since = absl::FromUnixMicros(drains->Int(6))});
  }
  absl::StatusOr<Statement> allows = database_.Prepare(sql::kReadOverrides);
  if (!allows.ok()) return allows.status();
  allows->Bind(1, revision.revision);
  while (true) {
    absl::StatusOr<bool> row = allows->Step();
    if (!row.ok()) return row.status();
    if (!*row) return ReadCanary(revision);
    revision.allow.push_back({.rule = allows->Text(0),
                              .at = allows->Text(1),
                              .reason = allows->Text(2),
                              .until = UntilOfRow(allows->Int(3))});
  }
}

absl::Status Store::ReadCanary(Revision& revision) {
  absl::StatusOr<Statement> read = database_.Prepare(sql::kReadCanary);
  if (!read.ok()) return read.status();
  read->Bind(1, revision.revision);
  absl::StatusOr<bool> row = read->Step();
  if (!row.ok()) return row.status();
  if (*row) {
    revision.canary = CanaryTerms{.first = static_cast<int>(read->Int(0)),
                                  .percent = static_cast<int>(read->Int(1))};
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Revision>> Store::History() {
  const std::lock_guard lock(mutex_);
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
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> read = database_.Prepare(sql::kNextRevision);
  if (!read.ok()) return read.status();
  if (absl::StatusOr<bool> row = read->Step(); !row.ok()) return row.status();
  return read->Int(0);
}

absl::Status Store::Insert(const Revision& revision) {
  absl::StatusOr<Statement> insert = database_.Prepare(sql::kInsertRevision);
  if (!insert.ok()) return insert.status();
  const TrialTerms terms = revision.trial.value_or(TrialTerms{.deadline = absl::UnixEpoch()});
  insert->Bind(1, revision.revision);
  insert->BindText(2, revision.verb);
  insert->Bind(3, absl::ToUnixMicros(revision.when));
  insert->Bind(4, revision.who.uid);
  insert->BindText(5, revision.who.name);
  insert->BindText(6, revision.reason);
  insert->BindText(7, revision.file);
  insert->BindBlob(8, revision.content);
  insert->BindText(9, revision.digest);
  insert->Bind(10, revision.base_revision);
  insert->Bind(11, static_cast<int64_t>(revision.generation));
  insert->BindText(12, revision.plan_digest);
  insert->Bind(13, static_cast<int64_t>(terms.return_generation));
  insert->Bind(14, static_cast<int64_t>(terms.deadline_ns));
  insert->BindText(15, terms.boot_id);
  insert->Bind(16, absl::ToUnixMicros(terms.deadline));
  if (absl::Status s = insert->Run(); !s.ok()) return s;

  absl::StatusOr<Statement> drain = database_.Prepare(sql::kInsertDrain);
  if (!drain.ok()) return drain.status();
  for (const BackendDrain& each : revision.drains) {
    drain->Bind(1, revision.revision);
    drain->BindText(2, each.pool);
    drain->BindText(3, each.backend);
    drain->BindText(4, each.reason);
    drain->Bind(5, UntilToRow(each.until));
    drain->Bind(6, each.who.uid);
    drain->BindText(7, each.who.name);
    drain->Bind(8, absl::ToUnixMicros(each.since));
    if (absl::Status s = drain->Run(); !s.ok()) return s;
    drain->Reset();
  }
  absl::StatusOr<Statement> allow = database_.Prepare(sql::kInsertOverride);
  if (!allow.ok()) return allow.status();
  for (const Allow& each : revision.allow) {
    allow->Bind(1, revision.revision);
    allow->BindText(2, each.rule);
    allow->BindText(3, each.at);
    allow->BindText(4, each.reason);
    allow->Bind(5, UntilToRow(each.until));
    if (absl::Status s = allow->Run(); !s.ok()) return s;
    allow->Reset();
  }
  return revision.canary ? InsertCanary(revision) : absl::OkStatus();
}

absl::Status Store::InsertCanary(const Revision& revision) {
  absl::StatusOr<Statement> insert = database_.Prepare(sql::kInsertCanary);
  if (!insert.ok()) return insert.status();
  insert->Bind(1, revision.revision);
  insert->Bind(2, revision.canary->first);
  insert->Bind(3, revision.canary->percent);
  return insert->Run();
}

absl::Status Store::SetCanary(int64_t revision, int percent) {
  absl::StatusOr<Statement> update = database_.Prepare(sql::kWidenCanary);
  if (!update.ok()) return update.status();
  update->Bind(1, percent);
  update->Bind(2, revision);
  return ChangeOne(*update, revision, "a canary on trial");
}

absl::Status Store::MoveOn(int64_t revision, RevisionState from, RevisionState to) {
  absl::StatusOr<Statement> update = database_.Prepare(sql::kMoveOn);
  if (!update.ok()) return update.status();
  update->BindText(1, Name(to));
  update->Bind(2, revision);
  update->BindText(3, Name(from));
  return ChangeOne(*update, revision, Name(from));
}

absl::Status Store::End(int64_t revision, RevisionState state, absl::string_view outcome,
                        absl::Time when) {
  absl::StatusOr<Statement> update = database_.Prepare(sql::kEndRevision);
  if (!update.ok()) return update.status();
  update->BindText(1, Name(state));
  update->BindText(2, outcome);
  update->Bind(3, absl::ToUnixMicros(when));
  update->Bind(4, revision);
  return ChangeOne(*update, revision, "pending or on trial");
}

absl::Status Store::SetGeneration(int64_t revision, uint64_t generation) {
  absl::StatusOr<Statement> update = database_.Prepare(sql::kSetGeneration);
  if (!update.ok()) return update.status();
  update->Bind(1, static_cast<int64_t>(generation));
  update->Bind(2, revision);
  return ChangeOne(*update, revision, "confirmed");
}

absl::StatusOr<std::vector<Lease>> Store::Leases(int64_t revision) {
  const std::lock_guard lock(mutex_);
  return ReadLeases(revision);
}

absl::StatusOr<std::vector<Lease>> Store::ReadLeases(int64_t revision) {
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
    insert->Bind(5, ReleaseAfterUs(lease));
    if (absl::Status s = insert->Run(); !s.ok()) return s;
    insert->Reset();
  }
  return absl::OkStatus();
}

// Most often they are as they were, and ten thousand rows are not written for that.
absl::Status Store::ReplaceLeases(int64_t revision, const std::vector<Lease>& leases) {
  const absl::StatusOr<std::vector<Lease>> stored = ReadLeases(revision);
  if (stored.ok() && std::ranges::equal(*stored, leases, SameRow)) return absl::OkStatus();
  if (absl::Status s = RunWith(sql::kDropLeases, revision); !s.ok()) return s;
  return WriteLeases(revision, leases);
}

absl::StatusOr<std::vector<std::string>> Store::HealthyWeightsSince(absl::Time since) {
  const std::lock_guard lock(mutex_);
  absl::StatusOr<Statement> read = database_.Prepare(sql::kReadHealthyWeights);
  if (!read.ok()) return read.status();
  read->Bind(1, absl::ToUnixMicros(since));
  read->Bind(2, kHealthyWeightsMax);
  std::vector<std::string> states;
  while (true) {
    absl::StatusOr<bool> row = read->Step();
    if (!row.ok()) return row.status();
    if (!*row) return states;
    states.push_back(read->Text(0));
  }
}

absl::Status Store::RunWith(const char* sql, int64_t parameter) {
  absl::StatusOr<Statement> statement = database_.Prepare(sql);
  if (!statement.ok()) return statement.status();
  statement->Bind(1, parameter);
  return statement->Run();
}

}  // namespace evenkeel
