#include "dataplane/table/flow_directory.h"

#include <dirent.h>
#include <errno.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace evenkeel {
namespace {

constexpr char kPrefix[] = "flows-";

std::string PathOf(const std::string& directory, uint32_t worker) {
  return absl::StrCat(directory, "/", kPrefix, worker);
}

// Numbers of the tables that lie there, in order.
std::vector<uint32_t> ListTables(const std::string& directory) {
  std::vector<uint32_t> numbers;
  DIR* open = opendir(directory.c_str());
  if (open == nullptr) return numbers;
  while (const dirent* entry = readdir(open)) {
    absl::string_view name = entry->d_name;
    uint32_t number = 0;
    if (absl::ConsumePrefix(&name, kPrefix) && absl::SimpleAtoi(name, &number)) {
      numbers.push_back(number);
    }
  }
  closedir(open);
  std::sort(numbers.begin(), numbers.end());
  return numbers;
}

// Firm ones come first, so none of them yields to a weaker one.
class Merge {
 public:
  explicit Merge(std::span<lb_flow_bucket> into)
      : into_(into), mask_(static_cast<uint32_t>(into.size() - 1)) {}

  void Add(std::span<const lb_flow_bucket> from, uint32_t state) {
    for (uint32_t index = 0; index < from.size(); ++index) {
      for (const uint64_t entry : from[index].entry) {
        if (entry >> 61 == state) Put(index, entry);
      }
    }
  }
  uint64_t taken() const { return taken_; }
  uint64_t lost() const { return lost_; }

 private:
  static bool IsPending(uint64_t entry) { return lb_entry_class(entry) == LB_ENTRY_PENDING; }

  void Put(uint32_t bucket, uint64_t entry) {
    const uint32_t other = lb_flow_other_bucket(bucket, lb_entry_signature(entry), mask_);
    uint64_t* free_place = nullptr;
    for (lb_flow_bucket* side : {&into_[bucket], &into_[other]}) {
      for (uint64_t& place : side->entry) {
        if (lb_entry_class(place) == LB_ENTRY_FREE) {
          if (free_place == nullptr) free_place = &place;
          continue;
        }
        // The flow was known to two workers: the firmer one is there already.
        if (lb_entry_signature(place) == lb_entry_signature(entry) &&
            IsPending(place) == IsPending(entry)) {
          return;
        }
      }
    }
    if (free_place == nullptr) {
      ++lost_;
      return;
    }
    *free_place = entry;
    ++taken_;
  }

  std::span<lb_flow_bucket> into_;
  const uint32_t mask_;
  uint64_t taken_ = 0;
  uint64_t lost_ = 0;
};

constexpr uint32_t kStatesFromFirm[] = {LB_ENTRY_FIRM, LB_ENTRY_FIRM | LB_ENTRY_CLOSING,
                                        LB_ENTRY_MISS, LB_ENTRY_MISS | LB_ENTRY_CLOSING,
                                        LB_ENTRY_PENDING};

bool IsComplete(const std::vector<FlowRegion>& found, uint32_t workers) {
  if (found.size() != workers) return false;
  for (uint32_t i = 0; i < workers; ++i) {
    const FlowRegion::Shape shape = found[i].shape();
    if (shape.worker != i || shape.workers != workers) return false;
  }
  return true;
}

absl::StatusOr<FlowTables> Spread(const std::string& directory,
                                  const std::vector<FlowRegion>& found, uint32_t buckets,
                                  uint32_t workers) {
  FlowTables tables;
  uint64_t taken = 0, lost = 0;
  for (uint32_t worker = 0; worker < workers; ++worker) {
    absl::StatusOr<FlowRegion> region =
        FlowRegion::Create(PathOf(directory, worker), {buckets, worker, workers});
    if (!region.ok()) return region.status();
    Merge merge(region->buckets());
    for (const uint32_t state : kStatesFromFirm) {
      for (const FlowRegion& former : found) merge.Add(former.buckets(), state);
    }
    region->Recount();
    taken = std::max(taken, merge.taken());
    lost = std::max(lost, merge.lost());
    tables.regions.push_back(*std::move(region));
  }
  if (!found.empty()) {
    tables.note = absl::StrCat("took over ", taken, " flows of ", found.size(), " former workers, ",
                               lost, " had no room; each of ", workers, " workers has them all");
  }
  return tables;
}

}  // namespace

std::string DefaultFlowDirectory(const std::string& dataplane_socket) {
  return absl::StrCat(absl::StripSuffix(dataplane_socket, ".sock"), "-flows");
}

absl::StatusOr<FlowTables> TakeFlowTables(const std::string& directory, uint32_t buckets,
                                          uint32_t workers) {
  if (mkdir(directory.c_str(), 0750) != 0 && errno != EEXIST) {
    return absl::ErrnoToStatus(
        errno, absl::StrCat("cannot make the directory ", directory, " for the flow tables"));
  }
  std::vector<FlowRegion> found;
  std::string refused;
  const std::vector<uint32_t> numbers = ListTables(directory);
  for (const uint32_t number : numbers) {
    absl::StatusOr<FlowRegion> region =
        FlowRegion::Open(PathOf(directory, number), Access::kReadWrite);
    if (region.ok() && region->shape().buckets == buckets) {
      found.push_back(*std::move(region));
    } else {
      refused = region.ok() ? absl::StrCat("they had ", region->shape().buckets * LB_FLOW_WAYS,
                                           " entries, and are to have ", buckets * LB_FLOW_WAYS)
                            : std::string(region.status().message());
    }
  }
  absl::StatusOr<FlowTables> tables = FlowTables{};
  if (IsComplete(found, workers)) {
    uint64_t flows = 0;
    for (FlowRegion& region : found) {
      region.Recount();
      for (const uint64_t count : region.head().occupied) flows += count;
    }
    tables->regions = std::move(found);
    tables->note = absl::StrCat("took over ", flows, " flows");
  } else {
    tables = Spread(directory, found, buckets, workers);
    if (!tables.ok()) return tables.status();
  }
  for (const uint32_t number : numbers) {
    if (number >= workers) unlink(PathOf(directory, number).c_str());
  }
  if (!refused.empty()) {
    absl::StrAppend(&tables->note, tables->note.empty() ? "" : "; ",
                    "former flow tables are begun anew: ", refused);
  }
  return tables;
}

absl::StatusOr<std::vector<FlowRegion>> ReadFlowTables(const std::string& directory) {
  std::vector<FlowRegion> regions;
  for (const uint32_t number : ListTables(directory)) {
    absl::StatusOr<FlowRegion> region = FlowRegion::Open(PathOf(directory, number), Access::kRead);
    if (region.ok()) {
      regions.push_back(*std::move(region));
    } else if (!absl::IsFailedPrecondition(region.status()) && !absl::IsNotFound(region.status())) {
      return region.status();
    }
  }
  return regions;
}

}  // namespace evenkeel
