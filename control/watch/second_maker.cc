#include "control/watch/second_maker.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "dataplane/table/digest.h"

namespace evenkeel {
namespace {

// Looks for which an unknown generation is waited for.
constexpr int kPatience = 5;

constexpr size_t kGenerationsMax = 64;

// A UDP flow that goes on speaking stays on its backend and counts as new now and then.
constexpr absl::Duration kUdpMemory = absl::Minutes(15);
constexpr size_t kFormerMax = 4;

bool SameShares(const ShareRow& a, const ShareRow& b) { return &a == &b || a == b; }

FlowTotals TotalsOf(const CounterLook& look, const FlowKey& key) {
  const auto found = look.flows.find(key);
  return found == look.flows.end() ? FlowTotals{} : found->second;
}

}  // namespace

std::shared_ptr<const WatchedNode> WatchedNodeOf(const Config& config) {
  auto node = std::make_shared<WatchedNode>();
  for (const Service& service : config.services) {
    const Pool* pool = config.FindPool(service.pool);
    if (pool == nullptr) continue;
    WatchedService& out = node->services.emplace_back();
    out.id = NameId(service.name);
    out.name = service.name;
    out.is_udp = service.protocol == Protocol::kUdp;
    out.by_client = service.affinity == Affinity::kClient;
    out.is_checked = pool->health.has_value();
    for (const Backend& backend : pool->backends) {
      out.members.push_back({.id = BackendId(backend.address.bytes()),
                             .name = absl::StrCat(pool->name, "/", backend.name)});
    }
  }
  return node;
}

void SecondMaker::Learn(const ImageView& image) {
  if (tables_.contains(image.generation())) return;
  tables_[image.generation()] = SharesOf(image);
  while (tables_.size() > kGenerationsMax) tables_.erase(tables_.begin());
}

// Counters never go back but where a plane has started anew.
bool SecondMaker::IsComparable(const CounterLook& look) const {
  if (look.uptime_ns < before_->uptime_ns) return false;
  return std::all_of(before_->flows.begin(), before_->flows.end(), [&](const auto& entry) {
    const FlowTotals now = TotalsOf(look, entry.first);
    return now.new_flows >= entry.second.new_flows && now.packets >= entry.second.packets;
  });
}

bool SecondMaker::IsKnownBetween(uint64_t from, uint64_t to) const {
  for (uint64_t generation = from; generation <= to; ++generation) {
    if (!tables_.contains(generation) && !reserved_.contains(generation)) return false;
  }
  return true;
}

void SecondMaker::Forget(uint64_t before) {
  tables_.erase(tables_.begin(), tables_.lower_bound(before));
  reserved_.erase(reserved_.begin(), reserved_.lower_bound(before));
}

std::optional<WatchSecond> SecondMaker::Next(std::shared_ptr<const WatchedNode> node,
                                             CounterLook look) {
  if (!before_ || !IsComparable(look)) {
    before_ = std::move(look);
    waited_ = 0;
    return std::nullopt;
  }
  if (!tables_.contains(look.generation_max) && ++waited_ <= kPatience) return std::nullopt;
  waited_ = 0;

  std::optional<WatchSecond> second;
  if (look.generation_max - before_->generation_min <= kGenerationsMax &&
      IsKnownBetween(before_->generation_min, look.generation_max)) {
    second.emplace();
    second->at = look.at;
    for (const WatchedService& service : node->services) {
      ServiceSecond filled = Fill(service, look);
      if (!filled.tables.empty()) second->services.push_back(std::move(filled));
    }
    if (look.workers.ids == before_->workers.ids) {
      second->workers = look.workers;
      for (size_t i = 0; i < look.workers.ids.size(); ++i) {
        second->workers.new_flows[i] -=
            std::min(before_->workers.new_flows[i], look.workers.new_flows[i]);
      }
    }
    second->node = std::move(node);
  }
  Forget(look.generation_min);
  before_ = std::move(look);
  return second;
}

// Distinct ones, that of now first.
std::vector<std::shared_ptr<const ShareRow>> SecondMaker::RowsFor(const WatchedService& service,
                                                                  const CounterLook& look) {
  std::vector<std::shared_ptr<const ShareRow>> rows;
  const auto add = [&](const std::shared_ptr<const ShareRow>& row) {
    const bool is_known = std::any_of(rows.begin(), rows.end(),
                                      [&](const auto& other) { return SameShares(*other, *row); });
    if (!row->empty() && !is_known) rows.push_back(row);
  };
  for (auto table = tables_.rbegin(); table != tables_.rend(); ++table) {
    if (table->first > look.generation_max || table->first < before_->generation_min) continue;
    if (const auto found = table->second.find(service.id); found != table->second.end()) {
      add(found->second);
    }
  }
  if (!service.is_udp) return rows;

  std::vector<FormerRow>& former = former_[service.id];
  std::erase_if(former, [&](const FormerRow& row) { return look.at - row.last_run > kUdpMemory; });
  for (const auto& row : rows) {
    const auto same = std::find_if(former.begin(), former.end(), [&](const FormerRow& other) {
      return SameShares(*other.row, *row);
    });
    if (same != former.end()) former.erase(same);
    former.insert(former.begin(), {row, look.at});
  }
  if (former.size() > kFormerMax) former.resize(kFormerMax);
  for (const FormerRow& row : former) add(row.row);
  return rows;
}

ServiceSecond SecondMaker::Fill(const WatchedService& service, const CounterLook& look) {
  ServiceSecond second{.service = &service, .counts = {}, .tables = {}};
  const std::vector<std::shared_ptr<const ShareRow>> rows = RowsFor(service, look);
  if (rows.empty()) return second;
  const auto add = [&](uint64_t id) {
    const FlowKey key{service.id, id};
    const FlowTotals now = TotalsOf(look, key), then = TotalsOf(*before_, key);
    second.counts.push_back({.id = id,
                             .new_flows = now.new_flows - then.new_flows,
                             .packets = now.packets - then.packets});
  };
  for (const WatchedMember& member : service.members) add(member.id);
  for (const auto& row : rows) {
    for (const auto& [id, share] : *row) {
      const bool is_there = std::any_of(second.counts.begin(), second.counts.end(),
                                        [&](const MemberCount& count) { return count.id == id; });
      if (!is_there) add(id);
    }
  }
  for (const auto& row : rows) {
    std::vector<double>& shares = second.tables.emplace_back();
    for (const MemberCount& count : second.counts) shares.push_back(ShareIn(*row, count.id));
  }
  return second;
}

}  // namespace evenkeel
