#include "tools/evenkeel/numbers.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace evenkeel::cli {
namespace {

// `value` from 1000 on as four digits and a letter.
std::string Scaled(double value) {
  constexpr char kLetters[] = {'k', 'M', 'G', 'T', 'P', 'E'};
  size_t i = 0;
  value /= 1000;
  // 999.95 would print as 1000.
  for (; std::abs(value) >= 999.95 && i + 1 < sizeof(kLetters); ++i) value /= 1000;
  const int decimals = std::abs(value) < 9.9995 ? 3 : std::abs(value) < 99.995 ? 2 : 1;
  return absl::StrFormat("%.*f%c", decimals, value, kLetters[i]);
}

}  // namespace

std::string FormatCount(int64_t count) {
  return std::abs(static_cast<double>(count)) < 1e6 ? absl::StrCat(count)
                                                    : Scaled(static_cast<double>(count));
}

std::string FormatRate(std::optional<double> rate) {
  if (!rate || !std::isfinite(*rate)) return kNoValue;
  if (*rate >= 999'999.5) return Scaled(*rate);
  const int decimals = *rate == 0 || *rate >= 99.95 ? 0 : *rate >= 9.995 ? 1 : 2;
  return absl::StrFormat("%.*f", decimals, *rate);
}

std::string FormatShare(std::optional<double> share) {
  if (!share || !std::isfinite(*share)) return kNoValue;
  return absl::StrFormat("%.2f%%", *share * 100);
}

std::string FormatBytes(int64_t bytes) {
  if (bytes < 1024) return absl::StrCat(bytes, " B");
  constexpr const char* kUnits[] = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  double value = static_cast<double>(bytes) / 1024;
  size_t i = 0;
  for (; value >= 1023.95 && i + 1 < 6; ++i) value /= 1024;
  return absl::StrFormat("%.*f %s", value < 99.995 ? 2 : 1, value, kUnits[i]);
}

}  // namespace evenkeel::cli
