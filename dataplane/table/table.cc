#include "dataplane/table/table.h"

#include <algorithm>
#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"

namespace evenkeel {
namespace {

bool IsTableSize(uint32_t slots_log2) {
  return slots_log2 >= LB_SLOTS_LOG2_MIN && slots_log2 <= LB_SLOTS_LOG2_MAX;
}

}  // namespace

Table::Table(UniqueFd fd, MappedRegion region, const Digest& digest, uint32_t slots_log2)
    : fd_(std::move(fd)), region_(std::move(region)), digest_(digest), slots_log2_(slots_log2) {
  CountFacts();
}

absl::StatusOr<TablePtr> Table::Create(std::span<const lb_slot> slots) {
  const uint32_t slots_log2 = static_cast<uint32_t>(std::bit_width(slots.size())) - 1;
  if (!std::has_single_bit(slots.size()) || !IsTableSize(slots_log2)) {
    return absl::InvalidArgumentError(
        absl::StrCat("a table has a power of two of slots, 4096..1048576, not ", slots.size()));
  }
  const Digest digest = Sha256(std::as_bytes(slots));
  absl::StatusOr<UniqueFd> fd = MakeSealedMemfd("evenkeel-table", std::as_bytes(slots));
  if (!fd.ok()) return fd.status();
  absl::StatusOr<MappedRegion> region = MapSealed(fd->get(), slots.size_bytes());
  if (!region.ok()) return region.status();
  return TablePtr(new Table(*std::move(fd), *std::move(region), digest, slots_log2));
}

absl::StatusOr<TablePtr> Table::Adopt(UniqueFd fd, const Digest& digest, uint32_t slots_log2) {
  if (!IsTableSize(slots_log2)) {
    return Refuse(
        NackCode::kTableShape,
        absl::StrCat("table ", HexDigest(digest), " claims 2^", slots_log2, " slots, outside of 2^",
                     LB_SLOTS_LOG2_MIN, "..2^", LB_SLOTS_LOG2_MAX));
  }
  absl::StatusOr<MappedRegion> region = MapSealed(fd.get(), sizeof(lb_slot) << slots_log2);
  if (!region.ok()) {
    const bool is_shape = absl::IsInvalidArgument(region.status());
    return Refuse(is_shape ? NackCode::kTableShape : NackCode::kResource,
                  absl::StrCat("table ", HexDigest(digest), ": ", region.status().message()));
  }
  const Digest actual = Sha256(region->bytes());
  if (actual != digest) {
    return Refuse(NackCode::kTableDigest, absl::StrCat("a table came as ", HexDigest(digest),
                                                       ", but its content is ", HexDigest(actual)));
  }
  return TablePtr(new Table(std::move(fd), *std::move(region), digest, slots_log2));
}

std::span<const lb_slot> Table::slots() const {
  return {reinterpret_cast<const lb_slot*>(region_.data()), size_t{1} << slots_log2_};
}

void Table::CountFacts() {
  uint16_t backend_max = 0;
  for (const lb_slot slot : slots()) {
    backend_max = std::max(backend_max, lb_slot_backend(slot));
    transition_max_ = std::max(transition_max_, lb_slot_transition(slot));
  }
  std::vector<uint32_t> count(backend_max + 1u);
  for (const lb_slot slot : slots()) count[lb_slot_backend(slot)]++;
  const auto owners = std::ranges::count_if(count, [](uint32_t n) { return n != 0; });
  shares_.reserve(static_cast<size_t>(owners));
  for (uint32_t backend = 0; backend < count.size(); backend++) {
    if (count[backend] != 0) shares_.push_back({static_cast<uint16_t>(backend), count[backend]});
  }
}

Digest IdDigest(const Table& table, const std::function<uint64_t(uint16_t)>& id_of) {
  // A pool's indices lie close together as a rule.
  const uint16_t first_index = table.shares().front().backend;
  std::vector<uint64_t> id(table.shares().back().backend - first_index + 1u);
  for (const SlotShare& share : table.shares()) {
    id[share.backend - first_index] = id_of(share.backend);
  }

  Sha256Stream stream;
  std::array<uint64_t, 512> chunk;
  const std::span<const lb_slot> slots = table.slots();
  for (size_t first = 0; first < slots.size(); first += chunk.size()) {
    for (size_t i = 0; i < chunk.size(); i++)
      chunk[i] = id[lb_slot_backend(slots[first + i]) - first_index];
    stream.Append(std::as_bytes(std::span(chunk)));
  }
  return stream.Finish();
}

}  // namespace evenkeel
