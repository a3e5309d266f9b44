// A flow table and a few backends for tests that ask lb_track() without frames.
#ifndef TESTS_DATAPLANE_FORWARD_TRACK_FIXTURE_H_
#define TESTS_DATAPLANE_FORWARD_TRACK_FIXTURE_H_

#include <array>
#include <cstdint>
#include <vector>

#include "dataplane/forward/track.h"

namespace evenkeel {

class TrackFixture {
 public:
  explicit TrackFixture(uint32_t buckets, uint16_t backends = 4, uint32_t idle_s = 900)
      : buckets_(buckets), backends_(backends) {
    for (lb_backend& backend : backends_) backend.family = LB_IPV4;
    for (lb_pool& pool : pools_) pool.idle_s = idle_s;
    flows_ = {.head = &head_, .buckets = buckets_.data(), .bucket_mask = buckets - 1};
    view_.backends = backends_.data();
    view_.backend_count = backends;
    view_.pools = pools_.data();
    view_.flows = &flows_;
  }
  TrackFixture(const TrackFixture&) = delete;
  TrackFixture& operator=(const TrackFixture&) = delete;

  uint32_t Ask(lb_track_packet packet) { return lb_track(&view_, &packet); }
  void SweepAll(uint32_t tick) {
    lb_flow_sweep(&view_, static_cast<uint32_t>(buckets_.size()), tick);
  }

  const lb_view& view() const { return view_; }
  lb_pool& pool(uint16_t index) { return pools_[index]; }
  lb_backend& backend(uint16_t index) { return backends_[index]; }
  const lb_flow_head& head() const { return head_; }
  const std::vector<lb_flow_bucket>& buckets() const { return buckets_; }
  uint64_t occupied() const {
    return head_.occupied[LB_ENTRY_PENDING] + head_.occupied[LB_ENTRY_MISS] +
           head_.occupied[LB_ENTRY_FIRM];
  }

 private:
  std::vector<lb_flow_bucket> buckets_;
  std::vector<lb_backend> backends_;
  std::array<lb_pool, 2> pools_{};
  lb_flow_head head_{};
  lb_flow_table flows_{};
  lb_view view_{};
};

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_FORWARD_TRACK_FIXTURE_H_
