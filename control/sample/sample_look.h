// Takes the planes' sampled headers once a second, decides each by the tables that run, and keeps
// what they tell: elephants and heavy clients, and whether new flows hash evenly. A shadow that
// runs is shown each of them.
//
//   SampleLook samples(&pipeline, &traffic, &shadows);
//   traffic.Observe([&](...) { samples.See(at); lookout.See(now, at); });
//   lookout.RefineBy([&](std::vector<WatchAlarm>* alarms) { samples.Refine(alarms); });
//
// All of it by the thread that samples the traffic.
#ifndef CONTROL_SAMPLE_SAMPLE_LOOK_H_
#define CONTROL_SAMPLE_SAMPLE_LOOK_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/sample/decide_sample.h"
#include "control/sample/heavy_hitters.h"
#include "control/sample/names.h"
#include "control/sample/sample_rate.h"
#include "control/sample/slot_groups.h"
#include "control/shadow/shadow_book.h"
#include "control/watch/watch_alarm.h"

namespace evenkeel {

class SampleLook {
 public:
  // All outlive it.
  SampleLook(Pipeline* pipeline, Traffic* traffic, ShadowBook* shadows)
      : pipeline_(*pipeline), traffic_(*traffic), shadows_(*shadows) {}

  void See(absl::Time at);

  // Adds what the samples alone have noticed, and to alarms of shares whose doing it most likely
  // is.
  void Refine(std::vector<WatchAlarm>* alarms) const;

 private:
  // The revision that runs, ready to decide by.
  struct Running {
    RunningPtr revision;
    SampleDecider decider;
    ImageNames names;
  };
  struct State {
    HeavyHitters hitters;
    SlotGroups groups;
    bool by_client = false;
    absl::Time seen;
  };

  // What a plane has lost, from call to call.
  struct Losses {
    std::optional<uint64_t> known;  // as it said last; none: it has not been heard yet
    bool was_read = false;          // at the last call

    // What is lost since it was heard last.
    uint64_t Follow(uint64_t dropped);
  };

  void FollowRevision();
  std::vector<lb_sample> Take(absl::Time at);
  void Count(const lb_sample& sample, absl::Time at);
  void Tell();

  Pipeline& pipeline_;
  Traffic& traffic_;
  ShadowBook& shadows_;
  std::unique_ptr<Running> running_;  // null: nothing runs
  SampleRate rate_;
  SampleNow now_;
  absl::flat_hash_map<const PlaneSink*, Losses> losses_;
  std::optional<absl::Time> last_;
  absl::flat_hash_map<std::string, State> services_;  // by name; those that were seen lately
};

}  // namespace evenkeel

#endif  // CONTROL_SAMPLE_SAMPLE_LOOK_H_
