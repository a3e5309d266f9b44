// An image as the forwarding core reads it, in control and the CLI: the core's own view, with every
// next hop resolved, since only a plane knows its neighbours, and no table of tracked flows.
//
//   const CoreView view(*image);       // the image outlives it
//   lb_classify(view.get(), begin, end, &flow);
#ifndef CONTROL_SAMPLE_CORE_VIEW_H_
#define CONTROL_SAMPLE_CORE_VIEW_H_

#include <algorithm>
#include <cstdint>
#include <vector>

#include "dataplane/forward/table_access.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

class CoreView {
 public:
  explicit CoreView(const ImageView& image)
      : next_hops_(std::max<size_t>(image.next_hops().size(), 1), LB_NEXT_HOP_VALID | 2) {
    view_.params = &image.params();
    view_.vips = image.vips().data();
    view_.vip_rows = image.vip_rows().data();
    view_.port_rows = image.port_rows().data();
    view_.port_ranges = image.port_ranges().data();
    view_.services = image.services().data();
    view_.backends = image.backends().data();
    view_.pools = image.pools().data();
    view_.backend_count = static_cast<uint32_t>(image.backends().size());
    view_.transitions = image.transitions().data();
    view_.next_hops = next_hops_.data();
  }
  CoreView(const CoreView&) = delete;
  CoreView& operator=(const CoreView&) = delete;

  const lb_view* get() const { return &view_; }

 private:
  std::vector<uint64_t> next_hops_;
  lb_view view_{};
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_CORE_VIEW_H_
