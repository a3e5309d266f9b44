// A small valid configuration for tests to change one thing in, and findings as one-line strings to
// compare.
#ifndef TESTS_CONTROL_CONFIG_SAMPLE_H_
#define TESTS_CONTROL_CONFIG_SAMPLE_H_

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "control/config/finding.h"
#include "gtest/gtest.h"

namespace evenkeel {

// Line 1 is the schema; tests count on the lines.
inline constexpr char kSample[] =
    R"(schema: evenkeel/v1
cluster:
  name: lab
  owned_prefixes: [203.0.113.0/24, "2001:db8:113::/48"]
network:
  encap_source: {ipv4: 10.9.0.0/24}
  gateway: {ipv4: 10.0.0.1}
pools:
  web:
    backends:
      b1: {address: 10.0.1.11, weight: 100}
      b2: {address: 10.0.1.12, weight: 100}
      b3: {address: 10.0.1.13, weight: 100}
services:
  http: {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web, tags: [ipv4-only]}
)";

// `text` with its first `from` replaced; a test whose `from` is not there fails.
inline std::string Replace(std::string text, absl::string_view from, absl::string_view to) {
  const size_t at = text.find(std::string(from));
  EXPECT_NE(at, std::string::npos) << "the sample has no " << from;
  if (at != std::string::npos) text.replace(at, from.size(), std::string(to));
  return text;
}

inline std::string Sample(absl::string_view from, absl::string_view to) {
  return Replace(kSample, from, to);
}

// The sample with `lines` added at its end.
inline std::string SampleAnd(absl::string_view lines) { return absl::StrCat(kSample, lines); }

// "11:40 error F02 pools.web.backends.b1.weight"
inline std::string Place(const Finding& f) {
  return absl::StrCat(f.line, ":", f.column, " ", SeverityName(f.severity), " ", f.rule, " ",
                      f.path);
}

inline std::vector<std::string> Places(const std::vector<Finding>& findings) {
  std::vector<std::string> places;
  for (const Finding& finding : findings) places.push_back(Place(finding));
  return places;
}

}  // namespace evenkeel

#endif  // TESTS_CONTROL_CONFIG_SAMPLE_H_
