#include "tools/evenkeel/shadow_report.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tools/evenkeel/client.h"
#include "tools/evenkeel/numbers.h"
#include "tools/evenkeel/printable.h"
#include "tools/evenkeel/table.h"

namespace evenkeel::cli {
namespace {

constexpr absl::Duration kShadowPause = absl::Milliseconds(200);

// A share that is as good as doubled or halved catches the eye.
Ink InkOf(const v1::ShadowBackend& backend) {
  if (!backend.has_new_flows_running() || !backend.has_new_flows_shadow()) return Ink::kPlain;
  const double before = backend.new_flows_running(), after = backend.new_flows_shadow();
  return after > 1.9 * before || before > 1.9 * after ? Ink::kDoubtful : Ink::kPlain;
}

std::optional<double> IfSet(bool is_set, double value) {
  return is_set ? std::optional(value) : std::nullopt;
}

std::string RenderService(const v1::ShadowService& service, bool color) {
  std::string out = absl::StrCat(
      "\n", Printable(service.service()), ": ", FormatCount(service.flows_moved()), " of ",
      FormatCount(service.flows()), " flows would go elsewhere; ", FormatCount(service.packets()),
      " packets sampled, ", FormatCount(service.new_flows()), " of them first ones\n");
  Table table({{"BACKEND"},
               {"NEW FLOWS", Align::kRight},
               {"WOULD BE", Align::kRight},
               {"+-", Align::kRight},
               {"PACKETS", Align::kRight},
               {"WOULD BE", Align::kRight}});
  for (const v1::ShadowBackend& backend : service.backends()) {
    table.Add({backend.name(),
               FormatShare(IfSet(backend.has_new_flows_running(), backend.new_flows_running())),
               Cell(FormatShare(IfSet(backend.has_new_flows_shadow(), backend.new_flows_shadow())),
                    InkOf(backend)),
               FormatShare(IfSet(backend.has_error(), backend.error())),
               FormatShare(IfSet(backend.has_packets_running(), backend.packets_running())),
               FormatShare(IfSet(backend.has_packets_shadow(), backend.packets_shadow()))});
  }
  absl::StrAppend(&out, table.Render(color));
  for (const auto& [reason, packets] : service.refused()) {
    absl::StrAppend(&out, "  ", FormatCount(packets),
                    " packets that are forwarded now would end as ", Printable(reason), "\n");
  }
  return out;
}

}  // namespace

std::optional<Failure> AwaitShadowEnd(const Arguments& arguments, v1::ApplyReply& reply) {
  v1::AwaitShadowRequest request;
  request.set_number(reply.shadow().number());
  Client client(arguments.socket, arguments.timeout);
  const absl::Time give_up =
      absl::Now() + absl::Seconds(reply.shadow().seconds_left()) + arguments.timeout;
  while (true) {
    v1::ApplyReply answer;
    if (std::optional<Failure> failure = client.Call(request, answer)) return failure;
    if (!answer.shadow().running()) {
      *answer.mutable_findings() = reply.findings();
      reply = std::move(answer);
      return std::nullopt;
    }
    if (absl::Now() > give_up) {
      return Failure{ExitStatus::kNoDaemon, "unavailable",
                     "evenkeeld does not end the shadow: it looks at no traffic any more",
                     "nothing was changed; ask evenkeel status"};
    }
    absl::SleepFor(kShadowPause);
  }
}

std::string RenderShadow(const v1::Shadow& shadow, bool color) {
  std::string out = absl::StrCat(
      "shadow of ", Printable(shadow.file()), " beside revision ", shadow.base_revision(), ", ",
      absl::FormatDuration(absl::Seconds(std::round(shadow.seconds()))),
      shadow.running()
          ? absl::StrCat(" so far, ",
                         absl::FormatDuration(absl::Seconds(std::ceil(shadow.seconds_left()))),
                         " left")
          : std::string(),
      "; nothing was changed\n");
  if (shadow.has_ended_early()) {
    absl::StrAppend(&out, "it ended early: ", Printable(shadow.ended_early()), "\n");
  }
  for (const v1::ShadowService& service : shadow.services()) {
    absl::StrAppend(&out, RenderService(service, color));
  }
  if (shadow.services().empty()) {
    absl::StrAppend(&out, "no packet of any service was sampled: is there traffic?\n");
  }
  return out;
}

}  // namespace evenkeel::cli
