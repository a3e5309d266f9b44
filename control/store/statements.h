// The store's schema and statements, in one place so that a change of the schema is one diff.
#ifndef CONTROL_STORE_STATEMENTS_H_
#define CONTROL_STORE_STATEMENTS_H_

namespace evenkeel::sql {

// AUTOINCREMENT: a number is never given twice, also not one whose publication failed, since a
// plane may have seen it.
inline constexpr char kSchema[] = R"(
CREATE TABLE IF NOT EXISTS meta(
  key TEXT PRIMARY KEY,
  value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS revisions(
  revision INTEGER PRIMARY KEY AUTOINCREMENT,
  state TEXT NOT NULL CHECK(state IN ('pending', 'confirmed', 'failed')),
  at_us INTEGER NOT NULL,
  uid INTEGER NOT NULL,
  who TEXT NOT NULL,
  reason TEXT NOT NULL,
  file TEXT NOT NULL,
  content BLOB NOT NULL,
  digest TEXT NOT NULL,
  base_revision INTEGER NOT NULL,
  generation INTEGER NOT NULL,
  outcome TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS revisions_by_state ON revisions(state, revision);
CREATE UNIQUE INDEX IF NOT EXISTS one_pending ON revisions(state) WHERE state = 'pending';
CREATE TABLE IF NOT EXISTS leases(
  revision INTEGER NOT NULL REFERENCES revisions(revision),
  backend_index INTEGER NOT NULL,
  pool INTEGER NOT NULL,
  address BLOB NOT NULL,
  release_after_us INTEGER NOT NULL,
  PRIMARY KEY(revision, backend_index)) WITHOUT ROWID;
)";

#define EVENKEEL_REVISION_COLUMNS                                                                \
  "revision, state, at_us, uid, who, reason, file, content, digest, base_revision, generation, " \
  "outcome"
inline constexpr char kFindRevision[] =
    "SELECT " EVENKEEL_REVISION_COLUMNS " FROM revisions WHERE revision = ?";
inline constexpr char kFindNewest[] =
    "SELECT " EVENKEEL_REVISION_COLUMNS
    " FROM revisions WHERE state = ? ORDER BY revision DESC LIMIT 1";
inline constexpr char kReadHistory[] =
    "SELECT revision, state, at_us, uid, who, reason, file, '', digest, base_revision, generation, "
    "outcome FROM revisions ORDER BY revision DESC";
#undef EVENKEEL_REVISION_COLUMNS

inline constexpr char kInsertRevision[] =
    "INSERT INTO revisions(revision, state, at_us, uid, who, reason, file, content, digest, "
    "base_revision, "
    "generation) VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)";
inline constexpr char kEndRevision[] =
    "UPDATE revisions SET state = ?, outcome = ? WHERE revision = ? AND state = 'pending' "
    "RETURNING revision";

inline constexpr char kNextRevision[] =
    "SELECT COALESCE((SELECT seq FROM sqlite_sequence WHERE name = 'revisions'), 0) + 1";
inline constexpr char kSetGeneration[] =
    "UPDATE revisions SET generation = ? WHERE revision = ? AND state = 'confirmed' "
    "RETURNING revision";

inline constexpr char kReadLeases[] =
    "SELECT backend_index, pool, address, release_after_us FROM leases WHERE revision = ? "
    "ORDER BY backend_index";
inline constexpr char kInsertLease[] =
    "INSERT INTO leases(revision, backend_index, pool, address, release_after_us) "
    "VALUES(?, ?, ?, ?, ?)";
inline constexpr char kDropLeases[] = "DELETE FROM leases WHERE revision = ?";
inline constexpr char kDropOtherLeases[] = "DELETE FROM leases WHERE revision <> ?";

}  // namespace evenkeel::sql

#endif  // CONTROL_STORE_STATEMENTS_H_
