#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/plan/guard_parts.h"
#include "control/plan/guards.h"

namespace evenkeel {
namespace {

constexpr size_t kNamedJumps = 10;  // of a pool, before they are told in one line

const ServicePlan* ServiceOf(const Plan& plan, const PoolPlan& pool) {
  for (const ServicePlan& service : plan.services) {
    if (service.pool == pool.name && !service.is_new) return &service;
  }
  return nullptr;
}

// F01. When a pool grows or shrinks, all shares change alike and that is the news (F12); a share
// that rises twofold is named in any case, others where they run ahead of the rest or fall behind.
struct Jump {
  const BackendPlan* backend;
  double factor;
};

std::vector<Jump> FindJumps(const ServicePlan& service) {
  std::vector<Jump> changes;
  for (const BackendPlan& backend : service.backends) {
    if (backend.before > 0 && backend.after > 0) {
      changes.push_back({&backend, backend.after / backend.before});
    }
  }
  if (changes.empty()) return {};
  std::stable_sort(changes.begin(), changes.end(),
                   [](const Jump& a, const Jump& b) { return a.factor < b.factor; });
  const double common = std::min(1.0, changes[changes.size() / 2].factor);
  std::vector<Jump> jumps;
  for (const Jump& change : changes) {
    const double relative = change.factor / common;
    if (relative > kShareJump * kShareRounding || relative * kShareJump * kShareRounding < 1) {
      jumps.push_back(change);
    }
  }
  return jumps;
}

std::string JumpText(const Jump& jump) {
  return absl::StrFormat("its share goes from %s to %s, %.3g times what it was",
                         PercentText(jump.backend->before), PercentText(jump.backend->after),
                         jump.factor);
}

void Jumps(const Pool& pool, const ServicePlan& service, FindingWriter& out) {
  const std::vector<Jump> jumps = FindJumps(service);
  const std::string hint = "see that the weight is meant, and that the backend can carry it";
  if (jumps.size() > kNamedJumps) {
    const Jump& worst = jumps.back().factor > kShareJump ? jumps.back() : jumps.front();
    out.Warning("F01", absl::StrCat(PathOf(pool), ".backends"),
                absl::StrCat("the shares of ", jumps.size(), " backends jump; ",
                             worst.backend->name, ": ", JumpText(worst)),
                hint);
    return;
  }
  for (const Jump& jump : jumps) {
    out.Warning("F01", absl::StrCat(PathOf(pool), ".backends.", jump.backend->name, ".weight"),
                JumpText(jump), hint);
  }
}

// F01. New and at once the largest by far: a weight in another unit, or with a zero too many.
void HeavyNewcomers(const Pool& pool, const ServicePlan& service, FindingWriter& out) {
  double largest_kept = 0;
  for (const BackendPlan& backend : service.backends) {
    if (backend.before > 0) largest_kept = std::max(largest_kept, backend.after);
  }
  if (largest_kept == 0) return;
  for (const BackendPlan& backend : service.backends) {
    if (backend.before > 0 || backend.after <= kShareJump * kShareRounding * largest_kept) {
      continue;
    }
    out.Warning("F01", absl::StrCat(PathOf(pool), ".backends.", backend.name, ".weight"),
                absl::StrFormat("joins with %s of the new flows at once, %.3g times as much as any "
                                "backend that was there",
                                PercentText(backend.after), backend.after / largest_kept),
                "begin with a low weight and raise it when it has proved itself");
  }
}

// F19. Removed while it serves: its connections stay with it, and nobody looks after it any more.
void RemovedServing(const Pool& pool, const ServicePlan& service, FindingWriter& out) {
  std::vector<std::string> names;
  double share = 0;
  for (const BackendPlan& backend : service.backends) {
    if (backend.change != BackendChange::kRemoved || backend.before == 0) continue;
    names.push_back(backend.name);
    share += backend.before;
  }
  if (names.empty()) return;
  out.Warning(
      "F19", absl::StrCat(PathOf(pool), ".backends"),
      absl::StrCat(ListText(names), names.size() == 1 ? " is" : " are", " removed while serving ",
                   PercentText(share),
                   " of the connections, which stay with it until they end; it is checked no more"),
      "drain first (`drain: {reason: …, until: …}`), and remove it once its connections are gone");
}

// F13. An address that served one pool turns up in another.
void MovedBackends(const GuardInput& in, FindingWriter& out) {
  std::map<IpAddress, std::set<std::string>> pools_before;
  for (const Pool& pool : in.base->pools) {
    for (const Backend& backend : pool.backends) pools_before[backend.address].insert(pool.name);
  }
  for (const Pool& pool : in.candidate.pools) {
    if (in.base->FindPool(pool.name) == nullptr) continue;
    for (const Backend& backend : pool.backends) {
      const auto found = pools_before.find(backend.address);
      if (found == pools_before.end() || found->second.count(pool.name) != 0) continue;
      out.Warning("F13", PathOf(pool, backend),
                  absl::StrCat(backend.address.ToString(), " is new in this pool and known from ",
                               *found->second.begin()),
                  "see that it serves this pool's application, and is not a line that was copied");
    }
  }
}

}  // namespace

void GuardShares(const GuardInput& in, FindingWriter& out) {
  for (const PoolPlan& plan : in.plan.pools) {
    const ServicePlan* service = ServiceOf(in.plan, plan);
    if (service == nullptr) continue;
    const Pool& pool = *in.candidate.FindPool(plan.name);
    Jumps(pool, *service, out);
    HeavyNewcomers(pool, *service, out);
    RemovedServing(pool, *service, out);
  }
  MovedBackends(in, out);
}

}  // namespace evenkeel
