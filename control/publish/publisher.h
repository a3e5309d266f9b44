// The one place where a publication is made: configuration + leases + how the backends stand + what
// the planes run -> an image, and for a trial the way back beside it.
//
// Whatever changes what planes run goes through here, so that an image and its way back are always
// made of the same day's facts, and every slot that moves has its transition. Images and way back
// are made anew, under the same trial, whenever such a fact changes while a trial runs.
//
// One thread at a time: the pipeline's, under its lock.
//
//   absl::StatusOr<TrialImages> images = publisher.MakeTrial(candidate, base, times);
//   sink->PublishTrial({.id = 7, .image = images->image->publication, ...}, timeout);
#ifndef CONTROL_PUBLISH_PUBLISHER_H_
#define CONTROL_PUBLISH_PUBLISHER_H_

#include <memory>
#include <utility>

#include "absl/status/statusor.h"
#include "control/publish/compile.h"

namespace evenkeel {

struct TrialImages {
  CompiledPtr image;
  CompiledPtr way_back;
};

// How backends stand today, by the checks of each of the two configurations; empty: all are up.
struct TodaysStandings {
  StandingOf running;    // the trial's while there is one
  StandingOf confirmed;  // the way back's
};

// CLOCK_BOOTTIME.
struct TrialTimes {
  uint64_t now_ns = 0;
  uint64_t deadline_ns = 0;
  // The moment that the way back is made for: the deadline, at which a plane takes it by itself, or
  // now, when it is about to be told to.
  uint64_t back_ns = 0;
};

class Publisher {
 public:
  // What the planes run from now on; null: nothing.
  void SetRunning(std::shared_ptr<const ImageView> image) { running_ = std::move(image); }
  const std::shared_ptr<const ImageView>& running() const { return running_; }
  void SetStandings(TodaysStandings standings) { standings_ = std::move(standings); }

  // For good. Errors as Compile(). `evidence` may be null.
  absl::StatusOr<CompiledPtr> Make(CompileInput input, uint64_t now_ns,
                                   const TailEvidence* evidence = nullptr);

  // What runs, as control would have made it: no window is judged and nothing moves, unless the
  // configuration asks for it.
  absl::StatusOr<CompiledPtr> MakeAgain(CompileInput input) { return Make(std::move(input), 0); }

  // `base` is what runs again unless the trial is confirmed: the confirmed content, with every
  // lease of the candidate, under the candidate's generation + 1.
  absl::StatusOr<TrialImages> MakeTrial(CompileInput candidate, CompileInput base,
                                        const TrialTimes& times,
                                        const TailEvidence* evidence = nullptr);

 private:
  CompileCache cache_;
  std::shared_ptr<const ImageView> running_;
  TodaysStandings standings_;
};

// What runs where nothing was ever confirmed: no service, so that every packet passes to the
// kernel. The network section is `candidate`'s, since its leases stay.
Config NothingConfirmed(const Config& candidate);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_PUBLISHER_H_
