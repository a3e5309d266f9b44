// evenkeel services: the services, their tables and counters.
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "tools/evenkeel/ask.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

std::string Render(const v1::ServicesReply& reply, bool color) {
  if (reply.services().empty()) return "no services\n";
  Table table({{"SERVICE"},
               {"VIP"},
               {"PROTO"},
               {"PORTS"},
               {"POOL"},
               {"SLOTS", Align::kRight},
               {"FILL"},
               {"DIGEST"},
               {"NEW FLOWS", Align::kRight},
               {"PACKETS", Align::kRight},
               {"BYTES", Align::kRight}});
  for (const v1::Service& service : reply.services()) {
    table.Add({Cell(service.name(), Ink::kStrong), service.vip(), service.protocol(),
               absl::StrJoin(service.ports(), ","), service.pool(),
               std::string(absl::StrCat(service.slots())), service.fill(),
               service.digest().substr(0, 12), FormatCount(service.new_flows()),
               FormatCount(service.packets()), FormatBytes(service.bytes())});
  }
  return table.Render(color);
}

}  // namespace

ExitStatus RunServices(const Arguments& arguments, Console& console) {
  return AskAndShow<v1::ServicesReply>(arguments, console, v1::ServicesRequest(), Render);
}

}  // namespace evenkeel::cli
