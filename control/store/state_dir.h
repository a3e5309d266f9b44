// The state directory, held by one process.
//
// evenkeeld takes it first of all and keeps it until it ends; the kernel frees it however the
// process ends. Used from main's thread.
//
//   absl::StatusOr<StateDir> state = StateDir::Take("/var/lib/evenkeel");
//   Store::Open(state->path());
#ifndef CONTROL_STORE_STATE_DIR_H_
#define CONTROL_STORE_STATE_DIR_H_

#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

class StateDir {
 public:
  // Makes the directory (mode 0700) if it is absent, its parent not. AlreadyExists: another
  // evenkeeld holds it; the text names its process.
  static absl::StatusOr<StateDir> Take(const std::string& path);

  StateDir(StateDir&& other) noexcept;
  StateDir& operator=(StateDir&& other) = delete;
  ~StateDir();

  const std::string& path() const { return path_; }

 private:
  StateDir(std::string path, int lock) : path_(std::move(path)), lock_(lock) {}

  std::string path_;
  int lock_;  // -1: moved from
};

}  // namespace evenkeel

#endif  // CONTROL_STORE_STATE_DIR_H_
