// Readers of single values for decoder.h: each turns one scalar into a typed value, or says what is
// wrong with it and what to write. The grammar is that of the public interface: integers are plain
// decimal digits, durations N(ms|s|m|h|d), percentages N%, times RFC 3339. Internal to
// control/config.
#ifndef CONTROL_CONFIG_READERS_H_
#define CONTROL_CONFIG_READERS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "control/config/address.h"
#include "control/config/decoder.h"

namespace evenkeel::decoding {

template <typename T>
using Reader = std::function<bool(const Value&, T&)>;

// An unquoted decimal number without leading zeros, `low` to `high`.
Reader<uint32_t> Integer(uint32_t low, uint32_t high);
// The weight of a backend: an integer whose bounds are rules of their own (F01, F05).
Reader<uint32_t> Weight();
// N%, 0 to 100.
Reader<uint32_t> Percent();
Reader<absl::Duration> Span(absl::Duration low, absl::Duration high);
Reader<absl::Time> Instant();
Reader<bool> Boolean();
// Text for people or other programs: not empty unless `empty_ok`, no control characters, at most
// 1,024 bytes. What YAML takes for a number, a boolean or null must be quoted.
enum class Empty { kRefused, kAccepted };
Reader<std::string> Text(Empty empty = Empty::kRefused);
// Bytes to send or to expect: like text, but control characters are welcome.
Reader<std::string> Payload();
// A name of its own (cluster.name), or the name of something that the file has elsewhere.
Reader<std::string> NameText();
Reader<std::string> NameReference();
Reader<IpAddress> AnyAddress();
Reader<IpAddress> AddressOf(Family family);
Reader<IpPrefix> AnyPrefix();
Reader<IpPrefix> PrefixOf(Family family);
Reader<MacAddress> Mac();

// Says which words are known, and which one was probably meant.
bool FailWord(const Value& value, const std::vector<absl::string_view>& known);

// One word of a fixed set. `T` is an enum; the words are as in the file.
template <typename T>
Reader<T> OneOf(std::vector<std::pair<absl::string_view, T>> words) {
  return [words = std::move(words)](const Value& value, T& out) {
    std::vector<absl::string_view> known;
    for (const auto& [word, meaning] : words) {
      if (value.is_scalar() && value.node().text == word) {
        out = meaning;
        return true;
      }
      known.push_back(word);
    }
    return FailWord(value, known);
  };
}
}  // namespace evenkeel::decoding

#endif  // CONTROL_CONFIG_READERS_H_
