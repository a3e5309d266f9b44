#include "tests/packets/bytes.h"

#include <arpa/inet.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace evenkeel::packets {

Address ParseAddress(const std::string& text) {
  Address address{};
  if (inet_pton(AF_INET6, text.c_str(), address.data()) == 1) return address;
  address = {};
  address[10] = address[11] = 0xff;
  if (inet_pton(AF_INET, text.c_str(), &address[12]) == 1) return address;
  std::fprintf(stderr, "not an address: %s\n", text.c_str());
  std::abort();
}

bool IsIpv4(const Address& address) {
  static constexpr uint8_t kMapped[12] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
  return std::memcmp(address.data(), kMapped, sizeof(kMapped)) == 0;
}

void Put8(Bytes& out, uint32_t value) { out.push_back(static_cast<uint8_t>(value)); }
void Put16(Bytes& out, uint32_t value) {
  Put8(out, value >> 8);
  Put8(out, value);
}
void Put32(Bytes& out, uint32_t value) {
  Put16(out, value >> 16);
  Put16(out, value);
}
void Put(Bytes& out, const Bytes& bytes) { out.insert(out.end(), bytes.begin(), bytes.end()); }
void PutAddress(Bytes& out, const Address& address) {
  out.insert(out.end(), address.begin() + (IsIpv4(address) ? 12 : 0), address.end());
}
void PutMac(Bytes& out, const Mac& mac) { out.insert(out.end(), mac.begin(), mac.end()); }

Bytes Counting(size_t length, uint8_t first) {
  Bytes bytes(length);
  for (size_t i = 0; i < length; i++) bytes[i] = static_cast<uint8_t>(first + i);
  return bytes;
}

uint16_t InternetChecksum(const Bytes& bytes) {
  uint32_t sum = 0;
  for (size_t i = 0; i < bytes.size(); i += 2) {
    sum += static_cast<uint32_t>(bytes[i]) << 8;
    if (i + 1 < bytes.size()) sum += bytes[i + 1];
    if (sum > 0xffff) sum -= 0xffff;
  }
  return static_cast<uint16_t>(0xffff - sum);
}

uint16_t TransportChecksum(const Address& source, const Address& destination, uint8_t protocol,
                           const Bytes& segment) {
  Bytes covered;
  PutAddress(covered, source);
  PutAddress(covered, destination);
  Put32(covered, static_cast<uint32_t>(segment.size()));
  Put32(covered, protocol);
  Put(covered, segment);
  return InternetChecksum(covered);
}

std::string HexDump(const Bytes& bytes) {
  std::string text;
  char part[32];
  for (size_t i = 0; i < bytes.size(); i++) {
    if (i % 16 == 0) {
      std::snprintf(part, sizeof(part), "%s%04zx:", i ? "\n" : "", i);
      text += part;
    }
    std::snprintf(part, sizeof(part), " %02x", bytes[i]);
    text += part;
  }
  return text;
}

}  // namespace evenkeel::packets
