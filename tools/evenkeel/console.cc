#include "tools/evenkeel/console.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "tools/evenkeel/json.h"
#include "tools/evenkeel/printable.h"

namespace evenkeel::cli {

void Console::PrintJson(const nlohmann::ordered_json& object) {
  out_ << Dump(object, terminal_.interactive ? JsonLayout::kIndented : JsonLayout::kLine) << "\n";
}

void Console::PrintJsonLine(const nlohmann::ordered_json& object) {
  out_ << Dump(object, JsonLayout::kLine) << "\n" << std::flush;
}

ExitStatus Console::Fail(const Failure& failure) {
  if (json_) {
    PrintJson(ToJson(failure));
  } else {
    err_ << "evenkeel: " << Printable(failure.message);
    if (!failure.hint.empty()) err_ << "; " << Printable(failure.hint);
    err_ << "\n";
  }
  return failure.exit;
}

}  // namespace evenkeel::cli
