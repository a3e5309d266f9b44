#include "control/config/decoder.h"

#include "absl/strings/ascii.h"

namespace evenkeel::decoding {
namespace {

constexpr size_t kQuotedBytesMax = 60;
constexpr size_t kNameBytesMax = 63;

absl::string_view KindOf(const YamlNode& node) {
  switch (node.kind) {
    case YamlNode::Kind::kNull:
      return "nothing";
    case YamlNode::Kind::kSequence:
      return "a list";
    case YamlNode::Kind::kMap:
      return "a mapping";
    case YamlNode::Kind::kScalar:
      return "";
  }
  return "";
}

}  // namespace

const char kNameHint[] = "a name is 1 to 63 of A-Z a-z 0-9 . _ - and begins with a letter or digit";

bool IsName(absl::string_view text) {
  if (text.empty() || text.size() > kNameBytesMax || !absl::ascii_isalnum(text[0])) return false;
  for (char c : text) {
    if (!absl::ascii_isalnum(c) && c != '.' && c != '_' && c != '-') return false;
  }
  return true;
}

std::string Quoted(absl::string_view text) {
  if (text.size() <= kQuotedBytesMax) return absl::StrCat("`", text, "`");
  size_t end = kQuotedBytesMax;
  while (end > 0 && (text[end] & 0xc0) == 0x80) --end;  // not within a character
  return absl::StrCat("`", text.substr(0, end), "…`");
}

Value::Value(const YamlNode& node, std::string path, Location at, DecodeOutput& out)
    : node_(node), path_(std::move(path)), at_(at), out_(out) {
  // Dots in names could give two things one path, and an override or a finding would mean the wrong
  // one.
  if (!out_.places.Add(path_, at_)) {
    const int line = out_.places.Find(path_).line;
    Fail(absl::StrCat("its path ", Quoted(path_), " is also that of line ", line),
         "choose names without dots for one of the two");
  }
}

Value Value::Child(size_t i) const {
  const YamlNode& child = node_.children[i];
  if (is_sequence()) return Value(child, absl::StrCat(path_, "[", i, "]"), child.at, out_);
  const bool scalar = child.kind == YamlNode::Kind::kScalar;
  return Value(child, JoinPath(path_, node_.keys[i].text), scalar ? child.at : node_.keys[i].at,
               out_);
}

bool Value::Fail(absl::string_view rule, absl::string_view message, absl::string_view hint) const {
  out_.unreliable.push_back(path_);
  if (!node_.incomplete) {
    out_.findings.Error(rule, at_, path_, std::string(message), std::string(hint));
  }
  return false;
}

bool Value::FailType(absl::string_view wanted, absl::string_view hint) const {
  const std::string found = is_scalar()
                                ? absl::StrCat(node_.quoted ? "the text " : "", Quoted(node_.text))
                                : std::string(KindOf(node_));
  return Fail(absl::StrCat("expected ", wanted, ", found ", found), hint);
}

void Value::ComplainAboutKey(size_t i, absl::string_view message, absl::string_view hint) const {
  out_.findings.Error("schema", node_.keys[i].at, JoinPath(path_, node_.keys[i].text),
                      std::string(message), std::string(hint));
}

void Value::ComplainAboutMissingKey(absl::string_view key) const {
  std::string path = JoinPath(path_, key);
  if (!node_.incomplete) {
    out_.findings.Error("schema", at_, path, absl::StrCat("the key `", key, "` is missing"),
                        absl::StrCat("add `", key, ": …`"));
  }
  out_.unreliable.push_back(std::move(path));
}

}  // namespace evenkeel::decoding
