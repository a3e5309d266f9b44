// The half of MapWriter that map_writer.h says of trials.
#include <utility>

#include "bpf/map_writer.h"

namespace evenkeel {

absl::Status MapWriter::PublishTrial(std::shared_ptr<const ImageView> image,
                                     std::shared_ptr<const ImageView> way_back,
                                     const TrialRecord& trial, const NextHopWord& word) {
  if (!Fits(*image) || !Fits(*way_back)) {
    return absl::ResourceExhaustedError("the images are larger than their maps");
  }
  const uint64_t generation = image->generation();
  const uint64_t return_generation = way_back->generation();
  const absl::StatusOr<uint32_t> back = Fill(std::move(way_back), word);
  if (!back.ok()) return back.status();
  const absl::StatusOr<uint32_t> set = Fill(std::move(image), word);
  if (!set.ok()) {
    sets_[*back].is_held = false;  // no packet has seen it
    if (absl::Status s = Fold(*back); !s.ok()) return s;
    return set.status();
  }
  const uint64_t return_word = LB_ROOT_WORD(*back, return_generation);
  lb_trial* record = maps_.trial;
  if (IsOnTrial()) {
    // A packet may go back meanwhile, by either word: both name a set that stays.
    Release(way_back_);
  } else {
    // A packet that began in a former trial may still read its record.
    if (trial_ended_at_ == waits_) {
      if (absl::Status s = WaitForPackets(); !s.ok()) return s;
    }
    __atomic_store_n(&record->state, LB_TRIAL_NONE, __ATOMIC_RELAXED);
    record->id = trial.id;
    record->deadline_ns = trial.deadline_ns;
    record->ended_word = 0;
  }
  record->generation = generation;
  // Release: the set that the word names is filled.
  __atomic_store_n(&record->return_word, return_word, __ATOMIC_RELEASE);
  way_back_ = static_cast<int>(*back);
  if (!IsOnTrial()) {
    // Release: whoever finds it armed finds the rest of the record.
    __atomic_store_n(&record->state, LB_TRIAL_ARMED, __ATOMIC_RELEASE);
  }
  Use(*set, LB_ROOT_WORD(*set, generation) | LB_ROOT_WORD_ON_TRIAL);
  return absl::OkStatus();
}

TrialState MapWriter::DecideTrial(TrialState wanted) {
  uint64_t state = LB_TRIAL_ARMED;
  if (IsOnTrial()) {
    // The same swap as the program's. Acquire and release: with what was published before it.
    __atomic_compare_exchange_n(
        &maps_.trial->state, &state,
        wanted == TrialState::kConfirmed ? LB_TRIAL_CONFIRMED : LB_TRIAL_RETURNED, false,
        __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    SettleTrial();
  }
  return trial().state;
}

bool MapWriter::SettleTrial() {
  if (!IsOnTrial()) return false;
  const uint64_t state = __atomic_load_n(&maps_.trial->state, __ATOMIC_ACQUIRE);
  if (state == LB_TRIAL_ARMED) return false;
  const bool has_returned = state == LB_TRIAL_RETURNED;
  const uint64_t word =
      has_returned ? maps_.trial->return_word : *maps_.root_word & ~LB_ROOT_WORD_ON_TRIAL;
  // Before the root word: who is killed in between settles again.
  maps_.trial->ended_word = word;
  __atomic_store_n(maps_.root_word, word, __ATOMIC_RELEASE);
  Release(has_returned ? current_ : way_back_);
  if (has_returned) current_ = way_back_;
  way_back_ = -1;
  trial_ended_at_ = waits_;
  return true;
}

TrialRecord MapWriter::trial() const {
  const lb_trial& record = *maps_.trial;
  const uint64_t state = __atomic_load_n(&record.state, __ATOMIC_ACQUIRE);
  TrialRecord trial{.id = record.id,
                    .generation = record.generation,
                    .return_generation = record.generation + 1,
                    .deadline_ns = record.deadline_ns,
                    .state = static_cast<TrialState>(state)};
  if (IsOnTrial()) {
    // Killed in a renewal, a writer leaves images of which the record does not tell.
    trial.generation = current()->generation();
    trial.return_generation = way_back()->generation();
    return trial;
  }
  // Only what runs since the trial ended; after a plain publication there is none.
  if (current_ < 0 || record.ended_word == 0 || record.ended_word != *maps_.root_word) return {};
  return trial;
}

bool MapWriter::IsOnTrial() const {
  return (__atomic_load_n(maps_.root_word, __ATOMIC_RELAXED) & LB_ROOT_WORD_ON_TRIAL) != 0;
}

}  // namespace evenkeel
