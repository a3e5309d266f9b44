// evenkeel test: the operator's own assertions about a configuration, for their CI.
#include <cerrno>
#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_file.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/findings.h"
#include "tools/evenkeel/ink.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/plan_files.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/test_run.h"

namespace evenkeel::cli {
namespace {

// `base:` is found beside the file that names it.
std::string BasePath(const std::string& tests_path, const std::string& base) {
  if (base[0] == '/') return base;
  return absl::StrCat(tests_path.substr(0, tests_path.rfind('/') + 1), base);
}

std::optional<Failure> WriteJunit(const std::string& path, const std::string& xml) {
  errno = 0;
  std::ofstream file(path, std::ios::trunc);
  file << xml << std::flush;
  if (file.good()) return std::nullopt;
  return UsageFailure(absl::StrCat("cannot write ", path, ": ", std::strerror(errno)),
                      "--junit names a file in a folder that exists");
}

// For whoever reads only the XML: a configuration that cannot be tested fails.
v1::TestReply NotValid(const std::string& path) {
  v1::TestReply reply;
  v1::TestResult& result = *reply.add_results();
  result.set_name("the configuration is valid");
  result.set_message(absl::StrCat("evenkeel validate ", path, " lists what is wrong"));
  return reply;
}

void Print(const v1::TestReply& reply, Console& console) {
  const bool color = console.terminal().color;
  int passed = 0;
  for (const v1::TestResult& result : reply.results()) {
    passed += result.ok();
    console.out() << Paint(result.ok() ? "ok    " : "FAILED", result.ok() ? Ink::kGood : Ink::kBad,
                           color)
                  << "  " << Printable(result.name()) << "\n        "
                  << Paint(Printable(result.message()), Ink::kFaint, color) << "\n";
  }
  console.out() << passed << " of " << reply.results_size() << " tests passed\n";
}

}  // namespace

ExitStatus RunTest(const Arguments& arguments, Console& console) {
  const std::string& tests_path = arguments.operands[1];
  std::variant<ConfigFile, Failure> opened = OpenConfigFile(tests_path);
  if (auto* failure = std::get_if<Failure>(&opened)) return console.Fail(*failure);
  std::variant<Config, ExitStatus> candidate = ReadCandidate(arguments.operands[0], console);
  if (auto* status = std::get_if<ExitStatus>(&candidate)) {
    if (*status == ExitStatus::kRefused && arguments.Has("junit")) {
      const std::string xml = JunitXml(NotValid(arguments.operands[0]), tests_path);
      if (auto failure = WriteJunit(arguments.Get("junit").text, xml)) {
        return console.Fail(*failure);
      }
    }
    return *status;
  }
  const TestFileResult parsed = ParseTestFile(std::get<ConfigFile>(opened).text);
  if (!parsed.file) {
    return FailWithFindings(tests_path, parsed.findings,
                            {ExitStatus::kRefused, "invalid",
                             absl::StrCat(tests_path, ": ", CountFindings(parsed.findings)),
                             "mend the tests; docs/changing.md tells their language"},
                            console);
  }
  std::optional<Config> base;
  if (parsed.file->base) {
    std::variant<Config, Failure> read =
        ReadBase(BasePath(std::get<ConfigFile>(opened).path, *parsed.file->base));
    if (auto* failure = std::get_if<Failure>(&read)) return console.Fail(*failure);
    base = std::get<Config>(std::move(read));
  }
  const absl::StatusOr<v1::TestReply> reply =
      RunTests(*parsed.file, std::get<Config>(candidate), base ? &*base : nullptr);
  if (!reply.ok()) {
    return console.Fail({ExitStatus::kRefused, "invalid", std::string(reply.status().message()),
                         "evenkeel validate says more"});
  }
  if (arguments.Has("junit")) {
    const std::string xml = JunitXml(*reply, tests_path);
    if (auto failure = WriteJunit(arguments.Get("junit").text, xml)) return console.Fail(*failure);
  }
  if (console.json()) {
    console.PrintJson(ToJson(*reply));
  } else {
    Print(*reply, console);
  }
  return reply->ok() ? ExitStatus::kDone : ExitStatus::kRefused;
}

}  // namespace evenkeel::cli
