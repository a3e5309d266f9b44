// Which backends of a TCP service do not answer, told from what the clients do: a connection that
// is made is followed by packets, a SYN that nobody answers, or that is refused, only by itself.
//
// Counted are packets that are no first ones, for each new flow. A backend is silent when less than
// half a packet follows its new flows while the median of the others has one and more: in the same
// seconds, so that a flood of SYNs, which nobody follows up anywhere, says nothing. Looked at over
// 3 s and over 30 s, for services with fewer flows.
//
//   follow_up.Add(counts, shares, at);
//   for (const SilentMember& silent : follow_up.Silent()) ...
//
// The service as a whole is compared with its own last minutes: new flows that are followed by
// nothing anywhere mean that nobody answers any more, or, where as many packets follow as before,
// a flood of SYNs.
//
// A value; one thread.
#ifndef CONTROL_WATCH_FOLLOW_UP_H_
#define CONTROL_WATCH_FOLLOW_UP_H_

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/time/time.h"
#include "control/watch/watch_second.h"

namespace evenkeel {

struct SilentMember {
  uint64_t id = 0;
  absl::Time since;
  double per_flow = 0;  // packets after a new flow, when it was noticed
  double others = 0;    // the same of the others' median
};

enum class WholeFault { kNone, kNobodyAnswers, kFlood };

struct WholeState {
  WholeFault fault = WholeFault::kNone;
  absl::Time since;
  double flows = 0;      // new flows a second, when it was noticed
  double followers = 0;  // packets a second that followed then
  double usual = 0;      // that follow otherwise
};

class FollowUp {
 public:
  // One second. `shares`: by the table, in the order of `counts`.
  void Add(std::span<const MemberCount> counts, std::span<const double> shares, absl::Time at);

  std::vector<SilentMember> Silent() const;
  const WholeState& whole() const { return whole_; }
  // Somebody looks silent, if only for this second: what is shared out unlike may be SYNs that are
  // sent again.
  bool is_suspect() const { return is_suspect_; }

 private:
  struct Sum {
    uint64_t flows = 0;
    uint64_t followers = 0;

    double per_flow() const {
      return flows == 0 ? 0 : static_cast<double>(followers) / static_cast<double>(flows);
    }
  };
  static constexpr size_t kLong = 30;  // seconds
  static constexpr size_t kShort = 3;

  struct Member {
    std::array<Sum, kLong> seconds;
    size_t next = 0;
    Sum of_long;
    int bad_for = 0;   // seconds
    int idle_for = 0;  // seconds without a share
    std::optional<SilentMember> silent;

    void Push(const Sum& second);
    Sum OfShort() const;
  };

  std::optional<double> MedianOfOthers(uint64_t id, Sum (*window)(const Member&)) const;
  bool IsBad(uint64_t id, const Member& member, Sum (*window)(const Member&),
             SilentMember* found) const;

  absl::flat_hash_map<uint64_t, Member> members_;
  void JudgeWhole(absl::Time at);

  bool is_suspect_ = false;
  WholeState whole_;
  double usual_ = 0;       // packets a second that follow, faded over a minute
  int usual_for_ = 0;      // seconds that it is made of
  int whole_bad_for_ = 0;  // seconds
  int whole_good_for_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_WATCH_FOLLOW_UP_H_
