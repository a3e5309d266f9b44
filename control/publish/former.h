// Structural changes of services: one that goes to another pool, chooses slots by another hash or
// among another number of slots, or takes packets over that another service had. Its connections
// stay where they are: for the former pool's `idle` packets that no flow entry claims go by the
// former pool's table and hash, and from then on by their entries alone, until the flow tables name
// none of them any more.
//
//   service            way that runs           next way
//   goes on            as it is                as it is
//   moves              A                       B, former A
//   moves back         B, former A, open       A, former B by entries alone: B's are all tracked
//   moves on           B, former A             refused: one at a time
//   moves on           B, former A, closed;    C, former B: A's connections have entries, and
//                      A is of B's or C's pool those of two pools count
//
// A pool that is no longer configured stays in the image, as it was, for as long as it is
// somebody's former one. Of a pool that gets another number of slots the former table stays. A
// service that takes over from several keeps the connections of one, the one that had its lowest
// port.
//
// Part of Compile(): before the effective tables are made, once services and pools stand. Pure.
#ifndef CONTROL_PUBLISH_FORMER_H_
#define CONTROL_PUBLISH_FORMER_H_

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "control/publish/effective.h"
#include "dataplane/table/image_builder.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

// The place of a next hop among those of the image that is made.
using AddNextHop = std::function<absl::StatusOr<uint16_t>(const NextHopSpec&)>;

// Sets the services' `former` and adds the pools that they need. Returns how many structural
// changes have ended. FailedPrecondition: a service would move on before it has arrived.
absl::StatusOr<uint64_t> MakeFormers(const Succession& succession, const AddNextHop& add_next_hop,
                                     ImageSpec* spec);

// A service that would move on before it has arrived.
struct StillOnItsWay {
  std::string service;
  uint64_t open_until_ns = 0;     // CLOCK_BOOTTIME; 0: its window is closed
  bool over_with_window = false;  // else only once no flow is at the former pool
};

// What MakeFormers() would refuse: of `candidate` the services count, with the pools' ids and
// numbers of slots.
std::vector<StillOnItsWay> FindStillOnTheirWay(const Succession& succession, ImageSpec candidate);

// What is said of a service that is still on its way, and of the end of it.
inline constexpr absl::string_view kStillOnItsWay =
    "is still on its way from another pool, affinity or number of slots: connections from before "
    "are where they were; one structural change of a service at a time";
inline constexpr absl::string_view kOverWhenPure =
    "the former one is over when evenkeel explain says pure";

// Whether a structural change is under way.
bool HasFormers(const ImageView& image);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_FORMER_H_
