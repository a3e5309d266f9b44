#include "tools/evenkeel/host_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <memory>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"

namespace evenkeel::cli {
namespace {

std::vector<std::string> Lines(const std::string& path) {
  std::vector<std::string> lines;
  std::ifstream file(path);
  for (std::string line; std::getline(file, line);) lines.push_back(line);
  return lines;
}

std::string FirstLine(const std::string& path) {
  const std::vector<std::string> lines = Lines(path);
  return lines.empty() ? "" : std::string(absl::StripAsciiWhitespace(lines[0]));
}

int Number(const std::string& path) {
  int number = 0;
  return absl::SimpleAtoi(FirstLine(path), &number) ? number : 0;
}

// Names in a folder; none where there is no such folder.
std::vector<std::string> Entries(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator it(path, error), end; !error && it != end;
       it.increment(error)) {
    names.push_back(it->path().filename());
  }
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> Addresses() {
  std::vector<std::string> addresses;
  ifaddrs* first = nullptr;
  if (getifaddrs(&first) != 0) return addresses;
  const std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> owner(first, freeifaddrs);
  for (const ifaddrs* it = first; it != nullptr; it = it->ifa_next) {
    if (it->ifa_addr == nullptr) continue;
    char text[INET6_ADDRSTRLEN] = "";
    if (it->ifa_addr->sa_family == AF_INET) {
      const auto* v4 = reinterpret_cast<const sockaddr_in*>(it->ifa_addr);
      inet_ntop(AF_INET, &v4->sin_addr, text, sizeof(text));
    } else if (it->ifa_addr->sa_family == AF_INET6) {
      const auto* v6 = reinterpret_cast<const sockaddr_in6*>(it->ifa_addr);
      inet_ntop(AF_INET6, &v6->sin6_addr, text, sizeof(text));
    }
    if (text[0] != '\0') addresses.push_back(text);
  }
  return addresses;
}

// /proc/net/arp: address, hardware type, flags (2: complete), MAC, mask, device.
std::vector<std::string> Neighbours(const std::string& root) {
  std::vector<std::string> known;
  for (const std::string& line : Lines(root + "/proc/net/arp")) {
    const std::vector<std::string> words =
        absl::StrSplit(line, absl::ByAnyChar(" \t"), absl::SkipEmpty());
    if (words.size() >= 6 && words[2] == "0x2") known.push_back(words[0]);
  }
  return known;
}

std::vector<TunnelFacts> Tunnels(const std::string& root) {
  constexpr int kIpip = 768, kIp6Tunnel = 769, kSit = 776, kGre = 778, kGre6 = 823;  // ARPHRD_*
  std::vector<TunnelFacts> tunnels;
  const std::string conf = root + "/proc/sys/net/ipv4/conf/";
  for (const std::string& name : Entries(root + "/sys/class/net")) {
    const int type = Number(absl::StrCat(root, "/sys/class/net/", name, "/type"));
    if (type != kIpip && type != kIp6Tunnel && type != kSit && type != kGre && type != kGre6) {
      continue;
    }
    tunnels.push_back({.name = name,
                       .rp_filter = std::max(Number(conf + "all/rp_filter"),
                                             Number(conf + name + "/rp_filter"))});
  }
  return tunnels;
}

BondFacts ReadBond(const std::string& path, const std::string& name) {
  BondFacts bond{.name = name, .mode = "", .hash_policy = "", .broken = {}};
  std::string leg;
  for (const std::string& line : Lines(path)) {
    const std::pair<std::string, std::string> field =
        absl::StrSplit(line, absl::MaxSplits(": ", 1));
    if (field.first == "Bonding Mode") bond.mode = field.second;
    if (field.first == "Transmit Hash Policy") {
      bond.hash_policy = field.second.substr(0, field.second.find(' '));
    }
    if (field.first == "Slave Interface") leg = field.second;
    if (field.first == "MII Status" && !leg.empty() && field.second != "up") {
      bond.broken.push_back(leg);
    }
  }
  return bond;
}

std::optional<uint64_t> Hugepages(const std::string& root) {
  const std::string folder = root + "/sys/kernel/mm/hugepages";
  std::optional<uint64_t> pages;
  for (const std::string& size : Entries(folder)) {
    const int count = Number(absl::StrCat(folder, "/", size, "/nr_hugepages"));
    pages = pages.value_or(0) + static_cast<uint64_t>(std::max(count, 0));
  }
  return pages;
}

}  // namespace

HostFacts ReadHost(const std::string& root) {
  HostFacts facts;
  facts.addresses = Addresses();
  facts.neighbours = Neighbours(root);
  facts.tunnels = Tunnels(root);
  for (const std::string& name : Entries(root + "/proc/net/bonding")) {
    facts.bonds.push_back(ReadBond(absl::StrCat(root, "/proc/net/bonding/", name), name));
  }
  facts.hugepages = Hugepages(root);
  facts.isolated_cpus = FirstLine(root + "/sys/devices/system/cpu/isolated");
  return facts;
}

}  // namespace evenkeel::cli
