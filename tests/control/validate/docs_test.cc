// docs/refusals.md tells of every rule what `evenkeel rules` does, and of none that there is not.
//
// DOCS_DIR names the folder.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <map>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "control/validate/rule.h"

namespace evenkeel {
namespace {

// The cells of the table rows that begin with a rule's id, by that id.
std::map<std::string, std::vector<std::string>> RowsOf(const std::string& path) {
  std::map<std::string, std::vector<std::string>> rows;
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path;
  for (std::string line; std::getline(file, line);) {
    if (line.rfind("| ", 0) != 0) continue;
    std::vector<std::string> cells = absl::StrSplit(line.substr(2), " |");
    for (std::string& cell : cells) absl::StripAsciiWhitespace(&cell);
    const std::string id = cells.at(0);
    if (id == "rule" || id.find(' ') != std::string::npos || id == "you want") continue;
    EXPECT_TRUE(rows.emplace(id, cells).second) << id << " stands there twice";
  }
  return rows;
}

TEST(DocsTest, RefusalsTellsOfEveryRule) {
  const char* const folder = std::getenv("DOCS_DIR");
  auto rows = RowsOf(std::string(folder == nullptr ? "docs" : folder) + "/refusals.md");
  for (const Rule& rule : Rules()) {
    const auto row = rows.find(std::string(rule.id));
    ASSERT_NE(row, rows.end()) << rule.id << " is missing";
    EXPECT_EQ(row->second.at(1), rule.title) << rule.id;
    if (rule.stage == Rule::Stage::kValidate || rule.stage == Rule::Stage::kPlan) {
      EXPECT_FALSE(row->second.at(2).empty()) << rule.id;
      EXPECT_EQ(row->second.at(3), rule.allow == Rule::Override::kAllowed ? "yes" : "no")
          << rule.id;
    }
    rows.erase(row);
  }
  for (const auto& [id, cells] : rows) ADD_FAILURE() << id << " is no rule";
}

}  // namespace
}  // namespace evenkeel
