#include "control/validate/partial.h"

#include <algorithm>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"

namespace evenkeel {
namespace {

using PathSet = absl::flat_hash_set<std::string>;

// Pools, services and backends: what can be left out by itself.
PathSet ItemsOf(const Config& config) {
  PathSet items;
  for (const Service& service : config.services) items.insert(PathOf(service));
  for (const Pool& pool : config.pools) {
    items.insert(PathOf(pool));
    for (const Backend& backend : pool.backends) items.insert(PathOf(pool, backend));
  }
  return items;
}

// The innermost item that `path` lies in; empty if in none.
absl::string_view ItemAround(const PathSet& items, absl::string_view path) {
  absl::string_view item = path;
  while (!item.empty() && !items.contains(item)) {
    const size_t dot = item.rfind('.');
    item = dot == absl::string_view::npos ? absl::string_view() : item.substr(0, dot);
  }
  return item;
}

// No rule reads these.
bool IsHarmless(absl::string_view path) {
  return path == "cluster.name" || path == "cluster.key_file";
}

}  // namespace

std::vector<Finding> ValidatePartial(Config config, const std::vector<std::string>& unreliable,
                                     const ValidateOptions& options) {
  const PathSet items = ItemsOf(config);
  PathSet broken;
  for (const std::string& path : unreliable) {
    const absl::string_view item = ItemAround(items, path);
    if (!item.empty()) {
      broken.emplace(item);
    } else if (!IsHarmless(path)) {
      return {};
    }
  }

  std::erase_if(config.services, [&](const Service& s) { return broken.contains(PathOf(s)); });
  for (Pool& pool : config.pools) {
    const bool untold = broken.contains(PathOf(pool));
    const size_t left_out = std::erase_if(pool.backends, [&](const Backend& backend) {
      return untold || broken.contains(PathOf(pool, backend));
    });
    if (left_out > 0) pool.allow_empty = true;
  }

  // Warnings can be wrong about a part of a file, and are not what has to be mended first.
  std::vector<Finding> findings = Validate(config, options);
  std::erase_if(findings, [&](const Finding& finding) {
    return finding.severity != Severity::kError || broken.contains(ItemAround(items, finding.path));
  });
  return findings;
}

}  // namespace evenkeel
