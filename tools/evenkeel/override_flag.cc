#include "tools/evenkeel/override_flag.h"

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "control/config/literals.h"
#include "control/validate/rule.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {
namespace {

constexpr absl::Duration kDefault = absl::Hours(24);
constexpr absl::Duration kMax = absl::Hours(24 * 366);

bool IsPath(absl::string_view text) {
  constexpr absl::string_view kOutside = " \t\r\n=@";
  return !text.empty() && text.find_first_of(kOutside) == absl::string_view::npos;
}

Failure Malformed(const std::string& text, const std::string& hint) {
  return UsageFailure(absl::StrCat("--allow=", Printable(text), " is malformed"), hint);
}

}  // namespace

std::variant<v1::Override, Failure> ParseOverride(const std::string& text) {
  const absl::string_view whole = text;
  const size_t at = whole.find('@');
  const size_t equals = whole.find('=');
  const bool timed = equals != absl::string_view::npos;
  if (at == absl::string_view::npos || (timed && equals < at) ||
      !IsPath(whole.substr(at + 1, timed ? equals - at - 1 : absl::string_view::npos))) {
    return Malformed(text, "write RULE@PATH or RULE@PATH=DURATION, for example F12@pools.web=2h");
  }
  v1::Override allow;
  allow.set_rule(std::string(whole.substr(0, at)));
  allow.set_at(std::string(whole.substr(at + 1, timed ? equals - at - 1 : whole.npos)));
  if (FindRule(allow.rule()) == nullptr) {
    return Malformed(text, absl::StrCat("there is no rule ", Printable(allow.rule()),
                                        "; evenkeel rules lists them"));
  }
  absl::Duration duration = kDefault;
  if (timed) {
    const auto given = decoding::ParseSpan(whole.substr(equals + 1));
    if (!given || *given <= absl::ZeroDuration() || *given > kMax) {
      return Malformed(text, "write how long it holds as N(ms|s|m|h|d), up to 366d; without, 24h");
    }
    duration = *given;
  }
  allow.set_seconds(absl::ToDoubleSeconds(duration));
  return allow;
}

}  // namespace evenkeel::cli
