// The transition records of the image that is being made: equal ones are one, and those that the
// running image has keep their numbers, so that a table in which nothing happens keeps its bytes.
//
//   TransitionSet set(image.transitions());
//   uint32_t number = set.Keep(reference);          // or set.Add(record)
//   ...
//   absl::StatusOr<std::vector<uint16_t>> renumbered = set.Finish();
#ifndef CONTROL_TRANSITION_TRANSITION_SET_H_
#define CONTROL_TRANSITION_TRANSITION_SET_H_

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "control/transition/slot_rule.h"
#include "dataplane/table/records.h"

namespace evenkeel {

class TransitionSet {
 public:
  // `running`: as in an image, entry 0 reserved; may be empty.
  explicit TransitionSet(std::span<const lb_transition> running);

  // A record of the running image, unchanged. `reference` 0 is pure and stays 0.
  uint32_t Keep(uint16_t reference);
  uint32_t Add(const lb_transition& record);

  // How many distinct records are in use.
  size_t used() const { return used_; }

  // The records without entry 0 are records() from now on; returns, for each number given out, the
  // reference to write. ResourceExhausted when there are more than a table can refer to.
  absl::StatusOr<std::vector<uint16_t>> Finish();
  std::vector<lb_transition> TakeRecords() { return std::move(records_); }

 private:
  using Key = decltype(TransitionKey(lb_transition{}));

  std::vector<lb_transition> records_;  // by number; entry 0 reserved until Finish()
  std::vector<bool> is_used_;
  std::map<Key, uint32_t> numbers_;
  size_t running_;  // numbers below are the running image's
  size_t used_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_TRANSITION_TRANSITION_SET_H_
