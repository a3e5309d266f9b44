// How every backend stands, for whoever publishes and whoever asks: the books of what is confirmed
// and of what is on trial, fed together.
//
// Take() is called from the prober's thread; SetConfigs(), Adopt() and Advance() from whoever holds
// the pipeline's lock; the questions from any thread. All are safe against each other.
//
//   Standings standings;
//   standings.SetConfigs(&confirmed, nullptr, now);
//   auto prober = Prober::Start({}, [&](const HealthVerdict& v) { standings.Take(v, now); Wake();
//   });
//   ...
//   if (standings.Advance(now)) Publish({.standing_of = standings.Confirmed()});
#ifndef CONTROL_OVERLAY_STANDINGS_H_
#define CONTROL_OVERLAY_STANDINGS_H_

#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/time/time.h"
#include "control/overlay/health_book.h"

namespace evenkeel {

class Standings {
 public:
  // As in control/publish/effective.h. A snapshot: what comes later doesn't change it.
  using StandingOf = std::function<BackendStanding(absl::string_view pool, const Address& address)>;

  // What runs for good, and what is on trial (null: nothing). A trial begins with how things stand;
  // when it is confirmed, call this with its configuration as the first one. Null, null: nothing.
  void SetConfigs(const Config* confirmed, const Config* trial, absl::Time now);

  // After a restart of control, from what the planes run.
  void Adopt(const ImageView& image, absl::Time now);

  void Take(const HealthVerdict& verdict, absl::Time now);

  // Does what is due. True: the planes would see a difference.
  bool Advance(absl::Time now);
  absl::Time NextChange(absl::Time now) const;

  StandingOf Confirmed() const;
  // Of what is confirmed where nothing is on trial.
  StandingOf Running() const;
  // HealthBook::Of() and Trouble() of what runs: the trial's, if there is one.
  BackendStanding Of(absl::string_view pool, const Address& address) const;
  std::string Trouble(absl::string_view pool, const Address& address) const;
  std::vector<PoolAlarm> Alarms() const;

 private:
  const HealthBook& RunningBook() const { return trial_ ? *trial_ : confirmed_; }

  mutable std::mutex mutex_;
  HealthBook confirmed_;
  std::optional<HealthBook> trial_;
};

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_STANDINGS_H_
