#include <sys/socket.h>

#include "absl/strings/str_cat.h"
#include "control/health/probes.h"
#include "control/health/socket.h"

namespace evenkeel {
namespace {

class TcpProbe : public Probe {
 public:
  TcpProbe(Way& way, uint16_t port) : way_(way), port_(port) {}

  MaybeOutcome Start(uint64_t) override {
    Opening opening = OpenTowards(way_, SOCK_STREAM, port_, [this] { return What(); });
    socket_ = std::move(opening.socket);
    return std::move(opening.outcome);
  }
  int fd() const override { return socket_.get(); }

  MaybeOutcome HandleReady() override {
    const int error = TakeError(socket_.get());
    return error == 0 ? ProbeOutcome::Passed() : OutcomeOf(error, What());
  }
  ProbeOutcome TimedOut(const std::string& waited) const override {
    return ProbeOutcome::Unanswered(absl::StrCat(What(), ": no answer in ", waited));
  }

 private:
  std::string What() const {
    return absl::StrCat("connect to ", HostPort(way_.destination(), port_), way_.Suffix());
  }

  Way& way_;
  const uint16_t port_;
  UniqueFd socket_;
};

}  // namespace

std::unique_ptr<Probe> MakeTcpProbe(Way& way, uint16_t port) {
  return std::make_unique<TcpProbe>(way, port);
}

}  // namespace evenkeel
