// Publishes images into the maps of an instance: everything that swaps, swaps by one word.
//
// LB_SETS generations lie in the maps at a time. A publication takes the set that was retired
// longest ago, waits until no packet can still use it, adds what it has counted to the totals,
// fills it, and flips the root word. Nothing of a set changes while packets use it, but for the
// MACs of its next hops, which are single words.
//
// Killed at any instruction, it leaves maps that Open() can take over: a set is marked empty before
// it is written and gets its generation when all of it is there.
//
// A trial holds two sets, the image's and the way back's, until it has ended and SettleTrial() has
// put the end in the root word. The latch is lb_trial.state (lb_shared.h), which the program and
// control swap; everything else of the record is written before the root word says "on trial", and
// only after a grace period where a packet could still read the record of a former trial.
//
// One thread at a time. Memory order: the stores are plain, and the kernel's program reads them
// after it has read the root word, which is stored with release.
//
//   absl::StatusOr<std::unique_ptr<MapWriter>> writer = MapWriter::Open(instance->maps(), &totals);
//   if (!writer->Fits(*image)) ... a larger instance ...
//   writer->Publish(image, next_hop_word);
#ifndef BPF_MAP_WRITER_H_
#define BPF_MAP_WRITER_H_

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "bpf/set_writer.h"
#include "bpf/slot_arena.h"
#include "bpf/totals.h"
#include "dataplane/table/image_view.h"
#include "dataplane/table/trial.h"

namespace evenkeel {

// The word of a next hop as the program reads it; 0 while unknown.
using NextHopWord = std::function<uint64_t(const Address&)>;

class MapWriter {
 public:
  // Reads back what the maps hold: every set's image from its root and slots in use, verified; of
  // slots that somebody else has written to, what can be saved (salvage.h). A set of which nothing
  // can is DataLoss if it is one in use, else it counts as empty. `maps` and `totals` outlive the
  // writer.
  static absl::StatusOr<std::unique_ptr<MapWriter>> Open(const LbMaps& maps, Totals* totals);

  // Sizes with room for `image`, for a way back beside it (or null) and for growth, where maps of
  // the sizes `outgrown` had not enough.
  static lb_map_sizes SizesFor(const ImageView& image, const ImageView* way_back,
                               const lb_map_sizes& outgrown);
  bool Fits(const ImageView& image) const;

  // ResourceExhausted: it does not fit. Nothing has changed then.
  absl::Status Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word);

  // `trial`: id and deadline. Renews both images while a trial is armed, and then leaves id and
  // deadline as they are. ResourceExhausted as above.
  absl::Status PublishTrial(std::shared_ptr<const ImageView> image,
                            std::shared_ptr<const ImageView> way_back, const TrialRecord& trial,
                            const NextHopWord& word);
  // Somebody else has written to the maps: the next publication also mends the tables that lie
  // there already, which it else takes for what they were written as.
  void Distrust() { distrusts_ = true; }
  // What Open() found to be other than it was published, in sets in use.
  const std::vector<std::string>& faults() const { return faults_; }

  // Ends an armed trial as `wanted`, unless the program was first; returns how it has ended.
  TrialState DecideTrial(TrialState wanted);
  // True: a trial has ended, here or in the program, and only now the root word says so.
  bool SettleTrial();
  TrialRecord trial() const;
  // Null unless a trial is armed.
  const std::shared_ptr<const ImageView>& way_back() const;

  // Null before the first publication. During a trial the image on trial.
  const std::shared_ptr<const ImageView>& current() const;
  int current_set() const { return current_; }
  // The word that a next hop of what is in use has now; 0 for an unknown one.
  uint64_t NextHop(const Address& address) const;
  void SetNextHop(const Address& address, uint64_t word);

  // Adds what sets have counted that is not in the totals yet.
  void AddCounts(FlowSums* sums) const;
  // For an instance that no packet uses any more: all counts go to the totals.
  absl::Status FoldAll();

 private:
  struct Set {
    std::shared_ptr<const ImageView> image;  // null: empty
    bool is_held = false;                    // in use, by root word or trial, or about to be
    uint64_t retired_at = 0;                 // value of waits_ when it was; meaningful if retired
  };

  MapWriter(const LbMaps& maps, Totals* totals)
      : maps_(maps), totals_(totals), arena_(maps.sizes.slot_rows) {}

  absl::Status TakeOver(uint32_t set);
  bool HoldTables(const ImageView& image, uint32_t set);
  void DropTables(const ImageView& image);
  bool IsOnTrial() const;

  // Fills a set that no packet uses; it is held afterwards.
  absl::StatusOr<uint32_t> Fill(std::shared_ptr<const ImageView> image, const NextHopWord& word);
  void Use(uint32_t set, uint64_t root_word);
  void Release(int set);
  uint32_t NextSet() const;
  absl::Status Retire(uint32_t set);
  absl::Status RetireAllUnheld();
  absl::Status WaitForPackets();
  absl::Status Fold(uint32_t set);
  FlowSum Count(uint32_t set, uint32_t counter) const;
  void MendTables();
  absl::Status PlaceTables(const ImageView& image, std::vector<uint32_t>* rows);

  std::span<uint64_t> next_hops(uint32_t set) const;

  const LbMaps& maps_;
  Totals* const totals_;
  SlotArena arena_;
  std::array<Set, LB_SETS> sets_;
  int current_ = -1;
  int way_back_ = -1;            // on trial only
  uint64_t trial_ended_at_ = 0;  // value of waits_
  uint64_t waits_ = 0;           // grace periods that have passed
  bool distrusts_ = false;
  std::vector<std::string> faults_;
};

}  // namespace evenkeel

#endif  // BPF_MAP_WRITER_H_
