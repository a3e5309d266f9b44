#include "dataplane/forward/checksum.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "dataplane/forward/encap.h"
#include "tests/packets/bytes.h"

namespace evenkeel::packets {
namespace {

uint16_t Stored(uint16_t checksum) { return __builtin_bswap16(checksum); }

TEST(ChecksumTest, FoldOfALargeSumAgreesWithTheBook) {
  std::mt19937_64 random(7);
  for (int i = 0; i < 10000; i++) {
    Bytes bytes(4 * (1 + random() % 400));
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(i % 3 ? random() : 0xff);
    uint64_t sum = 0;
    for (size_t at = 0; at < bytes.size(); at += 4) {
      uint32_t word;
      std::memcpy(&word, &bytes[at], 4);
      sum += word;
    }
    ASSERT_EQ(lb_checksum_fold(sum), Stored(InternetChecksum(bytes)));
  }
}

TEST(ChecksumTest, UpdateOfOneWordAgreesWithTheWholeSum) {
  std::mt19937 random(8);
  for (int i = 0; i < 100000; i++) {
    Bytes bytes = {0x45, 0, 0, 0, 0, 0};
    for (size_t at = 2; at < 6; at++) bytes[at] = static_cast<uint8_t>(random());
    const uint16_t checksum = Stored(InternetChecksum(bytes));
    uint16_t before, after = static_cast<uint16_t>(random());
    std::memcpy(&before, &bytes[2], 2);
    std::memcpy(&bytes[2], &after, 2);
    ASSERT_EQ(lb_checksum_update(checksum, before, after), Stored(InternetChecksum(bytes)));
  }
}

// All TTLs and enough identifications to meet every carry.
TEST(ChecksumTest, DecrementOfTtlAgreesWithTheWholeSum) {
  for (uint32_t identification = 0; identification < 0x10000; identification += 3) {
    Bytes header = {0x45,
                    0,
                    0,
                    40,
                    static_cast<uint8_t>(identification >> 8),
                    static_cast<uint8_t>(identification),
                    0x40,
                    0,
                    static_cast<uint8_t>(identification % 254 + 2),
                    6,
                    0,
                    0,
                    1,
                    2,
                    3,
                    4,
                    203,
                    0,
                    113,
                    10};
    const auto seal = [&header] {
      header[10] = header[11] = 0;
      const uint16_t checksum = InternetChecksum(header);
      header[10] = static_cast<uint8_t>(checksum >> 8);
      header[11] = static_cast<uint8_t>(checksum);
    };
    seal();
    Bytes lowered = header;
    ASSERT_EQ(lb_decrement_ttl(lowered.data(), lowered.data() + lowered.size(), LB_IPV4),
              LB_REASON_none);
    header[8]--;
    seal();
    ASSERT_EQ(lowered, header) << identification;
  }
}

}  // namespace
}  // namespace evenkeel::packets
