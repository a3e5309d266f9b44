// HTTPS checks against a server in this process, with a certificate that nobody signed.
#include "control/health/tls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <signal.h>
#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "tests/control/health/loopback_server.h"
#include "tests/control/health/watcher.h"

namespace evenkeel {
namespace {

using testing::HasSubstr;

struct FreeContext {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using ContextPtr = std::unique_ptr<SSL_CTX, FreeContext>;

ContextPtr ServerContext() {
  EVP_PKEY* key = EVP_EC_gen("P-256");
  X509* certificate = X509_new();
  X509_gmtime_adj(X509_getm_notBefore(certificate), -7200);
  X509_gmtime_adj(X509_getm_notAfter(certificate), -3600);  // it has even run out
  X509_set_pubkey(certificate, key);
  X509_sign(certificate, key, EVP_sha256());
  ContextPtr context(SSL_CTX_new(TLS_server_method()));
  SSL_CTX_use_certificate(context.get(), certificate);
  SSL_CTX_use_PrivateKey(context.get(), key);
  X509_free(certificate);
  EVP_PKEY_free(key);
  return context;
}

// Answers one request, and tells the server name that was asked for.
LoopbackServer::Serve Serving(SSL_CTX* context, const std::string& status, std::string* name) {
  return [=](int connection) {
    SSL* session = SSL_new(context);
    SSL_set_fd(session, connection);
    if (SSL_accept(session) == 1) {
      const char* asked = SSL_get_servername(session, TLSEXT_NAMETYPE_host_name);
      char request[1024];
      SSL_read(session, request, sizeof(request));
      if (name != nullptr && name->empty()) *name = asked != nullptr ? asked : "(none)";
      const std::string answer = absl::StrCat("HTTP/1.1 ", status, "\r\n\r\n");
      SSL_write(session, answer.data(), static_cast<int>(answer.size()));
    }
    SSL_free(session);
  };
}

HealthTarget Https(const std::string& name, uint16_t port) {
  HealthTarget target{.pool = name, .backend = name, .address = Loopback(Family::kIpv4)};
  target.check.kind = HealthKind::kHttps;
  target.check.port = port;
  target.check.via = HealthVia::kDirect;
  target.check.interval = absl::Milliseconds(500);
  target.check.timeout = absl::Milliseconds(400);
  target.check.rise = target.check.fall = 2;
  return target;
}

class HttpsProbeTest : public testing::Test {
 protected:
  // The servers here write to connections that the prober has reset.
  void SetUp() override { signal(SIGPIPE, SIG_IGN); }
  const ContextPtr context_ = ServerContext();
};

TEST_F(HttpsProbeTest, AsksWithoutJudgingTheCertificate) {
  const LoopbackServer server(Family::kIpv4, Serving(context_.get(), "200 OK", nullptr));
  Watcher watcher;
  watcher.Watch({Https("b", server.port())});
  EXPECT_TRUE(watcher.AwaitPassing("b"));
}

TEST_F(HttpsProbeTest, WantsTheStatus) {
  const LoopbackServer server(Family::kIpv4, Serving(context_.get(), "404 No", nullptr));
  Watcher watcher;
  watcher.Watch({Https("b", server.port())});
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_EQ(verdict->last_error,
            absl::StrCat("GET https://127.0.0.1:", server.port(), "/: status 404 instead of 200"));
}

TEST_F(HttpsProbeTest, NamesTheHostThatIsConfigured) {
  std::string name;
  {
    const LoopbackServer server(Family::kIpv4, Serving(context_.get(), "200 OK", &name));
    HealthTarget target = Https("b", server.port());
    target.check.host = "www.example.org:8443";
    target.check.rise = 1;
    Watcher watcher;
    watcher.Watch({target});
    EXPECT_TRUE(watcher.AwaitPassing("b"));
    watcher.Watch({});
  }
  EXPECT_EQ(name, "www.example.org");
}

TEST_F(HttpsProbeTest, SaysThatAServerSpeaksNoTls) {
  const LoopbackServer server(Family::kIpv4, [](int connection) {
    char byte;
    recv(connection, &byte, 1, 0);
    Say(connection, "HTTP/1.1 400 plain\r\n\r\n");
  });
  Watcher watcher;
  watcher.Watch({Https("b", server.port())});
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->last_error,
              HasSubstr(absl::StrCat("TLS with 127.0.0.1:", server.port(), ": ")));
  EXPECT_TRUE(verdict->path_alive);
}

TEST_F(HttpsProbeTest, GivesAServerThatHangsInTheHandshakeNoMoreThanItsTime) {
  const LoopbackServer server(Family::kIpv4, [](int connection) {
    char byte;
    while (recv(connection, &byte, 1, 0) > 0) {
    }
  });
  Watcher watcher;
  watcher.Watch({Https("b", server.port())});
  const auto verdict = watcher.AwaitFailing("b");
  ASSERT_TRUE(verdict.has_value());
  EXPECT_THAT(verdict->last_error, HasSubstr(": not done in 400ms"));
}

}  // namespace
}  // namespace evenkeel
