// A handful of the gauntlet through the program as it is installed: what the library refuses ends
// with status 1, what it accepts with 0.
//
// EVENKEEL_CLI names the executable, GAUNTLET_DIR the cases.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "tests/gauntlet/cases.h"
#include "tests/tools/evenkeel/temp_folder.h"

namespace evenkeel {
namespace {

constexpr size_t kEvery = 12;

int StatusOf(const std::string& arguments) {
  const char* const program = std::getenv("EVENKEEL_CLI");
  const int status =
      std::system(absl::StrCat(program, " --json ", arguments, " > /dev/null").c_str());
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

TEST(GauntletCliTest, ValidateRefusesAndAcceptsAlike) {
  const cli::TempFolder folder;
  const std::vector<GauntletCase> cases = LoadCases("bad_validate.yaml");
  for (size_t i = 0; i < cases.size(); i += kEvery) {
    SCOPED_TRACE(cases[i].name);
    const std::string file = folder.Write("site.yaml", cases[i].text);
    EXPECT_EQ(StatusOf("validate " + file), cases[i].must_refuse ? 1 : 0);
  }
}

TEST(GauntletCliTest, PlanRefusesAndAcceptsAlike) {
  const cli::TempFolder folder;
  for (const char* name : {"bad_change.yaml", "good.yaml"}) {
    const std::vector<GauntletCase> cases = LoadCases(name);
    for (size_t i = 0; i < cases.size(); i += kEvery) {
      const GauntletCase& one = cases[i];
      if (!one.history.empty() || !one.new_flows.empty() || one.first) continue;
      SCOPED_TRACE(one.name);
      const std::string base = folder.Write("base.yaml", one.base);
      const std::string file = folder.Write("site.yaml", one.text);
      EXPECT_EQ(StatusOf(absl::StrCat("plan ", file, " --base ", base)), one.must_refuse ? 1 : 0);
    }
  }
}

}  // namespace
}  // namespace evenkeel
