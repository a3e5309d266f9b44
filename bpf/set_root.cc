#include "bpf/set_root.h"

#include <cstring>
#include <utility>

#include "dataplane/table/layout.h"

namespace evenkeel {
namespace {

std::span<std::byte> RootArea(const LbMaps& maps, uint32_t set) {
  const size_t bytes = size_t{maps.sizes.root_rows} * LB_ROOT_ROW_BYTES;
  return maps.roots.subspan(set * bytes, bytes);
}

size_t RootOffset(size_t tables) {
  return AlignUp(sizeof(lb_set_header) + tables * sizeof(uint32_t));
}

}  // namespace

lb_set_header* SetHeader(const LbMaps& maps, uint32_t set) {
  return reinterpret_cast<lb_set_header*>(RootArea(maps, set).data());
}

size_t SetRootBytes(const ImageView& image) {
  return RootOffset(image.tables().size()) + image.root().size;
}

void WriteSetRoot(const ImageView& image, const std::vector<uint32_t>& rows, uint32_t set,
                  const LbMaps& maps) {
  const std::span<std::byte> area = RootArea(maps, set);
  const AlignedBytes root = image.Published();
  lb_set_header* head = SetHeader(maps, set);
  head->root_size = root.size();
  head->table_count = static_cast<uint32_t>(rows.size());
  std::memcpy(area.data() + sizeof(*head), rows.data(), rows.size() * sizeof(uint32_t));
  std::memcpy(area.data() + RootOffset(rows.size()), root.data(), root.size());
  // Release: a set with a generation is whole, whenever this process is killed.
  __atomic_store_n(&head->generation, image.generation(), __ATOMIC_RELEASE);
}

absl::StatusOr<SetRoot> ReadSetRoot(const LbMaps& maps, uint32_t set) {
  const std::span<const std::byte> area = RootArea(maps, set);
  const lb_set_header head = *SetHeader(maps, set);
  const size_t offset = RootOffset(head.table_count);
  if (offset > area.size() || head.root_size > area.size() - offset ||
      head.root_size < sizeof(lb_root)) {
    return absl::DataLossError("its root does not lie within the map");
  }
  SetRoot read{.generation = head.generation,
               .root = AlignedBytes::CopyOf(area.subspan(offset, head.root_size)),
               .rows = std::vector<uint32_t>(head.table_count)};
  std::memcpy(read.rows.data(), area.data() + sizeof(head), read.rows.size() * sizeof(uint32_t));
  const auto* shape = reinterpret_cast<const lb_root*>(read.root.data());
  const lb_section_ref& refs = shape->section[LB_SECTION_TABLES];
  if (refs.count != head.table_count || refs.offset > read.root.size() ||
      refs.count > (read.root.size() - refs.offset) / sizeof(lb_table_ref)) {
    return absl::DataLossError("its root names other tables than the maps hold");
  }
  for (uint32_t i = 0; i < refs.count; ++i) {
    lb_table_ref ref;
    std::memcpy(&ref, read.root.data() + refs.offset + i * sizeof(ref), sizeof(ref));
    if (ref.slots_log2 < LB_SLOTS_LOG2_MIN || ref.slots_log2 > LB_SLOTS_LOG2_MAX ||
        uint64_t{read.rows[i]} + RowsOf(ref.slots_log2) > maps.slot_rows.size()) {
      return absl::DataLossError("a table lies outside of the map");
    }
  }
  return read;
}

absl::StatusOr<std::shared_ptr<const ImageView>> ReadBackImage(const LbMaps& maps, uint32_t set) {
  absl::StatusOr<SetRoot> read = ReadSetRoot(maps, set);
  if (!read.ok()) return read.status();
  const lb_section_ref refs =
      reinterpret_cast<const lb_root*>(read->root.data())->section[LB_SECTION_TABLES];
  // Under the digest that the slots in the map have, whatever the root says.
  std::vector<TablePtr> tables;
  for (uint32_t i = 0; i < refs.count; ++i) {
    lb_table_ref ref;
    std::memcpy(&ref, read->root.data() + refs.offset + i * sizeof(ref), sizeof(ref));
    absl::StatusOr<TablePtr> table =
        Table::Create({maps.slot_rows[read->rows[i]].slot, size_t{1} << ref.slots_log2});
    if (!table.ok()) return table.status();
    tables.push_back(*std::move(table));
  }
  const auto lookup = [&](const Digest& digest) -> TablePtr {
    for (const TablePtr& table : tables) {
      if (table->digest() == digest) return table;
    }
    return nullptr;
  };
  absl::StatusOr<ImageView> image = ImageView::Verify(std::move(read->root), lookup, nullptr);
  if (!image.ok()) return image.status();
  return std::make_shared<const ImageView>(*std::move(image));
}

}  // namespace evenkeel
