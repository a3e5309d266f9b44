#include "bpf/xdp_link.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>

#include <cstring>

#include "absl/strings/str_cat.h"

namespace evenkeel {
namespace {

uint32_t AttachedProgram(int index) {
  LIBBPF_OPTS(bpf_xdp_query_opts, facts);
  if (bpf_xdp_query(index, 0, &facts) != 0) return 0;
  for (const uint32_t id :
       {facts.prog_id, facts.drv_prog_id, facts.skb_prog_id, facts.hw_prog_id}) {
    if (id != 0) return id;
  }
  return 0;
}

absl::Status AlreadyAttached(const std::string& interface, uint32_t program_id) {
  return absl::AlreadyExistsError(absl::StrCat("interface ", interface,
                                               " already runs another XDP program, number ",
                                               program_id, ": `bpftool prog show id ", program_id,
                                               "` and `bpftool link` name it; stop its owner, or "
                                               "`ip link set dev ",
                                               interface, " xdp off` where it has none"));
}

absl::Status AttachError(const std::string& interface, int index, XdpMode mode, int error) {
  switch (error) {
    case EBUSY:
    case EEXIST:
      return AlreadyAttached(interface, AttachedProgram(index));
    case EPERM:
      return absl::PermissionDeniedError(
          absl::StrCat("this process may not attach an XDP program to ", interface,
                       ": run evenkeeld as root, or with CAP_NET_ADMIN and CAP_BPF"));
    case EOPNOTSUPP:
    case ERANGE:
    case EINVAL:
      if (mode == XdpMode::kNative) {
        return absl::UnimplementedError(absl::StrCat(
            "the driver of interface ", interface, " does not take a native XDP program (",
            strerror(error), "): lower its MTU, or use --xdp-mode=generic, which is slower"));
      }
      break;
  }
  return absl::InternalError(absl::StrCat("cannot attach the XDP program to interface ", interface,
                                          ": ", strerror(error)));
}

}  // namespace

absl::string_view XdpModeName(XdpMode mode) {
  return mode == XdpMode::kNative ? "native" : "generic";
}

absl::Status XdpLink::CheckFree(const std::string& interface, int index) {
  const uint32_t other = AttachedProgram(index);
  return other == 0 ? absl::OkStatus() : AlreadyAttached(interface, other);
}

absl::StatusOr<XdpLink> XdpLink::Attach(const std::string& interface, int index, int program,
                                        XdpMode mode) {
  if (absl::Status s = CheckFree(interface, index); !s.ok()) return s;
  LIBBPF_OPTS(bpf_link_create_opts, options,
              .flags = mode == XdpMode::kNative ? XDP_FLAGS_DRV_MODE : XDP_FLAGS_SKB_MODE);
  UniqueFd fd(bpf_link_create(program, index, BPF_XDP, &options));
  if (!fd.valid()) return AttachError(interface, index, mode, errno);
  return XdpLink(std::move(fd));
}

absl::StatusOr<XdpLink> XdpLink::Open(const std::string& pin) {
  UniqueFd fd(bpf_obj_get(pin.c_str()));
  if (!fd.valid()) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", pin));
  return XdpLink(std::move(fd));
}

absl::Status XdpLink::Pin(const std::string& path) const {
  if (bpf_obj_pin(fd_.get(), path.c_str()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, absl::StrCat("cannot pin ", path));
}

absl::Status XdpLink::Replace(int program) const {
  if (bpf_link_update(fd_.get(), program, nullptr) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot replace the XDP program");
}

absl::Status XdpLink::Detach() const {
  if (bpf_link_detach(fd_.get()) == 0) return absl::OkStatus();
  return absl::ErrnoToStatus(errno, "cannot detach the XDP program");
}

absl::StatusOr<XdpLink::Facts> XdpLink::Ask() const {
  bpf_link_info info{};
  uint32_t size = sizeof(info);
  if (bpf_obj_get_info_by_fd(fd_.get(), &info, &size) != 0) {
    return absl::ErrnoToStatus(errno, "cannot ask for the BPF link");
  }
  return Facts{static_cast<int>(info.xdp.ifindex), info.prog_id};
}

absl::StatusOr<XdpMode> AttachedMode(int index) {
  LIBBPF_OPTS(bpf_xdp_query_opts, facts);
  const int error = bpf_xdp_query(index, 0, &facts);
  if (error != 0)
    return absl::ErrnoToStatus(-error, "cannot ask the interface for its XDP program");
  if (facts.attach_mode == XDP_ATTACHED_DRV) return XdpMode::kNative;
  if (facts.attach_mode == XDP_ATTACHED_SKB) return XdpMode::kGeneric;
  return absl::NotFoundError("the interface has no XDP program");
}

}  // namespace evenkeel
