#include "control/shadow/candidate.h"

#include <algorithm>
#include <map>
#include <string>
#include <utility>

namespace evenkeel {
namespace {

StandingOf StandingsIn(const ImageView& image) {
  std::map<std::pair<uint64_t, Address>, BackendStanding> standings;
  for (const lb_pool& pool : image.pools()) {
    for (const lb_member& member : image.members_of(pool)) {
      const lb_backend& backend = image.backends()[member.backend];
      if (backend.flags & LB_BACKEND_LEAVING) continue;
      Address address;
      std::ranges::copy(backend.address, address.begin());
      const auto state = static_cast<lb_backend_state>(backend.state);
      const auto steps =
          static_cast<uint8_t>(state == LB_BACKEND_UP ? LB_RAMP_STEPS - backend.withheld : 0);
      standings.emplace(std::pair(pool.id, address),
                        BackendStanding{.state = state, .steps = steps});
    }
  }
  return [standings = std::move(standings)](absl::string_view pool, const Address& address) {
    const auto found = standings.find({NameId(pool), address});
    return found == standings.end() ? BackendStanding{} : found->second;
  };
}

}  // namespace

absl::Status MakeTables(const ImageView& running, ShadowCandidate* candidate) {
  absl::StatusOr<CompiledPtr> compiled =
      Compile({.config = candidate->config,
               .key = candidate->key,
               .leases = candidate->leases,
               .generation = running.generation() + 1,
               .revision = static_cast<int64_t>(running.revision()) + 1,
               .standing_of = StandingsIn(running)},
              &candidate->cache);
  if (!compiled.ok()) return compiled.status();
  candidate->compiled = *std::move(compiled);
  return absl::OkStatus();
}

}  // namespace evenkeel
