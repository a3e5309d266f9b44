// The few file operations that durable state needs, behind an interface so that tests can fail or
// crash at every step.
#ifndef DATAPLANE_TABLE_DISK_H_
#define DATAPLANE_TABLE_DISK_H_

#include <cstddef>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/region.h"

namespace evenkeel {

class Disk {
 public:
  virtual ~Disk() = default;
  // Creates the directory with mode 0700 unless it is there.
  virtual absl::Status MakeDirectory(const std::string& path) = 0;
  // A new file with mode 0600, its content on the medium (fsync) when this returns.
  virtual absl::Status WriteFile(const std::string& path, std::span<const std::byte> bytes) = 0;
  virtual absl::Status Rename(const std::string& from, const std::string& to) = 0;
  virtual absl::Status Remove(const std::string& path) = 0;
  // Makes creations, renames and removals in the directory durable.
  virtual absl::Status SyncDirectory(const std::string& path) = 0;
  // Names of the regular files in it.
  virtual absl::StatusOr<std::vector<std::string>> List(const std::string& path) = 0;
  // For reading; NotFound when absent.
  virtual absl::StatusOr<UniqueFd> Open(const std::string& path) = 0;
};

// The kernel's.
Disk& RealDisk();

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_DISK_H_
