// The two-slot mailbox through which roots travel from control to a plane.
//
// A memfd whose size is sealed. Control writes the slot that is not current (its sequence is odd
// while it writes), then flips one word. The plane copies the current slot into private memory and
// verifies the copy: a writer that dies, hangs or lies at any instruction costs an error, never a
// torn root. Each connection gets a fresh mailbox, so a half-written slot of a dead writer is never
// read again.
//
//   control:  auto box = MailboxWriter::Create(capacity);  box->Write(root);  // then rings PUBLISH
//   plane:    auto box = MailboxReader::Open(fd, capacity);  auto root = box->Read();
#ifndef DATAPLANE_TABLE_MAILBOX_H_
#define DATAPLANE_TABLE_MAILBOX_H_

#include <cstddef>
#include <cstdint>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/region.h"

namespace evenkeel {

inline constexpr uint64_t kMailboxMagic = 0x584f424c4b5645ull;  // "EVKLBOX"

// The layout of the memfd: this header, then two slots of `capacity` bytes.
struct MailboxHeader {  // control: rw, plane: ro
  uint64_t magic;
  uint64_t capacity;  // of one slot, bytes, a multiple of 64
  uint64_t current;   // 0 or 1: the slot that was written last; the one word that flips
  uint64_t reserved[5];
  struct Slot {
    uint64_t sequence;  // odd while the slot is being written
    uint64_t size;      // of the root in it, bytes
    uint64_t checksum;  // XXH3-64 of these bytes
    uint64_t reserved[5];
  } slot[2];
};
static_assert(sizeof(MailboxHeader) == 192);

// Bytes of the memfd.
constexpr size_t MailboxSize(size_t capacity) { return sizeof(MailboxHeader) + 2 * capacity; }

// Control's end; one thread.
class MailboxWriter {
 public:
  // `capacity` is rounded up to a multiple of 64; at most kRootBytesMax.
  static absl::StatusOr<MailboxWriter> Create(size_t capacity);

  // ResourceExhausted when the root is larger than a slot: then a larger mailbox is needed.
  absl::Status Write(std::span<const std::byte> root);

  int fd() const { return fd_.get(); }
  size_t capacity() const { return capacity_; }

 private:
  MailboxWriter(UniqueFd fd, MappedRegion region, size_t capacity)
      : fd_(std::move(fd)), region_(std::move(region)), capacity_(capacity) {}

  UniqueFd fd_;
  MappedRegion region_;
  size_t capacity_;
};

// The plane's end; manager thread.
class MailboxReader {
 public:
  // Checks seals and size. Refusal: kMailbox.
  static absl::StatusOr<MailboxReader> Open(UniqueFd fd, size_t capacity);

  // A private copy of the current slot. Refusals: kMailbox (being written), kSize, kChecksum.
  absl::StatusOr<AlignedBytes> Read() const;

 private:
  MailboxReader(MappedRegion region, size_t capacity)
      : region_(std::move(region)), capacity_(capacity) {}

  MappedRegion region_;
  size_t capacity_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_MAILBOX_H_
