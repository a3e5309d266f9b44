#include "control/overlay/standings.h"

#include <algorithm>
#include <memory>

namespace evenkeel {
namespace {

Standings::StandingOf Snapshot(const HealthBook& book) {
  return [copy = std::make_shared<const HealthBook>(book)](
             absl::string_view pool, const Address& address) { return copy->Of(pool, address); };
}

}  // namespace

void Standings::SetConfigs(const Config* confirmed, const Config* trial, absl::Time now) {
  const std::lock_guard lock(mutex_);
  const Config none;
  // A trial that is confirmed hands its book on: it knows how the backends that it added stand.
  if (trial_ && trial == nullptr && confirmed != nullptr && trial_->IsOf(*confirmed)) {
    confirmed_ = *std::move(trial_);
  } else if (trial != nullptr && !trial_) {
    trial_ = confirmed_;
  }
  if (trial == nullptr) trial_.reset();
  confirmed_.SetConfig(confirmed == nullptr ? none : *confirmed, now);
  if (trial_) trial_->SetConfig(*trial, now);
}

void Standings::Adopt(const ImageView& image, absl::Time now) {
  const std::lock_guard lock(mutex_);
  confirmed_.Adopt(image, now);
  if (trial_) trial_->Adopt(image, now);
}

void Standings::Take(const HealthVerdict& verdict, absl::Time now) {
  const std::lock_guard lock(mutex_);
  confirmed_.Take(verdict, now);
  if (trial_) trial_->Take(verdict, now);
}

bool Standings::Advance(absl::Time now) {
  const std::lock_guard lock(mutex_);
  const bool confirmed_changed = confirmed_.Advance(now);
  const bool trial_changed = trial_ && trial_->Advance(now);
  return confirmed_changed || trial_changed;
}

absl::Time Standings::NextChange(absl::Time now) const {
  const std::lock_guard lock(mutex_);
  const absl::Time next = confirmed_.NextChange(now);
  return trial_ ? std::min(next, trial_->NextChange(now)) : next;
}

Standings::StandingOf Standings::Confirmed() const {
  const std::lock_guard lock(mutex_);
  return Snapshot(confirmed_);
}

Standings::StandingOf Standings::Running() const {
  const std::lock_guard lock(mutex_);
  return Snapshot(RunningBook());
}

BackendStanding Standings::Of(absl::string_view pool, const Address& address) const {
  const std::lock_guard lock(mutex_);
  return RunningBook().Of(pool, address);
}

std::string Standings::Trouble(absl::string_view pool, const Address& address) const {
  const std::lock_guard lock(mutex_);
  return RunningBook().Trouble(pool, address);
}

std::vector<PoolAlarm> Standings::Alarms() const {
  const std::lock_guard lock(mutex_);
  return RunningBook().Alarms();
}

}  // namespace evenkeel
