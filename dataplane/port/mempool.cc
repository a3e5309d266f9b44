#include "dataplane/port/mempool.h"

#include <rte_errno.h>
#include <rte_mbuf.h>

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace evenkeel {

absl::StatusOr<Mempool> Mempool::Create(const std::string& name, const MbufNeed& need,
                                        uint32_t count, uint16_t data_room, int numa_node) {
  if (count != 0 && count < need.Total()) {
    return absl::InvalidArgumentError(
        absl::StrCat("--mbufs=", count, " is too few: ", need.Formula(),
                     "; leave the flag out to get that many, or use fewer descriptors"));
  }
  const uint32_t size = count != 0 ? count : need.Total();
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name.c_str(), size, kMempoolCache, 0, data_room, numa_node);
  if (pool == nullptr) {
    const uint64_t bytes = uint64_t{size} * (data_room + sizeof(rte_mbuf) + RTE_CACHE_LINE_SIZE);
    return absl::ResourceExhaustedError(absl::StrCat(
        "no memory for ", size, " packet buffers (", need.Formula(), "), about ", (bytes >> 20) + 1,
        " MiB: ", rte_strerror(rte_errno),
        "; give EAL more (-m MEGABYTES with --no-huge, else more hugepages), or use fewer "
        "--rx-descriptors and --tx-descriptors"));
  }
  return Mempool(pool);
}

Mempool::Mempool(Mempool&& other) noexcept : pool_(std::exchange(other.pool_, nullptr)) {}

Mempool& Mempool::operator=(Mempool&& other) noexcept {
  std::swap(pool_, other.pool_);
  return *this;
}

Mempool::~Mempool() { rte_mempool_free(pool_); }

}  // namespace evenkeel
