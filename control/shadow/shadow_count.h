// What a candidate's tables would do with the real packets that were sampled, counted beside what
// the planes did with them.
//
//   ShadowCount count(candidate image, its names);
//   for (...) count.Add(sample, seen);
//   count.Follow(candidate image, its names);   // made anew; what was counted stays
//   ShadowReport report = count.Report();
//
// The candidate decides by its tables alone, without the transitions that its publication would
// open: so it tells how new flows are shared out from the first second, and all packets once the
// flows of before have ended. Flows that would go elsewhere are those that the two tables lead to
// different backends: one that still follows a former owner of its slot is moved by neither.
//
// Samples weigh what they stand for. Bounded memory; one thread.
#ifndef CONTROL_SHADOW_SHADOW_COUNT_H_
#define CONTROL_SHADOW_SHADOW_COUNT_H_

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "control/sample/decide_sample.h"
#include "control/sample/hyper_log_log.h"
#include "control/sample/names.h"
#include "dataplane/table/sample_records.h"

namespace evenkeel {

// Fractions of the service's packets or new flows; unset where none were sampled.
struct ShadowShares {
  std::optional<double> running;
  std::optional<double> candidate;
};

struct ShadowBackend {
  std::string name;  // "POOL/BACKEND", by the candidate's names, else by the running ones
  ShadowShares packets;
  ShadowShares new_flows;
  // Half of what chance leaves open of the candidate's share of new flows, 95 times of 100.
  std::optional<double> error;
};

struct ShadowService {
  std::string service;
  uint64_t packets = 0;                   // sampled ones
  uint64_t new_flows = 0;                 // of those: that begin a flow
  uint64_t flows = 0;                     // distinct ones among the samples, within some 3 %
  uint64_t flows_moved = 0;               // of those: that would go elsewhere
  std::optional<double> new_flows_moved;  // fraction that would go elsewhere
  std::vector<ShadowBackend> backends;    // by name
  // Sampled packets by why the candidate would not forward what is forwarded now.
  std::map<std::string, uint64_t> refused;
};

struct ShadowReport {
  uint64_t samples = 0;  // that matched a service
  std::vector<ShadowService> services;
};

class ShadowCount {
 public:
  ShadowCount(std::shared_ptr<const ImageView> candidate, ImageNames names) {
    Follow(std::move(candidate), std::move(names));
  }

  // The candidate's tables from now on.
  void Follow(std::shared_ptr<const ImageView> candidate, ImageNames names);

  struct Seen {
    const std::string& service;  // by the tables that run
    const ImageView& image;      // that runs
    const ImageNames& names;     // of that image
    uint16_t owner;              // where its tables lead, index; LB_NONE: nowhere
  };
  void Add(const lb_sample& sample, const Seen& seen);

  ShadowReport Report() const;

 private:
  struct Sides {
    uint64_t running = 0;
    uint64_t candidate = 0;
  };
  struct BackendCount {
    std::string name;
    Sides packets;
    Sides new_flows;
  };
  struct ServiceCount {
    uint64_t packets = 0;
    uint64_t new_flows = 0;
    uint64_t weight = 0;      // packets that the samples stand for
    uint64_t new_weight = 0;  // of those: new flows
    uint64_t new_weight_moved = 0;
    HyperLogLog flows;
    HyperLogLog moved;
    std::map<uint64_t, BackendCount> backends;  // by the backend's id, its address
    std::map<uint8_t, uint64_t> refused;        // by enum lb_reason
  };

  static ShadowService ReportOf(const std::string& name, const ServiceCount& count);

  std::optional<SampleDecider> candidate_;  // always set
  std::optional<ImageNames> names_;
  std::map<std::string, ServiceCount> services_;
  uint64_t samples_ = 0;
};

}  // namespace evenkeel

#endif  // CONTROL_SHADOW_SHADOW_COUNT_H_
