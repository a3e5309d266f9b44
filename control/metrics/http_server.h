// The read-only HTTP side of evenkeeld: the distribution page at /, /metrics and /digest.
//
//   auto http = HttpServer::Start("127.0.0.1:9470", &pipeline, &traffic, &lookout.history());
//
// Answers on its own few threads until it is destroyed.
#ifndef CONTROL_METRICS_HTTP_SERVER_H_
#define CONTROL_METRICS_HTTP_SERVER_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "control/metrics/traffic.h"
#include "control/pipeline.h"
#include "control/watch/history.h"

namespace evenkeel {

// InvalidArgument: `address` is not one to serve HTTP on.
absl::Status CheckHttpAddress(const std::string& address);

class HttpServer {
 public:
  // `address` is ADDRESS:PORT or [ADDRESS]:PORT. InvalidArgument: it is neither. Unavailable: it
  // cannot be listened on (another program does).
  static absl::StatusOr<std::unique_ptr<HttpServer>> Start(const std::string& address,
                                                           const Pipeline* pipeline,
                                                           Traffic* traffic,
                                                           const History* history);
  ~HttpServer();

 private:
  struct Impl;
  explicit HttpServer(std::unique_ptr<Impl> impl);

  std::unique_ptr<Impl> impl_;
};

}  // namespace evenkeel

#endif  // CONTROL_METRICS_HTTP_SERVER_H_
