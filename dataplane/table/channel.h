// The channel between control and a plane: fixed-size messages with descriptors over a
// SOCK_SEQPACKET Unix socket. The plane listens (channel_server.h, plane_endpoint.h), control
// connects (channel_client.h).
//
//   plane   -> HELLO + statistics memfd [+ accepted root], TABLES... + one memfd a table
//   control -> MAILBOX + memfd, TABLES... that the plane lacks, PUBLISH     plane -> ACK | NACK
//   control -> MAILBOX, TABLES..., STAGE (the way back)                     plane -> ACK | NACK
//              TABLES..., TRIAL (the image on trial)                        plane -> TRIAL_STATE |
//              NACK
//   control -> DECIDE (confirm or go back)                                  plane -> TRIAL_STATE |
//   NACK
//                                      plane -> TRIAL_STATE by itself, when the deadline has passed
//   control -> STATS                                                        plane -> STATS_REPLY [+
//   new memfd]
//   control -> AUDIT                                                        plane -> AUDIT_REPLY
//   control -> SAMPLES                                     plane -> SAMPLES_REPLY + memfd of rings
//
// After every answer to PUBLISH, STAGE, TRIAL and DECIDE the plane holds exactly the tables of its
// accepted image and of the way back that it holds: control knows from that which ones it must
// send, and sends all where the plane says that it lacks one. A request's number comes back in its
// answer, so that a late answer to a request that timed out is told apart; what a plane says by
// itself has number 0.
#ifndef DATAPLANE_TABLE_CHANNEL_H_
#define DATAPLANE_TABLE_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/table/records.h"
#include "dataplane/table/region.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

inline constexpr uint32_t kChannelMagic = 0x4e4b5645;  // "EVKN"
inline constexpr uint16_t kChannelVersion = 3;
inline constexpr size_t kTablesPerMessage =
    200;  // the kernel passes at most 253 descriptors at once
inline constexpr size_t kNackTextMax = 480;
inline constexpr size_t kMessageBytesMax = 8192;

enum class MessageType : uint16_t {
  kHello = 1,
  kTables = 2,
  kMailbox = 3,
  kPublish = 4,
  kAck = 5,
  kNack = 6,
  kStats = 7,
  kStatsReply = 8,
  kStage = 9,
  kTrial = 10,
  kDecide = 11,
  kTrialState = 12,
  kAudit = 13,
  kAuditReply = 14,
  kSamples = 15,
  kSamplesReply = 16,
};

struct MessageHeader {
  uint32_t magic = kChannelMagic;
  uint16_t version = kChannelVersion;
  MessageType type{};
  uint32_t size = 0;     // of the whole message, bytes
  uint32_t request = 0;  // control numbers its requests; an answer repeats the number
};
static_assert(sizeof(MessageHeader) == 16);

enum class PlaneKind : uint32_t { kDpdk = 1, kXdp = 2 };

// Descriptors: the statistics memfd; then, when root_size is not 0, the accepted root (sealed).
struct HelloMessage {
  static constexpr MessageType kType = MessageType::kHello;
  MessageHeader header;
  uint32_t abi = LB_IMAGE_ABI;
  PlaneKind kind = PlaneKind::kDpdk;
  uint32_t pid = 0;
  uint32_t worker_count = 0;
  uint64_t start_ns = 0;    // CLOCK_BOOTTIME: tells a restarted plane from a reconnected one
  uint64_t generation = 0;  // accepted; 0: none
  uint64_t revision = 0;
  uint64_t root_size = 0;
  uint64_t stats_size = 0;
  uint32_t table_count = 0;   // that follow in TABLES messages
  uint32_t sample_rings = 0;  // that SAMPLES asks for; 0: it samples nothing
  char version[32] = {};      // of the program, NUL-terminated
  // Directory of its tables of tracked flows (flow_directory.h), NUL-terminated; empty: it has
  // none.
  char flow_dir[256] = {};
  TrialRecord trial;  // that it holds, or the last that ended; state kNone: none
};

// Descriptors: one a table, in the same order.
struct TablesMessage {
  static constexpr MessageType kType = MessageType::kTables;
  MessageHeader header;
  uint32_t count = 0;
  uint32_t reserved = 0;
  struct Entry {
    uint8_t digest[32];
    uint32_t slots_log2;
    uint32_t reserved;
  } entry[kTablesPerMessage] = {};
};
static_assert(sizeof(TablesMessage) <= kMessageBytesMax);

// Descriptor: the mailbox. Replaces a former one.
struct MailboxMessage {
  static constexpr MessageType kType = MessageType::kMailbox;
  MessageHeader header;
  uint64_t capacity = 0;  // of one slot
};

// The root of `generation` lies in the mailbox.
struct PublishMessage {
  static constexpr MessageType kType = MessageType::kPublish;
  MessageHeader header;
  uint64_t generation = 0;
};

struct AckMessage {
  static constexpr MessageType kType = MessageType::kAck;
  MessageHeader header;
  uint64_t generation = 0;
};

struct NackMessage {
  static constexpr MessageType kType = MessageType::kNack;
  MessageHeader header;
  uint64_t generation = 0;  // of the refused root
  uint32_t code = 0;        // NackCode
  uint32_t reserved = 0;
  char text[kNackTextMax] = {};  // NUL-terminated
};

// The root of `generation`, the way back of the trial that follows, lies in the mailbox: verified
// and held, not installed. Forgotten with the connection unless its trial begins. Answer: ACK.
struct StageMessage {
  static constexpr MessageType kType = MessageType::kStage;
  MessageHeader header;
  uint64_t generation = 0;
};

// The root of `trial.generation` lies in the mailbox, to run until `trial.deadline_ns` (state: not
// looked at). The same id while the trial is armed renews both images and keeps the first deadline.
struct TrialMessage {
  static constexpr MessageType kType = MessageType::kTrial;
  MessageHeader header;
  TrialRecord trial;
};

struct DecideMessage {
  static constexpr MessageType kType = MessageType::kDecide;
  MessageHeader header;
  uint64_t id = 0;
  TrialState wanted = TrialState::kNone;  // kConfirmed or kReturned
  uint32_t reserved = 0;
};

// What has become of the trial, and what runs.
struct TrialStateMessage {
  static constexpr MessageType kType = MessageType::kTrialState;
  MessageHeader header;
  TrialRecord trial;
  uint64_t generation = 0;
  uint64_t revision = 0;
};

struct AuditMessage {
  static constexpr MessageType kType = MessageType::kAudit;
  MessageHeader header;
};

inline constexpr size_t kAuditWorkersMax = 256;
inline constexpr size_t kAuditTextMax = 5600;

// What lies in the memory that workers use, computed anew.
struct AuditReplyMessage {
  static constexpr MessageType kType = MessageType::kAuditReply;
  MessageHeader header;
  uint64_t generation = 0;  // of the image that was looked at
  uint8_t digest[32] = {};
  uint32_t worker_count = 0;
  uint32_t reserved = 0;
  uint64_t workers[kAuditWorkersMax] = {};  // generation that each uses
  char faults[kAuditTextMax] = {};          // a line each, NUL-terminated; the last may be cut
};
static_assert(sizeof(AuditReplyMessage) <= kMessageBytesMax);

struct StatsMessage {
  static constexpr MessageType kType = MessageType::kStats;
  MessageHeader header;
};

// A snapshot lies in the statistics memfd. A descriptor comes along when the memfd is a new, larger
// one.
struct StatsReplyMessage {
  static constexpr MessageType kType = MessageType::kStatsReply;
  MessageHeader header;
  uint64_t stats_size = 0;  // of the memfd
};

// Only of a plane whose HELLO says that it has them.
struct SamplesMessage {
  static constexpr MessageType kType = MessageType::kSamples;
  MessageHeader header;
};

// Descriptor: the memory of its rings of sampled headers (sample_rings.h), as many as it said.
struct SamplesReplyMessage {
  static constexpr MessageType kType = MessageType::kSamplesReply;
  MessageHeader header;
};

// A received message of any type.
struct Message {
  alignas(8) std::byte bytes[kMessageBytesMax];
  size_t size = 0;
  std::vector<UniqueFd> fds;

  const MessageHeader& header() const { return *reinterpret_cast<const MessageHeader*>(bytes); }
  MessageType type() const { return header().type; }
  // Null when the type or the size is not that of `T`.
  template <typename T>
  const T* As() const {
    static_assert(std::is_trivially_copyable_v<T> && sizeof(T) <= kMessageBytesMax);
    return type() == T::kType && size == sizeof(T) ? reinterpret_cast<const T*>(bytes) : nullptr;
  }
};

// A message's text up to its NUL, or its end.
template <size_t N>
std::string TextOf(const char (&bytes)[N]) {
  return std::string(bytes, strnlen(bytes, N));
}

template <typename T>
T MakeMessage(uint32_t request) {
  T message;
  message.header.type = T::kType;
  message.header.size = sizeof(T);
  message.header.request = request;
  return message;
}

// One system call each, never blocking. Unavailable: the socket is full (empty): poll it. Any other
// error: the peer is gone or speaks another language, and the connection is of no more use.
absl::Status SendMessage(int socket, std::span<const std::byte> bytes, std::span<const int> fds);
// Checks size, magic and version of what came and takes its descriptors (close-on-exec).
absl::Status ReceiveMessage(int socket, Message* message);

// An address for bind() and connect(); InvalidArgument when the path is too long for one (107
// bytes).
struct SocketAddress {
  alignas(8) char bytes[128];
  uint32_t size;
};
absl::StatusOr<SocketAddress> UnixAddress(absl::string_view path);

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_CHANNEL_H_
