#include "dataplane/port/spread.h"

#include <rte_ethdev.h>

#include <vector>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"

namespace evenkeel {
namespace {

// Software ports that spread by other means than RSS. Some of them claim an RSS capability for
// other purposes (net_null fakes it, net_tap has it for flow rules only), so this list comes first.
struct SoftwarePort {
  const char* driver;
  const char* how;
  const char* more_queues;  // how to give it more
};
constexpr SoftwarePort kSoftwarePorts[] = {
    {"net_af_packet", "kernel fan-out by flow hash (PACKET_FANOUT_HASH)",
     "write qpairs=N in its --vdev"},
    {"net_af_xdp", "the interface's own queues, as its driver hashes",
     "write queue_count=N in its --vdev"},
    {"net_tap", "the kernel's flow hash for multi-queue tap devices", "it has no more"},
    {"net_memif", "each ring as its peer fills it", "it has no more"},
    {"net_vhost", "each queue as its peer fills it", "write queues=N in its --vdev"},
    {"net_virtio_user", "each queue as its peer fills it", "write queues=N in its --vdev"},
    {"net_pcap", "one capture file a queue", "name rx_pcap= and tx_pcap= once for each queue"},
    {"net_ring", "one ring a queue, as its peer fills it", "it is made with its rings"},
    {"net_null", "every queue makes its own frames", "it has no more"},
};

struct RssType {
  uint64_t bit;
  const char* name;
};
constexpr RssType kRssTypes[] = {
    {RTE_ETH_RSS_IPV4, "ipv4"},
    {RTE_ETH_RSS_FRAG_IPV4, "ipv4-fragment"},
    {RTE_ETH_RSS_NONFRAG_IPV4_TCP, "ipv4-tcp"},
    {RTE_ETH_RSS_NONFRAG_IPV4_UDP, "ipv4-udp"},
    {RTE_ETH_RSS_NONFRAG_IPV4_OTHER, "ipv4-other"},
    {RTE_ETH_RSS_IPV6, "ipv6"},
    {RTE_ETH_RSS_FRAG_IPV6, "ipv6-fragment"},
    {RTE_ETH_RSS_NONFRAG_IPV6_TCP, "ipv6-tcp"},
    {RTE_ETH_RSS_NONFRAG_IPV6_UDP, "ipv6-udp"},
    {RTE_ETH_RSS_NONFRAG_IPV6_OTHER, "ipv6-other"},
    {RTE_ETH_RSS_IPV6_EX, "ipv6-ex"},
    {RTE_ETH_RSS_IPV6_TCP_EX, "ipv6-tcp-ex"},
    {RTE_ETH_RSS_IPV6_UDP_EX, "ipv6-udp-ex"},
};

uint64_t WantedRssTypes() {
  uint64_t wanted = 0;
  for (const RssType& type : kRssTypes) wanted |= type.bit;
  return wanted;
}

const SoftwarePort* FindSoftwarePort(absl::string_view driver) {
  for (const SoftwarePort& port : kSoftwarePorts) {
    if (driver == port.driver) return &port;
  }
  return nullptr;
}

}  // namespace

absl::StatusOr<Spread> ChooseSpread(const SpreadFacts& facts, uint16_t queues) {
  const SoftwarePort* software = FindSoftwarePort(facts.driver);
  if (queues > facts.queues_max) {
    return absl::FailedPreconditionError(
        absl::StrCat(queues, " workers need ", queues, " queue pairs, and this ", facts.driver,
                     " port has ", facts.queues_max, ": ",
                     software != nullptr ? software->more_queues : "the device has no more",
                     ", or start fewer --workers"));
  }
  if (software != nullptr) return Spread{0, software->how};
  if (queues == 1) return Spread{0, "one queue"};

  const uint64_t types = facts.rss_capability & WantedRssTypes();
  if (types == 0) {
    return absl::FailedPreconditionError(absl::StrCat(
        "this ", facts.driver, " port cannot spread packets over queues (no RSS for IP): one of ",
        queues, " workers would get all of them; use --workers=1",
        facts.driver == "net_virtio" ? " or give the virtual device rss=on" : ""));
  }
  return Spread{types, absl::StrCat("RSS over ", RssTypeNames(types))};
}

std::string RssTypeNames(uint64_t rss_types) {
  std::vector<absl::string_view> names;
  for (const RssType& type : kRssTypes) {
    if ((rss_types & type.bit) != 0) names.push_back(type.name);
  }
  return names.empty() ? "none" : absl::StrJoin(names, " ");
}

bool HashesPorts(uint64_t rss_types) {
  return (rss_types & RTE_ETH_RSS_NONFRAG_IPV4_TCP) != 0 ||
         (rss_types & RTE_ETH_RSS_NONFRAG_IPV6_TCP) != 0;
}

}  // namespace evenkeel
