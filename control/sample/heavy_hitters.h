// Who has how much of a service's traffic, from sampled headers: the flow with most bytes, the
// client with most of everything, and how many clients there are. What makes bytes uneven while
// flows are even (fault F38), and what makes flows uneven while no table is wrong (F30), is said by
// name.
//
//   HeavyHitters hitters;                       // of one service
//   for (...) hitters.Add(sample);
//   hitters.EndSecond(now);
//   for (const HeavyFinding& finding : hitters.Findings()) ...
//
// Windows of five seconds, each in bounded memory (space_saving.h, hyper_log_log.h: some 40 KB a
// service). Shares are lower bounds: what a sketch may have counted too high is left out. Nothing
// acts on them, and they are no alarms: an elephant is no fault. A value; one thread.
#ifndef CONTROL_SAMPLE_HEAVY_HITTERS_H_
#define CONTROL_SAMPLE_HEAVY_HITTERS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "control/sample/flow_key.h"
#include "control/sample/hyper_log_log.h"
#include "control/sample/space_saving.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

// Of one flow or client: fractions of the service's own.
struct HeavyShares {
  std::string who;
  double bytes = 0;
  double packets = 0;          // of a client
  double new_flows = 0;        // of a client
  uint16_t backend = LB_NONE;  // lease, of a flow: where it goes
  std::string client;          // of a flow: whose it is

  double Largest() const;
};

// Clients and flows are distinct ones among the samples: all there are where every packet is
// sampled.
struct ServiceWindow {
  uint64_t samples = 0;
  double clients = 0;
  double flows = 0;
  std::optional<HeavyShares> flow;    // with most bytes
  std::optional<HeavyShares> client;  // with the largest share of bytes, packets or new flows
};

struct HeavyFinding {
  enum class Kind { kFlow, kClient };
  Kind kind = Kind::kFlow;
  HeavyShares shares;  // of the last window
  absl::Time since;
};

class HeavyHitters {
 public:
  static constexpr absl::Duration kWindow = absl::Seconds(5);
  // Fewer samples in a window say nothing,
  static constexpr uint64_t kSamplesMin = 200;
  // nor new flows in it of what each client has.
  static constexpr uint64_t kNewFlowsMin = 100;
  // Among fewer flows one is always large.
  static constexpr double kFlowsMin = 8;
  // The share from which it is said, and the one below which it is over.
  static constexpr double kFlowHeavy = 0.30, kFlowLight = 0.20;
  static constexpr double kClientHeavy = 0.40, kClientLight = 0.30;

  void Add(const lb_sample& sample);
  // Ends the window when it is long enough.
  void EndSecond(absl::Time at);

  // The last one that ended.
  const ServiceWindow& window() const { return window_; }
  std::vector<HeavyFinding> Findings() const;

 private:
  static constexpr size_t kCounters = 64;

  ServiceWindow Close();
  // Keeps, raises or clears one.
  void Judge(HeavyFinding::Kind kind, const std::optional<HeavyShares>& shares, double heavy,
             double light, std::optional<HeavyFinding>* held) const;

  SpaceSaving<std::pair<FlowKeyOfSample, uint16_t>> flow_bytes_{kCounters};
  SpaceSaving<IpAddress> client_bytes_{kCounters};
  SpaceSaving<IpAddress> client_packets_{kCounters};
  SpaceSaving<IpAddress> client_new_flows_{kCounters};
  HyperLogLog clients_, flows_;
  uint64_t samples_ = 0;
  uint64_t new_flows_ = 0;
  std::optional<absl::Time> begun_;
  ServiceWindow window_;
  std::optional<HeavyFinding> flow_, client_;
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_HEAVY_HITTERS_H_
