#include "bpf/map_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <iterator>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/grace_period.h"
#include "bpf/salvage.h"
#include "bpf/set_root.h"

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
          .transitions = image.transitions(),
          .pools = image.pools()};
}

Address AddressOf(const lb_next_hop& hop) {
  Address address;
  std::memcpy(address.data(), hop.address, address.size());
  return address;
}

// A MAC that the configuration sets is this record's own; the port is the route's.
uint64_t InitialWord(const lb_next_hop& hop, const NextHopWord& word) {
  constexpr uint64_t kPortBits = uint64_t{LB_PORTS_MAX - 1} << LB_NEXT_HOP_PORT_SHIFT;
  const uint64_t known = word(AddressOf(hop));
  if (hop.has_static_mac == 0) return known;
  return lb_next_hop_word(hop.static_mac) | (known & kPortBits);
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
    writer->sets_[LB_ROOT_WORD_SET(root_word)].is_held = true;
    if (writer->IsOnTrial()) {
      const uint32_t set = LB_ROOT_WORD_SET(maps.trial->return_word);
      writer->way_back_ = static_cast<int>(set);
      writer->sets_[set].is_held = true;
    }
  }
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (absl::Status s = writer->TakeOver(set); !s.ok()) return s;
  }
  writer->SettleTrial();
  return writer;
}

absl::Status MapWriter::TakeOver(uint32_t set) {
  absl::Status status = absl::DataLossError("it is empty");
  if (SetHeader(maps_, set)->generation != 0) {
    absl::StatusOr<std::shared_ptr<const ImageView>> image = ReadBackImage(maps_, set);
    std::vector<std::string> faults;
    if (!image.ok()) {
      absl::StatusOr<Salvaged> salvaged = SalvageImage(maps_, set);
      if (salvaged.ok()) {
        image = std::move(salvaged->image);
        faults = std::move(salvaged->faults);
      }
    }
    status = image.status();
    if (status.ok() && !Fits(**image)) {
      status = absl::DataLossError("its image is larger than the maps");
    }
    if (status.ok() && !HoldTables(**image, set)) {
      status = absl::DataLossError("tables lie across each other");
    }
    if (status.ok()) {
      sets_[set].image = *std::move(image);
      distrusts_ |= !faults.empty();
      if (sets_[set].is_held) std::ranges::move(faults, std::back_inserter(faults_));
      return status;
    }
  }
  if (sets_[set].is_held) {
    return absl::DataLossError(
        absl::StrCat("the maps in use cannot be read back: set ", set, ": ", status.message()));
  }
  SetHeader(maps_, set)->generation = 0;
  return absl::OkStatus();
}

lb_map_sizes MapWriter::SizesFor(const ImageView& image, const ImageView* way_back,
                                 const lb_map_sizes& outgrown) {
  const lb_map_sizes least = LB_MAP_SIZES_DEFAULT;
  const auto room = [](size_t count, uint32_t at_least) {
    return std::max(at_least, 2 * std::bit_ceil(static_cast<uint32_t>(count)));
  };
  const auto most = [&](const auto& count) {
    return std::max<size_t>(count(image), way_back != nullptr ? count(*way_back) : 0);
  };
  absl::flat_hash_map<Digest, uint32_t> tables;
  for (const ImageView* one : {&image, way_back}) {
    if (one == nullptr) continue;
    for (const TablePtr& table : one->tables()) tables[table->digest()] = table->slots_log2();
  }
  uint32_t rows = 0;
  for (const auto& [digest, slots_log2] : tables) rows += RowsOf(slots_log2);
  lb_map_sizes sizes = least;
  using View = const ImageView&;
  sizes.vips = room(most([](View v) { return v.vips().size(); }), least.vips);
  sizes.vip_rows = room(most([](View v) { return v.vip_rows().size(); }), least.vip_rows);
  sizes.port_rows = room(most([](View v) { return v.port_rows().size(); }), least.port_rows);
  sizes.port_ranges = room(most([](View v) { return v.port_ranges().size(); }), least.port_ranges);
  sizes.services = room(most([](View v) { return v.services().size(); }), least.services);
  sizes.backends = std::min(room(most([](View v) { return v.backends().size(); }), least.backends),
                            LB_BACKENDS_MAX + 1);
  sizes.transitions = room(most([](View v) { return v.transitions().size(); }), least.transitions);
  sizes.pools = room(most([](View v) { return v.pools().size(); }), least.pools);
  sizes.next_hops = room(most([](View v) { return v.next_hops().size(); }), least.next_hops);
  sizes.counters = room(most([](View v) { return v.counter_count(); }), least.counters);
  sizes.root_rows =
      room(most([](View v) { return SetRootBytes(v); }) / LB_ROOT_ROW_BYTES + 1, least.root_rows);
  // Slots are most of the memory, and a change keeps most tables: a quarter beside them, and room
  // for all that change when they are few. Maps that had that much and were outgrown all the same
  // belong to somebody who changes everything at once: then all tables twice, so that the next such
  // change needs no other program.
  sizes.slot_rows = rows + rows / 4 + least.slot_rows;
  if (outgrown.slot_rows >= sizes.slot_rows) sizes.slot_rows = 2 * rows + least.slot_rows;
  return sizes;
}

bool MapWriter::Fits(const ImageView& image) const {
  return FitsSet(RecordsOf(image), image.next_hops().size(), image.counter_count(), maps_.sizes) &&
         SetRootBytes(image) <= size_t{maps_.sizes.root_rows} * LB_ROOT_ROW_BYTES;
}

absl::Status MapWriter::Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word) {
  if (!Fits(*image)) return absl::ResourceExhaustedError("the image is larger than its maps");
  const uint64_t generation = image->generation();
  const absl::StatusOr<uint32_t> set = Fill(std::move(image), word);
  if (!set.ok()) return set.status();
  Use(*set, LB_ROOT_WORD(*set, generation));
  return absl::OkStatus();
}

absl::StatusOr<uint32_t> MapWriter::Fill(std::shared_ptr<const ImageView> image,
                                         const NextHopWord& word) {
  if (std::exchange(distrusts_, false)) MendTables();
  const uint32_t set = NextSet();
  if (absl::Status s = Retire(set); !s.ok()) return s;
  std::vector<uint32_t> rows;
  absl::Status placed = PlaceTables(*image, &rows);
  if (absl::IsResourceExhausted(placed)) {
    // What only retired sets name makes room.
    if (absl::Status s = RetireAllUnheld(); !s.ok()) return s;
    placed = PlaceTables(*image, &rows);
  }
  if (!placed.ok()) return placed;

  WriteSet(
      RecordsOf(*image), [&](uint32_t table) { return rows[table]; }, set, maps_);
  const auto words = next_hops(set);
  for (size_t i = 0; i < image->next_hops().size(); ++i) {
    __atomic_store_n(&words[i], InitialWord(image->next_hops()[i], word), __ATOMIC_RELAXED);
  }
  WriteSetRoot(*image, rows, set, maps_);
  sets_[set].image = std::move(image);
  sets_[set].is_held = true;
  return set;
}

void MapWriter::Use(uint32_t set, uint64_t root_word) {
  // Release: a packet that reads the new word must find the set filled. The packets under way go on
  // in the set that they began with, which stays as it is until Retire() has waited for them.
  __atomic_store_n(maps_.root_word, root_word, __ATOMIC_RELEASE);
  Release(current_);
  current_ = static_cast<int>(set);
}

// Packets under way may still use it.
void MapWriter::Release(int set) {
  if (set < 0) return;
  sets_[static_cast<size_t>(set)].is_held = false;
  sets_[static_cast<size_t>(set)].retired_at = waits_;
}

const std::shared_ptr<const ImageView>& MapWriter::current() const {
  static const std::shared_ptr<const ImageView> none;
  return current_ < 0 ? none : sets_[static_cast<size_t>(current_)].image;
}

const std::shared_ptr<const ImageView>& MapWriter::way_back() const {
  static const std::shared_ptr<const ImageView> none;
  return way_back_ < 0 ? none : sets_[static_cast<size_t>(way_back_)].image;
}

uint64_t MapWriter::NextHop(const Address& address) const {
  for (const int set : {current_, way_back_}) {
    if (set < 0) continue;
    const auto hops = sets_[static_cast<size_t>(set)].image->next_hops();
    for (size_t i = 0; i < hops.size(); ++i) {
      if (AddressOf(hops[i]) == address) return next_hops(static_cast<uint32_t>(set))[i];
    }
  }
  return 0;
}

void MapWriter::SetNextHop(const Address& address, uint64_t word) {
  for (const int set : {current_, way_back_}) {
    if (set < 0) continue;
    const auto hops = sets_[static_cast<size_t>(set)].image->next_hops();
    const auto words = next_hops(static_cast<uint32_t>(set));
    for (size_t i = 0; i < hops.size(); ++i) {
      // Relaxed: the word stands for itself.
      if (AddressOf(hops[i]) == address) __atomic_store_n(&words[i], word, __ATOMIC_RELAXED);
    }
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
  if (absl::Status s = WaitForPackets(); !s.ok()) return s;
  current_ = -1;
  way_back_ = -1;
  for (Set& set : sets_) set.is_held = false;
  return RetireAllUnheld();
}

// In the order of generations, which the totals count on.
absl::Status MapWriter::RetireAllUnheld() {
  std::vector<uint32_t> order;
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (sets_[set].image != nullptr && !sets_[set].is_held) order.push_back(set);
  }
  std::ranges::sort(order, {}, [&](uint32_t set) { return sets_[set].image->generation(); });
  for (uint32_t set : order) {
    if (absl::Status s = Retire(set); !s.ok()) return s;
  }
  return absl::OkStatus();
}

// The empty ones first, then the one that has been retired longest.
uint32_t MapWriter::NextSet() const {
  uint32_t best = LB_SETS;
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    if (sets_[set].is_held) continue;
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
    if (absl::Status s = WaitForPackets(); !s.ok()) return s;
  }
  return Fold(set);
}

absl::Status MapWriter::WaitForPackets() {
  if (absl::Status s = WaitForPacketsUnderWay(); !s.ok()) return s;
  ++waits_;
  return absl::OkStatus();
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
  // A service and its former record may have the same backend: a pair is folded once a generation.
  FlowSums sums;
  ForEachCounter(image, [&](const FlowPair& pair, uint32_t counter) {
    const FlowSum sum = Count(set, counter);
    if (!sum.IsZero()) sums[pair] += sum;
  });
  absl::Status status;
  for (const auto& [pair, sum] : sums) {
    status.Update(totals_->Fold(pair, sum, image.generation()));
  }
  if (!status.ok()) return status;
  // Only now: who is killed before this finds the entries marked with the generation.
  for (uint32_t cpu = 0; cpu < maps_.sizes.cpus; ++cpu) {
    const size_t first = (size_t{cpu} * LB_SETS + set) * maps_.sizes.counters;
    std::memset(&maps_.counters[first], 0, image.counter_count() * sizeof(lb_counter));
  }
  __atomic_store_n(&SetHeader(maps_, set)->generation, 0, __ATOMIC_RELEASE);
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

void MapWriter::MendTables() {
  for (uint32_t set = 0; set < LB_SETS; ++set) {
    const ImageView* image = sets_[set].image.get();
    if (image == nullptr) continue;
    const absl::StatusOr<SetRoot> root = ReadSetRoot(maps_, set);
    if (!root.ok() || root->rows.size() != image->tables().size()) continue;
    for (size_t i = 0; i < root->rows.size(); ++i) {
      MendSlots(image->tables()[i]->slots(), root->rows[i], maps_);
    }
  }
}

bool MapWriter::HoldTables(const ImageView& image, uint32_t set) {
  const absl::StatusOr<SetRoot> root = ReadSetRoot(maps_, set);
  if (!root.ok() || root->rows.size() != image.tables().size()) return false;
  for (size_t i = 0; i < image.tables().size(); ++i) {
    const Table& table = *image.tables()[i];
    if (!arena_.TakeAt(table.digest(), root->rows[i], RowsOf(table.slots_log2()))) {
      for (size_t held = 0; held < i; ++held) arena_.Release(image.tables()[held]->digest());
      return false;
    }
  }
  return true;
}

void MapWriter::DropTables(const ImageView& image) {
  for (const TablePtr& table : image.tables()) arena_.Release(table->digest());
}

std::span<uint64_t> MapWriter::next_hops(uint32_t set) const {
  return maps_.next_hops.subspan(size_t{set} * maps_.sizes.next_hops, maps_.sizes.next_hops);
}

}  // namespace evenkeel
