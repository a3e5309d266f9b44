// What Evenkeel is compared with: no table, a table of everything, a table of the latest.
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "tools/churn/scheme.h"

namespace evenkeel {
namespace {

uint16_t TableOwner(const std::vector<uint16_t>& table, uint64_t hash) {
  return table[hash >> (64 - kChurnSlotsLog2)];
}

// Maglev without a connection table: whoever owns the slot now.
class Stateless : public Scheme {
 public:
  const char* name() const override { return "stateless Maglev"; }
  void Publish(const ChurnImage& image) override { table_ = image.maglev; }
  uint16_t Send(uint32_t, const ChurnPacket& packet, uint64_t) override {
    return TableOwner(table_, packet.hash);
  }
  void ForgetNode(uint32_t) override {}

 private:
  std::vector<uint16_t> table_;
};

// Every connection is remembered until its end, of which the table is told: better than in life.
class FullTable : public Scheme {
 public:
  explicit FullTable(uint32_t nodes) : nodes_(nodes) {}
  const char* name() const override { return "full table a node"; }
  void Publish(const ChurnImage& image) override { table_ = image.maglev; }
  uint16_t Send(uint32_t node, const ChurnPacket& packet, uint64_t) override {
    auto& known = nodes_[node];
    const auto [entry, is_new] = known.emplace(packet.hash, TableOwner(table_, packet.hash));
    const uint16_t backend = entry->second;
    if (packet.is_last) known.erase(entry);
    return backend;
  }
  void ForgetNode(uint32_t node) override { nodes_[node].clear(); }
  uint64_t entries() const override {
    uint64_t sum = 0;
    for (const auto& known : nodes_) sum += known.size();
    return sum;
  }

 private:
  std::vector<uint16_t> table_;
  std::vector<absl::flat_hash_map<uint64_t, uint16_t>> nodes_;
};

// The least recently used entry gives way: a map into a ring of links, entry 0 being the ring's
// knot.
class LruTable {
 public:
  explicit LruTable(uint32_t capacity) : links_(capacity + 1) { Clear(); }

  void Clear() {
    places_.clear();
    used_ = 0;
    links_[0] = {};
  }

  // The remembered backend, or `fresh`, remembered from now on.
  uint16_t Use(uint64_t hash, uint16_t fresh) {
    const auto known = places_.find(hash);
    if (known != places_.end()) {
      Unlink(known->second);
      LinkFirst(known->second);
      return links_[known->second].backend;
    }
    uint32_t place = used_ + 1;
    if (place < links_.size()) {
      used_++;
    } else {
      place = links_[0].before;
      places_.erase(links_[place].hash);
      Unlink(place);
    }
    links_[place].hash = hash;
    links_[place].backend = fresh;
    places_.emplace(hash, place);
    LinkFirst(place);
    return fresh;
  }
  uint64_t size() const { return places_.size(); }

 private:
  struct Link {
    uint64_t hash = 0;
    uint32_t before = 0;  // the less recently used neighbour of the knot is the last one
    uint32_t after = 0;
    uint16_t backend = 0;
  };

  void Unlink(uint32_t place) {
    links_[links_[place].before].after = links_[place].after;
    links_[links_[place].after].before = links_[place].before;
  }
  void LinkFirst(uint32_t place) {
    links_[place].before = 0;
    links_[place].after = links_[0].after;
    links_[links_[0].after].before = place;
    links_[0].after = place;
  }

  std::vector<Link> links_;
  uint32_t used_ = 0;
  absl::flat_hash_map<uint64_t, uint32_t> places_;
};

class Lru : public Scheme {
 public:
  Lru(uint32_t nodes, uint32_t entries) : nodes_(nodes, LruTable(entries)) {}
  const char* name() const override { return "capped LRU a node"; }
  void Publish(const ChurnImage& image) override { table_ = image.maglev; }
  uint16_t Send(uint32_t node, const ChurnPacket& packet, uint64_t) override {
    return nodes_[node].Use(packet.hash, TableOwner(table_, packet.hash));
  }
  void ForgetNode(uint32_t node) override { nodes_[node].Clear(); }
  uint64_t entries() const override {
    uint64_t sum = 0;
    for (const LruTable& table : nodes_) sum += table.size();
    return sum;
  }

 private:
  std::vector<uint16_t> table_;
  std::vector<LruTable> nodes_;
};

}  // namespace

std::unique_ptr<Scheme> MakeStateless() { return std::make_unique<Stateless>(); }
std::unique_ptr<Scheme> MakeFullTable(uint32_t nodes) { return std::make_unique<FullTable>(nodes); }
std::unique_ptr<Scheme> MakeLru(uint32_t nodes, uint32_t entries) {
  return std::make_unique<Lru>(nodes, entries);
}

}  // namespace evenkeel
