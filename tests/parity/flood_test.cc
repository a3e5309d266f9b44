// A flood of SYNs from random addresses, a million of them, through both planes: at rest it leaves
// no trace; while slots are in transition it stays within the quota of pending flows, established
// connections stay where they are, and new honest ones succeed. The program's part needs root, and
// skips without.
#include <bpf/bpf.h>
#include <gtest/gtest.h>

#include <cstring>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "tests/bpf/run_bpf.h"
#include "tests/packets/run_native.h"
#include "tests/packets/stories.h"
#include "tests/packets/virtual_time.h"
#include "tests/support/seed.h"

namespace evenkeel::packets {
namespace {

constexpr uint32_t kBuckets = 4096;  // few for a million
constexpr int kFlood = 1'000'000;
constexpr int kEstablished = 500;
constexpr int kBetweenHonest = 500;
constexpr uint32_t kSequence = 0x51000000;

class Plane {
 public:
  virtual ~Plane() = default;
  virtual void SetTables(const TablesSpec& spec) = 0;
  // The outer header's destination; "": it did not leave.
  virtual std::string Send(const Bytes& frame) = 0;
  virtual void Flood(const Bytes& frame) = 0;
  virtual lb_flow_head Head() const = 0;
  virtual std::span<const lb_flow_bucket> Flows() = 0;
};

std::string OuterDestination(const Bytes& out) {
  if (out.size() < 34) return "";
  return std::to_string(out[30]) + "." + std::to_string(out[31]) + "." + std::to_string(out[32]) +
         "." + std::to_string(out[33]);
}

// A second passes every 50,000 packets.
class NativePlane : public Plane {
 public:
  void SetTables(const TablesSpec& spec) override {
    TablesSpec now = spec;
    now.start_ns = now_ns_;
    tables_ = std::make_unique<Tables>(now);
  }
  std::string Send(const Bytes& frame) override {
    now_ns_ += 20'000;
    return OuterDestination(RunNative(flows_.Over(tables_->view(), now_ns_), frame).out);
  }
  void Flood(const Bytes& frame) override { Send(frame); }
  lb_flow_head Head() const override { return flows_.head(); }
  std::span<const lb_flow_bucket> Flows() override { return flows_.buckets(); }

 private:
  uint64_t now_ns_ = 1'000'000'000'000;
  NativeFlows flows_{kBuckets};
  std::unique_ptr<Tables> tables_;
};

class BpfPlane : public Plane {
 public:
  explicit BpfPlane(std::unique_ptr<BpfCore> core) : core_(std::move(core)) {}
  void SetTables(const TablesSpec& spec) override {
    TablesSpec now = spec;
    now.start_ns = BootNs();
    core_->SetTables(Tables(now));
  }
  std::string Send(const Bytes& frame) override { return OuterDestination(core_->Run(frame).out); }
  void Flood(const Bytes& frame) override {
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(),
                .data_size_in = static_cast<uint32_t>(frame.size()), .repeat = 1);
    ASSERT_EQ(bpf_prog_test_run_opts(core_->program(), &options), 0);
  }
  lb_flow_head Head() const override { return core_->flow_head(); }
  std::span<const lb_flow_bucket> Flows() override { return core_->flows(); }

 private:
  std::unique_ptr<BpfCore> core_;
};

Bytes Segment(uint32_t client, uint8_t flags, uint32_t sequence) {
  const Address source = ParseAddress("198.51.100.2"), vip = ParseAddress("203.0.113.10");
  Bytes frame = Ethernet({}, Ip({.source = source, .destination = vip},
                                Tcp({.source = source,
                                     .destination = vip,
                                     .source_port = static_cast<uint16_t>(1024 + client % 60'000),
                                     .destination_port = 80,
                                     .flags = flags,
                                     .sequence = sequence})));
  return frame;
}

class Flood {
 public:
  explicit Flood(Plane* plane)
      : plane_(*plane), random_(TestSeed()), spoofed_(Segment(0, kTcpSyn, 0)) {}

  void Run() {
    TablesSpec rest = MovedTables();
    for (PoolSpec& pool : rest.pools) pool.backends.resize(1);
    for (PoolSpec& pool : rest.pools) pool.backends[0].owns_slots = true;
    plane_.SetTables(rest);
    CheckEstablished(kOldBackend4);
    for (int i = 0; i < kFlood; ++i) Spoof();
    CheckEstablished(kOldBackend4);
    for (const lb_flow_bucket& bucket : plane_.Flows()) {
      for (const uint64_t entry : bucket.entry)
        ASSERT_EQ(entry, 0u) << "at rest nothing is tracked";
    }

    plane_.SetTables(MovedTables());
    CheckEstablished(kOldBackend4);
    BeginSome();
    int honest = 0, succeeded = 0;
    for (int i = 0; i < kFlood; i += kBetweenHonest) {
      const uint32_t client = 2 * kEstablished + static_cast<uint32_t>(honest++);
      const std::string begun = plane_.Send(Segment(client, kTcpSyn, kSequence));
      for (int n = 0; n < kBetweenHonest; ++n) Spoof();
      succeeded += plane_.Send(Segment(client, kTcpAck, kSequence + 1)) == begun;
      ASSERT_LE(plane_.Head().occupied[LB_ENTRY_PENDING], uint64_t{LB_PENDING_QUOTA} * kBuckets);
    }
    EXPECT_GT(plane_.Head().inserted[LB_ENTRY_PENDING], kBuckets) << "the flood was tracked";
    EXPECT_GT(plane_.Head().refused[LB_REFUSED_QUOTA], uint64_t{kFlood} / 10);
    EXPECT_EQ(plane_.Head().evicted[LB_ENTRY_FIRM], 0u);
    EXPECT_GE(succeeded * 100, honest * 99) << succeeded << " of " << honest;
    CheckEstablished(kOldBackend4);
    CheckBegun();
  }

 private:
  void Spoof() {
    const auto put = [&](size_t at, auto value) {
      std::memcpy(&spoofed_[at], &value, sizeof(value));
    };
    put(26, static_cast<uint32_t>(random_()));  // source address
    put(34, static_cast<uint16_t>(random_()));  // source port
    put(38, static_cast<uint32_t>(random_()));  // sequence number
    plane_.Flood(spoofed_);
  }
  // From before the move.
  void CheckEstablished(const std::string& backend) {
    for (uint32_t client = 0; client < kEstablished; ++client) {
      ASSERT_EQ(plane_.Send(Segment(client, kTcpAck, kSequence + 1)), backend) << client;
    }
  }
  // Connections of after the move, complete before the flood.
  void BeginSome() {
    for (uint32_t client = kEstablished; client < 2 * kEstablished; ++client) {
      ASSERT_EQ(plane_.Send(Segment(client, kTcpSyn, kSequence)), kNewBackend4);
      ASSERT_EQ(plane_.Send(Segment(client, kTcpAck, kSequence + 1)), kNewBackend4);
    }
  }
  void CheckBegun() {
    for (uint32_t client = kEstablished; client < 2 * kEstablished; ++client) {
      ASSERT_EQ(plane_.Send(Segment(client, kTcpAck, kSequence + 1)), kNewBackend4) << client;
    }
  }

  Plane& plane_;
  std::mt19937_64 random_;
  Bytes spoofed_;
};

TEST(FloodTest, TheWorkersCoreStandsAFlood) {
  NativePlane plane;
  Flood flood(&plane);
  flood.Run();
}

TEST(FloodTest, TheProgramStandsAFlood) {
  absl::StatusOr<std::unique_ptr<BpfCore>> core = BpfCore::Load(kBuckets);
  if (absl::IsPermissionDenied(core.status())) GTEST_SKIP() << "needs root: loads BPF programs";
  ASSERT_TRUE(core.ok()) << core.status();
  ASSERT_TRUE(StayOnOneCpu());
  BpfPlane plane(*std::move(core));
  Flood flood(&plane);
  flood.Run();
}

}  // namespace
}  // namespace evenkeel::packets
