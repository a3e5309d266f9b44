// Any sequence of publications, health changes, drains, trials, returns, confirms and sweeps, with
// a clock of its own: a flow whose owner lives and that speaks once in `idle` reaches its owner.
//
// Flows are held against a plane that follows the design to the letter (plane_model.h); what it
// runs comes from the functions that control uses: OverlaidOwners() and Advance(). UDP flows speak
// twice a minute; one whose backend fails has no promise, nor has one when a plane goes back early
// and unprepared.
#include <algorithm>
#include <random>
#include <set>

#include "control/overlay/overlay.h"
#include "control/transition/advance.h"
#include "gtest/gtest.h"
#include "tests/control/transition/plane_model.h"
#include "tests/support/seed.h"

namespace evenkeel {
namespace {

constexpr uint64_t kPool = 5;
constexpr uint32_t kSlotsLog2 = 12;
constexpr uint64_t kIdle = 300 * kSecondNs;
constexpr uint64_t kSpeaksUdp = 30 * kSecondNs;
constexpr size_t kFlows = 400;
constexpr uint16_t kBackends = 12;

// What the operator asks for: weights by backend index; 0: not configured, or drained.
using Weights = std::vector<uint32_t>;

class World {
 public:
  explicit World(uint32_t seed) : random_(seed), plane_(kIdle), states_(kBackends) {
    confirmed_.assign(kBackends, 0);
    for (uint16_t b = 0; b < 4; b++) confirmed_[b] = 100;
    plane_.Run(Next(confirmed_, {}, {}, now_, 0, nullptr));
    while (flows_.size() < kFlows) Connect();
  }

  void Step() {
    switch (Below(13)) {
      case 0:
      case 1:
        Change();
        break;
      case 2:
      case 3:
        Fail();
        break;
      case 4:
      case 5:
        Recover();
        break;
      case 6:
        SweepAndPublish();
        break;
      case 7:
        if (!trial_) BeginTrial();
        break;
      case 8:
        if (trial_) Confirm();
        break;
      case 9:
        if (trial_) Return();
        break;
      case 10:
        if (trial_) ReturnUnprepared();
        break;
      default:
        Pass((1 + Below(Below(4) == 0 ? 400 : 40)) * kSecondNs);
    }
  }

  uint64_t spoken() const { return spoken_; }
  uint64_t broken() const { return broken_; }
  uint64_t opened() const { return opened_; }
  uint64_t ended() const { return ended_; }
  uint64_t returned() const { return returned_; }

 private:
  struct Flow {
    uint64_t id;
    uint32_t slot;
    bool is_udp;
    uint16_t owner;
    uint64_t last_ns;
  };
  struct Trial {
    Weights weights;
    uint64_t deadline_ns;
    ModelImage way_back;
  };

  uint32_t Below(uint32_t limit) {
    return std::uniform_int_distribution<uint32_t>(0, limit - 1)(random_);
  }

  // The image for `weights` as the backends stand today, after one that runs.
  ModelImage Next(const Weights& weights, const std::vector<lb_slot>& running,
                  const std::vector<lb_transition>& transitions, uint64_t now_ns,
                  uint64_t open_at_least_ns, const TailEvidence* evidence) {
    std::vector<FillBackend> backends;
    std::vector<uint16_t> leases;
    std::vector<OverlayMember> members;
    for (uint16_t b = 0; b < kBackends; b++) {
      if (weights[b] == 0) continue;
      backends.push_back({1000u + b, weights[b]});
      leases.push_back(b);
      members.push_back({.id = 1000u + b,
                         .weight = weights[b],
                         .lease = b,
                         .steps = static_cast<uint8_t>(states_[b] == LB_BACKEND_UP ? 8 : 0)});
    }
    const std::vector<lb_slot> base =
        PureSlots(*BuildFill(LB_FILL_EXACT, backends, kSlotsLog2), leases);
    const std::vector<uint16_t> owners = OverlaidOwners(base, members);
    const RunningPool before{.id = kPool, .slots = running};
    const NextPool next{.id = kPool, .owners = owners, .idle_ns = kIdle};
    absl::StatusOr<Advanced> advanced =
        Advance({.running = {&before, 1},
                 .transitions = transitions,
                 .next = {&next, 1},
                 .has_failed = [&](uint16_t b) { return states_[b] != LB_BACKEND_UP; },
                 .evidence = evidence,
                 .now_ns = now_ns,
                 .open_at_least_ns = open_at_least_ns});
    EXPECT_TRUE(advanced.ok());
    opened_ += advanced->counts.opened;
    ended_ += advanced->counts.ended;
    ModelImage image{.slots = std::move(advanced->slots[0]),
                     .transitions = std::move(advanced->transitions),
                     .states = states_};
    image.transitions.insert(image.transitions.begin(), lb_transition{});
    return image;
  }

  // What runs, again for today's states: as control does on a change of health, for both images
  // where there is a trial.
  void Publish(const TailEvidence* evidence = nullptr) {
    const ModelImage& running = plane_.image();
    if (!trial_) {
      plane_.Run(Next(confirmed_, running.slots, running.transitions, now_, 0, evidence));
      return;
    }
    plane_.Run(Next(trial_->weights, running.slots, running.transitions, now_, trial_->deadline_ns,
                    evidence));
    RenewWayBack(trial_->deadline_ns);
  }

  // `when`: the moment for which the way back is made.
  void RenewWayBack(uint64_t when) {
    trial_->way_back =
        Next(confirmed_, plane_.image().slots, plane_.image().transitions, when, 0, nullptr);
  }

  void Edit(Weights& weights) {
    for (uint32_t edits = 1 + Below(3); edits > 0; edits--) {
      weights[Below(kBackends)] = Below(3) == 0 ? 0 : 50 + Below(100);
    }
    if (std::ranges::count(weights, 0u) > kBackends - 2) weights[0] = weights[1] = 100;
  }

  void Change() {
    if (trial_) return;
    Edit(confirmed_);
    KeepSomeoneIn(confirmed_);
    Publish();
  }

  void BeginTrial() {
    Trial trial{.weights = confirmed_, .deadline_ns = now_ + (30 + Below(900)) * kSecondNs};
    Edit(trial.weights);
    KeepSomeoneIn(trial.weights);
    trial_ = trial;
    Publish();
  }
  void Confirm() {
    confirmed_ = trial_->weights;
    trial_.reset();
  }
  // Control renews the way back for this moment; where it is dead, the plane goes back by the old
  // one at the deadline (Pass()).
  void Return() {
    RenewWayBack(now_);
    GoBack();
  }
  // The plane goes back before the deadline, by the way back that it holds: UDP's windows were made
  // for the deadline.
  void ReturnUnprepared() {
    std::erase_if(flows_, [](const Flow& flow) { return flow.is_udp; });
    GoBack();
  }
  void GoBack() {
    plane_.Run(trial_->way_back);
    trial_.reset();
    returned_++;
  }

  // The floor's part: of each table somebody stays in.
  void KeepSomeoneIn(const Weights& weights) {
    for (uint16_t b = 0; b < kBackends; b++) {
      if (weights[b] != 0 && states_[b] == LB_BACKEND_UP) return;
    }
    for (uint16_t b = 0; b < kBackends; b++) {
      if (weights[b] != 0) states_[b] = LB_BACKEND_UP;
    }
  }

  void Fail() {
    const uint16_t b = static_cast<uint16_t>(Below(kBackends));
    if (states_[b] == LB_BACKEND_SUSPECT) {
      states_[b] = LB_BACKEND_DEAD;
      std::erase_if(flows_, [&](const Flow& flow) { return flow.owner == b; });
    } else if (states_[b] == LB_BACKEND_UP) {
      states_[b] = LB_BACKEND_SUSPECT;
      std::erase_if(flows_, [&](const Flow& flow) { return flow.owner == b && flow.is_udp; });
    }
    KeepSomeoneIn(confirmed_);
    if (trial_) KeepSomeoneIn(trial_->weights);
    Publish();
    while (flows_.size() < kFlows) Connect();
  }
  void Recover() {
    states_[Below(kBackends)] = LB_BACKEND_UP;
    Publish();
  }

  void SweepAndPublish() {
    plane_.Sweep(now_);
    const TailEvidence evidence = plane_.Evidence(kPool, now_);
    Publish(&evidence);
  }

  void Pass(uint64_t ns) {
    const uint64_t end = now_ + ns;
    while (now_ < end) {
      // Everybody speaks in time, some a good deal more often.
      now_ = std::min(end, now_ + 5 * kSecondNs);
      if (trial_ && trial_->deadline_ns <= now_) {
        now_ = trial_->deadline_ns;
        GoBack();
      }
      for (Flow& flow : flows_) {
        const uint64_t silence = flow.is_udp ? kSpeaksUdp : kIdle;
        const bool must = now_ - flow.last_ns + 6 * kSecondNs > silence;
        if (must || Below(40) == 0) Speak(flow);
      }
      for (int i = 0; i < 4; i++) {
        flows_.erase(flows_.begin() + Below(static_cast<uint32_t>(flows_.size())));
        Connect();
      }
    }
  }

  void Connect() {
    Flow flow{.id = next_id_++, .slot = Below(1u << kSlotsLog2), .is_udp = Below(3) == 0};
    // Half of them where slots have moved: that is where it may go wrong.
    for (int tries = 0; tries < 40 && lb_slot_transition(plane_.image().slots[flow.slot]) == 0;
         tries++) {
      if (Below(2) == 0) flow.slot = Below(1u << kSlotsLog2);
    }
    const ModelPacket first{flow.id, flow.slot, flow.is_udp, !flow.is_udp};
    flow.owner = plane_.Send(first, now_);
    flow.last_ns = now_;
    // A new UDP flow in the armed minute may be sent to an owner that has just failed: no promise.
    if (flow.is_udp && states_[flow.owner] != LB_BACKEND_UP) return Connect();
    flows_.push_back(flow);
  }

  void Speak(Flow& flow) {
    const uint16_t reached = plane_.Send({flow.id, flow.slot, flow.is_udp, false}, now_);
    spoken_++;
    flow.last_ns = now_;
    if (reached == flow.owner) return;
    broken_++;
    ADD_FAILURE() << (flow.is_udp ? "UDP" : "TCP") << " flow of slot " << flow.slot << ": owner "
                  << flow.owner << ", reached " << reached;
    flow.owner = reached;
  }

  std::mt19937 random_;
  uint64_t now_ = 10'000 * kSecondNs;
  PlaneModel plane_;
  std::vector<lb_backend_state> states_;
  Weights confirmed_;
  std::optional<Trial> trial_;
  std::vector<Flow> flows_;
  uint64_t next_id_ = 1;
  uint64_t spoken_ = 0;
  uint64_t broken_ = 0;
  uint64_t opened_ = 0;
  uint64_t ended_ = 0;
  uint64_t returned_ = 0;
};

void Live(World& world) {
  for (int step = 0; step < 150; step++) {
    world.Step();
    ASSERT_EQ(world.broken(), 0u) << "step " << step;
  }
}

TEST(TransitionPropertyTest, NoFlowThatSpeaksInTimeLosesALivingOwner) {
  const uint32_t seed = TestSeed();
  for (uint32_t run = 0; run < 12; run++) {
    SCOPED_TRACE(testing::Message() << "run " << run);
    World world(seed + run);
    Live(world);
    if (HasFatalFailure()) return;
  }
}

TEST(TransitionPropertyTest, ALifeHasEveryKindOfChange) {
  World world(1);
  Live(world);
  EXPECT_GT(world.opened(), 100u);
  EXPECT_GT(world.ended(), 0u);
  EXPECT_GT(world.returned(), 0u);
  EXPECT_GT(world.spoken(), 1000u);
}

}  // namespace
}  // namespace evenkeel
