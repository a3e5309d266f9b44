#include "dataplane/worker/worker_loop.h"

#include <rte_cycles.h>
#include <rte_ethdev.h>
#include <rte_pause.h>

#include <optional>

#include "dataplane/forward/flow_table.h"
#include "dataplane/forward/icmp.h"
#include "dataplane/table/flow_region.h"
#include "dataplane/table/trial.h"

namespace evenkeel {
namespace {

constexpr int kSendTries = 16;

// Packets for which the filter of recent flows is fetched ahead: a few of 64, and longer than its
// memory takes to answer.
constexpr int kRecentAhead = 8;

// A sweep of a few buckets every millisecond, and all of them in about a second: half a tick.
constexpr uint64_t kSweepsASecond = 1000;
constexpr size_t kSweepsAPass = 1024;

// Before the first image: nothing matches, everything passes to the kernel for the reason no_image.
constexpr lb_view kNoImage{};

}  // namespace

Worker::Worker(const WorkerConfig& config, Plane* plane)
    : config_(config),
      plane_(plane),
      swap_(&plane->swap()),
      counters_(&plane->worker(config.index)),
      tsc_hz_(rte_get_tsc_hz()),
      punt_(config.to_kernel, config.workers, tsc_hz_),
      idle_(config.polling, tsc_hz_) {
  burst_.errors = TokenBucket(tsc_hz_, LB_ERRORS_PER_SECOND, LB_ERRORS_BURST);
  if (const std::optional<SampleRing> ring = plane->samples(config.index)) {
    burst_.sampler = Sampler(*ring, rte_rdtsc() + config.index);
  }
  const FlowRegion* region = plane->flows(config.index);
  if (region == nullptr) return;
  flows_ = {.head = &region->head(),
            .buckets = region->buckets().data(),
            .bucket_mask = static_cast<uint32_t>(region->buckets().size() - 1)};
  sweep_buckets_ = static_cast<uint32_t>(region->buckets().size() / kSweepsAPass + 1);
}

void Worker::Run() {
  swap_->Online(config_.index);
  while (!stop_.load(std::memory_order_relaxed)) Poll();
  swap_->Offline(config_.index);
}

void Worker::Poll() {
  swap_->Tick(config_.index);
  const Generation* generation = swap_->Acquire();
  if (config_.from_kernel != nullptr) ForwardFromKernel();
  burst_.count = rte_eth_rx_burst(config_.port, static_cast<uint16_t>(config_.index), burst_.packet,
                                  Burst::kPackets);
  now_tsc_ = rte_rdtsc();
  burst_.now_tsc = now_tsc_;
  counters_->generation.Set(generation != nullptr ? generation->number() : 0);
  if (generation != nullptr) OpenView(*generation);
  if (burst_.count == 0) {
    counters_->idle_polls.Add(1);
    idle_.OnEmptyPoll(now_tsc_);
    return;
  }
  counters_->busy_polls.Add(1);
  counters_->received.Add(burst_.count);
  idle_.OnPackets(now_tsc_);
  if (generation != nullptr) {
    ForwardBurst(view_, generation->counters(config_.index).data(), &burst_);
    SendBurst(generation);
  } else {
    ForwardBurst(kNoImage, nullptr, &burst_);
  }
  SettleOthers();
}

// Where nothing has moved no packet asks for the time, and where nothing is tracked nothing is
// swept.
void Worker::OpenView(const Generation& generation) {
  view_ = generation.view();
  if (flows_.buckets == nullptr) return;
  view_.flows = &flows_;
  if (burst_.count != 0 && generation.has_moved()) flows_.now_ns = BootTimeNs();
  if (now_tsc_ - swept_tsc_ < tsc_hz_ / kSweepsASecond) return;
  swept_tsc_ = now_tsc_;
  const uint64_t* occupied = flows_.head->occupied;
  if ((occupied[LB_ENTRY_PENDING] | occupied[LB_ENTRY_MISS] | occupied[LB_ENTRY_FIRM]) == 0) return;
  lb_flow_sweep(&view_, sweep_buckets_, lb_tick_of(BootTimeNs()));
}

// What the transmit queue takes within a bounded number of tries.
uint16_t Worker::Send(rte_mbuf** packets, uint16_t count) {
  const uint16_t queue = static_cast<uint16_t>(config_.index);
  uint16_t sent = rte_eth_tx_burst(config_.port, queue, packets, count);
  for (int tries = 0; sent < count && tries < kSendTries; ++tries) {
    rte_pause();
    sent += rte_eth_tx_burst(config_.port, queue, packets + sent, count - sent);
  }
  return sent;
}

void Worker::SendBurst(const Generation* generation) {
  if (burst_.to_send_count == 0) return;
  rte_mbuf* packets[Burst::kPackets];
  for (uint16_t i = 0; i < burst_.to_send_count; ++i) {
    packets[i] = burst_.packet[burst_.to_send[i]];
  }
  const uint16_t sent = Send(packets, burst_.to_send_count);
  CountForwarded(generation->counters(config_.index), sent);
  for (uint16_t i = sent; i < burst_.to_send_count; ++i) {
    burst_.Refuse(burst_.to_send[i], LB_REASON_tx_full);
  }
}

// After sending: what the queue had no room for is counted as tx_full and as nothing else.
void Worker::CountForwarded(GenerationCounters& counters, uint16_t sent) {
  uint64_t forwarded = 0;
  uint64_t new_flows = 0;
  for (uint16_t i = 0; i < sent; ++i) {
    const lb_flow& flow = burst_.flow[burst_.to_send[i]];
    const lb_decision& decision = burst_.decision[burst_.to_send[i]];
    if (decision.reason != LB_REASON_none) {
      counters_->reasons[decision.reason].Add(1);
      continue;
    }
    ++forwarded;
    FlowCounter& count = counters.flow(decision.counter);
    count.packets.Add(1);
    count.bytes.Add(flow.ip_length);
    if (IsNewFlow(i, sent)) {
      count.new_flows.Add(1);
      ++new_flows;
    }
  }
  counters_->reasons[LB_REASON_none].Add(forwarded);
  if (new_flows != 0) counters_->new_flows.Add(new_flows);
}

// Of packet `i` of those sent. A QUIC Initial always counts; it enters the filter too, so that what
// follows it does not count again.
bool Worker::IsNewFlow(uint16_t i, uint16_t sent) {
  const lb_flow& flow = burst_.flow[burst_.to_send[i]];
  const bool first = (flow.flags & LB_FLOW_NEW) != 0;
  if (flow.protocol != LB_PROTOCOL_UDP) return first;
  if (i + kRecentAhead < sent) {
    recent_.Prefetch(RecentFlows::Signature(burst_.flow[burst_.to_send[i + kRecentAhead]]));
  }
  return recent_.IsNew(RecentFlows::Signature(flow), RecentPeriod()) || first;
}

// Divides once a period, not once a packet.
uint64_t Worker::RecentPeriod() {
  const uint64_t length = tsc_hz_ * RecentFlows::kPeriodSeconds;
  if (now_tsc_ - recent_period_ * length >= length) recent_period_ = now_tsc_ / length;
  return recent_period_;
}

// Passed or dropped: handed to the kernel's queue or freed, and counted once either way.
void Worker::SettleOthers() {
  rte_mbuf* drops[Burst::kPackets];
  uint16_t drop_count = 0;
  for (uint16_t i = 0; i < burst_.other_count; ++i) {
    const uint8_t position = burst_.others[i];
    lb_reason reason = static_cast<lb_reason>(burst_.reason[position]);
    rte_mbuf* packet = burst_.packet[position];
    if (lb_reason_verdict(reason) != LB_PASS) {
      drops[drop_count++] = packet;
    } else if (!punt_.Give(packet, burst_.flow[position], now_tsc_)) {
      reason = LB_REASON_tap_full;
    }
    counters_->reasons[reason].Add(1);
  }
  if (drop_count != 0) rte_pktmbuf_free_bulk(drops, drop_count);
}

void Worker::ForwardFromKernel() {
  rte_mbuf* packets[Burst::kPackets];
  const unsigned count = rte_ring_dequeue_burst(
      config_.from_kernel, reinterpret_cast<void**>(packets), Burst::kPackets, nullptr);
  if (count == 0) return;
  const uint16_t sent = Send(packets, static_cast<uint16_t>(count));
  counters_->from_kernel.Add(sent);
  if (sent == count) return;
  counters_->from_kernel_lost.Add(count - sent);
  rte_pktmbuf_free_bulk(packets + sent, count - sent);
}

}  // namespace evenkeel
