#include "tests/dataplane/forward/flow_model.h"

#include <algorithm>
#include <tuple>

#include "dataplane/table/flow_records.h"

namespace evenkeel {

std::vector<uint32_t> FlowModel::PlacesOf(uint64_t hash) const {
  const uint32_t bucket = static_cast<uint32_t>(hash) & (buckets_ - 1);
  const uint32_t other =
      lb_flow_other_bucket(bucket, static_cast<uint32_t>(hash >> 32), buckets_ - 1);
  std::vector<uint32_t> places;
  for (uint32_t b : {bucket, other}) {
    for (uint32_t way = 0; way < 8; ++way) places.push_back(b * 8 + way);
  }
  return places;
}

bool FlowModel::IsOver(const Flow& flow, uint64_t tick) const {
  if (flow.kind == Class::kPending) return tick - flow.tick >= 6;
  return tick - flow.tick > backends[flow.backend].idle_ticks;
}

bool FlowModel::IsThere(uint32_t place, uint64_t tick) const {
  const auto flow = flows_.find(place);
  return flow != flows_.end() && !IsOver(flow->second, tick);
}

FlowModel::Place FlowModel::Find(const Packet& packet, bool pending) const {
  for (uint32_t place : PlacesOf(packet.hash)) {
    if (!IsThere(place, packet.tick)) continue;
    const Flow& flow = flows_.at(place);
    if (flow.signature != packet.hash >> 32) continue;
    const uint16_t pool = backends[flow.backend].pool;
    if (pool != packet.pool && packet.former_pool != pool) continue;
    if ((flow.kind == Class::kPending) == pending) return place;
  }
  return std::nullopt;
}

bool FlowModel::Leads(Place place) const {
  return place && !backends[flows_.at(*place).backend].dead;
}

bool FlowModel::IsLive(Place place, uint64_t tick) const {
  return Leads(place) && !flows_.at(*place).closing && tick - flows_.at(*place).tick <= 1;
}

FlowModel::Place FlowModel::RoomForPending(uint64_t hash, uint64_t tick) const {
  const std::vector<uint32_t> all = PlacesOf(hash);
  const std::vector<uint32_t> sides[2] = {{all.begin(), all.begin() + 8},
                                          {all.begin() + 8, all.end()}};
  for (const auto& side : sides) {
    const auto pending = std::count_if(side.begin(), side.end(), [&](uint32_t place) {
      return IsThere(place, tick) && flows_.at(place).kind == Class::kPending;
    });
    if (pending >= 2) continue;
    for (uint32_t place : side) {
      if (!IsThere(place, tick)) return place;
    }
  }
  for (const auto& side : sides) {
    Place oldest;
    for (uint32_t place : side) {
      if (!IsThere(place, tick) || flows_.at(place).kind != Class::kPending) continue;
      if (tick - flows_.at(place).tick < 2) continue;
      if (!oldest || flows_.at(place).tick < flows_.at(*oldest).tick) oldest = place;
    }
    if (oldest) return oldest;
  }
  return std::nullopt;
}

// In this order: what is free or too old, pending ones that had their time, closing ones, those
// that are not live, young pending ones; of several the oldest, then the first.
FlowModel::Place FlowModel::RoomForMiss(uint64_t hash, uint64_t tick) const {
  Place best;
  std::tuple<int, uint64_t> best_cost{5, 0};
  for (uint32_t place : PlacesOf(hash)) {
    std::tuple<int, uint64_t> cost{0, 0};
    if (IsThere(place, tick)) {
      const Flow& flow = flows_.at(place);
      const uint64_t age = tick - flow.tick;
      if (flow.kind == Class::kFirm) continue;
      if (flow.kind == Class::kPending) {
        cost = {age >= 2 ? 1 : 4, flow.tick};
      } else if (flow.closing) {
        cost = {2, flow.tick};
      } else if (age > 1) {
        cost = {3, flow.tick};
      } else {
        continue;
      }
    }
    if (cost < best_cost) {
      best_cost = cost;
      best = place;
    }
  }
  return best;
}

bool FlowModel::Insert(const Packet& packet, const Flow& flow) {
  const Place place = flow.kind == Class::kPending ? RoomForPending(packet.hash, packet.tick)
                                                   : RoomForMiss(packet.hash, packet.tick);
  if (!place) return false;
  flows_[*place] = flow;
  return true;
}

void FlowModel::Touch(Flow& flow, const Packet& packet) {
  const bool is_syn = packet.first && !packet.udp;
  if (flow.kind == Class::kMiss && flow.tick != packet.tick && !is_syn && !packet.rst) {
    flow.kind = Class::kFirm;
  }
  flow.closing = packet.fin || packet.rst;
  flow.tick = packet.tick;
}

uint16_t FlowModel::Untracked(const Packet& packet) const {
  if (packet.previous && !backends[*packet.previous].dead) return *packet.previous;
  return packet.current;
}

uint16_t FlowModel::AskSyn(const Packet& packet, Place tracked, Place pending) {
  if (IsLive(tracked, packet.tick)) {
    Touch(flows_.at(*tracked), packet);
    return flows_.at(*tracked).backend;
  }
  Flow flow{.signature = static_cast<uint32_t>(packet.hash >> 32),
            .backend = packet.current,
            .tick = packet.tick,
            .kind = Class::kPending,
            .sequence = packet.sequence};
  if (IsLive(pending, packet.tick)) {
    flow.backend = flows_.at(*pending).backend;
  } else if (!packet.previous && !tracked) {
    if (pending) flows_.erase(*pending);
    return packet.current;
  }
  if (pending) {
    flows_[*pending] = flow;
    return flow.backend;
  }
  if (Insert(packet, flow)) return flow.backend;
  return Leads(tracked) ? flows_.at(*tracked).backend : Untracked(packet);
}

uint16_t FlowModel::AskSegment(const Packet& packet, Place tracked, Place pending) {
  if (Leads(pending)) {
    Flow& flow = flows_.at(*pending);
    const uint32_t units = (packet.sequence >> 22) - (flow.sequence >> 22);
    if ((units & 1023) <= 1) {
      const uint16_t backend = flow.backend;
      if (packet.rst) return backend;
      if (packet.previous || backend != packet.current) {
        flow.kind = Class::kFirm;
        flow.closing = packet.fin;
        flow.tick = packet.tick;
      } else {
        flows_.erase(*pending);
      }
      if (tracked) flows_.erase(*tracked);
      return backend;
    }
  }
  if (Leads(tracked)) {
    Touch(flows_.at(*tracked), packet);
    return flows_.at(*tracked).backend;
  }
  if (packet.previous && !backends[*packet.previous].dead && !packet.rst && !tracked) {
    Insert(packet, {.signature = static_cast<uint32_t>(packet.hash >> 32),
                    .backend = *packet.previous,
                    .tick = packet.tick,
                    .kind = Class::kMiss,
                    .closing = packet.fin});
  }
  return Untracked(packet);
}

uint16_t FlowModel::AskDatagram(const Packet& packet, Place tracked) {
  if (Leads(tracked)) {
    Touch(flows_.at(*tracked), packet);
    return flows_.at(*tracked).backend;
  }
  if (!packet.previous) return packet.current;
  const Flow flow{.signature = static_cast<uint32_t>(packet.hash >> 32),
                  .backend = packet.first ? packet.current : Untracked(packet),
                  .tick = packet.tick,
                  .kind = Class::kMiss};
  if (tracked) {
    flows_[*tracked] = flow;
    return flow.backend;
  }
  return Insert(packet, flow) ? flow.backend : Untracked(packet);
}

uint16_t FlowModel::Ask(const Packet& packet) {
  const Place tracked = Find(packet, false);
  const Place pending = Find(packet, true);
  if (packet.error) {
    if (Leads(tracked)) return flows_.at(*tracked).backend;
    return Leads(pending) ? flows_.at(*pending).backend : Untracked(packet);
  }
  if (packet.udp) return AskDatagram(packet, tracked);
  return packet.first ? AskSyn(packet, tracked, pending) : AskSegment(packet, tracked, pending);
}

std::unordered_map<uint32_t, FlowModel::Flow> FlowModel::Living(uint64_t tick) const {
  std::unordered_map<uint32_t, Flow> living;
  for (const auto& [place, flow] : flows_) {
    if (!IsOver(flow, tick)) living.emplace(place, flow);
  }
  return living;
}

}  // namespace evenkeel
