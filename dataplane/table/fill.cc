#include "dataplane/table/fill.h"

#include <algorithm>
#include <numeric>

#include "absl/strings/str_cat.h"
#include "dataplane/table/fill_exact.h"
#include "dataplane/table/fill_maglev.h"

namespace evenkeel {

absl::Status CheckFillInput(std::span<const FillBackend> backends, uint32_t slots_log2) {
  if (slots_log2 < LB_SLOTS_LOG2_MIN || slots_log2 > LB_SLOTS_LOG2_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("a table of 2^", slots_log2, " slots: 2^12 to 2^20 are possible"));
  }
  if (backends.empty()) {
    return absl::InvalidArgumentError("a table without backends cannot be filled");
  }
  if (backends.size() > LB_BACKENDS_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("a pool of ", backends.size(), " backends: at most ", LB_BACKENDS_MAX));
  }
  for (const FillBackend& backend : backends) {
    if (backend.weight < 1 || backend.weight > kWeightMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("weight ", backend.weight, ": 1 to ", kWeightMax, " are possible"));
    }
  }
  const std::vector<uint32_t> order = OrderById(backends);
  for (size_t i = 1; i < order.size(); i++) {
    if (backends[order[i - 1]].id == backends[order[i]].id) {
      return absl::InvalidArgumentError(
          absl::StrCat("two backends of a pool have the id ", absl::Hex(backends[order[i]].id)));
    }
  }
  return absl::OkStatus();
}

std::vector<uint32_t> OrderById(std::span<const FillBackend> backends) {
  std::vector<uint32_t> order(backends.size());
  std::iota(order.begin(), order.end(), 0);
  std::ranges::sort(order, {}, [&](uint32_t i) { return backends[i].id; });
  return order;
}

absl::StatusOr<Fill> BuildFill(lb_fill fill, std::span<const FillBackend> backends,
                               uint32_t slots_log2) {
  switch (fill) {
    case LB_FILL_EXACT:
      return FillExact(backends, slots_log2);
    case LB_FILL_MAGLEV:
      return FillMaglev(backends, slots_log2);
  }
  return absl::InvalidArgumentError(absl::StrCat("unknown fill ", static_cast<int>(fill)));
}

std::vector<uint32_t> CountSlots(const Fill& fill, size_t backend_count) {
  std::vector<uint32_t> slots(backend_count);
  for (const uint32_t owner : fill) slots[owner]++;
  return slots;
}

Digest IdDigest(const Fill& fill, std::span<const FillBackend> backends) {
  std::vector<uint64_t> ids(fill.size());
  for (size_t slot = 0; slot < fill.size(); slot++) ids[slot] = backends[fill[slot]].id;
  return Sha256(std::as_bytes(std::span(ids)));
}

std::vector<lb_slot> PureSlots(const Fill& fill, std::span<const uint16_t> leases) {
  std::vector<lb_slot> slots(fill.size());
  for (size_t slot = 0; slot < fill.size(); slot++) slots[slot] = leases[fill[slot]];
  return slots;
}

}  // namespace evenkeel
