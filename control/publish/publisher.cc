#include "control/publish/publisher.h"

namespace evenkeel {

absl::StatusOr<CompiledPtr> Publisher::Make(CompileInput input, uint64_t now_ns,
                                            const TailEvidence* evidence) {
  input.standing_of = standings_.running;
  input.succession = {.running = running_.get(), .now_ns = now_ns, .evidence = evidence};
  return Compile(input, &cache_);
}

absl::StatusOr<TrialImages> Publisher::MakeTrial(CompileInput candidate, CompileInput base,
                                                 const TrialTimes& times,
                                                 const TailEvidence* evidence) {
  candidate.standing_of = standings_.running;
  candidate.succession = {.running = running_.get(),
                          .now_ns = times.now_ns,
                          .open_at_least_ns = times.deadline_ns,
                          .evidence = evidence};
  absl::StatusOr<CompiledPtr> image = Compile(candidate, &cache_);
  if (!image.ok()) return image.status();
  base.standing_of = standings_.confirmed;
  base.succession = {.running = (*image)->image.get(), .now_ns = times.back_ns};
  absl::StatusOr<CompiledPtr> way_back = Compile(base, &cache_);
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
