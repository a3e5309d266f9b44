// A route netlink socket: requests out, messages in. One thread.
#ifndef DATAPLANE_NEIGHBOUR_NETLINK_H_
#define DATAPLANE_NEIGHBOUR_NETLINK_H_

#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class Netlink {
 public:
  // `group`: RTNLGRP_* to follow, in the network namespace of the calling thread.
  static absl::StatusOr<Netlink> Open(unsigned group);

  int fd() const { return socket_.get(); }
  absl::Status Send(std::span<const std::byte> request);

  // All messages that wait, without blocking. DataLoss: the kernel dropped some (ask for a dump
  // anew).
  absl::Status Receive(const std::function<void(const nlmsghdr&)>& take);

 private:
  explicit Netlink(UniqueFd socket) : socket_(std::move(socket)), buffer_(1 << 16) {}

  UniqueFd socket_;
  std::vector<std::byte> buffer_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_NEIGHBOUR_NETLINK_H_
