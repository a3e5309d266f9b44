#include "control/config/readers.h"

#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/config/literals.h"
#include "dataplane/table/fill.h"

namespace evenkeel::decoding {
namespace {

constexpr size_t kTextBytesMax = 1024;
constexpr char kSpanHint[] = "a duration is a number and one of ms, s, m, h, d: 30s";
constexpr char kTimeHint[] = "a time is RFC 3339: 2027-01-31T12:00:00Z";

// Fails with the reason, or gives the number.
std::optional<uint64_t> ReadNumber(const Value& value, absl::string_view rule_if_too_large) {
  if (!value.is_scalar()) {
    value.FailType("a number", "write plain digits");
    return std::nullopt;
  }
  const std::string& text = value.node().text;
  const std::optional<uint64_t> number = ParseNumber(text);
  if (number && value.is_plain()) return number;
  if (number) {
    value.Fail(absl::StrCat("expected a number, found the text \"", text, "\""),
               "remove the quotes");
  } else {
    const bool too_large = AllDigits(text) && text[0] != '0';
    value.Fail(too_large ? rule_if_too_large : "schema",
               absl::StrCat(WhyNoNumber(text), ": ", Quoted(text)),
               "write plain decimal digits, as in 100");
  }
  return std::nullopt;
}

// The text of a scalar that stands for something else (an address, a duration); fails for other
// nodes.
const std::string* ReadWord(const Value& value, absl::string_view wanted, absl::string_view hint) {
  if (value.is_scalar()) return &value.node().text;
  value.FailType(wanted, hint);
  return nullptr;
}

bool HasControlCharacter(absl::string_view text) {
  for (unsigned char c : text) {
    if (c < 0x20 || c == 0x7f) return true;
  }
  return false;
}

bool ReadText(const Value& value, std::string& out) {
  if (!value.is_scalar())
    return value.FailType("text", "write it on one line, in quotes where in doubt");
  const std::string& text = value.node().text;
  if (value.is_plain() && (LooksLikeNumber(text) || LooksLikeBoolean(text))) {
    return value.Fail(absl::StrCat("expected text, found ", Quoted(text)),
                      absl::StrFormat("if it is meant as text, quote it: \"%s\"",
                                      text.substr(0, kYamlKeyBytesMax)));
  }
  if (text.size() > kTextBytesMax) {
    return value.Fail(absl::StrCat("text of ", text.size(), " bytes"),
                      absl::StrCat("at most ", kTextBytesMax, " bytes"));
  }
  out = text;
  return true;
}

template <typename T>
bool ReadAddressLike(const Value& value, const std::optional<Family>& family,
                     absl::string_view wanted, T& out) {
  const std::string* text = ReadWord(value, wanted, "as in 203.0.113.10 or \"2001:db8::10\"");
  if (text == nullptr) return false;
  absl::StatusOr<T> parsed = T::Parse(*text);
  if (!parsed.ok()) {
    const bool wrong_length = absl::IsOutOfRange(parsed.status());
    return value.Fail(wrong_length ? "F29" : "schema",
                      absl::StrCat("expected ", wanted, ", found ", Quoted(*text), ": ",
                                   parsed.status().message()),
                      wrong_length ? "the address and the prefix length must fit each other"
                                   : "as in 203.0.113.10 or \"2001:db8::10\"");
  }
  if (family && parsed->family() != *family) {
    return value.Fail("F28",
                      absl::StrFormat("%s is an %s address, here stands the one for %s", *text,
                                      FamilyName(parsed->family()), FamilyName(*family)),
                      absl::StrCat("write an ", FamilyName(*family), " address"));
  }
  out = *parsed;
  return true;
}

}  // namespace

bool FailWord(const Value& value, const std::vector<absl::string_view>& known) {
  const std::string one_of = absl::StrCat("one of ", absl::StrJoin(known, ", "));
  const std::string hint = absl::StrCat("write `", known[0], "`, or another one of these words");
  if (!value.is_scalar() || value.node().text.size() > kYamlKeyBytesMax) {
    return value.FailType(one_of, hint);
  }
  const absl::string_view near = NearestWord(value.node().text, known);
  return value.FailType(one_of, near.empty() ? hint : absl::StrCat("did you mean `", near, "`?"));
}

Reader<uint32_t> Integer(uint32_t low, uint32_t high) {
  return [low, high](const Value& value, uint32_t& out) {
    const std::optional<uint64_t> number = ReadNumber(value, "schema");
    if (!number) return false;
    if (*number < low || *number > high) {
      return value.Fail(absl::StrCat(*number, " is not between ", low, " and ", high),
                        absl::StrCat("write a number from ", low, " to ", high));
    }
    out = static_cast<uint32_t>(*number);
    return true;
  };
}

Reader<uint32_t> Weight() {
  return [](const Value& value, uint32_t& out) {
    const std::string hint =
        absl::StrCat("weights are 1 to ", kWeightMax, "; only their proportions matter");
    const std::optional<uint64_t> number = ReadNumber(value, "F05");
    if (!number) return false;
    if (*number > std::numeric_limits<uint32_t>::max()) {
      return value.Fail("F05", absl::StrCat("the weight ", *number, " does not fit 32 bits"), hint);
    }
    if (*number > kWeightMax) {
      return value.Fail("F01", absl::StrCat("the weight ", *number, " is above ", kWeightMax),
                        hint);
    }
    out = static_cast<uint32_t>(*number);
    return true;
  };
}

Reader<uint32_t> Percent() {
  return [](const Value& value, uint32_t& out) {
    const std::string* text = ReadWord(value, "a percentage", "as in 34%");
    if (text == nullptr) return false;
    const std::optional<uint32_t> percent = ParsePercent(*text);
    if (!percent) {
      return value.FailType("a percentage from 0% to 100%", "whole digits and a % sign: 34%");
    }
    out = *percent;
    return true;
  };
}

Reader<absl::Duration> Span(absl::Duration low, absl::Duration high) {
  return [low, high](const Value& value, absl::Duration& out) {
    const std::string* text = ReadWord(value, "a duration", kSpanHint);
    if (text == nullptr) return false;
    const std::optional<absl::Duration> span = ParseSpan(*text);
    if (!span) return value.FailType("a duration", kSpanHint);
    if (*span < low || *span > high) {
      return value.Fail(
          absl::StrFormat("%s is not between %s and %s", *text, FormatSpan(low), FormatSpan(high)),
          absl::StrFormat("write a duration from %s to %s", FormatSpan(low), FormatSpan(high)));
    }
    out = *span;
    return true;
  };
}

Reader<absl::Time> Instant() {
  return [](const Value& value, absl::Time& out) {
    const std::string* text = ReadWord(value, "a time", kTimeHint);
    if (text == nullptr) return false;
    const std::optional<absl::Time> time = ParseInstant(*text);
    if (!time) return value.FailType("a time", kTimeHint);
    out = *time;
    return true;
  };
}

Reader<bool> Boolean() {
  return [](const Value& value, bool& out) {
    if (!value.is_plain() || (value.node().text != "true" && value.node().text != "false")) {
      return value.FailType("true or false", "without quotes, in lower case");
    }
    out = value.node().text == "true";
    return true;
  };
}

Reader<std::string> Text(Empty empty) {
  return [empty](const Value& value, std::string& out) {
    if (!ReadText(value, out)) return false;
    if (out.empty() && empty == Empty::kRefused) {
      return value.Fail("the text is empty", "say something, or leave the key out");
    }
    if (HasControlCharacter(out)) {
      return value.Fail("the text contains a control character", "keep it to one line");
    }
    return true;
  };
}

Reader<std::string> Payload() { return ReadText; }

Reader<std::string> NameText() {
  return [](const Value& value, std::string& out) {
    if (!ReadText(value, out)) return false;
    return IsName(out) || value.Fail(absl::StrCat(Quoted(out), " is not a name"), kNameHint);
  };
}

Reader<std::string> NameReference() {
  return [](const Value& value, std::string& out) {
    const std::string* text = ReadWord(value, "a name", kNameHint);
    if (text == nullptr) return false;
    out = *text;
    return IsName(out) || value.Fail(absl::StrCat(Quoted(out), " is not a name"), kNameHint);
  };
}

Reader<IpAddress> AnyAddress() {
  return [](const Value& value, IpAddress& out) {
    return ReadAddressLike(value, std::nullopt, "an IP address", out);
  };
}

Reader<IpAddress> AddressOf(Family family) {
  return [family](const Value& value, IpAddress& out) {
    return ReadAddressLike(value, family, "an IP address", out);
  };
}

Reader<IpPrefix> AnyPrefix() {
  return [](const Value& value, IpPrefix& out) {
    return ReadAddressLike(value, std::nullopt, "an IP address or prefix", out);
  };
}

Reader<IpPrefix> PrefixOf(Family family) {
  return [family](const Value& value, IpPrefix& out) {
    return ReadAddressLike(value, family, "an IP address or prefix", out);
  };
}

Reader<MacAddress> Mac() {
  return [](const Value& value, MacAddress& out) {
    const std::string* text = ReadWord(value, "a MAC address", "as in \"02:00:00:00:00:01\"");
    if (text == nullptr) return false;
    absl::StatusOr<MacAddress> mac = MacAddress::Parse(*text);
    if (!mac.ok()) {
      return value.Fail(absl::StrCat(Quoted(*text), ": ", std::string(mac.status().message())),
                        "as in \"02:00:00:00:00:01\"");
    }
    out = *mac;
    return true;
  };
}

}  // namespace evenkeel::decoding
