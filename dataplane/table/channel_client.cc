#include "dataplane/table/channel_client.h"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <type_traits>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/tables_batch.h"

namespace evenkeel {
namespace {

constexpr uint32_t kTablesFromPlaneMax = 2 * LB_POOLS_MAX;
constexpr size_t kStatsBytesMax = 1u << 30;

absl::Status ConnectError(absl::string_view path) {
  const int error = errno;
  const absl::string_view hint =
      error == ENOENT || error == ECONNREFUSED ? "; is evenkeel-dataplane running?" : "";
  return absl::UnavailableError(
      absl::StrCat("connecting to plane ", path, ": ", std::strerror(error), hint));
}

// Until `events` come up on the socket. DeadlineExceeded afterwards.
absl::Status Await(int socket, short events, absl::Time deadline) {
  for (;;) {
    const absl::Duration left = deadline - absl::Now();
    if (left <= absl::ZeroDuration()) {
      return absl::DeadlineExceededError("the plane did not answer in time");
    }
    pollfd poll_fd{socket, events, 0};
    // Rounded up, so that the last millisecond is not spent spinning.
    const int64_t ms = std::min<int64_t>(absl::ToInt64Milliseconds(left) + 1, 60'000);
    const int ready = poll(&poll_fd, 1, static_cast<int>(ms));
    if (ready > 0) return absl::OkStatus();  // errors and hang-ups show in the next call
    if (ready < 0 && errno != EINTR) return absl::ErrnoToStatus(errno, "waiting for the plane");
  }
}

}  // namespace

absl::StatusOr<std::unique_ptr<ChannelClient>> ChannelClient::Connect(absl::string_view path,
                                                                      absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  const absl::StatusOr<SocketAddress> address = UnixAddress(path);
  if (!address.ok()) return address.status();
  UniqueFd fd(socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, "making a socket");
  // On a Unix socket a non-blocking connect() succeeds or fails at once.
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(address->bytes), address->size) != 0) {
    return ConnectError(path);
  }
  std::unique_ptr<ChannelClient> client(new ChannelClient(std::move(fd)));
  if (absl::Status status = client->TakeHello(deadline); !status.ok()) {
    return absl::Status(status.code(), absl::StrCat("plane ", path, ": ", status.message()));
  }
  return client;
}

absl::Status ChannelClient::TakeHello(absl::Time deadline) {
  Message message;
  if (absl::Status status = Receive(deadline, &message); !status.ok()) return status;
  const HelloMessage* hello = message.As<HelloMessage>();
  const size_t expected_fds = hello != nullptr && hello->root_size != 0 ? 2 : 1;
  if (hello == nullptr || message.fds.size() != expected_fds ||
      hello->table_count > kTablesFromPlaneMax) {
    return Close(absl::AbortedError("it does not greet as a plane does"));
  }
  if (hello->abi != LB_IMAGE_ABI) {
    return Close(absl::FailedPreconditionError(absl::StrCat("it speaks image ABI ", hello->abi,
                                                            ", this program ", LB_IMAGE_ABI,
                                                            ": install the same version of both")));
  }
  hello_ = {hello->kind,       hello->pid,         hello->worker_count,    hello->start_ns,
            hello->generation, hello->revision,    TextOf(hello->version), TextOf(hello->flow_dir),
            hello->trial,      hello->sample_rings};
  news_ = {hello->trial, hello->generation, hello->revision};
  const uint64_t root_size = hello->root_size;
  absl::Status status = OpenStats(std::move(message.fds[0]), hello->stats_size);
  if (!status.ok()) return Close(std::move(status));
  UniqueFd root = root_size != 0 ? std::move(message.fds[1]) : UniqueFd();
  status = TakeTables(hello->table_count, deadline);
  if (!status.ok()) return status;
  if (root_size != 0) AdoptImage(std::move(root), root_size);
  return absl::OkStatus();
}

absl::Status ChannelClient::TakeTables(uint32_t count, absl::Time deadline) {
  uint32_t taken = 0;
  while (taken < count) {
    Message message;
    if (absl::Status status = Receive(deadline, &message); !status.ok()) return status;
    const TablesMessage* tables = message.As<TablesMessage>();
    if (tables == nullptr || tables->count == 0 || tables->count > kTablesPerMessage ||
        tables->count > count - taken || tables->count != message.fds.size()) {
      return Close(absl::AbortedError("it does not hand over its tables as it should"));
    }
    for (uint32_t i = 0; i < tables->count; i++) {
      Digest digest;
      std::memcpy(digest.data(), tables->entry[i].digest, sizeof(digest));
      absl::StatusOr<TablePtr> table =
          Table::Adopt(std::move(message.fds[i]), digest, tables->entry[i].slots_log2);
      if (!table.ok()) return Close(table.status());
      held_[digest] = *std::move(table);
    }
    taken += tables->count;
  }
  return absl::OkStatus();
}

void ChannelClient::AdoptImage(UniqueFd root, uint64_t size) {
  absl::StatusOr<MappedRegion> region = MapSealed(root.get(), size);
  if (!region.ok()) {
    accepted_ = region.status();
    return;
  }
  absl::StatusOr<ImageView> image = ImageView::Verify(
      AlignedBytes::CopyOf(region->bytes()),
      [this](const Digest& digest) { return FindTable(digest); }, nullptr);
  if (image.ok()) {
    accepted_ = std::make_shared<const ImageView>(*std::move(image));
  } else {
    accepted_ = image.status();
  }
}

absl::Status ChannelClient::OpenStats(UniqueFd fd, size_t size) {
  if (size == 0 || size > kStatsBytesMax) {
    return absl::AbortedError(absl::StrCat("its statistics claim ", size, " bytes"));
  }
  absl::StatusOr<MappedRegion> region = MapShared(fd.get(), size, Access::kRead);
  if (!region.ok()) return region.status();
  stats_ = *std::move(region);
  return absl::OkStatus();
}

TablePtr ChannelClient::FindTable(const Digest& digest) const {
  const auto table = held_.find(digest);
  return table == held_.end() ? nullptr : table->second;
}

absl::Status ChannelClient::Publish(std::span<const std::byte> root,
                                    std::span<const TablePtr> tables, absl::Duration timeout) {
  Tables offered;
  absl::Status status =
      Offer({root, tables}, MakeMessage<PublishMessage>(0), absl::Now() + timeout, &offered);
  if (!status.ok()) return status;
  held_ = std::move(offered);
  news_.trial = {};
  return absl::OkStatus();
}

absl::Status ChannelClient::PublishTrial(const Offered& image, const Offered& way_back,
                                         const TrialRecord& trial, absl::Duration timeout) {
  const absl::Time deadline = absl::Now() + timeout;
  while (true) {
    const Tables before = held_;
    Tables both;
    absl::Status status = Offer(way_back, MakeMessage<StageMessage>(0), deadline, &both);
    if (!status.ok()) return status;
    for (const auto& [digest, table] : both) held_[digest] = table;
    TrialMessage request = MakeMessage<TrialMessage>(0);
    request.trial = trial;
    Tables tried;
    status = Offer(image, request, deadline, &tried);
    if (status.ok()) {
      for (const auto& [digest, table] : tried) both[digest] = table;
      held_ = std::move(both);
      return absl::OkStatus();
    }
    held_ = before;
    // A plane that went back by itself has let go of what only the trial had. With its refusal it
    // has dropped the way back, too: both once more, with all their tables.
    if (NackCodeOf(status) != NackCode::kTableMissing || before.empty()) return status;
    held_.clear();
  }
}

absl::Status ChannelClient::Decide(uint64_t id, TrialState wanted, absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to the plane");
  DecideMessage request = MakeMessage<DecideMessage>(++last_request_);
  request.id = id;
  request.wanted = wanted;
  Message answer;
  absl::Status status = Ask(request, absl::Now() + timeout, &answer);
  if (!status.ok()) return status;
  const TrialStateMessage* state = answer.As<TrialStateMessage>();
  if (state == nullptr) {
    return Close(absl::AbortedError("the plane answered a decision with something else"));
  }
  Learn(*state);
  return absl::OkStatus();
}

// A table that the plane lacks, against what we knew of it, comes with all others once more; that
// of a trial is PublishTrial()'s to send again, after its way back.
template <typename Request>
absl::Status ChannelClient::Offer(const Offered& image, Request request, absl::Time deadline,
                                  Tables* tables) {
  if (!connected()) return absl::UnavailableError("not connected to the plane");
  if (image.root.size() < sizeof(lb_root)) return absl::InvalidArgumentError("not a root");
  for (const TablePtr& table : image.tables) tables->emplace(table->digest(), table);
  request.header.request = ++last_request_;
  if constexpr (!std::is_same_v<Request, TrialMessage>) {
    std::memcpy(&request.generation, image.root.data() + offsetof(lb_root, generation),
                sizeof(request.generation));
  }
  absl::Status status = OfferOnce(image, request, deadline, *tables);
  if constexpr (std::is_same_v<Request, TrialMessage>) return status;
  if (NackCodeOf(status) != NackCode::kTableMissing || held_.empty()) return status;
  held_.clear();
  request.header.request = ++last_request_;
  return OfferOnce(image, request, deadline, *tables);
}

template <typename Request>
absl::Status ChannelClient::OfferOnce(const Offered& image, const Request& request,
                                      absl::Time deadline, const Tables& tables) {
  std::vector<TablePtr> missing;
  for (const auto& [digest, table] : tables) {
    if (!held_.contains(digest)) missing.push_back(table);
  }
  if (absl::Status status = EnsureMailbox(image.root.size(), deadline); !status.ok()) return status;
  if (absl::Status status = SendTables(missing, deadline); !status.ok()) return status;
  if (absl::Status status = mailbox_->Write(image.root); !status.ok()) return status;
  Message answer;
  if (absl::Status status = Ask(request, deadline, &answer); !status.ok()) return status;
  if constexpr (std::is_same_v<Request, TrialMessage>) {
    const TrialStateMessage* state = answer.As<TrialStateMessage>();
    if (state != nullptr && state->trial.id == request.trial.id) {
      Learn(*state);
      return absl::OkStatus();
    }
  } else {
    const AckMessage* ack = answer.As<AckMessage>();
    if (ack != nullptr && ack->generation == request.generation) return absl::OkStatus();
  }
  return Close(absl::AbortedError("the plane answered a publication with something else"));
}

// Sends and waits for the answer; a refusal is an error with the plane's sentence and code.
template <typename Request>
absl::Status ChannelClient::Ask(const Request& request, absl::Time deadline, Message* answer) {
  absl::Status status = Send(std::as_bytes(std::span(&request, 1)), {}, deadline);
  if (!status.ok()) return status;
  status = AwaitAnswer(request.header.request, deadline, answer);
  if (!status.ok()) return status;
  const NackMessage* nack = answer->As<NackMessage>();
  if (nack == nullptr) return absl::OkStatus();
  return Refuse(static_cast<NackCode>(nack->code), TextOf(nack->text));
}

// A larger root gets a larger mailbox, with room to grow.
absl::Status ChannelClient::EnsureMailbox(size_t root_size, absl::Time deadline) {
  if (mailbox_ && root_size <= mailbox_->capacity()) return absl::OkStatus();
  const size_t capacity = std::min(std::max<size_t>(2 * root_size, 64u << 10), kRootBytesMax);
  absl::StatusOr<MailboxWriter> mailbox = MailboxWriter::Create(capacity);
  if (!mailbox.ok()) return mailbox.status();
  MailboxMessage message = MakeMessage<MailboxMessage>(0);
  message.capacity = mailbox->capacity();
  const int fd = mailbox->fd();
  absl::Status status = Send(std::as_bytes(std::span(&message, 1)), {&fd, 1}, deadline);
  if (!status.ok()) return status;
  mailbox_.emplace(*std::move(mailbox));
  return absl::OkStatus();
}

absl::Status ChannelClient::SendTables(std::span<const TablePtr> missing, absl::Time deadline) {
  while (!missing.empty()) {
    const TablesBatch batch = TakeBatch(&missing);
    absl::Status status = Send(std::as_bytes(std::span(&batch.message, 1)), batch.fds, deadline);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::StatusOr<StatsSnapshot> ChannelClient::Stats(absl::Duration timeout) {
  if (!connected()) return absl::UnavailableError("not connected to the plane");
  const absl::Time deadline = absl::Now() + timeout;
  const StatsMessage request = MakeMessage<StatsMessage>(++last_request_);
  Message answer;
  absl::Status status = Ask(request, deadline, &answer);
  if (absl::IsInvalidArgument(status)) return absl::UnavailableError(status.message());
  if (!status.ok()) return status;
  const StatsReplyMessage* reply = answer.As<StatsReplyMessage>();
  if (reply == nullptr || answer.fds.size() > 1) {
    return Close(
        absl::AbortedError("the plane answered a request for statistics with something "
                           "else"));
  }
  if (answer.fds.size() == 1) {
    status = OpenStats(std::move(answer.fds[0]), reply->stats_size);
    if (!status.ok()) return Close(std::move(status));
  }
  return DecodeStats(stats_.bytes());
}

absl::StatusOr<SampleMemory> ChannelClient::OpenSamples(absl::Duration timeout) {
  if (!connected() || hello_.sample_rings == 0) {
    return absl::UnavailableError("the plane samples no headers");
  }
  const SamplesMessage request = MakeMessage<SamplesMessage>(++last_request_);
  Message answer;
  absl::Status status = Ask(request, absl::Now() + timeout, &answer);
  if (!status.ok()) return absl::UnavailableError(status.message());
  if (answer.As<SamplesReplyMessage>() == nullptr || answer.fds.size() != 1) {
    return Close(
        absl::AbortedError("the plane answered a request for samples with something else"));
  }
  return SampleMemory::Open(std::move(answer.fds[0]), hello_.sample_rings);
}

absl::Status ChannelClient::AwaitAnswer(uint32_t request, absl::Time deadline, Message* answer) {
  for (;;) {
    if (absl::Status status = Receive(deadline, answer); !status.ok()) return status;
    if (answer->header().request == request) return absl::OkStatus();
    Overhear(*answer);
  }
}

absl::Status ChannelClient::Send(std::span<const std::byte> bytes, std::span<const int> fds,
                                 absl::Time deadline) {
  for (;;) {
    absl::Status status = SendMessage(socket_.get(), bytes, fds);
    if (status.ok()) return status;
    if (absl::IsUnavailable(status)) status = Await(socket_.get(), POLLOUT, deadline);
    if (!status.ok()) return Close(std::move(status));
  }
}

absl::Status ChannelClient::Receive(absl::Time deadline, Message* message) {
  for (;;) {
    absl::Status status = ReceiveMessage(socket_.get(), message);
    if (status.ok()) return status;
    if (absl::IsUnavailable(status)) status = Await(socket_.get(), POLLIN, deadline);
    if (!status.ok()) return Close(std::move(status));
  }
}

// After a fault nobody knows what the plane holds or will still answer: only a new connection does.
absl::Status ChannelClient::Close(absl::Status why) {
  socket_.Reset();
  mailbox_.reset();
  return why;
}

}  // namespace evenkeel
