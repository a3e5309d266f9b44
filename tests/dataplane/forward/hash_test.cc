#include "dataplane/forward/hash.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "tests/packets/reference_hash.h"
#include "tests/packets/run_native.h"
#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

uint64_t Hash(const HashKey& key, const Bytes& message) {
  uint64_t words[2];
  std::memcpy(words, key.data(), key.size());
  lb_hash_message m{};
  std::memcpy(m.word, message.data(), message.size());
  return message.size() == 16 ? lb_siphash13(words, &m, LB_HASH_WORDS_IPV4)
                              : lb_siphash13(words, &m, LB_HASH_WORDS_IPV6);
}

// Written down so that a change of hash cannot pass unseen, whatever both implementations do.
TEST(HashTest, GoldenVectors) {
  const HashKey key = TablesSpec{}.key;
  EXPECT_EQ(Hash(key, Counting(16)), 0xcc4fdd1a7d908b66ull);
  EXPECT_EQ(Hash(key, Counting(40)), 0xc1d2363299e41531ull);
  EXPECT_EQ(Hash(HashKey{}, Bytes(16)), 0x76be999e3e25b2a0ull);
  EXPECT_EQ(Hash(HashKey{}, Bytes(40)), 0x8a0d55ebcf29c4b2ull);
}

TEST(HashTest, AgreesWithOpenSslOnRandomMessages) {
  const uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  for (int i = 0; i < 1000; i++) {
    HashKey key;
    Bytes message(i % 2 ? 16 : 40);
    for (uint8_t& byte : key) byte = static_cast<uint8_t>(random());
    for (uint8_t& byte : message) byte = static_cast<uint8_t>(random());
    ASSERT_EQ(Hash(key, message), ReferenceSipHash13(key, message));
  }
}

// The whole way: packet -> key bytes -> hash -> slot.
TEST(HashTest, ClassifyHashesTheKeyBytesOfTheInterface) {
  const Tables tables(Scene());
  struct Row {
    const char* client;
    const char* vip;
    bool udp, client_only;
  };
  for (const Row& row : {Row{"198.51.100.2", "203.0.113.10", false, false},
                         Row{"198.51.100.2", "203.0.113.10", true, false},
                         Row{"198.51.100.2", "203.0.113.16", false, true},
                         Row{"2001:db8:100::2", "2001:db8:113::10", false, false},
                         Row{"2001:db8:100::2", "2001:db8:113::10", true, false},
                         Row{"2001:db8:100::2", "2001:db8:113::16", false, true}}) {
    SCOPED_TRACE(std::string(row.client) + " " + row.vip);
    const uint16_t port = row.udp ? 53 : 80;
    const Conversation c{.client = ParseAddress(row.client),
                         .vip = ParseAddress(row.vip),
                         .client_port = 54321,
                         .vip_port = port};
    const Outcome outcome =
        RunNative(tables.view(), Ethernet({}, row.udp ? UdpPacket(c) : TcpPacket(c)));
    const uint64_t hash = ReferenceSipHash13(
        tables.spec().key,
        FlowKeyBytes(c.client, c.vip, 54321, port, row.udp ? kUdp : kTcp, row.client_only));
    EXPECT_EQ(outcome.flow.hash, hash);
    EXPECT_EQ(outcome.flow.slot, hash >> (64 - LB_SLOTS_LOG2_MIN));
  }
}

TEST(HashTest, AffinityClientIgnoresPortsAndVip) {
  TablesSpec spec = Scene();
  spec.services.push_back({.vip = "203.0.113.17",
                           .ports = {{80, 80}},
                           .pool = "tunnel4",
                           .affinity = LB_AFFINITY_CLIENT});
  const Tables tables(spec);
  const Conversation one{.vip = ParseAddress("203.0.113.16"), .client_port = 1};
  const Conversation other{.vip = ParseAddress("203.0.113.17"), .client_port = 2};
  EXPECT_EQ(RunNative(tables.view(), Ethernet({}, TcpPacket(one))).flow.hash,
            RunNative(tables.view(), Ethernet({}, TcpPacket(other))).flow.hash);
}

}  // namespace
}  // namespace evenkeel::packets
