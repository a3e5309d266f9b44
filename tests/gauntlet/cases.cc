#include "tests/gauntlet/cases.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "absl/strings/numbers.h"
#include "control/config/finding_list.h"
#include "control/config/yaml_tree.h"

namespace evenkeel {
namespace {

std::string ReadText(const std::string& name) {
  const char* const folder = std::getenv("GAUNTLET_DIR");
  std::ifstream file(std::string(folder == nullptr ? "tests/gauntlet" : folder) + "/" + name);
  EXPECT_TRUE(file.good()) << name << ": set GAUNTLET_DIR";
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

const YamlNode* Find(const YamlNode& map, const std::string& key) {
  for (size_t i = 0; i < map.keys.size(); ++i) {
    if (map.keys[i].text == key) return &map.children[i];
  }
  return nullptr;
}

std::string Text(const YamlNode& map, const std::string& key) {
  const YamlNode* const node = Find(map, key);
  return node == nullptr ? "" : node->text;
}

// `text` with each edit's first text replaced by its second.
std::string Edited(std::string text, const YamlNode* edits, const std::string& who) {
  if (edits == nullptr) return text;
  for (const YamlNode& edit : edits->children) {
    EXPECT_EQ(edit.children.size(), 2u) << who;
    if (edit.children.size() != 2) return text;
    const std::string &from = edit.children[0].text, &to = edit.children[1].text;
    if (from == "WHOLE") {
      text = to;
      continue;
    }
    const size_t at = text.find(from);
    EXPECT_NE(at, std::string::npos) << who << ": the site has no " << from;
    if (at != std::string::npos) text.replace(at, from.size(), to);
  }
  return text;
}

GauntletCase CaseOf(const YamlNode& node, const std::string& site) {
  GauntletCase made{
      .name = Text(node, "case"), .fault = Text(node, "fault"), .also = Text(node, "also")};
  made.must_refuse = Text(node, "must") == "refuse";
  made.quiet = Text(node, "quiet") == "true";
  made.first = Text(node, "first") == "true";
  EXPECT_FALSE(made.name.empty()) << "line " << node.at.line;
  made.base = Edited(site, Find(node, "base"), made.name);
  made.text = Edited(made.base, Find(node, "edit"), made.name);
  if (const YamlNode* history = Find(node, "history")) {
    for (const YamlNode& edits : history->children) {
      made.history.push_back(Edited(site, &edits, made.name));
    }
  }
  if (const YamlNode* flows = Find(node, "new_flows")) {
    for (const YamlNode& pair : flows->children) {
      EXPECT_TRUE(
          absl::SimpleAtod(pair.children.at(1).text, &made.new_flows[pair.children.at(0).text]));
    }
  }
  if (const std::string room = Text(node, "flow_table"); !room.empty()) {
    EXPECT_TRUE(absl::SimpleAtoi(room, &made.flow_table)) << made.name;
  }
  return made;
}

}  // namespace

std::vector<GauntletCase> LoadCases(const std::string& file) {
  FindingList findings(10);
  const std::string text = ReadText(file), site = ReadText("site.yaml");
  const std::optional<YamlNode> root = ParseYaml(text, findings);
  for (const Finding& finding : findings.Take()) {
    ADD_FAILURE() << file << ":" << finding.line << ": " << finding.message;
  }
  std::vector<GauntletCase> cases;
  if (!root) return cases;
  for (const YamlNode& node : root->children) cases.push_back(CaseOf(node, site));
  return cases;
}

}  // namespace evenkeel
