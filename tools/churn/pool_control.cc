#include "tools/churn/pool_control.h"

#include <utility>

#include "control/overlay/overlay.h"
#include "control/transition/advance.h"
#include "dataplane/table/fill.h"

namespace evenkeel {
namespace {

uint64_t IdOf(uint16_t backend) { return MixId(1000u + backend); }
Address AddressOf(uint16_t backend) {
  return MapIpv4({10, 0, static_cast<uint8_t>(backend >> 8), static_cast<uint8_t>(backend)});
}
absl::Time TimeOf(uint64_t now_ns) {
  return absl::UnixEpoch() + absl::Nanoseconds(static_cast<int64_t>(now_ns));
}

}  // namespace

PoolControl::PoolControl(const ChurnOptions& options, uint16_t backends, uint64_t now_ns)
    : options_(options), weights_(backends) {
  for (uint16_t b = 0; b < options.backends; b++) SetWeight(b, 50 + 10 * (b % 10), now_ns);
}

void PoolControl::SetWeight(uint16_t backend, uint32_t weight, uint64_t now_ns) {
  weights_[backend] = weight;
  changed_ = true;
  std::vector<PoolHealthMember> members;
  for (uint16_t b = 0; b < weights_.size(); b++) members.push_back({AddressOf(b), weights_[b]});
  health_.SetMembers({.checked = true}, members, TimeOf(now_ns));
}

void PoolControl::TakeVerdict(uint16_t backend, const CheckVerdict& verdict, uint64_t now_ns) {
  health_.Take(AddressOf(backend), verdict, TimeOf(now_ns));
}

bool PoolControl::Advance(uint64_t now_ns) {
  if (health_.Advance(TimeOf(now_ns))) changed_ = true;
  return changed_;
}

bool PoolControl::IsIn(uint16_t backend) const {
  return weights_[backend] != 0 && health_.Of(AddressOf(backend)).steps != 0;
}

absl::StatusOr<ChurnImage> PoolControl::Publish(const TailEvidence* evidence, uint64_t now_ns) {
  std::vector<FillBackend> configured, those_in;
  std::vector<uint16_t> leases, leases_in;
  std::vector<OverlayMember> members;
  ChurnImage next;
  for (uint16_t b = 0; b < weights_.size(); b++) {
    const BackendStanding standing = health_.Of(AddressOf(b));
    next.states.push_back(standing.state);
    if (weights_[b] == 0) continue;
    configured.push_back({IdOf(b), weights_[b]});
    leases.push_back(b);
    members.push_back({.id = IdOf(b), .weight = weights_[b], .lease = b, .steps = standing.steps});
    if (standing.steps == 0) continue;
    those_in.push_back(configured.back());
    leases_in.push_back(b);
  }
  const absl::StatusOr<Fill> base = BuildFill(LB_FILL_EXACT, configured, kChurnSlotsLog2);
  if (!base.ok()) return base.status();
  const absl::StatusOr<Fill> maglev = BuildFill(LB_FILL_MAGLEV, those_in, kChurnSlotsLog2);
  if (!maglev.ok()) return maglev.status();
  for (const uint32_t place : *maglev) next.maglev.push_back(leases_in[place]);

  const std::vector<uint16_t> owners = OverlaidOwners(PureSlots(*base, leases), members);
  const RunningPool running{.id = kChurnPool, .slots = image_.slots};
  const NextPool wanted{.id = kChurnPool, .owners = owners, .idle_ns = options_.idle_s * kSecondNs};
  absl::StatusOr<Advanced> advanced = evenkeel::Advance(
      {.running = {&running, 1},
       .transitions = image_.transitions,
       .next = {&wanted, 1},
       .has_failed =
           [&](uint16_t b) { return weights_[b] != 0 && next.states[b] != LB_BACKEND_UP; },
       .evidence = evidence,
       .now_ns = now_ns});
  if (!advanced.ok()) return advanced.status();
  next.slots = std::move(advanced->slots[0]);
  next.transitions = std::move(advanced->transitions);
  next.transitions.insert(next.transitions.begin(), lb_transition{});
  image_ = next;
  changed_ = false;
  return next;
}

}  // namespace evenkeel
