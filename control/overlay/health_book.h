// How every backend of one configuration stands: a PoolHealth for each pool, fed by the verdicts of
// its own checks.
//
// A value. A trial has its own copy, made from the confirmed one: verdicts go to both, each takes
// those of the checks that its configuration asks for, and one of the two is dropped at the end.
// One thread.
//
//   HealthBook book;
//   book.SetConfig(config, now);
//   book.Take(verdict, now);
//   if (book.Advance(now)) Publish();    // and again at book.NextChange(now)
#ifndef CONTROL_OVERLAY_HEALTH_BOOK_H_
#define CONTROL_OVERLAY_HEALTH_BOOK_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/config.h"
#include "control/health/target.h"
#include "control/overlay/pool_health.h"

namespace evenkeel {

class ImageView;

struct PoolAlarm {
  std::string pool;
  FloorAlarm floor;
};

class HealthBook {
 public:
  // Pools and backends that are known keep how they stand.
  void SetConfig(const Config& config, absl::Time now);
  // Whether it was made for these pools and services.
  bool IsOf(const Config& config) const;

  // How the backends stood in the image that the planes run, when control has started anew.
  void Adopt(const ImageView& image, absl::Time now);

  // A verdict of a check that this configuration doesn't ask for is nobody's.
  void Take(const HealthVerdict& verdict, absl::Time now);

  // Does what is due. True: the planes would see a difference.
  bool Advance(absl::Time now);
  absl::Time NextChange(absl::Time now) const;

  // Up, where the pool or the backend is not known.
  BackendStanding Of(absl::string_view pool, const Address& address) const;
  // Why it is out, a sentence: what its check found, or that it is held back, or not checked yet.
  // Empty for one that is in and passes.
  std::string Trouble(absl::string_view pool, const Address& address) const;
  std::vector<PoolAlarm> Alarms() const;

 private:
  using Key = std::pair<std::string, Address>;

  std::map<std::string, PoolHealth, std::less<>> pools_;
  std::map<Key, HealthTarget> targets_;
  std::map<Key, std::string> errors_;  // of those that fail
  std::vector<Pool> config_pools_;
  std::vector<Service> config_services_;
};

}  // namespace evenkeel

#endif  // CONTROL_OVERLAY_HEALTH_BOOK_H_
