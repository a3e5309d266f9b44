#include "tools/pktgen/frames.h"

#include <rte_byteorder.h>
#include <rte_ether.h>
#include <rte_ip.h>
#include <rte_tcp.h>

#include <cstring>

namespace evenkeel::pktgen {
namespace {

struct Frame {
  rte_ether_hdr ethernet;
  rte_ipv4_hdr ip;
  rte_tcp_hdr tcp;
  uint8_t payload[6];
} __attribute__((packed, aligned(2)));
static_assert(sizeof(Frame) == kFrameBytes);

constexpr uint32_t kClients = 10u << 24;

// One's complement sum of the IP header with source and checksum 0, not folded. Set once, then only
// read.
uint32_t header_sum;

}  // namespace

void PrepareFrames(rte_mempool* pool, const FrameSpec& spec) {
  Frame frame{};
  std::memcpy(frame.ethernet.dst_addr.addr_bytes, spec.destination_mac.data(), 6);
  std::memcpy(frame.ethernet.src_addr.addr_bytes, spec.source_mac.data(), 6);
  frame.ethernet.ether_type = rte_cpu_to_be_16(RTE_ETHER_TYPE_IPV4);
  frame.ip.version_ihl = RTE_IPV4_VHL_DEF;
  frame.ip.total_length = rte_cpu_to_be_16(kFrameBytes - RTE_ETHER_HDR_LEN);
  frame.ip.fragment_offset = rte_cpu_to_be_16(RTE_IPV4_HDR_DF_FLAG);
  frame.ip.time_to_live = 64;
  frame.ip.next_proto_id = IPPROTO_TCP;
  std::memcpy(&frame.ip.dst_addr, spec.vip.data(), 4);
  frame.tcp.src_port = rte_cpu_to_be_16(40000);
  frame.tcp.dst_port = rte_cpu_to_be_16(spec.port);
  frame.tcp.data_off = 5 << 4;
  frame.tcp.tcp_flags = RTE_TCP_ACK_FLAG;
  header_sum = rte_raw_cksum(&frame.ip, sizeof(frame.ip));
  rte_mempool_obj_iter(
      pool,
      [](rte_mempool*, void* from, void* object, unsigned) {
        rte_mbuf* packet = static_cast<rte_mbuf*>(object);
        std::memcpy(static_cast<char*>(packet->buf_addr) + RTE_PKTMBUF_HEADROOM, from,
                    sizeof(Frame));
      },
      &frame);
}

void SetFlow(rte_mbuf* packet, uint32_t flow) {
  Frame* frame = rte_pktmbuf_mtod(packet, Frame*);
  const uint32_t source = rte_cpu_to_be_32(kClients | flow);
  uint32_t sum = header_sum + (source & 0xffff) + (source >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  sum = (sum & 0xffff) + (sum >> 16);
  packet->data_len = kFrameBytes;
  packet->pkt_len = kFrameBytes;
  if (frame->ip.src_addr == source) return;  // what is only read stays in both cores' caches
  frame->ip.src_addr = source;
  frame->ip.hdr_checksum = static_cast<uint16_t>(~sum);
}

}  // namespace evenkeel::pktgen
