// The decapsulation program (bpf/decap.bpf.c) attached to one interface of this host.
//
// Owned by main and used from its thread only. The program hangs on a BPF link that belongs to this
// process: however the process ends, the kernel detaches it.
//
//   absl::StatusOr<Decapsulator> decapsulator = Decapsulator::Attach(options);
//   absl::StatusOr<Outcomes> outcomes = decapsulator->ReadOutcomes();

#ifndef TOOLS_EVENKEEL_DECAP_DECAPSULATOR_H_
#define TOOLS_EVENKEEL_DECAP_DECAPSULATOR_H_

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bpf/decap.h"

struct decap_bpf;  // the generated skeleton

namespace evenkeel::decap {

enum class XdpMode { kNative, kGeneric };

// Sums over all CPUs since the program was attached; the index is an enum decap_outcome.
using Outcomes = std::array<decap_count, DECAP_OUTCOME_COUNT>;

struct DecapsulatorOptions {
  std::string interface;
  XdpMode mode = XdpMode::kNative;
  // Outer destinations that are unwrapped; at most 256.
  std::vector<decap_address> local_addresses;
  // Inner destinations that are let in; empty: every one. At most 1024.
  std::vector<decap_prefix> vips;
};

class Decapsulator {
 public:
  // Loads, fills the maps and attaches, in this order: no packet meets an unconfigured program.
  // Errors say what to do: NotFound (no such interface), PermissionDenied (not root), AlreadyExists
  // (another XDP program is attached), Unimplemented (the driver has no native XDP).
  static absl::StatusOr<Decapsulator> Attach(const DecapsulatorOptions& options);

  Decapsulator(Decapsulator&& other) noexcept;
  Decapsulator& operator=(Decapsulator&& other) = delete;
  ~Decapsulator();

  absl::StatusOr<Outcomes> ReadOutcomes() const;

  // NotFound once the interface has gone, and the program with it.
  absl::Status CheckAttached() const;

 private:
  struct CloseSkeleton {
    void operator()(decap_bpf* skeleton) const;
  };
  using Skeleton = std::unique_ptr<decap_bpf, CloseSkeleton>;

  Decapsulator(Skeleton skeleton, int link, std::string interface);

  Skeleton skeleton_;
  int link_;  // -1: moved from
  std::string interface_;
};

}  // namespace evenkeel::decap

#endif  // TOOLS_EVENKEEL_DECAP_DECAPSULATOR_H_
