// A valid configuration to start from, as text: one pool of weights, a service of each protocol.
#ifndef TESTS_CONTROL_APP_SAMPLE_CONFIG_H_
#define TESTS_CONTROL_APP_SAMPLE_CONFIG_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace evenkeel {

struct SampleOptions {
  std::string key_file = "/nonexistent/cluster.key";
  std::vector<uint32_t> weights = {100, 100, 100};  // of backends b1, b2 ... at 10.0.1.11 ...
  uint32_t slots = 65536;
  std::string fill = "exact";
  std::string drained;  // name of a backend that drains
  bool allow_empty = false;
  // No change is too large, unless a test is about that.
  std::string safety = "weight_ratio: 2000, blast_radius: {weight_lost: 100%, slots_moved: 100%}";
};

inline std::string SampleConfig(const SampleOptions& options) {
  std::string text = absl::StrCat(
      "schema: evenkeel/v1\n"
      "cluster: {name: test, key_file: ",
      options.key_file,
      ", owned_prefixes: [203.0.113.0/24]}\n"
      "network:\n"
      "  encap_source: {ipv4: 10.0.0.10}\n"
      "  gateway: {ipv4: 10.0.0.1}\n"
      "safety: {",
      options.safety,
      "}\n"
      "pools:\n"
      "  web:\n"
      "    forward: ipip\n"
      "    table: {slots: ",
      options.slots, ", fill: ", options.fill, "}\n");
  if (options.allow_empty) absl::StrAppend(&text, "    allow_empty: true\n");
  absl::StrAppend(&text, "    backends:", options.weights.empty() ? " {}\n" : "\n");
  for (size_t i = 0; i < options.weights.size(); ++i) {
    const std::string name = absl::StrCat("b", i + 1);
    absl::StrAppend(&text, "      ", name, ": {address: 10.0.", 1 + i / 200, ".", 11 + i % 200,
                    ", weight: ", options.weights[i]);
    if (name == options.drained) {
      absl::StrAppend(&text, ", drain: {reason: test, until: 2099-01-01T00:00:00Z}");
    }
    absl::StrAppend(&text, "}\n");
  }
  absl::StrAppend(&text,
                  "services:\n"
                  "  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web}\n"
                  "  dns: {vip: 203.0.113.10, ports: [53], protocol: udp, pool: web}\n");
  return text;
}

}  // namespace evenkeel

#endif  // TESTS_CONTROL_APP_SAMPLE_CONFIG_H_
