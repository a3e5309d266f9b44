#include "control/metrics/distribution_json.h"

#include <nlohmann/json.hpp>

#include "absl/strings/str_cat.h"
#include "control/api/change_reports.h"
#include "control/api/reports.h"

namespace evenkeel {
namespace {

using Json = nlohmann::ordered_json;

template <typename T>
Json OrNull(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

// What a person has written may hold anything.
std::string Dump(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json AlarmJson(const ControlAlarm& alarm) {
  return {{"rule", alarm.rule},
          {"service", OrNull(alarm.service)},
          {"backend", OrNull(alarm.backend)},
          {"since", Rfc3339(alarm.since)},
          {"message", alarm.message}};
}

Json AlarmsJson(const Pipeline& pipeline, const TrafficNow& traffic) {
  Json alarms = Json::array();
  for (const WatchAlarm& alarm : traffic.watch.alarms) {
    alarms.push_back(AlarmJson({.rule = alarm.rule,
                                .service = alarm.service,
                                .backend = alarm.backend,
                                .since = alarm.since,
                                .message = alarm.message}));
  }
  for (const ControlAlarm& alarm : pipeline.Alarms()) alarms.push_back(AlarmJson(alarm));
  for (const PlaneAlarm& alarm : traffic.alarms) {
    alarms.push_back(AlarmJson({.rule = "plane",
                                .service = {},
                                .backend = {},
                                .since = alarm.since,
                                .message = alarm.message}));
  }
  return alarms;
}

Json NotesJson(const TrafficNow& traffic) {
  Json notes = Json::array();
  for (const TrafficNote& note : traffic.samples.notes) {
    notes.push_back({{"rule", note.rule},
                     {"service", note.service},
                     {"backend", note.backend.empty() ? Json(nullptr) : Json(note.backend)},
                     {"since", Rfc3339(note.since)},
                     {"message", note.message}});
  }
  return notes;
}

Json TrialJson(const std::optional<TrialView>& trial) {
  if (!trial) return nullptr;
  return {{"revision", trial->revision},
          {"base_revision", trial->base_revision},
          {"seconds_left", absl::ToDoubleSeconds(trial->left)},
          {"who", trial->who.name},
          {"reason", trial->reason},
          {"canary_percent", trial->canary ? Json(trial->canary->percent) : Json(nullptr)}};
}

Json ServiceJson(const Service& service, const RunningRevision& running, const Standings& standings,
                 const TrafficNow& traffic) {
  const uint64_t id = NameId(service.name);
  Json out{{"name", service.name},
           {"address", absl::StrCat(service.vip.ToString(), " ", Name(service.protocol), " ",
                                    ToString(service.ports))},
           {"pool", service.pool},
           {"new_flows_per_second", OrNull(traffic.recent.Rate(id))},
           {"backends", Json::array()}};
  for (size_t place = 0; place < running.config.pools.size(); ++place) {
    const Pool& pool = running.config.pools[place];
    if (pool.name != service.pool) continue;
    for (size_t i = 0; i < pool.backends.size(); ++i) {
      const Backend& backend = pool.backends[i];
      const Address& address = backend.address.bytes();
      const double expected = running.compiled ? running.compiled->pools[place].share(i) : 0;
      out["backends"].push_back(
          {{"name", backend.name},
           {"state", StateName(backend, standings.Of(pool.name, address))},
           {"expected", expected},
           {"observed", OrNull(traffic.recent.Share(id, BackendId(address)))}});
    }
  }
  return out;
}

}  // namespace

std::string DistributionJson(const Pipeline& pipeline, const TrafficNow& traffic,
                             const History& history, absl::Time now) {
  const RunningPtr running = pipeline.Running();
  const std::optional<TrialView> trial = pipeline.Trial();
  Json out{{"time", Rfc3339(now)},
           {"node", running ? Json(running->config.cluster.name) : Json(nullptr)},
           {"revision", running ? running->revision : 0},
           {"state", trial     ? "trial"
                     : running ? "confirmed"
                               : "empty"},
           {"generation", running ? running->generation : 0},
           {"planes", Json::array()},
           {"trial", TrialJson(trial)},
           {"alarms", AlarmsJson(pipeline, traffic)},
           {"notes", NotesJson(traffic)},
           {"services", Json::array()},
           {"revisions", Json::array()}};
  for (const PlaneSink* sink : pipeline.sinks()) {
    out["planes"].push_back(
        {{"kind", std::string(sink->kind())}, {"connected", sink->State().connected}});
  }
  if (running) {
    for (const Service& service : running->config.services) {
      out["services"].push_back(ServiceJson(service, *running, pipeline.standings(), traffic));
    }
  }
  for (const RevisionMark& mark : history.Revisions()) {
    out["revisions"].push_back({{"time", Rfc3339(mark.at)}, {"revision", mark.revision}});
  }
  return Dump(out);
}

std::string HistoryJson(const History& history, const std::string& service) {
  Json out{{"service", service}, {"ends", Json::array()}, {"backends", Json::array()}};
  if (const std::optional<ServiceHistory> of = history.Of(service)) {
    for (const absl::Time end : of->ends) out["ends"].push_back(absl::ToUnixSeconds(end));
    for (const ServiceHistory::Line& line : of->lines) {
      Json& row = out["backends"].emplace_back();
      row["name"] = line.name;
      for (const HistoryPoint& point : line.points) {
        row["expected"].push_back(point.expected);
        row["observed"].push_back(point.observed);
      }
    }
  }
  return Dump(out);
}

}  // namespace evenkeel
