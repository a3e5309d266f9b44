// Findings for people, one or two lines each:
//
//   edge.yaml:12:17: error F01 pools.web.backends.web-1.weight: 1000 is 100 times the lightest
//   weight
//       write 10, or allow it under safety.allow
#ifndef TOOLS_EVENKEEL_FINDINGS_H_
#define TOOLS_EVENKEEL_FINDINGS_H_

#include <google/protobuf/repeated_ptr_field.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "control/api/evenkeel.pb.h"
#include "control/config/finding.h"

namespace evenkeel::cli {

// In the order given. A finding without a place in the file has only the file's name before it.
std::string RenderFindings(absl::string_view file, const std::vector<Finding>& findings,
                           bool color);

// "2 errors, 1 warning"; "no findings" where there are none.
std::string CountFindings(const std::vector<Finding>& findings);

// The findings of a reply, as those of a file read here. A severity that this version does not know
// counts as an error.
std::vector<Finding> FromReply(const google::protobuf::RepeatedPtrField<v1::Finding>& findings);

}  // namespace evenkeel::cli

#endif  // TOOLS_EVENKEEL_FINDINGS_H_
