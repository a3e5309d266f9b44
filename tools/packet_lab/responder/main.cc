// lab-responder: a backend's answers in the lab that nginx does not give by itself. One per
// backend, in its network namespace, started and ended by tools/lab.
//
//   lab-responder --name=b1 --udp_port=53 --http_socket=/run/evenkeel-lab/evenkeel/b1/http.sock

#include <gflags/gflags.h>
#include <sys/socket.h>

#include <cstdint>
#include <cstdio>
#include <string>
#include <thread>

#include "absl/status/statusor.h"
#include "tools/packet_lab/responder/http_helper.h"
#include "tools/packet_lab/responder/udp_answers.h"

DEFINE_string(name, "", "the backend's name: the first word of every answer");
DEFINE_int32(udp_port, 53, "the port whose datagrams are answered, 1 to 65535");
DEFINE_string(http_socket, "", "the Unix socket for nginx");

namespace {

int Run() {
  const auto port = static_cast<uint16_t>(FLAGS_udp_port);
  const absl::StatusOr<int> ipv4 = evenkeel::lab::OpenUdpSocket(AF_INET, port);
  const absl::StatusOr<int> ipv6 = evenkeel::lab::OpenUdpSocket(AF_INET6, port);
  const absl::StatusOr<int> http = evenkeel::lab::OpenHttpSocket(FLAGS_http_socket);
  for (const absl::StatusOr<int>* socket : {&ipv4, &ipv6, &http}) {
    if (socket->ok()) continue;
    std::fprintf(stderr, "lab-responder: %s\n", std::string(socket->status().message()).c_str());
    return 1;
  }
  std::thread(evenkeel::lab::AnswerDatagrams, *ipv4, FLAGS_name).detach();
  std::thread(evenkeel::lab::AnswerDatagrams, *ipv6, FLAGS_name).detach();
  evenkeel::lab::ServeHttp(*http);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  gflags::ParseCommandLineFlags(&argc, &argv, true);
  return Run();
}
