// TLS for HTTPS checks, over a non-blocking socket that somebody else owns (OpenSSL).
//
// The server's certificate is NOT verified: a check asks whether the backend serves, and reaches it
// by an address that its certificate rarely names. TLS 1.2 and later.
#ifndef CONTROL_HEALTH_TLS_H_
#define CONTROL_HEALTH_TLS_H_

#include <cstddef>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

struct ssl_ctx_st;
struct ssl_st;

namespace evenkeel {

// How an input or output of a connection went.
struct IoResult {
  enum class Kind { kDone, kWait, kClosed, kError };

  Kind kind = Kind::kWait;
  size_t bytes = 0;   // kDone
  std::string error;  // kError
};

// Shared by all connections of a thread.
class TlsContext {
 public:
  static absl::StatusOr<TlsContext> Create();

  ssl_ctx_st* get() const { return context_.get(); }

 private:
  struct Free {
    void operator()(ssl_ctx_st* context) const;
  };
  explicit TlsContext(ssl_ctx_st* context) : context_(context) {}

  std::unique_ptr<ssl_ctx_st, Free> context_;
};

class TlsSession {
 public:
  // `server_name`: the SNI; empty for none.
  TlsSession(const TlsContext& context, int socket, const std::string& server_name);

  // kDone once the connection is made.
  IoResult Handshake();
  IoResult Write(absl::string_view data);
  IoResult Read(absl::Span<char> buffer);

 private:
  struct Free {
    void operator()(ssl_st* session) const;
  };
  IoResult ResultOf(int returned);

  std::unique_ptr<ssl_st, Free> session_;
};

}  // namespace evenkeel

#endif  // CONTROL_HEALTH_TLS_H_
