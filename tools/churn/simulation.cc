#include "tools/churn/simulation.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "control/transition/slot_rule.h"
#include "dataplane/table/fill.h"
#include "tools/churn/dice.h"
#include "tools/churn/pool_control.h"
#include "tools/churn/schedule.h"
#include "tools/churn/scheme.h"

namespace evenkeel {
namespace {

constexpr uint32_t kTicksPerSecond = 10;
constexpr uint64_t kTickNs = kSecondNs / kTicksPerSecond;
constexpr size_t kSchemes = 4;
constexpr uint32_t kEvidenceEverySeconds = 30;

struct Connection {
  uint64_t hash = 0;
  uint32_t packets_left = 0;  // this one included
  uint32_t gap_ticks = 0;     // mean
  uint16_t owner[kSchemes] = {};
  uint8_t owner_life[kSchemes] = {};  // which life of the owner's server it belongs to
  uint8_t settled = 0;                // by scheme: broken, or lost with its server
  bool is_first = true;
  bool pauses = false;     // still to come
  bool is_silent = false;  // it did, or will
};

class Simulation {
 public:
  explicit Simulation(const ChurnOptions& options)
      : options_(options),
        dice_(options.seed),
        backends_(BackendsOf(options)),
        control_(options, backends_, now_ns_),
        lives_(backends_),
        is_stopped_(backends_),
        node_is_down_(options.nodes),
        ring_(3 * options.idle_s * kTicksPerSecond) {
    schemes_[0] = MakeStateless();
    schemes_[1] = MakeLru(options.nodes, options.lru_entries);
    schemes_[2] = MakeFullTable(options.nodes);
    schemes_[3] = MakeEvenkeel(options, backends_);
    for (const auto& scheme : schemes_) report_.schemes.push_back({scheme->name()});
  }

  absl::StatusOr<ChurnReport> Run() {
    const std::vector<ChurnEvent> schedule = MakeSchedule(options_);
    auto next = schedule.begin();
    for (uint32_t second = 0; second < options_.seconds; second++) {
      for (; next != schedule.end() && next->second <= second; ++next) Happen(*next);
      if (absl::Status status = Control(second); !status.ok()) return status;
      for (uint32_t i = 0; i < kTicksPerSecond; i++) RunTick();
      for (size_t s = 0; s < kSchemes; s++) {
        schemes_[s]->Tick(now_ns_);
        uint64_t& most = report_.schemes[s].entries_max;
        most = std::max(most, schemes_[s]->entries());
      }
    }
    return report_;
  }

 private:
  void Happen(const ChurnEvent& event);
  absl::Status Control(uint32_t second);
  void RunTick();
  void Begin();
  void Speak(uint32_t place);
  uint32_t NodeOf(uint64_t hash) const;
  void Judge(Connection& connection, size_t scheme, uint16_t reached);

  const ChurnOptions options_;
  Dice dice_;
  const uint16_t backends_;
  uint64_t now_ns_ = 1'000'000 * kSecondNs;
  PoolControl control_;
  std::unique_ptr<Scheme> schemes_[kSchemes];
  std::vector<uint8_t> lives_;
  std::vector<bool> is_stopped_;
  std::vector<bool> node_is_down_;

  std::vector<Connection> connections_;
  std::vector<uint32_t> free_;
  std::vector<std::vector<uint32_t>> ring_;  // who speaks in which tick
  uint64_t tick_ = 0;
  ChurnReport report_;
};

void Simulation::Happen(const ChurnEvent& event) {
  switch (event.kind) {
    case ChurnKind::kAdd:
      control_.SetWeight(event.which, event.weight, now_ns_);
      control_.TakeVerdict(event.which, {.passes = true}, now_ns_);
      break;
    case ChurnKind::kRemove:
    case ChurnKind::kDrain:
      control_.SetWeight(event.which, 0, now_ns_);
      break;
    case ChurnKind::kWeigh:
    case ChurnKind::kUndrain:
      control_.SetWeight(event.which, event.weight, now_ns_);
      break;
    case ChurnKind::kAlarm:
      control_.TakeVerdict(event.which, {.passes = false, .path_alive = true}, now_ns_);
      break;
    case ChurnKind::kDie:
      lives_[event.which]++;
      is_stopped_[event.which] = true;
      control_.TakeVerdict(event.which, {.passes = false, .path_alive = false}, now_ns_);
      break;
    case ChurnKind::kRevive:
      is_stopped_[event.which] = false;
      [[fallthrough]];
    case ChurnKind::kAllClear:
      control_.TakeVerdict(event.which, {.passes = true}, now_ns_);
      break;
    case ChurnKind::kNodeFails:
      node_is_down_[event.which] = true;
      for (const auto& scheme : schemes_) scheme->ForgetNode(event.which);
      break;
    case ChurnKind::kNodeReturns:
      node_is_down_[event.which] = false;
      break;
  }
}

absl::Status Simulation::Control(uint32_t second) {
  const bool changed = control_.Advance(now_ns_);
  const bool is_sweep = second % kEvidenceEverySeconds == 0;
  if (!changed && !is_sweep) return absl::OkStatus();
  TailEvidence evidence(now_ns_);
  if (is_sweep) {
    for (const auto& scheme : schemes_) scheme->AddEvidence(&evidence);
  }
  absl::StatusOr<ChurnImage> image = control_.Publish(is_sweep ? &evidence : nullptr, now_ns_);
  if (!image.ok()) return image.status();
  for (const auto& scheme : schemes_) scheme->Publish(*image);
  report_.publications++;
  report_.tail_slots_left = static_cast<uint64_t>(std::ranges::count_if(
      image->slots, [](lb_slot slot) { return lb_slot_transition(slot) != 0; }));
  return absl::OkStatus();
}

void Simulation::RunTick() {
  const uint64_t due = options_.connections * (tick_ + 1) / (options_.seconds * kTicksPerSecond);
  while (report_.connections < due) Begin();
  std::vector<uint32_t> speaking;
  speaking.swap(ring_[tick_ % ring_.size()]);
  for (const uint32_t place : speaking) Speak(place);
  tick_++;
  now_ns_ += kTickNs;
}

// Lifetimes and pauses: most connections are short, some last for hours.
void Simulation::Begin() {
  report_.connections++;
  uint32_t place;
  if (free_.empty()) {
    place = static_cast<uint32_t>(connections_.size());
    connections_.emplace_back();
  } else {
    place = free_.back();
    free_.pop_back();
  }
  const double lifetime_s = dice_.Pareto(1.0, 2, 3 * 3600);
  Connection connection;
  connection.hash = dice_.Next();
  connection.packets_left = 4 + static_cast<uint32_t>(std::min(dice_.Exponential(6), 60.0));
  connection.gap_ticks =
      1 + static_cast<uint32_t>(lifetime_s * kTicksPerSecond / connection.packets_left);
  connection.pauses = connection.is_silent = dice_.Below(100) < options_.pause_percent;
  report_.silent += connection.is_silent;
  connections_[place] = connection;
  Speak(place);
}

void Simulation::Speak(uint32_t place) {
  Connection& connection = connections_[place];
  report_.packets++;
  const ChurnPacket packet{
      .hash = connection.hash,
      .sequence = static_cast<uint32_t>(connection.hash) + (connection.is_first ? 0 : 1),
      .is_first = connection.is_first,
      .is_last = connection.packets_left == 1};
  const uint32_t node = NodeOf(connection.hash);
  for (size_t s = 0; s < kSchemes; s++) {
    if (connection.settled >> s & 1) continue;
    Judge(connection, s, schemes_[s]->Send(node, packet, now_ns_));
  }
  const bool was_first = std::exchange(connection.is_first, false);
  if (--connection.packets_left == 0) {
    free_.push_back(place);
    return;
  }
  // The handshake's last segment follows at once; after it, pauses up to just below `idle`.
  const uint32_t idle_ticks = options_.idle_s * kTicksPerSecond;
  uint32_t gap = 1;
  if (!was_first) {
    gap = 1 + static_cast<uint32_t>(
                  std::min(dice_.Exponential(connection.gap_ticks), 0.98 * idle_ticks));
    if (std::exchange(connection.pauses, false)) gap = idle_ticks + dice_.Below(idle_ticks) + 1;
  }
  ring_[(tick_ + gap) % ring_.size()].push_back(place);
}

// Rendezvous hashing over the nodes that are up: one that fails moves only its own connections.
uint32_t Simulation::NodeOf(uint64_t hash) const {
  uint32_t best = 0;
  uint64_t highest = 0;
  for (uint32_t node = 0; node < node_is_down_.size(); node++) {
    const uint64_t bid = MixId(hash + (node + 1) * 0x9e3779b97f4a7c15ull);
    if (node_is_down_[node] || bid < highest) continue;
    best = node;
    highest = bid;
  }
  return best;
}

void Simulation::Judge(Connection& connection, size_t scheme, uint16_t reached) {
  uint16_t& owner = connection.owner[scheme];
  const auto settle = [&] { connection.settled |= static_cast<uint8_t>(1u << scheme); };
  if (connection.is_first) {
    owner = reached;
    connection.owner_life[scheme] = lives_[reached];
    if (is_stopped_[reached]) settle();  // it never comes about
    return;
  }
  if (connection.owner_life[scheme] != lives_[owner]) {
    settle();
    report_.lost += scheme == kSchemes - 1;
    return;
  }
  if (reached == owner) return;
  settle();
  SchemeResult& result = report_.schemes[scheme];
  ++(connection.is_silent ? result.broken_silent : result.broken);
}

}  // namespace

absl::StatusOr<ChurnReport> Simulate(const ChurnOptions& options) {
  return Simulation(options).Run();
}

}  // namespace evenkeel
