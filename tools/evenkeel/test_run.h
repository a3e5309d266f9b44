// Runs an operator's assertions against the tables that a configuration really gets and the core
// that forwards by them.
#ifndef TOOLS_EVENKEEL_TEST_RUN_H_
#define TOOLS_EVENKEEL_TEST_RUN_H_

#include <string>

#include "absl/status/statusor.h"
#include "control/api/evenkeel.pb.h"
#include "control/config/config.h"
#include "tools/evenkeel/test_file.h"

namespace evenkeel::cli {

// `base` is null where the file names none. Flows are hashed by a fixed key, not by the cluster's:
// which backend of a pool a flow gets is nothing that a test could rely on. InvalidArgument: a
// table cannot be built.
absl::StatusOr<v1::TestReply> RunTests(const TestFile& file, const Config& candidate,
                                       const Config* base);

// JUnit's XML, one test case for each result; `suite` is the name of the tests' file.
std::string JunitXml(const v1::TestReply& reply, const std::string& suite);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_TEST_RUN_H_
