#include "control/health/tls.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

std::string OpenSslText() {
  const unsigned long error = ERR_peek_last_error();
  const char* reason = ERR_reason_error_string(error);
  return reason != nullptr ? reason : "unknown error";
}

}  // namespace

void TlsContext::Free::operator()(ssl_ctx_st* context) const { SSL_CTX_free(context); }
void TlsSession::Free::operator()(ssl_st* session) const { SSL_free(session); }

absl::StatusOr<TlsContext> TlsContext::Create() {
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  if (context == nullptr) return absl::InternalError(absl::StrCat("OpenSSL: ", OpenSslText()));
  SSL_CTX_set_verify(context, SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context, SSL_MODE_RELEASE_BUFFERS);
  // Old servers end a connection without saying so.
  SSL_CTX_set_options(context, SSL_OP_IGNORE_UNEXPECTED_EOF);
  return TlsContext(context);
}

TlsSession::TlsSession(const TlsContext& context, int socket, const std::string& server_name)
    : session_(SSL_new(context.get())) {
  if (session_ == nullptr) return;
  SSL_set_fd(session_.get(), socket);
  SSL_set_connect_state(session_.get());
  if (!server_name.empty()) SSL_set_tlsext_host_name(session_.get(), server_name.c_str());
}

IoResult TlsSession::ResultOf(int returned) {
  const int error = errno;
  switch (SSL_get_error(session_.get(), returned)) {
    case SSL_ERROR_WANT_READ:
    case SSL_ERROR_WANT_WRITE:
      return {.kind = IoResult::Kind::kWait};
    case SSL_ERROR_ZERO_RETURN:
      return {.kind = IoResult::Kind::kClosed};
    case SSL_ERROR_SYSCALL:
      if (error == 0) return {.kind = IoResult::Kind::kClosed};
      return {.kind = IoResult::Kind::kError, .error = ErrnoText(error)};
    default:
      return {.kind = IoResult::Kind::kError, .error = OpenSslText()};
  }
}

IoResult TlsSession::Handshake() {
  if (session_ == nullptr) return {.kind = IoResult::Kind::kError, .error = "out of memory"};
  ERR_clear_error();
  errno = 0;
  const int returned = SSL_do_handshake(session_.get());
  if (returned == 1) return {.kind = IoResult::Kind::kDone};
  return ResultOf(returned);
}

IoResult TlsSession::Write(absl::string_view data) {
  ERR_clear_error();
  errno = 0;
  size_t bytes = 0;
  const int returned = SSL_write_ex(session_.get(), data.data(), data.size(), &bytes);
  if (returned == 1) return {.kind = IoResult::Kind::kDone, .bytes = bytes};
  return ResultOf(returned);
}

IoResult TlsSession::Read(absl::Span<char> buffer) {
  ERR_clear_error();
  errno = 0;
  size_t bytes = 0;
  const int returned = SSL_read_ex(session_.get(), buffer.data(), buffer.size(), &bytes);
  if (returned == 1) return {.kind = IoResult::Kind::kDone, .bytes = bytes};
  return ResultOf(returned);
}

}  // namespace evenkeel
