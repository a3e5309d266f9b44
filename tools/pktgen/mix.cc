#include "tools/pktgen/mix.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>
#include <rte_udp.h>

#include <algorithm>
#include <cstring>

namespace evenkeel::pktgen {
namespace {

constexpr size_t kEthernet = sizeof(rte_ether_hdr);
constexpr uint32_t kClients = 10u << 24;
constexpr uint32_t kManyVips = 198u << 24 | 18u << 16;
constexpr uint8_t kVip4[4] = {203, 0, 113, 10};
constexpr uint8_t kVip6[16] = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x13, 0, 10};
constexpr uint8_t kClients6[16] = {0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 10};
constexpr rte_ether_addr kForwarderMac{{2, 0, 0, 0, 0, 0x10}};
constexpr rte_ether_addr kRouterMac{{2, 0, 0, 0, 0, 1}};

void PutTransport(const Mix& mix, uint16_t bytes, uint8_t* at) {
  if (mix.protocol == IPPROTO_UDP) {
    rte_udp_hdr udp{};
    udp.src_port = rte_cpu_to_be_16(40000);
    udp.dst_port = rte_cpu_to_be_16(mix.port);
    udp.dgram_len = rte_cpu_to_be_16(bytes);
    std::memcpy(at, &udp, sizeof(udp));
    return;
  }
  rte_tcp_hdr tcp{};
  tcp.src_port = rte_cpu_to_be_16(40000);
  tcp.dst_port = rte_cpu_to_be_16(mix.port);
  tcp.data_off = 5 << 4;
  tcp.tcp_flags = mix.syn ? RTE_TCP_SYN_FLAG : RTE_TCP_ACK_FLAG;
  std::memcpy(at, &tcp, sizeof(tcp));
}

}  // namespace

MixWriter::MixWriter(const Mix& mix) : mix_(mix), walk_(mix.flows) {
  const size_t header = mix.ipv4 ? sizeof(rte_ipv4_hdr) : sizeof(rte_ipv6_hdr);
  frame_bytes_ = static_cast<uint16_t>(
      std::max<size_t>(kFrameBytes, kEthernet + header + sizeof(rte_tcp_hdr)));
  const uint16_t payload = static_cast<uint16_t>(frame_bytes_ - kEthernet - header);
  rte_ether_hdr ethernet{};
  ethernet.dst_addr = kForwarderMac;
  ethernet.src_addr = kRouterMac;
  ethernet.ether_type = rte_cpu_to_be_16(mix.ipv4 ? RTE_ETHER_TYPE_IPV4 : RTE_ETHER_TYPE_IPV6);
  std::memcpy(frame_.data(), &ethernet, sizeof(ethernet));
  if (mix.ipv4) {
    rte_ipv4_hdr ip{};
    ip.version_ihl = RTE_IPV4_VHL_DEF;
    ip.total_length = rte_cpu_to_be_16(static_cast<uint16_t>(header + payload));
    ip.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
    ip.time_to_live = 64;
    ip.next_proto_id = mix.protocol;
    std::memcpy(&ip.dst_addr, kVip4, sizeof(kVip4));
    std::memcpy(frame_.data() + kEthernet, &ip, sizeof(ip));
  } else {
    rte_ipv6_hdr ip{};
    ip.vtc_flow = rte_cpu_to_be_32(6u << 28);
    ip.payload_len = rte_cpu_to_be_16(payload);
    ip.proto = mix.protocol;
    ip.hop_limits = 64;
    std::memcpy(ip.src_addr, kClients6, sizeof(kClients6));
    std::memcpy(ip.dst_addr, kVip6, sizeof(kVip6));
    std::memcpy(frame_.data() + kEthernet, &ip, sizeof(ip));
  }
  PutTransport(mix, payload, frame_.data() + kEthernet + header);
}

void MixWriter::SetIpv4Flow(uint8_t* frame, uint32_t flow) const {
  rte_ipv4_hdr* ip = reinterpret_cast<rte_ipv4_hdr*>(frame + kEthernet);
  ip->src_addr = rte_cpu_to_be_32(kClients | flow);
  if (mix_.services > 1) ip->dst_addr = rte_cpu_to_be_32(kManyVips | flow % mix_.services);
  ip->hdr_checksum = rte_ipv4_cksum(ip);
}

void MixWriter::WriteNext(rte_mbuf* buffer) {
  uint8_t* frame = static_cast<uint8_t*>(buffer->buf_addr) + RTE_PKTMBUF_HEADROOM;
  std::memcpy(frame, frame_.data(), frame_bytes_);
  const uint32_t flow = walk_.Next();
  if (mix_.ipv4) {
    SetIpv4Flow(frame, flow);
    return;
  }
  const uint32_t low = rte_cpu_to_be_32(flow);
  std::memcpy(frame + kEthernet + offsetof(rte_ipv6_hdr, src_addr) + 12, &low, sizeof(low));
}

}  // namespace evenkeel::pktgen
