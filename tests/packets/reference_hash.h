// The flow hash as INTERFACE words it, by OpenSSL's SipHash: the independent opinion about
// dataplane/forward/hash.h.
#ifndef TESTS_PACKETS_REFERENCE_HASH_H_
#define TESTS_PACKETS_REFERENCE_HASH_H_

#include <cstdint>

#include "tests/packets/bytes.h"

namespace evenkeel::packets {

using HashKey = std::array<uint8_t, 16>;

uint64_t ReferenceSipHash13(const HashKey& key, const Bytes& message);

// Key bytes: source, destination, ports, protocol, three zeros; for the client alone, only the
// source.
Bytes FlowKeyBytes(const Address& source, const Address& destination, uint16_t source_port,
                   uint16_t destination_port, uint8_t protocol, bool client_only = false);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_REFERENCE_HASH_H_
