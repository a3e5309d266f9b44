// The one place where a publication is made: configuration + leases (+ health overlay +
// transitions) -> an image, and for a trial the way back beside it.
//
// Whatever changes what planes run goes through here, so that an image and its way back are always
// made of the same day's facts: what joins later (the overlay of backends that are out, the
// transitions of slots that have moved, those that going back opens) becomes a member of Publisher
// or a field of CompileInput, and no caller changes. Images and way back are made anew, under the
// same trial, whenever such a fact changes while a trial runs.
//
// One thread at a time: the pipeline's, under its lock.
//
//   absl::StatusOr<TrialImages> images = publisher.MakeTrial(candidate, base);
//   sink->PublishTrial({.id = 7, .image = images->image->publication, ...}, timeout);
#ifndef CONTROL_PUBLISH_PUBLISHER_H_
#define CONTROL_PUBLISH_PUBLISHER_H_

#include "absl/status/statusor.h"
#include "control/publish/compile.h"

namespace evenkeel {

struct TrialImages {
  CompiledPtr image;
  CompiledPtr way_back;
};

class Publisher {
 public:
  // For good. Errors as Compile().
  absl::StatusOr<CompiledPtr> Make(const CompileInput& input);

  // `base` is what runs again unless the trial is confirmed: the confirmed content, with every
  // lease of the candidate, under the candidate's generation + 1.
  absl::StatusOr<TrialImages> MakeTrial(const CompileInput& candidate, const CompileInput& base);

 private:
  CompileCache cache_;
};

// What runs where nothing was ever confirmed: no service, so that every packet passes to the
// kernel. The network section is `candidate`'s, since its leases stay.
Config NothingConfirmed(const Config& candidate);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_PUBLISHER_H_
