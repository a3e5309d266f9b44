// Control's side of a TestPlane (plane_fixture.h), and images for it that differ.
#ifndef TESTS_DATAPLANE_TABLE_PLANE_CLIENT_H_
#define TESTS_DATAPLANE_TABLE_PLANE_CLIENT_H_

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <utility>

#include "absl/time/time.h"
#include "dataplane/table/channel_client.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/test_directory.h"

namespace evenkeel {

inline constexpr absl::Duration kTimeout = absl::Seconds(60);

inline std::unique_ptr<ChannelClient> MustConnect(const TestDirectory& dir) {
  absl::StatusOr<std::unique_ptr<ChannelClient>> client =
      ChannelClient::Connect(dir / "plane.sock", kTimeout);
  EXPECT_TRUE(client.ok()) << client.status();
  return client.ok() ? *std::move(client) : nullptr;
}

inline absl::Status Publish(ChannelClient& client, const ImageSpec& spec) {
  return client.Publish(MustBuild(spec).bytes(), TablesOf(spec), kTimeout);
}

// The small image with other weights for each generation.
inline ImageSpec Shifted(uint64_t generation) {
  ImageSpec spec = SmallSpec(generation);
  spec.pools[0] = MakePool("web", {static_cast<uint32_t>(generation % 50 + 1), 20, 70}, 0);
  return spec;
}

}  // namespace evenkeel

#endif  // TESTS_DATAPLANE_TABLE_PLANE_CLIENT_H_
