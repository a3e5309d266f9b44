#include "control/sample/sample_look.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/app/log.h"
#include "control/sample/notes.h"
#include "control/watch/split_watch.h"
#include "dataplane/forward/flow.h"

namespace evenkeel {
namespace {

// A service without packets is forgotten, with what was known of its dispersion.
constexpr absl::Duration kForgotten = absl::Minutes(10);

WatchAlarm GroupsAlarm(const std::string& service, const SlotGroupsAlarm& alarm) {
  return {.kind = WatchKind::kSlots,
          .rule = "F34",
          .service = service,
          .backend = {},
          .since = alarm.since,
          .strength = alarm.strength,
          .message = absl::StrFormat(
              "the new flows of %s do not hash evenly: of %d groups of slots %d get none, and the "
              "fullest one %.1f %%. The tables have no part in that: most likely a router in front "
              "hashes alike, or connections are opened that were chosen for where they hash",
              service, static_cast<int>(SlotGroups::kGroups), alarm.empty, 100 * alarm.largest)};
}

}  // namespace

// One whose image could not be built again decides nothing, and so is not looked at.
void SampleLook::FollowRevision() {
  const RunningPtr revision = pipeline_.Running();
  if (running_ != nullptr && running_->revision == revision) return;
  if (revision == nullptr || revision->compiled == nullptr) {
    running_.reset();
    return;
  }
  const auto& image = revision->compiled->image;
  running_.reset(new Running{revision, SampleDecider(image), ImageNames(revision->config, *image)});
}

// A plane that counts from the beginning has been started anew.
uint64_t SampleLook::Losses::Follow(uint64_t dropped) {
  was_read = true;
  const uint64_t before = std::exchange(known, dropped).value_or(dropped);
  return dropped < before ? dropped : dropped - before;
}

std::vector<lb_sample> SampleLook::Take(absl::Time at) {
  std::vector<lb_sample> samples;
  uint64_t lost = 0;
  bool was_full = false;
  for (PlaneSink* sink : pipeline_.sinks()) {
    Losses& losses = losses_[sink];
    const bool was_read = std::exchange(losses.was_read, false);
    absl::StatusOr<SampleBatch> batch = sink->TakeSamples(rate_.every());
    if (!batch.ok()) continue;  // what is wrong with a plane is said elsewhere
    const uint64_t more = losses.Follow(batch->dropped);
    lost += more;
    // A ring that nobody has read is full at any rate.
    was_full |= was_read && more > 0;
    samples.insert(samples.end(), batch->samples.begin(), batch->samples.end());
  }
  double packets = 0;
  for (const lb_sample& sample : samples) packets += sample.every;
  if (last_) rate_.Add(packets, was_full, absl::ToDoubleSeconds(at - *last_));
  now_.taken += samples.size();
  now_.lost += lost;
  now_.every = rate_.every();
  last_ = at;
  return samples;
}

void SampleLook::Count(const lb_sample& sample, absl::Time at) {
  const SampleFate fate = running_->decider.Decide(sample);
  const std::string& service = running_->names.Service(fate.service);
  if (service.empty()) return;
  State& state = services_[service];
  state.seen = at;
  state.by_client =
      running_->decider.image().services()[fate.service].affinity == LB_AFFINITY_CLIENT;
  state.hitters.Add(sample);
  shadows_.Add(sample, {.service = service,
                        .image = running_->decider.image(),
                        .names = running_->names,
                        .owner = fate.backend});
  if ((sample.flags & LB_FLOW_NEW) != 0) state.groups.Add(fate.hash);
}

void SampleLook::See(absl::Time at) {
  FollowRevision();
  const std::vector<lb_sample> samples = Take(at);
  if (running_ != nullptr) {
    shadows_.Follow(*running_->revision, at);
    for (const lb_sample& sample : samples) Count(sample, at);
  }
  absl::erase_if(services_, [&](const auto& entry) { return at - entry.second.seen > kForgotten; });
  const double nats = AlarmThreshold(services_.size());
  for (auto& [name, state] : services_) {
    state.hitters.EndSecond(at);
    state.groups.EndSecond(at, nats, state.by_client);
  }
  shadows_.EndSecond(at);
  Tell();
}

void SampleLook::Tell() {
  const std::vector<TrafficNote> before = std::move(now_.notes);
  now_.notes.clear();
  now_.services.clear();
  for (const auto& [name, state] : services_) {
    now_.services.push_back({.service = name, .window = state.hitters.window()});
    for (const HeavyFinding& finding : state.hitters.Findings()) {
      std::string backend =
          running_ == nullptr ? "" : running_->names.Backend(finding.shares.backend);
      now_.notes.push_back(NoteOf(finding, state.hitters.window(), name, backend));
    }
  }
  std::sort(now_.services.begin(), now_.services.end(),
            [](const auto& a, const auto& b) { return a.service < b.service; });
  std::sort(now_.notes.begin(), now_.notes.end(), [](const auto& a, const auto& b) {
    return std::tie(a.service, a.rule) < std::tie(b.service, b.rule);
  });
  for (const TrafficNote& note : now_.notes) {
    const bool is_known = std::any_of(before.begin(), before.end(), [&](const TrafficNote& other) {
      return other.service == note.service && other.rule == note.rule && other.since == note.since;
    });
    if (!is_known) LogInfo("note", note.rule, ": ", note.message);
  }
  traffic_.SetSamples(now_);
}

void SampleLook::Refine(std::vector<WatchAlarm>* alarms) const {
  for (WatchAlarm& alarm : *alarms) {
    if (alarm.kind == WatchKind::kFollowUp) continue;
    for (const auto& [name, state] : services_) {
      if (alarm.service && *alarm.service != name) continue;
      for (const HeavyFinding& finding : state.hitters.Findings()) {
        const std::string why = ExplanationOf(finding, name);
        if (!why.empty()) absl::StrAppend(&alarm.message, ". ", why);
      }
    }
  }
  for (const auto& [name, state] : services_) {
    if (state.groups.alarm()) alarms->push_back(GroupsAlarm(name, *state.groups.alarm()));
  }
}

}  // namespace evenkeel
