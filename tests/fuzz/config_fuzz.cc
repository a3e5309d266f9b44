// libFuzzer: whatever the bytes, reading and judging a configuration ends, without a crash and
// without an exception; a file that is accepted has no errors, and can be planned as a change of
// itself and of a small site. tests/fuzz/meson.build says how to build it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "control/plan/plan.h"
#include "control/validate/validate.h"

namespace {

// Beyond this a table takes longer than it teaches.
constexpr uint64_t kSlotsMax = 1u << 16;

constexpr char kSite[] = R"(schema: evenkeel/v1
cluster: {name: lab, owned_prefixes: [203.0.113.0/24]}
network: {encap_source: {ipv4: 10.9.0.0/24}, gateway: {ipv4: 10.0.0.1}}
pools:
  web:
    table: {slots: 4096}
    backends:
      b1: {address: 10.0.1.11, weight: 100}
      b2: {address: 10.0.1.12, weight: 100}
      b3: {address: 10.0.1.13, weight: 100}
services:
  http: {vip: 203.0.113.10, ports: [80, "8000-8099"], protocol: tcp, pool: web}
  dns: {vip: 203.0.113.0/28, ports: any, protocol: udp, pool: web}
)";

evenkeel::CheckResult Check(absl::string_view text) {
  return evenkeel::CheckConfig(text, {.now = absl::FromUnixSeconds(1'800'000'000)});
}

void Plan(const evenkeel::Config& base, const evenkeel::CheckResult& checked) {
  const auto plan = evenkeel::MakePlan(
      &base, *checked.config,
      {.now = absl::FromUnixSeconds(1'800'000'000), .validation = checked.findings});
  if (!plan.ok()) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const auto* const site = new evenkeel::CheckResult(Check(kSite));
  const evenkeel::CheckResult result =
      Check(absl::string_view(reinterpret_cast<const char*>(data), size));
  if (result.config.has_value() == evenkeel::HasErrors(result.findings)) std::abort();
  if (!result.config) return 0;
  uint64_t slots = 0;
  for (const evenkeel::Pool& pool : result.config->pools) slots += pool.table.slots;
  if (slots > kSlotsMax) return 0;
  Plan(*site->config, result);
  Plan(*result.config, result);
  return 0;
}
