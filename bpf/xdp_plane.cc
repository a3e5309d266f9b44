#include "bpf/xdp_plane.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bpf/flow_sweep.h"
#include "bpf/grace_period.h"
#include "dataplane/table/trial.h"

namespace evenkeel {
namespace {

// maps-ABI-OBJECT-NUMBER
struct InstanceName {
  uint32_t abi = 0;
  std::string object;
  uint32_t number = 0;
};

bool ParseInstanceName(const std::string& name, InstanceName* parsed) {
  const std::vector<std::string> parts = absl::StrSplit(name, '-');
  if (parts.size() != 4 || parts[0] != "maps") return false;
  parsed->object = parts[2];
  return absl::SimpleAtoi(parts[1], &parsed->abi) && absl::SimpleAtoi(parts[3], &parsed->number);
}

absl::Status NotAllowed() {
  return absl::PermissionDeniedError(
      "this process may not use BPF programs: run evenkeeld as root, or with CAP_BPF, "
      "CAP_NET_ADMIN and CAP_SYS_ADMIN");
}

absl::Status ReadPortMac(const std::string& interface, uint8_t* mac) {
  const UniqueFd any(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strncpy(request.ifr_name, interface.c_str(), IFNAMSIZ - 1);
  if (ioctl(any.get(), SIOCGIFHWADDR, &request) != 0) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot read the MAC address of ", interface));
  }
  std::memcpy(mac, request.ifr_hwaddr.sa_data, 6);
  return absl::OkStatus();
}

// Of all queues together: 128 MiB, which the kernel cannot page out.
constexpr uint32_t kFlowBucketsMax = 2'097'152;

uint32_t RxQueues(const std::string& interface) {
  uint32_t queues = 0;
  const std::string folder = absl::StrCat("/sys/class/net/", interface, "/queues");
  if (DIR* directory = opendir(folder.c_str()); directory != nullptr) {
    while (const dirent* entry = readdir(directory)) {
      if (absl::StartsWith(entry->d_name, "rx-")) ++queues;
    }
    closedir(directory);
  }
  return queues;
}

FlowSizes FlowSizesFor(const XdpPlane::Options& options) {
  FlowSizes sizes = options.flows;
  const uint32_t queues = std::max(sizes.queues, RxQueues(options.interface));
  sizes.queues = std::bit_ceil(std::clamp(queues, 1u, LB_FLOW_QUEUES_MAX));
  sizes.buckets = std::min(sizes.buckets, kFlowBucketsMax / sizes.queues);
  return sizes;
}

}  // namespace

XdpPlane::XdpPlane(const Options& options, int index)
    : options_(options), index_(index), folder_(PinFolder(options.pin_root, options.interface)) {}

absl::StatusOr<std::unique_ptr<XdpPlane>> XdpPlane::Open(const Options& options) {
  const unsigned index = if_nametoindex(options.interface.c_str());
  if (index == 0) {
    return absl::NotFoundError(absl::StrCat("there is no network interface '", options.interface,
                                            "': `ip link` lists the names"));
  }
  if (absl::Status s = CheckBpfFileSystem(options.pin_root); !s.ok()) return s;
  std::unique_ptr<XdpPlane> plane(new XdpPlane(options, static_cast<int>(index)));
  if (absl::Status s = plane->Lock(); !s.ok()) return s;
  absl::StatusOr<bool> adopted = plane->Adopt();
  if (!adopted.ok()) return adopted.status();
  if (*adopted) {
    plane->adopted_ = true;
    return plane;
  }
  if (absl::Status s = plane->Begin(); !s.ok()) {
    plane->Detach().IgnoreError();
    return s;
  }
  return plane;
}

absl::Status XdpPlane::Lock() {
  if (absl::Status s = MakePinFolder(folder_); !s.ok()) {
    return absl::IsPermissionDenied(s) ? NotAllowed() : s;
  }
  lock_ = UniqueFd(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!lock_.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", folder_));
  if (flock(lock_.get(), LOCK_EX | LOCK_NB) == 0) return absl::OkStatus();
  return absl::AlreadyExistsError(absl::StrCat("another evenkeeld looks after the XDP plane of ",
                                               options_.interface, ": stop it first"));
}

// Finds what a former process left. False: nothing that forwards.
absl::StatusOr<bool> XdpPlane::Adopt() {
  const std::string pin = absl::StrCat(folder_, "/link");
  absl::StatusOr<XdpLink> link = XdpLink::Open(pin);
  if (!link.ok()) {
    if (absl::IsNotFound(link.status())) return false;
    return absl::IsPermissionDenied(link.status()) ? NotAllowed() : link.status();
  }
  absl::StatusOr<XdpLink::Facts> facts = link->Ask();
  if (!facts.ok()) return facts.status();
  if (facts->interface != index_) {
    notes_.push_back(absl::StrCat("the interface that the program was attached to has gone: ",
                                  options_.interface, " begins anew"));
    return false;
  }
  absl::StatusOr<XdpMode> mode = AttachedMode(index_);
  if (mode.ok() && *mode != options_.mode) {
    notes_.push_back(absl::StrCat("the program runs in ", XdpModeName(*mode), " mode, not ",
                                  XdpModeName(options_.mode), ": attached anew"));
    return false;
  }

  absl::StatusOr<CpuMaps> cpus = CpuMaps::Open(common_folder());
  absl::StatusOr<Totals> totals = Totals::Open(absl::StrCat(common_folder(), "/totals"));
  if (!cpus.ok() || !totals.ok()) {
    notes_.push_back("the pinned maps are of another version: attached anew");
    return false;
  }
  for (const std::string& name : ListPins(folder_)) {
    InstanceName parsed;
    if (!ParseInstanceName(name, &parsed) || parsed.abi != LB_MAP_ABI) continue;
    absl::StatusOr<std::unique_ptr<Instance>> instance =
        Instance::Open(absl::StrCat(folder_, "/", name));
    if (!instance.ok()) continue;
    const absl::StatusOr<uint32_t> id = (*instance)->program_id();
    if (!id.ok() || *id != facts->program_id) continue;
    cpus_ = *std::move(cpus);
    totals_ = std::make_unique<Totals>(*std::move(totals));
    if (absl::Status s = RemoveInstances(name); !s.ok()) return s;
    absl::StatusOr<std::unique_ptr<MapWriter>> writer =
        MapWriter::Open((*instance)->maps(), totals_.get());
    if (!writer.ok() && !absl::IsDataLoss(writer.status())) return writer.status();
    link_ = *std::move(link);
    if (!writer.ok()) {
      notes_.push_back(
          absl::StrCat("somebody else has written to the maps: ", writer.status().message(),
                       "; packets go by them until the next publication"));
      if (absl::Status s = BeginBeside(*std::move(instance), name); !s.ok()) return s;
      return true;
    }
    for (const std::string& fault : (*writer)->faults()) {
      notes_.push_back(absl::StrCat("somebody else has written to the maps: ", fault,
                                    "; packets go by it until the next publication"));
    }
    instance_name_ = name;
    instance_ = *std::move(instance);
    writer_ = *std::move(writer);
    if (parsed.object != ObjectName() && current() != nullptr) {
      notes_.push_back("the program in use is of another build: replaced");
      const MapWriter& former = *writer_;
      const Content content{current(), way_back(), trial()};
      absl::flat_hash_map<Address, uint64_t> words;
      for (const auto& image : {content.image, content.way_back}) {
        if (image == nullptr) continue;
        for (const lb_next_hop& hop : image->next_hops()) {
          Address address;
          std::memcpy(address.data(), hop.address, address.size());
          words[address] = former.NextHop(address);
        }
      }
      absl::Status replaced =
          Outgrow(content, [&](const Address& address) { return words[address]; });
      if (!replaced.ok()) return replaced;
    }
    return true;
  }
  notes_.push_back("no pinned maps belong to the program in use: attached anew");
  return false;
}

// Makes an instance beside one that forwards and cannot be written to, since it does not tell where
// its tables lie.
absl::Status XdpPlane::BeginBeside(std::unique_ptr<Instance> instance, const std::string& name) {
  instance_ = std::move(instance);
  if (absl::Status s = Load(LB_MAP_SIZES_DEFAULT); !s.ok()) return s;
  abandoned_ = name;
  return absl::OkStatus();
}

absl::Status XdpPlane::Begin() {
  // Whatever is there forwards nothing, or cannot be taken over: it goes before the new one comes.
  const absl::StatusOr<XdpLink> former = XdpLink::Open(absl::StrCat(folder_, "/link"));
  if (former.ok()) former->Detach().IgnoreError();
  for (const std::string& name : ListPins(folder_)) {
    if (absl::Status s = RemovePins(absl::StrCat(folder_, "/", name)); !s.ok()) return s;
  }
  // Asked before the program is loaded, which takes a while.
  if (absl::Status s = XdpLink::CheckFree(options_.interface, index_); !s.ok()) return s;
  absl::StatusOr<CpuMaps> cpus = CpuMaps::Create(FlowSizesFor(options_));
  if (!cpus.ok()) return cpus.status();
  cpus_ = *std::move(cpus);
  absl::StatusOr<Totals> totals = Totals::Create();
  if (!totals.ok()) return totals.status();
  totals_ = std::make_unique<Totals>(*std::move(totals));
  const std::string common = common_folder();
  absl::Status status = MakePinFolder(common);
  if (status.ok()) status = cpus_.Pin(common);
  if (status.ok()) status = totals_->Pin(absl::StrCat(common, "/totals"));
  if (status.ok()) status = Load(LB_MAP_SIZES_DEFAULT);
  if (!status.ok()) return status;
  lb_port port{};
  if (absl::Status s = ReadPortMac(options_.interface, port.mac); !s.ok()) return s;
  port.interface = static_cast<uint32_t>(index_);
  SetPort(0, port);
  absl::StatusOr<XdpLink> link =
      XdpLink::Attach(options_.interface, index_, instance_->program(), options_.mode);
  if (!link.ok()) return link.status();
  link_ = *std::move(link);
  return link_.Pin(absl::StrCat(folder_, "/link"));
}

// Makes an instance beside the one in use, which stays in use.
absl::Status XdpPlane::Load(const lb_map_sizes& sizes) {
  uint32_t number = 1;
  for (const std::string& name : ListPins(folder_)) {
    InstanceName parsed;
    if (ParseInstanceName(name, &parsed)) number = std::max(number, parsed.number + 1);
  }
  absl::StatusOr<std::unique_ptr<Instance>> instance = Instance::Load(sizes, cpus_);
  if (!instance.ok()) return instance.status();
  const std::string name = absl::StrCat("maps-", LB_MAP_ABI, "-", ObjectName(), "-", number);
  const std::string folder = absl::StrCat(folder_, "/", name);
  absl::Status status = MakePinFolder(folder);
  if (status.ok()) status = (*instance)->Pin(folder);
  absl::StatusOr<std::unique_ptr<MapWriter>> writer = absl::UnknownError("");
  if (status.ok()) {
    writer = MapWriter::Open((*instance)->maps(), totals_.get());
    status = writer.status();
  }
  if (!status.ok()) {
    RemovePins(folder).IgnoreError();
    return status;
  }
  if (instance_ != nullptr) {
    std::ranges::copy(instance_->maps().ports, (*instance)->maps().ports.begin());
  }
  instance_name_ = name;
  // The writer points into the instance: it goes first.
  writer_.reset();
  instance_ = *std::move(instance);
  writer_ = *std::move(writer);
  return absl::OkStatus();
}

absl::Status XdpPlane::Publish(std::shared_ptr<const ImageView> image, const NextHopWord& word) {
  return Put({.image = std::move(image), .way_back = nullptr, .trial = {}}, word);
}

absl::Status XdpPlane::PublishTrial(std::shared_ptr<const ImageView> image,
                                    std::shared_ptr<const ImageView> way_back,
                                    const TrialRecord& trial, const NextHopWord& word) {
  // Larger maps take the trial with them: its first deadline stands.
  const TrialRecord held = this->trial();
  return Put({.image = std::move(image),
              .way_back = std::move(way_back),
              .trial = held.state == TrialState::kArmed ? held : trial},
             word);
}

TrialState XdpPlane::DecideTrial(TrialState wanted, uint64_t now_ns) {
  FollowTrial(now_ns);
  return writer_->DecideTrial(wanted);
}

bool XdpPlane::FollowTrial(uint64_t now_ns) {
  const TrialRecord held = trial();
  if (held.state == TrialState::kArmed && now_ns >= held.deadline_ns) {
    writer_->DecideTrial(TrialState::kReturned);
    return true;
  }
  return writer_->SettleTrial();
}

absl::Status XdpPlane::FillInstance(const Content& content, const NextHopWord& word,
                                    MapWriter* writer) {
  if (content.way_back == nullptr) return writer->Publish(content.image, word);
  return writer->PublishTrial(content.image, content.way_back, content.trial, word);
}

absl::Status XdpPlane::Put(const Content& content, const NextHopWord& word) {
  absl::Status published = FillInstance(content, word, writer_.get());
  if (absl::IsResourceExhausted(published)) {
    published = Outgrow(content, word);
  } else if (published.ok() && !abandoned_.empty()) {
    published = link_.Replace(instance_->program());
  }
  if (!published.ok() || abandoned_.empty()) return published;
  // Nobody goes by it any more.
  return RemovePins(absl::StrCat(folder_, "/", std::exchange(abandoned_, "")));
}

// A second instance is filled while packets use the first; one step puts it in its place. Killed
// before that, it is a leftover; after it, the first is, and its counts are folded when it goes. An
// armed trial is armed in both meanwhile, with one deadline, so that both go back or neither.
absl::Status XdpPlane::Outgrow(const Content& content, const NextHopWord& word) {
  std::unique_ptr<Instance> former_instance = std::move(instance_);
  std::unique_ptr<MapWriter> former_writer = std::move(writer_);
  const std::string former_name = instance_name_;
  instance_ = nullptr;
  absl::Status status = Load(
      MapWriter::SizesFor(*content.image, content.way_back.get(), former_instance->maps().sizes));
  if (status.ok()) {
    std::ranges::copy(former_instance->maps().ports, instance_->maps().ports.begin());
    status = FillInstance(content, word, writer_.get());
    if (status.ok()) status = link_.Replace(instance_->program());
    if (!status.ok()) RemovePins(absl::StrCat(folder_, "/", instance_name_)).IgnoreError();
  }
  if (!status.ok()) {
    writer_ = std::move(former_writer);
    instance_ = std::move(former_instance);
    instance_name_ = former_name;
    return status;
  }
  status = former_writer->FoldAll();
  if (status.ok()) status = RemovePins(absl::StrCat(folder_, "/", former_name));
  if (!status.ok()) notes_.push_back(absl::StrCat("a former instance stays: ", status.message()));
  return absl::OkStatus();
}

// Those that a killed process left, after their counts were taken.
absl::Status XdpPlane::RemoveInstances(const std::string& but) {
  for (const std::string& name : ListPins(folder_)) {
    if (name == but || !absl::StartsWith(name, "maps-")) continue;
    const std::string folder = absl::StrCat(folder_, "/", name);
    if (absl::StatusOr<std::unique_ptr<Instance>> instance = Instance::Open(folder);
        instance.ok()) {
      absl::StatusOr<std::unique_ptr<MapWriter>> writer =
          MapWriter::Open((*instance)->maps(), totals_.get());
      if (writer.ok()) {
        if (absl::Status s = (*writer)->FoldAll(); !s.ok()) return s;
      }
    }
    notes_.push_back(absl::StrCat("removed ", name, ", which a former evenkeeld left"));
    if (absl::Status s = RemovePins(folder); !s.ok()) return s;
  }
  return absl::OkStatus();
}

std::vector<lb_port> XdpPlane::ports() const {
  const auto ports = instance_->maps().ports;
  return {ports.begin(), ports.end()};
}

void XdpPlane::SetPort(uint32_t number, const lb_port& port) {
  instance_->maps().ports[number] = port;
}

void XdpPlane::FillStats(StatsSnapshot* stats) const {
  FlowSums sums = totals_->Sums();
  writer_->AddCounts(&sums);
  for (const auto& [pair, sum] : sums) {
    stats->flows.push_back({pair.first, pair.second, sum.packets, sum.bytes, sum.new_flows});
  }
  stats->reasons.assign(LB_REASON_COUNT, 0);
  uint32_t number = 0;
  for (const lb_cpu& cpu : cpus_.cpus.As<lb_cpu>()) {
    uint64_t received = 0;
    for (size_t reason = 0; reason < stats->reasons.size(); ++reason) {
      const uint64_t count = __atomic_load_n(&cpu.reasons[reason], __ATOMIC_RELAXED);
      stats->reasons[reason] += count;
      received += count;
    }
    stats->received += received;
    if (received != 0) {
      stats->workers.push_back(
          {.worker = number,
           .lcore = number,
           .received = received,
           .packets = __atomic_load_n(&cpu.reasons[LB_REASON_none], __ATOMIC_RELAXED),
           .new_flows = __atomic_load_n(&cpu.new_flows, __ATOMIC_RELAXED),
           .busy_polls = 0,
           .idle_polls = 0,
           .generation = current() != nullptr ? current()->generation() : 0});
    }
    ++number;
  }
  const auto heads = cpus_.flow_heads.As<lb_flow_head>();
  const uint64_t entries = cpus_.flows.entries() / heads.size() * LB_FLOW_WAYS;
  for (uint32_t queue = 0; queue < heads.size() && entries > LB_FLOW_WAYS; ++queue) {
    stats->flow_tables.push_back(FlowTableCount::Of(queue, entries, heads[queue]));
  }
  if (current() != nullptr) {
    stats->generation = current()->generation();
    stats->revision = current()->revision();
    stats->digest = current()->StatedDigest();
  }
}

void XdpPlane::SweepFlows() {
  const uint32_t tick = lb_tick_of(BootTimeNs());
  if (current() == nullptr || tick == swept_tick_) return;
  swept_tick_ = tick;
  uint64_t flows = 0;
  for (const lb_flow_head& head : cpus_.flow_heads.As<lb_flow_head>()) {
    flows += FlowTableCount::Of(0, 0, head).flows;
  }
  if (flows != 0) SweepFlowTables(cpus_, *current(), tick);
}

absl::Status XdpPlane::CheckAttached() const {
  const absl::StatusOr<XdpLink::Facts> facts = link_.Ask();
  if (!facts.ok()) return facts.status();
  if (facts->interface == index_) return absl::OkStatus();
  return absl::NotFoundError(
      absl::StrCat("interface ", options_.interface, " has gone, and the XDP program with it"));
}

absl::Status XdpPlane::Detach(std::vector<std::string>* removed) {
  if (link_.valid()) link_.Detach().IgnoreError();
  absl::Status status = RemovePins(folder_, removed);
  link_ = XdpLink();
  writer_.reset();
  instance_.reset();
  cpus_ = CpuMaps();
  totals_.reset();
  lock_.Reset();
  // The root folder too, when this was the last interface.
  rmdir(options_.pin_root.c_str());
  return status;
}

std::string XdpPlane::common_folder() const {
  return absl::StrCat(folder_, "/common-", LB_MAP_ABI);
}

}  // namespace evenkeel
