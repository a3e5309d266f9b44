#include "control/config/text_check.h"

#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/config/parse.h"

namespace evenkeel {
namespace {

// Bytes of the UTF-8 sequence at the beginning of `text`; 0 if it is none (also overlong forms,
// surrogates and what lies beyond U+10FFFF: RFC 3629, section 4).
size_t Utf8Length(absl::string_view text) {
  const auto byte = [&](size_t i) -> unsigned { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return 1;
  const size_t length = first < 0xc2   ? 0
                        : first < 0xe0 ? 2
                        : first < 0xf0 ? 3
                        : first < 0xf5 ? 4
                                       : 0;
  if (length == 0 || text.size() < length) return 0;
  for (size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return 0;
  }
  const bool overlong = (first == 0xe0 && byte(1) < 0xa0) || (first == 0xf0 && byte(1) < 0x90);
  const bool surrogate = first == 0xed && byte(1) >= 0xa0;
  const bool beyond = first == 0xf4 && byte(1) >= 0x90;
  return overlong || surrogate || beyond ? 0 : length;
}

// Why the bytes at the beginning of `text` may not stand in a file; empty if they may.
std::string WhyRefused(absl::string_view text) {
  const unsigned char c = text[0];
  if (c == '\r' && !absl::StartsWith(text, "\r\n"))
    return "a carriage return alone is no line break";
  if (c == '\0') return "a NUL byte";
  if ((c < 0x20 && c != '\t' && c != '\n' && c != '\r') || c == 0x7f) {
    return absl::StrFormat("the control character %02x (hex)", c);
  }
  if (Utf8Length(text) == 0) return absl::StrFormat("the byte %02x (hex) is not UTF-8", c);
  return "";
}

bool LooksLikeUtf16(absl::string_view text) {
  return absl::StartsWith(text, "\xff\xfe") || absl::StartsWith(text, "\xfe\xff");
}

}  // namespace

absl::string_view WithoutByteOrderMark(absl::string_view text) {
  return absl::StartsWith(text, "\xef\xbb\xbf") ? text.substr(3) : text;
}

bool CheckText(absl::string_view text, FindingList& findings) {
  const size_t before = findings.count();
  if (text.size() > kConfigBytesMax) {
    findings.Error("syntax", Location{}, "",
                   absl::StrCat("the file is larger than ", kConfigBytesMax >> 20, " MiB"),
                   "a configuration of 65,535 backends needs less; is this the right file?");
    return false;
  }
  if (LooksLikeUtf16(text)) {
    findings.Error("syntax", Location{1, 1}, "", "the file is UTF-16", "save it as UTF-8");
    return false;
  }
  // One finding a line: a binary file is one problem, not thousands.
  Location at{1, 1};
  int reported_line = 0;
  for (size_t i = 0; i < text.size();) {
    const absl::string_view rest = text.substr(i);
    if (std::string why = WhyRefused(rest); !why.empty() && at.line != reported_line) {
      reported_line = at.line;
      findings.Error("syntax", at, "", std::move(why), "the file must be plain UTF-8 text");
    }
    const size_t length = std::max<size_t>(Utf8Length(rest), 1);
    const bool line_end = rest[0] == '\n';
    i += length;
    at = line_end ? Location{at.line + 1, 1}
                  : Location{at.line, at.column + static_cast<int>(length)};
  }
  return findings.count() == before;
}

}  // namespace evenkeel
