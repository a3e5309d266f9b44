// The cluster's key: 16 random bytes that make the flow hash unpredictable, the same on every node.
//
// Kept in a file of 32 hex digits, mode 0600. Called by the pipeline before it compiles.
//
//   absl::StatusOr<ClusterKey> key = ReadOrMakeKey("/etc/evenkeel/cluster.key");
//   spec.params.hash_key = key->words();
#ifndef CONTROL_PUBLISH_KEY_FILE_H_
#define CONTROL_PUBLISH_KEY_FILE_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"

namespace evenkeel {

struct ClusterKey {
  std::array<uint8_t, 16> bytes{};

  // For SipHash: the first 8 bytes, then the last 8, each little endian.
  std::array<uint64_t, 2> words() const;
  // Tells two keys apart without telling either: SHA-256 of the bytes, 64 hex digits.
  std::string fingerprint() const;
};

// NotFound: no such file. FailedPrecondition: others may read it. InvalidArgument: no 32 hex
// digits.
absl::StatusOr<ClusterKey> ReadKey(const std::string& path);

// Makes the file, from the kernel's random source, where there is none; it is on the disk when this
// returns. Its folder must exist.
absl::StatusOr<ClusterKey> ReadOrMakeKey(const std::string& path);

}  // namespace evenkeel

#endif  // CONTROL_PUBLISH_KEY_FILE_H_
