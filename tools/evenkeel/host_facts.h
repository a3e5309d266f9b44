// What the kernel of this host says of itself, as far as `doctor` looks at it.
#ifndef TOOLS_EVENKEEL_HOST_FACTS_H_
#define TOOLS_EVENKEEL_HOST_FACTS_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace evenkeel::cli {

struct BondFacts {
  std::string name;
  std::string mode;                 // "IEEE 802.3ad Dynamic link aggregation"
  std::string hash_policy;          // "layer3+4"; empty where the mode has none
  std::vector<std::string> broken;  // legs that are not up
};

struct TunnelFacts {
  std::string name;
  int rp_filter = 0;  // as it is in force: the stricter of `all` and its own
};

struct HostFacts {
  std::vector<std::string> addresses;   // of all interfaces, as text
  std::vector<std::string> neighbours;  // IPv4 addresses whose MAC is known
  std::vector<TunnelFacts> tunnels;
  std::vector<BondFacts> bonds;
  std::optional<uint64_t> hugepages;  // of all sizes; not set where the kernel does not say
  std::string isolated_cpus;          // "2-15"
};

// `root` is "" but for tests, which have a tree of their own for /proc and /sys; addresses are
// always those of this host.
HostFacts ReadHost(const std::string& root);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_HOST_FACTS_H_
