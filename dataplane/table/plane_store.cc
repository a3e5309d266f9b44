#include "dataplane/table/plane_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {

void PlaneStore::BeginConnection() {
  mailbox_.reset();
  KeepOnlyAccepted();
}

absl::Status PlaneStore::AddTable(UniqueFd fd, const Digest& digest, uint32_t slots_log2) {
  if (tables_.contains(digest)) return absl::OkStatus();
  if (tables_.size() >= kTablesHeldMax) {
    return Refuse(NackCode::kResource, absl::StrCat("more than ", kTablesHeldMax, " tables"));
  }
  absl::StatusOr<TablePtr> table = Table::Adopt(std::move(fd), digest, slots_log2);
  if (!table.ok()) return table.status();
  tables_[digest] = *std::move(table);
  return absl::OkStatus();
}

absl::Status PlaneStore::SetMailbox(UniqueFd fd, size_t capacity) {
  mailbox_.reset();  // a bad one is no reason to read the one before
  absl::StatusOr<MailboxReader> mailbox = MailboxReader::Open(std::move(fd), capacity);
  if (!mailbox.ok()) return mailbox.status();
  mailbox_.emplace(*std::move(mailbox));
  return absl::OkStatus();
}

absl::Status PlaneStore::Publish(uint64_t generation) {
  absl::Status status = VerifyAndInstall(generation);
  KeepOnlyAccepted();
  return status;
}

absl::Status PlaneStore::VerifyAndInstall(uint64_t generation) {
  const uint64_t running = accepted_ == nullptr ? 0 : accepted_->generation();
  if (generation <= running) {
    return Refuse(NackCode::kStaleGeneration,
                  absl::StrCat("generation ", generation, " is stale: ", running,
                               " is running here; another control has published"));
  }
  if (!mailbox_) return Refuse(NackCode::kMailbox, "no mailbox was given");
  absl::StatusOr<AlignedBytes> root = mailbox_->Read();
  if (!root.ok()) return root.status();
  absl::StatusOr<ImageView> image = ImageView::Verify(
      *std::move(root), [this](const Digest& digest) { return Find(digest); }, &cache_);
  if (!image.ok()) return image.status();
  if (image->generation() != generation) {
    return Refuse(NackCode::kMailbox,
                  absl::StrCat("generation ", generation, " was announced, the mailbox holds ",
                               image->generation()));
  }
  return Restore(std::make_shared<const ImageView>(*std::move(image)));
}

absl::Status PlaneStore::Restore(std::shared_ptr<const ImageView> image) {
  if (absl::Status status = install_(image); !status.ok()) {
    return Refuse(NackCode::kSwap, absl::StrCat("the plane could not install generation ",
                                                image->generation(), ": ", status.message()));
  }
  accepted_ = std::move(image);
  KeepOnlyAccepted();
  return absl::OkStatus();
}

void PlaneStore::KeepOnlyAccepted() {
  tables_.clear();
  if (accepted_ == nullptr) return;
  for (const TablePtr& table : accepted_->tables()) tables_[table->digest()] = table;
}

TablePtr PlaneStore::Find(const Digest& digest) const {
  const auto table = tables_.find(digest);
  return table == tables_.end() ? nullptr : table->second;
}

}  // namespace evenkeel
