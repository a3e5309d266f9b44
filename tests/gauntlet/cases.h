// The gauntlet's cases: bad_validate.yaml, bad_change.yaml and good.yaml as values, each with the
// texts that its edits make of site.yaml.
//
// GAUNTLET_DIR names the folder. A file that cannot be read, or an edit whose text is not there,
// fails the test that loads it.
#ifndef TESTS_GAUNTLET_CASES_H_
#define TESTS_GAUNTLET_CASES_H_

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace evenkeel {

struct GauntletCase {
  std::string name;
  std::string fault;  // "F12", "schema"; empty for a legitimate change
  std::string also;   // another fault that refuses it too
  bool must_refuse = false;
  bool quiet = false;  // legitimate, and no warning is due
  bool first = false;  // nothing runs yet
  std::string base;    // the file that runs
  std::string text;    // the candidate
  std::vector<std::string> history;
  std::map<std::string, double> new_flows;
  uint64_t flow_table = 0;
};

std::vector<GauntletCase> LoadCases(const std::string& file);

}  // namespace evenkeel

#endif  // TESTS_GAUNTLET_CASES_H_
