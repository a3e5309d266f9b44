#include "control/change/unfinished.h"

#include <algorithm>
#include <bit>
#include <string>

#include "absl/strings/str_cat.h"
#include "control/change/refusals.h"
#include "control/plan/finding_writer.h"
#include "control/publish/former.h"
#include "control/publish/service_spec.h"

namespace evenkeel {
namespace {

// As far as FindStillOnTheirWay() looks at it.
ImageSpec ServicesOf(const Config& candidate) {
  ImageSpec spec;
  for (const Pool& pool : candidate.pools) {
    spec.pools.push_back({.name = pool.name,
                          .slots_log2 = static_cast<uint8_t>(std::countr_zero(pool.table.slots))});
  }
  for (const Service& service : candidate.services) {
    const auto pool = std::ranges::find(candidate.pools, service.pool, &Pool::name);
    if (pool == candidate.pools.end()) continue;  // a finding of its own
    spec.services.push_back(
        CompileService(service, static_cast<uint16_t>(pool - candidate.pools.begin())));
  }
  return spec;
}

// "the next one from 2026-11-22T10:15:00Z on"
std::string WhenText(const StillOnItsWay& service, absl::Time now, uint64_t now_ns) {
  const absl::Duration left = absl::Nanoseconds(std::max(service.open_until_ns, now_ns) - now_ns);
  // The texts of times are whole seconds, and this one is not to be too early.
  const std::string end = TimeText(now + left + absl::Seconds(1) - absl::Nanoseconds(1));
  if (service.over_with_window) return absl::StrCat("the next one from ", end, " on");
  return absl::StrCat(kOverWhenPure,
                      service.open_until_ns == 0 ? "" : absl::StrCat(", not before ", end));
}

}  // namespace

std::vector<Finding> FindUnfinished(const ImageView& running, const Config& candidate,
                                    absl::Time now, uint64_t now_ns) {
  FindingWriter out(candidate);
  for (const StillOnItsWay& service :
       FindStillOnTheirWay({.running = &running, .now_ns = now_ns}, ServicesOf(candidate))) {
    out.Error(kUnfinishedRule,
              PathOf(*std::ranges::find(candidate.services, service.service, &Service::name)),
              absl::StrCat(kStillOnItsWay, ", ", WhenText(service, now, now_ns)),
              "apply it then; the way back to where it comes from is open meanwhile");
  }
  return out.Take();
}

}  // namespace evenkeel
