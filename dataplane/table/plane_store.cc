#include "dataplane/table/plane_store.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {

void PlaneStore::BeginConnection() {
  mailbox_.reset();
  staged_ = nullptr;
  KeepOnlyHeld();
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
  KeepOnlyHeld();
  return status;
}

absl::Status PlaneStore::Stage(uint64_t generation) {
  absl::Status status = VerifyAndStage(generation);
  KeepOnlyHeld();
  return status;
}

absl::Status PlaneStore::PublishTrial(const TrialRecord& trial, uint64_t now_ns) {
  absl::Status status = VerifyAndTry(trial, now_ns);
  staged_ = nullptr;
  KeepOnlyHeld();
  return status;
}

absl::Status PlaneStore::VerifyAndInstall(uint64_t generation) {
  if (absl::Status status = CheckNoTrial(trial_, generation); !status.ok()) return status;
  if (absl::Status status = CheckFresh(trial_, running(), generation); !status.ok()) return status;
  absl::StatusOr<ImagePtr> image = ReadMailbox(generation, &cache_);
  if (!image.ok()) return image.status();
  if (absl::Status status = Install(*std::move(image)); !status.ok()) return status;
  trial_ = {};
  way_back_ = nullptr;
  return absl::OkStatus();
}

absl::Status PlaneStore::VerifyAndStage(uint64_t generation) {
  staged_ = nullptr;
  if (absl::Status status = CheckFresh(trial_, running(), generation); !status.ok()) return status;
  absl::StatusOr<ImagePtr> image = ReadMailbox(generation, &way_back_cache_);
  if (!image.ok()) return image.status();
  staged_ = *std::move(image);
  return absl::OkStatus();
}

absl::Status PlaneStore::VerifyAndTry(const TrialRecord& trial, uint64_t now_ns) {
  if (staged_ == nullptr || staged_->generation() != trial.return_generation) {
    return Refuse(NackCode::kProtocol, absl::StrCat("the way back, generation ",
                                                    trial.return_generation, ", was never given"));
  }
  if (absl::Status status = CheckTrial(trial_, trial, now_ns); !status.ok()) return status;
  if (absl::Status status = CheckFresh(trial_, running(), trial.generation); !status.ok()) {
    return status;
  }
  absl::StatusOr<ImagePtr> image = ReadMailbox(trial.generation, &cache_);
  if (!image.ok()) return image.status();
  // First the way back, then the image on trial: whoever dies in between finds the way back.
  if (callbacks_.keep_way_back) {
    if (absl::Status kept = callbacks_.keep_way_back(staged_); !kept.ok()) {
      return Refuse(NackCode::kResource,
                    absl::StrCat("the way back, generation ", staged_->generation(),
                                 ", cannot be kept, so nothing is tried: ", kept.message()));
    }
  }
  if (absl::Status status = Install(*std::move(image)); !status.ok()) return status;
  const uint64_t deadline_ns = is_on_trial() ? trial_.deadline_ns : trial.deadline_ns;
  trial_ = trial;
  trial_.deadline_ns = deadline_ns;
  trial_.state = TrialState::kArmed;
  way_back_ = std::move(staged_);
  return absl::OkStatus();
}

absl::StatusOr<PlaneStore::ImagePtr> PlaneStore::ReadMailbox(uint64_t generation,
                                                             VerifyCache* cache) {
  if (!mailbox_) return Refuse(NackCode::kMailbox, "no mailbox was given");
  absl::StatusOr<AlignedBytes> root = mailbox_->Read();
  if (!root.ok()) return root.status();
  absl::StatusOr<ImageView> image = ImageView::Verify(
      *std::move(root), [this](const Digest& digest) { return Find(digest); }, cache);
  if (!image.ok()) return image.status();
  if (image->generation() != generation) {
    return Refuse(NackCode::kMailbox,
                  absl::StrCat("generation ", generation, " was announced, the mailbox holds ",
                               image->generation()));
  }
  return std::make_shared<const ImageView>(*std::move(image));
}

absl::Status PlaneStore::Restore(ImagePtr image) {
  absl::Status status = Install(std::move(image));
  KeepOnlyHeld();
  return status;
}

absl::Status PlaneStore::Install(ImagePtr image) {
  if (absl::Status status = callbacks_.install(image); !status.ok()) {
    return Refuse(NackCode::kSwap, absl::StrCat("the plane could not install generation ",
                                                image->generation(), ": ", status.message()));
  }
  accepted_ = std::move(image);
  return absl::OkStatus();
}

absl::Status PlaneStore::Decide(uint64_t id, TrialState wanted, uint64_t now_ns) {
  if (is_on_trial() && trial_.id == id && !ExpireTrial(now_ns)) {
    if (wanted == TrialState::kReturned) return GoBack();
    trial_.state = TrialState::kConfirmed;
    way_back_ = nullptr;
    KeepOnlyHeld();
    return absl::OkStatus();
  }
  return TellEnd(trial_, accepted_ == nullptr ? 0 : accepted_->revision(), id, wanted);
}

bool PlaneStore::ExpireTrial(uint64_t now_ns) {
  if (is_on_trial() ? now_ns < trial_.deadline_ns : way_back_ == nullptr) return false;
  GoBack().IgnoreError();  // is_return_pending() then
  return true;
}

// Tables of the image that was on trial stay until the next answer, which tells control.
absl::Status PlaneStore::GoBack() {
  trial_.state = TrialState::kReturned;
  if (absl::Status status = Install(way_back_); !status.ok()) return status;
  way_back_ = nullptr;
  return absl::OkStatus();
}

void PlaneStore::KeepOnlyHeld() {
  tables_.clear();
  for (const ImagePtr& image : {accepted_, way_back_, staged_}) {
    if (image == nullptr) continue;
    for (const TablePtr& table : image->tables()) tables_[table->digest()] = table;
  }
}

TablePtr PlaneStore::Find(const Digest& digest) const {
  const auto table = tables_.find(digest);
  return table == tables_.end() ? nullptr : table->second;
}

}  // namespace evenkeel
