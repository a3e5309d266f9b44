#include "control/sample/notes.h"

#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"

namespace evenkeel {
namespace {

std::string Percent(double share) { return absl::StrFormat("%.0f %%", 100 * share); }

std::string SharesText(const HeavyShares& shares) {
  std::vector<std::string> parts;
  const auto add = [&](double share, const char* what) {
    if (share >= 0.005) parts.push_back(absl::StrCat(Percent(share), " of the ", what));
  };
  add(shares.new_flows, "new flows");
  add(shares.packets, "packets");
  add(shares.bytes, "bytes");
  return absl::StrJoin(parts, ", ");
}

}  // namespace

TrafficNote NoteOf(const HeavyFinding& finding, const ServiceWindow& window,
                   const std::string& service, const std::string& backend) {
  const HeavyShares& shares = finding.shares;
  if (finding.kind == HeavyFinding::Kind::kFlow) {
    return {.rule = "F38",
            .service = service,
            .backend = backend,
            .since = finding.since,
            .message = absl::StrCat(
                "one flow, ", shares.who, ", has ", Percent(shares.bytes), " of the bytes of ",
                service, backend.empty() ? "" : absl::StrCat(", all for ", backend),
                ": an elephant. Bytes are uneven for it, and no table is wrong for that; how new "
                "flows are shared out is judged by themselves")};
  }
  return {.rule = "F30",
          .service = service,
          .backend = {},
          .since = finding.since,
          .message = absl::StrFormat(
              "one client, %s, makes %s of %s, which has some %.0f clients: what it does shows in "
              "every share, and no table is wrong for that",
              shares.who, SharesText(shares), service, window.clients)};
}

std::string ExplanationOf(const HeavyFinding& finding, const std::string& service) {
  // A flow is one of thousands where flows are counted, and who sends many bytes may open few.
  if (finding.kind != HeavyFinding::Kind::kClient) return "";
  if (finding.shares.new_flows < HeavyHitters::kClientLight) return "";
  return absl::StrCat("One client, ", finding.shares.who, ", makes ",
                      Percent(finding.shares.new_flows), " of the new flows of ", service,
                      ": most likely that is why (F30)");
}

}  // namespace evenkeel
