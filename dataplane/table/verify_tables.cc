#include <cstring>

#include "absl/strings/str_format.h"
#include "dataplane/table/parallel.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

class TableVerifier {
 public:
  TableVerifier(const ImageView& image, VerifyCache& cache)
      : image_(image), cache_(cache), is_former_(image.table_refs().size()) {
    // VerifyRecords() has seen that they are tables of their pools.
    for (const lb_service& service : image.services()) {
      if (service.table < is_former_.size()) is_former_[service.table] = true;
    }
    for (const lb_pool& pool : image.pools()) {
      if (pool.table == LB_TABLE_NONE) continue;
      is_former_[pool.table] = is_former_[pool.base_table] = false;
    }
  }

  absl::Status Run() {
    for (uint32_t i = 0; i < image_.table_refs().size(); i++) {
      if (absl::Status status = Check(i); !status.ok()) return status;
    }
    return IdDigests();
  }

 private:
  absl::Status Check(uint32_t index);
  absl::Status Owners(uint32_t index, uint32_t pool, const Table& table) const;
  absl::Status Quotas(uint32_t index, const lb_pool& pool, const Table& table) const;
  absl::Status IdDigests();

  const ImageView& image_;
  VerifyCache& cache_;
  std::vector<bool> is_former_;  // by table: of no pool, but of a former service
};

absl::Status TableVerifier::Check(uint32_t index) {
  const lb_table_ref& ref = image_.table_refs()[index];
  const Table& table = *image_.tables()[index];
  if (ref.pool >= image_.pools().size()) {
    return Refuse(NackCode::kIndex, absl::StrFormat("table %d names pool %d of %d", index, ref.pool,
                                                    image_.pools().size()));
  }
  const lb_pool& pool = image_.pools()[ref.pool];
  if (pool.table != index && pool.base_table != index && !is_former_[index]) {
    return Refuse(NackCode::kIndex, absl::StrFormat("table %d names pool %d, which does not use it",
                                                    index, ref.pool));
  }
  const uint32_t slots_log2 = is_former_[index] ? ref.slots_log2 : pool.slots_log2;
  if (ref.slots_log2 != slots_log2 || table.slots_log2() != slots_log2) {
    return Refuse(NackCode::kTableShape,
                  absl::StrFormat("table %d has 2^%d slots, its reference says 2^%d, pool %d 2^%d",
                                  index, table.slots_log2(), ref.slots_log2, ref.pool, slots_log2));
  }
  if (absl::Status status = Owners(index, ref.pool, table); !status.ok()) return status;
  if (pool.base_table == index) {
    if (absl::Status status = Quotas(index, pool, table); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status TableVerifier::Owners(uint32_t index, uint32_t pool, const Table& table) const {
  for (const SlotShare& share : table.shares()) {
    if (share.backend < image_.backends().size()) {
      const lb_backend& backend = image_.backends()[share.backend];
      const bool can_own = backend.flags == 0 || is_former_[index];
      if (backend.family != LB_FAMILY_NONE && backend.pool == pool && can_own) continue;
    }
    return Refuse(NackCode::kTableContent,
                  absl::StrFormat("table %d: %d slots name backend %d, which cannot own slots of "
                                  "pool %d",
                                  index, share.slots, share.backend, pool));
  }
  const uint16_t reference = table.transition_max();
  const bool is_base = image_.pools()[pool].base_table == index;
  const bool is_plain = is_base || is_former_[index];
  if (reference != 0 && (is_plain || reference >= image_.transitions().size())) {
    return Refuse(NackCode::kTableContent,
                  absl::StrFormat("table %d: a slot refers to transition %d of %d%s", index,
                                  reference, image_.transitions().size(),
                                  is_base    ? ", in a base table"
                                  : is_plain ? ", in a former table"
                                             : ""));
  }
  return absl::OkStatus();
}

absl::Status TableVerifier::Quotas(uint32_t index, const lb_pool& pool, const Table& table) const {
  size_t owners = 0;
  for (const lb_member& member : image_.members_of(pool)) owners += member.slots != 0;
  const auto stated = [&](const SlotShare& share) {
    return image_.members_of(pool)[image_.backends()[share.backend].pool_pos].slots;
  };
  for (const SlotShare& share : table.shares()) {
    if (share.slots == stated(share)) continue;
    return Refuse(NackCode::kQuota,
                  absl::StrFormat("table %d: backend %d owns %d slots, %d are stated", index,
                                  share.backend, share.slots, stated(share)));
  }
  if (owners == table.shares().size()) return absl::OkStatus();
  return Refuse(NackCode::kQuota, absl::StrFormat("table %d: %d backends own slots, %d should",
                                                  index, table.shares().size(), owners));
}

absl::Status TableVerifier::IdDigests() {
  const std::span<const TablePtr> tables = image_.tables();
  std::vector<VerifyCache::IdDigestEntry> entries(tables.size());
  std::vector<uint32_t> unknown;
  for (uint32_t i = 0; i < tables.size(); i++) {
    std::vector<uint64_t>& ids = entries[i].ids;
    ids.reserve(tables[i]->shares().size());
    for (const SlotShare& share : tables[i]->shares()) {
      ids.push_back(image_.backends()[share.backend].id);
    }
    const auto known = cache_.id_digests.find(tables[i]->digest());
    if (known != cache_.id_digests.end() && known->second.ids == ids) {
      entries[i].id_digest = known->second.id_digest;
    } else {
      unknown.push_back(i);
    }
  }
  ParallelFor(unknown.size(), [&](size_t n) {
    const uint32_t i = unknown[n];
    entries[i].id_digest =
        IdDigest(*tables[i], [&](uint16_t backend) { return image_.backends()[backend].id; });
  });

  absl::flat_hash_map<Digest, VerifyCache::IdDigestEntry> used;
  for (uint32_t i = 0; i < tables.size(); i++) {
    const Digest& digest = entries[i].id_digest;
    if (std::memcmp(digest.data(), image_.table_refs()[i].id_digest, digest.size()) != 0) {
      return Refuse(NackCode::kTableDigest,
                    absl::StrFormat("table %d: its digest over backend ids is %s, not the stated "
                                    "one",
                                    i, HexDigest(digest)));
    }
    used[tables[i]->digest()] = std::move(entries[i]);
  }
  cache_.id_digests = std::move(used);
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyTables(const ImageView& image, VerifyCache& cache) {
  return TableVerifier(image, cache).Run();
}

}  // namespace evenkeel
