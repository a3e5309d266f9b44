#include "tools/evenkeel-decap/addresses.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace evenkeel::decap {
namespace {

constexpr int kMappedBits = 96;  // the length of ::ffff:0:0/96, in front of every IPv4 address

struct ParsedAddress {
  decap_address address;
  bool is_ipv4;
};

decap_address Mapped(const in_addr& ipv4) {
  decap_address address = {};
  address.bytes[10] = address.bytes[11] = 0xff;
  std::memcpy(&address.bytes[12], &ipv4, sizeof ipv4);
  return address;
}

absl::StatusOr<ParsedAddress> ParseAddress(const std::string& text) {
  in_addr ipv4;
  if (inet_pton(AF_INET, text.c_str(), &ipv4) == 1) {
    return ParsedAddress{Mapped(ipv4), true};
  }
  decap_address ipv6;
  if (inet_pton(AF_INET6, text.c_str(), &ipv6) == 1) {
    return ParsedAddress{ipv6, false};
  }
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not an IPv4 or IPv6 address"));
}

bool HasBitsAfter(const decap_address& address, int length) {
  for (int bit = length; bit < 128; ++bit) {
    if (address.bytes[bit / 8] & (0x80 >> (bit % 8))) return true;
  }
  return false;
}

absl::StatusOr<decap_prefix> ParsePrefix(const std::string& text) {
  const std::vector<std::string> parts = absl::StrSplit(text, absl::MaxSplits('/', 1));
  absl::StatusOr<ParsedAddress> parsed = ParseAddress(parts[0]);
  if (!parsed.ok()) return parsed.status();
  const int width = parsed->is_ipv4 ? 32 : 128;
  int length = width;
  if (parts.size() == 2 && (!absl::SimpleAtoi(parts[1], &length) || length < 0 || length > width)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\": the prefix length must be 0 to ", width));
  }
  if (parsed->is_ipv4) length += kMappedBits;
  if (HasBitsAfter(parsed->address, length)) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" has address bits after the prefix length"));
  }
  return decap_prefix{static_cast<__u32>(length), parsed->address};
}

std::vector<std::string> Items(const std::string& text) {
  if (text.empty()) return {};
  return absl::StrSplit(text, ',');
}

}  // namespace

absl::StatusOr<std::vector<decap_address>> ParseAddresses(const std::string& text) {
  std::vector<decap_address> addresses;
  for (const std::string& item : Items(text)) {
    absl::StatusOr<ParsedAddress> parsed = ParseAddress(item);
    if (!parsed.ok()) return parsed.status();
    addresses.push_back(parsed->address);
  }
  return addresses;
}

absl::StatusOr<std::vector<decap_prefix>> ParsePrefixes(const std::string& text) {
  std::vector<decap_prefix> prefixes;
  for (const std::string& item : Items(text)) {
    absl::StatusOr<decap_prefix> prefix = ParsePrefix(item);
    if (!prefix.ok()) return prefix.status();
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

absl::StatusOr<std::vector<decap_address>> AddressesOfInterface(const std::string& interface) {
  ifaddrs* head = nullptr;
  if (getifaddrs(&head) != 0) {
    return absl::InternalError(
        absl::StrCat("cannot list the addresses of ", interface, ": ", strerror(errno)));
  }
  std::unique_ptr<ifaddrs, decltype(&freeifaddrs)> list(head, &freeifaddrs);
  std::vector<decap_address> addresses;
  for (const ifaddrs* entry = head; entry != nullptr; entry = entry->ifa_next) {
    if (entry->ifa_addr == nullptr || interface != entry->ifa_name) continue;
    if (entry->ifa_addr->sa_family == AF_INET) {
      addresses.push_back(Mapped(reinterpret_cast<sockaddr_in*>(entry->ifa_addr)->sin_addr));
    } else if (entry->ifa_addr->sa_family == AF_INET6) {
      decap_address address;
      std::memcpy(&address, &reinterpret_cast<sockaddr_in6*>(entry->ifa_addr)->sin6_addr,
                  sizeof address);
      addresses.push_back(address);
    }
  }
  return addresses;
}

std::string ToString(const decap_address& address) {
  in6_addr ipv6;
  std::memcpy(&ipv6, &address, sizeof ipv6);
  char text[INET6_ADDRSTRLEN];
  if (IN6_IS_ADDR_V4MAPPED(&ipv6)) {
    return inet_ntop(AF_INET, &address.bytes[12], text, sizeof text);
  }
  return inet_ntop(AF_INET6, &ipv6, text, sizeof text);
}

}  // namespace evenkeel::decap
