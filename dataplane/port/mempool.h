// Owner of a pool of packet buffers.
#ifndef DATAPLANE_PORT_MEMPOOL_H_
#define DATAPLANE_PORT_MEMPOOL_H_

#include <rte_mempool.h>

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "dataplane/port/sizing.h"

namespace evenkeel {

class Mempool {
 public:
  // `count` 0: what `need` says. InvalidArgument below that; ResourceExhausted when EAL's memory is
  // too small. Both say the sum and what to do.
  static absl::StatusOr<Mempool> Create(const std::string& name, const MbufNeed& need,
                                        uint32_t count, uint16_t data_room, int numa_node);
  Mempool(Mempool&& other) noexcept;
  Mempool& operator=(Mempool&& other) noexcept;
  ~Mempool();

  rte_mempool* get() const { return pool_; }
  uint32_t size() const { return pool_->size; }
  // Buffers that somebody holds; those in the lcores' caches count as free.
  uint32_t in_use() const { return rte_mempool_in_use_count(pool_); }

 private:
  explicit Mempool(rte_mempool* pool) : pool_(pool) {}
  rte_mempool* pool_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_PORT_MEMPOOL_H_
