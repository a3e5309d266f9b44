#include <sys/socket.h>

#include <cerrno>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "control/health/http_answer.h"
#include "control/health/probes.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

class UdpProbe : public Probe {
 public:
  UdpProbe(Way& way, const Health& check) : way_(way), check_(check) {}

  MaybeOutcome Start(uint64_t) override {
    Opening opening = OpenTowards(way_, SOCK_DGRAM, static_cast<uint16_t>(check_.port),
                                  [this] { return What(); });
    if (opening.outcome) return std::move(opening.outcome);
    socket_ = std::move(opening.socket);
    if (send(socket_.get(), check_.send.data(), check_.send.size(), MSG_NOSIGNAL) < 0) {
      const int error = errno;
      return OutcomeOf(error, What());
    }
    return std::nullopt;
  }
  int fd() const override { return socket_.get(); }

  MaybeOutcome HandleReady() override {
    char answer[2048];
    const ssize_t length = recv(socket_.get(), answer, sizeof(answer), 0);
    if (length < 0) {
      const int error = errno;
      if (error == EAGAIN || error == EINTR) return std::nullopt;
      return OutcomeOf(error, What());
    }
    const absl::string_view text(answer, static_cast<size_t>(length));
    if (absl::StrContains(text, check_.expect)) return ProbeOutcome::Passed();
    return ProbeOutcome::Failed(absl::StrCat(What(), ": the answer \"", Printable(text),
                                             "\" does not contain \"", Printable(check_.expect),
                                             "\""));
  }
  ProbeOutcome TimedOut(const std::string& waited) const override {
    return ProbeOutcome::Unanswered(absl::StrCat(What(), ": no answer in ", waited));
  }

 private:
  std::string What() const {
    return absl::StrCat("UDP to ", HostPort(way_.destination(), static_cast<uint16_t>(check_.port)),
                        way_.Suffix());
  }

  Way& way_;
  const Health& check_;
  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<Probe> MakeUdpProbe(Way& way, const Health& check) {
  return std::make_unique<UdpProbe>(way, check);
}

}  // namespace evenkeel
