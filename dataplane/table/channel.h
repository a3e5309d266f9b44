// The channel between control and a plane: fixed-size messages with descriptors over a
// SOCK_SEQPACKET Unix socket. The plane listens (channel_server.h, plane_endpoint.h), control
// connects (channel_client.h).
//
//   plane   -> HELLO + statistics memfd [+ accepted root], TABLES... + one memfd a table
//   control -> MAILBOX + memfd, TABLES... that the plane lacks, PUBLISH     plane -> ACK | NACK
//   control -> STATS                                                       plane -> STATS_REPLY [+
//   new memfd]
//
// After every answer to PUBLISH the plane holds exactly the tables of its accepted image: control
// knows from that which ones it must send. A request's number comes back in its answer, so that a
// late answer to a request that timed out is told apart.
#ifndef DATAPLANE_TABLE_CHANNEL_H_
#define DATAPLANE_TABLE_CHANNEL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <type_traits>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/table/records.h"
#include "dataplane/table/region.h"

namespace evenkeel {

inline constexpr uint32_t kChannelMagic = 0x4e4b5645;  // "EVKN"
inline constexpr uint16_t kChannelVersion = 1;
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
  uint32_t table_count = 0;  // that follow in TABLES messages
  uint32_t reserved = 0;
  char version[32] = {};  // of the program, NUL-terminated
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
