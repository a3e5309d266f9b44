#include "control/transition/transition_set.h"

#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "dataplane/table/layout.h"

namespace evenkeel {

TransitionSet::TransitionSet(std::span<const lb_transition> running)
    : records_(running.begin(), running.end()) {
  if (records_.empty()) records_.push_back({});
  running_ = records_.size();
  is_used_.resize(running_);
  for (uint32_t number = 1; number < running_; number++) {
    numbers_.emplace(TransitionKey(records_[number]), number);
  }
}

uint32_t TransitionSet::Keep(uint16_t reference) {
  if (reference == 0) return 0;
  // Where the running image has equal records, all become the first of them.
  return Add(records_[reference]);
}

uint32_t TransitionSet::Add(const lb_transition& record) {
  const auto [place, is_new] =
      numbers_.emplace(TransitionKey(record), static_cast<uint32_t>(records_.size()));
  if (is_new) {
    records_.push_back(record);
    is_used_.push_back(false);
  }
  if (!is_used_[place->second]) {
    is_used_[place->second] = true;
    used_++;
  }
  return place->second;
}

absl::StatusOr<std::vector<uint16_t>> TransitionSet::Finish() {
  if (used_ >= kTransitionsMax) {
    return absl::ResourceExhaustedError(
        absl::StrCat(used_, " transitions would be open at once, ", kTransitionsMax - 1,
                     " are possible: make the change in steps, one after the other's `idle`"));
  }
  std::vector<uint32_t> holes;  // numbers of the running image that nobody uses any more
  for (uint32_t number = 1; number < running_; number++) {
    if (!is_used_[number]) holes.push_back(number);
  }
  std::vector<uint16_t> references(records_.size());
  std::vector<lb_transition> packed(used_ + 1);
  size_t next_hole = 0;
  uint32_t next_new = static_cast<uint32_t>(running_);
  for (uint32_t number = 1; number < records_.size(); number++) {
    if (!is_used_[number]) continue;
    uint32_t reference = number;
    // Whatever lies beyond what is needed moves into a hole, so that none is left.
    if (number >= running_ || number > used_) {
      const bool has_hole = next_hole < holes.size() && holes[next_hole] <= used_;
      reference = has_hole ? holes[next_hole++] : next_new++;
    }
    references[number] = static_cast<uint16_t>(reference);
    packed[reference] = records_[number];
  }
  packed.erase(packed.begin());
  records_ = std::move(packed);
  return references;
}

}  // namespace evenkeel
