// The CLI's end of evenkeeld's Unix socket.
//
// The CLI connects by itself and hands the descriptor to gRPC: gRPC's own connection attempt tells
// "no such file", "nobody listens" and "permission denied" apart only in prose.
#ifndef TOOLS_EVENKEEL_SOCKET_H_
#define TOOLS_EVENKEEL_SOCKET_H_

#include <string>
#include <variant>

#include "absl/time/time.h"
#include "tools/evenkeel/failure.h"

namespace evenkeel::cli {

// A connected descriptor, which the caller owns, or why there is none. Blocks until `deadline` at
// most (while the daemon's backlog is full).
std::variant<int, Failure> ConnectSocket(const std::string& path, absl::Time deadline);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_SOCKET_H_
