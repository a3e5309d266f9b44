// Drains beside the file: revisions of the same content, confirmed at once.
#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/change/drains.h"
#include "control/change/refusals.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

constexpr absl::string_view kDrainAlarm = "drain ";  // of the causes of its alarms

const Backend* FindBackend(const Config& config, const DrainCall& call) {
  const Pool* pool = config.FindPool(call.pool);
  if (pool == nullptr) return nullptr;
  for (const Backend& backend : pool->backends) {
    if (backend.name == call.backend) return &backend;
  }
  return nullptr;
}

std::optional<uint16_t> IndexOf(const ImageView& image, const Pool& pool, const std::string& name) {
  const uint64_t pool_id = NameId(pool.name);
  for (const Backend& backend : pool.backends) {
    if (backend.name != name) continue;
    const Address address = backend.address.bytes();
    for (size_t i = 0; i < image.backends().size(); i++) {
      const lb_backend& record = image.backends()[i];
      if (record.family == LB_FAMILY_NONE || image.pools()[record.pool].id != pool_id) continue;
      if (std::ranges::equal(address, record.address)) return static_cast<uint16_t>(i);
    }
  }
  return std::nullopt;
}

// Until when a connection of the backend may speak up that no flow table names; 0: there is none.
uint64_t WindowEndNs(const ImageView& image, uint16_t index) {
  uint64_t end = 0;
  for (const lb_transition& transition : image.transitions()) {
    if (transition.state == LB_SLOT_OPEN && transition.previous == index) {
      end = std::max(end, transition.open_until_ns);
    }
  }
  return end;
}

std::string NameOf(const DrainCall& call) { return absl::StrCat(call.pool, "/", call.backend); }

std::optional<Refusal> CheckDrainCall(const DrainCall& call, const RunningRevision* running,
                                      absl::Time now) {
  if (call.reason.empty()) {
    return Refusal{"usage", "a change needs a reason", "give --reason TEXT"};
  }
  if (call.until && *call.until <= now) {
    return Refusal{"usage", absl::StrCat("--until=", TimeText(*call.until), " is over already"),
                   "give a time that is still to come"};
  }
  if (running == nullptr) {
    return Refusal{"not_found", "no revision is running", "apply a configuration first"};
  }
  if (FindBackend(running->config, call) == nullptr) {
    return Refusal{"not_found", absl::StrCat("there is no backend ", NameOf(call)),
                   "evenkeel backends lists them, as POOL/NAME"};
  }
  return std::nullopt;
}

}  // namespace

ApplyOutcome Pipeline::Drain(const DrainCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  return ChangeDrains("drain", call, who);
}

ApplyOutcome Pipeline::Undrain(const DrainCall& call, const Who& who) {
  const std::lock_guard lock(change_mutex_);
  return ChangeDrains("undrain", call, who);
}

ApplyOutcome Pipeline::ChangeDrains(absl::string_view verb, const DrainCall& call, const Who& who) {
  const std::string what = absl::StrCat(verb, " ", NameOf(call));
  SettleActive();
  const RunningPtr running = Running();
  if (std::optional<Refusal> refusal = CheckDrainCall(call, running.get(), options_.clock->Now())) {
    return Refused(who, what, *std::move(refusal));
  }
  if (std::optional<Refusal> refusal = CheckIdle()) return Refused(who, what, *refusal);
  absl::StatusOr<std::optional<Revision>> stored = store_->Find(running->revision);
  if (!stored.ok()) return Refused(who, what, RefusalOf(stored.status()));

  std::vector<BackendDrain> drains = running->record.drains;
  const BackendDrain* before = FindDrain(drains, call.pool, call.backend);
  const bool is_drained = FindBackend(running->config, call)->drain.has_value();
  if (before == nullptr && is_drained) {
    return Refused(who, what,
                   {"refused", absl::StrCat("the file drains ", NameOf(call), " itself"),
                    "change the file and apply it"});
  }
  if (before == nullptr && verb == "undrain") {
    return Refused(who, what,
                   {"refused", absl::StrCat(NameOf(call), " does not drain"),
                    "evenkeel status lists what does"});
  }
  std::erase_if(drains, [&](const BackendDrain& drain) {
    return drain.pool == call.pool && drain.backend == call.backend;
  });
  if (verb == "drain") {
    drains.push_back({.pool = call.pool,
                      .backend = call.backend,
                      .reason = call.reason,
                      .until = call.until.value_or(absl::InfiniteFuture()),
                      .who = who,
                      .since = absl::FromUnixMicros(absl::ToUnixMicros(options_.clock->Now()))});
  }
  return Carry({.verb = std::string(verb),
                .content = (*stored)->content,
                .file = (*stored)->file,
                .reason = call.reason,
                .who = who,
                .drains = std::move(drains),
                .allow = running->record.allow,
                .old_errors = OldErrors::kTell,
                .force = call.force && verb == "drain"});
}

// Whether a look at the flow tables has nothing more to tell.
bool Pipeline::KnowsDrains(const RunningRevision& running) const {
  const std::lock_guard lock(view_mutex_);
  return std::ranges::all_of(
      ViewsOf(running.config, running.record.drains), [&](const DrainView& view) {
        const auto known = forecasts_.find({view.pool, view.backend});
        return known != forecasts_.end() && known->second.progress().connections_left == 0u;
      });
}

void Pipeline::FollowDrains(const RunningRevision& running, const FlowsNow& flows) {
  const absl::Time now = options_.clock->Now();
  const uint64_t now_ns = options_.clock->BootNs();
  const ImageView& image = *running.compiled->image;
  const std::vector<DrainView> views = ViewsOf(running.config, running.record.drains);
  ForgetDrains(views);
  for (const DrainView& view : views) {
    const Pool& pool = *running.config.FindPool(view.pool);
    const std::optional<uint16_t> index = IndexOf(image, pool, view.backend);
    if (!index) continue;
    const auto found = flows.backends.find(*index);
    const uint64_t left = found == flows.backends.end() ? 0 : found->second.flows;
    const absl::Duration window =
        absl::Nanoseconds(std::max(WindowEndNs(image, *index), now_ns) - now_ns);
    const std::string name = absl::StrCat(view.pool, "/", view.backend);
    {
      const std::lock_guard lock(view_mutex_);
      forecasts_[{view.pool, view.backend}].Add(now, left, now + window);
    }
    const BackendDrain* beside = FindDrain(running.record.drains, view.pool, view.backend);
    const absl::Time since = beside != nullptr ? beside->since : running.record.when;
    const std::string cause = absl::StrCat(kDrainAlarm, name);
    if (left == 0 || now - since <= pool.drain) {
      Clear(cause);
      continue;
    }
    Raise(cause, {.rule = "F19",
                  .service = {},
                  .backend = name,
                  .since = now,
                  .message = absl::StrCat(name, " has drained for longer than the ",
                                          absl::FormatDuration(pool.drain),
                                          " that its pool allows, and ", left,
                                          " connections are still there: they stay with it until "
                                          "they end, also when it is removed")});
  }
}

// Those that no longer drain.
void Pipeline::ForgetDrains(const std::vector<DrainView>& views) {
  const auto drains = [&](const std::string& name) {
    return std::ranges::any_of(views, [&](const DrainView& view) {
      return absl::StrCat(view.pool, "/", view.backend) == name;
    });
  };
  const std::lock_guard lock(view_mutex_);
  std::erase_if(forecasts_, [&](const auto& known) {
    return !drains(absl::StrCat(known.first.first, "/", known.first.second));
  });
  std::erase_if(alarms_, [&](const auto& alarm) {
    return absl::StartsWith(alarm.first, kDrainAlarm) &&
           !drains(alarm.first.substr(kDrainAlarm.size()));
  });
}

std::vector<DrainView> Pipeline::Drains() const {
  const RunningPtr running = Running();
  if (running == nullptr) return {};
  std::vector<DrainView> views = ViewsOf(running->config, running->record.drains);
  const std::lock_guard lock(view_mutex_);
  for (DrainView& view : views) {
    const auto known = forecasts_.find({view.pool, view.backend});
    if (known != forecasts_.end()) view.progress = known->second.progress();
  }
  return views;
}

}  // namespace evenkeel
