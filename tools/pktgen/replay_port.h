// A port that is never empty and costs next to nothing: it hands the forwarder one batch of
// prepared packets after another, on the forwarder's own core, and times what happens between its
// calls. No generator runs beside it, so none can be the bottleneck.
//
// It takes the place of a started port's burst functions, and so works in any DPDK program, which
// is not changed for it. Between two batches, off the clock, it writes the packets anew. On the
// clock are two sums: the batch as a whole, and the forwarder's part of it, which is all but the
// time spent in this port. What a driver cannot avoid (to set the mbuf's length and offset, to read
// them again) is done here too, so that the forwarder finds an mbuf in the state a driver leaves it
// in.
//
//   ReplayPort* port = ReplayPort::Install(/*port=*/0, /*buffers=*/2048);
//   std::string problem = port->Measure(mix, /*batches=*/100, &result);  // in a thread of its own
#ifndef TOOLS_PKTGEN_REPLAY_PORT_H_
#define TOOLS_PKTGEN_REPLAY_PORT_H_

#include <rte_mbuf.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "tools/pktgen/mix.h"

namespace evenkeel::pktgen {

struct BatchTime {
  double own_ns;   // a packet, in the forwarder
  double loop_ns;  // a packet, in the forwarder and in this port
};

struct ReplayResult {
  std::vector<BatchTime> batches;  // those that ran through
  uint32_t preempted = 0;          // the others: somebody else had the core meanwhile
  double bytes_out = 0;            // a packet
  std::vector<uint8_t> last_in;    // the last packet, as it was received
  std::vector<uint8_t> last_out;   // and as it was sent
};

class ReplayPort {
 public:
  // Once a process, when the port has been started. Null: no memory for the buffers.
  static ReplayPort* Install(uint16_t port, uint32_t buffers);

  // Empty, or what went wrong. Blocks.
  std::string Measure(const Mix& mix, uint32_t batches, ReplayResult* result);

 private:
  explicit ReplayPort(std::vector<rte_mbuf*> buffers) : buffers_(std::move(buffers)) {}

  static uint16_t Receive(void* queue, rte_mbuf** packets, uint16_t wanted);
  static uint16_t Transmit(void* queue, rte_mbuf** packets, uint16_t count);
  uint16_t Hand(rte_mbuf** packets, uint16_t wanted);
  bool NextBatch(uint64_t now);
  void EndBatch(uint64_t now);
  void Finish();

  static ReplayPort* instance_;

  std::vector<rte_mbuf*> buffers_;  // in no order of their addresses, as a used mempool's are
  // Set by Measure() before `running_`, then the forwarder's until it clears `running_`.
  std::optional<MixWriter> writer_;
  uint32_t batches_left_ = 0;
  uint32_t warm_up_left_ = 0;
  ReplayResult* result_ = nullptr;
  std::string problem_;
  std::atomic<bool> running_{false};

  // The forwarder's thread.
  bool in_batch_ = false;
  uint32_t given_ = 0;
  uint32_t taken_ = 0;
  uint64_t bytes_ = 0;
  const rte_mbuf* last_ = nullptr;
  uint64_t begun_ = 0;
  uint64_t left_ = 0;  // when this port returned last
  uint64_t own_ = 0;
  long switches_ = 0;
};

}  // namespace evenkeel::pktgen

#endif  // TOOLS_PKTGEN_REPLAY_PORT_H_
