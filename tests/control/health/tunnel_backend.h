// A backend in a network namespace of its own, at the other end of a veth: unwraps what comes in a
// tunnel (raw sockets, and a TUN device into its kernel), has VIPs, and serves HTTP and UDP there.
// For a test that is root, in a network namespace that it has made for itself.
//
//   TunnelBackend backend(1);             // 10.9.1.2 and fd09:1::2; this side has ...1
//   backend.Run("ip address add 203.0.113.10/32 dev lo");
#ifndef TESTS_CONTROL_HEALTH_TUNNEL_BACKEND_H_
#define TESTS_CONTROL_HEALTH_TUNNEL_BACKEND_H_

#include <atomic>
#include <string>
#include <thread>

#include "control/config/address.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class TunnelBackend {
 public:
  static constexpr uint16_t kPort = 8080;

  explicit TunnelBackend(int number);
  // Its namespace and links go with it.
  ~TunnelBackend();

  IpAddress address(Family family) const;
  // In its namespace; false if the command failed.
  bool Run(const std::string& command) const;

  void SetUnwraps(bool unwraps) { unwraps_ = unwraps; }
  int unwrapped() const { return unwrapped_; }  // packets
  int served() const { return served_; }        // connections and datagrams
  int inner_ttl_max() const { return inner_ttl_max_; }
  double cpu_seconds();  // of its thread

 private:
  void Serve();
  void Unwrap(int raw, bool outer_ipv4, int tun);

  const int number_;
  std::atomic<int> thread_id_ = 0;
  std::atomic<bool> linked_ = false;
  std::atomic<bool> ready_ = false;
  std::atomic<bool> stopping_ = false;
  std::atomic<bool> unwraps_ = true;
  std::atomic<int> unwrapped_ = 0;
  std::atomic<int> served_ = 0;
  std::atomic<int> inner_ttl_max_ = 0;
  std::thread thread_;
};

// A new network namespace for the calling thread, with lo up; false where that is not allowed.
bool EnterOwnNetwork();
bool Shell(const std::string& command);

}  // namespace evenkeel

#endif  // TESTS_CONTROL_HEALTH_TUNNEL_BACKEND_H_
