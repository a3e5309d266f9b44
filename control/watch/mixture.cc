#include "control/watch/mixture.h"

namespace evenkeel {
namespace {

// The mix changes by less than a flow long before.
constexpr int kRounds = 200;

std::vector<double> Mix(std::span<const double> parts,
                        std::span<const std::vector<double>> tables) {
  std::vector<double> shares(tables.front().size(), 0);
  for (size_t t = 0; t < tables.size(); ++t) {
    for (size_t i = 0; i < shares.size(); ++i) shares[i] += parts[t] * tables[t][i];
  }
  return shares;
}

}  // namespace

// Expectation maximisation: each flow is ascribed to the tables as far as they explain it.
std::vector<double> FitShares(std::span<const uint64_t> observed,
                              std::span<const std::vector<double>> tables) {
  if (tables.size() == 1) return tables.front();
  std::vector<double> parts(tables.size(), 1.0 / static_cast<double>(tables.size()));
  for (int round = 0; round < kRounds; ++round) {
    const std::vector<double> shares = Mix(parts, tables);
    std::vector<double> next(tables.size(), 0);
    double explained = 0;
    for (size_t i = 0; i < shares.size(); ++i) {
      if (shares[i] <= 0) continue;
      const double flows = static_cast<double>(observed[i]);
      explained += flows;
      for (size_t t = 0; t < tables.size(); ++t) {
        next[t] += flows * parts[t] * tables[t][i] / shares[i];
      }
    }
    if (explained == 0) break;
    for (size_t t = 0; t < tables.size(); ++t) parts[t] = next[t] / explained;
  }
  return Mix(parts, tables);
}

}  // namespace evenkeel
