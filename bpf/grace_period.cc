#include "bpf/grace_period.h"

#include <bpf/bpf.h>
#include <errno.h>
#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dataplane/table/region.h"

namespace evenkeel {
namespace {

// The kernel waits for a grace period before it returns from changing a map of maps, so that the
// caller may reuse the inner one.
absl::Status WaitByMapOfMaps() {
  const UniqueFd inner(bpf_map_create(BPF_MAP_TYPE_ARRAY, "evk_inner", 4, 4, 1, nullptr));
  LIBBPF_OPTS(bpf_map_create_opts, options, .inner_map_fd = static_cast<uint32_t>(inner.get()));
  const UniqueFd outer(bpf_map_create(BPF_MAP_TYPE_ARRAY_OF_MAPS, "evk_outer", 4, 4, 1, &options));
  const uint32_t key = 0;
  const int value = inner.get();
  if (outer.valid() && bpf_map_update_elem(outer.get(), &key, &value, BPF_ANY) == 0) {
    return absl::OkStatus();
  }
  return absl::ErrnoToStatus(errno, "cannot wait for the packets under way");
}

}  // namespace

absl::Status WaitForPacketsUnderWay() {
  // With nohz_full the kernel refuses this one.
  if (syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return absl::OkStatus();
  return WaitByMapOfMaps();
}

}  // namespace evenkeel
