#include "bpf/map_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/grace_period.h"
#include "dataplane/table/layout.h"

namespace evenkeel {
namespace {

SetRecords RecordsOf(const ImageView& image) {
  return {.params = &image.params(),
          .vips = image.vips(),
          .vip_rows = image.vip_rows(),
          .port_rows = image.port_rows(),
          .port_ranges = image.port_ranges(),
          .services = image.services(),
          .backends = image.backends(),
          .transitions = image.transitions()};
}

uint32_t RowsOf(uint32_t slots_log2) { return (1u << slots_log2) / LB_SLOTS_PER_ROW; }

size_t RootOffset(size_t tables) {
  return AlignUp(sizeof(lb_set_header) + tables * sizeof(uint32_t));
}

size_t RootBytes(const ImageView& image) {
  return RootOffset(image.tables().size()) + image.root().size;
}

Address AddressOf(const lb_next_hop& hop) {
  Address address;
  std::memcpy(address.data(), hop.address, address.size());
  return address;
}

// Calls `each(pair, counter)` for every counter of the image.
template <typename Each>
void ForEachCounter(const ImageView& image, const Each& each) {
  for (const lb_service& service : image.services()) {
    uint32_t counter = service.counter_base;
    for (const lb_member& member : image.members_of(image.pools()[service.pool])) {
      each(FlowPair{service.id, image.backends()[member.backend].id}, counter++);
    }
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<MapWriter>> MapWriter::Open(const LbMaps& maps, Totals* totals) {
  std::unique_ptr<MapWriter> writer(new MapWriter(maps, totals));
  const uint64_t root_word = __atomic_load_n(maps.root_word, __ATOMIC_ACQUIRE);
  if ((root_word & LB_ROOT_WORD_VALID) != 0) {
    writer->current_ = static_cast<int>(LB_ROOT_WORD_SET(root_word));
  }
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (writer->header(set)->generation == 0) continue;
    absl::StatusOr<std::shared_ptr<const ImageView>> image = writer->ReadBack(set);
    if (image.ok() && writer->HoldTables(**image, set)) {
      writer->sets_[set].image = *std::move(image);
    } else if (static_cast<int>(set) == writer->current_) {
      return absl::DataLossError(
          absl::StrCat("the maps in use cannot be read back: ",
                       image.ok() ? "tables lie across each other" : image.status().message()));
    } else {
      writer->header(set)->generation = 0;
    }
  }
  if (writer->current_ >= 0 && writer->current() == nullptr) {
    return absl::DataLossError("the maps in use cannot be read back: their set is empty");
  }
  return writer;
}

lb_map_sizes MapWriter::SizesFor(const ImageView& image) {
  const lb_map_sizes least = LB_MAP_SIZES_DEFAULT;
  const auto room = [](size_t count, uint32_t at_least) {
    return std::max(at_least, 2 * std::bit_ceil(static_cast<uint32_t>(count)));
  };
  uint32_t rows = 0;
  for (const lb_table_ref& table : image.table_refs()) rows += RowsOf(table.slots_log2);
  lb_map_sizes sizes = least;
  sizes.vips = room(image.vips().size(), least.vips);
  sizes.vip_rows = room(image.vip_rows().size(), least.vip_rows);
  sizes.port_rows = room(image.port_rows().size(), least.port_rows);
  sizes.port_ranges = room(image.port_ranges().size(), least.port_ranges);
  sizes.services = room(image.services().size(), least.services);
  sizes.backends = std::min(room(image.backends().size(), least.backends), LB_BACKENDS_MAX + 1);
  sizes.transitions = room(image.transitions().size(), least.transitions);
  sizes.next_hops = room(image.next_hops().size(), least.next_hops);
  sizes.counters = room(image.counter_count(), least.counters);
  sizes.root_rows = room(RootBytes(image) / LB_ROOT_ROW_BYTES + 1, least.root_rows);
  // Slots are most of the memory, and a change keeps most tables: a quarter beside them, and room
  // for all that change when they are few.
  sizes.slot_rows = std::max(least.slot_rows, rows + rows / 4 + least.slot_rows);
  return sizes;
}

bool MapWriter::Fits(const ImageView& image) const {
  return FitsSet(RecordsOf(image), image.next_hops().size(), image.counter_count(), maps_.sizes) &&
         RootBytes(image) <= size_t{maps_.sizes.root_rows} * LB_ROOT_ROW_BYTES;
}

absl::Status MapWriter::Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word) {
  if (!Fits(*image)) return absl::ResourceExhaustedError("the image is larger than its maps");
  const uint32_t set = NextSet();
  if (absl::Status s = Retire(set); !s.ok()) return s;
  std::vector<uint32_t> rows;
  absl::Status placed = PlaceTables(*image, &rows);
  if (absl::IsResourceExhausted(placed)) {
    // What only retired sets name makes room.
    for (uint32_t other = 0; other < LB_SETS; ++other) {
      if (static_cast<int>(other) == current_) continue;
      if (absl::Status s = Retire(other); !s.ok()) return s;
    }
    placed = PlaceTables(*image, &rows);
  }
  if (!placed.ok()) return placed;

  WriteSet(
      RecordsOf(*image), [&](uint32_t table) { return rows[table]; }, set, maps_);
  const auto words = next_hops(set);
  for (size_t i = 0; i < image->next_hops().size(); ++i) {
    __atomic_store_n(&words[i], word(AddressOf(image->next_hops()[i])), __ATOMIC_RELAXED);
  }
  WriteRoot(*image, rows, set);

  // Release: a packet that reads the new word must find the set filled. The packets under way go on
  // in the set that they began with, which stays as it is until Retire() has waited for them.
  __atomic_store_n(maps_.root_word, LB_ROOT_WORD(set, image->generation()), __ATOMIC_RELEASE);
  if (current_ >= 0) sets_[static_cast<size_t>(current_)].retired_at = waits_;
  sets_[set].image = std::move(image);
  current_ = static_cast<int>(set);
  return absl::OkStatus();
}

const std::shared_ptr<const ImageView>& MapWriter::current() const {
  static const std::shared_ptr<const ImageView> none;
  return current_ < 0 ? none : sets_[static_cast<size_t>(current_)].image;
}

void MapWriter::SetNextHop(const Address& address, uint64_t word) {
  if (current_ < 0) return;
  const auto hops = current()->next_hops();
  const auto words = next_hops(static_cast<uint32_t>(current_));
  for (size_t i = 0; i < hops.size(); ++i) {
    // Relaxed: the word stands for itself.
    if (AddressOf(hops[i]) == address) __atomic_store_n(&words[i], word, __ATOMIC_RELAXED);
  }
}

void MapWriter::AddCounts(FlowSums* sums) const {
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (sets_[set].image == nullptr) continue;
    const ImageView& image = *sets_[set].image;
    ForEachCounter(image, [&](const FlowPair& pair, uint32_t counter) {
      if (totals_->HasFolded(pair, image.generation())) return;
      (*sums)[pair] += Count(set, counter);
    });
  }
}

absl::Status MapWriter::FoldAll() {
  if (absl::Status s = WaitForPacketsUnderWay(); !s.ok()) return s;
  ++waits_;
  std::vector<uint32_t> order;
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (sets_[set].image != nullptr) order.push_back(set);
  }
  std::ranges::sort(order, {}, [&](uint32_t set) { return sets_[set].image->generation(); });
  current_ = -1;
  for (uint32_t set : order) {
    if (absl::Status s = Fold(set); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// The empty ones first, then the one that has been retired longest.
uint32_t MapWriter::NextSet() const {
  uint32_t best = LB_SETS;
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (static_cast<int>(set) == current_) continue;
    if (sets_[set].image == nullptr) return set;
    if (best == LB_SETS || sets_[set].image->generation() < sets_[best].image->generation()) {
      best = set;
    }
  }
  return best;
}

// Afterwards the set is empty and no packet reads or counts in it.
absl::Status MapWriter::Retire(uint32_t set) {
  if (sets_[set].image == nullptr) return absl::OkStatus();
  if (sets_[set].retired_at == waits_) {
    // One wait serves all sets that are retired by now.
    if (absl::Status s = WaitForPacketsUnderWay(); !s.ok()) return s;
    ++waits_;
  }
  return Fold(set);
}

absl::Status MapWriter::Fold(uint32_t set) {
  const ImageView& image = *sets_[set].image;
  if (totals_->room() < image.counter_count()) {
    absl::flat_hash_set<FlowPair> named;
    for (const Set& other : sets_) {
      if (other.image == nullptr) continue;
      ForEachCounter(*other.image, [&](const FlowPair& pair, uint32_t) { named.insert(pair); });
    }
    totals_->Keep(named);
  }
  absl::Status status;
  ForEachCounter(image, [&](const FlowPair& pair, uint32_t counter) {
    const FlowSum sum = Count(set, counter);
    if (!sum.IsZero()) status.Update(totals_->Fold(pair, sum, image.generation()));
  });
  if (!status.ok()) return status;
  // Only now: who is killed before this finds the entries marked with the generation.
  for (uint32_t cpu = 0; cpu < maps_.sizes.cpus; ++cpu) {
    const size_t first = (size_t{cpu} * LB_SETS + set) * maps_.sizes.counters;
    std::memset(&maps_.counters[first], 0, image.counter_count() * sizeof(lb_counter));
  }
  __atomic_store_n(&header(set)->generation, 0, __ATOMIC_RELEASE);
  DropTables(image);
  sets_[set].image = nullptr;
  return absl::OkStatus();
}

FlowSum MapWriter::Count(uint32_t set, uint32_t counter) const {
  FlowSum sum;
  for (uint32_t cpu = 0; cpu < maps_.sizes.cpus; ++cpu) {
    const lb_counter& one =
        maps_.counters[(size_t{cpu} * LB_SETS + set) * maps_.sizes.counters + counter];
    sum.packets += __atomic_load_n(&one.packets, __ATOMIC_RELAXED);
    sum.bytes += __atomic_load_n(&one.bytes, __ATOMIC_RELAXED);
    sum.new_flows += __atomic_load_n(&one.new_flows, __ATOMIC_RELAXED);
  }
  return sum;
}

// First rows in the order of the image's tables; those that are not there yet are written.
absl::Status MapWriter::PlaceTables(const ImageView& image, std::vector<uint32_t>* rows) {
  for (const TablePtr& table : image.tables()) {
    const std::optional<SlotArena::Place> place =
        arena_.Take(table->digest(), RowsOf(table->slots_log2()));
    if (!place) {
      for (size_t i = 0; i < rows->size(); ++i) arena_.Release(image.tables()[i]->digest());
      rows->clear();
      return absl::ResourceExhaustedError("the maps have no room for the image's tables");
    }
    rows->push_back(place->first);
    if (place->is_new) WriteSlots(table->slots(), place->first, maps_);
  }
  return absl::OkStatus();
}

void MapWriter::WriteRoot(const ImageView& image, const std::vector<uint32_t>& rows, uint32_t set) {
  const std::span<std::byte> area = root_area(set);
  const AlignedBytes root = image.Published();
  lb_set_header* head = header(set);
  head->root_size = root.size();
  head->table_count = static_cast<uint32_t>(rows.size());
  std::memcpy(area.data() + sizeof(*head), rows.data(), rows.size() * sizeof(uint32_t));
  std::memcpy(area.data() + RootOffset(rows.size()), root.data(), root.size());
  // Release: a set with a generation is whole, whenever this process is killed.
  __atomic_store_n(&head->generation, image.generation(), __ATOMIC_RELEASE);
}

absl::StatusOr<std::shared_ptr<const ImageView>> MapWriter::ReadBack(uint32_t set) {
  const std::span<const std::byte> area = root_area(set);
  const lb_set_header head = *header(set);
  const size_t offset = RootOffset(head.table_count);
  if (offset > area.size() || head.root_size > area.size() - offset ||
      head.root_size < sizeof(lb_root)) {
    return absl::DataLossError("its root does not lie within the map");
  }
  // The tables from the slots that packets use, under the digest that those slots have.
  AlignedBytes root = AlignedBytes::CopyOf(area.subspan(offset, head.root_size));
  const auto* shape = reinterpret_cast<const lb_root*>(root.data());
  const lb_section_ref& refs = shape->section[LB_SECTION_TABLES];
  if (refs.count != head.table_count || refs.offset > root.size() ||
      refs.count > (root.size() - refs.offset) / sizeof(lb_table_ref)) {
    return absl::DataLossError("its root names other tables than the maps hold");
  }
  std::vector<TablePtr> tables;
  for (uint32_t i = 0; i < head.table_count; ++i) {
    lb_table_ref ref;
    std::memcpy(&ref, root.data() + refs.offset + i * sizeof(ref), sizeof(ref));
    uint32_t first = 0;
    std::memcpy(&first, area.data() + sizeof(head) + i * sizeof(first), sizeof(first));
    if (ref.slots_log2 < LB_SLOTS_LOG2_MIN || ref.slots_log2 > LB_SLOTS_LOG2_MAX ||
        uint64_t{first} + RowsOf(ref.slots_log2) > maps_.slot_rows.size()) {
      return absl::DataLossError("a table lies outside of the map");
    }
    absl::StatusOr<TablePtr> table =
        Table::Create({maps_.slot_rows[first].slot, size_t{1} << ref.slots_log2});
    if (!table.ok()) return table.status();
    tables.push_back(*std::move(table));
  }
  const auto lookup = [&](const Digest& digest) -> TablePtr {
    for (const TablePtr& table : tables) {
      if (table->digest() == digest) return table;
    }
    return nullptr;
  };
  absl::StatusOr<ImageView> image = ImageView::Verify(std::move(root), lookup, nullptr);
  if (!image.ok()) return image.status();
  if (!Fits(*image)) return absl::DataLossError("its image is larger than the maps");
  return std::make_shared<const ImageView>(*std::move(image));
}

bool MapWriter::HoldTables(const ImageView& image, uint32_t set) {
  for (size_t i = 0; i < image.tables().size(); ++i) {
    const Table& table = *image.tables()[i];
    uint32_t first = 0;
    std::memcpy(&first, root_area(set).data() + sizeof(lb_set_header) + i * sizeof(first),
                sizeof(first));
    if (!arena_.TakeAt(table.digest(), first, RowsOf(table.slots_log2()))) {
      for (size_t held = 0; held < i; ++held) arena_.Release(image.tables()[held]->digest());
      return false;
    }
  }
  return true;
}

void MapWriter::DropTables(const ImageView& image) {
  for (const TablePtr& table : image.tables()) arena_.Release(table->digest());
}

lb_set_header* MapWriter::header(uint32_t set) const {
  return reinterpret_cast<lb_set_header*>(root_area(set).data());
}

std::span<std::byte> MapWriter::root_area(uint32_t set) const {
  const size_t bytes = size_t{maps_.sizes.root_rows} * LB_ROOT_ROW_BYTES;
  return maps_.roots.subspan(set * bytes, bytes);
}

std::span<uint64_t> MapWriter::next_hops(uint32_t set) const {
  return maps_.next_hops.subspan(size_t{set} * maps_.sizes.next_hops, maps_.sizes.next_hops);
}

}  // namespace evenkeel
