// What a change does to the services themselves, apart from their tables: which are gone, which
// match other packets than before, and which take packets over from others.
//
// Pure, any thread; part of MakePlan().
#ifndef CONTROL_PLAN_SERVICE_CHANGE_H_
#define CONTROL_PLAN_SERVICE_CHANGE_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "control/config/config.h"

namespace evenkeel {

// Null if there is none of that name.
const Service* FindService(const Config& config, absl::string_view name);

// What `service` of `after` was in `before`: the service of that name, or else one that is gone by
// name and matched the same packets (it was renamed). Null for a new one.
const Service* FormerOf(const Config& before, const Config& after, const Service& service);
// The other way round; null for one that is gone.
const Service* LaterOf(const Config& before, const Config& after, const Service& service);

struct ServiceChange {
  bool vip = false;       // another address: who knows the old one reaches nobody
  bool protocol = false;  // tcp became udp, or the other way round
  bool narrowed = false;  // ports that matched no longer do
  bool widened = false;   // ports match that did not
  bool pool = false;      // another pool by name
  bool affinity = false;  // slots are chosen by another hash
  bool fragments = false;

  bool any() const {
    return vip || protocol || narrowed || widened || pool || affinity || fragments;
  }
  // Packets of connections that it had no longer reach it.
  bool loses_connections() const { return vip || protocol || narrowed; }
};

ServiceChange Compare(const Service& before, const Service& after);

// In `after`, `taker` matches packets that `giver` alone matched in `before`.
struct Takeover {
  std::string taker;
  std::string giver;
};
std::vector<Takeover> FindTakeovers(const Config& before, const Config& after);

// Whether every packet that `inner` matches by itself is one that `outer` matches.
bool MatchesAllOf(const Service& outer, const Service& inner);

// "203.0.113.10:443/tcp"
std::string MatchText(const Service& service);

}  // namespace evenkeel

#endif  // CONTROL_PLAN_SERVICE_CHANGE_H_
