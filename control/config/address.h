// Addresses as values: IPv4 and IPv6 in one type of 16 bytes, prefixes, MAC addresses.
//
// An IPv4 address is kept as the mapped ::ffff:a.b.c.d, which is also how the image and the backend
// ids see it. Text is canonical (RFC 5952): parsing and printing again gives one spelling for one
// address. Nothing here allocates but ToString(); everything is safe from any thread.
//
//   absl::StatusOr<IpPrefix> vip = IpPrefix::Parse("203.0.113.0/24");
//   if (vip.ok() && vip->Contains(*IpAddress::Parse("203.0.113.10"))) ...
#ifndef CONTROL_CONFIG_ADDRESS_H_
#define CONTROL_CONFIG_ADDRESS_H_

#include <array>
#include <compare>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

enum class Family : uint8_t { kIpv4 = 4, kIpv6 = 6 };

// "IPv4" or "IPv6", for messages.
absl::string_view FamilyName(Family family);

class IpAddress {
 public:
  using Bytes = std::array<uint8_t, 16>;  // network order

  // The unspecified IPv6 address `::`.
  constexpr IpAddress() = default;
  constexpr explicit IpAddress(const Bytes& bytes) : bytes_(bytes) {}

  // `text` is a.b.c.d or an IPv6 address without brackets and zone. Refuses leading zeros, and the
  // mapped spelling ::ffff:a.b.c.d, which would be a second name of an IPv4 address.
  static absl::StatusOr<IpAddress> Parse(absl::string_view text);

  constexpr const Bytes& bytes() const { return bytes_; }
  constexpr bool is_ipv4() const {
    for (size_t i = 0; i < 10; ++i) {
      if (bytes_[i] != 0) return false;
    }
    return bytes_[10] == 0xff && bytes_[11] == 0xff;
  }
  constexpr Family family() const { return is_ipv4() ? Family::kIpv4 : Family::kIpv6; }

  bool is_unspecified() const;  // 0.0.0.0 and ::
  bool is_loopback() const;
  bool is_multicast() const;
  bool is_broadcast() const;  // 255.255.255.255

  std::string ToString() const;

  auto operator<=>(const IpAddress&) const = default;

  template <typename H>
  friend H AbslHashValue(H state, const IpAddress& address) {
    return H::combine(std::move(state), address.bytes_);
  }

 private:
  Bytes bytes_{};
};

// A network: bits beyond the length are zero. A single address is a prefix of 32 or 128 bits.
class IpPrefix {
 public:
  // ::/128
  constexpr IpPrefix() = default;
  // The prefix of `length` bits (in the family's own terms: 0..32 or 0..128) that holds `address`.
  IpPrefix(const IpAddress& address, int length);
  // The prefix that holds only `address`.
  explicit IpPrefix(const IpAddress& address);

  // ADDRESS or ADDRESS/LENGTH. OutOfRange where bits are set beyond the length (one of the two is a
  // slip: the message says both ways to write it), else InvalidArgument.
  static absl::StatusOr<IpPrefix> Parse(absl::string_view text);

  constexpr const IpAddress& address() const { return address_; }
  constexpr Family family() const { return address_.family(); }
  constexpr int length() const { return length_; }  // 0..32 or 0..128
  // The same over the 16 bytes: an IPv4 prefix counts 96 bits more.
  constexpr int mapped_length() const { return address_.is_ipv4() ? length_ + 96 : length_; }
  constexpr bool is_host() const { return mapped_length() == 128; }

  // False across families.
  bool Contains(const IpAddress& address) const;
  bool Contains(const IpPrefix& other) const;
  bool Overlaps(const IpPrefix& other) const { return Contains(other) || other.Contains(*this); }

  // Without "/32" or "/128" where it is a single address.
  std::string ToString() const;

  auto operator<=>(const IpPrefix&) const = default;

  template <typename H>
  friend H AbslHashValue(H state, const IpPrefix& prefix) {
    return H::combine(std::move(state), prefix.address_, prefix.length_);
  }

 private:
  IpAddress address_;
  int length_ = 128;
};

class MacAddress {
 public:
  using Bytes = std::array<uint8_t, 6>;

  constexpr MacAddress() = default;
  constexpr explicit MacAddress(const Bytes& bytes) : bytes_(bytes) {}

  // Six pairs of hex digits with colons. Refuses group addresses and 00:00:00:00:00:00: neither is
  // a next hop.
  static absl::StatusOr<MacAddress> Parse(absl::string_view text);

  constexpr const Bytes& bytes() const { return bytes_; }
  std::string ToString() const;

  auto operator<=>(const MacAddress&) const = default;

 private:
  Bytes bytes_{};
};

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_ADDRESS_H_
