// "Did you mean …": the known word that somebody meant who wrote another one.
#ifndef CONTROL_CONFIG_SUGGEST_H_
#define CONTROL_CONFIG_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace evenkeel {

// Single-character insertions, deletions, replacements and swaps of neighbours that turn `a` into
// `b` (optimal string alignment, case ignored).
size_t EditDistance(absl::string_view a, absl::string_view b);

// The nearest of `known` within a third of the word's length (at least one edit); empty if none is
// near.
absl::string_view NearestWord(absl::string_view word, const std::vector<absl::string_view>& known);

// A hint for an unknown key: the key that was meant, else all that are known here.
std::string SuggestKey(absl::string_view key, const std::vector<absl::string_view>& known);

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_SUGGEST_H_
