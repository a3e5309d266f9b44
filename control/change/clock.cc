#include "control/change/clock.h"

#include <time.h>

#include <fstream>

#include "absl/time/clock.h"

namespace evenkeel {
namespace {

class KernelClock final : public Clock {
 public:
  absl::Time Now() const override { return absl::Now(); }

  uint64_t BootNs() const override {
    timespec now{};
    clock_gettime(CLOCK_BOOTTIME, &now);
    return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
  }

  std::string BootId() const override {
    std::ifstream file("/proc/sys/kernel/random/boot_id");
    std::string id;
    file >> id;
    return id;
  }
};

}  // namespace

const Clock* SystemClock() {
  static const KernelClock clock;
  return &clock;
}

}  // namespace evenkeel
