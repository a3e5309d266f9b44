#include "control/change/healthy_states.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace evenkeel {
namespace {

Config ConfigOf(absl::string_view text) {
  Config config;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line.front() != ' ') {
      config.pools.emplace_back().name = std::string(line);
      continue;
    }
    const std::vector<absl::string_view> words = absl::StrSplit(line.substr(1), ' ');
    if (words.size() != 2 || config.pools.empty()) continue;
    const absl::StatusOr<IpAddress> address = IpAddress::Parse(words[0]);
    Backend backend;
    if (!address.ok() || !absl::SimpleAtoi(words[1], &backend.weight)) continue;
    backend.address = *address;
    config.pools.back().backends.push_back(std::move(backend));
  }
  return config;
}

}  // namespace

std::string HealthyText(const Config& config) {
  std::map<std::string, PoolWeights> pools;
  for (const Pool& pool : config.pools) pools[pool.name] = HealthyWeights(pool);
  std::string text;
  for (const auto& [pool, weights] : pools) {
    absl::StrAppend(&text, pool, "\n");
    for (const auto& [address, weight] : weights) {
      absl::StrAppend(&text, " ", address.ToString(), " ", weight, "\n");
    }
  }
  return text;
}

WeightHistory HistoryOf(const std::vector<std::string>& texts) {
  WeightHistory history;
  for (const std::string& text : texts) history.Add(ConfigOf(text));
  return history;
}

}  // namespace evenkeel
