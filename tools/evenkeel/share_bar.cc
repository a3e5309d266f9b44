#include "tools/evenkeel/share_bar.h"

#include <algorithm>
#include <cmath>

namespace evenkeel::cli {

std::string ShareBar(const BarShares& shares, size_t width, bool unicode) {
  if (width == 0) return "";
  // The mark stands after the bar's end where both shares agree.
  const double scale = shares.full > 0 ? static_cast<double>(width - 1) / shares.full : 0;
  const auto eighths = [&](double share) -> size_t {
    if (!std::isfinite(share)) return 0;
    const double limit = static_cast<double>(8 * (width - 1));
    return static_cast<size_t>(std::clamp(std::round(share * scale * 8), 0.0, limit));
  };
  constexpr const char* kPartial[] = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  const size_t filled = eighths(shares.observed);
  const size_t mark = eighths(shares.expected) / 8;
  std::string bar;
  for (size_t i = 0; i < width; ++i) {
    const size_t part = std::clamp<size_t>(filled > 8 * i ? filled - 8 * i : 0, 0, 8);
    if (i == mark) {
      bar += unicode ? "│" : "|";
    } else if (unicode) {
      bar += kPartial[part];
    } else {
      bar += part >= 4 ? "#" : " ";
    }
  }
  return bar;
}

}  // namespace evenkeel::cli
