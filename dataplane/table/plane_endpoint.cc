#include "dataplane/table/plane_endpoint.h"

#include <sys/timerfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "dataplane/table/refusal.h"
#include "dataplane/table/tables_batch.h"

namespace evenkeel {
namespace {

constexpr int kEventsPerCall =
    64;  // a peer that floods us must not keep the manager from other work
constexpr size_t kStatsBytesMin = 64u << 10;

template <size_t N>
void CopyText(char (&to)[N], absl::string_view from) {
  std::memcpy(to, from.data(), std::min(from.size(), N - 1));
}

}  // namespace

absl::StatusOr<std::unique_ptr<PlaneEndpoint>> PlaneEndpoint::Create(Options options,
                                                                     Callbacks callbacks) {
  absl::StatusOr<std::unique_ptr<ChannelServer>> server =
      ChannelServer::Listen(options.socket_path);
  if (!server.ok()) return server.status();
  std::unique_ptr<PlaneEndpoint> endpoint(
      new PlaneEndpoint(std::move(options), std::move(callbacks), *std::move(server)));
  absl::Status status = endpoint->MakeStatsRegion(kStatsBytesMin);
  if (status.ok()) status = endpoint->server_->WatchAlso(endpoint->deadline_.get());
  if (status.ok()) status = endpoint->server_->WatchAlso(endpoint->auditor_.fd());
  if (!status.ok()) return status;
  endpoint->RestoreLastGood();
  return endpoint;
}

PlaneEndpoint::PlaneEndpoint(Options options, Callbacks callbacks,
                             std::unique_ptr<ChannelServer> server)
    : options_(std::move(options)),
      callbacks_(std::move(callbacks)),
      server_(std::move(server)),
      store_({.install = callbacks_.install,
              .keep_way_back =
                  [this](std::shared_ptr<const ImageView> image) { return KeepWayBack(image); }}),
      deadline_(timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK)),
      start_ns_(BootTimeNs()) {}

PlaneEndpoint::~PlaneEndpoint() = default;

void PlaneEndpoint::RestoreLastGood() {
  if (options_.state_dir.empty()) return;
  LastGood last_good(options_.state_dir, RealDisk());
  LastGood::Loaded loaded = last_good.Load();
  for (const std::string& problem : loaded.problems) Log("error", problem);
  if (loaded.image != nullptr) {
    const uint64_t generation = loaded.image->generation();
    const absl::Status status = store_.Restore(std::move(loaded.image));
    if (status.ok()) {
      Log("info", absl::StrCat("forwarding by the last good image, generation ", generation));
    } else {
      Log("error", status.message());
    }
  } else {
    Log("info", "no last good image: nothing is forwarded until control publishes");
  }
  last_good_ = std::make_unique<LastGoodWriter>(std::move(last_good));
}

void PlaneEndpoint::HandleReady() {
  if (const std::optional<ImageFacts> facts = auditor_.Take()) AnswerAudit(*facts);
  for (int i = 0; i < kEventsPerCall || server_->has_news(); i++) {
    // Before each: many large tables take longer to look at than a deadline may wait.
    ExpireTrial();
    std::unique_ptr<ChannelServer::Event> event = server_->Receive();
    if (event == nullptr) return;
    switch (event->kind) {
      case ChannelServer::Event::Kind::kConnected:
        Log("info", "control has connected");
        Greet();
        break;
      case ChannelServer::Event::Kind::kDisconnected:
        Log("info", absl::StrCat("control has gone: ", event->reason));
        store_.BeginConnection();
        audit_request_.reset();
        break;
      case ChannelServer::Event::Kind::kMessage:
        Handle(std::move(event->message));
        break;
    }
  }
}

void PlaneEndpoint::Greet() {
  store_.BeginConnection();
  transfer_fault_ = absl::OkStatus();
  audit_request_.reset();
  HelloMessage hello = MakeMessage<HelloMessage>(0);
  hello.kind = options_.kind;
  hello.pid = static_cast<uint32_t>(getpid());
  hello.worker_count = options_.worker_count;
  hello.start_ns = start_ns_;
  hello.stats_size = stats_.size();
  CopyText(hello.version, options_.version);
  CopyText(hello.flow_dir, options_.flow_dir);
  hello.sample_rings = options_.samples_fd < 0 ? 0 : options_.worker_count;
  hello.trial = store_.trial();

  const std::shared_ptr<const ImageView>& image = store_.accepted();
  if (image == nullptr) return server_->Send(hello, {stats_fd_->get()}, stats_fd_);
  const AlignedBytes published = image->Published();
  absl::StatusOr<UniqueFd> root = MakeSealedMemfd("evenkeel-root", published.bytes());
  if (!root.ok()) return server_->Disconnect(std::string(root.status().message()));
  hello.generation = image->generation();
  hello.revision = image->revision();
  hello.root_size = published.size();
  hello.table_count = static_cast<uint32_t>(image->tables().size());
  const int root_fd = root->get();
  const auto keep_alive =
      std::make_shared<std::pair<std::shared_ptr<UniqueFd>, UniqueFd>>(stats_fd_, *std::move(root));
  server_->Send(hello, {stats_fd_->get(), root_fd}, keep_alive);
  SendTables(image);
}

void PlaneEndpoint::SendTables(const std::shared_ptr<const ImageView>& image) {
  std::span<const TablePtr> left = image->tables();
  while (!left.empty()) {
    TablesBatch batch = TakeBatch(&left);
    server_->Send(batch.message, std::move(batch.fds), image);
  }
}

void PlaneEndpoint::Handle(Message message) {
  if (message.As<TablesMessage>() != nullptr) return TakeTables(std::move(message));
  if (message.As<MailboxMessage>() != nullptr) return TakeMailbox(std::move(message));
  if (const auto* publish = message.As<PublishMessage>()) return TakePublish(*publish);
  if (const auto* stage = message.As<StageMessage>()) return TakeStage(*stage);
  if (const auto* trial = message.As<TrialMessage>()) return TakeTrial(*trial);
  if (const auto* decision = message.As<DecideMessage>()) return TakeDecision(*decision);
  if (const auto* stats = message.As<StatsMessage>()) return AnswerStats(*stats);
  if (const auto* audit = message.As<AuditMessage>()) return BeginAudit(*audit);
  if (const auto* samples = message.As<SamplesMessage>()) return AnswerSamples(*samples);
  server_->Disconnect(absl::StrCat("it sent a message of type ", static_cast<int>(message.type()),
                                   " and ", message.size, " bytes, which no control sends"));
}

// A table or mailbox that is refused is reported with the publication that needs it.
void PlaneEndpoint::TakeTables(Message message) {
  const TablesMessage& tables = *message.As<TablesMessage>();
  if (tables.count > kTablesPerMessage || tables.count != message.fds.size()) {
    return server_->Disconnect("it sent tables and descriptors that do not match");
  }
  for (uint32_t i = 0; i < tables.count; i++) {
    Digest digest;
    std::memcpy(digest.data(), tables.entry[i].digest, sizeof(digest));
    transfer_fault_.Update(
        store_.AddTable(std::move(message.fds[i]), digest, tables.entry[i].slots_log2));
  }
}

void PlaneEndpoint::TakeMailbox(Message message) {
  if (message.fds.size() != 1) return server_->Disconnect("it sent a mailbox without a descriptor");
  transfer_fault_.Update(
      store_.SetMailbox(std::move(message.fds[0]), message.As<MailboxMessage>()->capacity));
}

void PlaneEndpoint::TakePublish(const PublishMessage& publish) {
  const absl::Status status = store_.Publish(publish.generation);
  AnswerPublication(publish.header.request, publish.generation, status);
  if (status.ok()) KeepAccepted();
  FollowTrial();
}

// A table or mailbox that was refused says more than what follows from it.
void PlaneEndpoint::AnswerPublication(uint32_t request, uint64_t generation,
                                      const absl::Status& status) {
  if (status.ok()) {
    AckMessage ack = MakeMessage<AckMessage>(request);
    ack.generation = generation;
    server_->Send(ack);
  } else {
    const absl::Status& cause = transfer_fault_.ok() ? status : transfer_fault_;
    Log("error", absl::StrCat("refused generation ", generation, ": ", cause.message()));
    Nack(request, generation, cause);
  }
  transfer_fault_ = absl::OkStatus();
}

void PlaneEndpoint::KeepAccepted() {
  if (last_good_ != nullptr && store_.accepted() != nullptr) last_good_->Save(store_.accepted());
}

void PlaneEndpoint::BeginAudit(const AuditMessage& request) {
  if (auditor_.is_busy()) {
    return Nack(request.header.request, 0,
                Refuse(NackCode::kResource, "an audit of this plane is under way"));
  }
  std::vector<uint64_t> workers;
  std::shared_ptr<const ImageView> image =
      callbacks_.in_use ? callbacks_.in_use(&workers) : store_.accepted();
  audit_request_ = request.header.request;
  if (image != nullptr) return auditor_.Begin(std::move(image));
  AnswerAudit({});
}

void PlaneEndpoint::AnswerAudit(const ImageFacts& facts) {
  if (!audit_request_) return;
  AuditReplyMessage reply = MakeMessage<AuditReplyMessage>(*audit_request_);
  audit_request_.reset();
  reply.generation = facts.generation;
  std::memcpy(reply.digest, facts.digest.data(), facts.digest.size());
  std::vector<uint64_t> workers;
  if (callbacks_.in_use) callbacks_.in_use(&workers);
  reply.worker_count = static_cast<uint32_t>(std::min(workers.size(), kAuditWorkersMax));
  std::copy_n(workers.begin(), reply.worker_count, reply.workers);
  CopyText(reply.faults, absl::StrJoin(facts.faults, "\n"));
  server_->Send(reply);
}

void PlaneEndpoint::AnswerStats(const StatsMessage& request) {
  StatsSnapshot snapshot;
  if (const auto& image = store_.accepted(); image != nullptr) {
    snapshot.generation = image->generation();
    snapshot.revision = image->revision();
    snapshot.digest = image->StatedDigest();
  }
  snapshot.uptime_ns = BootTimeNs() - start_ns_;
  if (last_good_ != nullptr) {
    if (const absl::Status saved = last_good_->status(); !saved.ok()) {
      snapshot.alarms.push_back(
          absl::StrCat("the last good image could not be saved: ", saved.message()));
    }
  }
  callbacks_.fill_stats(&snapshot);

  StatsReplyMessage reply = MakeMessage<StatsReplyMessage>(request.header.request);
  std::vector<int> fds;
  if (const size_t size = EncodedSize(snapshot); size > stats_.size()) {
    const absl::Status status = MakeStatsRegion(2 * size);
    if (!status.ok()) return Nack(request.header.request, 0, status);
    fds.push_back(stats_fd_->get());
  }
  EncodeStats(snapshot, {stats_.data(), stats_.size()});
  reply.stats_size = stats_.size();
  server_->Send(reply, std::move(fds), stats_fd_);
}

void PlaneEndpoint::AnswerSamples(const SamplesMessage& request) {
  if (options_.samples_fd < 0) {
    return Nack(request.header.request, 0,
                Refuse(NackCode::kResource, "this plane samples nothing"));
  }
  server_->Send(MakeMessage<SamplesReplyMessage>(request.header.request), {options_.samples_fd});
}

absl::Status PlaneEndpoint::MakeStatsRegion(size_t size) {
  absl::StatusOr<UniqueFd> fd = MakeSharedMemfd("evenkeel-stats", size);
  if (!fd.ok()) return fd.status();
  absl::StatusOr<MappedRegion> region = MapShared(fd->get(), size, Access::kReadWrite);
  if (!region.ok()) return region.status();
  stats_fd_ = std::make_shared<UniqueFd>(*std::move(fd));
  stats_ = *std::move(region);
  return absl::OkStatus();
}

void PlaneEndpoint::Nack(uint32_t request, uint64_t generation, const absl::Status& why) {
  NackMessage nack = MakeMessage<NackMessage>(request);
  nack.generation = generation;
  nack.code = static_cast<uint32_t>(NackCodeOf(why));
  const absl::string_view text = why.message();
  CopyText(nack.text, text);
  server_->Send(nack);
}

void PlaneEndpoint::Log(absl::string_view level, absl::string_view text) const {
  if (callbacks_.log) callbacks_.log(level, text);
}

}  // namespace evenkeel
