// The command line of evenkeeld.
//
//   evenkeeld --socket=/run/evenkeel/control.sock --state-dir=/var/lib/evenkeel --plane=dpdk
//   evenkeeld --flagfile=/etc/evenkeel/evenkeeld.flags
//
// gflags keeps the flags and their help; the words are read here, because gflags by itself ends the
// process with status 1 for a wrong call, and the interface says 2.
#ifndef CONTROL_APP_FLAGS_H_
#define CONTROL_APP_FLAGS_H_

#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

struct Settings {
  std::string socket;
  std::string state_dir;
  std::string http;   // empty: none
  std::string plane;  // dpdk | xdp
  std::string dataplane_socket;
  std::string interface;
  std::string xdp_mode;  // native | generic
  bool flow_tracking = true;
  std::string look_group;
  std::string change_group;
  std::string alarm_exec;     // empty: none
  std::string alarm_webhook;  // empty: none
  bool show_help = false;
  bool show_version = false;
};

// InvalidArgument: what is wrong with which word.
absl::StatusOr<Settings> ParseCommandLine(int argc, const char* const* argv);

// The text of --help.
std::string HelpText();

}  // namespace evenkeel

#endif  // CONTROL_APP_FLAGS_H_
