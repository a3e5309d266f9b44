#include "control/config/suggest.h"

#include <algorithm>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel {

size_t EditDistance(absl::string_view a, absl::string_view b) {
  // Three rows of the usual matrix: a swap looks back two.
  std::vector<size_t> before(b.size() + 1), last(b.size() + 1), row(b.size() + 1);
  for (size_t j = 0; j <= b.size(); ++j) row[j] = j;
  const auto same = [](char x, char y) { return absl::ascii_tolower(x) == absl::ascii_tolower(y); };
  for (size_t i = 1; i <= a.size(); ++i) {
    std::swap(before, last);
    std::swap(last, row);
    row[0] = i;
    for (size_t j = 1; j <= b.size(); ++j) {
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + !same(a[i - 1], b[j - 1])});
      const bool swapped = i > 1 && j > 1 && same(a[i - 1], b[j - 2]) && same(a[i - 2], b[j - 1]);
      if (swapped) row[j] = std::min(row[j], before[j - 2] + 1);
    }
  }
  return row[b.size()];
}

absl::string_view NearestWord(absl::string_view word, const std::vector<absl::string_view>& known) {
  absl::string_view nearest;
  size_t best = std::max<size_t>(word.size() / 3, 1) + 1;
  for (absl::string_view candidate : known) {
    if (const size_t distance = EditDistance(word, candidate); distance < best) {
      best = distance;
      nearest = candidate;
    }
  }
  return nearest;
}

std::string SuggestKey(absl::string_view key, const std::vector<absl::string_view>& known) {
  if (const size_t colon = key.find(':'); colon != absl::string_view::npos && colon > 0) {
    const absl::string_view word = key.substr(0, colon);
    if (std::find(known.begin(), known.end(), word) != known.end()) {
      return absl::StrCat("write a space after the colon: `", word, ": …`");
    }
  }
  if (absl::string_view near = NearestWord(key, known); !near.empty()) {
    return absl::StrCat("did you mean `", near, "`?");
  }
  return absl::StrCat("known here: ", absl::StrJoin(known, ", "));
}

}  // namespace evenkeel
