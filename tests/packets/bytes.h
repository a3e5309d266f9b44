// Bytes of packets for tests, built from first principles: nothing here calls the forwarding core,
// so that what the core writes is compared with an independent opinion. Numbers are given in host
// order and written big endian; checksums are computed over the whole, never updated.
#ifndef TESTS_PACKETS_BYTES_H_
#define TESTS_PACKETS_BYTES_H_

#include <array>
#include <cstdint>
#include <string>
#include <vector>

namespace evenkeel::packets {

using Bytes = std::vector<uint8_t>;
using Address = std::array<uint8_t, 16>;  // network order; IPv4 as ::ffff:a.b.c.d
using Mac = std::array<uint8_t, 6>;

// "203.0.113.10" or "2001:db8::1". A malformed text ends the test program.
Address ParseAddress(const std::string& text);
bool IsIpv4(const Address& address);

void Put8(Bytes& out, uint32_t value);
void Put16(Bytes& out, uint32_t value);
void Put32(Bytes& out, uint32_t value);
void Put(Bytes& out, const Bytes& bytes);
void PutAddress(Bytes& out, const Address& address);  // 4 or 16 bytes, as its family says
void PutMac(Bytes& out, const Mac& mac);
Bytes Counting(size_t length, uint8_t first = 0);  // first, first + 1, ...

// RFC 1071 by the book: 16-bit big-endian words, an odd last byte padded with zero.
uint16_t InternetChecksum(const Bytes& bytes);
// The same with the pseudo-header of the addresses' family in front.
uint16_t TransportChecksum(const Address& source, const Address& destination, uint8_t protocol,
                           const Bytes& segment);

// "0000: 02 00 ..." for messages of failed tests.
std::string HexDump(const Bytes& bytes);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_BYTES_H_
