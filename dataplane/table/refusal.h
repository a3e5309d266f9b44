// Why a plane refuses an image: a code for programs and a sentence for people. Travels as an
// absl::Status (InvalidArgument with the code as payload) inside a process and as a NACK on the
// channel.
//
//   if (root.abi != LB_IMAGE_ABI) return Refuse(NackCode::kAbi, absl::StrCat("image ABI ",
//   root.abi, ...));
#ifndef DATAPLANE_TABLE_REFUSAL_H_
#define DATAPLANE_TABLE_REFUSAL_H_

#include <cstdint>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace evenkeel {

enum class NackCode : uint32_t {
  kNone = 0,
  kMagic,            // not a root at all
  kAbi,              // made for another version of records.h
  kSize,             // truncated, padded or larger than allowed
  kChecksum,         // bytes changed since the root was sealed
  kSection,          // a section's place, stride or count is impossible
  kRecord,           // a field of a record has an impossible value
  kIndex,            // a record names one that does not exist
  kMatch,            // VIP and port rows do not say what services and VIPs say
  kTableMissing,     // the root names a table that never came
  kTableShape,       // a table's size or seals are wrong
  kTableDigest,      // a table's content is not what its name says
  kTableContent,     // a slot names a backend or transition that it must not
  kQuota,            // the table's shares are not the stated ones
  kStaleGeneration,  // not newer than what runs
  kMailbox,          // the mailbox is missing, badly sealed or being written
  kProtocol,         // a message that makes no sense here
  kResource,         // the plane lacks memory or descriptors
  kSwap,             // the plane could not install it
  kTrialArmed,       // a trial is under way, which must end first
  kTrialEnded,       // the trial has ended the other way, or is not known
};

absl::Status Refuse(NackCode code, absl::string_view sentence);

// kNone for OK; kResource for an error that carries no code.
NackCode NackCodeOf(const absl::Status& status);

// "table_digest": stable, for logs and JSON.
absl::string_view NackCodeName(NackCode code);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_REFUSAL_H_
