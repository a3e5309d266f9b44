#include "control/change/healthy_states.h"

#include <map>
#include <set>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace evenkeel {
namespace {

Ports PortsOf(absl::string_view text) {
  Ports ports{.any = text == "any", .ranges = {}};
  if (ports.any) return ports;
  for (absl::string_view item : absl::StrSplit(text, ',')) {
    const std::vector<absl::string_view> ends = absl::StrSplit(item, '-');
    uint32_t low = 0, high = 0;
    if (!absl::SimpleAtoi(ends.front(), &low) || !absl::SimpleAtoi(ends.back(), &high)) continue;
    ports.ranges.push_back({static_cast<uint16_t>(low), static_cast<uint16_t>(high)});
  }
  return ports;
}

// A service is there for its name and its match: by them its pool is known under another name too.
void AddService(absl::string_view line, Config& config) {
  const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
  if (words.size() != 4 || config.pools.empty()) return;
  const absl::StatusOr<IpPrefix> vip = IpPrefix::Parse(words[1]);
  if (!vip.ok()) return;
  Service& service = config.services.emplace_back();
  service.name = std::string(words[0]);
  service.vip = *vip;
  service.ports = PortsOf(words[2]);
  service.protocol = words[3] == "udp" ? Protocol::kUdp : Protocol::kTcp;
  service.pool = config.pools.back().name;
}

Config ConfigOf(absl::string_view text) {
  Config config;
  for (absl::string_view line : absl::StrSplit(text, '\n', absl::SkipEmpty())) {
    if (line.front() == '\t') {
      AddService(line.substr(1), config);
      continue;
    }
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
  std::map<std::string, std::set<std::string>> services;
  for (const Pool& pool : config.pools) pools[pool.name] = HealthyWeights(pool);
  for (const Service& service : config.services) {
    services[service.pool].insert(absl::StrCat(service.name, " ", service.vip.ToString(), " ",
                                               ToString(service.ports), " ",
                                               Name(service.protocol)));
  }
  std::string text;
  for (const auto& [pool, weights] : pools) {
    absl::StrAppend(&text, pool, "\n");
    for (const std::string& service : services[pool]) absl::StrAppend(&text, "\t", service, "\n");
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
