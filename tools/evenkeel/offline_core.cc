#include "tools/evenkeel/offline_core.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "dataplane/forward/reason_name.h"

namespace evenkeel::cli {
std::string VerdictText(const Fate& fate) {
  switch (fate.verdict) {
    case LB_FORWARD:
      return "forward";
    case LB_REPLY:
      return "reply";
    case LB_PASS:
      return "pass";
    default:
      return absl::StrCat("drop:", lb_reason_name(fate.reason));
  }
}

absl::StatusOr<std::unique_ptr<OfflineCore>> OfflineCore::Make(const Config& config,
                                                               const ClusterKey& key) {
  absl::StatusOr<LeaseTable> leases = LeaseAll(config, LeaseTable(), absl::UnixEpoch());
  if (!leases.ok()) return leases.status();
  CompileCache cache;
  absl::StatusOr<CompiledPtr> compiled = Compile(
      {.config = config, .key = key, .leases = *leases, .generation = 1, .revision = 1}, &cache);
  if (!compiled.ok()) return compiled.status();
  return std::unique_ptr<OfflineCore>(
      new OfflineCore(config, *std::move(compiled), *std::move(leases)));
}

OfflineCore::OfflineCore(Config config, CompiledPtr compiled, LeaseTable leases)
    : config_(std::move(config)),
      compiled_(std::move(compiled)),
      leases_(std::move(leases)),
      view_(*compiled_->image) {
  for (const lb_service& record : compiled_->image->services()) {
    const auto found =
        std::find_if(config_.services.begin(), config_.services.end(),
                     [&](const Service& service) { return NameId(service.name) == record.id; });
    services_.push_back(found == config_.services.end() ? nullptr : &*found);
  }
}

Fate OfflineCore::Judge(const uint8_t* begin, const uint8_t* end, lb_flow* flow) const {
  Fate fate;
  fate.verdict = lb_classify(view_.get(), begin, end, flow);
  fate.reason = static_cast<lb_reason>(flow->reason);
  if (fate.verdict != LB_FORWARD) return fate;
  lb_decision decision;
  fate.verdict = lb_resolve(view_.get(), begin, end, flow, &decision);
  fate.reason = static_cast<lb_reason>(decision.reason);
  if (fate.verdict != LB_FORWARD) return fate;
  fate.backend_id = view().backends[decision.backend].id;
  fate.counter = decision.counter;
  return fate;
}

const Service* OfflineCore::ServiceAt(uint16_t index) const {
  return index < services_.size() ? services_[index] : nullptr;
}

uint32_t OfflineCore::CounterOf(uint16_t service, size_t backend) const {
  const Pool& pool = *config_.FindPool(services_[service]->pool);
  const Lease& lease = *leases_.Find(NameId(pool.name), pool.backends[backend].address.bytes());
  return compiled_->image->services()[service].counter_base +
         compiled_->image->backends()[lease.index].pool_pos;
}

double OfflineCore::ShareOf(uint16_t service, size_t backend) const {
  const Pool* pool = config_.FindPool(services_[service]->pool);
  const auto place = static_cast<size_t>(pool - config_.pools.data());
  return compiled_->pools[place].table == nullptr ? 0 : compiled_->pools[place].share(backend);
}

}  // namespace evenkeel::cli
