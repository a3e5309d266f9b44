#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/test_run.h"

namespace evenkeel::cli {
namespace {

std::string Escaped(const std::string& text) {
  return absl::StrReplaceAll(
      Printable(text),
      {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}, {"\"", "&quot;"}, {"'", "&apos;"}});
}

}  // namespace

std::string JunitXml(const v1::TestReply& reply, const std::string& suite) {
  int failures = 0;
  std::string cases;
  for (const v1::TestResult& result : reply.results()) {
    absl::StrAppend(&cases, "  <testcase classname=\"", Escaped(suite), "\" name=\"",
                    Escaped(result.name()), "\"");
    if (result.ok()) {
      cases += "/>\n";
      continue;
    }
    ++failures;
    absl::StrAppend(&cases, ">\n    <failure message=\"", Escaped(result.message()),
                    "\"/>\n  </testcase>\n");
  }
  return absl::StrCat("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"",
                      Escaped(suite), "\" tests=\"", reply.results_size(), "\" failures=\"",
                      failures, "\">\n", cases, "</testsuite>\n");
}

}  // namespace evenkeel::cli
