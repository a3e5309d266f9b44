// What a plane holds: tables by digest, the accepted image, and during a trial the way back. Takes
// descriptors and publications, verifies, installs, and keeps what it has when anything is wrong.
// Independent of sockets, clocks and DPDK; the manager thread only.
//
//   PlaneStore store({.install = ...});
//   store.AddTable(std::move(fd), digest, slots_log2);  store.SetMailbox(std::move(fd), capacity);
//   absl::Status answer = store.Publish(generation);  // OK: ack; else nack with NackCodeOf(answer)
//
// A trial: Stage(way back), PublishTrial(image), then Decide() or ExpireTrial(). All of them run on
// one thread, and the first that ends the trial latches its state: what comes later learns it.
#ifndef DATAPLANE_TABLE_PLANE_STORE_H_
#define DATAPLANE_TABLE_PLANE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/mailbox.h"
#include "dataplane/table/table.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

inline constexpr size_t kTablesHeldMax = 4 * LB_POOLS_MAX;

class PlaneStore {
 public:
  using ImagePtr = std::shared_ptr<const ImageView>;
  struct Callbacks {
    // Puts a verified image to use: swaps the pointer, waits (bounded) for every worker. An error
    // means that the former image is still in use.
    std::function<absl::Status(ImagePtr)> install;
    // Makes the way back durable, before the image on trial is installed. An error refuses the
    // trial. Null: nothing is kept.
    std::function<absl::Status(ImagePtr)> keep_way_back;
  };
  explicit PlaneStore(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}

  // A new control: what the former one began is forgotten, but for an armed trial.
  void BeginConnection();

  absl::Status AddTable(UniqueFd fd, const Digest& digest, uint32_t slots_log2);
  absl::Status SetMailbox(UniqueFd fd, size_t capacity);

  // Each of these reads the mailbox and verifies. Whatever the answer, the store then holds the
  // tables of the images that it holds and no others.
  absl::Status Publish(uint64_t generation);  // kTrialArmed while a trial is under way
  absl::Status Stage(uint64_t generation);    // holds the way back of the trial that follows
  // Installs the image on trial. The same id again, while armed, renews both images and keeps the
  // deadline.
  absl::Status PublishTrial(const TrialRecord& trial, uint64_t now_ns);

  // Ends the trial as `wanted`, unless it has ended already. OK also when it had ended that way;
  // kTrialEnded: the other way. Past the deadline it goes back, whatever is wanted. Of an id that
  // is not known the revision that runs tells.
  absl::Status Decide(uint64_t id, TrialState wanted, uint64_t now_ns);
  // Goes back if the deadline has passed. True: just now.
  bool ExpireTrial(uint64_t now_ns);

  // The trial that is held, or the last one that ended; kNone after a publication without trial.
  const TrialRecord& trial() const { return trial_; }
  bool is_on_trial() const { return trial_.state == TrialState::kArmed; }
  // The way back runs already by what was decided, but could not be installed; ExpireTrial() tries
  // again.
  bool is_return_pending() const { return !is_on_trial() && way_back_ != nullptr; }

  // Installs an image that was verified elsewhere (the last good one from disk).
  absl::Status Restore(ImagePtr image);

  // Null when there is none.
  const ImagePtr& accepted() const { return accepted_; }
  size_t table_count() const { return tables_.size(); }

 private:
  absl::Status VerifyAndInstall(uint64_t generation);
  absl::Status VerifyAndStage(uint64_t generation);
  absl::Status VerifyAndTry(const TrialRecord& trial, uint64_t now_ns);
  uint64_t running() const { return accepted_ == nullptr ? 0 : accepted_->generation(); }
  absl::StatusOr<ImagePtr> ReadMailbox(uint64_t generation, VerifyCache* cache);
  absl::Status Install(ImagePtr image);
  absl::Status GoBack();
  void KeepOnlyHeld();
  TablePtr Find(const Digest& digest) const;

  Callbacks callbacks_;
  std::optional<MailboxReader> mailbox_;
  absl::flat_hash_map<Digest, TablePtr> tables_;
  VerifyCache cache_;
  VerifyCache way_back_cache_;
  ImagePtr accepted_;
  TrialRecord trial_;
  ImagePtr way_back_;  // of an armed trial, or of one that has ended and is still to be installed
  ImagePtr staged_;    // of the trial that follows
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_PLANE_STORE_H_
