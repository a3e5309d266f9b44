#include "tools/evenkeel/top_frame.h"

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

namespace evenkeel::cli {
namespace {

using Json = nlohmann::ordered_json;
using BackendKey = std::pair<std::string, std::string>;  // service, backend

std::optional<double> Rate(int64_t before, int64_t now, double seconds) {
  if (now < before || seconds <= 0) return std::nullopt;
  return static_cast<double>(now - before) / seconds;
}

TopRates RatesBetween(const v1::Backend* before, const v1::Backend& now, double seconds) {
  if (before == nullptr) return {};
  TopRates rates{.new_flows = Rate(before->new_flows(), now.new_flows(), seconds),
                 .packets = Rate(before->packets(), now.packets(), seconds),
                 .bits = Rate(before->bytes(), now.bytes(), seconds)};
  if (rates.bits) *rates.bits *= 8;
  return rates;
}

void Accumulate(const std::optional<double>& part, std::optional<double>& sum) {
  if (part) sum = sum.value_or(0) + *part;
}

void Accumulate(const TopRates& part, TopRates& sum) {
  Accumulate(part.new_flows, sum.new_flows);
  Accumulate(part.packets, sum.packets);
  Accumulate(part.bits, sum.bits);
}

std::map<BackendKey, const v1::Backend*> ByKey(const v1::BackendsReply& reply) {
  std::map<BackendKey, const v1::Backend*> map;
  for (const v1::Backend& backend : reply.backends()) {
    map[{backend.service(), backend.pool() + "/" + backend.name()}] = &backend;
  }
  return map;
}

Json OrNull(const std::optional<double>& value) { return value ? Json(*value) : Json(nullptr); }

void AddRates(const TopRates& rates, Json& object) {
  object["new_flows_per_second"] = OrNull(rates.new_flows);
  object["packets_per_second"] = OrNull(rates.packets);
  object["bits_per_second"] = OrNull(rates.bits);
}

Json BackendToJson(const TopBackend& backend) {
  Json object;
  object["name"] = backend.name;
  object["pool"] = backend.pool;
  object["address"] = backend.address;
  object["state"] = backend.state;
  object["share_expected"] = backend.share_expected;
  object["share_observed"] = OrNull(backend.share_observed);
  AddRates(backend.rates, object);
  return object;
}

}  // namespace

TopFrame MakeTopFrame(const TopSample* before, const TopSample& now) {
  TopFrame frame{.taken = now.taken,
                 .revision = now.status.revision(),
                 .state = now.status.state(),
                 .generation = now.status.generation(),
                 .planes = now.status.planes_size()};
  std::map<BackendKey, const v1::Backend*> earlier;
  if (before != nullptr) {
    frame.seconds = absl::ToDoubleSeconds(now.taken - before->taken);
    earlier = ByKey(before->backends);
  }
  for (const v1::Plane& plane : now.status.planes()) frame.planes_connected += plane.connected();
  for (const v1::Alarm& alarm : now.status.alarms()) frame.alarms.push_back(alarm.message());
  for (const v1::Alarm& note : now.status.notes()) frame.notes.push_back(note.message());
  std::map<std::string, size_t> places;
  for (const v1::Backend& backend : now.backends.backends()) {
    const auto found = earlier.find({backend.service(), backend.pool() + "/" + backend.name()});
    TopBackend row{.pool = backend.pool(),
                   .name = backend.name(),
                   .address = backend.address(),
                   .state = backend.state(),
                   .share_expected = backend.share_expected()};
    if (backend.has_share_observed()) row.share_observed = backend.share_observed();
    row.rates =
        RatesBetween(found == earlier.end() ? nullptr : found->second, backend, frame.seconds);
    const auto [place, is_new] = places.try_emplace(backend.service(), frame.services.size());
    if (is_new) frame.services.push_back(TopService{.name = backend.service()});
    TopService& service = frame.services[place->second];
    Accumulate(row.rates, service.rates);
    service.backends.push_back(std::move(row));
  }
  return frame;
}

Json ToJson(const TopFrame& frame) {
  Json object;
  object["time"] = absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", frame.taken, absl::UTCTimeZone());
  object["seconds"] = frame.seconds;
  object["revision"] = frame.revision;
  object["state"] = frame.state;
  object["generation"] = frame.generation;
  object["alarms"] = frame.alarms;
  object["notes"] = frame.notes;
  object["services"] = Json::array();
  for (const TopService& service : frame.services) {
    Json row;
    row["name"] = service.name;
    AddRates(service.rates, row);
    row["backends"] = Json::array();
    for (const TopBackend& backend : service.backends) {
      row["backends"].push_back(BackendToJson(backend));
    }
    object["services"].push_back(std::move(row));
  }
  return object;
}

bool IsUneven(const TopService& service, const TopBackend& backend) {
  constexpr double kWindowSeconds = 10;  // of share_observed
  const double flows = service.rates.new_flows.value_or(0) * kWindowSeconds;
  if (!backend.share_observed || flows < 1) return false;
  const double expected = backend.share_expected;
  const double deviation = std::sqrt(expected * (1 - expected) / flows);
  return std::abs(*backend.share_observed - expected) > 4 * deviation + 0.05 * expected;
}

}  // namespace evenkeel::cli
