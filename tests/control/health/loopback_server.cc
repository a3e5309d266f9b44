#include "tests/control/health/loopback_server.h"

#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <utility>

#include "control/health/socket.h"

namespace evenkeel {
namespace {

struct Bound {
  UniqueFd socket;
  uint16_t port;
};

Bound Bind(Family family, int type, uint16_t port = 0) {
  SocketAddress address(Loopback(family), port);
  UniqueFd fd(socket(family == Family::kIpv4 ? AF_INET : AF_INET6, type | SOCK_CLOEXEC, 0));
  const int yes = 1;
  setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  if (bind(fd.get(), address.get(), address.size) != 0) {
    std::perror("bind on loopback");
    std::abort();
  }
  getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address.storage), &address.size);
  // At the same place in both families.
  return {std::move(fd), ntohs(reinterpret_cast<sockaddr_in*>(&address.storage)->sin_port)};
}

}  // namespace

IpAddress Loopback(Family family) {
  return *IpAddress::Parse(family == Family::kIpv4 ? "127.0.0.1" : "::1");
}

LoopbackServer::LoopbackServer(Family family, Serve serve, uint16_t port) {
  Bound bound = Bind(family, SOCK_STREAM, port);
  socket_ = std::move(bound.socket);
  port_ = bound.port;
  listen(socket_.get(), 1024);
  acceptor_ = std::thread([this, serve = std::move(serve)] { Accept(serve); });
}

LoopbackServer::~LoopbackServer() {
  stopping_ = true;
  shutdown(socket_.get(), SHUT_RDWR);  // ends accept()
  acceptor_.join();
  {
    const std::lock_guard lock(mutex_);
    for (const UniqueFd& connection : connections_) shutdown(connection.get(), SHUT_RDWR);
  }
  for (std::thread& thread : threads_) thread.join();
}

void LoopbackServer::Accept(const Serve& serve) {
  while (!stopping_) {
    UniqueFd connection(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection.valid()) continue;
    ++accepted_;
    const int fd = connection.get();
    const std::lock_guard lock(mutex_);
    connections_.push_back(std::move(connection));
    threads_.emplace_back([serve, fd] {
      serve(fd);
      shutdown(fd, SHUT_RDWR);
    });
  }
}

DeafServer::DeafServer() {
  Bound bound = Bind(Family::kIpv4, SOCK_STREAM);
  socket_ = std::move(bound.socket);
  port_ = bound.port;
  listen(socket_.get(), 0);
  const SocketAddress address(Loopback(Family::kIpv4), port_);
  for (int i = 0; i < 4; ++i) {
    waiting_.emplace_back(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
    connect(waiting_.back().get(), address.get(), address.size);
  }
}

UdpServer::UdpServer(Family family, std::string answer) {
  Bound bound = Bind(family, SOCK_DGRAM);
  socket_ = std::move(bound.socket);
  port_ = bound.port;
  thread_ = std::thread([this, answer = std::move(answer)] {
    while (true) {
      char question[64];
      sockaddr_storage from{};
      socklen_t size = sizeof(from);
      const ssize_t length = recvfrom(socket_.get(), question, sizeof(question), 0,
                                      reinterpret_cast<sockaddr*>(&from), &size);
      if (length < 0 || size == 0) return;  // shut down
      sendto(socket_.get(), answer.data(), answer.size(), 0, reinterpret_cast<sockaddr*>(&from),
             size);
    }
  });
}

UdpServer::~UdpServer() {
  shutdown(socket_.get(), SHUT_RDWR);
  thread_.join();
}

uint16_t ClosedPort() { return Bind(Family::kIpv4, SOCK_STREAM).port; }

bool Say(int connection, const std::string& text) {
  return send(connection, text.data(), text.size(), MSG_NOSIGNAL) ==
         static_cast<ssize_t>(text.size());
}

void Hear(int connection) {
  std::string heard;
  char buffer[512];
  while (heard.find("\r\n\r\n") == std::string::npos) {
    const ssize_t length = recv(connection, buffer, sizeof(buffer), 0);
    if (length <= 0) return;
    heard.append(buffer, static_cast<size_t>(length));
  }
}

void Reset(int connection) {
  const linger at_once{.l_onoff = 1, .l_linger = 0};
  setsockopt(connection, SOL_SOCKET, SO_LINGER, &at_once, sizeof(at_once));
  // The descriptor belongs to the server; a connect to nowhere resets what it had.
  sockaddr nowhere{};
  nowhere.sa_family = AF_UNSPEC;
  connect(connection, &nowhere, sizeof(nowhere));
}

}  // namespace evenkeel
