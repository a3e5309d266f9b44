// What the corpus' cases share: one set of tables in which every pool has one backend, the clients,
// and the tunnelled form of a packet.
#ifndef TESTS_PACKETS_SCENE_H_
#define TESTS_PACKETS_SCENE_H_

#include <string>

#include "tests/packets/builder.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

inline const Address kClient4 = ParseAddress("198.51.100.2");
inline const Address kClient6 = ParseAddress("2001:db8:100::2");
inline const Address kVip4 = ParseAddress("203.0.113.10");
inline const Address kVip6 = ParseAddress("2001:db8:113::10");
inline const Address kSource4 = ParseAddress("10.0.0.10");
inline const Address kSource6 = ParseAddress("fd00::10");
inline const Address kBackend4 = ParseAddress("10.0.1.11");
inline const Address kBackend6 = ParseAddress("fd00::1:1");
inline constexpr Mac kDsr4Mac = {0x02, 0, 0, 0, 1, 0x21};
inline constexpr Mac kDsr6Mac = {0x02, 0, 0, 0, 1, 0x22};

//   203.0.113.10       80/tcp, 8000-8099/tcp, 53/udp, 443/udp   IPIP to 10.0.1.11
//   203.0.113.11       80/tcp                                   4in6 to fd00::1:1
//   203.0.113.12       80/tcp                                   L2 DSR to 10.0.1.21
//   203.0.113.13       any/tcp                                  IPIP
//   203.0.113.14       80/tcp                                   a pool without backends
//   203.0.113.15       80/tcp                                   a next hop without a MAC
//   203.0.113.16       80/tcp, affinity client                  IPIP
//   203.0.113.128/25   80/tcp                                   IPIP
//   2001:db8:113::10, ::11, ::12, ::13 .. ::16 the same for IPv6: 6in6, 6in4, L2 DSR .., ::8000/113
TablesSpec Scene();
// The same with three backends in each tunnel's pool, so that slots and counters differ.
TablesSpec WideScene();

// A TCP segment between client and VIP of one family.
struct Conversation {
  Address client = kClient4;
  Address vip = kVip4;
  uint16_t client_port = 40000;
  uint16_t vip_port = 80;
};
inline const Conversation kTo4{};
inline const Conversation kTo6{.client = kClient6, .vip = kVip6};
Bytes TcpPacket(const Conversation& conversation, IpSpec ip = {}, uint8_t flags = kTcpAck,
                const Bytes& payload = Counting(10));
Bytes UdpPacket(const Conversation& conversation, IpSpec ip = {},
                const Bytes& payload = Counting(10));

// 20 bits of the outer flow label, from the reference hash with the scene's key.
uint32_t FlowLabel(const Conversation& conversation, uint8_t protocol = kTcp,
                   bool client_only = false);

// The frame that carries `inner` (its TTL already lowered) to a backend.
struct TunnelSpec {
  Address source = kSource4;
  Address destination = kBackend4;
  uint8_t tos = 0;
  uint32_t flow_label = 0;
  std::vector<Tag> tags;
};
Bytes Tunnelled(const TunnelSpec& spec, const Bytes& inner);

}  // namespace evenkeel::packets

#endif  // TESTS_PACKETS_SCENE_H_
