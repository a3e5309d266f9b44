#include "dataplane/table/refusal.h"

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/types/optional.h"

namespace evenkeel {
namespace {

constexpr char kPayloadUrl[] = "evenkeel/nack-code";

}  // namespace

absl::Status Refuse(NackCode code, absl::string_view sentence) {
  absl::Status status = absl::InvalidArgumentError(sentence);
  status.SetPayload(kPayloadUrl, absl::Cord(absl::StrCat(static_cast<uint32_t>(code))));
  return status;
}

NackCode NackCodeOf(const absl::Status& status) {
  if (status.ok()) return NackCode::kNone;
  const absl::optional<absl::Cord> payload = status.GetPayload(kPayloadUrl);
  uint32_t code = 0;
  if (!payload || !absl::SimpleAtoi(std::string(*payload), &code)) return NackCode::kResource;
  return static_cast<NackCode>(code);
}

absl::string_view NackCodeName(NackCode code) {
  switch (code) {
    case NackCode::kNone:
      return "none";
    case NackCode::kMagic:
      return "magic";
    case NackCode::kAbi:
      return "abi";
    case NackCode::kSize:
      return "size";
    case NackCode::kChecksum:
      return "checksum";
    case NackCode::kSection:
      return "section";
    case NackCode::kRecord:
      return "record";
    case NackCode::kIndex:
      return "index";
    case NackCode::kMatch:
      return "match";
    case NackCode::kTableMissing:
      return "table_missing";
    case NackCode::kTableShape:
      return "table_shape";
    case NackCode::kTableDigest:
      return "table_digest";
    case NackCode::kTableContent:
      return "table_content";
    case NackCode::kQuota:
      return "quota";
    case NackCode::kStaleGeneration:
      return "stale_generation";
    case NackCode::kMailbox:
      return "mailbox";
    case NackCode::kProtocol:
      return "protocol";
    case NackCode::kResource:
      return "resource";
    case NackCode::kSwap:
      return "swap";
    case NackCode::kTrialArmed:
      return "trial_armed";
    case NackCode::kTrialEnded:
      return "trial_ended";
  }
  return "unknown";
}

}  // namespace evenkeel
