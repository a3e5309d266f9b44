// The MACs of next hops, from the kernel's neighbour table, followed as it changes.
//
// The kernel does the asking (ARP, NDP), the caching and the confirming; this class tells it which
// addresses are in use (NTF_USE, at once and again every few seconds, so that an entry neither ages
// out nor goes stale unseen) and turns its messages into next-hop words. A MAC stays in use while
// the kernel checks it again, and goes when nobody has answered twice: once is also what it looks
// like when an operator flushes the table.
//
//   auto neighbours = Neighbours::Follow(interface, [&](const Address& a, uint64_t w) {...});
//   (*neighbours)->Want(addresses);  (*neighbours)->Await(absl::Milliseconds(200));
//   // then, on the manager thread: HandleReady() when fd() is readable, Tick() once a second
#ifndef DATAPLANE_NEIGHBOUR_NEIGHBOURS_H_
#define DATAPLANE_NEIGHBOUR_NEIGHBOURS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "dataplane/neighbour/neighbour_message.h"
#include "dataplane/neighbour/netlink.h"
#include "dataplane/table/digest.h"

namespace evenkeel {

class Neighbours {
 public:
  // A wanted address has another word now: bits 0-47 the MAC, LB_NEXT_HOP_VALID; 0 when it has
  // none.
  using Changed = std::function<void(const Address& address, uint64_t word)>;

  // Reads the kernel's table once, then follows it.
  static absl::StatusOr<std::unique_ptr<Neighbours>> Follow(int interface_index, Changed changed);

  int fd() const { return netlink_.fd(); }
  void HandleReady();
  void Tick(absl::Time now);

  // Replaces the set of addresses in use. The kernel is asked at once for new ones that it doesn't
  // know.
  void Want(std::span<const Address> addresses);
  // Until those have an answer, good or bad; at most `bound`. So that a publication with a new next
  // hop doesn't begin by losing packets to it.
  void Await(absl::Duration bound);

  uint64_t Word(const Address& address) const;
  std::vector<Address> Unresolved() const;
  // The last thing that the kernel refused (without CAP_NET_ADMIN: everything); OK if nothing.
  const absl::Status& refusal() const { return refusal_; }

 private:
  struct Entry {
    uint64_t word = 0;
    bool fixed = false;
    bool doubted = false;  // failed once, asked for again
    bool failed = false;
  };

  Neighbours(Netlink netlink, int interface_index, Changed changed);
  void Take(const nlmsghdr& message);
  void Apply(const NeighbourEvent& event);
  void Ask(const Address& address);
  bool IsAnswered(const Address& address) const;

  Netlink netlink_;
  const int interface_index_;
  Changed changed_;
  absl::flat_hash_map<Address, Entry> entries_;  // of the interface: wanted or not
  absl::flat_hash_set<Address> wanted_;
  std::vector<Address> awaited_;  // asked for by the last Want()
  absl::Status refusal_;
  absl::Time next_refresh_ = absl::InfinitePast();
  uint32_t sequence_ = 0;
  bool dump_done_ = false;
};

}  // namespace evenkeel

#endif  // DATAPLANE_NEIGHBOUR_NEIGHBOURS_H_
