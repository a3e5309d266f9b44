#include "control/watch/history.h"

#include <algorithm>
#include <set>
#include <utility>

namespace evenkeel {
namespace {

absl::Time StepEnd(absl::Time at) {
  const int64_t step = absl::ToInt64Seconds(History::kStep);
  return absl::FromUnixSeconds((absl::ToUnixSeconds(at) / step + 1) * step);
}

}  // namespace

void History::Add(const WatchSecond& second) {
  const std::lock_guard lock(mutex_);
  std::set<std::string> present;
  for (const ServiceSecond& service : second.services) {
    present.insert(service.service->name);
    std::deque<Step>& steps = services_[service.service->name];
    const absl::Time end = StepEnd(second.at);
    if (steps.empty() || steps.back().end != end) steps.push_back({.end = end, .points = {}});
    while (steps.front().end < second.at - kSpan) steps.pop_front();
    // The newest table stands first.
    const std::vector<double>& shares = service.tables.front();
    for (size_t i = 0; i < service.service->members.size(); ++i) {
      HistoryPoint& point = steps.back().points[service.service->members[i].name];
      point.expected = static_cast<float>(shares[i]);
      point.observed += static_cast<uint32_t>(service.counts[i].new_flows);
    }
  }
  std::erase_if(services_, [&](const auto& entry) { return !present.contains(entry.first); });
}

void History::MarkRevision(int64_t revision, absl::Time at) {
  const std::lock_guard lock(mutex_);
  while (revisions_.size() > 1 && revisions_.front().at < at - kSpan) revisions_.pop_front();
  if (!revisions_.empty() && revisions_.back().revision == revision) return;
  revisions_.push_back({.at = at, .revision = revision});
}

std::optional<ServiceHistory> History::Of(const std::string& service) const {
  const std::lock_guard lock(mutex_);
  const auto found = services_.find(service);
  if (found == services_.end()) return std::nullopt;
  ServiceHistory history;
  std::map<std::string, std::vector<HistoryPoint>> lines;
  for (const Step& step : found->second) {
    for (const auto& [name, point] : step.points) {
      std::vector<HistoryPoint>& line = lines[name];
      line.resize(history.ends.size());  // it was not there before
      line.push_back(point);
    }
    history.ends.push_back(step.end);
  }
  for (auto& [name, points] : lines) {
    points.resize(history.ends.size());
    history.lines.push_back({.name = name, .points = std::move(points)});
  }
  return history;
}

std::map<std::string, double> History::LowestRates() const {
  const std::lock_guard lock(mutex_);
  std::map<std::string, double> lowest;
  for (const auto& [service, steps] : services_) {
    // The first and the last one are parts.
    for (size_t i = 1; i + 1 < steps.size(); ++i) {
      double flows = 0;
      for (const auto& [name, point] : steps[i].points) flows += point.observed;
      const double rate = flows / absl::ToDoubleSeconds(kStep);
      const auto [place, is_new] = lowest.try_emplace(service, rate);
      if (!is_new) place->second = std::min(place->second, rate);
    }
  }
  return lowest;
}

std::vector<RevisionMark> History::Revisions() const {
  const std::lock_guard lock(mutex_);
  return {revisions_.begin(), revisions_.end()};
}

}  // namespace evenkeel
