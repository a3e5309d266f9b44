// evenkeel version: which build this is, and which interfaces it speaks.
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "control/config/config.h"
#include "dataplane/table/records.h"
#include "tools/evenkeel/build_info.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/console.h"

namespace evenkeel::cli {

ExitStatus RunVersion(const Arguments&, Console& console) {
  if (console.json()) {
    nlohmann::ordered_json object;
    object["version"] = EVENKEEL_VERSION;
    object["commit"] = kBuildCommit;
    object["schema"] = kSchemaV1;
    object["image_abi"] = LB_IMAGE_ABI;
    console.PrintJson(object);
  } else {
    console.out() << absl::StrCat("evenkeel ", EVENKEEL_VERSION, ", commit ", kBuildCommit,
                                  ", schema ", kSchemaV1, ", image ABI ", LB_IMAGE_ABI, "\n");
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
