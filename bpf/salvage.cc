#include "bpf/salvage.h"

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "bpf/set_root.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

class Salvage {
 public:
  Salvage(const LbMaps& maps, uint32_t set, SetRoot read)
      : maps_(maps), set_(set), read_(std::move(read)) {}

  absl::StatusOr<Salvaged> Run() {
    if (absl::Status s = VerifyFrame(read_.root.bytes()); !s.ok()) {
      return absl::DataLossError(s.message());
    }
    if (absl::Status s = CheckRows(); !s.ok()) return s;
    for (uint32_t i = 0; i < read_.rows.size(); ++i) {
      if (absl::Status s = TakeTable(i); !s.ok()) return s;
    }
    auto& root = *reinterpret_cast<lb_root*>(read_.root.data());
    root.checksum = RootChecksum(read_.root.bytes());
    const auto lookup = [&](const Digest& digest) { return tables_[digest]; };
    absl::StatusOr<ImageView> image = ImageView::Verify(std::move(read_.root), lookup, nullptr);
    if (!image.ok()) return absl::DataLossError(image.status().message());
    return Salvaged{std::make_shared<const ImageView>(*std::move(image)), std::move(faults_)};
  }

 private:
  template <typename Record>
  std::span<Record> Records(lb_section section) {
    const lb_section_ref& ref =
        reinterpret_cast<const lb_root*>(read_.root.data())->section[section];
    return {reinterpret_cast<Record*>(read_.root.data() + ref.offset), ref.count};
  }

  absl::Status CheckRows();
  absl::Status TakeTable(uint32_t index);
  uint32_t Mend(uint32_t index, const lb_table_ref& ref, std::vector<lb_slot>* slots);
  void StateQuotas(uint32_t index, const Table& table);

  const LbMaps& maps_;
  const uint32_t set_;
  SetRoot read_;
  absl::flat_hash_map<Digest, TablePtr> tables_;
  std::vector<std::string> faults_;
};

// That packets take their slots from where the root's tables lie: these rows are not written to
// while they do.
absl::Status Salvage::CheckRows() {
  const auto services = Records<lb_service>(LB_SECTION_SERVICES);
  const auto in_use = maps_.services.subspan(size_t{set_} * maps_.sizes.services);
  for (size_t i = 0; i < services.size(); ++i) {
    if (services[i].table == LB_TABLE_NONE) continue;
    const bool is_there = i < maps_.sizes.services && services[i].table < read_.rows.size() &&
                          in_use[i].plane_word == read_.rows[services[i].table];
    if (!is_there) return absl::DataLossError("its services take their slots from elsewhere");
  }
  return absl::OkStatus();
}

absl::Status Salvage::TakeTable(uint32_t index) {
  lb_table_ref& ref = Records<lb_table_ref>(LB_SECTION_TABLES)[index];
  const lb_slot* first = maps_.slot_rows[read_.rows[index]].slot;
  std::vector<lb_slot> slots(first, first + (size_t{1} << ref.slots_log2));
  const Digest found = Sha256(std::as_bytes(std::span(slots)));
  const bool is_whole = std::ranges::equal(found, ref.digest);
  const uint32_t strange = is_whole ? 0 : Mend(index, ref, &slots);
  absl::StatusOr<TablePtr> table = Table::Create(slots);
  if (!table.ok()) return table.status();
  tables_[(*table)->digest()] = *table;
  if (is_whole) return absl::OkStatus();

  faults_.push_back(absl::StrCat("map slot_rows, table ", index, " of pool ", ref.pool,
                                 ": its slots are not those that were published"));
  if (strange != 0) absl::StrAppend(&faults_.back(), ", ", strange, " name what is not there");
  const auto backends = Records<lb_backend>(LB_SECTION_BACKENDS);
  const Digest ids = IdDigest(**table, [&](uint16_t backend) {
    return backend < backends.size() ? backends[backend].id : 0;
  });
  std::ranges::copy((*table)->digest(), ref.digest);
  std::ranges::copy(ids, ref.id_digest);
  StateQuotas(index, **table);
  return absl::OkStatus();
}

// How many slots named what is not there.
uint32_t Salvage::Mend(uint32_t index, const lb_table_ref& ref, std::vector<lb_slot>* slots) {
  bool is_base = false, is_pools = false;
  for (const lb_pool& pool : Records<lb_pool>(LB_SECTION_POOLS)) {
    is_base |= pool.base_table == index;
    is_pools |= pool.base_table == index || pool.table == index;
  }
  const auto backends = Records<lb_backend>(LB_SECTION_BACKENDS);
  // A former table (FormerSpec) may have owners that leave, and has no transitions.
  const size_t transitions =
      is_base || !is_pools ? 1 : Records<lb_transition>(LB_SECTION_TRANSITIONS).size();
  const auto is_possible = [&](lb_slot slot) {
    const uint16_t backend = lb_slot_backend(slot);
    return backend < backends.size() && backends[backend].family != LB_FAMILY_NONE &&
           backends[backend].pool == ref.pool && (backends[backend].flags == 0 || !is_pools) &&
           lb_slot_transition(slot) < transitions;
  };
  const auto first = std::ranges::find_if(*slots, is_possible);
  const lb_slot heir = first == slots->end() ? LB_NONE : lb_slot_backend(*first);
  uint32_t strange = 0;
  for (lb_slot& slot : *slots) {
    if (is_possible(slot)) continue;
    slot = heir;
    ++strange;
  }
  return strange;
}

void Salvage::StateQuotas(uint32_t index, const Table& table) {
  absl::flat_hash_map<uint16_t, uint32_t> owned;
  for (const SlotShare& share : table.shares()) owned[share.backend] = share.slots;
  const auto members = Records<lb_member>(LB_SECTION_MEMBERS);
  for (const lb_pool& pool : Records<lb_pool>(LB_SECTION_POOLS)) {
    if (pool.base_table != index) continue;
    for (uint32_t k = 0; k < pool.member_count; ++k) {
      const size_t at = size_t{pool.member_first} + k;
      if (at < members.size()) members[at].slots = owned[members[at].backend];
    }
  }
}

}  // namespace

absl::StatusOr<Salvaged> SalvageImage(const LbMaps& maps, uint32_t set) {
  absl::StatusOr<SetRoot> read = ReadSetRoot(maps, set);
  if (!read.ok()) return read.status();
  return Salvage(maps, set, *std::move(read)).Run();
}

}  // namespace evenkeel
