// The attachment of a program to an interface: a BPF link, which a pin keeps while no process runs.
#ifndef BPF_XDP_LINK_H_
#define BPF_XDP_LINK_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "dataplane/table/region.h"

namespace evenkeel {

// Native: in the driver. Generic: any driver, after the kernel has made a socket buffer; slower.
enum class XdpMode { kNative, kGeneric };
absl::string_view XdpModeName(XdpMode mode);

class XdpLink {
 public:
  XdpLink() = default;
  // AlreadyExists where the interface has a program; Attach() says the same.
  static absl::Status CheckFree(const std::string& interface, int index);
  // AlreadyExists: the interface has another program. Unimplemented: its driver has no such mode.
  // PermissionDenied.
  static absl::StatusOr<XdpLink> Attach(const std::string& interface, int index, int program,
                                        XdpMode mode);
  // NotFound where nothing is pinned.
  static absl::StatusOr<XdpLink> Open(const std::string& pin);

  absl::Status Pin(const std::string& path) const;
  // From one packet to the next, in one step: no packet is without a program.
  absl::Status Replace(int program) const;

  // The interface is free when this returns. A link that is only let go of lingers for a moment.
  absl::Status Detach() const;

  struct Facts {
    int interface = 0;  // 0: the interface has gone, and the link with it
    uint32_t program_id = 0;
  };
  absl::StatusOr<Facts> Ask() const;

  bool valid() const { return fd_.valid(); }

 private:
  explicit XdpLink(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

// How the interface's program is attached; an error where it has none.
absl::StatusOr<XdpMode> AttachedMode(int index);

}  // namespace evenkeel

#endif  // BPF_XDP_LINK_H_
