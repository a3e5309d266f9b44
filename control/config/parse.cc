#include "control/config/parse.h"

#include <utility>

#include "control/config/decoder.h"
#include "control/config/finding_list.h"
#include "control/config/schema_v1.h"
#include "control/config/text_check.h"
#include "control/config/yaml_tree.h"

namespace evenkeel {
namespace {

// Reads what `text` says into `result.partial`.
void Read(absl::string_view text, FindingList& findings, ParseResult& result) {
  text = WithoutByteOrderMark(text);
  if (!CheckText(text, findings)) return;
  const std::optional<YamlNode> root = ParseYaml(text, findings);
  if (!root) return;
  if (root->kind != YamlNode::Kind::kMap) {
    findings.Error("schema", root->at, "", "the file is not a mapping of keys to values",
                   "begin with `schema: evenkeel/v1`");
    return;
  }
  Config& config = result.partial.emplace();
  decoding::DecodeOutput output{findings, config.locations, result.unreliable};
  decoding::SchemaV1()(decoding::Value(*root, "", root->at, output), config);
}

}  // namespace

ParseResult ParseConfig(absl::string_view text) {
  ParseResult result;
  FindingList findings(kFindingsMax);
  Read(text, findings, result);
  if (findings.count() == 0) result.config = std::exchange(result.partial, std::nullopt);
  result.findings = findings.Take();
  return result;
}

}  // namespace evenkeel
