#include "dataplane/table/mailbox.h"

#include <xxhash.h>

#include <atomic>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

constexpr size_t kWord = sizeof(uint64_t);

MailboxHeader& HeaderOf(const MappedRegion& region) {
  return *reinterpret_cast<MailboxHeader*>(region.data());
}

uint64_t* SlotWords(const MappedRegion& region, uint64_t slot, size_t capacity) {
  return reinterpret_cast<uint64_t*>(region.data() + sizeof(MailboxHeader) + slot * capacity);
}

std::atomic_ref<uint64_t> Atomic(uint64_t& word) { return std::atomic_ref<uint64_t>(word); }

// Release: a reader that sees one of these words also sees the odd sequence stored before it, so it
// cannot take half-written words for whole.
void StoreWords(uint64_t* to, std::span<const std::byte> from) {
  size_t done = 0;
  for (; done + kWord <= from.size(); done += kWord) {
    uint64_t word;
    std::memcpy(&word, from.data() + done, kWord);
    Atomic(*to++).store(word, std::memory_order_release);
  }
  if (done == from.size()) return;
  uint64_t tail = 0;
  std::memcpy(&tail, from.data() + done, from.size() - done);
  Atomic(*to).store(tail, std::memory_order_release);
}

// Acquire: none of these reads may slide below the second look at the sequence, which would then
// vouch for words that were read after it.
void LoadWords(std::span<std::byte> to, uint64_t* from) {
  size_t done = 0;
  for (; done + kWord <= to.size(); done += kWord) {
    const uint64_t word = Atomic(*from++).load(std::memory_order_acquire);
    std::memcpy(to.data() + done, &word, kWord);
  }
  if (done == to.size()) return;
  const uint64_t tail = Atomic(*from).load(std::memory_order_acquire);
  std::memcpy(to.data() + done, &tail, to.size() - done);
}

}  // namespace

absl::StatusOr<MailboxWriter> MailboxWriter::Create(size_t capacity) {
  capacity = AlignUp(capacity);
  if (capacity == 0 || capacity > kRootBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a mailbox for roots of ", capacity, " bytes: at most ", kRootBytesMax));
  }
  const size_t size = MailboxSize(capacity);
  absl::StatusOr<UniqueFd> fd = MakeSharedMemfd("evenkeel-mailbox", size);
  if (!fd.ok()) return fd.status();
  absl::StatusOr<MappedRegion> region = MapShared(fd->get(), size, Access::kReadWrite);
  if (!region.ok()) return region.status();
  MailboxHeader& header = HeaderOf(*region);
  header.magic = kMailboxMagic;
  header.capacity = capacity;
  return MailboxWriter(*std::move(fd), *std::move(region), capacity);
}

absl::Status MailboxWriter::Write(std::span<const std::byte> root) {
  if (root.size() > capacity_) {
    return absl::ResourceExhaustedError(
        absl::StrCat("a root of ", root.size(), " bytes in a mailbox of ", capacity_));
  }
  MailboxHeader& header = HeaderOf(region_);
  const uint64_t target = 1 - header.current;  // ours alone to write: a plain read
  MailboxHeader::Slot& slot = header.slot[target];
  const uint64_t sequence = slot.sequence;
  // Relaxed is enough: the words below are released after it.
  Atomic(slot.sequence).store(sequence + 1, std::memory_order_relaxed);
  Atomic(slot.size).store(root.size(), std::memory_order_release);
  Atomic(slot.checksum).store(XXH3_64bits(root.data(), root.size()), std::memory_order_release);
  StoreWords(SlotWords(region_, target, capacity_), root);
  // Release: an even sequence must not be seen before the words that it vouches for.
  Atomic(slot.sequence).store(sequence + 2, std::memory_order_release);
  // Release: who finds the slot current must find it written.
  Atomic(header.current).store(target, std::memory_order_release);
  return absl::OkStatus();
}

absl::StatusOr<MailboxReader> MailboxReader::Open(UniqueFd fd, size_t capacity) {
  if (capacity == 0 || capacity > kRootBytesMax || capacity % kSectionAlignment != 0) {
    return Refuse(NackCode::kMailbox,
                  absl::StrCat("a mailbox of 2 x ", capacity, " bytes: up to 2 x ", kRootBytesMax,
                               " in steps of 64 are possible"));
  }
  absl::StatusOr<MappedRegion> region = MapShared(fd.get(), MailboxSize(capacity), Access::kRead);
  if (!region.ok()) {
    return Refuse(NackCode::kMailbox, absl::StrCat("mailbox: ", region.status().message()));
  }
  const MailboxHeader& header = HeaderOf(*region);
  if (header.magic != kMailboxMagic || header.capacity != capacity) {
    return Refuse(NackCode::kMailbox, "the memfd is not a mailbox of the announced capacity");
  }
  return MailboxReader(*std::move(region), capacity);
}

absl::StatusOr<AlignedBytes> MailboxReader::Read() const {
  MailboxHeader& header = HeaderOf(region_);  // loads only: the mapping is read-only
  // Acquire: pairs with the flip; the slot's words come after it.
  const uint64_t current = Atomic(header.current).load(std::memory_order_acquire);
  if (current > 1) {
    return Refuse(NackCode::kMailbox, absl::StrCat("the mailbox names slot ", current, " of 2"));
  }
  MailboxHeader::Slot& slot = header.slot[current];
  // Acquire: the words below belong to this sequence or a later one.
  const uint64_t before = Atomic(slot.sequence).load(std::memory_order_acquire);
  const uint64_t size = Atomic(slot.size).load(std::memory_order_acquire);
  const uint64_t checksum = Atomic(slot.checksum).load(std::memory_order_acquire);
  if (before % 2 != 0) return Refuse(NackCode::kMailbox, "the root is still being written");
  if (size > capacity_) {
    return Refuse(NackCode::kSize,
                  absl::StrCat("a root of ", size, " bytes in a mailbox of ", capacity_));
  }
  AlignedBytes copy(size);
  LoadWords(copy.bytes(), SlotWords(region_, current, capacity_));
  // Relaxed: the acquiring loads above keep it below them.
  const uint64_t after = Atomic(slot.sequence).load(std::memory_order_relaxed);
  if (after != before) {
    return Refuse(NackCode::kMailbox, "the root was rewritten while it was read");
  }
  if (XXH3_64bits(copy.data(), copy.size()) != checksum) {
    return Refuse(NackCode::kChecksum, "the root in the mailbox does not match its checksum");
  }
  return copy;
}

}  // namespace evenkeel
