// A table of tracked flows in a file on tmpfs or hugetlbfs, which outlives the process that writes
// it (a memfd dies with its last holder). One file a worker; flow_records.h describes what is in
// it.
//
//   absl::StatusOr<FlowRegion> region = FlowRegion::Open(path, Access::kReadWrite);   // or
//   Create()
//   ... region->buckets(), region->head() ...
//
// Entries are single words, so that others may read a table while its worker writes it. A file is
// never made smaller or written anew where it lies: a new table is another file under the same
// name, and who has mapped the old one keeps it.
#ifndef DATAPLANE_TABLE_FLOW_REGION_H_
#define DATAPLANE_TABLE_FLOW_REGION_H_

#include <array>
#include <cstdint>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "dataplane/table/flow_records.h"
#include "dataplane/table/region.h"

namespace evenkeel {

using BootId = std::array<uint8_t, 16>;
// Of the running kernel; zeros where it has none.
BootId CurrentBootId();

class FlowRegion {
 public:
  struct Shape {
    uint32_t buckets = 0;  // a power of two
    uint32_t worker = 0;
    uint32_t workers = 1;
  };

  // An empty table under that name, whatever was there before.
  static absl::StatusOr<FlowRegion> Create(const std::string& path, const Shape& shape);
  // NotFound; FailedPrecondition where it is of another boot or version; DataLoss where it is none.
  static absl::StatusOr<FlowRegion> Open(const std::string& path, Access access);

  Shape shape() const;
  // The writer: rw, others: ro.
  std::span<lb_flow_bucket> buckets() const;
  lb_flow_head& head() const { return file().head; }

  // After its writer was killed the counts of what is there may be off by one.
  void Recount();

 private:
  explicit FlowRegion(MappedRegion region) : region_(std::move(region)) {}
  lb_flow_file& file() const { return *reinterpret_cast<lb_flow_file*>(region_.data()); }

  MappedRegion region_;
};

}  // namespace evenkeel

#endif  // DATAPLANE_TABLE_FLOW_REGION_H_
