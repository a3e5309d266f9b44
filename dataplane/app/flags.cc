#include "dataplane/app/flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "dataplane/table/channel.h"
#include "dataplane/table/flow_directory.h"

DEFINE_string(socket, "/run/evenkeel/dataplane.sock", "Unix socket on which evenkeeld is awaited");
DEFINE_string(state_dir, "/var/lib/evenkeel/dataplane",
              "directory of the last good image; empty: keep none");
DEFINE_uint32(workers, 0,
              "workers, each with its lcore and queue pair; 0: all lcores but the main one");
DEFINE_string(port, "", "name of the DPDK port, where EAL has several");
DEFINE_string(tap, "auto",
              "kernel device for packets that are not ours: a name, none, or auto (evk0 for a port "
              "that the kernel does not see)");
DEFINE_uint32(mtu, 1600, "largest IP packet that the port must carry, bytes; 0: as it is");
DEFINE_uint32(rx_descriptors, 1024, "receive descriptors a queue");
DEFINE_uint32(tx_descriptors, 1024, "transmit descriptors a queue");
DEFINE_uint32(mbufs, 0, "packet buffers; 0: as many as workers and descriptors need");
DEFINE_string(poll, "adaptive",
              "adaptive: an idle worker sleeps up to half a millisecond; busy: never");
DEFINE_string(flow_dir, "",
              "directory of the tables of tracked flows, on tmpfs or hugetlbfs, from where a "
              "restarted dataplane takes them; empty: beside the socket");
DEFINE_uint32(flow_table_entries, 1048576,
              "flows that a worker can track, 8 bytes each: a power of two");
DEFINE_bool(flow_tracking, true,
            "false: connections of backends' slots that move break with every change");

namespace evenkeel {
namespace {

constexpr size_t kFlowDirMax = sizeof(HelloMessage::flow_dir) - 1;
constexpr int kFlagfileDepthMax = 8;

constexpr const char* kOwnFlags[] = {
    "socket",   "state_dir",          "workers",        "port",  "tap",
    "mtu",      "rx_descriptors",     "tx_descriptors", "mbufs", "poll",
    "flow_dir", "flow_table_entries", "flow_tracking"};

absl::Status Wrong(absl::string_view argument, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(argument, ": ", why));
}

std::string WithUnderscores(absl::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '-', '_');
  return text;
}

std::string WithDashes(absl::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

bool IsOwn(const std::string& name) {
  return std::find(std::begin(kOwnFlags), std::end(kOwnFlags), name) != std::end(kOwnFlags);
}

// Needs no value: --name is true, --noname false.
bool IsSwitch(const std::string& name) {
  gflags::CommandLineFlagInfo info;
  return IsOwn(name) && gflags::GetCommandLineFlagInfo(name.c_str(), &info) && info.type == "bool";
}

absl::Status SetFlag(const std::string& argument, const std::string& name,
                     const std::string& value) {
  if (gflags::SetCommandLineOption(name.c_str(), value.c_str()).empty()) {
    return Wrong(argument, "impossible value");
  }
  return absl::OkStatus();
}

// --name=value or --name value. Flag files are read here too: gflags passes over a line of one that
// it does not understand, so that a slip would leave the default in force.
class ArgumentReader {
 public:
  explicit ArgumentReader(Settings* settings) : settings_(*settings) {}

  absl::Status Read(const std::vector<std::string>& arguments) {
    for (size_t i = 0; i < arguments.size(); ++i) {
      const std::string& argument = arguments[i];
      if (argument == "--help" || argument == "-h") {
        settings_.show_help = true;
        continue;
      }
      if (argument == "--version") {
        settings_.show_version = true;
        continue;
      }
      if (argument.size() < 3 || !absl::StartsWith(argument, "--")) {
        return Wrong(argument, "not a flag; EAL's arguments follow after --");
      }
      const size_t equals = argument.find('=');
      std::string name = WithUnderscores(argument.substr(2, equals - 2));
      std::string value;
      if (equals != std::string::npos) {
        value = argument.substr(equals + 1);
      } else if (IsSwitch(name)) {
        value = "true";
      } else if (absl::StartsWith(name, "no") && IsSwitch(name.substr(2))) {
        name.erase(0, 2);
        value = "false";
      }
      if (!IsOwn(name) && name != "flagfile") {
        return Wrong(argument, "unknown flag; --help lists them");
      }
      if (value.empty() && equals == std::string::npos) {
        if (depth_ > 0) return Wrong(argument, "in a flag file it is --name=value");
        if (i + 1 == arguments.size()) return Wrong(argument, "the value is missing");
        value = arguments[++i];
      }
      const absl::Status set =
          name == "flagfile" ? ReadFile(value) : SetFlag(argument, name, value);
      if (!set.ok()) return set;
    }
    return absl::OkStatus();
  }

 private:
  // One flag a line; empty lines and lines that begin with # say nothing.
  absl::Status ReadFile(const std::string& path) {
    const std::string argument = absl::StrCat("--flagfile=", path);
    if (++depth_ > kFlagfileDepthMax) {
      return Wrong(argument, "flag files name each other without end");
    }
    std::ifstream file(path);
    if (!file) return Wrong(argument, "the file cannot be read");
    std::vector<std::string> arguments;
    for (std::string line; std::getline(file, line);) {
      const absl::string_view text = absl::StripAsciiWhitespace(line);
      if (!text.empty() && text.front() != '#') arguments.emplace_back(text);
    }
    if (file.bad()) return Wrong(argument, "the file cannot be read");
    const absl::Status read = Read(arguments);
    --depth_;
    return read;
  }

  Settings& settings_;
  int depth_ = 0;
};

// `low` to `high`, for flags that gflags knows as 32 bits wide.
absl::Status CheckRange(const char* name, uint32_t value, uint32_t low, uint32_t high) {
  if (value >= low && value <= high) return absl::OkStatus();
  return Wrong(absl::StrCat("--", WithDashes(name), "=", value),
               absl::StrCat("must be ", low, " to ", high));
}

absl::Status CheckValues() {
  if (auto s = CheckRange("workers", FLAGS_workers, 0, 128); !s.ok()) return s;
  if (auto s = CheckRange("rx_descriptors", FLAGS_rx_descriptors, 64, 32768); !s.ok()) return s;
  if (auto s = CheckRange("tx_descriptors", FLAGS_tx_descriptors, 64, 32768); !s.ok()) return s;
  if (FLAGS_mtu != 0) {
    if (auto s = CheckRange("mtu", FLAGS_mtu, 1280, 9600); !s.ok()) return s;
  }
  if (auto s = CheckRange("flow_table_entries", FLAGS_flow_table_entries, LB_FLOW_ENTRIES_MIN,
                          LB_FLOW_ENTRIES_MAX);
      !s.ok()) {
    return s;
  }
  if (!std::has_single_bit(FLAGS_flow_table_entries)) {
    return Wrong(
        absl::StrCat("--flow-table-entries=", FLAGS_flow_table_entries),
        absl::StrCat("must be a power of two, as ", std::bit_ceil(FLAGS_flow_table_entries)));
  }
  if (FLAGS_poll != "adaptive" && FLAGS_poll != "busy") {
    return Wrong(absl::StrCat("--poll=", FLAGS_poll), "must be adaptive or busy");
  }
  if (FLAGS_socket.empty()) return Wrong("--socket=", "must name a path");
  if (FLAGS_tap.empty()) return Wrong("--tap=", "must be auto, none or a name");
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Settings> ParseCommandLine(int argc, const char* const* argv) {
  Settings settings;
  const char* const* const end = argv + argc;
  const char* const* const dashes =
      std::find_if(argv + 1, end, [](const char* a) { return absl::string_view(a) == "--"; });
  if (absl::Status s = ArgumentReader(&settings).Read({argv + 1, dashes}); !s.ok()) {
    return s;
  }
  if (absl::Status s = CheckValues(); !s.ok()) return s;
  if (dashes != end) settings.eal_arguments.assign(dashes + 1, end);
  settings.socket = FLAGS_socket;
  settings.state_dir = FLAGS_state_dir;
  settings.workers = FLAGS_workers;
  settings.port = FLAGS_port;
  settings.tap = FLAGS_tap;
  settings.mtu = static_cast<uint16_t>(FLAGS_mtu);
  settings.rx_descriptors = static_cast<uint16_t>(FLAGS_rx_descriptors);
  settings.tx_descriptors = static_cast<uint16_t>(FLAGS_tx_descriptors);
  settings.mbufs = FLAGS_mbufs;
  // Absolute, since control reads the tables there, from a working directory of its own.
  std::error_code error;
  settings.flow_dir = std::filesystem::absolute(
      FLAGS_flow_dir.empty() ? DefaultFlowDirectory(FLAGS_socket) : FLAGS_flow_dir, error);
  if (settings.flow_dir.size() > kFlowDirMax) {
    return Wrong(absl::StrCat("--flow-dir=", settings.flow_dir),
                 absl::StrCat("is longer than ", kFlowDirMax, " bytes"));
  }
  settings.flow_table_entries = FLAGS_flow_tracking ? FLAGS_flow_table_entries : 0;
  settings.polling = FLAGS_poll == "busy" ? Polling::kBusy : Polling::kAdaptive;
  return settings;
}

std::string HelpText() {
  std::string text =
      "evenkeel-dataplane: the DPDK plane of Evenkeel. Waits on a Unix socket for evenkeeld, and\n"
      "forwards by the last image that it accepted.\n\n"
      "  evenkeel-dataplane [flags] -- EAL_ARGUMENTS\n"
      "  evenkeel-dataplane --workers=2 -- --lcores=0,1,2 "
      "--vdev=net_af_packet0,iface=eth0,qpairs=2\n"
      "  evenkeel-dataplane --workers=4 -- --lcores=0-4 -a 0000:03:00.0\n\n";
  for (const char* name : kOwnFlags) {
    gflags::CommandLineFlagInfo info;
    if (!gflags::GetCommandLineFlagInfo(name, &info)) continue;
    absl::StrAppend(&text, "  --", WithDashes(name), "=", info.default_value, "\n      ",
                    info.description, "\n");
  }
  absl::StrAppend(&text, "  --flagfile=FILE\n      flags from a file, one a line\n");
  return text;
}

}  // namespace evenkeel
