// Control's client and a plane's endpoint over a real socket, memfds and all.
#include "dataplane/table/plane_endpoint.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "dataplane/table/channel_client.h"
#include "dataplane/table/refusal.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/dataplane/table/plane_client.h"
#include "tests/dataplane/table/plane_fixture.h"

namespace evenkeel {
namespace {

size_t ResidentKiB() {
  std::ifstream status("/proc/self/status");
  std::string word;
  size_t kib = 0;
  while (status >> word) {
    if (word == "VmRSS:") status >> kib;
  }
  return kib;
}

TEST(PlaneEndpointTest, ControlPublishesAndThePlaneInstalls) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  EXPECT_EQ(client->hello().generation, 0u);
  EXPECT_EQ(client->hello().worker_count, 2u);
  EXPECT_EQ(client->hello().version, "test");
  EXPECT_EQ(*client->accepted(), nullptr);
  EXPECT_EQ(Publish(*client, SmallSpec(5)), absl::OkStatus());
  EXPECT_EQ(plane.generation(), 5u);
}

TEST(PlaneEndpointTest, RefusalComesBackWithCodeAndSentence) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(5)).ok());
  absl::Status status = Publish(*client, SmallSpec(4));
  EXPECT_EQ(NackCodeOf(status), NackCode::kStaleGeneration);
  EXPECT_NE(status.message().find("generation 4 is stale: 5 is running"), absl::string_view::npos);
  AlignedBytes root = MustBuild(SmallSpec(6));
  Header(root).abi = 99;
  Reseal(root);
  status = client->Publish(root.bytes(), TablesOf(SmallSpec(6)), kTimeout);
  EXPECT_EQ(NackCodeOf(status), NackCode::kAbi) << status;
  EXPECT_TRUE(client->connected());
  EXPECT_EQ(Publish(*client, SmallSpec(6)), absl::OkStatus());
  EXPECT_EQ(plane.generation(), 6u);
}

TEST(PlaneEndpointTest, RestartedControlAdoptsWhatThePlaneRuns) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const ImageSpec spec = SmallSpec(5);
  ASSERT_TRUE(Publish(*MustConnect(dir), spec).ok());
  const auto client = MustConnect(dir);
  EXPECT_EQ(client->hello().generation, 5u);
  EXPECT_EQ(client->hello().revision, 7u);
  ASSERT_TRUE(client->accepted().ok()) << client->accepted().status();
  const AlignedBytes published = (*client->accepted())->Published();
  EXPECT_TRUE(std::ranges::equal(published.bytes(), MustBuild(spec).bytes()));
  EXPECT_NE(client->FindTable(spec.pools[0].base->digest()), nullptr);
  EXPECT_EQ(Publish(*client, SmallSpec(6)), absl::OkStatus());
}

TEST(PlaneEndpointTest, NewConnectionSupersedesTheOld) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto first = MustConnect(dir);
  ASSERT_TRUE(Publish(*first, SmallSpec(1)).ok());
  const auto second = MustConnect(dir);
  EXPECT_EQ(Publish(*second, SmallSpec(2)), absl::OkStatus());
  EXPECT_FALSE(Publish(*first, SmallSpec(3)).ok());
  EXPECT_FALSE(first->connected());
  EXPECT_EQ(Publish(*second, SmallSpec(4)), absl::OkStatus());
  EXPECT_TRUE(plane.Logged("superseded by a new connection"));
}

TEST(PlaneEndpointTest, StatisticsCrossAndOutgrowTheirMemory) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ASSERT_TRUE(Publish(*client, SmallSpec(5)).ok());
  for (const size_t flows : {1u, 1000u, 60000u, 10u}) {
    plane.set_flow_count(flows);
    const absl::StatusOr<StatsSnapshot> stats = client->Stats(kTimeout);
    ASSERT_TRUE(stats.ok()) << stats.status();
    EXPECT_EQ(stats->generation, 5u);
    EXPECT_EQ(stats->received, 12345u);
    EXPECT_EQ(stats->flows.size(), flows);
    EXPECT_EQ(stats->digest, VerifySpec(SmallSpec(5))->StatedDigest());
  }
  const auto again = MustConnect(dir);
  EXPECT_TRUE(again->Stats(kTimeout).ok());
}

TEST(PlaneEndpointTest, ManyTablesCrossInBatches) {
  const TestDirectory dir;
  TestPlane plane(dir);
  ImageSpec spec = SmallSpec(1);
  spec.pools.clear();
  spec.services.clear();
  for (uint16_t i = 0; i < kTablesPerMessage + 10; i++) {
    spec.pools.push_back(MakePool("p" + std::to_string(i), {i + 1u, 30}, i * 2));
  }
  ASSERT_TRUE(Publish(*MustConnect(dir), spec).ok());
  const auto client = MustConnect(dir);
  ASSERT_TRUE(client->accepted().ok()) << client->accepted().status();
  EXPECT_EQ((*client->accepted())->tables().size(), kTablesPerMessage + 10);
}

TEST(PlaneEndpointTest, GrowingRootsGetALargerMailbox) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const auto client = MustConnect(dir);
  ImageSpec spec = SmallSpec(1);
  for (uint32_t n = 0; n < 4; n++) {
    spec.generation = n + 1;
    ASSERT_EQ(Publish(*client, spec), absl::OkStatus());
    for (uint16_t i = 0; i < 500; i++) {
      const uint16_t number = static_cast<uint16_t>(1000 + n * 500 + i);
      spec.services.push_back(MakeService("s" + std::to_string(number), V6(number), 0, {{1, 1}}));
    }
  }
}

TEST(PlaneEndpointTest, RestartedPlaneForwardsByItsLastGoodImage) {
  const TestDirectory dir;
  {
    TestPlane plane(dir, dir / "state");
    const auto client = MustConnect(dir);
    ASSERT_TRUE(Publish(*client, SmallSpec(8)).ok());
    ASSERT_TRUE(Publish(*client, Shifted(9)).ok());
  }
  TestPlane plane(dir, dir / "state");
  EXPECT_EQ(plane.generation(), 9u);
  const auto client = MustConnect(dir);
  EXPECT_EQ(client->hello().generation, 9u);
  EXPECT_EQ(NackCodeOf(Publish(*client, SmallSpec(9))), NackCode::kStaleGeneration);
  EXPECT_EQ(Publish(*client, SmallSpec(10)), absl::OkStatus());
}

TEST(PlaneEndpointTest, SecondPlaneOnTheSameSocketIsRefused) {
  const TestDirectory dir;
  TestPlane plane(dir);
  const absl::StatusOr<std::unique_ptr<ChannelServer>> second =
      ChannelServer::Listen(dir / "plane.sock");
  ASSERT_TRUE(absl::IsAlreadyExists(second.status()));
  EXPECT_NE(second.status().message().find(absl::StrCat("pid ", getpid())), absl::string_view::npos)
      << second.status();
  EXPECT_TRUE(Publish(*MustConnect(dir), SmallSpec(1)).ok());
}

TEST(PlaneEndpointTest, SocketOfADeadPlaneIsReplaced) {
  const TestDirectory dir;
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    const auto server = ChannelServer::Listen(dir / "plane.sock");
    _exit(server.ok() ? 0 : 1);  // leaves the socket behind
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_EQ(WEXITSTATUS(status), 0);
  ASSERT_TRUE(std::filesystem::exists(dir / "plane.sock"));
  TestPlane plane(dir);
  EXPECT_TRUE(Publish(*MustConnect(dir), SmallSpec(1)).ok());
}

TEST(PlaneEndpointTest, FileInTheSocketsPlaceIsNotRemoved) {
  const TestDirectory dir;
  std::ofstream(dir / "plane.sock") << "precious";
  EXPECT_TRUE(absl::IsAlreadyExists(ChannelServer::Listen(dir / "plane.sock").status()));
  EXPECT_EQ(std::filesystem::file_size(dir / "plane.sock"), 8u);
}

TEST(PlaneEndpointTest, AThousandPublicationsLeakNeitherMemoryNorDescriptors) {
  const TestDirectory dir;
  TestPlane plane(dir, dir / "state");
  const auto client = MustConnect(dir);
  size_t descriptors = 0;
  size_t resident = 0;
  for (uint64_t generation = 1; generation <= 1000; generation++) {
    ASSERT_EQ(Publish(*client, Shifted(generation)), absl::OkStatus()) << generation;
    if (generation == 100) {
      descriptors = OpenDescriptors();
      resident = ResidentKiB();
    }
  }
  EXPECT_EQ(plane.generation(), 1000u);
  // The writer to disk holds the tables of at most one more image and a file.
  EXPECT_LE(OpenDescriptors(), descriptors + 6);
  EXPECT_LE(ResidentKiB(), resident + resident / 20);
}

TEST(PlaneEndpointTest, AHundredConnectionsLeakNoDescriptors) {
  const TestDirectory dir;
  TestPlane plane(dir);
  ASSERT_TRUE(Publish(*MustConnect(dir), SmallSpec(1)).ok());
  (void)MustConnect(dir)->Stats(kTimeout);
  const size_t before = OpenDescriptors();
  for (int i = 0; i < 100; i++) {
    const auto client = MustConnect(dir);
    ASSERT_TRUE(client->Stats(kTimeout).ok());
  }
  EXPECT_LE(OpenDescriptors(), before + 4);
}

}  // namespace
}  // namespace evenkeel
