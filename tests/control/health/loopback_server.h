// Servers on loopback that behave as a test wants: a thread accepts, one more serves each
// connection, all ended by the destructor.
//
//   LoopbackServer server(Family::kIpv4, [](int connection) { Say(connection, "garbage"); });
//   target.check.port = server.port();
#ifndef TESTS_CONTROL_HEALTH_LOOPBACK_SERVER_H_
#define TESTS_CONTROL_HEALTH_LOOPBACK_SERVER_H_

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "control/config/address.h"
#include "dataplane/table/region.h"

namespace evenkeel {

IpAddress Loopback(Family family);

class LoopbackServer {
 public:
  // May block on the connection, which the destructor shuts down.
  using Serve = std::function<void(int connection)>;

  LoopbackServer(Family family, Serve serve, uint16_t port = 0);
  ~LoopbackServer();

  uint16_t port() const { return port_; }
  int accepted() const { return accepted_; }

 private:
  void Accept(const Serve& serve);

  UniqueFd socket_;
  uint16_t port_ = 0;
  std::atomic<int> accepted_ = 0;
  std::atomic<bool> stopping_ = false;
  std::mutex mutex_;
  std::vector<UniqueFd> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

// Accepts nothing, and its queue is full: a connection to it gets no answer.
class DeafServer {
 public:
  DeafServer();
  uint16_t port() const { return port_; }

 private:
  UniqueFd socket_;
  uint16_t port_ = 0;
  std::vector<UniqueFd> waiting_;
};

// Answers every datagram with `answer`.
class UdpServer {
 public:
  UdpServer(Family family, std::string answer);
  ~UdpServer();
  uint16_t port() const { return port_; }

 private:
  UniqueFd socket_;
  uint16_t port_ = 0;
  std::thread thread_;
};

// A port of 127.0.0.1 where nobody listens.
uint16_t ClosedPort();

// False once the other side is gone.
bool Say(int connection, const std::string& text);
// Until the end of a request's header.
void Hear(int connection);
// The end of the connection is a reset.
void Reset(int connection);

}  // namespace evenkeel

#endif  // TESTS_CONTROL_HEALTH_LOOPBACK_SERVER_H_
