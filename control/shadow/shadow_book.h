// The shadow that runs, or has run last: one at a time, for so long as was asked for. It begins by
// a call, is fed with every sampled header, and ends by itself; its report goes to the audit log.
//
//   ShadowBook book(&pipeline);
//   ShadowStart start = book.Begin(call, absl::Seconds(60), who);   // any thread
//   book.Follow(running, at); book.Add(sample, seen); ... book.EndSecond(at);   // who samples
//   std::optional<ShadowView> now = book.View();                    // any thread
//
// Nothing is published: it costs the planes nothing beyond the samples that they take anyway.
//
// Backends that fall and come back meanwhile move slots of the candidate as of what runs. So its
// tables are made anew for each generation, and a packet is held against those alone that were made
// for the generation that decided it: all that is counted, from first to last, compares tables of
// backends that stand alike.
#ifndef CONTROL_SHADOW_SHADOW_BOOK_H_
#define CONTROL_SHADOW_SHADOW_BOOK_H_

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "control/pipeline.h"
#include "control/shadow/candidate.h"
#include "control/shadow/shadow_count.h"

namespace evenkeel {

struct ShadowView {
  int64_t number = 0;  // from 1, of this evenkeeld
  std::string file;
  Who who;
  std::string reason;
  int64_t base_revision = 0;
  uint64_t base_generation = 0;  // by now
  absl::Time since;
  std::optional<absl::Time> moved;  // its tables, the last time: backends stood otherwise since
  absl::Duration watched;           // so far
  absl::Duration left;              // zero: it has ended
  bool is_running = false;
  std::string ended_early;  // why; empty: it has not
  ShadowReport report;
};

struct ShadowStart {
  std::optional<Refusal> refusal;
  std::vector<Finding> findings;
  std::optional<ShadowView> view;  // without a refusal
};

class ShadowBook {
 public:
  static constexpr absl::Duration kUsual = absl::Seconds(60);
  static constexpr absl::Duration kShortest = absl::Seconds(5);
  static constexpr absl::Duration kLongest = absl::Hours(1);

  explicit ShadowBook(Pipeline* pipeline) : pipeline_(*pipeline) {}

  ShadowStart Begin(const ApplyCall& call, absl::Duration lasts, const Who& who);

  // What runs from now on; not null, and with its image.
  void Follow(const RunningRevision& running, absl::Time at);
  void Add(const lb_sample& sample, const ShadowCount::Seen& seen);
  void EndSecond(absl::Time at);

  std::optional<ShadowView> View() const;

 private:
  struct Shadow {
    ShadowView view;  // `report` is made when it is asked for
    absl::Duration lasts;
    ShadowCount count;
    std::shared_ptr<ShadowCandidate> candidate;  // who samples: rw, without the lock
  };

  static ShadowView ViewOf(const Shadow& shadow);

  Pipeline& pipeline_;
  std::mutex beginning_;            // one call at a time judges its candidate
  mutable std::mutex mutex_;        // guards what follows
  std::unique_ptr<Shadow> shadow_;  // null: none was begun
  int64_t number_ = 0;
};

// For the audit log: what it showed, in a line.
std::string SummaryOf(const ShadowView& view);

}  // namespace evenkeel

#endif  // CONTROL_SHADOW_SHADOW_BOOK_H_
