#include "control/store/audit_log.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "control/store/statements.h"

namespace evenkeel {
namespace {

constexpr int64_t kEntriesAtOnce = 1000;
// A log that is wrong from some entry on is not listed to its end.
constexpr size_t kFaultsMax = 10;

// Every field with its length before it: two different entries never have the same bytes.
class FieldHash {
 public:
  void Add(absl::string_view field) {
    Add(static_cast<uint64_t>(field.size()));
    stream_.Append(std::as_bytes(std::span(field.data(), field.size())));
  }
  void Add(uint64_t value) {
    std::array<std::byte, 8> bytes;
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(value >> (8 * i));
    stream_.Append(bytes);
  }
  void Add(const Digest& digest) { stream_.Append(std::as_bytes(std::span(digest))); }
  Digest Finish() { return stream_.Finish(); }

 private:
  Sha256Stream stream_;
};

struct StoredEntry {
  uint64_t number = 0;
  LogEntry entry;
  std::string hash;
};

StoredEntry EntryOf(const Statement& row) {
  return {.number = static_cast<uint64_t>(row.Int(0)),
          .entry = {.when = absl::FromUnixMicros(row.Int(1)),
                    .who = {.uid = static_cast<uint32_t>(row.Int(2)), .name = row.Text(3)},
                    .event = row.Text(4),
                    .revision = row.Int(5),
                    .text = row.Text(6)},
          .hash = row.Text(7)};
}

absl::string_view BytesOf(const Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

class Checker {
 public:
  explicit Checker(const std::vector<LogWitness>& witnesses) : witnesses_(witnesses) {}

  // The next entry of the log.
  void Take(const StoredEntry& stored) {
    LogHead& head = check_.head;
    if (stored.number != head.entries + 1) {
      Fault(absl::StrCat("entry ", head.entries + 1, " of the audit log is missing: after entry ",
                         head.entries, " comes entry ", stored.number));
      head.entries = stored.number - 1;
    }
    const Digest hash = HashOf(head, stored.entry);
    if (stored.hash != BytesOf(hash)) {
      Fault(absl::StrCat("entry ", stored.number,
                         " of the audit log has been changed: its hash does not fit"));
    }
    // On from the stored one, so that later entries are judged by themselves.
    head.entries = stored.number;
    head.hash = hash;
    if (stored.hash.size() == head.hash.size()) {
      memcpy(head.hash.data(), stored.hash.data(), head.hash.size());
    }
    for (const LogWitness& witness : witnesses_) {
      if (witness.head.entries != stored.number || witness.head.hash == head.hash) continue;
      Fault(absl::StrCat("entry ", stored.number, " of the audit log is not the one that ",
                         witness.name, " knew: the log was rewritten up to there"));
    }
  }

  LogCheck Finish() {
    for (const LogWitness& witness : witnesses_) {
      if (witness.head.entries <= check_.head.entries) continue;
      Fault(absl::StrCat("the audit log was cut short: it ends with entry ", check_.head.entries,
                         ", and ", witness.name, " knew ", witness.head.entries));
    }
    return std::move(check_);
  }

 private:
  void Fault(std::string text) {
    if (check_.faults.size() < kFaultsMax) check_.faults.push_back(std::move(text));
  }

  const std::vector<LogWitness>& witnesses_;
  LogCheck check_;
};

}  // namespace

Digest HashOf(const LogHead& before, const LogEntry& entry) {
  FieldHash hash;
  hash.Add(before.hash);
  hash.Add(before.entries + 1);
  hash.Add(static_cast<uint64_t>(absl::ToUnixMicros(entry.when)));
  hash.Add(uint64_t{entry.who.uid});
  hash.Add(entry.who.name);
  hash.Add(entry.event);
  hash.Add(static_cast<uint64_t>(entry.revision));
  hash.Add(entry.text);
  return hash.Finish();
}

absl::StatusOr<LogHead> Append(Database& database, const LogHead& before, const LogEntry& entry) {
  const LogHead after{.entries = before.entries + 1, .hash = HashOf(before, entry)};
  absl::StatusOr<Statement> insert = database.Prepare(sql::kAppendEntry);
  if (!insert.ok()) return insert.status();
  insert->Bind(1, static_cast<int64_t>(after.entries));
  insert->Bind(2, absl::ToUnixMicros(entry.when));
  insert->Bind(3, entry.who.uid);
  insert->BindText(4, entry.who.name);
  insert->BindText(5, entry.event);
  insert->Bind(6, entry.revision);
  insert->BindText(7, entry.text);
  insert->BindBlob(8, BytesOf(after.hash));
  if (absl::Status s = insert->Run(); !s.ok()) return s;
  return after;
}

absl::StatusOr<LogCheck> CheckLog(const std::string& file,
                                  const std::vector<LogWitness>& witnesses) {
  absl::StatusOr<Database> database = Database::OpenToRead(file);
  if (!database.ok()) return database.status();
  absl::StatusOr<Statement> read = database->Prepare(sql::kReadEntries);
  if (!read.ok()) return read.status();
  Checker checker(witnesses);
  int64_t last = 0;
  while (true) {
    read->Bind(1, last);
    read->Bind(2, kEntriesAtOnce);
    int64_t count = 0;
    while (true) {
      absl::StatusOr<bool> row = read->Step();
      if (!row.ok()) return row.status();
      if (!*row) break;
      const StoredEntry stored = EntryOf(*read);
      checker.Take(stored);
      last = static_cast<int64_t>(stored.number);
      ++count;
    }
    read->Reset();
    if (count < kEntriesAtOnce) return checker.Finish();
  }
}

}  // namespace evenkeel
