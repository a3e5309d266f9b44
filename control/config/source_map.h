// Where each thing of the configuration stands in its file.
//
// Findings name a place by its path, `pools.web.backends.web-1.weight` (elements of lists as
// `safety.allow[0].until`); the map gives the line and column of that path's value. Filled by
// ParseConfig(), read by whoever reports; also tells whether a key was written or is a default.
#ifndef CONTROL_CONFIG_SOURCE_MAP_H_
#define CONTROL_CONFIG_SOURCE_MAP_H_

#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

// Both count from 1, columns in bytes; 0 is "nowhere in the file".
struct Location {
  int line = 0;
  int column = 0;

  bool operator==(const Location&) const = default;
};

class SourceMap {
 public:
  // False if the path is already there (the first place is kept).
  bool Add(std::string path, Location at) { return places_.emplace(std::move(path), at).second; }

  // Whether the file says something at `path` itself.
  bool Has(absl::string_view path) const { return places_.contains(path); }

  // The place of `path`, or of the nearest thing around it when the file leaves it out.
  Location Find(absl::string_view path) const {
    for (;;) {
      if (auto found = places_.find(path); found != places_.end()) return found->second;
      if (path.empty()) return Location{};
      const size_t end = path.find_last_of(".[");
      path = end == absl::string_view::npos ? absl::string_view() : path.substr(0, end);
    }
  }

 private:
  absl::flat_hash_map<std::string, Location> places_;
};

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_SOURCE_MAP_H_
