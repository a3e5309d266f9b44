// Names of things: SHA-256 digests and the 64-bit identities of backends, services and pools.
// Pure functions, any thread.
//
//   uint64_t id = BackendId(MapIpv4({10, 0, 0, 1}));   // 0x9194aee6ac8e6fb3 on every node
#ifndef DATAPLANE_TABLE_DIGEST_H_
#define DATAPLANE_TABLE_DIGEST_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>

#include "absl/strings/string_view.h"
#include "dataplane/table/records.h"

struct evp_md_ctx_st;  // OpenSSL's

namespace evenkeel {

using Address = std::array<uint8_t, 16>;  // network order; IPv4 as ::ffff:a.b.c.d
using Digest = std::array<uint8_t, 32>;   // SHA-256

// SHA-256 of what is appended piece by piece.
class Sha256Stream {
 public:
  Sha256Stream();
  ~Sha256Stream();
  Sha256Stream(const Sha256Stream&) = delete;
  Sha256Stream& operator=(const Sha256Stream&) = delete;

  void Append(std::span<const std::byte> bytes);
  Digest Finish();  // once

 private:
  evp_md_ctx_st* context_;
};

Digest Sha256(std::span<const std::byte> bytes);
Digest Sha256(absl::string_view text);

// First 8 bytes, little endian, of SHA-256 of the 16-byte address.
uint64_t BackendId(const Address& address);
// The same over a name: identity of services and pools.
uint64_t NameId(absl::string_view name);

Address MapIpv4(const std::array<uint8_t, 4>& ipv4);
bool IsMappedIpv4(const Address& address);
// LB_IPV4 for a mapped address, else LB_IPV6.
lb_family FamilyOf(const Address& address);
// "10.0.0.1" or "fd00::1".
std::string AddressText(const Address& address);

// 64 lower-case hex digits.
std::string HexDigest(const Digest& digest);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_DIGEST_H_
