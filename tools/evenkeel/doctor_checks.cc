#include "tools/evenkeel/doctor_checks.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace evenkeel::cli {
namespace {

constexpr char kOk[] = "ok";
constexpr char kSkipped[] = "skipped";

// Fewer packets than this say nothing of how workers share them.
constexpr int64_t kPacketsToTell = 10000;

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

class Doctor {
 public:
  Doctor(const HostFacts& host, const v1::StatusReply& status, const Config* running)
      : host_(host), status_(status), running_(running) {}

  DoctorReport Examine() {
    Add("F25", kSkipped, "what is announced is the BGP speaker's; ask it", "");
    CheckTunnels();
    CheckGateway();
    CheckSource();
    CheckWorkers();
    CheckIsolation();
    CheckHugepages();
    CheckMode();
    CheckBonds();
    CheckGenerations();
    Add("F61", kSkipped, "how many nodes share the VIPs shows at the routers only", "");
    Add("F62", kSkipped, "whether anybody reads /metrics shows at the monitor only", "");
    return std::move(report_);
  }

 private:
  void Add(const char* rule, const char* state, std::string message, std::string hint) {
    report_.checks.push_back(
        {.rule = rule, .state = state, .message = std::move(message), .hint = std::move(hint)});
  }

  void CheckTunnels() {
    std::vector<std::string> strict;
    for (const TunnelFacts& tunnel : host_.tunnels) {
      if (tunnel.rp_filter == 1) strict.push_back(tunnel.name);
    }
    if (host_.tunnels.empty()) {
      Add("F43", kSkipped, "this host unwraps no tunnels", "");
    } else if (strict.empty()) {
      Add("F43", kOk, "no tunnel device drops by strict reverse path", "");
    } else {
      Add("F43", "warning",
          absl::StrCat("strict reverse-path filtering drops what comes out of ",
                       absl::StrJoin(strict, ", ")),
          "set net.ipv4.conf.all.rp_filter and those of the devices to 0 or 2");
    }
  }

  void CheckGateway() {
    if (running_ == nullptr || !running_->network.gateway.ipv4 ||
        running_->network.gateway_mac.ipv4) {
      Add("F44", kSkipped, "no IPv4 gateway whose MAC the neighbour table gives", "");
      return;
    }
    const std::string gateway = running_->network.gateway.ipv4->ToString();
    if (Contains(host_.neighbours, gateway)) {
      Add("F44", kOk, absl::StrCat("the gateway ", gateway, " has a MAC"), "");
    } else {
      Add("F44", "warning", absl::StrCat("the kernel knows no MAC of the gateway ", gateway),
          "ping it from this host; check cable, VLAN and address");
    }
  }

  void CheckSource() {
    std::vector<std::string> foreign;
    int fixed = 0;
    if (running_ != nullptr) {
      const PerFamily<IpPrefix>& source = running_->network.encap_source;
      for (const std::optional<IpPrefix>& prefix : {source.ipv4, source.ipv6}) {
        // Of a prefix the flows vary the rest: its addresses need not be here.
        if (!prefix || absl::StrContains(prefix->ToString(), "/")) continue;
        ++fixed;
        if (!Contains(host_.addresses, prefix->ToString())) foreign.push_back(prefix->ToString());
      }
    }
    if (fixed == 0) {
      Add("F45", kSkipped, "no fixed encap_source runs", "");
    } else if (foreign.empty()) {
      Add("F45", kOk, "encap_source is this host's", "");
    } else {
      Add("F45", "error",
          absl::StrCat("encap_source ", absl::StrJoin(foreign, ", "),
                       " is no address of this host"),
          "name an address of the interface towards the backends: others are dropped by uRPF");
    }
  }

  void CheckWorkers() {
    for (const v1::Plane& plane : status_.planes()) {
      int64_t total = 0, most = 0;
      for (const v1::Worker& worker : plane.workers()) {
        total += worker.packets();
        most = std::max(most, worker.packets());
      }
      const int64_t count = plane.workers_size();
      if (count < 2 || total < kPacketsToTell) {
        Add("F49", kSkipped,
            absl::StrCat(plane.kind(), ": ", count, " worker", count == 1 ? "" : "s", ", ", total,
                         " packets: nothing to compare"),
            "");
      } else if (most * count > 3 * total) {
        Add("F49", "warning",
            absl::StrCat(plane.kind(), ": one of ", count, " workers has ", 100 * most / total,
                         "% of the packets"),
            "check RSS: number of queues, hash types, indirection table (ethtool -n, -x)");
      } else {
        Add("F49", kOk, absl::StrCat(plane.kind(), ": packets spread over ", count, " workers"),
            "");
      }
    }
  }

  bool HasDpdk() const {
    return std::any_of(status_.planes().begin(), status_.planes().end(),
                       [](const v1::Plane& plane) { return plane.kind() == "dpdk"; });
  }

  void CheckIsolation() {
    if (!HasDpdk()) {
      Add("F50", kSkipped, "no plane polls", "");
    } else if (host_.isolated_cpus.empty()) {
      Add("F50", "note", "no CPU is isolated: the scheduler puts other work onto the workers'",
          "isolcpus= or a cpuset for the cores of --lcores");
    } else {
      Add("F50", kOk, absl::StrCat("CPUs ", host_.isolated_cpus, " are isolated"), "");
    }
  }

  void CheckHugepages() {
    if (!HasDpdk() || !host_.hugepages) {
      Add("F51", kSkipped, "no plane that needs hugepages, or a kernel without", "");
    } else if (*host_.hugepages == 0) {
      Add("F51", "warning", "no hugepages are reserved", "vm.nr_hugepages, or hugepagesz= at boot");
    } else {
      Add("F51", kOk, absl::StrCat(*host_.hugepages, " hugepages are reserved"), "");
    }
  }

  void CheckMode() {
    bool found = false;
    for (const v1::Plane& plane : status_.planes()) {
      if (plane.kind() != "xdp" || plane.mode().empty()) continue;
      found = true;
      if (plane.mode() == "generic") {
        Add("F52", "warning", "XDP runs in generic mode: a copy and an allocation for each packet",
            "use a driver with native XDP, and --xdp-mode=native");
      } else {
        Add("F52", kOk, absl::StrCat("XDP runs in ", plane.mode(), " mode"), "");
      }
    }
    if (!found) Add("F52", kSkipped, "no XDP plane", "");
  }

  void CheckBonds() {
    if (host_.bonds.empty()) Add("F53", kSkipped, "no bond", "");
    for (const BondFacts& bond : host_.bonds) {
      if (!bond.broken.empty()) {
        Add("F53", "error",
            absl::StrCat(bond.name, ": ", absl::StrJoin(bond.broken, ", "), " is not up"),
            "check the cable and the switch");
      } else if (bond.hash_policy == "layer2") {
        Add("F53", "warning",
            absl::StrCat(bond.name, " spreads by MAC addresses: all goes out of one leg"),
            "set xmit_hash_policy to layer3+4");
      } else {
        Add("F53", kOk, absl::StrCat(bond.name, ": all legs are up"), "");
      }
    }
  }

  void CheckGenerations() {
    for (const v1::Plane& plane : status_.planes()) {
      if (!plane.connected()) {
        Add("F54", "error", absl::StrCat("the ", plane.kind(), " plane is not connected"),
            "start it, or see its log");
      } else if (plane.generation() != status_.generation()) {
        Add("F54", "error",
            absl::StrCat("the ", plane.kind(), " plane runs generation ", plane.generation(),
                         ", not ", status_.generation()),
            "evenkeel audit says more");
      } else {
        Add("F54", kOk,
            absl::StrCat("the ", plane.kind(), " plane runs what it should, generation ",
                         plane.generation()),
            "");
      }
    }
  }

  const HostFacts& host_;
  const v1::StatusReply& status_;
  const Config* const running_;
  DoctorReport report_;
};

}  // namespace

bool DoctorReport::ok() const {
  return std::none_of(checks.begin(), checks.end(),
                      [](const DoctorCheck& check) { return check.state == "error"; });
}

DoctorReport Examine(const HostFacts& host, const v1::StatusReply& status, const Config* running) {
  return Doctor(host, status, running).Examine();
}

}  // namespace evenkeel::cli
