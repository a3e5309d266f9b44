// A verified image: a plane's private copy of a root with the tables that it names. Whoever holds
// an ImageView can follow every index and offset in it without checking again.
//
// Made by the plane's manager thread (or by control when it adopts what a plane runs); read-only
// from then on, by any thread. Verify() reads nothing outside of the bytes that it was given,
// whatever they are.
//
//   absl::StatusOr<ImageView> image = ImageView::Verify(std::move(copy), lookup, &cache);
//   if (!image.ok()) Nack(NackCodeOf(image.status()), image.status().message());
#ifndef DATAPLANE_TABLE_IMAGE_VIEW_H_
#define DATAPLANE_TABLE_IMAGE_VIEW_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/records.h"
#include "dataplane/table/table.h"

namespace evenkeel {

// What need not be hashed again from one image to the next: it holds what the last image used. One
// thread.
struct VerifyCache {
  struct IdDigestEntry {
    std::vector<uint64_t>
        ids;  // of the backends that the table names, in the order of Table::shares()
    Digest id_digest;
  };
  absl::flat_hash_map<Digest, IdDigestEntry> id_digests;  // by the table's digest
  std::vector<lb_backend> backends;                       // whose ids were found right
};

// SHA-256 over (pool id, id digest of its base table), by rising pool id: what an image balances
// by.
Digest CombineByPool(std::vector<std::pair<uint64_t, Digest>> pools);

class ImageView {
 public:
  // Takes the private copy of a root. `cache` may be null. Errors carry a NackCode (refusal.h).
  static absl::StatusOr<ImageView> Verify(AlignedBytes root, const TableLookup& lookup,
                                          VerifyCache* cache);

  ImageView(ImageView&&) = default;
  ImageView& operator=(ImageView&&) = default;

  const lb_root& root() const;
  size_t size() const { return root_.size(); }  // of the root, bytes
  uint64_t generation() const { return root().generation; }
  uint64_t revision() const { return root().revision; }
  uint32_t counter_count() const { return root().counters; }

  const lb_params& params() const;
  std::span<const lb_service> services()
      const;  // plane_word: address of the slots, 0 without a table
  std::span<const lb_pool> pools() const;
  std::span<const lb_member> members() const;
  std::span<const lb_member> members_of(const lb_pool& pool) const;
  std::span<const lb_backend> backends() const;  // by lease
  std::span<const lb_next_hop> next_hops() const;
  std::span<const lb_table_ref> table_refs() const;
  std::span<const lb_vip> vips() const;
  std::span<const lb_vip_row> vip_rows() const;
  std::span<const lb_port_row> port_rows() const;
  std::span<const lb_port_range> port_ranges() const;
  std::span<const lb_transition> transitions() const;

  // In the order of table_refs().
  std::span<const TablePtr> tables() const { return tables_; }

  // Of what every pool balances by: SHA-256 over (pool id, id digest of its base table), by rising
  // pool id. The one from the root, and the one computed again from the slots in memory (an audit;
  // slow).
  Digest StatedDigest() const;
  Digest RecomputedDigest() const;
  // The same over what `id_digest_of(table)` says of each base table, by its index.
  Digest DigestOf(const std::function<Digest(uint32_t table)>& id_digest_of) const;

  // The root as it was published, plane words taken out again.
  AlignedBytes Published() const;

 private:
  explicit ImageView(AlignedBytes root) : root_(std::move(root)) {}
  absl::Status FindTables(const TableLookup& lookup);
  void PointServicesAtSlots();
  template <typename Record>
  std::span<const Record> Section(lb_section section) const;

  AlignedBytes root_;
  std::vector<TablePtr> tables_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_IMAGE_VIEW_H_
