#include "dataplane/table/lease.h"

#include <algorithm>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {
namespace {

void SortByIndex(std::vector<Lease>& leases) { std::ranges::sort(leases, {}, &Lease::index); }

}  // namespace

LeaseTable LeaseTable::Adopt(const ImageView& image, absl::Time now) {
  LeaseTable table;
  for (uint32_t index = 0; index < image.backends().size(); index++) {
    const lb_backend& backend = image.backends()[index];
    if (backend.family == LB_FAMILY_NONE) continue;
    const lb_pool& pool = image.pools()[backend.pool];
    Lease lease;
    lease.key.pool = pool.id;
    std::memcpy(lease.key.address.data(), backend.address, sizeof(backend.address));
    lease.backend_id = backend.id;
    lease.index = static_cast<uint16_t>(index);
    lease.leaving = (backend.flags & LB_BACKEND_LEAVING) != 0;
    if (lease.leaving) lease.release_after = now + absl::Seconds(pool.idle_s);
    table.Insert(lease);
  }
  return table;
}

absl::StatusOr<LeaseTable> LeaseTable::Restore(const std::vector<Lease>& leases) {
  LeaseTable table;
  std::set<uint16_t> indices;
  for (const Lease& lease : leases) {
    if (lease.index >= LB_BACKENDS_MAX || !indices.insert(lease.index).second ||
        table.leases_.contains(lease.key)) {
      return absl::DataLossError(
          absl::StrCat("the stored lease of index ", lease.index, " cannot be: it stands twice"));
    }
    table.Insert(lease);
  }
  return table;
}

void LeaseTable::Insert(const Lease& lease) {
  for (; next_ <= lease.index; next_++) freed_.insert(static_cast<uint16_t>(next_));
  freed_.erase(lease.index);
  leases_.emplace(lease.key, lease);
}

absl::StatusOr<uint16_t> LeaseTable::Acquire(uint64_t pool, const Address& address) {
  const LeaseKey key{pool, address};
  if (const auto known = leases_.find(key); known != leases_.end()) {
    known->second.leaving = false;
    known->second.release_after = absl::InfiniteFuture();
    return known->second.index;
  }
  if (freed_.empty() && next_ == LB_BACKENDS_MAX) {
    return absl::ResourceExhaustedError(absl::StrCat(
        "no index is left for backend ", AddressText(address), ": the node holds ", leases_.size(),
        " backends, leaving ones included; wait until those that "
        "leave are released, or configure fewer"));
  }
  Lease lease;
  lease.key = key;
  lease.backend_id = BackendId(address);
  lease.index = freed_.empty() ? static_cast<uint16_t>(next_) : *freed_.begin();
  Insert(lease);
  return lease.index;
}

absl::Status LeaseTable::Leave(uint64_t pool, const Address& address, absl::Time release_after) {
  const auto lease = leases_.find(LeaseKey{pool, address});
  if (lease == leases_.end()) {
    return absl::NotFoundError(absl::StrCat("backend ", AddressText(address), " has no lease"));
  }
  if (lease->second.leaving) return absl::OkStatus();
  lease->second.leaving = true;
  lease->second.release_after = release_after;
  return absl::OkStatus();
}

std::vector<Lease> LeaseTable::ReleaseExpired(absl::Time now,
                                              const std::function<bool(uint16_t)>& is_unnamed) {
  std::vector<Lease> released;
  for (const auto& [key, lease] : leases_) {
    if (lease.leaving && lease.release_after <= now && is_unnamed(lease.index)) {
      released.push_back(lease);
    }
  }
  for (const Lease& lease : released) {
    leases_.erase(lease.key);
    freed_.insert(lease.index);
  }
  SortByIndex(released);
  return released;
}

const Lease* LeaseTable::Find(uint64_t pool, const Address& address) const {
  const auto lease = leases_.find(LeaseKey{pool, address});
  return lease == leases_.end() ? nullptr : &lease->second;
}

std::vector<Lease> LeaseTable::leaving() const {
  std::vector<Lease> leases = all();
  std::erase_if(leases, [](const Lease& lease) { return !lease.leaving; });
  return leases;
}

std::vector<Lease> LeaseTable::all() const {
  std::vector<Lease> leases;
  leases.reserve(leases_.size());
  for (const auto& [key, lease] : leases_) leases.push_back(lease);
  SortByIndex(leases);
  return leases;
}

}  // namespace evenkeel
