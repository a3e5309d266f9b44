// The manager thread: everything of the plane that is not forwarding. It sleeps until control, the
// kernel's neighbour table or a signal has something to say.
//
//   auto manager = Manager::Create(options, &plane, &port, neighbours);   // the last good image is
//   in use
//   ... start the workers ...
//   manager->Run(signal_fd);                                              // until SIGTERM or
//   SIGINT
#ifndef DATAPLANE_APP_MANAGER_H_
#define DATAPLANE_APP_MANAGER_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/neighbour/neighbours.h"
#include "dataplane/port/port.h"
#include "dataplane/table/plane_endpoint.h"
#include "dataplane/worker/plane.h"

namespace evenkeel {

class Manager {
 public:
  struct Options {
    std::string socket;
    std::string state_dir;
    std::vector<unsigned> lcores;      // of the workers, in their order
    unsigned neighbour_interface = 0;  // whose neighbours next hops are; 0: none, static MACs only
    std::string flow_dir;              // of the tables of tracked flows; empty: there are none
    int samples_fd = -1;               // of the workers' sampled headers; -1: there are none
  };

  // Listens, follows the neighbours and restores the last good image. The pointed-to outlive the
  // manager.
  static absl::StatusOr<std::unique_ptr<Manager>> Create(const Options& options, Plane* plane,
                                                         Port* port);

  // Until `signal_fd` (signalfd(2)) is readable; returns the signal's number.
  int Run(int signal_fd);

 private:
  Manager(const Options& options, Plane* plane, Port* port)
      : options_(options), plane_(plane), port_(port) {}
  absl::Status Install(std::shared_ptr<const ImageView> image);
  uint64_t NextHopWord(const Address& address) const;
  void OnNeighbour(const Address& address, uint64_t word);
  void EverySecond();
  void ReportUnresolved();
  void ReportLosses();
  void FillStats(StatsSnapshot* stats) const;

  const Options options_;
  Plane* const plane_;
  Port* const port_;
  std::unique_ptr<Neighbours> neighbours_;  // null without an interface
  std::unique_ptr<PlaneEndpoint> endpoint_;
  absl::flat_hash_set<Address> reported_;  // next hops that were logged as unresolved
  absl::Time unresolved_since_ = absl::InfiniteFuture();
  bool refusal_reported_ = false;
  PortLosses losses_;  // when last reported
};

}  // namespace evenkeel

#endif  // DATAPLANE_APP_MANAGER_H_
