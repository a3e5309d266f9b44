// The XDP plane of one interface: the program, its maps, its attachment, and what it has counted.
//
// It outlives this object: Open() takes over what is pinned, if anything is, without touching what
// packets use; only Detach() ends it. Forwarding never depends on this process.
//
//   absl::StatusOr<std::unique_ptr<XdpPlane>> plane = XdpPlane::Open({.interface = "eth0"});
//   (*plane)->Publish(image, word_of_next_hop);
//
// One thread at a time. One process an interface: a second one is refused.
#ifndef BPF_XDP_PLANE_H_
#define BPF_XDP_PLANE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "bpf/map_writer.h"
#include "bpf/pins.h"
#include "bpf/totals.h"
#include "bpf/xdp_link.h"
#include "dataplane/table/sample_rings.h"
#include "dataplane/table/stats.h"

namespace evenkeel {

class XdpPlane {
 public:
  struct Options {
    std::string interface;
    XdpMode mode = XdpMode::kNative;
    std::string pin_root = kPinRoot;
    // Of a plane that is attached anew; queues: at least as many as the interface has. One that is
    // taken over keeps its tables.
    FlowSizes flows;
  };

  // Takes over or attaches. An error tells the operator what to do, and leaves nothing behind that
  // was not there before.
  static absl::StatusOr<std::unique_ptr<XdpPlane>> Open(const Options& options);

  // Takes whatever it needs: an image that outgrows the maps gets larger ones, and the program is
  // replaced between two packets.
  absl::Status Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word);
  // The image on trial and its way back; `trial` as MapWriter::PublishTrial() has it.
  absl::Status PublishTrial(std::shared_ptr<const ImageView> image,
                            std::shared_ptr<const ImageView> way_back, const TrialRecord& trial,
                            const NextHopWord& word);
  // Ends an armed trial as `wanted`; past its deadline it goes back whatever is wanted. Returns how
  // it has ended.
  TrialState DecideTrial(TrialState wanted, uint64_t now_ns);
  // Goes back at the deadline where no packet has come since, and takes note of a program that went
  // back by itself. True: the trial has ended just now.
  bool FollowTrial(uint64_t now_ns);
  // That is held, or the last one that ended; kNone after a publication without trial.
  TrialRecord trial() const { return writer_->trial(); }

  void Distrust() { writer_->Distrust(); }

  // During a trial the image on trial.
  const std::shared_ptr<const ImageView>& current() const { return writer_->current(); }
  int current_set() const { return writer_->current_set(); }
  // Null unless a trial is armed.
  const std::shared_ptr<const ImageView>& way_back() const { return writer_->way_back(); }
  void SetNextHop(const Address& address, uint64_t word) { writer_->SetNextHop(address, word); }
  // Ports beyond 0, which is the interface itself: see lb_shared.h.
  std::vector<lb_port> ports() const;
  void SetPort(uint32_t number, const lb_port& port);

  void FillStats(StatsSnapshot* stats) const;
  // Frees tracked flows that are too old, which the program does by itself only while packets of
  // moved slots come. Called every few seconds; looks at the tables once a tick at most, and not
  // while they are empty.
  void SweepFlows();
  // For evidence: all queues' tables.
  std::span<const lb_flow_bucket> flow_tables() const { return cpus_.flows.As<lb_flow_bucket>(); }

  // A ring of sampled headers for each CPU; this process is their reader.
  std::vector<SampleRing> sample_rings() const { return cpus_.rings(); }

  // NotFound when the interface has gone.
  absl::Status CheckAttached() const;
  // Removes program, maps and link. Afterwards the object is good for nothing else.
  absl::Status Detach(std::vector<std::string>* removed = nullptr);

  // Whether packets go by an image. One that current() does not know, where a former process's maps
  // could not be read back: it forwards until the next publication.
  bool forwards() const { return current() != nullptr || !abandoned_.empty(); }

  int interface_index() const { return index_; }
  bool was_adopted() const { return adopted_; }
  const std::vector<std::string>& notes() const { return notes_; }  // of Open(), for the log
  int program() const { return instance_->program(); }
  const LbMaps& maps() const { return instance_->maps(); }

 private:
  XdpPlane(const Options& options, int index);
  absl::Status Lock();
  absl::StatusOr<bool> Adopt();
  absl::Status Begin();
  absl::Status Load(const lb_map_sizes& sizes);
  absl::Status BeginBeside(std::unique_ptr<Instance> instance, const std::string& name);
  // What an instance is filled with.
  struct Content {
    std::shared_ptr<const ImageView> image;
    std::shared_ptr<const ImageView> way_back;  // null: no trial
    TrialRecord trial;
  };
  static absl::Status FillInstance(const Content& content, const NextHopWord& word,
                                   MapWriter* writer);
  absl::Status Put(const Content& content, const NextHopWord& word);
  absl::Status Outgrow(const Content& content, const NextHopWord& word);
  absl::Status RemoveInstances(const std::string& but);
  std::string common_folder() const;

  const Options options_;
  const int index_;
  const std::string folder_;
  UniqueFd lock_;
  XdpLink link_;
  CpuMaps cpus_;
  std::unique_ptr<Totals> totals_;
  std::string instance_name_;
  std::unique_ptr<Instance> instance_;
  std::unique_ptr<MapWriter> writer_;
  std::string abandoned_;  // instance that forwards until the first publication; empty: none
  bool adopted_ = false;
  uint32_t swept_tick_ = 0;
  std::vector<std::string> notes_;
};

}  // namespace evenkeel

#endif  // BPF_XDP_PLANE_H_
