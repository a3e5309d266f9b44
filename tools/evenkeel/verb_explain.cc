// evenkeel explain: where a packet of this tuple goes now, by the forwarding core on the tables in
// use.
#include "absl/strings/str_cat.h"
#include "tools/evenkeel/ask.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/endpoint.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

// Nothing if the flags are in order, and then `request` is filled in.
std::optional<Failure> FillRequest(const Arguments& arguments, v1::ExplainRequest& request) {
  Endpoint endpoints[2];
  const char* const flags[] = {"from", "to"};
  for (size_t i = 0; i < 2; ++i) {
    const std::string& text = arguments.Get(flags[i]).text;
    const absl::StatusOr<Endpoint> parsed = ParseEndpoint(text);
    if (!parsed.ok()) {
      return UsageFailure(absl::StrCat("--", flags[i], "=", text, " is malformed"),
                          std::string(parsed.status().message()));
    }
    endpoints[i] = *parsed;
  }
  if (endpoints[0].address.family() != endpoints[1].address.family()) {
    return UsageFailure("--from and --to are of different address families",
                        "give two IPv4 or two IPv6 addresses");
  }
  const std::string& protocol = arguments.Get("proto").text;
  if (protocol != "tcp" && protocol != "udp") {
    return UsageFailure(absl::StrCat("--proto=", protocol, " is malformed"),
                        "write --proto=tcp or --proto=udp");
  }
  request.set_from(endpoints[0].ToString());
  request.set_to(endpoints[1].ToString());
  request.set_protocol(protocol);
  return std::nullopt;
}

Ink InkOfVerdict(const std::string& verdict) {
  if (verdict == "forward" || verdict == "reply") return Ink::kGood;
  return verdict == "pass" ? Ink::kDoubtful : Ink::kBad;
}

std::string Render(const v1::ExplainReply& reply, bool color) {
  std::vector<std::pair<std::string, Cell>> fields = {
      {"verdict", Cell(reply.verdict(), InkOfVerdict(reply.verdict()))}};
  const auto add = [&](bool present, const char* name, std::string value) {
    if (present) fields.emplace_back(name, std::move(value));
  };
  add(reply.has_service(), "service", reply.service());
  add(reply.has_hash(), "hash", reply.hash());
  add(reply.has_slot(), "slot", absl::StrCat(reply.slot()));
  add(reply.has_state(), "state", reply.state());
  add(reply.has_backend(), "backend", reply.backend());
  add(reply.has_previous(), "previous", reply.previous());
  add(reply.has_address(), "address", reply.address());
  add(true, "why", reply.why());
  return RenderFields(fields, color);
}

}  // namespace

ExitStatus RunExplain(const Arguments& arguments, Console& console) {
  v1::ExplainRequest request;
  if (auto failure = FillRequest(arguments, request)) return console.Fail(*failure);
  return AskAndShow<v1::ExplainReply>(arguments, console, request, Render);
}

}  // namespace evenkeel::cli
