// What `evenkeel top` shows: two looks at the counters, subtracted.
#ifndef TOOLS_EVENKEEL_TOP_FRAME_H_
#define TOOLS_EVENKEEL_TOP_FRAME_H_

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/api/evenkeel.pb.h"

namespace evenkeel::cli {

// One look at what runs.
struct TopSample {
  absl::Time taken;
  v1::StatusReply status;
  v1::BackendsReply backends;
};

// A second's worth of each counter. Not set before there are two looks, and where a counter has
// gone back (the plane has started anew).
struct TopRates {
  std::optional<double> new_flows;
  std::optional<double> packets;
  std::optional<double> bits;
};

struct TopBackend {
  std::string pool;
  std::string name;
  std::string address;
  std::string state;
  double share_expected = 0;
  std::optional<double> share_observed;
  TopRates rates;
};

struct TopService {
  std::string name;
  TopRates rates;  // of all backends together
  std::vector<TopBackend> backends;
};

struct TopFrame {
  absl::Time taken;
  double seconds = 0;  // between the looks; 0 for the first
  int64_t revision = 0;
  std::string state;
  int64_t generation = 0;
  int planes = 0;
  int planes_connected = 0;
  std::vector<std::string> alarms;  // their messages
  std::vector<std::string> notes;   // worth knowing and no fault; their messages
  std::vector<TopService> services;
};

// `before` is null for the first look.
TopFrame MakeTopFrame(const TopSample* before, const TopSample& now);

// {time, seconds, revision, state, generation, alarms, notes, services: [{name,
// new_flows_per_second, packets_per_second, bits_per_second, backends: [{name, pool, address,
// state, share_expected, share_observed, new_flows_per_second, packets_per_second,
// bits_per_second}]}]}
nlohmann::ordered_json ToJson(const TopFrame& frame);

// Whether the observed share is so far from the expected one that neither chance (four standard
// deviations of the new flows of 10 s) nor the table's rounding (5 % of the share) explains it.
bool IsUneven(const TopService& service, const TopBackend& backend);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TOP_FRAME_H_
