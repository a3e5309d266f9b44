// The command line of evenkeel-dataplane: its own flags, then "--", then EAL's arguments.
//
//   evenkeel-dataplane --socket=/run/evenkeel/dataplane.sock --workers=2
//       -- --lcores=0,1,2 --vdev=net_af_packet0,iface=eth0,qpairs=2
#ifndef DATAPLANE_APP_FLAGS_H_
#define DATAPLANE_APP_FLAGS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "dataplane/worker/idle.h"

namespace evenkeel {

struct Settings {
  std::string socket;
  std::string state_dir;
  uint32_t workers = 0;  // 0: one for each lcore but the main one
  std::string port;      // empty: the only one
  std::string tap;       // "auto", "none" or a name
  uint16_t mtu = 0;
  uint16_t rx_descriptors = 0;
  uint16_t tx_descriptors = 0;
  uint32_t mbufs = 0;
  std::string flow_dir;
  uint32_t flow_table_entries = 0;  // a worker; 0: flows are not tracked
  Polling polling = Polling::kAdaptive;
  std::vector<std::string> eal_arguments;
  bool show_help = false;
  bool show_version = false;
};

// InvalidArgument: what is wrong with which flag. gflags by itself would end the process with 1.
absl::StatusOr<Settings> ParseCommandLine(int argc, const char* const* argv);

// The text of --help.
std::string HelpText();

}  // namespace evenkeel

#endif  // DATAPLANE_APP_FLAGS_H_
