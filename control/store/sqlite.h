// SQLite behind RAII and absl::Status: just what the store needs.
//
// Not safe between threads: whoever owns the database serializes (the store's owner does).
//
//   absl::StatusOr<Database> db = Database::Open("/var/lib/evenkeel/control.db");
//   absl::StatusOr<Statement> s = db->Prepare("SELECT file FROM revisions WHERE revision = ?");
//   s->Bind(1, int64_t{7});
//   absl::StatusOr<bool> row = s->Step();   // true: a row, false: done
#ifndef CONTROL_STORE_SQLITE_H_
#define CONTROL_STORE_SQLITE_H_

#include <sqlite3.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

class Statement {
 public:
  // Parameters count from 1, as in SQL.
  void Bind(int parameter, int64_t value);
  void BindText(int parameter, absl::string_view value);
  void BindBlob(int parameter, absl::string_view value);

  // True: the next row is there. False: the statement is done.
  absl::StatusOr<bool> Step();
  // For statements without rows.
  absl::Status Run();
  // To be run again with other parameters.
  void Reset();

  // Columns count from 0; a null reads as 0 or as the empty text.
  int64_t Int(int column) const;
  std::string Text(int column) const;  // blobs too

 private:
  friend class Database;
  struct Finalize {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(sqlite3_stmt* statement, std::string file)
      : statement_(statement), file_(std::move(file)) {}

  std::unique_ptr<sqlite3_stmt, Finalize> statement_;
  std::string file_;
};

class Database {
 public:
  // Made if absent. WAL, synchronous=FULL: a transaction that returned is on the disk. DataLoss:
  // the file is damaged or no database.
  static absl::StatusOr<Database> Open(const std::string& file);

  // Of a file that exists, for a look beside whoever writes it: what it reads comes from the file.
  static absl::StatusOr<Database> OpenToRead(const std::string& file);

  absl::Status Execute(const char* sql);
  absl::StatusOr<Statement> Prepare(const char* sql);
  // All of `body` or nothing: rolled back if it returns an error or the commit fails.
  absl::Status Transaction(const std::function<absl::Status()>& body);
  // The rowid that the last INSERT made.
  int64_t LastInserted() const { return sqlite3_last_insert_rowid(database_.get()); }

 private:
  struct Close {
    void operator()(sqlite3* database) const { sqlite3_close_v2(database); }
  };
  static absl::StatusOr<Database> OpenWith(const std::string& file, int flags);
  Database(sqlite3* database, std::string file) : database_(database), file_(std::move(file)) {}

  std::unique_ptr<sqlite3, Close> database_;
  std::string file_;
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_SQLITE_H_
