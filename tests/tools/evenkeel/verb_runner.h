// Runs a verb within this process, against a stand-in for evenkeeld where the test starts one.
#ifndef TESTS_TOOLS_EVENKEEL_VERB_RUNNER_H_
#define TESTS_TOOLS_EVENKEEL_VERB_RUNNER_H_

#include <gtest/gtest.h>

#include <memory>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <vector>

#include "tests/tools/evenkeel/fake_daemon.h"
#include "tests/tools/evenkeel/temp_folder.h"
#include "tools/evenkeel/cli.h"

namespace evenkeel::cli {

using Json = nlohmann::ordered_json;

struct Outcome {
  int status;
  std::string out;
  std::string err;

  // Standard output as one object and nothing else; null if it is not that.
  Json Object() const {
    Json json = Json::parse(out, nullptr, false);
    return json.is_object() ? json : Json();
  }
};

class VerbsTest : public testing::Test {
 protected:
  Outcome Run(std::vector<std::string> args) const {
    args.push_back("--socket=" + folder_.Path("control.sock"));
    std::ostringstream out, err;
    Console console(out, err, Terminal(), Terminal());
    const ExitStatus status = RunCli(args, console);
    return {static_cast<int>(status), out.str(), err.str()};
  }
  void Start(FakeAnswers answers) {
    daemon_ = std::make_unique<FakeDaemon>(folder_.Path("control.sock"), std::move(answers));
  }

  const TempFolder folder_;
  std::unique_ptr<FakeDaemon> daemon_;
};

}  // namespace evenkeel::cli

#endif  // TESTS_TOOLS_EVENKEEL_VERB_RUNNER_H_
