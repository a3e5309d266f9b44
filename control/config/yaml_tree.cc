#include "control/config/yaml_tree.h"

#include <yaml-cpp/eventhandler.h>
#include <yaml-cpp/exceptions.h>
#include <yaml-cpp/parser.h>

#include <exception>
#include <sstream>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace evenkeel {
namespace {

Location At(const YAML::Mark& mark) { return Location{mark.line + 1, mark.column + 1}; }

// Whether the quoted scalar at the beginning of `text` ends: yaml-cpp takes the end of the file for
// the closing quote, so a file that was cut off would pass.
bool QuoteCloses(absl::string_view text) {
  const char quote = text[0];
  for (size_t i = 1; i < text.size(); ++i) {
    if (text[i] == '\\' && quote == '"') {
      ++i;
    } else if (text[i] == quote) {
      if (quote == '"' || i + 1 == text.size() || text[i + 1] != '\'') return true;
      ++i;  // '' is a quote within single quotes
    }
  }
  return false;
}

// How many characters of `text` could separate values.
size_t CountStructure(absl::string_view text) {
  size_t count = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '[':
      case ']':
      case '{':
      case '}':
      case ',':
        ++count;
        break;
      case ':':
        count += i + 1 == text.size() || absl::ascii_isspace(text[i + 1]);
        break;
    }
  }
  return count;
}

// Builds the tree of one document from yaml-cpp's events.
class TreeBuilder : public YAML::EventHandler {
 public:
  TreeBuilder(absl::string_view text, FindingList& findings) : text_(text), findings_(findings) {}

  std::optional<YamlNode> TakeRoot() { return full_ ? std::nullopt : std::move(root_); }

  void OnDocumentStart(const YAML::Mark&) override {}
  void OnDocumentEnd() override {}

  void OnAnchor(const YAML::Mark& mark, const std::string& name) override {
    Refuse(mark, absl::StrCat("the anchor `&", name, "`"),
           "write the value out where it is needed");
  }

  void OnAlias(const YAML::Mark& mark, YAML::anchor_t) override {
    Refuse(mark, "an alias (`*name`)",
           "write the value out; text that begins with * goes in quotes");
    Place(YamlNode{.at = At(mark), .incomplete = true});
  }

  void OnNull(const YAML::Mark& mark, YAML::anchor_t) override {
    RefuseTag(mark, "");
    Place(YamlNode{.at = At(mark)});
  }

  void OnScalar(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                const std::string& value) override {
    RefuseTag(mark, tag);
    const char first = CharAt(mark);
    if ((first == '"' || first == '\'') && !QuoteCloses(text_.substr(mark.pos))) {
      findings_.Error("syntax", At(mark), Path(), "the quote that opens here is never closed",
                      absl::StrFormat("end the text with %c", first));
    }
    // yaml-cpp's word for "no tag, and not plain".
    Place(YamlNode{
        .kind = YamlNode::Kind::kScalar, .at = At(mark), .text = value, .quoted = tag == "!"});
  }

  void OnSequenceStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {
    Open(mark, tag, YamlNode::Kind::kSequence);
  }
  void OnSequenceEnd() override { Close(); }

  void OnMapStart(const YAML::Mark& mark, const std::string& tag, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {
    Open(mark, tag, YamlNode::Kind::kMap);
  }
  void OnMapEnd() override { Close(); }

 private:
  // A collection that is still open.
  struct Frame {
    YamlNode node;
    std::optional<YamlKey> key;                   // kMap: a key has been read, its value comes next
    bool drop_value = false;                      // kMap: the key was refused
    absl::flat_hash_map<std::string, int> lines;  // kMap: keys so far and where they stand
  };

  void Open(const YAML::Mark& mark, const std::string& tag, YamlNode::Kind kind) {
    if (skipping_ > 0 || full_) {
      ++skipping_;
      return;
    }
    RefuseTag(mark, tag);
    if (open_.size() == kYamlDepthMax) {
      findings_.Error("syntax", At(mark), Path(),
                      absl::StrCat("nested deeper than ", kYamlDepthMax, " levels"),
                      "no configuration needs that: a bracket or brace too many?");
      ++skipping_;
      return;
    }
    open_.push_back(Frame{.node = YamlNode{.kind = kind, .at = At(mark)}});
  }

  void Close() {
    if (skipping_ > 0) {
      if (--skipping_ == 0) Place(YamlNode{.incomplete = true});
      return;
    }
    YamlNode node = std::move(open_.back().node);
    open_.pop_back();
    Place(std::move(node));
  }

  // Puts a finished node where it belongs: root, element, key or value.
  void Place(YamlNode node) {
    full_ = full_ || findings_.is_flooded();
    if (skipping_ > 0 || full_) return;
    if (++nodes_ > kYamlNodesMax) {
      full_ = true;
      findings_.Error("syntax", node.at, "",
                      absl::StrCat("more than ", kYamlNodesMax, " values in one file"), "");
      return;
    }
    if (open_.empty()) {
      root_ = std::move(node);
      return;
    }
    Frame& frame = open_.back();
    if (frame.node.kind == YamlNode::Kind::kSequence) {
      frame.node.children.push_back(std::move(node));
    } else if (!frame.key) {
      PlaceKey(frame, std::move(node));
    } else {
      if (!frame.drop_value) {
        frame.node.keys.push_back(*std::move(frame.key));
        frame.node.children.push_back(std::move(node));
      }
      frame.key.reset();
    }
  }

  void PlaceKey(Frame& frame, YamlNode node) {
    frame.drop_value = true;
    if (node.kind != YamlNode::Kind::kScalar) {
      if (!node.incomplete) Complain(node.at, "a key must be one word of text");
      frame.node.incomplete = true;
    } else if (node.text.size() > kYamlKeyBytesMax) {
      findings_.Error("syntax", node.at, Path(),
                      absl::StrCat("a key of ", node.text.size(), " bytes"),
                      absl::StrCat("a key has at most ", kYamlKeyBytesMax));
    } else if (node.text == "<<" && !node.quoted) {
      findings_.Error("syntax", node.at, Path(), "merge keys (`<<`) are refused",
                      "write the keys out, so that the file says what it means");
      frame.node.incomplete = true;
    } else if (auto [first, fresh] = frame.lines.emplace(node.text, node.at.line); !fresh) {
      findings_.Error(
          "schema", node.at, JoinPath(Path(), node.text),
          absl::StrCat("the key `", node.text, "` is given twice, first in line ", first->second),
          "remove one of the two");
    } else {
      frame.drop_value = false;
    }
    frame.key = YamlKey{std::move(node.text), node.at};
  }

  void Complain(Location at, absl::string_view message) {
    findings_.Error("syntax", at, Path(), std::string(message),
                    "keys are plain words; `{a: 1}` needs the space after the colon");
  }

  void Refuse(const YAML::Mark& mark, absl::string_view what, absl::string_view hint) {
    if (skipping_ > 0 || full_) return;
    findings_.Error("syntax", At(mark), Path(), absl::StrCat(what, " is refused"),
                    std::string(hint));
  }

  // yaml-cpp gives an explicit lone `!` the same word as a quoted scalar, hence the look at the
  // text.
  void RefuseTag(const YAML::Mark& mark, absl::string_view tag) {
    const bool named = !tag.empty() && tag != "?" && tag != "!";
    if (named || CharAt(mark) == '!') {
      Refuse(mark, "a tag (`!…`)", "remove it; text that begins with ! goes in quotes");
    }
  }

  char CharAt(const YAML::Mark& mark) const {
    const auto pos = static_cast<size_t>(mark.pos);
    return mark.pos >= 0 && pos < text_.size() ? text_[pos] : '\0';
  }

  // Of what is being read.
  std::string Path() const {
    std::string path;
    for (const Frame& frame : open_) {
      if (frame.node.kind == YamlNode::Kind::kSequence) {
        absl::StrAppend(&path, "[", frame.node.children.size(), "]");
      } else if (frame.key) {
        path = JoinPath(path, frame.key->text);
      }
    }
    return path;
  }

  const absl::string_view text_;
  FindingList& findings_;
  std::vector<Frame> open_;
  size_t skipping_ = 0;  // collections open below one that is too deep
  size_t nodes_ = 0;
  bool full_ = false;
  std::optional<YamlNode> root_;
};

// Notes where a document begins and ignores what it says.
class DocumentWatcher : public YAML::EventHandler {
 public:
  std::optional<Location> begin;

  void OnDocumentStart(const YAML::Mark& mark) override { begin = At(mark); }
  void OnDocumentEnd() override {}
  void OnNull(const YAML::Mark&, YAML::anchor_t) override {}
  void OnAlias(const YAML::Mark&, YAML::anchor_t) override {}
  void OnScalar(const YAML::Mark&, const std::string&, YAML::anchor_t,
                const std::string&) override {}
  void OnSequenceStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                       YAML::EmitterStyle::value) override {}
  void OnSequenceEnd() override {}
  void OnMapStart(const YAML::Mark&, const std::string&, YAML::anchor_t,
                  YAML::EmitterStyle::value) override {}
  void OnMapEnd() override {}
};

// The indentation of line `line` (from 1) of `text`.
absl::string_view IndentationOf(absl::string_view text, int line) {
  for (; line > 1; --line) {
    const size_t end = text.find('\n');
    if (end == absl::string_view::npos) return "";
    text.remove_prefix(end + 1);
  }
  const size_t end = text.find_first_not_of(" \t");
  return text.substr(0, end);
}

// Why yaml-cpp gave up, in the words of somebody who wrote the file.
void ReportParserError(const YAML::Exception& error, absl::string_view text,
                       FindingList& findings) {
  const Location at = error.mark.is_null() ? Location{} : At(error.mark);
  if (absl::string_view indentation = IndentationOf(text, at.line);
      indentation.find('\t') != absl::string_view::npos) {
    findings.Error("syntax", at, "", "this line is indented with a tab", "indent with spaces only");
    return;
  }
  struct Explanation {
    absl::string_view error, message, hint;
  };
  static constexpr Explanation kExplanations[] = {
      {"illegal map value", "a `key: value` where none can stand",
       "check the indentation of this line and the one above, and quote text that holds `: `"},
      {"end of map not found", "this does not belong to the mapping above it",
       "check the indentation, and that a value is not followed by more text"},
      {"end of map flow not found", "a `{` without its `}`, or a comma missing before this",
       "close it, or put a comma between two entries; the line before may be the one"},
      {"end of sequence flow not found", "a `[` without its `]`, or a comma missing before this",
       "close it, or put a comma between two elements; the line before may be the one"},
      {"illegal flow end", "a closing bracket or brace that nothing opened",
       "remove it, or open it"},
      {"illegal block entry", "a `- ` where no list can stand",
       "begin the list on a line of its own"},
      {"unknown token", "this character cannot begin a value", "put the value in quotes"},
      {"the referenced anchor is not defined", "an alias (`*name`) is refused",
       "write the value out; text that begins with * goes in quotes"},
  };
  for (const Explanation& known : kExplanations) {
    if (error.msg == known.error) {
      findings.Error("syntax", at, "", std::string(known.message), std::string(known.hint));
      return;
    }
  }
  findings.Error("syntax", at, "", absl::StrCat("not valid YAML: ", error.msg), "");
}

}  // namespace

std::optional<YamlNode> ParseYaml(absl::string_view text, FindingList& findings) {
  if (CountStructure(text) > kYamlStructureMax) {
    findings.Error("syntax", Location{}, "", "the file has too many values to be a configuration",
                   absl::StrCat("at most ", kYamlStructureMax, " brackets, commas and colons"));
    return std::nullopt;
  }
  try {
    std::istringstream stream{std::string(text)};
    YAML::Parser parser(stream);
    TreeBuilder builder(text, findings);
    if (!parser.HandleNextDocument(builder)) {
      findings.Error("syntax", Location{1, 1}, "", "the file is empty",
                     "the least that it needs: `schema: evenkeel/v1` and `cluster: {name: …}`");
      return std::nullopt;
    }
    if (DocumentWatcher rest; parser.HandleNextDocument(rest)) {
      findings.Error("syntax", rest.begin.value_or(Location{}), "",
                     "a second document, or text outside the first one's indentation",
                     "one file is one document: remove `---`, or mend the indentation here");
    }
    return builder.TakeRoot();
  } catch (const YAML::Exception& error) {
    ReportParserError(error, text, findings);
  } catch (const std::exception& error) {
    findings.Error("syntax", Location{}, "", absl::StrCat("cannot be parsed: ", error.what()), "");
  }
  return std::nullopt;
}

std::string JoinPath(absl::string_view path, absl::string_view key) {
  return path.empty() ? std::string(key) : absl::StrCat(path, ".", key);
}

}  // namespace evenkeel
