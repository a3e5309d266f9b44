// What the plane says while something else is waited for: the half of ChannelClient that takes news
// of trials and the answers to audits.
#include <cstring>
#include <utility>

#include "absl/strings/str_split.h"
#include "absl/time/clock.h"
#include "dataplane/table/channel_client.h"

namespace evenkeel {

absl::Status ChannelClient::BeginAudit(absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to the plane");
  const AuditMessage request = MakeMessage<AuditMessage>(++last_request_);
  audit_request_ = request.header.request;
  audit_.reset();
  return Send(std::as_bytes(std::span(&request, 1)), {}, absl::Now() + timeout);
}

std::optional<absl::StatusOr<ChannelClient::AuditFacts>> ChannelClient::TakeAudit() {
  return std::exchange(audit_, std::nullopt);
}

absl::StatusOr<ChannelClient::AuditFacts> ChannelClient::Audit(absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  if (absl::Status status = BeginAudit(timeout); !status.ok()) return status;
  while (!audit_) {
    Message message;
    if (absl::Status status = Receive(deadline, &message); !status.ok()) return status;
    Overhear(message);
  }
  return *TakeAudit();
}

// What comes while something else is waited for: the plane's own words, the answer to an audit, or
// a late answer to a request that timed out.
void ChannelClient::Overhear(const Message& message) {
  const uint32_t request = message.header().request;
  if (request == 0) {
    if (const auto* state = message.As<TrialStateMessage>()) Learn(*state);
    return;
  }
  if (request != audit_request_) return;
  audit_request_ = 0;
  if (const auto* nack = message.As<NackMessage>()) {
    audit_ = absl::UnavailableError(TextOf(nack->text));
    return;
  }
  const auto* reply = message.As<AuditReplyMessage>();
  if (reply == nullptr || reply->worker_count > kAuditWorkersMax) {
    audit_ = absl::InternalError("the plane answered an audit with something else");
    return;
  }
  AuditFacts facts{.generation = reply->generation};
  std::memcpy(facts.digest.data(), reply->digest, facts.digest.size());
  facts.workers.assign(reply->workers, reply->workers + reply->worker_count);
  facts.faults = absl::StrSplit(TextOf(reply->faults), '\n', absl::SkipEmpty());
  audit_ = std::move(facts);
}

void ChannelClient::Learn(const TrialStateMessage& message) {
  news_ = {message.trial, message.generation, message.revision};
}

absl::Status ChannelClient::TakeNews() {
  if (!connected()) return absl::UnavailableError("not connected to the plane");
  for (;;) {
    Message message;
    absl::Status status = ReceiveMessage(socket_.get(), &message);
    if (absl::IsUnavailable(status)) return absl::OkStatus();
    if (!status.ok()) return Close(std::move(status));
    Overhear(message);
  }
}

}  // namespace evenkeel
