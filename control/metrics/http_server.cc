#include "control/metrics/http_server.h"

#include <httplib.h>

#include <chrono>
#include <thread>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/metrics/distribution_json.h"
#include "control/metrics/page.h"
#include "control/metrics/prometheus.h"

namespace evenkeel {
namespace {

constexpr size_t kThreads = 4;
// A client that is slow or gone holds a thread no longer.
constexpr time_t kTimeoutSeconds = 5;

struct HostPort {
  std::string host;
  int port = 0;
};

absl::StatusOr<HostPort> Split(const std::string& address) {
  const size_t colon = address.rfind(':');
  int port = 0;
  if (colon == std::string::npos || colon == 0 ||
      !absl::SimpleAtoi(address.substr(colon + 1), &port) || port < 1 || port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", address, "' is no ADDRESS:PORT to serve HTTP on"));
  }
  std::string host = address.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  return HostPort{host, port};
}

}  // namespace

absl::Status CheckHttpAddress(const std::string& address) { return Split(address).status(); }

struct HttpServer::Impl {
  httplib::Server server;
  std::thread thread;
};

HttpServer::HttpServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

HttpServer::~HttpServer() {
  impl_->server.stop();
  if (impl_->thread.joinable()) impl_->thread.join();
}

absl::StatusOr<std::unique_ptr<HttpServer>> HttpServer::Start(const std::string& address,
                                                              const Pipeline* pipeline,
                                                              Traffic* traffic,
                                                              const History* history) {
  absl::StatusOr<HostPort> where = Split(address);
  if (!where.ok()) return where.status();
  auto impl = std::make_unique<Impl>();
  httplib::Server& server = impl->server;
  server.new_task_queue = [] { return new httplib::ThreadPool(kThreads); };
  // By itself the library shares the port with whoever else asks for it.
  server.set_socket_options([](int socket) {
    const int yes = 1;
    setsockopt(socket, SOL_SOCKET, SO_REUSEADDR, &yes, sizeof(yes));
  });
  server.set_read_timeout(kTimeoutSeconds);
  server.set_write_timeout(kTimeoutSeconds);
  // A page that is left open asks again and again: its connection must not keep a thread meanwhile.
  server.set_keep_alive_max_count(1);
  server.set_payload_max_length(0);
  server.set_default_headers({{"Cache-Control", "no-store"},
                              {"X-Content-Type-Options", "nosniff"},
                              {"Referrer-Policy", "no-referrer"}});
  server.Get("/", [](const httplib::Request&, httplib::Response& response) {
    response.set_header("Content-Security-Policy", kPagePolicy);
    response.set_content(kPage, kPageSize, "text/html; charset=utf-8");
  });
  server.Get("/distribution.json", [=](const httplib::Request&, httplib::Response& response) {
    response.set_content(DistributionJson(*pipeline, traffic->Now(), *history, absl::Now()),
                         "application/json");
  });
  server.Get("/history.json", [=](const httplib::Request& request, httplib::Response& response) {
    response.set_content(HistoryJson(*history, request.get_param_value("service")),
                         "application/json");
  });
  server.Get("/metrics", [=](const httplib::Request&, httplib::Response& response) {
    response.set_content(MetricsText(*pipeline, traffic->Now()),
                         "text/plain; version=0.0.4; charset=utf-8");
  });
  server.Get("/digest", [=](const httplib::Request&, httplib::Response& response) {
    response.set_content(DigestJson(*pipeline), "application/json");
  });
  server.set_error_handler([](const httplib::Request& request, httplib::Response& response) {
    response.set_content(
        absl::StrCat(request.path, " is not there; there are /, /metrics and /digest\n"),
        "text/plain; charset=utf-8");
  });
  if (!server.bind_to_port(where->host.c_str(), where->port)) {
    return absl::UnavailableError(absl::StrCat(
        "cannot serve HTTP on ", address,
        ": another program may listen there; give another --http, or --http= for none"));
  }
  impl->thread = std::thread([&server] { server.listen_after_bind(); });
  // stop() would miss a server that has not begun to listen.
  while (!server.is_running()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(impl)));
}

}  // namespace evenkeel
