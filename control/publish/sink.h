// A plane as control sees it: something that takes images, says what it runs and counts. The DPDK
// plane over shared memory and the XDP twin over BPF maps are the two.
//
//   absl::Status published = sink.Publish(publication, absl::Seconds(5));
//   if (!published.ok()) ...   // the plane keeps what it had; the text is the plane's own sentence
//
// A sink connects and reconnects by itself, for ever, on its own thread, and decides nothing:
// whether a plane that has (re)connected runs the right thing is for the pipeline to say, which it
// asks to through the `changed` callback. Every function is safe from any thread.
#ifndef CONTROL_PUBLISH_SINK_H_
#define CONTROL_PUBLISH_SINK_H_

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "dataplane/table/aligned_bytes.h"
#include "dataplane/table/digest.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/sample_records.h"
#include "dataplane/table/stats.h"
#include "dataplane/table/table.h"

namespace evenkeel {

// What is published: the root's bytes and the tables that it names. Immutable and shared; a plane
// that has a table already is not sent it again.
struct Publication {
  uint64_t generation = 0;
  int64_t revision = 0;
  AlignedBytes root;
  std::vector<TablePtr> tables;
};
using PublicationPtr = std::shared_ptr<const Publication>;

// A publication on trial: `image` runs at once, and unless the trial is confirmed before the
// deadline the plane goes to `way_back` by itself, whatever has become of control. A plane holds
// one trial at a time; the same `id` again, while the trial is armed, renews both images and keeps
// the deadline.
struct TrialPublication {
  uint64_t id = 0;           // the revision on trial
  PublicationPtr image;      // generation g
  PublicationPtr way_back;   // generation g + 1: what was confirmed
  uint64_t deadline_ns = 0;  // CLOCK_BOOTTIME of this boot
};

// The plane is the arbiter: one compare-and-swap decides between confirming and going back, and
// what it decided stays so.
enum class TrialPhase { kArmed, kConfirmed, kReturned };

struct PlaneTrial {
  uint64_t id = 0;
  uint64_t generation = 0;         // of the image on trial
  uint64_t return_generation = 0;  // of the way back
  uint64_t deadline_ns = 0;        // CLOCK_BOOTTIME
  TrialPhase phase = TrialPhase::kArmed;
  friend bool operator==(const PlaneTrial&, const PlaneTrial&) = default;
};

// What lies in the memory that packets are decided by, read and digested anew: never what a plane
// was told or remembers.
struct PlaneAudit {
  uint64_t generation = 0;
  Digest digest{};                  // comparable with ImageView::StatedDigest()
  std::vector<uint64_t> workers;    // generation that each worker uses; empty: no workers
  std::vector<std::string> faults;  // a sentence each: which record or table differs from what
                                    // the image states
};

// What a plane runs, as far as control knows.
struct PlaneState {
  bool connected = false;
  uint64_t connection = 0;  // rises with every new connection: another plane, or the same again
  uint64_t generation = 0;  // 0: nothing
  int64_t revision = 0;
  std::string mode;  // "native", "generic"; empty where a plane has no modes
  // What it ran when it connected, verified here too; null when nothing, and once something else
  // was published to it.
  std::shared_ptr<const ImageView> image;
  std::string fault;  // why it is not connected, or why its image could not be read
  // The trial that the plane holds, or the last one that ended there; none after a publication
  // without trial. `generation` above is the way back's once it is kReturned.
  std::optional<PlaneTrial> trial;
};

// Headers that a plane has sampled since it was asked last.
struct SampleBatch {
  std::vector<lb_sample> samples;
  uint64_t dropped = 0;  // lost for want of room, since the plane's start
};

class PlaneSink {
 public:
  virtual ~PlaneSink() = default;

  virtual absl::string_view kind() const = 0;  // "dpdk", "xdp"

  // Connects from now on. `changed` is called from the sink's thread whenever State() has changed
  // by itself (connected, lost); it must not block.
  virtual void Start(std::function<void()> changed) = 0;

  // The sink's thread has ended when this returns, and `changed` is not called again. The plane is
  // left as it is. Also done by the destructor.
  virtual void Stop() = 0;

  // Returns once the whole plane runs it. Unavailable: no plane is connected. DeadlineExceeded: it
  // did not answer in time; the connection is given up, and what the plane made of the image is
  // seen when it connects again. InvalidArgument: it refused, and says why. FailedPrecondition: a
  // trial is armed, which must end first. The generation of a way back is spent, also when the
  // trial was confirmed: the next one is higher.
  virtual absl::Status Publish(const PublicationPtr& publication, absl::Duration timeout) = 0;

  // As Publish(), for a trial. Once this returns the plane runs the image and holds the way back,
  // verified. A renewal's stated deadline is ignored: the first one stands. FailedPrecondition:
  // another trial is armed, or the trial of this id has ended.
  virtual absl::Status PublishTrial(const TrialPublication& trial, absl::Duration timeout) = 0;

  // The plane stays with the image on trial for good. OK also when it had been confirmed before.
  // FailedPrecondition: the plane has gone back. DeadlineExceeded, Unavailable: not known; State()
  // tells once it is connected again. Of a trial that a plane knows nothing of (it was started
  // anew), the revision that it runs tells.
  virtual absl::Status ConfirmTrial(uint64_t id, absl::Duration timeout) = 0;

  // The plane goes back now. OK also when it had gone back before. FailedPrecondition: it was
  // confirmed.
  virtual absl::Status ReturnFromTrial(uint64_t id, absl::Duration timeout) = 0;

  // Looks at the memory in use, which takes up to seconds for a thousand tables; other calls go on
  // meanwhile. One at a time. DeadlineExceeded: not in time, and the connection stays. Aborted:
  // there was no end of publications meanwhile.
  virtual absl::StatusOr<PlaneAudit> Audit(absl::Duration timeout) = 0;

  virtual PlaneState State() const = 0;

  // Shows every table of tracked flows of the plane, while it goes on writing them; under a lock of
  // the sink, so that `show` must not block.
  using ShowFlows = std::function<void(std::span<const lb_flow_bucket>)>;
  virtual absl::Status ReadFlows(const ShowFlows& show) {
    (void)show;
    return absl::UnimplementedError("this plane tracks no flows");
  }

  // Takes the headers that were sampled, and asks for one packet in `every` from now on; 0: none.
  // One caller at a time. Unavailable: no plane is connected, or it samples nothing.
  virtual absl::StatusOr<SampleBatch> TakeSamples(uint32_t every) {
    (void)every;
    return absl::UnavailableError("this plane samples no headers");
  }

  // Cumulative since the plane's start. Unavailable without a plane.
  virtual absl::StatusOr<StatsSnapshot> Stats(absl::Duration timeout) = 0;

  // `evenkeel detach`: takes the plane off its interface for good, with all that it keeps in the
  // kernel; it is not connected until evenkeeld starts anew. Nothing to do where the plane is a
  // process. Appends what was removed.
  virtual absl::Status Detach(std::vector<std::string>* removed) {
    (void)removed;
    return absl::OkStatus();
  }
};

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_SINK_H_
