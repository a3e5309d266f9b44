// Answers every UDP datagram on a port with "NAME CLIENT_ADDRESS CLIENT_PORT\n".
//
// The answer leaves from the address that the datagram was sent to: a backend of a direct-return
// balancer has the VIP on its loopback, and a client would not take an answer from another address.

#ifndef TOOLS_PACKET_LAB_RESPONDER_UDP_ANSWERS_H_
#define TOOLS_PACKET_LAB_RESPONDER_UDP_ANSWERS_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace evenkeel::lab {

// A socket bound to every address of the family (AF_INET or AF_INET6). Left open until exit.
absl::StatusOr<int> OpenUdpSocket(int family, uint16_t port);

// Answers for ever; for a thread of its own.
void AnswerDatagrams(int socket, const std::string& name);

}  // namespace evenkeel::lab

#endif  // TOOLS_PACKET_LAB_RESPONDER_UDP_ANSWERS_H_
