#include "dataplane/table/digest.h"

#include <arpa/inet.h>
#include <openssl/evp.h>

#include <cstring>

#include "absl/strings/escaping.h"

namespace evenkeel {
namespace {

uint64_t FirstWord(const Digest& digest) {
  uint64_t word;
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);
  std::memcpy(&word, digest.data(), sizeof(word));
  return word;
}

// Fetched once: OpenSSL looks the algorithm up at each use otherwise, which costs more than a short
// hash.
const EVP_MD* Algorithm() {
  static const EVP_MD* const algorithm = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  return algorithm;
}

}  // namespace

Sha256Stream::Sha256Stream() : context_(EVP_MD_CTX_new()) {
  EVP_DigestInit_ex(context_, Algorithm(), nullptr);
}

Sha256Stream::~Sha256Stream() { EVP_MD_CTX_free(context_); }

void Sha256Stream::Append(std::span<const std::byte> bytes) {
  EVP_DigestUpdate(context_, bytes.data(), bytes.size());
}

Digest Sha256Stream::Finish() {
  Digest digest;
  EVP_DigestFinal_ex(context_, digest.data(), nullptr);
  return digest;
}

Digest Sha256(std::span<const std::byte> bytes) {
  Sha256Stream stream;
  stream.Append(bytes);
  return stream.Finish();
}

Digest Sha256(absl::string_view text) {
  return Sha256(std::as_bytes(std::span(text.data(), text.size())));
}

uint64_t BackendId(const Address& address) {
  return FirstWord(Sha256(std::as_bytes(std::span(address))));
}

uint64_t NameId(absl::string_view name) { return FirstWord(Sha256(name)); }

Address MapIpv4(const std::array<uint8_t, 4>& ipv4) {
  Address address{};
  address[10] = address[11] = 0xff;
  std::memcpy(&address[12], ipv4.data(), ipv4.size());
  return address;
}

bool IsMappedIpv4(const Address& address) {
  static constexpr uint8_t kPrefix[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kPrefix, sizeof(kPrefix)) == 0;
}

lb_family FamilyOf(const Address& address) { return IsMappedIpv4(address) ? LB_IPV4 : LB_IPV6; }

std::string AddressText(const Address& address) {
  char text[INET6_ADDRSTRLEN];
  const bool is_ipv4 = IsMappedIpv4(address);
  inet_ntop(is_ipv4 ? AF_INET : AF_INET6, address.data() + (is_ipv4 ? 12 : 0), text, sizeof(text));
  return text;
}

std::string HexDigest(const Digest& digest) {
  return absl::BytesToHexString(
      absl::string_view(reinterpret_cast<const char*>(digest.data()), digest.size()));
}

}  // namespace evenkeel
