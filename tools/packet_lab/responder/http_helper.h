// What nginx cannot do from its configuration alone, done behind it on a Unix socket, HTTP/1.0:
//
//   GET  /bytes/N   N bytes; each 16 of them spell their own offset, so a lost, doubled or swapped
//                   piece shows
//   POST anything   reads the whole body, then answers the line that nginx put into X-Answer, with
//                   X-Body-Bytes and X-Body-SHA256 of what really arrived

#ifndef TOOLS_PACKET_LAB_RESPONDER_HTTP_HELPER_H_
#define TOOLS_PACKET_LAB_RESPONDER_HTTP_HELPER_H_

#include <string>

#include "absl/status/statusor.h"

namespace evenkeel::lab {

// A listening Unix socket; replaces a file that a dead predecessor left at `path`.
absl::StatusOr<int> OpenHttpSocket(const std::string& path);

// Serves for ever, each connection in a thread of its own.
void ServeHttp(int listener);

}  // namespace evenkeel::lab

#endif  // TOOLS_PACKET_LAB_RESPONDER_HTTP_HELPER_H_
