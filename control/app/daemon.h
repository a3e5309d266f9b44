// evenkeeld put together: every part in the order in which it needs the others, and what is taken
// down in the reverse of it.
//
//   absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(settings);
//   ... until a signal ...
//   daemon->reset();   // the planes forward on
#ifndef CONTROL_APP_DAEMON_H_
#define CONTROL_APP_DAEMON_H_

#include <memory>

#include "absl/status/statusor.h"
#include "control/app/flags.h"
#include "control/pipeline.h"

namespace evenkeel {

class Daemon {
 public:
  // Once this returns, the operator's socket answers. Errors are one line that says what to do.
  static absl::StatusOr<std::unique_ptr<Daemon>> Start(const Settings& settings);
  ~Daemon();

 private:
  struct Parts;
  explicit Daemon(std::unique_ptr<Parts> parts);
  static Pipeline::Options OptionsFor(Parts* parts);

  std::unique_ptr<Parts> parts_;
};

}  // namespace evenkeel

#endif  // CONTROL_APP_DAEMON_H_
