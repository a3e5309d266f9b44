// One frame through the loaded BPF program by BPF_PROG_TEST_RUN, over tables of a test. Needs root
// (CAP_BPF); no interface is touched.
//
//   absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load();
//   (*core)->SetTables(tables);
//   BpfOutcome outcome = (*core)->Run(frame);   // frames from 14 bytes on
#ifndef TESTS_BPF_RUN_BPF_H_
#define TESTS_BPF_RUN_BPF_H_

#include <memory>
#include <span>

#include "absl/status/statusor.h"
#include "bpf/instance.h"
#include "dataplane/table/sample_rings.h"
#include "tests/packets/bytes.h"
#include "tests/packets/tables.h"

namespace evenkeel::packets {

inline constexpr size_t kBpfFrameBytesMin = 14;

struct BpfOutcome {
  int action = -1;  // enum xdp_action
  lb_reason reason = LB_REASON_none;
  Bytes out;             // what the frame has become, whatever the action
  lb_counter counted{};  // by the packet, whichever counter it was
  uint32_t counter = 0;
};

// What the program remembers of flows and of errors is each CPU's own.
bool StayOnOneCpu();

class BpfCore {
 public:
  static absl::StatusOr<std::unique_ptr<BpfCore>> Load(uint32_t flow_buckets = 64);

  // The records of `tables` in the other set, then the flip.
  void SetTables(const Tables& tables);
  BpfOutcome Run(const Bytes& frame);
  // As if every CPU had been quiet for long: its next ICMP error is within the limit.
  void RefillErrors();

  int program() const { return instance_->program(); }
  const LbMaps& maps() const { return instance_->maps(); }
  std::span<lb_flow_bucket> flows() const { return cpus_.flows.As<lb_flow_bucket>(); }
  const lb_flow_head& flow_head() const { return cpus_.flow_heads.As<lb_flow_head>()[0]; }
  uint64_t reason_count(lb_reason reason) const;
  // Of all CPUs; the rate holds from the next packet on.
  void SampleEvery(uint32_t every);
  std::vector<lb_sample> TakeSamples();
  uint64_t dropped_samples() const;

 private:
  BpfCore() = default;

  CpuMaps cpus_;
  std::unique_ptr<Instance> instance_;
  uint32_t set_ = 0;
  uint32_t counters_ = 0;
};

}  // namespace evenkeel::packets

#endif  // TESTS_BPF_RUN_BPF_H_
