// Making room in a packet buffer for what the core decided: the head grows or shrinks, the tail is
// cut. Only for linear mbufs (one segment); the worker drops others before it classifies them.
#ifndef DATAPLANE_WORKER_MBUF_EDIT_H_
#define DATAPLANE_WORKER_MBUF_EDIT_H_

#include <rte_mbuf.h>

#include <cstdint>

#include "dataplane/forward/flow.h"
#include "dataplane/forward/wire.h"

namespace evenkeel {

inline uint8_t* FrameStart(const rte_mbuf* packet) { return rte_pktmbuf_mtod(packet, uint8_t*); }
inline uint8_t* FrameEnd(const rte_mbuf* packet) { return FrameStart(packet) + packet->data_len; }

// False, and nothing changed, when the buffer has too little room in front or behind.
inline bool MakeRoom(rte_mbuf* packet, const lb_decision& decision) {
  const int head = decision.head_delta;
  const int grown = packet->data_len + head;
  const int length = decision.frame_length != 0 ? decision.frame_length : grown;
  if (head > packet->data_off || length < 0) return false;
  if (packet->data_off - head + length > packet->buf_len) return false;
  packet->data_off = static_cast<uint16_t>(packet->data_off - head);
  packet->data_len = static_cast<uint16_t>(length);
  packet->pkt_len = static_cast<uint32_t>(length);
  return true;
}

// The same for lb_plain_write(): the head has `room` to grow by, and the tail only loses.
inline void MakePlainRoom(rte_mbuf* packet, uint32_t room, uint16_t ip_length) {
  const uint32_t length = sizeof(lb_ethernet) + room + ip_length;
  packet->data_off = static_cast<uint16_t>(packet->data_off - room);
  packet->data_len = static_cast<uint16_t>(length);
  packet->pkt_len = length;
}

}  // namespace evenkeel

#endif  // DATAPLANE_WORKER_MBUF_EDIT_H_
