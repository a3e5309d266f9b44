// The effective tables of an image: the base tables under today's overlay, each slot with the
// transition that it needs after what the planes run.
//
// Called by Compile() for every image, once the base tables stand. Pure but for the clock's value,
// which comes in: the same input gives the same bytes.
#ifndef CONTROL_PUBLISH_EFFECTIVE_H_
#define CONTROL_PUBLISH_EFFECTIVE_H_

#include <cstdint>
#include <functional>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "control/overlay/pool_health.h"
#include "control/transition/advance.h"
#include "control/transition/tail_evidence.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// What an image comes after, and when.
struct Succession {
  const ImageView* running = nullptr;  // null: the planes run nothing
  // CLOCK_BOOTTIME. Of a way back: the trial's deadline. 0 asks for what runs as it is, with no
  // window judged: so a restarted control finds the planes' own bytes again.
  uint64_t now_ns = 0;
  uint64_t open_at_least_ns = 0;           // of a trial: its deadline
  const TailEvidence* evidence = nullptr;  // null: no tail ends
};

// How a backend of a pool (by its name) stands.
using StandingOf = std::function<BackendStanding(absl::string_view pool, const Address& address)>;

// Sets the members' states and slow starts, the pools' effective tables and the transitions of
// `spec`. `standing_of` empty: every backend is up. ResourceExhausted: too many transitions at
// once.
absl::StatusOr<AdvanceCounts> MakeEffective(const Succession& succession,
                                            const StandingOf& standing_of, ImageSpec* spec);

// Indices that slots or transitions of the image name.
std::vector<bool> NamedBackends(const ImageView& image);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_EFFECTIVE_H_
