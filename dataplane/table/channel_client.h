// Control's end of the channel to one plane: connects, adopts what the plane runs, publishes, asks
// for counters. Every call is bounded by its timeout. One thread, or a lock around it.
//
//   auto client = ChannelClient::Connect("/run/evenkeel/dataplane.sock", absl::Seconds(2));
//   generation = std::max(stored, (*client)->hello().generation) + 1;
//   absl::Status published = (*client)->Publish(root, TablesOf(spec), absl::Seconds(5));
//
// After an error other than a refusal the connection is closed (connected() is false): connect
// anew.
#ifndef DATAPLANE_TABLE_CHANNEL_CLIENT_H_
#define DATAPLANE_TABLE_CHANNEL_CLIENT_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/channel.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/mailbox.h"
#include "dataplane/table/region.h"
#include "dataplane/table/sample_rings.h"
#include "dataplane/table/stats.h"
#include "dataplane/table/table.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

class ChannelClient {
 public:
  // Until the plane has said HELLO and handed over its accepted image. Unavailable: nobody listens;
  // DeadlineExceeded: somebody does but is silent; FailedPrecondition: another ABI.
  static absl::StatusOr<std::unique_ptr<ChannelClient>> Connect(absl::string_view path,
                                                                absl::Duration timeout);

  struct PlaneInfo {
    PlaneKind kind = PlaneKind::kDpdk;
    uint32_t pid = 0;
    uint32_t worker_count = 0;
    uint64_t start_ns = 0;    // CLOCK_BOOTTIME of the plane's start
    uint64_t generation = 0;  // accepted when we connected
    uint64_t revision = 0;
    std::string version;
    std::string flow_dir;       // of its tables of tracked flows; empty: it tracks none
    TrialRecord trial;          // that it held when we connected; kNone: none
    uint32_t sample_rings = 0;  // of sampled headers; 0: it samples nothing
  };
  const PlaneInfo& hello() const { return hello_; }

  // What the plane ran when we connected; null when nothing. An error: it handed over something
  // that does not verify.
  const absl::StatusOr<std::shared_ptr<const ImageView>>& accepted() const { return accepted_; }

  // A table of the plane's, by digest: building on it spares control a copy.
  TablePtr FindTable(const Digest& digest) const;

  // Sends the tables that the plane lacks, the root, and waits for the answer. A refusal is
  // InvalidArgument with the plane's sentence and NackCode (refusal.h); the connection stays
  // usable.
  absl::Status Publish(std::span<const std::byte> root, std::span<const TablePtr> tables,
                       absl::Duration timeout);

  struct Offered {
    std::span<const std::byte> root;
    std::span<const TablePtr> tables;
  };
  // First the way back, then the image, to run until `trial.deadline_ns`. `trial` names id and both
  // generations. Refusals as above; kTrialArmed, kTrialEnded (refusal.h) say that nothing is wrong
  // with the images.
  absl::Status PublishTrial(const Offered& image, const Offered& way_back, const TrialRecord& trial,
                            absl::Duration timeout);
  // Ends the trial as `wanted` (kConfirmed or kReturned); kTrialEnded: it had ended the other way.
  absl::Status Decide(uint64_t id, TrialState wanted, absl::Duration timeout);

  // What the plane has told last of its trial, in an answer or by itself.
  struct TrialNews {
    TrialRecord trial;        // kNone: none
    uint64_t generation = 0;  // that ran then
    uint64_t revision = 0;
  };
  const TrialNews& news() const { return news_; }
  // Takes what the plane has said by itself; never waits. Closes the connection when it has ended.
  absl::Status TakeNews();

  absl::StatusOr<StatsSnapshot> Stats(absl::Duration timeout);
  // The plane's rings of sampled headers, which outlive the connection. Unavailable: it has none.
  absl::StatusOr<SampleMemory> OpenSamples(absl::Duration timeout);

  struct AuditFacts {
    uint64_t generation = 0;
    Digest digest{};
    std::vector<uint64_t> workers;    // generation that each uses
    std::vector<std::string> faults;  // a sentence each
  };
  absl::StatusOr<AuditFacts> Audit(absl::Duration timeout);
  // The same for who does other things meanwhile: TakeAudit() has the answer once some call, or
  // TakeNews(), has come across it. Unavailable: another audit is under way.
  absl::Status BeginAudit(absl::Duration timeout);
  std::optional<absl::StatusOr<AuditFacts>> TakeAudit();

  bool connected() const { return socket_.valid(); }
  // For a caller's poll(): readable (or in error) while no call is under way means that TakeNews()
  // has something to do.
  int fd() const { return socket_.get(); }

 private:
  using Tables = absl::flat_hash_map<Digest, TablePtr>;
  explicit ChannelClient(UniqueFd socket) : socket_(std::move(socket)) {}

  absl::Status TakeHello(absl::Time deadline);
  absl::Status TakeTables(uint32_t count, absl::Time deadline);
  void AdoptImage(UniqueFd root, uint64_t size);
  absl::Status OpenStats(UniqueFd fd, size_t size);
  absl::Status EnsureMailbox(size_t root_size, absl::Time deadline);
  absl::Status SendTables(std::span<const TablePtr> missing, absl::Time deadline);
  template <typename Request>
  absl::Status Offer(const Offered& image, Request request, absl::Time deadline, Tables* tables);
  template <typename Request>
  absl::Status OfferOnce(const Offered& image, const Request& request, absl::Time deadline,
                         const Tables& tables);
  template <typename Request>
  absl::Status Ask(const Request& request, absl::Time deadline, Message* answer);
  void Learn(const TrialStateMessage& message);
  void Overhear(const Message& message);
  absl::Status AwaitAnswer(uint32_t request, absl::Time deadline, Message* answer);
  absl::Status Send(std::span<const std::byte> bytes, std::span<const int> fds,
                    absl::Time deadline);
  absl::Status Receive(absl::Time deadline, Message* message);
  absl::Status Close(absl::Status why);

  UniqueFd socket_;
  PlaneInfo hello_;
  absl::StatusOr<std::shared_ptr<const ImageView>> accepted_ = nullptr;
  Tables held_;  // that the plane holds
  TrialNews news_;
  uint32_t audit_request_ = 0;  // whose answer is awaited; 0: none
  std::optional<absl::StatusOr<AuditFacts>> audit_;
  std::optional<MailboxWriter> mailbox_;
  UniqueFd stats_fd_;
  MappedRegion stats_;
  uint32_t last_request_ = 0;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_CHANNEL_CLIENT_H_
