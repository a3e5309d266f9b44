// YAML text as a small tree with the place of every node, and nothing of YAML that lets a file say
// one thing and mean another: anchors, aliases, merge keys, tags, repeated keys, keys that are not
// plain text, further documents and deep nesting are findings.
//
// Built on yaml-cpp's events, not on its nodes: those resolve aliases, drop repeated keys silently
// and read 0100 as 64. What a scalar means is decided by whoever reads it (readers.h): here it is
// text, and whether it was quoted.
#ifndef CONTROL_CONFIG_YAML_TREE_H_
#define CONTROL_CONFIG_YAML_TREE_H_

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "control/config/finding_list.h"
#include "control/config/source_map.h"

namespace evenkeel {

constexpr size_t kYamlDepthMax = 24;
constexpr size_t kYamlKeyBytesMax = 128;
constexpr size_t kYamlNodesMax = 3'000'000;
// Brackets, braces, commas and `: `, wherever they stand. yaml-cpp holds the tokens of a whole flow
// collection (of a JSON file: all) in memory, some 200 bytes each. 65,535 backends with every key
// have 1.5 million.
constexpr size_t kYamlStructureMax = 4'000'000;

struct YamlNode;

struct YamlKey {
  std::string text;
  Location at;
};

struct YamlNode {
  enum class Kind { kNull, kScalar, kSequence, kMap };

  Kind kind = Kind::kNull;
  Location at;
  std::string text;     // kScalar
  bool quoted = false;  // kScalar: in quotes, or a block scalar
  bool incomplete =
      false;  // something here was refused (an alias, a merge key): don't judge the rest
  std::vector<YamlKey> keys;       // kMap: unique, in the order of the file
  std::vector<YamlNode> children;  // kMap: the value of each key; kSequence: the elements
};

// The first document of `text`, which CheckText() has accepted. Nothing if it cannot be parsed or
// if there is none; otherwise the tree is complete but for what was refused.
std::optional<YamlNode> ParseYaml(absl::string_view text, FindingList& findings);

// `path` with one more key: "pools" + "web" = "pools.web".
std::string JoinPath(absl::string_view path, absl::string_view key);

}  // namespace evenkeel

#endif  // CONTROL_CONFIG_YAML_TREE_H_
