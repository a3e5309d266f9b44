// What a plane holds: tables by digest and the accepted image. Takes descriptors and publications,
// verifies, installs, and keeps what it has when anything is wrong. Independent of sockets and of
// DPDK; the manager thread only.
//
//   PlaneStore store([&](std::shared_ptr<const ImageView> image) { return manager.Install(image);
//   }); store.AddTable(std::move(fd), digest, slots_log2);  store.SetMailbox(std::move(fd),
//   capacity); absl::Status answer = store.Publish(generation);   // OK: ack; else nack with
//   NackCodeOf(answer)
#ifndef DATAPLANE_TABLE_PLANE_STORE_H_
#define DATAPLANE_TABLE_PLANE_STORE_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/mailbox.h"
#include "dataplane/table/table.h"

namespace evenkeel {

inline constexpr size_t kTablesHeldMax = 4 * LB_POOLS_MAX;

class PlaneStore {
 public:
  // Puts a verified image to use: swaps the pointer, waits (bounded) for every worker. An error
  // means that the former image is still in use.
  using Install = std::function<absl::Status(std::shared_ptr<const ImageView>)>;
  explicit PlaneStore(Install install) : install_(std::move(install)) {}

  // A new control: what the former one began is forgotten.
  void BeginConnection();

  absl::Status AddTable(UniqueFd fd, const Digest& digest, uint32_t slots_log2);
  absl::Status SetMailbox(UniqueFd fd, size_t capacity);

  // Reads the mailbox, verifies and installs. Whatever the answer, the store then holds the tables
  // of the accepted image and no others.
  absl::Status Publish(uint64_t generation);

  // Installs an image that was verified elsewhere (the last good one from disk).
  absl::Status Restore(std::shared_ptr<const ImageView> image);

  // Null when there is none.
  const std::shared_ptr<const ImageView>& accepted() const { return accepted_; }
  size_t table_count() const { return tables_.size(); }

 private:
  absl::Status VerifyAndInstall(uint64_t generation);
  void KeepOnlyAccepted();
  TablePtr Find(const Digest& digest) const;

  Install install_;
  std::optional<MailboxReader> mailbox_;
  absl::flat_hash_map<Digest, TablePtr> tables_;
  VerifyCache cache_;
  std::shared_ptr<const ImageView> accepted_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_PLANE_STORE_H_
