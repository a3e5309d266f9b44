#include "control/app/flags.h"

#include <gflags/gflags.h>

#include <algorithm>
#include <fstream>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/app/alarm_teller.h"
#include "control/metrics/http_server.h"

DEFINE_string(socket, "/run/evenkeel/control.sock", "Unix socket for the operator's CLI");
DEFINE_string(state_dir, "/var/lib/evenkeel", "directory of revisions and generations");
DEFINE_string(http, "127.0.0.1:9470", "address of the page, /metrics and /digest; empty: none");
DEFINE_string(plane, "dpdk", "what forwards: dpdk or xdp");
DEFINE_string(dataplane_socket, "/run/evenkeel/dataplane.sock",
              "Unix socket of evenkeel-dataplane (plane dpdk)");
DEFINE_string(interface, "", "network interface to forward on (plane xdp)");
DEFINE_string(xdp_mode, "native", "native or generic (plane xdp)");
DEFINE_bool(
    flow_tracking, true,
    "follow the connections of slots that move (plane xdp, when it is attached); false spares "
    "the memory, and every change breaks some");
DEFINE_string(look_group, "", "group that may look; empty: nobody but root and this daemon's user");
DEFINE_string(change_group, "",
              "group that may change; empty: nobody but root and this daemon's user");
DEFINE_string(alarm_exec, "",
              "program that is run for every alarm: raised|cleared RULE SERVICE BACKEND SINCE "
              "MESSAGE; empty: none");
DEFINE_string(alarm_webhook, "",
              "http://HOST[:PORT][/PATH] that every alarm is posted to, as JSON; empty: none");

namespace evenkeel {
namespace {

constexpr const char* kOwnFlags[] = {
    "socket",   "state_dir",     "http",       "plane",        "dataplane_socket", "interface",
    "xdp_mode", "flow_tracking", "look_group", "change_group", "alarm_exec",       "alarm_webhook"};
constexpr int kFlagfileDepthMax = 8;

absl::Status Wrong(absl::string_view word, absl::string_view why) {
  return absl::InvalidArgumentError(absl::StrCat(word, ": ", why));
}

std::string Dashed(absl::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '_', '-');
  return text;
}

std::string Underscored(absl::string_view name) {
  std::string text(name);
  std::replace(text.begin(), text.end(), '-', '_');
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

class Reader {
 public:
  explicit Reader(Settings* settings) : settings_(*settings) {}

  // --name=value, --name value, --help, --version.
  absl::Status Read(const std::vector<std::string>& words) {
    for (size_t i = 0; i < words.size(); ++i) {
      const std::string& word = words[i];
      if (word == "--help" || word == "-h") {
        settings_.show_help = true;
        continue;
      }
      if (word == "--version") {
        settings_.show_version = true;
        continue;
      }
      if (word.size() < 3 || !absl::StartsWith(word, "--")) {
        return Wrong(word, "not a flag; --help lists them");
      }
      const size_t equals = word.find('=');
      std::string name = Underscored(word.substr(2, equals - 2));
      std::string value;
      if (equals != std::string::npos) {
        value = word.substr(equals + 1);
      } else if (IsSwitch(name)) {
        value = "true";
      } else if (absl::StartsWith(name, "no") && IsSwitch(name.substr(2))) {
        name.erase(0, 2);
        value = "false";
      }
      if (!IsOwn(name) && name != "flagfile") return Wrong(word, "unknown flag; --help lists them");
      if (value.empty() && equals == std::string::npos) {
        if (depth_ > 0) return Wrong(word, "in a flag file it is --name=value");
        if (i + 1 == words.size()) return Wrong(word, "lacks its value");
        value = words[++i];
      }
      const absl::Status set = name == "flagfile" ? ReadFile(value) : Set(word, name, value);
      if (!set.ok()) return set;
    }
    return absl::OkStatus();
  }

 private:
  static absl::Status Set(const std::string& word, const std::string& name,
                          const std::string& value) {
    if (gflags::SetCommandLineOption(name.c_str(), value.c_str()).empty()) {
      return Wrong(word, "impossible value");
    }
    return absl::OkStatus();
  }

  // One flag a line; empty lines and lines that begin with # say nothing.
  absl::Status ReadFile(const std::string& path) {
    if (++depth_ > kFlagfileDepthMax) return Wrong(path, "flag files name each other without end");
    std::ifstream file(path);
    if (!file) return Wrong(absl::StrCat("--flagfile=", path), "the file cannot be read");
    std::vector<std::string> words;
    for (std::string line; std::getline(file, line);) {
      const absl::string_view word = absl::StripAsciiWhitespace(line);
      if (!word.empty() && word.front() != '#') words.emplace_back(word);
    }
    if (file.bad()) return Wrong(absl::StrCat("--flagfile=", path), "the file cannot be read");
    const absl::Status read = Read(words);
    --depth_;
    return read;
  }

  Settings& settings_;
  int depth_ = 0;
};

}  // namespace

absl::StatusOr<Settings> ParseCommandLine(int argc, const char* const* argv) {
  Settings settings;
  if (absl::Status s = Reader(&settings).Read({argv + std::min(argc, 1), argv + argc}); !s.ok()) {
    return s;
  }
  settings.socket = FLAGS_socket;
  settings.state_dir = FLAGS_state_dir;
  settings.http = FLAGS_http;
  settings.plane = FLAGS_plane;
  settings.dataplane_socket = FLAGS_dataplane_socket;
  settings.interface = FLAGS_interface;
  settings.xdp_mode = FLAGS_xdp_mode;
  settings.flow_tracking = FLAGS_flow_tracking;
  settings.look_group = FLAGS_look_group;
  settings.change_group = FLAGS_change_group;
  settings.alarm_exec = FLAGS_alarm_exec;
  settings.alarm_webhook = FLAGS_alarm_webhook;
  if (settings.show_help || settings.show_version) return settings;
  if (settings.plane != "dpdk" && settings.plane != "xdp") {
    return Wrong(absl::StrCat("--plane=", settings.plane), "there are dpdk and xdp");
  }
  if (settings.xdp_mode != "native" && settings.xdp_mode != "generic") {
    return Wrong(absl::StrCat("--xdp-mode=", settings.xdp_mode), "there are native and generic");
  }
  if (settings.plane == "xdp" && settings.interface.empty()) {
    return Wrong("--interface", "--plane=xdp needs the name of a network interface");
  }
  if (!settings.http.empty()) {
    if (absl::Status s = CheckHttpAddress(settings.http); !s.ok()) {
      return Wrong(absl::StrCat("--http=", settings.http), s.message());
    }
  }
  if (absl::Status s =
          AlarmTeller::Check({.exec = settings.alarm_exec, .webhook = settings.alarm_webhook});
      !s.ok()) {
    return s;
  }
  if (settings.socket.empty()) return Wrong("--socket", "needs a path");
  if (settings.state_dir.empty()) return Wrong("--state-dir", "needs a path");
  return settings;
}

std::string HelpText() {
  std::string text =
      "evenkeeld: the control daemon of the Evenkeel load balancer\n\n"
      "evenkeeld [--flag=value ...]\n\n";
  for (const char* name : kOwnFlags) {
    gflags::CommandLineFlagInfo info;
    if (!gflags::GetCommandLineFlagInfo(name, &info)) continue;
    absl::StrAppend(&text, "  --", Dashed(name), "=", info.default_value, "\n      ",
                    info.description, "\n");
  }
  absl::StrAppend(&text,
                  "  --flagfile=FILE\n      a flag a line\n"
                  "  --help, --version\n\n"
                  "Ends with 0 when it was stopped by a signal, 1 when it failed, 2 when it was "
                  "called wrongly.\n");
  return text;
}

}  // namespace evenkeel
