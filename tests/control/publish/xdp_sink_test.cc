// The XDP twin behind sink.h on an interface of its own: trials that end with and without control,
// and the audit. Needs root; skips without it. Each test has its own network and mount namespace.
#include "control/publish/xdp_sink.h"

#include <bpf/bpf.h>
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdlib>
#include <functional>
#include <vector>

#include "absl/time/clock.h"
#include "bpf/map_memory.h"
#include "bpf/pins.h"
#include "tests/dataplane/table/image_fixture.h"
#include "tests/packets/builder.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kTimeout = absl::Seconds(30);
constexpr char kPins[] = "/tmp/evenkeel/xdp0";

template <typename Condition>
bool Eventually(Condition condition) {
  for (int i = 0; i < 30'000 && !condition(); ++i) absl::SleepFor(absl::Milliseconds(1));
  return condition();
}

PublicationPtr MakePublication(uint64_t generation, uint64_t revision) {
  ImageSpec spec = SmallSpec(generation);
  spec.revision = revision;
  spec.next_hops.pop_back();  // the one without a MAC: nobody would answer
  spec.pools[0] = MakePool("web", {static_cast<uint32_t>(revision), 2, 7}, 0);
  auto publication = std::make_shared<Publication>();
  publication->generation = generation;
  publication->revision = static_cast<int64_t>(revision);
  publication->root = MustBuild(spec);
  publication->tables = TablesOf(spec);
  return publication;
}

TrialPublication MakeTrial(uint64_t id, uint64_t generation, absl::Duration duration) {
  return {.id = id,
          .image = MakePublication(generation, id),
          .way_back = MakePublication(generation + 1, 1),
          .deadline_ns = BootTimeNs() + static_cast<uint64_t>(absl::ToInt64Nanoseconds(duration))};
}

class XdpSinkTest : public testing::Test {
 protected:
  void SetUp() override {
    if (geteuid() != 0) GTEST_SKIP() << "needs root: loads BPF programs, makes namespaces";
    ASSERT_EQ(unshare(CLONE_NEWNET | CLONE_NEWNS), 0);
    ASSERT_EQ(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr), 0);
    ASSERT_EQ(mount("bpf", "/tmp", "bpf", 0, nullptr), 0);
    ASSERT_EQ(std::system("ip link add xdp0 type veth peer name xdp1"), 0);
    Open();
  }
  void Open() {
    sink_.reset();
    auto sink = XdpSink::Create({.interface = "xdp0", .pin_root = "/tmp/evenkeel"});
    ASSERT_TRUE(sink.ok()) << sink.status();
    sink_ = *std::move(sink);
    changes_ = 0;
    sink_->Start([this] { ++changes_; });
  }
  std::string Instance() {
    for (const std::string& name : ListPins(kPins)) {
      if (name.rfind("maps-", 0) == 0) return std::string(kPins) + "/" + name;
    }
    return "";
  }
  void SendPacket() {
    const Address client = V4(198, 51, 100, 2), vip = V4(203, 0, 113, 10);
    const packets::Bytes in =
        packets::Ethernet({}, packets::Ip({.source = client, .destination = vip},
                                          packets::Tcp({.source = client, .destination = vip})));
    const UniqueFd program(bpf_obj_get((Instance() + "/program").c_str()));
    packets::Bytes out(256);
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = in.data(), .data_out = out.data(),
                .data_size_in = static_cast<uint32_t>(in.size()),
                .data_size_out = static_cast<uint32_t>(out.size()), .repeat = 1);
    EXPECT_EQ(bpf_prog_test_run_opts(program.get(), &options), 0);
    EXPECT_EQ(options.retval, 3u);  // XDP_TX
  }
  TrialPhase Phase() {
    const auto trial = sink_->State().trial;
    return trial ? trial->phase : TrialPhase(-1);
  }

  std::unique_ptr<PlaneSink> sink_;
  std::atomic<int> changes_ = 0;
};

TEST_F(XdpSinkTest, GoesBackAtTheDeadlineWithPacketsAndWithout) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  for (const bool with_packets : {false, true}) {
    const uint64_t generation = with_packets ? 4 : 2;
    ASSERT_EQ(sink_->PublishTrial(MakeTrial(generation, generation, absl::Seconds(2)), kTimeout),
              absl::OkStatus());
    EXPECT_EQ(sink_->State().generation, generation);
    EXPECT_EQ(Phase(), TrialPhase::kArmed);
    const int before = changes_;
    ASSERT_TRUE(Eventually([&] {
      if (with_packets) SendPacket();
      return Phase() == TrialPhase::kReturned;
    }));
    EXPECT_TRUE(Eventually([&] { return changes_ > before; }));
    EXPECT_EQ(sink_->State().generation, generation + 1);
    EXPECT_EQ(sink_->State().revision, 1);
    EXPECT_EQ(sink_->Stats(kTimeout)->generation, generation + 1);
    EXPECT_TRUE(absl::IsFailedPrecondition(sink_->ConfirmTrial(generation, kTimeout)));
    EXPECT_TRUE(sink_->ReturnFromTrial(generation, kTimeout).ok());
  }
  EXPECT_TRUE(sink_->Publish(MakePublication(6, 1), kTimeout).ok());
  EXPECT_FALSE(sink_->State().trial);
}

TEST_F(XdpSinkTest, GoesBackWithoutControl) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  ASSERT_TRUE(sink_->PublishTrial(MakeTrial(9, 2, absl::Milliseconds(300)), kTimeout).ok());
  sink_.reset();
  absl::SleepFor(absl::Milliseconds(400));
  SendPacket();
  Open();
  EXPECT_EQ(sink_->State().generation, 3u);
  EXPECT_EQ(Phase(), TrialPhase::kReturned);
  ASSERT_NE(sink_->State().image, nullptr);
  EXPECT_EQ(sink_->State().image->generation(), 3u);
}

TEST_F(XdpSinkTest, RestartedControlRenewsAndConfirms) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  ASSERT_TRUE(sink_->PublishTrial(MakeTrial(9, 2, absl::Hours(1)), kTimeout).ok());
  const uint64_t deadline_ns = sink_->State().trial->deadline_ns;
  Open();
  EXPECT_EQ(Phase(), TrialPhase::kArmed);
  EXPECT_EQ(sink_->State().trial->deadline_ns, deadline_ns);
  EXPECT_EQ(sink_->State().trial->return_generation, 3u);
  EXPECT_TRUE(absl::IsFailedPrecondition(sink_->Publish(MakePublication(4, 1), kTimeout)));
  EXPECT_TRUE(
      absl::IsFailedPrecondition(sink_->PublishTrial(MakeTrial(10, 4, absl::Hours(1)), kTimeout)));
  EXPECT_TRUE(absl::IsInvalidArgument(
      sink_->PublishTrial(MakeTrial(9, 3, absl::Hours(1)), kTimeout)));  // stale
  ASSERT_EQ(sink_->PublishTrial(MakeTrial(9, 4, absl::Hours(9)), kTimeout), absl::OkStatus());
  EXPECT_EQ(sink_->State().trial->deadline_ns, deadline_ns);
  EXPECT_EQ(sink_->ConfirmTrial(9, kTimeout), absl::OkStatus());
  EXPECT_EQ(sink_->ConfirmTrial(9, kTimeout), absl::OkStatus());
  EXPECT_TRUE(absl::IsFailedPrecondition(sink_->ReturnFromTrial(9, kTimeout)));
  EXPECT_EQ(sink_->State().generation, 4u);
  EXPECT_TRUE(absl::IsInvalidArgument(sink_->Publish(MakePublication(5, 1), kTimeout)));
  EXPECT_TRUE(sink_->Publish(MakePublication(6, 1), kTimeout).ok());
}

TEST_F(XdpSinkTest, TrialThatOutgrowsTheMapsTakesItsWayBackAlong) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  TrialPublication trial = MakeTrial(9, 2, absl::Seconds(6));
  ImageSpec large = SmallSpec(2);
  large.revision = 9;
  large.next_hops.pop_back();
  for (uint16_t i = 0; i < 400; ++i) {
    const uint16_t port = static_cast<uint16_t>(10000 + i);
    large.services.push_back(
        MakeService("s" + std::to_string(i), V4(203, 0, 113, 10), 0, {{port, port}}));
  }
  auto image = std::make_shared<Publication>();
  image->generation = 2;
  image->revision = 9;
  image->root = MustBuild(large);
  image->tables = TablesOf(large);
  trial.image = image;
  const std::string before = Instance();
  ASSERT_EQ(sink_->PublishTrial(trial, kTimeout), absl::OkStatus());
  EXPECT_NE(Instance(), before);
  ASSERT_TRUE(Eventually([&] { return Phase() == TrialPhase::kReturned; }));
  EXPECT_EQ(sink_->State().generation, 3u);
  SendPacket();
}

TEST_F(XdpSinkTest, RefusesATrialWithoutASoundWayBack) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  TrialPublication trial = MakeTrial(9, 2, absl::Hours(1));
  auto damaged = std::make_shared<Publication>();
  damaged->generation = 3;
  damaged->root = AlignedBytes::CopyOf(trial.way_back->root.bytes());
  damaged->root.data()[500] ^= std::byte{2};
  damaged->tables = trial.way_back->tables;
  trial.way_back = damaged;
  const absl::Status refused = sink_->PublishTrial(trial, kTimeout);
  EXPECT_TRUE(absl::IsInvalidArgument(refused)) << refused;
  EXPECT_EQ(sink_->State().generation, 1u);
  EXPECT_FALSE(sink_->State().trial);
}

TEST_F(XdpSinkTest, AuditFindsATableThatWasEditedByHand) {
  const PublicationPtr publication = MakePublication(1, 1);
  ASSERT_TRUE(sink_->Publish(publication, kTimeout).ok());
  absl::StatusOr<PlaneAudit> audit = sink_->Audit(kTimeout);
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_TRUE(audit->faults.empty()) << audit->faults[0];
  EXPECT_EQ(audit->generation, 1u);
  const Digest digest = audit->digest;
  // As `bpftool map update pinned ...` does.
  const UniqueFd rows(bpf_obj_get((Instance() + "/slot_rows").c_str()));
  lb_slot_row row;
  const uint32_t key = 3;
  ASSERT_EQ(bpf_map_lookup_elem(rows.get(), &key, &row), 0);
  row.slot[0] = lb_slot_backend(row.slot[0]) == 2 ? 1 : 2;
  ASSERT_EQ(bpf_map_update_elem(rows.get(), &key, &row, BPF_ANY), 0);
  audit = sink_->Audit(kTimeout);
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_NE(audit->digest, digest);
  ASSERT_FALSE(audit->faults.empty());
  EXPECT_NE(audit->faults[0].find("map slot_rows, pool 0"), std::string::npos) << audit->faults[0];
}

// Writes to a pinned map's records from `first` on, as `bpftool map update pinned ...` does.
void Overwrite(const std::string& pin, uint32_t first, uint32_t count,
               const std::function<void(std::vector<uint8_t>*)>& change) {
  const UniqueFd map(bpf_obj_get(pin.c_str()));
  bpf_map_info info{};
  uint32_t size = sizeof(info);
  ASSERT_EQ(bpf_obj_get_info_by_fd(map.get(), &info, &size), 0) << pin;
  std::vector<uint8_t> value(info.value_size);
  for (uint32_t key = first; key < first + count; ++key) {
    ASSERT_EQ(bpf_map_lookup_elem(map.get(), &key, value.data()), 0);
    change(&value);
    ASSERT_EQ(bpf_map_update_elem(map.get(), &key, value.data(), BPF_ANY), 0);
  }
}

TEST_F(XdpSinkTest, StartsOverATableThatWasDamagedByHandAndMendsItWithTheNextPublication) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  const std::shared_ptr<const ImageView> before = [&] {
    Open();
    return sink_->State().image;
  }();
  ASSERT_NE(before, nullptr);
  sink_.reset();
  // A row of the first pool's table names a backend that nobody has; another one its neighbour.
  Overwrite(Instance() + "/slot_rows", 0, 1,
            [](auto* row) { std::fill(row->begin(), row->end(), 0xee); });
  Overwrite(Instance() + "/slot_rows", 1, 1, [](auto* row) {
    for (size_t i = 0; i < row->size(); i += 4) (*row)[i] = 2;
  });
  Open();
  PlaneState state = sink_->State();
  EXPECT_TRUE(state.connected);
  EXPECT_EQ(state.generation, 1u);
  ASSERT_NE(state.image, nullptr);
  EXPECT_NE(state.image->StatedDigest(), before->StatedDigest()) << "it says what it found";
  EXPECT_EQ(state.image->tables()[1]->digest(), before->tables()[1]->digest());
  absl::StatusOr<PlaneAudit> audit = sink_->Audit(kTimeout);
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_FALSE(audit->faults.empty());
  SendPacket();

  ASSERT_EQ(sink_->Publish(MakePublication(2, 1), kTimeout), absl::OkStatus());
  audit = sink_->Audit(kTimeout);
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_TRUE(audit->faults.empty()) << audit->faults[0];
  EXPECT_EQ(audit->digest, before->StatedDigest());
}

TEST_F(XdpSinkTest, StartsBesideMapsThatCannotBeReadBackAndTheyForwardUntilThePublication) {
  ASSERT_TRUE(sink_->Publish(MakePublication(1, 1), kTimeout).ok());
  const std::string damaged = Instance();
  sink_.reset();
  Overwrite(damaged + "/roots", 0, LB_SETS * 64, [](auto* row) { (*row)[200] ^= 1; });
  for (int round = 0; round < 2; ++round) {  // the second one finds what the first one left
    Open();
    EXPECT_TRUE(sink_->State().connected);
    EXPECT_EQ(sink_->State().image, nullptr);
    EXPECT_EQ(access((damaged + "/program").c_str(), F_OK), 0);
    const UniqueFd link(bpf_obj_get((std::string(kPins) + "/link").c_str()));
    EXPECT_TRUE(link.valid()) << "it is still attached";
    sink_.reset();
  }
  Open();
  SendPacket();
  ASSERT_EQ(sink_->Publish(MakePublication(2, 1), kTimeout), absl::OkStatus());
  EXPECT_NE(access((damaged + "/program").c_str(), F_OK), 0);
  SendPacket();
  const absl::StatusOr<PlaneAudit> audit = sink_->Audit(kTimeout);
  ASSERT_TRUE(audit.ok()) << audit.status();
  EXPECT_TRUE(audit->faults.empty());
  Open();
  ASSERT_NE(sink_->State().image, nullptr);
  EXPECT_EQ(sink_->State().generation, 2u);
}

}  // namespace
}  // namespace evenkeel
