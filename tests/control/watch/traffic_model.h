// New flows of a service as the watch's tests need them: Poisson, with retransmitted SYNs, or from
// clients that stay on their backend. Fast enough for months of seconds.
//
//   TrafficModel traffic(seed, {.flows = 1000, .backends = 20});
//   std::vector<uint64_t> observed = traffic.NextSecond();
#ifndef TESTS_CONTROL_WATCH_TRAFFIC_MODEL_H_
#define TESTS_CONTROL_WATCH_TRAFFIC_MODEL_H_

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

namespace evenkeel {

// Poisson numbers of one mean, from a table of cumulated probabilities with a first guess.
class PoissonTable {
 public:
  explicit PoissonTable(double mean) {
    double term = std::exp(-mean), sum = term;
    for (uint32_t k = 0; sum < 1 - 1e-14 && k < 100'000; ++k) {
      cumulated_.push_back(sum);
      term *= mean / (k + 1);
      sum += term;
    }
    cumulated_.push_back(1);
    for (size_t i = 0, k = 0; i < guess_.size(); ++i) {
      while (cumulated_[k] < static_cast<double>(i) / guess_.size()) ++k;
      guess_[i] = static_cast<uint32_t>(k);
    }
  }

  uint32_t Draw(std::mt19937_64& random) const {
    const double u = static_cast<double>(random() >> 11) * 0x1p-53;
    uint32_t k = guess_[static_cast<size_t>(u * guess_.size())];
    while (cumulated_[k] <= u && k + 1 < cumulated_.size()) ++k;
    return k;
  }

 private:
  std::vector<double> cumulated_;
  std::array<uint32_t, 1024> guess_;
};

struct TrafficShape {
  double flows = 1000;  // a second, retransmissions aside
  size_t backends = 20;
  double retransmitted = 0;  // fraction of SYNs that are sent again after 1 s, and again after 3
  bool clients = false;      // bunches of 1 to 32 flows, each over up to 8 s, to one backend
};

class TrafficModel {
 public:
  TrafficModel(uint64_t seed, const TrafficShape& shape)
      : random_(seed), shape_(shape), pending_(kAhead, std::vector<uint64_t>(shape.backends)) {
    const double mean = shape.flows / static_cast<double>(shape.backends);
    if (shape.clients) {
      // Six sizes; half as many clients of each as of the size before: about 3.8 flows a client.
      double weight = 0;
      for (size_t i = 0; i < kSizes; ++i) weight += std::pow(0.5, i) * (1 << i);
      for (size_t i = 0; i < kSizes; ++i) tables_.emplace_back(mean / weight * std::pow(0.5, i));
      return;
    }
    const double again = shape.retransmitted;
    tables_.emplace_back(mean * (1 - again));
    if (again > 0) {
      tables_.emplace_back(mean * again * (1 - again));
      tables_.emplace_back(mean * again * again);
    }
  }

  // New flows of each backend, valid until the next call. With `first` those of the first backend
  // are drawn from it: what comes beside its share.
  const std::vector<uint64_t>& NextSecond(const PoissonTable* first = nullptr) {
    std::vector<uint64_t>& now = pending_[second_ % kAhead];
    now_.swap(now);
    std::fill(now.begin(), now.end(), 0);
    for (size_t b = 0; b < shape_.backends; ++b) {
      if (b == 0 && first != nullptr) {
        now_[b] += first->Draw(random_);
        continue;
      }
      shape_.clients ? AddClients(b) : AddFlows(b);
    }
    ++second_;
    return now_;
  }

 private:
  static constexpr size_t kAhead = 8;
  static constexpr size_t kSizes = 6;

  void AddFlows(size_t b) {
    now_[b] += tables_[0].Draw(random_);
    if (tables_.size() < 3) return;
    const uint32_t once = tables_[1].Draw(random_), twice = tables_[2].Draw(random_);
    now_[b] += once + twice;
    pending_[(second_ + 1) % kAhead][b] += once + twice;
    pending_[(second_ + 3) % kAhead][b] += twice;
  }

  void AddClients(size_t b) {
    for (size_t i = 0; i < kSizes; ++i) {
      const uint64_t clients = tables_[i].Draw(random_);
      const uint64_t flows = 1u << i, seconds = std::min<uint64_t>(flows, kAhead);
      now_[b] += clients * (flows / seconds);
      for (uint64_t s = 1; s < seconds; ++s) {
        pending_[(second_ + s) % kAhead][b] += clients * (flows / seconds);
      }
    }
  }

  std::mt19937_64 random_;
  const TrafficShape shape_;
  std::vector<PoissonTable> tables_;
  std::vector<std::vector<uint64_t>> pending_;  // by second, modulo kAhead
  std::vector<uint64_t> now_ = std::vector<uint64_t>(shape_.backends);
  uint64_t second_ = 0;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_WATCH_TRAFFIC_MODEL_H_
