// What was expected of a second in which more than one table may have decided.
//
// A table is swapped within a second; how many flows each one decided is not counted. So the mix of
// the tables in turn that fits the counts best is what is expected: whatever can be explained by
// the swap is no anomaly, and nothing else is. Expected counts add up to the observed ones.
#ifndef CONTROL_WATCH_MIXTURE_H_
#define CONTROL_WATCH_MIXTURE_H_

#include <cstdint>
#include <span>
#include <vector>

namespace evenkeel {

// `tables`: one row of shares a table, in the order of `observed`, each adding up to 1. At least
// one.
std::vector<double> FitShares(std::span<const uint64_t> observed,
                              std::span<const std::vector<double>> tables);

}  // namespace evenkeel

#endif  // CONTROL_WATCH_MIXTURE_H_
