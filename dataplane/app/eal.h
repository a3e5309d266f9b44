// DPDK's environment (EAL): started once, ended once. Its own messages become log lines; what
// commonly keeps it from starting is found beforehand and said in one line.
#ifndef DATAPLANE_APP_EAL_H_
#define DATAPLANE_APP_EAL_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace evenkeel {

class Eal {
 public:
  // InvalidArgument when `arguments` are wrong, else FailedPrecondition with the reason.
  static absl::StatusOr<std::unique_ptr<Eal>> Start(const std::vector<std::string>& arguments);
  ~Eal();
  Eal(const Eal&) = delete;
  Eal& operator=(const Eal&) = delete;

  // The first `workers` lcores besides the main one; 0: all of them. InvalidArgument when there are
  // too few.
  absl::StatusOr<std::vector<unsigned>> WorkerLcores(uint32_t workers) const;

  // What EAL complained of first although it started, such as a device that it could not open; may
  // be empty.
  const std::string& complaint() const { return complaint_; }

 private:
  explicit Eal(std::string complaint) : complaint_(std::move(complaint)) {}

  std::string complaint_;
};

// What EAL would only complain about in its own way: no hugepages, an interface that doesn't exist.
absl::Status CheckEalArguments(const std::vector<std::string>& arguments);

// Appended to what failed for want of privileges, perhaps; empty for root.
std::string PrivilegeHint();

}  // namespace evenkeel

#endif  // DATAPLANE_APP_EAL_H_
