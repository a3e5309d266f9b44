#include <sys/socket.h>

#include <cerrno>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "control/health/http_answer.h"
#include "control/health/probes.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

using Kind = IoResult::Kind;

std::string Bracketed(const IpAddress& address) {
  return address.is_ipv4() ? address.ToString() : absl::StrCat("[", address.ToString(), "]");
}

// The Host header: as configured, else the VIP that clients ask for.
std::string HostOf(const HealthTarget& target, const Way& way) {
  if (!target.check.host.empty()) return target.check.host;
  const bool at_vip = target.check.via == HealthVia::kTunnel || target.vips.empty();
  return Bracketed(at_vip ? way.destination() : target.vips.front());
}

// The name for SNI: a host without its port, and nothing that is an address (RFC 6066, section 3).
std::string ServerName(absl::string_view host) {
  if (!host.empty() && host.front() == '[') return "";
  const absl::string_view name = host.substr(0, host.find(':'));
  return IpAddress::Parse(name).ok() ? "" : std::string(name);
}

class HttpProbe : public Probe {
 public:
  HttpProbe(Way& way, const HealthTarget& target, TlsContext& tls)
      : way_(way), target_(target), context_(tls) {}

  MaybeOutcome Start(uint64_t) override {
    Opening opening = OpenTowards(way_, SOCK_STREAM, port(), [this] { return Connecting(); });
    socket_ = std::move(opening.socket);
    return std::move(opening.outcome);
  }
  int fd() const override { return socket_.get(); }

  MaybeOutcome HandleReady() override {
    if (step_ == Step::kConnect) {
      if (const int error = TakeError(socket_.get()); error != 0) {
        return OutcomeOf(error, Connecting());
      }
      const std::string host = HostOf(target_, way_);
      request_ = absl::StrCat("GET ", target_.check.path, " HTTP/1.1\r\nHost: ", host,
                              "\r\nUser-Agent: evenkeel-health\r\nAccept: */*\r\n",
                              "Connection: close\r\n\r\n");
      if (is_tls()) tls_.emplace(context_, socket_.get(), ServerName(host));
      step_ = is_tls() ? Step::kHandshake : Step::kSend;
    }
    if (step_ == Step::kHandshake) {
      const IoResult made = tls_->Handshake();
      if (made.kind != Kind::kDone) return Stopped(made);
      step_ = Step::kSend;
    }
    if (step_ == Step::kSend) {
      while (!request_.empty()) {
        const IoResult sent = Write();
        if (sent.kind != Kind::kDone) return Stopped(sent);
        request_.erase(0, sent.bytes);
      }
      step_ = Step::kReceive;
    }
    return Receive();
  }

  ProbeOutcome TimedOut(const std::string& waited) const override {
    if (step_ == Step::kConnect) {
      return ProbeOutcome::Unanswered(absl::StrCat(Connecting(), ": no answer in ", waited));
    }
    return ProbeOutcome::Failed(absl::StrCat(
        Doing(), ": ",
        step_ == Step::kReceive ? "no whole header of an answer in " : "not done in ", waited));
  }

 private:
  enum class Step { kConnect, kHandshake, kSend, kReceive };

  bool is_tls() const { return target_.check.kind == HealthKind::kHttps; }
  uint16_t port() const { return static_cast<uint16_t>(target_.check.port); }
  std::string Connecting() const {
    return absl::StrCat("connect to ", HostPort(way_.destination(), port()), way_.Suffix());
  }
  std::string Doing() const {
    if (step_ == Step::kHandshake) {
      return absl::StrCat("TLS with ", HostPort(way_.destination(), port()), way_.Suffix());
    }
    return absl::StrCat("GET ", is_tls() ? "https" : "http", "://",
                        HostPort(way_.destination(), port()), target_.check.path, way_.Suffix());
  }

  IoResult Write() {
    if (tls_) return tls_->Write(request_);
    const ssize_t sent = send(socket_.get(), request_.data(), request_.size(), MSG_NOSIGNAL);
    return PlainResult(sent);
  }
  IoResult Read(absl::Span<char> buffer) {
    if (tls_) return tls_->Read(buffer);
    const ssize_t received = recv(socket_.get(), buffer.data(), buffer.size(), 0);
    return received == 0 ? IoResult{.kind = Kind::kClosed} : PlainResult(received);
  }
  static IoResult PlainResult(ssize_t returned) {
    if (returned >= 0) return {.kind = Kind::kDone, .bytes = static_cast<size_t>(returned)};
    if (errno == EAGAIN || errno == EINTR) return {.kind = Kind::kWait};
    return {.kind = Kind::kError, .error = ErrnoText(errno)};
  }

  // Ends by itself: the answer takes kHeaderMax bytes at most.
  MaybeOutcome Receive() {
    while (true) {
      char buffer[2048];
      const IoResult read = Read(absl::MakeSpan(buffer));
      if (read.kind != Kind::kDone) return Stopped(read);
      answer_.Take({buffer, read.bytes});
      if (answer_.fault()) {
        return ProbeOutcome::Failed(absl::StrCat(Doing(), ": ", *answer_.fault()));
      }
      if (answer_.complete()) return Judge();
    }
  }
  ProbeOutcome Judge() const {
    if (answer_.status() == target_.check.status) return ProbeOutcome::Passed();
    return ProbeOutcome::Failed(
        absl::StrCat(Doing(), ": status ", answer_.status(), " instead of ", target_.check.status));
  }
  MaybeOutcome Stopped(const IoResult& result) const {
    if (result.kind == Kind::kWait) return std::nullopt;
    if (result.kind == Kind::kError) {
      return ProbeOutcome::Failed(absl::StrCat(Doing(), ": ", result.error));
    }
    const absl::string_view begun = answer_.begun();
    return ProbeOutcome::Failed(
        absl::StrCat(Doing(), ": closed before the end of an answer's header",
                     begun.empty() ? "" : absl::StrCat("; got \"", Printable(begun), "\"")));
  }

  Way& way_;
  const HealthTarget& target_;
  TlsContext& context_;
  UniqueFd socket_;
  Step step_ = Step::kConnect;
  std::optional<TlsSession> tls_;  // ends before its socket
  std::string request_;            // what is not sent yet
  HttpAnswer answer_;
};

}  // namespace

std::unique_ptr<Probe> MakeHttpProbe(Way& way, const HealthTarget& target, TlsContext& tls) {
  return std::make_unique<HttpProbe>(way, target, tls);
}

}  // namespace evenkeel
