// Any bytes as a root: the verifier may refuse them, but never reads outside of them. The input is
// laid over a small valid image and the checksum made right, so that the checks behind it are
// reached; inputs of even first byte go in as they are.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>

#include "dataplane/table/image_builder.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {
namespace {

struct Seed {
  AlignedBytes root;
  TablePtr table;
};

Seed MakeSeed() {
  Seed seed;
  seed.table = *Table::Create(std::vector<lb_slot>(1u << LB_SLOTS_LOG2_MIN, 0));
  ImageSpec spec;
  spec.generation = 1;
  spec.next_hops.push_back({MapIpv4({10, 0, 0, 1}), std::nullopt});
  PoolSpec pool;
  pool.name = "pool";
  pool.slots_log2 = LB_SLOTS_LOG2_MIN;
  MemberSpec member;
  member.address = MapIpv4({10, 0, 1, 1});
  member.backend_id = BackendId(member.address);
  member.lease = 0;
  member.weight = 1;
  member.slots = 1u << LB_SLOTS_LOG2_MIN;
  pool.members.push_back(member);
  pool.base = seed.table;
  pool.base_id_digest = IdDigest(*seed.table, [&](uint16_t) { return member.backend_id; });
  spec.pools.push_back(pool);
  ServiceSpec service;
  service.name = "service";
  service.vip = MapIpv4({203, 0, 113, 10});
  service.ports = {{80, 80}, {8000, 8099}};
  spec.services.push_back(service);
  seed.root = *BuildImage(spec);
  return seed;
}

void Verify(AlignedBytes root, const Seed& seed) {
  const auto lookup = [&](const Digest&) { return seed.table; };
  const absl::StatusOr<ImageView> image = ImageView::Verify(std::move(root), lookup, nullptr);
  if (!image.ok()) return;
  // What verifies can be followed without a check.
  for (const lb_service& service : image->services()) {
    if (service.plane_word == 0) continue;
    const auto* slots = reinterpret_cast<const lb_slot*>(service.plane_word);
    const lb_backend& backend =
        image->backends()[lb_slot_backend(slots[~0ull >> service.slot_shift])];
    (void)image->next_hops()[backend.next_hop];
  }
  (void)image->Published();
}

}  // namespace
}  // namespace evenkeel

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace evenkeel;
  static const Seed seed = MakeSeed();
  if (size < 3) return 0;
  const uint8_t mode = data[0];
  const size_t at = (data[1] | data[2] << 8) % seed.root.size();
  data += 3;
  size -= 3;
  if (mode % 2 == 0) {
    Verify(AlignedBytes::CopyOf(std::as_bytes(std::span(data, size))), seed);
    return 0;
  }
  AlignedBytes root = AlignedBytes::CopyOf(seed.root.bytes());
  std::memcpy(root.data() + at, data, std::min(size, root.size() - at));
  const uint64_t sum = RootChecksum(root.bytes());
  std::memcpy(root.data() + offsetof(lb_root, checksum), &sum, sizeof(sum));
  Verify(std::move(root), seed);
  return 0;
}
