#include "tests/packets/stories.h"

#include "tests/packets/scene.h"

namespace evenkeel::packets {
namespace {

constexpr uint32_t kSequence = 0x51000000;
constexpr char kOld6[] = "fd00::1:1";
constexpr char kNew6[] = "fd00::1:2";
constexpr char kFormer4[] = "10.0.2.11";
const Conversation kWeb{};
const Conversation kWeb6{.client = kClient6, .vip = kVip6};
const Conversation kDns{.vip_port = 53};
const Conversation kQuic{.vip_port = 443};
const Conversation kByClient{.vip = ParseAddress("203.0.113.16")};
const Conversation kCarved{.vip = ParseAddress("203.0.113.17")};

Bytes Segment(const Conversation& c, uint8_t flags, uint32_t sequence) {
  return Ethernet(
      {}, Ip({.source = c.client, .destination = c.vip}, Tcp({.source = c.client,
                                                              .destination = c.vip,
                                                              .source_port = c.client_port,
                                                              .destination_port = c.vip_port,
                                                              .flags = flags,
                                                              .sequence = sequence})));
}
Bytes Syn(const Conversation& c = kWeb, uint32_t sequence = kSequence) {
  return Segment(c, kTcpSyn, sequence);
}
Bytes Ack(const Conversation& c = kWeb, uint32_t sequence = kSequence + 1) {
  return Segment(c, kTcpAck, sequence);
}
// Of another connection of the same four-tuple: far from the SYN's number.
Bytes OtherAck(const Conversation& c = kWeb) { return Ack(c, kSequence + 0x20000000); }
Bytes Fin(const Conversation& c = kWeb) { return Segment(c, kTcpAck | kTcpFin, kSequence + 1); }
Bytes Rst(const Conversation& c = kWeb) { return Segment(c, kTcpRst, kSequence + 1); }
Bytes Datagram(const Conversation& c = kDns) { return Ethernet({}, UdpPacket(c)); }
Bytes QuicInitial() {
  Bytes payload(1250, 0);
  payload[0] = 0xc3;
  payload[4] = 1;
  return Ethernet({}, UdpPacket(kQuic, {}, payload));
}

// What a router says about what the VIP has sent to the client.
Bytes IcmpError(const Conversation& c = kWeb, uint8_t protocol = kTcp) {
  const bool ipv4 = IsIpv4(c.vip);
  const Address hop = ParseAddress(ipv4 ? "192.0.2.1" : "2001:db8:1::1");
  Bytes segment;
  Put16(segment, c.vip_port);
  Put16(segment, c.client_port);
  Put(segment, Counting(16));
  const Bytes quote = Ip({.source = c.vip, .destination = c.client, .protocol = protocol}, segment);
  return Ethernet({}, Ip({.source = hop, .destination = c.vip, .protocol = ipv4 ? kIcmp : kIcmpv6},
                         Icmp({.source = hop,
                               .destination = c.vip,
                               .type = static_cast<uint8_t>(ipv4 ? 3 : 1),
                               .code = static_cast<uint8_t>(ipv4 ? 1 : 0),
                               .body = quote})));
}

Story Tell(const std::string& name, const std::string& why, std::vector<Step> steps) {
  return {.name = name, .why = why, .tables = MovedTables(), .steps = std::move(steps)};
}

void AddTcp(std::vector<Story>* stories) {
  Story old = Tell("old_connection", "a connection begun before the move stays, in tail too",
                   {{0, Ack(), kOldBackend4},
                    {600, Ack(), kOldBackend4},
                    {898, Fin(), kOldBackend4},
                    {900, Ack(), kOldBackend4},
                    {1700, Ack(), kOldBackend4}});
  old.firm = 1;
  stories->push_back(old);
  Story begun = Tell("new_connection", "a connection begun after the move is the new backend's",
                     {{2, Syn(), kNewBackend4},
                      {2, Syn(), kNewBackend4},
                      {4, Ack(), kNewBackend4},
                      {880, Ack(), kNewBackend4},
                      {1700, OtherAck(), kNewBackend4}});
  begun.firm = 1;
  stories->push_back(begun);
  Story six = Tell("both_families", "the same for IPv6",
                   {{2, Syn(kWeb6), kNew6},
                    {4, Ack(kWeb6), kNew6},
                    {6, IcmpError(kWeb6), kNew6},
                    {6, Ack({.client = kClient6, .vip = kVip6, .client_port = 7}), kOld6}});
  six.firm = 1;
  six.miss_made = 1;
  stories->push_back(six);
  stories->push_back(Tell("silent_for_too_long", "longer than idle, beyond the window: given up",
                          {{0, Ack(), kOldBackend4}, {902, Ack(), kNewBackend4}}));
  stories->push_back(Tell("tail_without_entry", "in tail what nothing claims is the new backend's",
                          {{900, Ack(), kNewBackend4}, {902, Syn(), kNewBackend4}}));
  Story reuse =
      Tell("four_tuple_used_again",
           "a SYN after a silence begins a new connection beside the old one's entry, and "
           "only its own segments end that",
           {{0, Ack(), kOldBackend4},
            {2, Syn(), kOldBackend4},
            {6, Syn(), kNewBackend4},
            {6, OtherAck(), kOldBackend4},
            {12, Syn(), kNewBackend4},
            {12, Ack(), kNewBackend4},
            {14, OtherAck(), kNewBackend4}});
  reuse.firm = 1;
  stories->push_back(reuse);
  stories->push_back(Tell("used_again_in_tail", "there a new connection needs no entry at all",
                          {{898, Ack(), kOldBackend4},
                           {904, Syn(), kNewBackend4},
                           {904, OtherAck(), kOldBackend4},
                           {910, Syn(), kNewBackend4},
                           {910, Ack(), kNewBackend4}}));
  Story closing = Tell("closing", "FIN and RST let a SYN begin anew; a later packet undoes it",
                       {{0, Ack(), kOldBackend4},
                        {0, Fin(), kOldBackend4},
                        {0, Ack(), kOldBackend4},
                        {0, Syn(), kOldBackend4},
                        {0, Rst(), kOldBackend4},
                        {0, Syn(), kNewBackend4},
                        {0, Ack(), kNewBackend4}});
  closing.firm = 1;
  stories->push_back(closing);
  stories->push_back(Tell("rst_makes_none", "nor does it complete a handshake",
                          {{0, Rst(), kOldBackend4},
                           {0, Syn(), kNewBackend4},
                           {0, Rst(), kNewBackend4},
                           {14, Ack(), kOldBackend4}}));
  stories->back().miss_made = 1;
  Story both = Tell("syn_with_rst", "a segment with RST begins nothing, whatever else it says",
                    {{0, Segment(kWeb, kTcpSyn | kTcpRst, kSequence), kOldBackend4}});
  stories->push_back(both);
  Story errors = Tell("icmp_error", "goes where its flow goes, and is no packet of it",
                      {{0, IcmpError(), kOldBackend4},
                       {0, Syn(), kNewBackend4},
                       {0, IcmpError(), kNewBackend4},
                       {2, Ack(), kNewBackend4},
                       {900, IcmpError(), kNewBackend4},
                       {902, IcmpError(), kNewBackend4},
                       {904, IcmpError(), kNewBackend4}});
  stories->push_back(errors);
}

void AddUdp(std::vector<Story>* stories) {
  Story armed = Tell("udp_armed", "for a minute what nothing claims is the former owner's",
                     {{0, Datagram(), kOldBackend4},
                      {58, IcmpError(kDns, kUdp), kOldBackend4},
                      {60, Datagram(), kOldBackend4},
                      {62, Datagram({.client_port = 9, .vip_port = 53}), kNewBackend4},
                      {900, Datagram(), kOldBackend4}});
  armed.firm = 1;
  stories->push_back(armed);
  Story quic = Tell("quic_initial", "begins a connection as a SYN does, unless an entry lies there",
                    {{0, QuicInitial(), kNewBackend4},
                     {0, Datagram(kQuic), kNewBackend4},
                     {40, QuicInitial(), kNewBackend4},
                     {100, Datagram(kQuic), kNewBackend4}});
  quic.firm = 1;
  stories->push_back(quic);
  Story old = Tell("quic_of_an_old_connection", "keeps its backend, Initial or not",
                   {{0, Datagram(kQuic), kOldBackend4},
                    {40, QuicInitial(), kOldBackend4},
                    {80, Datagram(kQuic), kOldBackend4}});
  old.firm = 1;
  stories->push_back(old);
  Story dead = Tell("udp_previous_dead", "then it is tracked at the new owner",
                    {{0, Datagram(), kNewBackend4}, {70, Datagram(), kNewBackend4}});
  dead.tables.pools[0].backends[0].state = LB_BACKEND_DEAD;
  dead.firm = 1;
  stories->push_back(dead);
}

void AddStates(std::vector<Story>* stories) {
  Story dead =
      Tell("previous_dead", "its flows get their RST from the new owner and leave no entry",
           {{0, Ack(), kNewBackend4}, {2, Syn(), kNewBackend4}, {2, Ack(), kNewBackend4}});
  dead.tables.pools[0].backends[0].state = LB_BACKEND_DEAD;
  dead.firm = 1;
  stories->push_back(dead);
  Story suspect = Tell("previous_suspect", "keeps its flows", {{0, Ack(), kOldBackend4}});
  suspect.tables.pools[0].backends[0].state = LB_BACKEND_SUSPECT;
  suspect.miss_made = 1;
  stories->push_back(suspect);
}

// The service of 203.0.113.17 was in another pool until second 0, by the client's address.
void AddStructural(std::vector<Story>* stories) {
  TablesSpec tables = MovedTables();
  tables.pools.push_back({.name = "former", .backends = {{.address = kFormer4}}});
  tables.services.push_back({.vip = "203.0.113.17", .ports = {{80, 80}}, .pool = "moved4"});
  tables.services.back().former =
      FormerSpec{.pool = "former", .affinity = LB_AFFINITY_CLIENT, .for_s = 900};
  for (BackendSpec& backend : tables.pools[0].backends) backend.moved_from.reset();
  const Conversation other{.vip = kCarved.vip, .client_port = 9};
  Story carved = Tell("another_pool", "old connections go by the former table, new ones by the new",
                      {{0, Ack(kCarved), kFormer4},
                       {0, IcmpError(kCarved), kFormer4},
                       {2, Syn(other), kNewBackend4},
                       {2, Ack(other), kNewBackend4},
                       {600, Ack(kCarved), kFormer4},
                       {900, Ack(kCarved), kFormer4},
                       {900, Ack(other), kNewBackend4},
                       {902, Ack({.vip = kCarved.vip, .client_port = 10}), kNewBackend4}});
  carved.tables = tables;
  carved.firm = 2;
  stories->push_back(carved);
}

// All of a client's flows have one slot, but each its own entry.
void AddAffinity(std::vector<Story>* stories) {
  const Conversation second{.vip = kByClient.vip, .client_port = 9};
  Story story = Tell("affinity_client", "flows of one slot are told apart",
                     {{0, Ack(kByClient), kOldBackend4},
                      {0, Syn(second), kNewBackend4},
                      {0, Ack(second), kNewBackend4},
                      {2, Ack(kByClient), kOldBackend4},
                      {2, IcmpError(second), kNewBackend4},
                      {2, IcmpError(kByClient), kOldBackend4}});
  story.firm = 2;
  stories->push_back(story);
}

}  // namespace

TablesSpec MovedTables() {
  TablesSpec spec;
  const auto moved = [](const std::string& name, const char* from, const char* to) {
    return PoolSpec{
        .name = name,
        .backends = {{.address = from, .owns_slots = false},
                     {.address = to, .moved_from = from, .open_for_s = 900, .armed_for_s = 60}}};
  };
  spec.pools = {moved("moved4", kOldBackend4, kNewBackend4), moved("moved6", kOld6, kNew6)};
  spec.services = {
      {.vip = "203.0.113.10", .ports = {{80, 80}}, .pool = "moved4"},
      {.vip = "203.0.113.10",
       .ports = {{53, 53}, {443, 443}},
       .pool = "moved4",
       .transport = LB_UDP},
      {.vip = "203.0.113.16",
       .ports = {{80, 80}},
       .pool = "moved4",
       .affinity = LB_AFFINITY_CLIENT},
      {.vip = "2001:db8:113::10", .ports = {{80, 80}}, .pool = "moved6"},
  };
  return spec;
}

std::vector<Story> Stories() {
  std::vector<Story> stories;
  AddTcp(&stories);
  AddUdp(&stories);
  AddStates(&stories);
  AddStructural(&stories);
  AddAffinity(&stories);
  return stories;
}

}  // namespace evenkeel::packets
