// The heavy hitters of a stream in bounded memory: the SpaceSaving sketch (Metwally, Agrawal, El
// Abbadi: "Efficient computation of frequent and top-k elements in data streams", ICDT 2005).
//
// `capacity` counters; a key that has none takes over the smallest one. A count is never too low,
// and too high by at most its `error`; every key with more than total / capacity occurrences is
// there. An occurrence may weigh more than one: a packet its bytes. One thread.
//
//   SpaceSaving<IpAddress> sources(1024);
//   for (...) sources.Add(source);
//   for (const auto& hitter : sources.Top(10)) ...
#ifndef CONTROL_SAMPLE_SPACE_SAVING_H_
#define CONTROL_SAMPLE_SPACE_SAVING_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"

namespace evenkeel {

template <typename Key>
class SpaceSaving {
 public:
  struct Counter {
    Key key;
    uint64_t count = 0;  // at most this many
    uint64_t error = 0;  // at least count - error
  };

  explicit SpaceSaving(size_t capacity) : capacity_(capacity) { heap_.reserve(capacity); }

  void Add(const Key& key, uint64_t weight = 1) {
    total_ += weight;
    if (auto found = places_.find(key); found != places_.end()) {
      heap_[found->second].count += weight;
      SiftDown(found->second);
      return;
    }
    if (heap_.size() < capacity_) {
      heap_.push_back({key, weight, 0});
      places_[key] = heap_.size() - 1;
      SiftUp(heap_.size() - 1);
      return;
    }
    Counter& least = heap_[0];
    places_.erase(least.key);
    least = {key, least.count + weight, least.count};
    places_[key] = 0;
    SiftDown(0);
  }

  // Of all that was added.
  uint64_t total() const { return total_; }

  void Clear() {
    total_ = 0;
    heap_.clear();
    places_.clear();
  }

  // By falling count.
  std::vector<Counter> Top(size_t count) const {
    std::vector<Counter> all = heap_;
    std::sort(all.begin(), all.end(),
              [](const Counter& a, const Counter& b) { return a.count > b.count; });
    all.resize(std::min(count, all.size()));
    return all;
  }

 private:
  void SiftDown(size_t at) {
    while (true) {
      size_t least = at;
      for (const size_t child : {2 * at + 1, 2 * at + 2}) {
        if (child < heap_.size() && heap_[child].count < heap_[least].count) least = child;
      }
      if (least == at) return;
      Swap(at, least);
      at = least;
    }
  }
  void SiftUp(size_t at) {
    while (at > 0 && heap_[at].count < heap_[(at - 1) / 2].count) {
      Swap(at, (at - 1) / 2);
      at = (at - 1) / 2;
    }
  }
  void Swap(size_t a, size_t b) {
    std::swap(heap_[a], heap_[b]);
    places_[heap_[a].key] = a;
    places_[heap_[b].key] = b;
  }

  const size_t capacity_;
  uint64_t total_ = 0;
  std::vector<Counter> heap_;  // the least count first
  absl::flat_hash_map<Key, size_t> places_;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SPACE_SAVING_H_
