// A declarative descent from the YAML tree into plain structs: a schema lists the keys of a
// mapping, and each key's reader turns a node into a value or says what is wrong with it.
//
//   const auto schema = MapSchema<Backend>()
//                           .Required("address", &Backend::address, AnyAddress())
//                           .Optional("weight", &Backend::weight, Integer(0, kWeightMax));
//   Backend backend;            // holds the defaults
//   schema(value, backend);     // unknown, missing and wrong keys become findings
//
// A reader is anything callable as `bool(const Value&, T&)`: it returns false after Value::Fail().
// Schemas are readers too. Nothing stops at the first problem. Internal to control/config.
#ifndef CONTROL_CONFIG_DECODER_H_
#define CONTROL_CONFIG_DECODER_H_

#include <functional>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "control/config/finding_list.h"
#include "control/config/source_map.h"
#include "control/config/suggest.h"
#include "control/config/yaml_tree.h"

namespace evenkeel::decoding {

// What one decoding gathers.
struct DecodeOutput {
  FindingList& findings;
  SourceMap& places;
  std::vector<std::string>& unreliable;  // paths without a value that can be believed
};

// A node at its place in the configuration.
class Value {
 public:
  // `at` is where findings about it point: the value of a scalar, the key of anything else.
  Value(const YamlNode& node, std::string path, Location at, DecodeOutput& out);

  const YamlNode& node() const { return node_; }
  const std::string& path() const { return path_; }
  Location at() const { return at_; }

  bool is_scalar() const { return node_.kind == YamlNode::Kind::kScalar; }
  bool is_map() const { return node_.kind == YamlNode::Kind::kMap; }
  bool is_sequence() const { return node_.kind == YamlNode::Kind::kSequence; }
  // A scalar without quotes: the only spelling of numbers and booleans.
  bool is_plain() const { return is_scalar() && !node_.quoted; }

  // The value of the i-th key of a mapping, the i-th element of a sequence.
  Value Child(size_t i) const;

  // Records that there is no usable value here; returns false for readers to pass on. Silent where
  // YAML itself was already refused.
  bool Fail(absl::string_view message, absl::string_view hint) const {
    return Fail("schema", message, hint);
  }
  bool Fail(absl::string_view rule, absl::string_view message, absl::string_view hint) const;
  // The same for a node of the wrong kind: `wanted` is what should be there ("an address").
  bool FailType(absl::string_view wanted, absl::string_view hint) const;

  // A problem of key `i` that leaves the rest of the mapping to be believed.
  void ComplainAboutKey(size_t i, absl::string_view message, absl::string_view hint) const;
  void ComplainAboutMissingKey(absl::string_view key) const;

 private:
  const YamlNode& node_;
  const std::string path_;
  const Location at_;
  DecodeOutput& out_;
};

// `text` in backquotes for a message, cut where it is long.
std::string Quoted(absl::string_view text);

// Reads a mapping whose keys are known.
template <typename T>
class MapSchema {
 public:
  using Reader = std::function<bool(const Value&, T&)>;

  // A member may be std::optional<X> with a reader of X: it stays empty where the key is absent.
  template <typename Member, typename MemberReader>
  MapSchema&& Required(absl::string_view key, Member T::*member, MemberReader reader) && {
    return std::move(*this).Add(key, /*required=*/true, Into(member, std::move(reader)));
  }
  template <typename Member, typename MemberReader>
  MapSchema&& Optional(absl::string_view key, Member T::*member, MemberReader reader) && {
    return std::move(*this).Add(key, /*required=*/false, Into(member, std::move(reader)));
  }
  // A key that says something about the whole, not about one member.
  MapSchema&& Part(absl::string_view key, Reader reader) && {
    return std::move(*this).Add(key, /*required=*/false, std::move(reader));
  }
  // What must hold of the keys together; runs after all are read.
  MapSchema&& Check(Reader check) && {
    checks_.push_back(std::move(check));
    return std::move(*this);
  }

  bool operator()(const Value& value, T& out) const {
    if (!value.is_map()) return value.FailType("a mapping", "write `key: value` pairs, or {}");
    bool ok = true;
    std::vector<bool> given(fields_.size());
    for (size_t i = 0; i < value.node().keys.size(); ++i) {
      const size_t f = FieldOf(value.node().keys[i].text);
      if (f == fields_.size()) {
        ReportUnknown(value, i);
        continue;
      }
      given[f] = true;
      ok &= fields_[f].read(value.Child(i), out);
    }
    for (size_t f = 0; f < fields_.size(); ++f) {
      if (!fields_[f].required || given[f]) continue;
      value.ComplainAboutMissingKey(fields_[f].key);
      ok = false;
    }
    for (const Reader& check : checks_) ok &= check(value, out);
    return ok;
  }

 private:
  struct Field {
    std::string key;
    bool required;
    Reader read;
  };

  MapSchema&& Add(absl::string_view key, bool required, Reader reader) && {
    fields_.push_back(Field{std::string(key), required, std::move(reader)});
    return std::move(*this);
  }

  template <typename Member, typename MemberReader>
  static Reader Into(Member T::*member, MemberReader reader) {
    return [member, reader = std::move(reader)](const Value& value, T& out) {
      return ReadInto(reader, value, out.*member);
    };
  }
  template <typename MemberReader, typename Member>
  static bool ReadInto(const MemberReader& reader, const Value& value, Member& member) {
    return reader(value, member);
  }
  template <typename MemberReader, typename Member>
  static bool ReadInto(const MemberReader& reader, const Value& value,
                       std::optional<Member>& member) {
    return reader(value, member.emplace());
  }

  size_t FieldOf(absl::string_view key) const {
    size_t f = 0;
    while (f < fields_.size() && fields_[f].key != key) ++f;
    return f;
  }

  void ReportUnknown(const Value& value, size_t i) const {
    std::vector<absl::string_view> known;
    for (const Field& field : fields_) known.push_back(field.key);
    const std::string& key = value.node().keys[i].text;
    value.ComplainAboutKey(i, absl::StrCat("unknown key ", Quoted(key)), SuggestKey(key, known));
  }

  std::vector<Field> fields_;
  std::vector<Reader> checks_;
};

// Whether `text` may name a pool, a backend, a service or the cluster.
bool IsName(absl::string_view text);
extern const char kNameHint[];

// Reads a mapping of names to things into a list in the order of the file.
template <typename T, typename Reader>
auto NamedList(std::string T::*name, Reader reader) {
  return [name, reader = std::move(reader)](const Value& value, std::vector<T>& out) {
    if (!value.is_map()) {
      return value.FailType("a mapping of names", "write `name: {…}` pairs, or {}");
    }
    bool ok = true;
    out.reserve(value.node().keys.size());
    for (size_t i = 0; i < value.node().keys.size(); ++i) {
      const std::string& key = value.node().keys[i].text;
      if (!IsName(key)) {
        value.ComplainAboutKey(i, absl::StrCat(Quoted(key), " is not a name"), kNameHint);
        ok = false;
        continue;
      }
      T& item = out.emplace_back();
      item.*name = key;
      ok &= reader(value.Child(i), item);
    }
    return ok;
  };
}

// Reads a sequence.
template <typename Reader>
auto ListOf(Reader reader) {
  return [reader = std::move(reader)]<typename T>(const Value& value, std::vector<T>& out) {
    if (!value.is_sequence()) return value.FailType("a list", "write [a, b], or [] for none");
    bool ok = true;
    for (size_t i = 0; i < value.node().children.size(); ++i) {
      ok &= reader(value.Child(i), out.emplace_back());
    }
    return ok;
  };
}

}  // namespace evenkeel::decoding

#endif  // CONTROL_CONFIG_DECODER_H_
