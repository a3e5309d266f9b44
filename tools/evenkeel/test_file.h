// The operator's assertions about a configuration, as a file: read with the same strictness as the
// configuration itself. docs/changing.md tells the language; an example of each kind of test:
//
//   schema: evenkeel-tests/v1
//   base: running.yaml                     # for `change`; beside this file
//   tests:
//     - {name: even, service: web-https, expect: {share_error: {max: 1%}}}
//     - name: https is served
//       flow: {from: "198.51.100.7:40000", to: "203.0.113.10:443", protocol: tcp}
//       expect: {verdict: forward, service: web-https}
//     - {name: small step, change: true, expect: {verdict: allow, slots_moved: {max: 5%}}}
//     - {name: any two may go, pool: web, failures: 2, expect: {load: {max: 150%}}}
#ifndef TOOLS_EVENKEEL_TEST_FILE_H_
#define TOOLS_EVENKEEL_TEST_FILE_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "control/config/config.h"
#include "control/config/finding.h"
#include "tools/evenkeel/endpoint.h"

namespace evenkeel::cli {

// Both ends included; fractions of 1, or counts.
struct Bounds {
  std::optional<double> min;
  std::optional<double> max;
};

struct NamedBounds {
  std::string name;
  Bounds bounds;
};

struct TestFlow {
  Endpoint from;
  Endpoint to;
  Protocol protocol = Protocol::kTcp;
  uint32_t bytes = 0;  // of the IP packet; 0: as many as the headers take
};

// What is set is asserted.
struct Expectation {
  std::optional<std::string> verdict;
  std::optional<std::string> service;
  std::optional<std::string> pool;
  std::optional<std::vector<std::string>> backends;  // those that own slots, all of them
  std::vector<NamedBounds> share;                    // by backend
  std::optional<Bounds> share_error;                 // of the worst backend
  std::optional<Bounds> slots;                       // of each backend
  std::optional<Bounds> slots_moved;
  std::optional<Bounds> beyond_unavoidable;
  std::optional<Bounds> weight_lost;
  std::optional<Bounds> services_touched;
  std::optional<Bounds> load;
};

enum class TestKind { kTable, kFlow, kChange, kLoss };

struct TestCase {
  TestKind kind = TestKind::kTable;
  std::string name;
  std::optional<std::string> service;
  std::optional<std::string> pool;
  std::optional<TestFlow> flow;
  bool change = false;
  std::optional<uint32_t> failures;
  std::optional<uint32_t> new_flows;  // a second, over the whole pool
  Expectation expect;
};

struct TestFile {
  std::string schema;
  std::optional<std::string> base;
  std::vector<TestCase> tests;
};

struct TestFileResult {
  std::optional<TestFile> file;  // set if and only if there are no findings
  std::vector<Finding> findings;
};

// Pure, any thread; every problem is reported at once.
TestFileResult ParseTestFile(absl::string_view text);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TEST_FILE_H_
