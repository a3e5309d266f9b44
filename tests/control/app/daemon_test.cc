// The whole daemon over a plane without packets, asked as the CLI asks it.
#include "control/app/daemon.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <malloc.h>

#include <fstream>
#include <optional>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "control/api/evenkeel.grpc.pb.h"
#include "tests/control/app/sample_config.h"
#include "tests/control/app/temp_dir.h"
#include "tests/control/publish/fake_plane.h"

namespace evenkeel {
namespace {

class DaemonTest : public testing::Test {
 protected:
  // As main() does for evenkeeld: else each of gRPC's threads fills an arena of its own.
  static void SetUpTestSuite() { mallopt(M_ARENA_MAX, 2); }

  DaemonTest()
      : settings_{.socket = dir_ / "control.sock",
                  .state_dir = dir_ / "state",
                  .plane = "dpdk",
                  .dataplane_socket = dir_ / "plane.sock",
                  .xdp_mode = "native"} {
    plane_.emplace(settings_.dataplane_socket);
    Start();
  }

  void Start() {
    daemon_.reset();
    absl::StatusOr<std::unique_ptr<Daemon>> daemon = Daemon::Start(settings_);
    ASSERT_TRUE(daemon.ok()) << daemon.status();
    daemon_ = *std::move(daemon);
    // A channel of its own for each start, as each call of the CLI has.
    grpc::ChannelArguments arguments;
    arguments.SetInt("test.start", ++starts_);
    stub_ = v1::Control::NewStub(grpc::CreateCustomChannel(
        "unix:" + settings_.socket, grpc::InsecureChannelCredentials(), arguments));
    for (int i = 0; i < 10'000; ++i) {
      const v1::StatusReply status = Status();
      if (status.planes_size() == 1 && status.planes(0).connected()) return;
      absl::SleepFor(absl::Milliseconds(5));
    }
    FAIL() << "the plane did not connect";
  }

  v1::StatusReply Status() {
    grpc::ClientContext context;
    v1::StatusReply reply;
    const grpc::Status status = stub_->Status(&context, {}, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }
  v1::ApplyReply Apply(const std::vector<uint32_t>& weights) {
    v1::ApplyRequest request;
    request.set_content(
        SampleConfig({.key_file = dir_ / "key", .weights = weights, .slots = 4096}));
    request.set_file("/etc/evenkeel.yaml");
    request.set_reason("test");
    request.set_confirm("now");
    grpc::ClientContext context;
    v1::ApplyReply reply;
    const grpc::Status status = stub_->Apply(&context, request, &reply);
    EXPECT_TRUE(status.ok()) << status.error_message();
    return reply;
  }

  TempDir dir_;
  Settings settings_;
  std::optional<FakePlane> plane_;
  std::unique_ptr<Daemon> daemon_;
  std::unique_ptr<v1::Control::Stub> stub_;
  int starts_ = 0;
};

TEST_F(DaemonTest, AppliesAndReports) {
  EXPECT_EQ(Status().state(), "empty");
  const v1::ApplyReply applied = Apply({1, 2, 7});
  ASSERT_FALSE(applied.has_error()) << applied.error().message();
  EXPECT_EQ(applied.result().revision(), 1);
  EXPECT_EQ(applied.result().state(), "confirmed");
  EXPECT_EQ(plane_->installed(), static_cast<uint64_t>(applied.result().generation()));

  const v1::StatusReply status = Status();
  EXPECT_EQ(status.state(), "confirmed");
  EXPECT_EQ(status.revision(), 1);
  EXPECT_EQ(status.planes(0).kind(), "dpdk");
  EXPECT_EQ(status.planes(0).generation(), applied.result().generation());
  EXPECT_EQ(status.planes(0).digest().size(), 64u);

  grpc::ClientContext services_context;
  v1::ServicesReply services;
  ASSERT_TRUE(stub_->Services(&services_context, {}, &services).ok());
  ASSERT_EQ(services.services_size(), 2);
  EXPECT_EQ(services.services(0).name(), "http");
  EXPECT_EQ(services.services(0).slots(), 4096);
  EXPECT_EQ(services.services(0).digest().size(), 64u);

  grpc::ClientContext backends_context;
  v1::BackendsReply backends;
  ASSERT_TRUE(stub_->Backends(&backends_context, {}, &backends).ok());
  ASSERT_EQ(backends.backends_size(), 6);
  EXPECT_NEAR(backends.backends(2).share_expected(), 0.7, 1.0 / 4096);
  EXPECT_FALSE(backends.backends(2).has_share_observed());

  grpc::ClientContext drops_context;
  v1::DropsReply drops;
  ASSERT_TRUE(stub_->Drops(&drops_context, {}, &drops).ok());
  EXPECT_EQ(drops.received(), 42);
}

TEST_F(DaemonTest, FindsTheRunningGenerationAfterARestart) {
  Apply({1, 2});
  Apply({1, 3});
  const uint64_t generation = plane_->installed();
  Start();
  const v1::StatusReply status = Status();
  EXPECT_EQ(status.revision(), 2);
  EXPECT_EQ(static_cast<uint64_t>(status.generation()), generation);
  EXPECT_EQ(plane_->installed(), generation);
}

TEST_F(DaemonTest, RefusesASecondDaemonAndLeavesTheFirstAlone) {
  Settings second = settings_;
  second.socket = dir_ / "other.sock";
  absl::Status status = Daemon::Start(second).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "state directory")) << status;
  second = settings_;
  second.state_dir = dir_ / "other";
  status = Daemon::Start(second).status();
  EXPECT_TRUE(absl::StrContains(status.message(), "running evenkeeld")) << status;
  EXPECT_EQ(Status().state(), "empty");
}

TEST_F(DaemonTest, SaysWhatAPlaneLacksAndFreesWhatItHeld) {
  Settings settings = settings_;
  settings.state_dir = dir_ / "other";
  settings.socket = dir_ / "other.sock";
  settings.plane = "xdp";
  settings.interface = "no-such-if";
  for (int i = 0; i < 2; ++i) {
    const absl::Status status = Daemon::Start(settings).status();
    EXPECT_TRUE(absl::StrContains(status.message(), "no-such-if")) << status;
  }
}

// Resident memory in KiB.
size_t ResidentKib() {
  std::ifstream statm("/proc/self/statm");
  size_t size = 0, resident = 0;
  statm >> size >> resident;
  return resident * 4;
}

TEST_F(DaemonTest, StaysTheSameSizeOverAThousandApplies) {
  size_t at_hundred = 0;
  for (uint32_t i = 1; i <= 1000; ++i) {
    const v1::ApplyReply reply = Apply({100, 90 + i % 20, 100 + i % 3});
    ASSERT_FALSE(reply.has_error()) << i << ": " << reply.error().message();
    if (i == 100) at_hundred = ResidentKib();
  }
  EXPECT_LE(ResidentKib(), at_hundred + at_hundred / 20);
}

}  // namespace
}  // namespace evenkeel
