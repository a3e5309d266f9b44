#include "tools/evenkeel-decap/decapsulator.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <net/if.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bpf/decap.skel.h"

namespace evenkeel::decap {
namespace {

// libbpf tells its troubles in many lines on standard error; ours is one, from the error number.
int DiscardLibbpfMessage(enum libbpf_print_level, const char*, va_list) { return 0; }

absl::Status LoadError(int error) {
  if (error == EPERM) {
    return absl::PermissionDeniedError(
        "not allowed to load BPF programs: run as root, or with CAP_BPF and CAP_NET_ADMIN");
  }
  return absl::InternalError(absl::StrCat("this kernel refuses the decapsulation program: ",
                                          strerror(error), "; Linux 5.9 or later is needed"));
}

absl::Status AttachError(const DecapsulatorOptions& options, int error) {
  const std::string& interface = options.interface;
  switch (error) {
    case EBUSY:
    case EEXIST:
      return absl::AlreadyExistsError(absl::StrCat(
          "interface ", interface, " already runs an XDP program: `ip link show dev ", interface,
          "` names it, `ip link set dev ", interface, " xdp off` removes one that has no owner"));
    case EOPNOTSUPP:
    case ERANGE:
    case EINVAL:
      if (options.mode == XdpMode::kNative) {
        return absl::UnimplementedError(
            absl::StrCat("interface ", interface, " does not take a native XDP program (",
                         strerror(error), "; its driver or MTU): use --xdp-mode=generic"));
      }
      break;
    case EPERM:
      return LoadError(error);
  }
  return absl::InternalError(
      absl::StrCat("cannot attach to interface ", interface, ": ", strerror(error)));
}

template <typename Key>
absl::Status AddKeys(const bpf_map* map, const std::vector<Key>& keys) {
  const __u8 present = 1;
  for (const Key& key : keys) {
    if (bpf_map__update_elem(map, &key, sizeof key, &present, sizeof present, BPF_ANY) != 0) {
      return absl::ResourceExhaustedError(
          absl::StrCat("cannot store ", keys.size(), " entries in BPF map ", bpf_map__name(map),
                       " (it holds ", bpf_map__max_entries(map), "): ", strerror(errno)));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Decapsulator> Decapsulator::Attach(const DecapsulatorOptions& options) {
  const unsigned index = if_nametoindex(options.interface.c_str());
  if (index == 0) {
    return absl::NotFoundError(absl::StrCat("there is no interface \"", options.interface,
                                            "\": `ip link` lists the names"));
  }
  libbpf_set_print(DiscardLibbpfMessage);
  Skeleton skeleton(decap_bpf__open());
  if (skeleton == nullptr) return LoadError(errno);
  skeleton->rodata->vips_restricted = !options.vips.empty();
  if (const int error = decap_bpf__load(skeleton.get()); error != 0) return LoadError(-error);

  absl::Status filled = AddKeys(skeleton->maps.local_addresses, options.local_addresses);
  filled.Update(AddKeys(skeleton->maps.vip_prefixes, options.vips));
  if (!filled.ok()) return filled;

  LIBBPF_OPTS(bpf_link_create_opts, link_options,
              .flags = options.mode == XdpMode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
  const int link = bpf_link_create(bpf_program__fd(skeleton->progs.decap), static_cast<int>(index),
                                   BPF_XDP, &link_options);
  if (link < 0) return AttachError(options, -link);
  return Decapsulator(std::move(skeleton), link, options.interface);
}

Decapsulator::Decapsulator(Skeleton skeleton, int link, std::string interface)
    : skeleton_(std::move(skeleton)), link_(link), interface_(std::move(interface)) {}

Decapsulator::Decapsulator(Decapsulator&& other) noexcept
    : skeleton_(std::move(other.skeleton_)),
      link_(std::exchange(other.link_, -1)),
      interface_(std::move(other.interface_)) {}

Decapsulator::~Decapsulator() {
  if (link_ >= 0) close(link_);
}

absl::StatusOr<Outcomes> Decapsulator::ReadOutcomes() const {
  const int cpus = libbpf_num_possible_cpus();
  if (cpus <= 0) return absl::InternalError("cannot count the CPUs");
  std::vector<decap_count> per_cpu(static_cast<size_t>(cpus));
  Outcomes outcomes = {};
  for (__u32 outcome = 0; outcome < outcomes.size(); ++outcome) {
    if (bpf_map__lookup_elem(skeleton_->maps.counts, &outcome, sizeof outcome, per_cpu.data(),
                             per_cpu.size() * sizeof per_cpu[0], 0) != 0) {
      return absl::InternalError(absl::StrCat("cannot read the counters: ", strerror(errno)));
    }
    for (const decap_count& count : per_cpu) {
      outcomes[outcome].packets += count.packets;
      outcomes[outcome].bytes += count.bytes;
    }
  }
  return outcomes;
}

absl::Status Decapsulator::CheckAttached() const {
  bpf_link_info info = {};
  __u32 size = sizeof info;
  if (bpf_obj_get_info_by_fd(link_, &info, &size) != 0) {
    return absl::InternalError(absl::StrCat("cannot ask for the BPF link: ", strerror(errno)));
  }
  if (info.xdp.ifindex == 0) {
    return absl::NotFoundError(absl::StrCat("interface ", interface_, " has gone"));
  }
  return absl::OkStatus();
}

void Decapsulator::CloseSkeleton::operator()(decap_bpf* skeleton) const {
  decap_bpf__destroy(skeleton);
}

}  // namespace evenkeel::decap
