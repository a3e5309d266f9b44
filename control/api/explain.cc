#include "control/api/explain.h"

#include <algorithm>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "control/api/question_packet.h"
#include "control/sample/core_view.h"
#include "dataplane/forward/forward.h"
#include "dataplane/forward/reason_name.h"
#include "dataplane/forward/verdict.h"

namespace evenkeel {
namespace {

std::string VerdictName(lb_verdict verdict, uint8_t reason) {
  switch (verdict) {
    case LB_FORWARD:
      return "forward";
    case LB_REPLY:
      return "reply";
    case LB_PASS:
      return "pass";
    default:
      return absl::StrCat("drop:", lb_reason_name(reason));
  }
}

struct NamedBackend {
  std::string name;
  std::string address;
};

// By the index that the tables use.
std::optional<NamedBackend> FindBackend(const RunningRevision& running, uint16_t index) {
  const std::span<const lb_backend> backends = running.compiled->image->backends();
  if (index >= backends.size()) return std::nullopt;
  const lb_backend& record = backends[index];
  IpAddress::Bytes bytes;
  std::copy(std::begin(record.address), std::end(record.address), bytes.begin());
  const IpAddress address(bytes);
  const uint64_t pool_id = running.compiled->image->pools()[record.pool].id;
  for (size_t i = 0; i < running.config.pools.size(); ++i) {
    if (running.compiled->pools[i].id != pool_id) continue;
    for (const Backend& backend : running.config.pools[i].backends) {
      if (backend.address == address) return NamedBackend{backend.name, address.ToString()};
    }
  }
  return NamedBackend{absl::StrCat(address.ToString(), " (leaving)"), address.ToString()};
}

const Service* FindService(const RunningRevision& running, uint16_t index) {
  const std::span<const lb_service> services = running.compiled->image->services();
  if (index >= services.size()) return nullptr;
  for (const Service& service : running.config.services) {
    if (NameId(service.name) == services[index].id) return &service;
  }
  return nullptr;
}

const char* TransitionName(const lb_transition& transition) {
  return transition.state == 1 ? "open" : "tail";
}

std::string Describe(const Explanation& e, const Service& service, const FlowQuestion& question,
                     const RunningRevision& running) {
  const Pool* pool = running.config.FindPool(service.pool);
  std::string text = absl::StrCat(
      question.to.ToString(), "/", Name(question.protocol), " is service ", service.name, "; ",
      service.affinity == Affinity::kClient ? "the client's address" : "the flow",
      " hashes to slot ", *e.slot, " of ", pool == nullptr ? 0 : pool->table.slots);
  if (!e.backend) return text;
  absl::StrAppend(&text, " of pool ", service.pool, ", which is ", *e.backend, "'s (", *e.address,
                  ")");
  if (e.previous) absl::StrAppend(&text, "; it was ", *e.previous, "'s and is being moved");
  return text;
}

}  // namespace

absl::StatusOr<Endpoint> Endpoint::Parse(absl::string_view text) {
  const size_t colon = text.rfind(':');
  const bool bracketed = !text.empty() && text.front() == '[';
  Endpoint endpoint;
  uint32_t port = 0;
  if (colon == absl::string_view::npos || !absl::SimpleAtoi(text.substr(colon + 1), &port) ||
      port > 65535) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "' has no port: write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6"));
  }
  absl::string_view host = text.substr(0, colon);
  if (bracketed) {
    if (host.size() < 2 || host.back() != ']') {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' lacks the closing bracket"));
    }
    host = host.substr(1, host.size() - 2);
  }
  absl::StatusOr<IpAddress> address = IpAddress::Parse(host);
  if (!address.ok()) return address.status();
  if (address->is_ipv4() == bracketed) {
    return absl::InvalidArgumentError(
        absl::StrCat("'", text, "': write ADDRESS:PORT, or [ADDRESS]:PORT for IPv6"));
  }
  endpoint.address = *address;
  endpoint.port = static_cast<uint16_t>(port);
  return endpoint;
}

std::string Endpoint::ToString() const {
  return address.is_ipv4() ? absl::StrCat(address.ToString(), ":", port)
                           : absl::StrCat("[", address.ToString(), "]:", port);
}

absl::StatusOr<Explanation> Explain(const RunningRevision& running, const FlowQuestion& question) {
  if (running.compiled == nullptr) {
    return absl::FailedPreconditionError("the running revision could not be built again here");
  }
  if (question.from.address.family() != question.to.address.family()) {
    return absl::InvalidArgumentError(absl::StrCat(question.from.address.ToString(), " and ",
                                                   question.to.address.ToString(),
                                                   " are of different families"));
  }
  const CoreView view(*running.compiled->image);
  const QuestionPacket packet(question);
  lb_flow flow{};
  lb_decision decision{};
  uint8_t reason = 0;
  lb_verdict verdict = lb_classify(view.get(), packet.begin(), packet.end(), &flow);
  const bool is_hashed = verdict == LB_FORWARD;
  reason = flow.reason;
  if (is_hashed) {
    verdict = lb_resolve(view.get(), packet.begin(), packet.end(), &flow, &decision);
    reason = decision.reason;
  }

  Explanation e{.verdict = VerdictName(verdict, reason)};
  const Service* service = FindService(running, flow.service);
  if (is_hashed && service != nullptr) {
    e.service = service->name;
    e.hash = flow.hash;
    e.slot = flow.slot;
    e.state = "pure";
    if (std::optional<NamedBackend> backend = FindBackend(running, decision.backend)) {
      e.backend = backend->name;
      e.address = backend->address;
      const lb_service& record = running.compiled->image->services()[flow.service];
      const lb_slot slot = *lb_view_slot(view.get(), &record, flow.slot);
      if (const uint16_t reference = lb_slot_transition(slot); reference != 0) {
        e.state = TransitionName(*lb_view_transition(view.get(), reference));
      }
      if (std::optional<NamedBackend> previous = FindBackend(running, decision.previous)) {
        e.previous = previous->name;
      }
    }
    e.why = Describe(e, *service, question, running);
    if (verdict != LB_FORWARD) absl::StrAppend(&e.why, "; ", lb_reason_text(reason));
  } else {
    e.why = absl::StrCat(question.to.ToString(), "/", Name(question.protocol), ": ",
                         lb_reason_text(reason));
  }
  return e;
}

}  // namespace evenkeel
