// Drains beside the file: revisions of the same content, confirmed at once.
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "control/change/drains.h"
#include "control/change/refusals.h"
#include "control/pipeline.h"

namespace evenkeel {
namespace {

const Backend* FindBackend(const Config& config, const DrainCall& call) {
  const Pool* pool = config.FindPool(call.pool);
  if (pool == nullptr) return nullptr;
  for (const Backend& backend : pool->backends) {
    if (backend.name == call.backend) return &backend;
  }
  return nullptr;
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

std::vector<DrainView> Pipeline::Drains() const {
  const RunningPtr running = Running();
  if (running == nullptr) return {};
  return ViewsOf(running->config, running->record.drains);
}

}  // namespace evenkeel
