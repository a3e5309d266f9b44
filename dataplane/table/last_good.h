// The last good image on disk: what a plane forwards by after a restart, before control has spoken
// to it.
//
//   STATE_DIR/tables/<digest>          one file a table, written once
//   STATE_DIR/root-<generation>        the newest two; a root is renamed into place after its
//   tables are safe
//
// Files are 0600, directories 0700. A crash at any instruction leaves the former image or the new
// one; what is loaded is verified like any image, and a damaged one is reported and skipped for the
// one before.
#ifndef DATAPLANE_TABLE_LAST_GOOD_H_
#define DATAPLANE_TABLE_LAST_GOOD_H_

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/table/disk.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// One thread.
class LastGood {
 public:
  LastGood(std::string state_dir, Disk& disk) : dir_(std::move(state_dir)), disk_(disk) {}

  // Roots of higher generations go: a way back whose trial was confirmed.
  absl::Status Save(const ImageView& image);

  struct Loaded {
    std::shared_ptr<const ImageView> image;  // null: nothing there, or nothing that verifies
    std::vector<std::string> problems;       // one sentence for each root that was refused
  };
  Loaded Load();  // a damaged table file is removed, so that the next Save() writes it anew

 private:
  absl::Status SaveTables(const ImageView& image);
  absl::Status SaveRoot(const ImageView& image);
  absl::Status RemoveUnused(uint64_t newest);
  absl::StatusOr<std::shared_ptr<const ImageView>> LoadImage(const std::string& name);
  absl::StatusOr<AlignedBytes> LoadRoot(const std::string& name);
  absl::StatusOr<TablePtr> LoadTable(const Digest& digest);
  absl::StatusOr<std::vector<std::string>> RootsNewestFirst();
  std::string tables_dir() const { return dir_ + "/tables"; }

  std::string dir_;
  Disk& disk_;
};

// Saves on a thread of its own, so that publications do not wait for the disk: a newer image
// replaces one that waits. Any thread may call.
class LastGoodWriter {
 public:
  explicit LastGoodWriter(LastGood last_good);
  ~LastGoodWriter();  // after the latest image is saved (or failed)

  void Save(std::shared_ptr<const ImageView> image);
  // Returns once it is on the medium. DeadlineExceeded: not yet.
  absl::Status SaveAndWait(std::shared_ptr<const ImageView> image, absl::Duration bound);
  // Until the latest image has been dealt with.
  void Flush();
  // Of the latest attempt.
  absl::Status status() const;

 private:
  void Run();

  LastGood last_good_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<const ImageView> waiting_;
  uint64_t asked_ = 0;  // calls of Save()
  uint64_t done_ = 0;   // of those, how many are dealt with: saved, failed or replaced
  bool stopping_ = false;
  absl::Status status_;
  std::thread thread_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_LAST_GOOD_H_
