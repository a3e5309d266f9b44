// What is to happen when: a heap of (time, token). Nothing is ever cancelled: a token that has
// become void is for its owner to tell, by the generation in it.
#ifndef CONTROL_HEALTH_TIMERS_H_
#define CONTROL_HEALTH_TIMERS_H_

#include <cstdint>
#include <optional>
#include <queue>
#include <vector>

namespace evenkeel {

struct Timer {
  enum class Kind : uint32_t { kStart, kTimeout };

  int64_t at_ns = 0;  // CLOCK_MONOTONIC
  Kind kind = Kind::kStart;
  uint32_t index = 0;
  uint32_t generation = 0;

  friend bool operator>(const Timer& a, const Timer& b) { return a.at_ns > b.at_ns; }
};

class Timers {
 public:
  void Add(const Timer& timer) { heap_.push(timer); }
  // The next one that is due, taken out.
  std::optional<Timer> TakeDue(int64_t now_ns) {
    if (heap_.empty() || heap_.top().at_ns > now_ns) return std::nullopt;
    const Timer timer = heap_.top();
    heap_.pop();
    return timer;
  }
  std::optional<int64_t> next_ns() const {
    return heap_.empty() ? std::nullopt : std::optional(heap_.top().at_ns);
  }

 private:
  std::priority_queue<Timer, std::vector<Timer>, std::greater<Timer>> heap_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TIMERS_H_
