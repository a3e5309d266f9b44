#include "absl/strings/str_cat.h"
#include "control/health/probes.h"

namespace evenkeel {
namespace {

class EchoProbe : public Probe {
 public:
  explicit EchoProbe(Way& way) : way_(way) {}

  MaybeOutcome Start(uint64_t ticket) override {
    const absl::Status sent = way_.SendEcho(ticket);
    if (sent.ok()) return std::nullopt;
    std::string sentence = absl::StrCat(What(), ": ", sent.message());
    // Unreachable: asked and got nothing. All else is this node's own trouble.
    return absl::IsUnavailable(sent) ? ProbeOutcome::Unanswered(std::move(sentence))
                                     : ProbeOutcome::Undecided(std::move(sentence));
  }
  MaybeOutcome HandleEcho(const IpAddress& from) override {
    return from == way_.destination() ? MaybeOutcome(ProbeOutcome::Passed()) : std::nullopt;
  }
  ProbeOutcome TimedOut(const std::string& waited) const override {
    return ProbeOutcome::Unanswered(absl::StrCat(What(), ": no answer in ", waited));
  }

 private:
  std::string What() const {
    return absl::StrCat("ping ", way_.destination().ToString(), way_.Suffix());
  }

  Way& way_;
};

}  // namespace

std::unique_ptr<Probe> MakeEchoProbe(Way& way) { return std::make_unique<EchoProbe>(way); }

}  // namespace evenkeel
