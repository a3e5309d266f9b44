// Where the XDP plane's maps, programs and links live: the pins in the BPF file system, which keep
// them while no process runs. One folder an interface, in it
//
//   link            the attachment; without it the program lets go of the interface
//   common-A/       what outlives a program: counts of each CPU, totals (A: LB_MAP_ABI)
//   maps-A-H-N/     a loaded program with its maps (H: of the program's object, N: rising)
//
// Functions of files only: no BPF library. Called by evenkeeld's sink and by `evenkeel detach`.
#ifndef BPF_PINS_H_
#define BPF_PINS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"

namespace evenkeel {

inline constexpr char kPinRoot[] = "/sys/fs/bpf/evenkeel";

// FailedPrecondition with what to do where the folder that `root` is to lie in is no BPF file
// system.
absl::Status CheckBpfFileSystem(const std::string& root);

// The kernel forbids dots in names, and an interface may be eth0.100.
std::string PinFolder(const std::string& root, const std::string& interface);

// With its parents.
absl::Status MakePinFolder(const std::string& path);

// Names in `folder`, sorted; empty where there is none.
std::vector<std::string> ListPins(const std::string& folder);

// Removes `path` with everything in it. What no process holds any more is gone then. Appends what
// was removed, files only. OK if there is nothing.
absl::Status RemovePins(const std::string& path, std::vector<std::string>* removed = nullptr);

}  // namespace evenkeel

#endif  // BPF_PINS_H_
