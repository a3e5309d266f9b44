// Backend indices as leases: a (pool, address) pair keeps its 16-bit index across images, and the
// index is given to nobody else until the pair has been released, because flow entries name
// backends by index alone.
//
// A value: control copies it, changes the copy while it compiles, and keeps the copy once the image
// is accepted. One thread.
//
//   LeaseTable next = leases;
//   absl::StatusOr<uint16_t> index = next.Acquire(pool_id, address);
//   next.Leave(pool_id, gone, now + idle);  ...  next.ReleaseExpired(now, is_unnamed);
#ifndef DATAPLANE_TABLE_LEASE_H_
#define DATAPLANE_TABLE_LEASE_H_

#include <cstdint>
#include <functional>
#include <set>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

class ImageView;

struct LeaseKey {
  uint64_t pool;  // NameId() of the pool
  Address address;
  friend bool operator==(const LeaseKey&, const LeaseKey&) = default;
  template <typename H>
  friend H AbslHashValue(H h, const LeaseKey& key) {
    return H::combine(std::move(h), key.pool, key.address);
  }
};

struct Lease {
  LeaseKey key;
  uint64_t backend_id = 0;  // BackendId(key.address)
  uint16_t index = 0;
  bool leaving = false;
  absl::Time release_after = absl::InfiniteFuture();  // meaningful while leaving
};

class LeaseTable {
 public:
  // Every backend of an accepted image keeps its index (control adopts after a restart). Since when
  // a leaving one has been leaving is not known, so its `idle` starts at `now`.
  static LeaseTable Adopt(const ImageView& image, absl::Time now);

  // What all() gave, written down and read again. DataLoss: two leases have one index or one pair.
  static absl::StatusOr<LeaseTable> Restore(const std::vector<Lease>& leases);

  // The pair's index: its own if it has one (it then no longer leaves), else the lowest free one.
  // ResourceExhausted when LB_BACKENDS_MAX are in use, leaving ones included.
  absl::StatusOr<uint16_t> Acquire(uint64_t pool, const Address& address);

  // The pair is no longer configured: it stays in images, as leaving, at least until
  // `release_after`. NotFound for an unknown pair; a pair that already leaves keeps its time.
  absl::Status Leave(uint64_t pool, const Address& address, absl::Time release_after);

  // Frees leaving pairs whose time is over and of which `is_unnamed(index)` says that no flow entry
  // and no transition names them (evidence from a sweep). Returns what was freed.
  std::vector<Lease> ReleaseExpired(absl::Time now,
                                    const std::function<bool(uint16_t)>& is_unnamed);

  // Null when the pair has no lease. Pointers last until the next change.
  const Lease* Find(uint64_t pool, const Address& address) const;
  std::vector<Lease> leaving() const;  // by rising index
  std::vector<Lease> all() const;      // by rising index
  size_t size() const { return leases_.size(); }

 private:
  void Insert(const Lease& lease);

  absl::flat_hash_map<LeaseKey, Lease> leases_;
  std::set<uint16_t> freed_;  // below next_, given back
  uint32_t next_ = 0;         // never given so far: next_..LB_BACKENDS_MAX-1
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_LEASE_H_
