#include "control/config/address.h"

#include <arpa/inet.h>

#include <cstring>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace evenkeel {
namespace {

constexpr size_t kMappedPrefixBytes = 12;

IpAddress MapIpv4(const uint8_t (&ipv4)[4]) {
  IpAddress::Bytes bytes{};
  bytes[10] = bytes[11] = 0xff;
  std::memcpy(bytes.data() + kMappedPrefixBytes, ipv4, sizeof(ipv4));
  return IpAddress(bytes);
}

// `bytes` with every bit from `length` (of 128) on cleared.
IpAddress::Bytes Mask(IpAddress::Bytes bytes, int length) {
  for (int i = 0; i < 16; ++i) {
    const int kept = length - 8 * i;
    if (kept <= 0) {
      bytes[i] = 0;
    } else if (kept < 8) {
      bytes[i] &= static_cast<uint8_t>(0xff << (8 - kept));
    }
  }
  return bytes;
}

int LengthMax(Family family) { return family == Family::kIpv4 ? 32 : 128; }

}  // namespace

absl::string_view FamilyName(Family family) { return family == Family::kIpv4 ? "IPv4" : "IPv6"; }

absl::StatusOr<IpAddress> IpAddress::Parse(absl::string_view text) {
  // inet_pton stops at a NUL: a longer text would pass as its beginning.
  if (text.size() >= INET6_ADDRSTRLEN || absl::StrContains(text, '\0')) {
    return absl::InvalidArgumentError("not an IP address");
  }
  const std::string terminated(text);
  uint8_t ipv4[4];
  if (inet_pton(AF_INET, terminated.c_str(), ipv4) == 1) return MapIpv4(ipv4);
  Bytes bytes;
  if (inet_pton(AF_INET6, terminated.c_str(), bytes.data()) != 1) {
    return absl::InvalidArgumentError("not an IP address");
  }
  const IpAddress address(bytes);
  if (address.is_ipv4()) {
    return absl::InvalidArgumentError(
        absl::StrCat("an IPv4 address in IPv6 spelling, write ", address.ToString()));
  }
  return address;
}

bool IpAddress::is_unspecified() const {
  for (size_t i = is_ipv4() ? kMappedPrefixBytes : 0; i < bytes_.size(); ++i) {
    if (bytes_[i] != 0) return false;
  }
  return true;
}

bool IpAddress::is_loopback() const {
  if (is_ipv4()) return bytes_[12] == 127;
  Bytes one{};
  one[15] = 1;
  return bytes_ == one;
}

bool IpAddress::is_multicast() const {
  return is_ipv4() ? (bytes_[12] & 0xf0) == 0xe0 : bytes_[0] == 0xff;
}

bool IpAddress::is_broadcast() const {
  return is_ipv4() && bytes_[12] == 255 && bytes_[13] == 255 && bytes_[14] == 255 &&
         bytes_[15] == 255;
}

std::string IpAddress::ToString() const {
  char text[INET6_ADDRSTRLEN];
  if (is_ipv4()) {
    inet_ntop(AF_INET, bytes_.data() + kMappedPrefixBytes, text, sizeof(text));
  } else {
    inet_ntop(AF_INET6, bytes_.data(), text, sizeof(text));
  }
  return text;
}

IpPrefix::IpPrefix(const IpAddress& address, int length)
    : address_(Mask(address.bytes(), address.is_ipv4() ? length + 96 : length)), length_(length) {}

IpPrefix::IpPrefix(const IpAddress& address) : IpPrefix(address, LengthMax(address.family())) {}

absl::StatusOr<IpPrefix> IpPrefix::Parse(absl::string_view text) {
  const size_t slash = text.find('/');
  absl::StatusOr<IpAddress> address = IpAddress::Parse(text.substr(0, slash));
  if (!address.ok()) return address.status();
  if (slash == absl::string_view::npos) return IpPrefix(*address);

  const absl::string_view digits = text.substr(slash + 1);
  const int length_max = LengthMax(address->family());
  int length = 0;
  const bool plain = !digits.empty() && digits.size() <= 3 && (digits[0] != '0' || digits == "0");
  for (char c : digits) {
    if (!plain || !absl::ascii_isdigit(c)) {
      return absl::InvalidArgumentError("the prefix length is not a number");
    }
    length = length * 10 + (c - '0');
  }
  if (!plain || length > length_max) {
    return absl::InvalidArgumentError(absl::StrFormat(
        "the prefix length of an %s prefix is 0 to %d", FamilyName(address->family()), length_max));
  }
  const IpPrefix prefix(*address, length);
  if (prefix.address() != *address) {
    return absl::OutOfRangeError(absl::StrFormat(
        "bits are set beyond /%d: write %s for the network or %s for the one address", length,
        prefix.ToString(), address->ToString()));
  }
  return prefix;
}

bool IpPrefix::Contains(const IpAddress& address) const {
  return address.family() == family() && Mask(address.bytes(), mapped_length()) == address_.bytes();
}

bool IpPrefix::Contains(const IpPrefix& other) const {
  return length_ <= other.length_ && Contains(other.address_);
}

std::string IpPrefix::ToString() const {
  return is_host() ? address_.ToString() : absl::StrCat(address_.ToString(), "/", length_);
}

absl::StatusOr<MacAddress> MacAddress::Parse(absl::string_view text) {
  const absl::Status malformed =
      absl::InvalidArgumentError("not a MAC address (aa:bb:cc:dd:ee:ff)");
  if (text.size() != 17) return malformed;
  Bytes bytes{};
  for (size_t i = 0; i < text.size(); ++i) {
    if (i % 3 == 2) {
      if (text[i] != ':') return malformed;
      continue;
    }
    if (!absl::ascii_isxdigit(text[i])) return malformed;
    const char c = absl::ascii_tolower(text[i]);
    const int digit = absl::ascii_isdigit(c) ? c - '0' : c - 'a' + 10;
    bytes[i / 3] = static_cast<uint8_t>(bytes[i / 3] << 4 | digit);
  }
  if (bytes[0] & 1) return absl::InvalidArgumentError("a group address cannot be a next hop");
  if (bytes == Bytes{}) return absl::InvalidArgumentError("00:00:00:00:00:00 is no next hop");
  return MacAddress(bytes);
}

std::string MacAddress::ToString() const {
  return absl::StrFormat("%02x:%02x:%02x:%02x:%02x:%02x", bytes_[0], bytes_[1], bytes_[2],
                         bytes_[3], bytes_[4], bytes_[5]);
}

}  // namespace evenkeel
