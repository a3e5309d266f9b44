#include "tools/pktgen/replay_port.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <random>

namespace evenkeel::pktgen {
namespace {

constexpr uint32_t kWarmUpBatches = 20;

// How often this thread lost its core to another.
long Switches() {
  rusage usage{};
  getrusage(RUSAGE_THREAD, &usage);
  return usage.ru_nivcsw + usage.ru_nvcsw;
}

std::vector<uint8_t> BytesOf(const rte_mbuf* packet) {
  const uint8_t* data = rte_pktmbuf_mtod(packet, const uint8_t*);
  return {data, data + packet->data_len};
}

}  // namespace

ReplayPort* ReplayPort::instance_ = nullptr;

ReplayPort* ReplayPort::Install(uint16_t port, uint32_t buffers) {
  rte_mempool* pool =
      rte_pktmbuf_pool_create("replay", buffers, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  std::vector<rte_mbuf*> taken(buffers);
  if (pool == nullptr || rte_pktmbuf_alloc_bulk(pool, taken.data(), buffers) != 0) return nullptr;
  std::shuffle(taken.begin(), taken.end(), std::minstd_rand(1));
  instance_ = new ReplayPort(std::move(taken));  // as long as the process: the forwarder polls it
  __atomic_store_n(&rte_eth_fp_ops[port].tx_pkt_burst, &ReplayPort::Transmit, __ATOMIC_RELEASE);
  __atomic_store_n(&rte_eth_fp_ops[port].rx_pkt_burst, &ReplayPort::Receive, __ATOMIC_RELEASE);
  return instance_;
}

std::string ReplayPort::Measure(const Mix& mix, uint32_t batches, ReplayResult* result) {
  writer_.emplace(mix);
  batches_left_ = batches;
  warm_up_left_ = kWarmUpBatches;
  result_ = result;
  result->batches.reserve(batches);
  // Release: the forwarder sees all of the above when it sees this.
  running_.store(true, std::memory_order_release);
  // Acquire: and what it wrote is seen here when it has cleared it.
  while (running_.load(std::memory_order_acquire)) usleep(500);
  return problem_;
}

uint16_t ReplayPort::Receive(void*, rte_mbuf** packets, uint16_t wanted) {
  ReplayPort& port = *instance_;
  const uint64_t now = rte_rdtsc();
  port.own_ += now - port.left_;
  if (port.given_ == port.buffers_.size() || !port.in_batch_) {
    if (!port.NextBatch(now)) return 0;
  }
  const uint16_t count = port.Hand(packets, wanted);
  port.left_ = rte_rdtsc();
  return count;
}

uint16_t ReplayPort::Hand(rte_mbuf** packets, uint16_t wanted) {
  const uint32_t left = static_cast<uint32_t>(buffers_.size()) - given_;
  const uint16_t count = static_cast<uint16_t>(std::min<uint32_t>(wanted, left));
  const uint16_t bytes = writer_->frame_bytes();
  for (uint16_t i = 0; i < count; ++i) {
    rte_mbuf* packet = buffers_[given_ + i];
    packet->data_off = RTE_PKTMBUF_HEADROOM;
    packet->data_len = bytes;
    packet->pkt_len = bytes;
    packet->ol_flags = 0;
    packets[i] = packet;
  }
  given_ += count;
  return count;
}

uint16_t ReplayPort::Transmit(void*, rte_mbuf** packets, uint16_t count) {
  ReplayPort& port = *instance_;
  port.own_ += rte_rdtsc() - port.left_;
  for (uint16_t i = 0; i < count; ++i) port.bytes_ += packets[i]->data_len;
  port.taken_ += count;
  if (count != 0) port.last_ = packets[count - 1];
  port.left_ = rte_rdtsc();
  return count;
}

// Off the clock: what was measured is kept, the packets are written anew.
bool ReplayPort::NextBatch(uint64_t now) {
  if (!running_.load(std::memory_order_acquire)) return false;
  if (in_batch_) {
    EndBatch(now);
    if (!running_.load(std::memory_order_relaxed)) return false;
  }
  for (rte_mbuf* buffer : buffers_) writer_->WriteNext(buffer);
  const uint8_t* last = static_cast<uint8_t*>(buffers_.back()->buf_addr) + RTE_PKTMBUF_HEADROOM;
  result_->last_in.assign(last, last + writer_->frame_bytes());
  in_batch_ = true;
  given_ = taken_ = 0;
  bytes_ = own_ = 0;
  last_ = nullptr;
  switches_ = Switches();
  begun_ = rte_rdtsc();
  return true;
}

void ReplayPort::EndBatch(uint64_t now) {
  const uint32_t count = static_cast<uint32_t>(buffers_.size());
  if (taken_ != count) {
    problem_ = "the forwarder took " + std::to_string(count) + " packets and sent " +
               std::to_string(taken_);
    Finish();
    return;
  }
  result_->last_out = BytesOf(last_);
  result_->bytes_out = static_cast<double>(bytes_) / count;
  if (warm_up_left_ > 0) {
    --warm_up_left_;
    return;
  }
  if (Switches() != switches_) {
    ++result_->preempted;
  } else {
    const double packet_ns = 1e9 / static_cast<double>(rte_get_tsc_hz()) / count;
    result_->batches.push_back(
        {static_cast<double>(own_) * packet_ns, static_cast<double>(now - begun_) * packet_ns});
  }
  if (--batches_left_ == 0) Finish();
}

void ReplayPort::Finish() {
  in_batch_ = false;
  // Release: Measure() sees the result when it sees this.
  running_.store(false, std::memory_order_release);
}

}  // namespace evenkeel::pktgen
