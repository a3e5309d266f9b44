// evenkeel diff: what two revisions differ in, by meaning.
#include <algorithm>
#include <nlohmann/json.hpp>
#include <ostream>

#include "absl/strings/str_cat.h"
#include "control/config/literals.h"
#include "control/config/parse.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/commands.h"
#include "tools/evenkeel/config_diff.h"
#include "tools/evenkeel/console.h"
#include "tools/evenkeel/json.h"
#include "tools/evenkeel/revision_operand.h"

namespace evenkeel::cli {
namespace {

void Drain(const v1::Drain& drained, Config& config) {
  for (Pool& pool : config.pools) {
    if (pool.name != drained.pool()) continue;
    for (Backend& backend : pool.backends) {
      if (backend.name != drained.backend()) continue;
      backend.drain = evenkeel::Drain{.reason = drained.reason()};
      if (const auto until = decoding::ParseInstant(drained.until())) backend.drain->until = *until;
    }
  }
}

// As it ran: the file, and what was drained beside it.
std::variant<Config, Failure> Fetch(Client& client, int64_t revision) {
  v1::ShowRequest request;
  request.set_revision(revision);
  v1::ShowReply reply;
  if (auto failure = client.Call(request, reply)) return *std::move(failure);
  ParseResult parsed = ParseConfig(reply.content());
  if (!parsed.config) {
    return Failure{ExitStatus::kRefused, "invalid",
                   absl::StrCat("revision ", revision, " cannot be read by this version"),
                   absl::StrCat("evenkeel show ", revision, " prints it as it is")};
  }
  for (const v1::Drain& drained : reply.drains()) Drain(drained, *parsed.config);
  return *std::move(parsed.config);
}

}  // namespace

ExitStatus RunDiff(const Arguments& arguments, Console& console) {
  int64_t revisions[2] = {};
  for (size_t i = 0; i < 2; ++i) {
    const std::variant<int64_t, Failure> revision = ParseRevision("diff", arguments.operands[i]);
    if (const auto* failure = std::get_if<Failure>(&revision)) return console.Fail(*failure);
    revisions[i] = std::get<int64_t>(revision);
  }
  Client client(arguments.socket, arguments.timeout);
  Config configs[2];
  for (size_t i = 0; i < 2; ++i) {
    std::variant<Config, Failure> config = Fetch(client, revisions[i]);
    if (const auto* failure = std::get_if<Failure>(&config)) return console.Fail(*failure);
    configs[i] = std::get<Config>(std::move(config));
  }
  absl::StatusOr<v1::DiffReply> diff = DiffConfigs(configs[0], configs[1]);
  if (!diff.ok()) {
    return console.Fail({ExitStatus::kRefused, "invalid", std::string(diff.status().message()),
                         "evenkeel show prints the revisions as they are"});
  }
  diff->set_from(revisions[0]);
  diff->set_to(revisions[1]);
  if (console.json()) {
    console.PrintJson(ToJson(*diff));
  } else {
    console.out() << RenderDiff(*diff, console.terminal().color);
  }
  return ExitStatus::kDone;
}

}  // namespace evenkeel::cli
