// A plane as the design describes it, with a flow table that never overflows: for property tests of
// what control publishes. One pool, flows instead of packets, the test's clock.
#ifndef TESTS_CONTROL_TRANSITION_PLANE_MODEL_H_
#define TESTS_CONTROL_TRANSITION_PLANE_MODEL_H_

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "control/transition/slot_rule.h"
#include "control/transition/tail_evidence.h"
#include "dataplane/table/records.h"

namespace evenkeel {

// What an image says of the pool.
struct ModelImage {
  std::vector<lb_slot> slots;
  std::vector<lb_transition> transitions;  // entry 0 reserved
  std::vector<lb_backend_state> states;    // by backend index
};

struct ModelPacket {
  uint64_t flow = 0;
  uint32_t slot = 0;
  bool is_udp = false;
  bool is_syn = false;
};

class PlaneModel {
 public:
  explicit PlaneModel(uint64_t idle_ns) : idle_ns_(idle_ns) {}

  void Run(const ModelImage& image) { image_ = image; }
  const ModelImage& image() const { return image_; }

  // The backend that the packet reaches.
  uint16_t Send(const ModelPacket& packet, uint64_t now_ns) {
    const lb_slot slot = image_.slots[packet.slot];
    const uint16_t current = lb_slot_backend(slot);
    const uint16_t reference = lb_slot_transition(slot);
    if (reference == 0) return current;
    const lb_transition& transition = image_.transitions[reference];
    const bool is_open = packet.is_udp ? IsArmed(transition, now_ns) : IsOpen(transition, now_ns);
    const auto entry = entries_.find(packet.flow);
    const bool leads = entry != entries_.end() && entry->second.last_ns + idle_ns_ >= now_ns &&
                       Lives(entry->second.backend);
    if (packet.is_syn) {
      if (leads && entry->second.last_ns + 4 * kSecondNs > now_ns) {
        return Track(packet, entry->second.backend, now_ns);
      }
      if (is_open) return Track(packet, current, now_ns);
      entries_.erase(packet.flow);
      return current;
    }
    if (leads) return Track(packet, entry->second.backend, now_ns);
    const uint16_t previous = packet.is_udp ? transition.armed_previous : transition.previous;
    if (!is_open) return current;
    if (Lives(previous)) return Track(packet, previous, now_ns);
    // A segment gets its RST from current, and the owner's return restores its claim; a datagram
    // gets none, so its flow moves for good.
    return packet.is_udp ? Track(packet, current, now_ns) : current;
  }

  void Sweep(uint64_t now_ns) {
    std::erase_if(entries_, [&](const auto& e) { return e.second.last_ns + idle_ns_ < now_ns; });
  }
  TailEvidence Evidence(uint64_t pool, uint64_t now_ns) const {
    TailEvidence evidence(now_ns);
    for (const auto& [flow, entry] : entries_) {
      evidence.Add({.pool = pool,
                    .slot = entry.slot,
                    .backend = entry.backend,
                    .is_current = lb_slot_backend(image_.slots[entry.slot]) == entry.backend});
    }
    return evidence;
  }

 private:
  struct Entry {
    uint16_t backend;
    uint32_t slot;
    uint64_t last_ns;
  };

  bool Lives(uint16_t backend) const { return image_.states[backend] != LB_BACKEND_DEAD; }
  uint16_t Track(const ModelPacket& packet, uint16_t backend, uint64_t now_ns) {
    entries_[packet.flow] = {backend, packet.slot, now_ns};
    return backend;
  }

  const uint64_t idle_ns_;
  ModelImage image_;
  std::unordered_map<uint64_t, Entry> entries_;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_TRANSITION_PLANE_MODEL_H_
