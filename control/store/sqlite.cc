#include "control/store/sqlite.h"

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

absl::Status StatusOf(sqlite3* database, const std::string& file) {
  const int code = sqlite3_errcode(database) & 0xff;
  const char* text = sqlite3_errmsg(database);
  switch (code) {
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return absl::DataLossError(absl::StrCat(file, " is damaged (", text, ")"));
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(
          absl::StrCat("no room to write ", file, ": free space on its file system"));
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return absl::PermissionDeniedError(absl::StrCat("cannot write ", file, ": ", text));
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(
          absl::StrCat(file, " is locked by another program: close what reads it"));
    default:
      return absl::InternalError(absl::StrCat(file, ": ", text));
  }
}

}  // namespace

void Statement::Bind(int parameter, int64_t value) {
  sqlite3_bind_int64(statement_.get(), parameter, value);
}

void Statement::BindText(int parameter, absl::string_view value) {
  sqlite3_bind_text64(statement_.get(), parameter, value.data(), value.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}

void Statement::BindBlob(int parameter, absl::string_view value) {
  // A null pointer would bind NULL: an empty blob needs an address.
  sqlite3_bind_blob64(statement_.get(), parameter, value.empty() ? "" : value.data(), value.size(),
                      SQLITE_TRANSIENT);
}

absl::StatusOr<bool> Statement::Step() {
  switch (sqlite3_step(statement_.get())) {
    case SQLITE_ROW:
      return true;
    case SQLITE_DONE:
      return false;
    default:
      return StatusOf(sqlite3_db_handle(statement_.get()), file_);
  }
}

absl::Status Statement::Run() { return Step().status(); }

void Statement::Reset() {
  sqlite3_reset(statement_.get());
  sqlite3_clear_bindings(statement_.get());
}

int64_t Statement::Int(int column) const { return sqlite3_column_int64(statement_.get(), column); }

std::string Statement::Text(int column) const {
  const void* bytes = sqlite3_column_blob(statement_.get(), column);
  const int size = sqlite3_column_bytes(statement_.get(), column);
  if (bytes == nullptr) return "";
  return std::string(static_cast<const char*>(bytes), static_cast<size_t>(size));
}

absl::StatusOr<Database> Database::OpenWith(const std::string& file, int flags) {
  sqlite3* raw = nullptr;
  const int code = sqlite3_open_v2(file.c_str(), &raw, flags | SQLITE_OPEN_FULLMUTEX, nullptr);
  Database database(raw, file);  // owns `raw` also when it failed
  if (raw == nullptr) return absl::ResourceExhaustedError("no memory to open a database");
  if (code != SQLITE_OK) return StatusOf(raw, file);
  sqlite3_busy_timeout(raw, 2000);
  return database;
}

absl::StatusOr<Database> Database::OpenToRead(const std::string& file) {
  return OpenWith(file, SQLITE_OPEN_READONLY);
}

absl::StatusOr<Database> Database::Open(const std::string& file) {
  absl::StatusOr<Database> opened = OpenWith(file, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE);
  if (!opened.ok()) return opened;
  Database database = *std::move(opened);
  if (absl::Status s = database.Execute("PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; "
                                        "PRAGMA foreign_keys=ON; PRAGMA trusted_schema=OFF; "
                                        // KiB. Nothing is read often; the default keeps 2 MiB of
                                        // old revisions in memory.
                                        "PRAGMA cache_size=-256");
      !s.ok()) {
    return s;
  }
  return database;
}

absl::Status Database::Execute(const char* sql) {
  if (sqlite3_exec(database_.get(), sql, nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return StatusOf(database_.get(), file_);
}

absl::StatusOr<Statement> Database::Prepare(const char* sql) {
  sqlite3_stmt* raw = nullptr;
  if (sqlite3_prepare_v2(database_.get(), sql, -1, &raw, nullptr) != SQLITE_OK) {
    return StatusOf(database_.get(), file_);
  }
  return Statement(raw, file_);
}

absl::Status Database::Transaction(const std::function<absl::Status()>& body) {
  if (absl::Status s = Execute("BEGIN IMMEDIATE"); !s.ok()) return s;
  absl::Status status = body();
  if (status.ok()) status = Execute("COMMIT");
  if (!status.ok() && sqlite3_get_autocommit(database_.get()) == 0) {
    // The first error is the one to tell; a rollback that fails leaves nothing written either.
    (void)sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
  }
  return status;
}

}  // namespace evenkeel
