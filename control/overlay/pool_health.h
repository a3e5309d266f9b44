// Which backends of a pool are in, and how far: checks' verdicts and the passing of time go in, the
// overlay's steps and the states of the image come out.
//
//   up ──fails──▶ suspect ──hold over, path silent──▶ dead        (both: no slots)
//    ▲               │  ▲                              │
//    └──passes───────┘  └─────────path answers─────────┘   a pass leads back to up from either
//
// - A backend that fails only its check never becomes dead: it drains.
// - A backend without a first verdict owns no slots, unless no backend of its pool has one.
// - Who failed often comes back later (flap_damper.h); with `slow_start`, in LB_RAMP_STEPS steps.
// - The floor: nobody goes out if less than `min_healthy` of the weight, or nobody at all, would
//   stay in. The pool then freezes: who is out stays out, nobody else goes out, nobody is declared
//   dead. It thaws once 10 points more than the floor have passed for 60 s. One exception keeps the
//   freeze from hurting: while nobody who is in passes, one who passes may come in.
//   Drained backends, and new ones without a verdict, count neither for the floor nor against it.
//
// A value, so that a trial has its own: copied, fed in step, and one of the two dropped at the end.
// Knows no clock; one thread. Nothing depends on the order of members.
//
//   health.SetMembers(rules, members, now);
//   health.Take(address, {.passes = false, .path_alive = true}, now);
//   if (health.Advance(now)) Publish();      // and again at health.NextChange(now)
#ifndef CONTROL_OVERLAY_POOL_HEALTH_H_
#define CONTROL_OVERLAY_POOL_HEALTH_H_

#include <cstdint>
#include <map>
#include <optional>
#include <span>

#include "absl/time/time.h"
#include "control/overlay/flap_damper.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/records.h"

namespace evenkeel {

struct PoolHealthRules {
  bool checked = false;  // the pool has a `health` section
  absl::Duration hold = absl::Seconds(30);
  absl::Duration slow_start = absl::ZeroDuration();
  uint32_t min_healthy_percent = 50;
};

struct PoolHealthMember {
  Address address{};
  uint32_t weight = 0;  // 0: drained
};

struct CheckVerdict {
  bool passes = false;
  bool path_alive = true;  // something answers, if only a refusal
};

// How a backend stands. What the planes are told.
struct BackendStanding {
  lb_backend_state state = LB_BACKEND_UP;
  uint8_t steps = LB_RAMP_STEPS;  // for the overlay; 0: out
  bool fails = false;             // by its last verdict, whatever the floor made of it
  bool unchecked = false;         // out, since no verdict is known
  // It passes, and is held back for having failed often, until then.
  std::optional<absl::Time> held_until;

  // Whether the planes would see a difference.
  bool SamePublished(const BackendStanding& other) const {
    return state == other.state && steps == other.steps;
  }
};

// The pool is frozen at its floor.
struct FloorAlarm {
  absl::Time since;
  uint32_t healthy_percent = 0;  // of the weight that is not drained: passes its checks
  uint32_t floor_percent = 0;
};

class PoolHealth {
 public:
  static constexpr absl::Duration kThawAfter = absl::Seconds(60);
  static constexpr uint32_t kThawPoints = 10;

  // The configuration's members. Known ones keep how they stand; the first ones of a pool are in.
  void SetMembers(const PoolHealthRules& rules, std::span<const PoolHealthMember> members,
                  absl::Time now);

  // What the planes run, found after a restart: called once a member, after SetMembers(). It stands
  // so until it has a verdict; the hold and the slow start run anew from `now`.
  void Adopt(const Address& address, lb_backend_state state, uint8_t steps, absl::Time now);

  // Of a backend that is no member: nothing.
  void Take(const Address& address, const CheckVerdict& verdict, absl::Time now);

  // Does what is due. True: a standing has changed for the planes since the last call.
  bool Advance(absl::Time now);

  // When Advance() has something to do without another verdict.
  absl::Time NextChange(absl::Time now) const;

  // A backend that is no member is up.
  BackendStanding Of(const Address& address) const;
  std::optional<FloorAlarm> alarm() const;

 private:
  struct Member {
    uint32_t weight = 0;
    std::optional<CheckVerdict> verdict;
    absl::Time verdict_since = absl::InfinitePast();  // of passing or failing
    bool is_in = false;
    bool is_new = false;  // never was in, and has no verdict: the floor doesn't know it yet
    bool is_dead = false;
    absl::Time out_since = absl::InfinitePast();
    uint8_t steps = LB_RAMP_STEPS;                 // while in
    absl::Time ramp_since = absl::InfinitePast();  // while steps are withheld
    uint8_t ramp_first = 1;                        // steps at ramp_since
    FlapDamper flaps;
  };

  bool Passes(const Member& member) const;
  bool Fails(const Member& member) const { return member.verdict && !member.verdict->passes; }
  bool MayComeIn(const Member& member, absl::Time now) const;
  bool KeepsFloor(const Member& leaving) const;
  uint64_t TotalWeight() const;
  uint64_t PassingWeight() const;
  bool HasRecovered() const;
  void ComeIn(Member& member, absl::Time now);
  void GoOut(Member& member, absl::Time now);
  void StartRamp(Member& member, absl::Time now);
  uint8_t StepsAt(const Member& member, absl::Time now) const;
  absl::Time NextStep(const Member& member) const;
  void LetIn(absl::Time now);
  void LetOut(absl::Time now);
  void Thaw(absl::Time now);
  void JudgePaths(absl::Time now);

  PoolHealthRules rules_;
  std::map<Address, Member> members_;
  std::map<Address, BackendStanding> told_;  // by the last Advance()
  std::optional<absl::Time> frozen_since_;
  absl::Time recovered_since_ = absl::InfiniteFuture();  // while frozen
};

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_POOL_HEALTH_H_
