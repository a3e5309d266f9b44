// Numbers for people. Whoever needs them exact asks for --json.
#ifndef TOOLS_EVENKEEL_NUMBERS_H_
#define TOOLS_EVENKEEL_NUMBERS_H_

#include <cstdint>
#include <optional>
#include <string>

namespace evenkeel::cli {

constexpr char kNoValue[] = "-";

// Up to 999,999 with all digits, then four of them: "12.35M", "1.000G", "18.45E".
std::string FormatCount(int64_t count);
// The same for something a second: "0.50", "12.3", "350", "1.235M"; "-" without a value.
std::string FormatRate(std::optional<double> rate);
// A fraction of 1 as "33.33%"; "-" without a value.
std::string FormatShare(std::optional<double> share);
// In powers of 1024: "512 B", "1.50 GiB".
std::string FormatBytes(int64_t bytes);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_NUMBERS_H_
