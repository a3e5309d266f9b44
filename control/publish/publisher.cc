#include "control/publish/publisher.h"

namespace evenkeel {

absl::StatusOr<CompiledPtr> Publisher::Make(const CompileInput& input) {
  return Compile(input, &cache_);
}

absl::StatusOr<TrialImages> Publisher::MakeTrial(const CompileInput& candidate,
                                                 const CompileInput& base) {
  absl::StatusOr<CompiledPtr> image = Make(candidate);
  if (!image.ok()) return image.status();
  absl::StatusOr<CompiledPtr> way_back = Make(base);
  if (!way_back.ok()) return way_back.status();
  return TrialImages{.image = *std::move(image), .way_back = *std::move(way_back)};
}

Config NothingConfirmed(const Config& candidate) {
  Config nothing;
  nothing.cluster = candidate.cluster;
  nothing.network = candidate.network;
  return nothing;
}

}  // namespace evenkeel
