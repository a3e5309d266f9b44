#include <algorithm>
#include <array>
#include <cstring>

#include "absl/strings/str_format.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/layout.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/verify_steps.h"

namespace evenkeel {
namespace {

absl::Status VerifyHeader(const lb_root& root, std::span<const std::byte> bytes) {
  if (root.magic != LB_IMAGE_MAGIC) {
    return Refuse(NackCode::kMagic,
                  absl::StrFormat("not an image: it begins with %016x", root.magic));
  }
  if (root.abi != LB_IMAGE_ABI) {
    return Refuse(NackCode::kAbi,
                  absl::StrFormat("the image has ABI %d, this plane speaks %d: install the same "
                                  "version of evenkeeld and the plane",
                                  root.abi, LB_IMAGE_ABI));
  }
  if (root.size != bytes.size()) {
    return Refuse(NackCode::kSize, absl::StrFormat("the image says that it has %d bytes, %d came",
                                                   root.size, bytes.size()));
  }
  if (const uint64_t sum = RootChecksum(bytes); sum != root.checksum) {
    return Refuse(
        NackCode::kChecksum,
        absl::StrFormat("the image's checksum is %016x, its bytes give %016x", root.checksum, sum));
  }
  if (root.section_count != LB_SECTIONS) {
    return Refuse(NackCode::kSection,
                  absl::StrFormat("%d sections instead of %d", root.section_count, LB_SECTIONS));
  }
  if (root.generation == 0) return Refuse(NackCode::kRecord, "generation 0 is none");
  if (root.counters > kCountersMax) {
    return Refuse(NackCode::kRecord, absl::StrFormat("%d counters: at most %d are possible",
                                                     root.counters, kCountersMax));
  }
  return absl::OkStatus();
}

absl::Status VerifySection(const lb_section_ref& section, const SectionShape& shape, size_t size) {
  if (section.stride != shape.stride) {
    return Refuse(NackCode::kSection,
                  absl::StrFormat("section %s: records of %d bytes instead of %d", shape.name,
                                  section.stride, shape.stride));
  }
  if (section.count < shape.count_min || section.count > shape.count_max) {
    return Refuse(NackCode::kSection,
                  absl::StrFormat("section %s: %d records, %d..%d are possible", shape.name,
                                  section.count, shape.count_min, shape.count_max));
  }
  const uint64_t length = uint64_t{section.count} * section.stride;
  if (section.offset % kSectionAlignment != 0 || section.offset < sizeof(lb_root) ||
      section.offset > size || length > size - section.offset) {
    return Refuse(NackCode::kSection,
                  absl::StrFormat("section %s: %d bytes at offset %d of a root of %d", shape.name,
                                  length, section.offset, size));
  }
  return absl::OkStatus();
}

absl::Status VerifyDisjoint(const lb_root& root) {
  std::array<int, LB_SECTIONS> order;
  for (int i = 0; i < LB_SECTIONS; i++) order[i] = i;
  std::ranges::sort(order, {}, [&](int i) {
    return std::pair(root.section[i].offset, root.section[i].count);  // empty ones first
  });
  for (size_t i = 1; i < order.size(); i++) {
    const lb_section_ref& before = root.section[order[i - 1]];
    if (before.offset + uint64_t{before.count} * before.stride <= root.section[order[i]].offset) {
      continue;
    }
    return Refuse(NackCode::kSection,
                  absl::StrFormat("sections %s and %s overlap", kSectionShapes[order[i - 1]].name,
                                  kSectionShapes[order[i]].name));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status VerifyFrame(std::span<const std::byte> bytes) {
  if (bytes.size() < sizeof(lb_root) || bytes.size() > kRootBytesMax) {
    return Refuse(NackCode::kSize, absl::StrFormat("an image of %d bytes: %d..%d are possible",
                                                   bytes.size(), sizeof(lb_root), kRootBytesMax));
  }
  lb_root root;
  std::memcpy(&root, bytes.data(), sizeof(root));
  if (absl::Status status = VerifyHeader(root, bytes); !status.ok()) return status;
  for (int i = 0; i < LB_SECTIONS; i++) {
    absl::Status status = VerifySection(root.section[i], kSectionShapes[i], bytes.size());
    if (!status.ok()) return status;
  }
  return VerifyDisjoint(root);
}

}  // namespace evenkeel
