// A share as a bar of text, beside the share that was expected.
#ifndef TOOLS_EVENKEEL_SHARE_BAR_H_
#define TOOLS_EVENKEEL_SHARE_BAR_H_

#include <cstddef>
#include <string>

namespace evenkeel::cli {

struct BarShares {
  double expected = 0;
  double observed = 0;
  double full = 1;  // the share that fills the bar
};

// `width` columns: a bar as long as the observed share, and a mark where the expected one ends.
std::string ShareBar(const BarShares& shares, size_t width, bool unicode);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_SHARE_BAR_H_
