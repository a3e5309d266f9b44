// The store's schema and statements, in one place so that a change of the schema is one diff.
#ifndef CONTROL_STORE_STATEMENTS_H_
#define CONTROL_STORE_STATEMENTS_H_

namespace evenkeel::sql {

// AUTOINCREMENT: a number is never given twice, also not one whose publication failed, since a
// plane may have seen it. `one_active`: one change at a time, whatever the code above believes.
#define EVENKEEL_REVISIONS_TABLE(name)                                                   \
  "CREATE TABLE IF NOT EXISTS " name                                                     \
  "("                                                                                    \
  "  revision INTEGER PRIMARY KEY AUTOINCREMENT,"                                        \
  "  state TEXT NOT NULL CHECK(state IN ('pending', 'trial', 'confirming', 'confirmed'," \
  "                                      'rolled_back', 'failed')),"                     \
  "  verb TEXT NOT NULL,"                                                                \
  "  at_us INTEGER NOT NULL,"                                                            \
  "  uid INTEGER NOT NULL,"                                                              \
  "  who TEXT NOT NULL,"                                                                 \
  "  reason TEXT NOT NULL,"                                                              \
  "  file TEXT NOT NULL,"                                                                \
  "  content BLOB NOT NULL,"                                                             \
  "  digest TEXT NOT NULL,"                                                              \
  "  base_revision INTEGER NOT NULL,"                                                    \
  "  generation INTEGER NOT NULL,"                                                       \
  "  plan_digest TEXT NOT NULL DEFAULT '',"                                              \
  "  return_generation INTEGER NOT NULL DEFAULT 0,"                                      \
  "  deadline_ns INTEGER NOT NULL DEFAULT 0,"                                            \
  "  boot_id TEXT NOT NULL DEFAULT '',"                                                  \
  "  deadline_us INTEGER NOT NULL DEFAULT 0,"                                            \
  "  ended_us INTEGER NOT NULL DEFAULT 0,"                                               \
  "  outcome TEXT NOT NULL DEFAULT '');"

inline constexpr char kSchema[] =
    "CREATE TABLE IF NOT EXISTS meta("
    "  key TEXT PRIMARY KEY,"
    "  value TEXT NOT NULL) WITHOUT ROWID;" EVENKEEL_REVISIONS_TABLE("revisions") R"(
CREATE INDEX IF NOT EXISTS revisions_by_state ON revisions(state, revision);
CREATE UNIQUE INDEX IF NOT EXISTS one_active ON revisions((1))
  WHERE state IN ('pending', 'trial', 'confirming');
CREATE TABLE IF NOT EXISTS leases(
  revision INTEGER NOT NULL REFERENCES revisions(revision),
  backend_index INTEGER NOT NULL,
  pool INTEGER NOT NULL,
  address BLOB NOT NULL,
  release_after_us INTEGER NOT NULL,
  PRIMARY KEY(revision, backend_index)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS drains(
  revision INTEGER NOT NULL REFERENCES revisions(revision),
  pool TEXT NOT NULL,
  backend TEXT NOT NULL,
  reason TEXT NOT NULL,
  until_us INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  who TEXT NOT NULL,
  since_us INTEGER NOT NULL,
  PRIMARY KEY(revision, pool, backend)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS overrides(
  revision INTEGER NOT NULL REFERENCES revisions(revision),
  rule TEXT NOT NULL,
  place TEXT NOT NULL,
  reason TEXT NOT NULL,
  until_us INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS canaries(
  revision INTEGER PRIMARY KEY REFERENCES revisions(revision),
  first_percent INTEGER NOT NULL,
  percent INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS healthy_weights(
  weights TEXT PRIMARY KEY,
  last_us INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS audit(
  entry INTEGER PRIMARY KEY,
  at_us INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  who TEXT NOT NULL,
  event TEXT NOT NULL,
  revision INTEGER NOT NULL,
  text TEXT NOT NULL,
  hash BLOB NOT NULL);
CREATE TRIGGER IF NOT EXISTS audit_is_not_changed BEFORE UPDATE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
CREATE TRIGGER IF NOT EXISTS audit_is_not_cut BEFORE DELETE ON audit
  BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END;
)";

// From version 1, which knew neither trials nor drains. The rows keep their numbers, so the
// sequence goes on above them.
inline constexpr char kFromVersion1[] =
    "DROP INDEX IF EXISTS one_pending;"
    "DROP INDEX IF EXISTS revisions_by_state;" EVENKEEL_REVISIONS_TABLE("revisions_2") R"(
INSERT INTO revisions_2(revision, state, verb, at_us, uid, who, reason, file, content, digest,
                        base_revision, generation, outcome, ended_us)
  SELECT revision, state, 'apply', at_us, uid, who, reason, file, content, digest,
         base_revision, generation, outcome, CASE state WHEN 'pending' THEN 0 ELSE at_us END
  FROM revisions;
DROP TABLE revisions;
ALTER TABLE revisions_2 RENAME TO revisions;
)";
#undef EVENKEEL_REVISIONS_TABLE

#define EVENKEEL_REVISION_COLUMNS(content)                                             \
  "revision, state, verb, at_us, uid, who, reason, file, " content                     \
  ", digest, base_revision, generation, plan_digest, return_generation, deadline_ns, " \
  "boot_id, deadline_us, ended_us, outcome"
inline constexpr char kFindRevision[] =
    "SELECT " EVENKEEL_REVISION_COLUMNS("content") " FROM revisions WHERE revision = ?";
inline constexpr char kFindRunning[] = "SELECT " EVENKEEL_REVISION_COLUMNS(
    "content") " FROM revisions WHERE state = 'confirmed' ORDER BY revision DESC LIMIT 1";
inline constexpr char kFindActive[] = "SELECT " EVENKEEL_REVISION_COLUMNS(
    "content") " FROM revisions WHERE state IN ('pending', 'trial', 'confirming')";
inline constexpr char kFindRolledBack[] = "SELECT " EVENKEEL_REVISION_COLUMNS(
    "''") " FROM revisions WHERE state = 'rolled_back' AND digest = ? AND ended_us > ? "
          "ORDER BY revision DESC LIMIT 1";
inline constexpr char kReadHistory[] =
    "SELECT " EVENKEEL_REVISION_COLUMNS("''") " FROM revisions ORDER BY revision DESC";
#undef EVENKEEL_REVISION_COLUMNS

inline constexpr char kInsertRevision[] =
    "INSERT INTO revisions(revision, state, verb, at_us, uid, who, reason, file, content, digest, "
    "base_revision, generation, plan_digest, return_generation, deadline_ns, boot_id, deadline_us) "
    "VALUES(?, 'pending', ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
// Each returns the row that it changed; none: the revision is in another state.
inline constexpr char kMoveOn[] =
    "UPDATE revisions SET state = ? WHERE revision = ? AND state = ? RETURNING revision";
inline constexpr char kEndRevision[] =
    "UPDATE revisions SET state = ?, outcome = ?, ended_us = ? WHERE revision = ? "
    "AND state IN ('pending', 'trial', 'confirming') RETURNING revision";
inline constexpr char kSetGeneration[] =
    "UPDATE revisions SET generation = ? WHERE revision = ? AND state = 'confirmed' "
    "RETURNING revision";

inline constexpr char kNextRevision[] =
    "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'revisions'), 0) + 1";

inline constexpr char kReadLeases[] =
    "SELECT backend_index, pool, address, release_after_us FROM leases WHERE revision = ? "
    "ORDER BY backend_index";
inline constexpr char kInsertLease[] =
    "INSERT INTO leases(revision, backend_index, pool, address, release_after_us) "
    "VALUES(?, ?, ?, ?, ?)";
inline constexpr char kDropLeases[] = "DELETE FROM leases WHERE revision = ?";
inline constexpr char kDropOtherLeases[] = "DELETE FROM leases WHERE revision <> ?";

inline constexpr char kReadDrains[] =
    "SELECT pool, backend, reason, until_us, uid, who, since_us FROM drains WHERE revision = ? "
    "ORDER BY pool, backend";
inline constexpr char kInsertDrain[] =
    "INSERT INTO drains(revision, pool, backend, reason, until_us, uid, who, since_us) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr char kReadOverrides[] =
    "SELECT rule, place, reason, until_us FROM overrides WHERE revision = ? ORDER BY rowid";
inline constexpr char kInsertOverride[] =
    "INSERT INTO overrides(revision, rule, place, reason, until_us) VALUES(?, ?, ?, ?, ?)";

inline constexpr char kReadCanary[] =
    "SELECT first_percent, percent FROM canaries WHERE revision = ?";
inline constexpr char kInsertCanary[] =
    "INSERT INTO canaries(revision, first_percent, percent) VALUES(?, ?, ?)";
// Returns the row that it changed; none: it is not on trial, or no canary.
inline constexpr char kWidenCanary[] =
    "UPDATE canaries SET percent = ? WHERE revision = ? AND EXISTS (SELECT 1 FROM revisions "
    "WHERE revisions.revision = canaries.revision AND state = 'trial') RETURNING revision";

inline constexpr char kSetHealthyWeights[] =
    "INSERT INTO healthy_weights(weights, last_us) VALUES(?, ?) "
    "ON CONFLICT(weights) DO UPDATE SET last_us = excluded.last_us";
inline constexpr char kDropHealthyWeights[] = "DELETE FROM healthy_weights WHERE last_us < ?";
inline constexpr char kReadHealthyWeights[] =
    "SELECT weights FROM healthy_weights WHERE last_us >= ? ORDER BY last_us DESC LIMIT ?";

inline constexpr char kAppendEntry[] =
    "INSERT INTO audit(entry, at_us, uid, who, event, revision, text, hash) "
    "VALUES(?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr char kReadEntries[] =
    "SELECT entry, at_us, uid, who, event, revision, text, hash FROM audit WHERE entry > ? "
    "ORDER BY entry LIMIT ?";

}  // namespace evenkeel::sql

#endif  // CONTROL_STORE_STATEMENTS_H_
