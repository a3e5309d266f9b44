#include "dataplane/neighbour/neighbours.h"

#include <linux/rtnetlink.h>
#include <poll.h>

#include <algorithm>
#include <utility>

#include "absl/time/clock.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

// Below the kernel's shortest default time of reachability (15 s), so that it confirms what is in
// use.
constexpr absl::Duration kRefreshEvery = absl::Seconds(10);
constexpr absl::Duration kDumpBound = absl::Seconds(1);

bool WaitReadable(int fd, absl::Time deadline) {
  const absl::Duration left = deadline - absl::Now();
  if (left <= absl::ZeroDuration()) return false;
  pollfd ready{fd, POLLIN, 0};
  return poll(&ready, 1, static_cast<int>(absl::ToInt64Milliseconds(left)) + 1) > 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<Neighbours>> Neighbours::Follow(int interface_index,
                                                               Changed changed) {
  absl::StatusOr<Netlink> netlink = Netlink::Open(RTNLGRP_NEIGH);
  if (!netlink.ok()) return netlink.status();
  std::unique_ptr<Neighbours> neighbours(
      new Neighbours(*std::move(netlink), interface_index, std::move(changed)));
  if (absl::Status s = neighbours->netlink_.Send(DumpRequest(++neighbours->sequence_)); !s.ok()) {
    return s;
  }
  const absl::Time deadline = absl::Now() + kDumpBound;
  while (!neighbours->dump_done_ && WaitReadable(neighbours->fd(), deadline)) {
    neighbours->HandleReady();
  }
  return neighbours;
}

Neighbours::Neighbours(Netlink netlink, int interface_index, Changed changed)
    : netlink_(std::move(netlink)),
      interface_index_(interface_index),
      changed_(std::move(changed)) {}

void Neighbours::HandleReady() {
  const absl::Status received =
      netlink_.Receive([this](const nlmsghdr& message) { Take(message); });
  if (absl::IsDataLoss(received)) netlink_.Send(DumpRequest(++sequence_)).IgnoreError();
}

void Neighbours::Tick(absl::Time now) {
  const bool refresh = now >= next_refresh_;
  if (refresh) next_refresh_ = now + kRefreshEvery;
  for (const Address& address : wanted_) {
    const auto entry = entries_.find(address);
    const bool is_known = entry != entries_.end() && entry->second.word != 0;
    // To ask for one that somebody has written down takes that from him (Linux 5.16 and later).
    if (!is_known || (refresh && !entry->second.fixed)) Ask(address);
  }
}

void Neighbours::Want(std::span<const Address> addresses) {
  absl::flat_hash_set<Address> wanted(addresses.begin(), addresses.end());
  awaited_.clear();
  for (const Address& address : wanted) {
    if (Word(address) != 0 || wanted_.contains(address)) continue;
    entries_.erase(address);  // an old failure is no answer to this question
    awaited_.push_back(address);
    Ask(address);
  }
  wanted_ = std::move(wanted);
}

void Neighbours::Await(absl::Duration bound) {
  const absl::Time deadline = absl::Now() + bound;
  while (!std::all_of(awaited_.begin(), awaited_.end(),
                      [this](const Address& address) { return IsAnswered(address); })) {
    if (!WaitReadable(fd(), deadline)) return;
    HandleReady();
  }
}

uint64_t Neighbours::Word(const Address& address) const {
  const auto entry = entries_.find(address);
  return entry != entries_.end() ? entry->second.word : 0;
}

std::vector<Address> Neighbours::Unresolved() const {
  std::vector<Address> unresolved;
  for (const Address& address : wanted_) {
    if (Word(address) == 0) unresolved.push_back(address);
  }
  std::sort(unresolved.begin(), unresolved.end());
  return unresolved;
}

bool Neighbours::IsAnswered(const Address& address) const {
  const auto entry = entries_.find(address);
  return entry != entries_.end() && (entry->second.word != 0 || entry->second.failed);
}

void Neighbours::Take(const nlmsghdr& message) {
  if (message.nlmsg_type == NLMSG_DONE) dump_done_ = true;
  if (message.nlmsg_type == NLMSG_ERROR && message.nlmsg_len >= NLMSG_LENGTH(sizeof(nlmsgerr))) {
    const int error = static_cast<const nlmsgerr*>(NLMSG_DATA(&message))->error;
    if (error != 0)
      refusal_ = absl::ErrnoToStatus(-error, "the kernel refuses to resolve neighbours");
  }
  const std::optional<NeighbourEvent> event = ParseNeighbour(message);
  if (event && event->interface_index == interface_index_) Apply(*event);
}

void Neighbours::Apply(const NeighbourEvent& event) {
  const bool wanted = wanted_.contains(event.address);
  const uint64_t before = Word(event.address);
  if (event.deleted && !wanted) {
    entries_.erase(event.address);
    return;
  }
  Entry& entry = entries_[event.address];
  if (event.deleted) {
    // Forgotten, not refuted: the MAC stays until the kernel has asked again.
    Ask(event.address);
    return;
  }
  if (event.state == NeighbourState::kUnreachable) {
    if (wanted && entry.word != 0 && !entry.doubted) {
      entry.doubted = true;
      Ask(event.address);
      return;
    }
    entry = {.failed = true};
  }
  if (event.state == NeighbourState::kUsable && event.mac) {
    entry = {.word = lb_next_hop_word(event.mac->data()), .fixed = event.is_fixed};
  }
  if (wanted && entry.word != before) changed_(event.address, entry.word);
}

void Neighbours::Ask(const Address& address) {
  // Without CAP_NET_ADMIN the kernel refuses; the address then stays unresolved and is reported as
  // such.
  netlink_.Send(UseRequest(++sequence_, interface_index_, address)).IgnoreError();
}

}  // namespace evenkeel
