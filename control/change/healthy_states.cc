#include "control/change/healthy_states.h"

#include <algorithm>
#include <map>
#include <optional>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"

namespace evenkeel {
namespace {

using Words = std::vector<absl::string_view>;

std::optional<Ports> PortsOf(absl::string_view text) {
  Ports ports;
  if (text == "any") {
    ports.any = true;
    return ports;
  }
  for (absl::string_view part : absl::StrSplit(text, ',')) {
    const Words ends = absl::StrSplit(part, '-');
    uint32_t low = 0, high = 0;
    if (!absl::SimpleAtoi(ends.front(), &low) || !absl::SimpleAtoi(ends.back(), &high)) {
      return std::nullopt;
    }
    ports.ranges.push_back({static_cast<uint16_t>(low), static_cast<uint16_t>(high)});
  }
  return ports;
}

void ReadBackend(const Words& words, Config& config) {
  const absl::StatusOr<IpAddress> address = IpAddress::Parse(words[0]);
  Backend backend;
  if (!address.ok() || !absl::SimpleAtoi(words[1], &backend.weight)) return;
  backend.address = *address;
  config.pools.back().backends.push_back(std::move(backend));
}

void ReadService(const Words& words, Config& config) {
  const absl::StatusOr<IpPrefix> vip = IpPrefix::Parse(words[3]);
  const std::optional<Ports> ports = PortsOf(words[4]);
  if (!vip.ok() || !ports) return;
  Service& service = config.services.emplace_back();
  service.name = std::string(words[1]);
  service.protocol = words[2] == Name(Protocol::kUdp) ? Protocol::kUdp : Protocol::kTcp;
  service.vip = *vip;
  service.ports = *ports;
  service.pool = std::string(words[5]);
}

Config ConfigOf(absl::string_view text) {
  Config config;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    const Words words = absl::StrSplit(line, ' ', absl::SkipEmpty());
    if (words.size() == 2 && words[0] == "pool") {
      config.pools.emplace_back().name = std::string(words[1]);
    } else if (words.size() == 6 && words[0] == "service") {
      ReadService(words, config);
    } else if (words.size() == 2 && !config.pools.empty()) {
      ReadBackend(words, config);
    }
  }
  return config;
}

}  // namespace

std::string HealthyText(const Config& config) {
  std::map<std::string, PoolWeights> pools;
  for (const Pool& pool : config.pools) pools[pool.name] = HealthyWeights(pool);
  std::string text;
  for (const auto& [pool, weights] : pools) {
    absl::StrAppend(&text, "pool ", pool, "\n");
    for (const auto& [address, weight] : weights) {
      absl::StrAppend(&text, " ", address.ToString(), " ", weight, "\n");
    }
  }
  std::vector<std::string> services;
  for (const Service& service : config.services) {
    services.push_back(absl::StrCat("service ", service.name, " ", Name(service.protocol), " ",
                                    service.vip.ToString(), " ", ToString(service.ports), " ",
                                    service.pool, "\n"));
  }
  std::sort(services.begin(), services.end());
  return absl::StrCat(text, absl::StrJoin(services, ""));
}

WeightHistory HistoryOf(const std::vector<std::string>& texts) {
  WeightHistory history;
  for (const std::string& text : texts) history.Add(ConfigOf(text));
  return history;
}

}  // namespace evenkeel
