// The rules of dataplane/forward/track.h and flow_table.h written a second time, plainly: a map
// from places to flows, absolute ticks, no bit fields, no stamps that wrap. What the two have in
// common is the format alone: which two buckets a flow has.
#ifndef TESTS_DATAPLANE_FORWARD_FLOW_MODEL_H_
#define TESTS_DATAPLANE_FORWARD_FLOW_MODEL_H_

#include <cstdint>
#include <optional>
#include <unordered_map>
#include <vector>

namespace evenkeel {

class FlowModel {
 public:
  enum class Class { kPending = 1, kMiss = 2, kFirm = 3 };
  struct Flow {
    uint32_t signature;
    uint16_t backend;
    uint64_t tick;
    Class kind;
    bool closing = false;
    uint32_t sequence = 0;  // pending
  };
  struct Backend {
    bool dead = false;
    uint16_t pool = 0;
    uint64_t idle_ticks = 450;
  };
  struct Packet {
    uint64_t hash = 0;
    uint64_t tick = 0;
    uint32_t sequence = 0;
    uint16_t current = 0;
    std::optional<uint16_t> previous;
    uint16_t pool = 0;
    std::optional<uint16_t> former_pool;
    bool first = false, udp = false, fin = false, rst = false, error = false;
  };

  FlowModel(uint32_t buckets, std::vector<Backend> backends)
      : buckets_(buckets), backends(std::move(backends)) {}

  uint16_t Ask(const Packet& packet);
  // What still counts at `tick`, by place.
  std::unordered_map<uint32_t, Flow> Living(uint64_t tick) const;

 private:
  using Place = std::optional<uint32_t>;
  std::vector<uint32_t> PlacesOf(uint64_t hash) const;  // primary bucket first
  bool IsOver(const Flow& flow, uint64_t tick) const;
  bool IsThere(uint32_t place, uint64_t tick) const;
  Place Find(const Packet& packet, bool pending) const;
  bool Leads(Place place) const;
  bool IsLive(Place place, uint64_t tick) const;
  bool Insert(const Packet& packet, const Flow& flow);
  Place RoomForPending(uint64_t hash, uint64_t tick) const;
  Place RoomForMiss(uint64_t hash, uint64_t tick) const;
  void Touch(Flow& flow, const Packet& packet);
  uint16_t Untracked(const Packet& packet) const;
  uint16_t AskSyn(const Packet& packet, Place tracked, Place pending);
  uint16_t AskSegment(const Packet& packet, Place tracked, Place pending);
  uint16_t AskDatagram(const Packet& packet, Place tracked);

  const uint32_t buckets_;
  std::unordered_map<uint32_t, Flow> flows_;

 public:
  std::vector<Backend> backends;
};

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_FORWARD_FLOW_MODEL_H_
