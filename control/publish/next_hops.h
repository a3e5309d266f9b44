// Where the next hops of the XDP plane are: the port that each leaves by, from the kernel's routes,
// and its MAC, from the kernel's neighbour table on that port's interface.
//
// Port 0 is the interface that the program is attached to; another port is begun when a route first
// names its interface, and stays.
//
//   absl::StatusOr<std::unique_ptr<NextHops>> hops = NextHops::Follow(index, {}, callbacks);
//   (*hops)->Want(image, nullptr, bound);   ...  (*hops)->Word(address)
//   // then, when a descriptor of fds() is readable: HandleReady(); once a second: Tick(now)
#ifndef CONTROL_PUBLISH_NEXT_HOPS_H_
#define CONTROL_PUBLISH_NEXT_HOPS_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "bpf/lb_shared.h"
#include "dataplane/neighbour/neighbours.h"
#include "dataplane/table/image_view.h"

namespace evenkeel {

class NextHops {
 public:
  struct Callbacks {
    std::function<void(const Address& address, uint64_t word)> changed;
    std::function<void(uint32_t number, const lb_port& port)> port_added;
  };

  // `ports`: those that a plane which was taken over has already, port 0 first.
  static absl::StatusOr<std::unique_ptr<NextHops>> Follow(int interface_index,
                                                          const std::vector<lb_port>& ports,
                                                          Callbacks callbacks);

  // The next hops of `image`, which is about to be published, and of the way back beside it (null:
  // none). Waits for new ones, within a bound.
  void Want(const ImageView& image, const ImageView* way_back, absl::Duration bound);
  // Bits of a next-hop word; 0 while unknown.
  uint64_t Word(const Address& address) const;

  std::vector<int> fds() const;
  void HandleReady();
  void Tick(absl::Time now);

  std::vector<Address> Unresolved() const;

 private:
  struct Port {
    int interface = 0;
    std::unique_ptr<Neighbours> neighbours;
    std::vector<Address> wanted;
  };
  struct Hop {
    uint32_t port = 0;
    uint64_t static_mac = 0;
  };

  explicit NextHops(Callbacks callbacks) : callbacks_(std::move(callbacks)) {}
  void Want(const lb_next_hop& record);
  absl::Status AddPort(int interface_index);
  uint32_t PortTo(const Address& address);

  Callbacks callbacks_;
  std::vector<Port> ports_;
  absl::flat_hash_map<Address, Hop> hops_;
};

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_NEXT_HOPS_H_
