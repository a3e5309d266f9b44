#include "dataplane/table/image_view.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

Digest ToDigest(const uint8_t (&bytes)[32]) {
  Digest digest;
  std::memcpy(digest.data(), bytes, sizeof(bytes));
  return digest;
}

}  // namespace

Digest CombineByPool(std::vector<std::pair<uint64_t, Digest>> pools) {
  std::ranges::sort(pools);
  Sha256Stream stream;
  for (const auto& [id, digest] : pools) {
    stream.Append(std::as_bytes(std::span(&id, 1)));
    stream.Append(std::as_bytes(std::span(digest)));
  }
  return stream.Finish();
}

absl::StatusOr<ImageView> ImageView::Verify(AlignedBytes root, const TableLookup& lookup,
                                            VerifyCache* cache) {
  if (absl::Status status = VerifyFrame(root.bytes()); !status.ok()) return status;
  ImageView image(std::move(root));

  VerifyCache scratch;
  if (cache == nullptr) cache = &scratch;
  if (absl::Status status = VerifyRecords(image, cache->backends); !status.ok()) return status;
  if (absl::Status status = VerifyMatch(image); !status.ok()) return status;
  if (absl::Status status = image.FindTables(lookup); !status.ok()) return status;
  if (absl::Status status = VerifyTables(image, *cache); !status.ok()) return status;

  cache->backends.assign(image.backends().begin(), image.backends().end());
  image.PointServicesAtSlots();
  return image;
}

absl::Status ImageView::FindTables(const TableLookup& lookup) {
  for (const lb_table_ref& ref : table_refs()) {
    const Digest digest = ToDigest(ref.digest);
    TablePtr table = lookup(digest);
    if (table == nullptr) {
      return Refuse(NackCode::kTableMissing,
                    absl::StrCat("table ", HexDigest(digest), " was never sent"));
    }
    tables_.push_back(std::move(table));
  }
  return absl::OkStatus();
}

void ImageView::PointServicesAtSlots() {
  auto* services =
      reinterpret_cast<lb_service*>(root_.data() + root().section[LB_SECTION_SERVICES].offset);
  for (size_t i = 0; i < this->services().size(); i++) {
    if (services[i].table == LB_TABLE_NONE) continue;
    services[i].plane_word =
        reinterpret_cast<uintptr_t>(tables_[services[i].table]->slots().data());
  }
}

AlignedBytes ImageView::Published() const {
  AlignedBytes copy = AlignedBytes::CopyOf(root_.bytes());
  auto* services =
      reinterpret_cast<lb_service*>(copy.data() + root().section[LB_SECTION_SERVICES].offset);
  for (size_t i = 0; i < this->services().size(); i++) services[i].plane_word = 0;
  return copy;
}

Digest ImageView::StatedDigest() const {
  return DigestOf([&](uint32_t table) { return ToDigest(table_refs()[table].id_digest); });
}

Digest ImageView::RecomputedDigest() const {
  return DigestOf([&](uint32_t table) {
    return IdDigest(*tables_[table], [&](uint16_t backend) { return backends()[backend].id; });
  });
}

Digest ImageView::DigestOf(const std::function<Digest(uint32_t table)>& id_digest_of) const {
  std::vector<std::pair<uint64_t, Digest>> digests;
  for (const lb_pool& pool : pools()) {
    if (pool.base_table >= tables_.size()) continue;  // LB_TABLE_NONE
    digests.emplace_back(pool.id, id_digest_of(pool.base_table));
  }
  return CombineByPool(std::move(digests));
}

template <typename Record>
std::span<const Record> ImageView::Section(lb_section section) const {
  const lb_section_ref& ref = root().section[section];
  return {reinterpret_cast<const Record*>(root_.data() + ref.offset), ref.count};
}

const lb_root& ImageView::root() const { return *reinterpret_cast<const lb_root*>(root_.data()); }
const lb_params& ImageView::params() const { return Section<lb_params>(LB_SECTION_PARAMS)[0]; }
std::span<const lb_service> ImageView::services() const {
  return Section<lb_service>(LB_SECTION_SERVICES);
}
std::span<const lb_pool> ImageView::pools() const { return Section<lb_pool>(LB_SECTION_POOLS); }
std::span<const lb_member> ImageView::members() const {
  return Section<lb_member>(LB_SECTION_MEMBERS);
}
std::span<const lb_member> ImageView::members_of(const lb_pool& pool) const {
  return members().subspan(pool.member_first, pool.member_count);
}
std::span<const lb_backend> ImageView::backends() const {
  return Section<lb_backend>(LB_SECTION_BACKENDS);
}
std::span<const lb_next_hop> ImageView::next_hops() const {
  return Section<lb_next_hop>(LB_SECTION_NEXT_HOPS);
}
std::span<const lb_table_ref> ImageView::table_refs() const {
  return Section<lb_table_ref>(LB_SECTION_TABLES);
}
std::span<const lb_vip> ImageView::vips() const { return Section<lb_vip>(LB_SECTION_VIPS); }
std::span<const lb_vip_row> ImageView::vip_rows() const {
  return Section<lb_vip_row>(LB_SECTION_VIP_ROWS);
}
std::span<const lb_port_row> ImageView::port_rows() const {
  return Section<lb_port_row>(LB_SECTION_PORT_ROWS);
}
std::span<const lb_port_range> ImageView::port_ranges() const {
  return Section<lb_port_range>(LB_SECTION_PORT_RANGES);
}
std::span<const lb_transition> ImageView::transitions() const {
  return Section<lb_transition>(LB_SECTION_TRANSITIONS);
}

}  // namespace evenkeel
