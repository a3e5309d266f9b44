#include "dataplane/table/stats.h"

#include <xxhash.h>

#include <cstring>

namespace evenkeel {
namespace {

constexpr uint64_t kStatsMagic = 0x5441544b4c5645ull;  // "EVLKTAT"
constexpr uint32_t kStatsVersion = 2;

// Then, without gaps: reasons, flows, workers, flow tables, the alarms' texts each with a NUL, the
// text about ports.
struct StatsHeader {
  uint64_t magic;
  uint64_t checksum;  // XXH3-64 of everything after this field, `size` bytes in all
  uint64_t size;
  uint32_t version;
  uint32_t reason_count;
  uint32_t flow_count;
  uint32_t worker_count;
  uint32_t flow_table_count;
  uint32_t reserved;
  uint32_t alarm_bytes;
  uint32_t port_info_bytes;
  uint64_t generation;
  uint64_t revision;
  uint64_t received;
  uint64_t uptime_ns;
  uint8_t digest[32];
};
static_assert(sizeof(StatsHeader) == 120);
constexpr size_t kChecked = offsetof(StatsHeader, size);  // the checksum covers from here on

uint64_t ChecksumOf(std::span<const std::byte> bytes) {
  return XXH3_64bits(bytes.data() + kChecked, bytes.size() - kChecked);
}

std::string JoinAlarms(const StatsSnapshot& snapshot) {
  std::string joined;
  for (const std::string& alarm : snapshot.alarms) joined.append(alarm.c_str()).push_back('\0');
  return joined;
}

// Appends and takes sections one after the other.
class Cursor {
 public:
  explicit Cursor(std::byte* at) : at_(at) {}

  template <typename Container>
  void Put(const Container& items) {
    const size_t bytes = items.size() * sizeof(*items.data());
    if (bytes != 0) std::memcpy(at_, items.data(), bytes);
    at_ += bytes;
  }
  template <typename Container>
  void Take(Container& items, size_t count) {
    items.resize(count);
    const size_t bytes = count * sizeof(*items.data());
    if (bytes != 0) std::memcpy(items.data(), at_, bytes);
    at_ += bytes;
  }

 private:
  std::byte* at_;
};

uint64_t StatedSize(const StatsHeader& header) {
  return sizeof(header) + uint64_t{header.reason_count} * sizeof(uint64_t) +
         uint64_t{header.flow_count} * sizeof(FlowCount) +
         uint64_t{header.worker_count} * sizeof(WorkerCount) +
         uint64_t{header.flow_table_count} * sizeof(FlowTableCount) + header.alarm_bytes +
         header.port_info_bytes;
}

}  // namespace

FlowTableCount FlowTableCount::Of(uint32_t table, uint64_t entries, const lb_flow_head& head) {
  const auto read = [](const uint64_t& word) { return __atomic_load_n(&word, __ATOMIC_RELAXED); };
  FlowTableCount count{};
  count.table = table;
  count.entries = entries;
  uint64_t occupied = 0, taken = 0;
  // An entry that its writer and control free at the same moment is subtracted twice.
  const auto left = [](uint64_t of, uint64_t gone) { return of > gone ? of - gone : 0; };
  for (uint32_t i = 0; i < LB_ENTRY_CLASSES; ++i) {
    const uint64_t of_class = read(head.occupied[i]), taken_of_class = read(head.taken_outside[i]);
    occupied += of_class;
    taken += taken_of_class;
    count.occupied[i] = left(of_class, taken_of_class);
    count.inserted[i] = read(head.inserted[i]);
    count.evicted[i] = read(head.evicted[i]);
  }
  for (uint32_t i = 0; i < LB_FLOW_REFUSALS; ++i) count.refused[i] = read(head.refused[i]);
  count.flows = left(occupied, taken);
  count.expired = read(head.expired) + taken;
  count.sweeps = read(head.sweeps);
  return count;
}

size_t EncodedSize(const StatsSnapshot& snapshot) {
  return sizeof(StatsHeader) + snapshot.reasons.size() * sizeof(uint64_t) +
         snapshot.flows.size() * sizeof(FlowCount) + snapshot.workers.size() * sizeof(WorkerCount) +
         snapshot.flow_tables.size() * sizeof(FlowTableCount) + JoinAlarms(snapshot).size() +
         snapshot.port_info.size();
}

void EncodeStats(const StatsSnapshot& snapshot, std::span<std::byte> out) {
  const std::string alarms = JoinAlarms(snapshot);
  StatsHeader header{};
  header.magic = kStatsMagic;
  header.version = kStatsVersion;
  header.reason_count = static_cast<uint32_t>(snapshot.reasons.size());
  header.flow_count = static_cast<uint32_t>(snapshot.flows.size());
  header.worker_count = static_cast<uint32_t>(snapshot.workers.size());
  header.flow_table_count = static_cast<uint32_t>(snapshot.flow_tables.size());
  header.alarm_bytes = static_cast<uint32_t>(alarms.size());
  header.port_info_bytes = static_cast<uint32_t>(snapshot.port_info.size());
  header.generation = snapshot.generation;
  header.revision = snapshot.revision;
  header.received = snapshot.received;
  header.uptime_ns = snapshot.uptime_ns;
  std::memcpy(header.digest, snapshot.digest.data(), sizeof(header.digest));
  header.size = StatedSize(header);

  Cursor cursor(out.data() + sizeof(header));
  std::memcpy(out.data(), &header, sizeof(header));
  cursor.Put(snapshot.reasons);
  cursor.Put(snapshot.flows);
  cursor.Put(snapshot.workers);
  cursor.Put(snapshot.flow_tables);
  cursor.Put(alarms);
  cursor.Put(snapshot.port_info);
  header.checksum = ChecksumOf(out.first(header.size));
  std::memcpy(out.data(), &header, sizeof(header));
}

absl::StatusOr<StatsSnapshot> DecodeStats(std::span<const std::byte> bytes) {
  // A private copy first: the plane could be writing the next snapshot.
  StatsHeader header;
  if (bytes.size() < sizeof(header)) return absl::DataLossError("statistics: too short");
  std::memcpy(&header, bytes.data(), sizeof(header));
  if (header.magic != kStatsMagic || header.version != kStatsVersion) {
    return absl::DataLossError("statistics: not a snapshot of this version");
  }
  if (header.size > bytes.size() || header.size != StatedSize(header)) {
    return absl::DataLossError("statistics: sizes do not fit together");
  }
  std::vector<std::byte> copy(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(header.size));
  if (std::memcmp(copy.data(), &header, sizeof(header)) != 0 ||
      ChecksumOf(copy) != header.checksum) {
    return absl::DataLossError("statistics: damaged or rewritten while they were read");
  }

  StatsSnapshot snapshot;
  snapshot.generation = header.generation;
  snapshot.revision = header.revision;
  snapshot.received = header.received;
  snapshot.uptime_ns = header.uptime_ns;
  std::memcpy(snapshot.digest.data(), header.digest, sizeof(header.digest));
  Cursor cursor(copy.data() + sizeof(header));
  cursor.Take(snapshot.reasons, header.reason_count);
  cursor.Take(snapshot.flows, header.flow_count);
  cursor.Take(snapshot.workers, header.worker_count);
  cursor.Take(snapshot.flow_tables, header.flow_table_count);
  std::string alarms;
  cursor.Take(alarms, header.alarm_bytes);
  cursor.Take(snapshot.port_info, header.port_info_bytes);
  for (size_t first = 0; first < alarms.size(); first += snapshot.alarms.back().size() + 1) {
    snapshot.alarms.emplace_back(alarms.c_str() + first);
  }
  return snapshot;
}

}  // namespace evenkeel
