// libFuzzer: whatever the bytes, reading and judging a configuration ends, without a crash and
// without an exception, and a file that is accepted has no errors. tests/fuzz/meson.build says how
// to build it.
#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "control/validate/validate.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text(reinterpret_cast<const char*>(data), size);
  const evenkeel::CheckResult result =
      evenkeel::CheckConfig(text, {.now = absl::FromUnixSeconds(1'800'000'000)});
  if (result.config.has_value() == evenkeel::HasErrors(result.findings)) std::abort();
  return 0;
}
