// evenkeel backends: of each service, every backend with the share it should have and the share it
// has.
#include "absl/strings/str_cat.h"
#include "tools/evenkeel/ask.h"
#include "tools/evenkeel/backend_ink.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

std::optional<double> Observed(const v1::Backend& backend) {
  if (!backend.has_share_observed()) return std::nullopt;
  return backend.share_observed();
}

std::string Render(const v1::BackendsReply& reply, bool color) {
  if (reply.backends().empty()) return "no backends\n";
  Table table({{"SERVICE"},
               {"BACKEND"},
               {"ADDRESS"},
               {"WEIGHT", Align::kRight},
               {"STATE"},
               {"EXPECTED", Align::kRight},
               {"OBSERVED", Align::kRight},
               {"NEW FLOWS", Align::kRight},
               {"PACKETS", Align::kRight},
               {"BYTES", Align::kRight},
               {"LAST ERROR"}});
  std::string service;
  for (const v1::Backend& backend : reply.backends()) {
    // A service stands once, before its first backend.
    const bool first = backend.service() != service;
    service = backend.service();
    table.Add({Cell(first ? service : "", Ink::kStrong),
               std::string(absl::StrCat(backend.pool(), "/", backend.name())), backend.address(),
               std::string(absl::StrCat(backend.weight())),
               Cell(backend.state(), InkOfState(backend.state())),
               FormatShare(backend.share_expected()), FormatShare(Observed(backend)),
               FormatCount(backend.new_flows()), FormatCount(backend.packets()),
               FormatBytes(backend.bytes()), Cell(backend.last_error(), Ink::kBad)});
  }
  return table.Render(color);
}

}  // namespace

ExitStatus RunBackends(const Arguments& arguments, Console& console) {
  return AskAndShow<v1::BackendsReply>(arguments, console, v1::BackendsRequest(), Render);
}

}  // namespace evenkeel::cli
