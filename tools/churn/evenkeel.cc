// Evenkeel's own decisions: slots and transitions as a plane gets them, lb_track() over a flow
// table a node.
#include <utility>

#include "dataplane/forward/moved.h"
#include "tools/churn/scheme.h"

namespace evenkeel {
namespace {

class Evenkeel : public Scheme {
 public:
  Evenkeel(const ChurnOptions& options, uint16_t backends) : backends_(backends) {
    for (lb_backend& backend : backends_) backend.family = LB_IPV4;
    pool_.idle_s = options.idle_s;
    for (uint32_t node = 0; node < options.nodes; node++) {
      nodes_.push_back(std::make_unique<Node>(options.flow_buckets, backends_, pool_));
    }
  }

  const char* name() const override { return "Evenkeel"; }

  void Publish(const ChurnImage& image) override {
    slots_ = image.slots;
    transitions_ = image.transitions;
    for (size_t b = 0; b < backends_.size(); b++) {
      backends_[b].state = static_cast<uint8_t>(image.states[b]);
    }
  }

  uint16_t Send(uint32_t node, const ChurnPacket& packet, uint64_t now_ns) override {
    const lb_slot slot = slots_[packet.hash >> (64 - kChurnSlotsLog2)];
    const uint16_t reference = lb_slot_transition(slot);
    if (reference == 0) return lb_slot_backend(slot);
    lb_track_packet question{};
    question.key.hash = packet.hash;
    question.key.pools = uint32_t{LB_NONE} << 16;
    question.key.tick = lb_tick_of(now_ns);
    question.sequence = packet.sequence;
    question.current = lb_slot_backend(slot);
    question.previous = lb_transition_owner(&transitions_[reference], LB_TCP, now_ns);
    question.flags = packet.is_first ? LB_TRACK_FIRST : packet.is_last ? LB_TRACK_FIN : 0;
    return static_cast<uint16_t>(lb_track(&nodes_[node]->view, &question));
  }

  void ForgetNode(uint32_t node) override {
    nodes_[node] = std::make_unique<Node>(static_cast<uint32_t>(nodes_[node]->buckets.size()),
                                          backends_, pool_);
  }

  void Tick(uint64_t now_ns) override {
    for (const std::unique_ptr<Node>& node : nodes_) {
      lb_flow_sweep(&node->view, static_cast<uint32_t>(node->buckets.size() / 64),
                    lb_tick_of(now_ns));
    }
  }

  void AddEvidence(TailEvidence* evidence) const override {
    for (const std::unique_ptr<Node>& node : nodes_) {
      for (const lb_flow_bucket& bucket : node->buckets) {
        for (const uint64_t entry : bucket.entry) AddEntry(entry, evidence);
      }
    }
  }

  uint64_t entries() const override {
    uint64_t sum = 0;
    for (const std::unique_ptr<Node>& node : nodes_) {
      for (int kind = LB_ENTRY_PENDING; kind <= LB_ENTRY_FIRM; kind++) {
        sum += node->head.occupied[kind];
      }
    }
    return sum;
  }

 private:
  struct Node {
    Node(uint32_t bucket_count, std::vector<lb_backend>& backends, const lb_pool& pool)
        : buckets(bucket_count) {
      flows = {.head = &head, .buckets = buckets.data(), .bucket_mask = bucket_count - 1};
      view.backends = backends.data();
      view.backend_count = static_cast<uint32_t>(backends.size());
      view.pools = &pool;
      view.flows = &flows;
    }

    std::vector<lb_flow_bucket> buckets;
    lb_flow_head head{};
    lb_flow_table flows{};
    lb_view view{};
  };

  void AddEntry(uint64_t entry, TailEvidence* evidence) const {
    if (lb_entry_class(entry) == LB_ENTRY_FREE) return;
    const uint32_t slot = lb_entry_signature(entry) >> (32 - kChurnSlotsLog2);
    const uint16_t backend = static_cast<uint16_t>(lb_entry_backend(entry));
    evidence->Add({.pool = kChurnPool,
                   .slot = slot,
                   .backend = backend,
                   .is_current = lb_slot_backend(slots_[slot]) == backend});
  }

  std::vector<lb_slot> slots_;
  std::vector<lb_transition> transitions_;
  std::vector<lb_backend> backends_;
  lb_pool pool_{};
  std::vector<std::unique_ptr<Node>> nodes_;
};

}  // namespace

std::unique_ptr<Scheme> MakeEvenkeel(const ChurnOptions& options, uint16_t backends) {
  return std::make_unique<Evenkeel>(options, backends);
}

}  // namespace evenkeel
