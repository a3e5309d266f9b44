// evenkeeld's pipeline over a plane and a clock of the test's own, without its thread: Settle() is
// one round of what the thread would do, so a test is the same at every run. Killing it at a step
// and starting it again is part of the rig.
#ifndef TESTS_CONTROL_APP_CHANGE_RIG_H_
#define TESTS_CONTROL_APP_CHANGE_RIG_H_

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "control/pipeline.h"
#include "tests/control/app/sample_config.h"
#include "tests/control/app/temp_dir.h"
#include "tests/control/publish/fake_sink.h"

namespace evenkeel {

inline const Who kAlice{.uid = 1000, .name = "alice"};
inline const Who kBob{.uid = 1001, .name = "bob"};

class FakeClock : public Clock {
 public:
  absl::Time Now() const override { return now_; }
  uint64_t BootNs() const override { return boot_ns_; }
  std::string BootId() const override { return boot_id_; }

  void Advance(absl::Duration by) {
    now_ += by;
    boot_ns_ += static_cast<uint64_t>(absl::ToInt64Nanoseconds(by));
  }
  // The wall clock alone, as NTP would.
  void StepWall(absl::Duration by) { now_ += by; }
  void Reboot() {
    boot_ns_ = 5'000'000'000;
    boot_id_ += "'";
  }

 private:
  absl::Time now_ = absl::FromUnixSeconds(1'790'000'000);
  uint64_t boot_ns_ = 1'000'000'000'000;
  std::string boot_id_ = "boot";
};

// Thrown by the observer of steps: what follows never happens, as after kill -9.
struct Killed {};

class ChangeRig {
 public:
  ChangeRig() {
    plane_.Connect();
    Start();
  }

  void Start() {
    Stop();
    absl::StatusOr<std::unique_ptr<Store>> store = Store::Open(dir_.path());
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    absl::StatusOr<std::unique_ptr<Pipeline>> pipeline =
        Pipeline::Create(store_.get(), {&plane_},
                         {.clock = &clock_,
                          .at_step =
                              [this](absl::string_view step) {
                                steps_.emplace_back(step);
                                if (kill_at_ && steps_.size() == *kill_at_) throw Killed();
                              },
                          .probe =
                              [this](const Config&, absl::Duration within) {
                                probes_.push_back(within);
                                return probe_finds_;
                              }});
    ASSERT_TRUE(pipeline.ok()) << pipeline.status();
    pipeline_ = *std::move(pipeline);
  }
  void Stop() {
    pipeline_.reset();
    store_.reset();
  }
  // The plane sees a new connection, as it does of a new process.
  void Restart() {
    Stop();
    plane_.Disconnect();
    plane_.Connect();
    Start();
    pipeline_->Settle();
  }
  // Planes and all.
  void Reboot() {
    Stop();
    plane_.Restart();
    clock_.Reboot();
    plane_.Connect();
    Start();
    pipeline_->Settle();
  }
  // What both sides do when time passes: the plane goes back by itself at the deadline.
  void Advance(absl::Duration by) {
    clock_.Advance(by);
    const std::optional<PlaneTrial> trial = plane_.State().trial;
    if (trial && clock_.BootNs() >= trial->deadline_ns) plane_.PassDeadline();
    pipeline_->Settle();
  }

  std::string Text(const std::vector<uint32_t>& weights, const std::string& safety = "") {
    SampleOptions options{.key_file = dir_ / "cluster.key", .weights = weights, .slots = 4096};
    if (!safety.empty()) options.safety = safety;
    return SampleConfig(options);
  }
  ApplyOutcome Now(const std::string& text) {
    return pipeline_->Apply({.content = text, .file = "", .reason = "test", .confirm = "now"},
                            kAlice);
  }
  ApplyOutcome Try(const std::string& text) {
    return pipeline_->Apply({.content = text, .file = "", .reason = "test"}, kAlice);
  }

  int64_t PlaneRevision() { return plane_.running() == nullptr ? 0 : plane_.running()->revision; }
  RevisionState StateOf(int64_t revision) {
    const absl::StatusOr<std::optional<Revision>> found = store_->Find(revision);
    return found.ok() && found->has_value() ? (*found)->state : RevisionState::kFailed;
  }
  std::vector<std::string> Events() {
    std::vector<std::string> events;
    absl::StatusOr<Database> database = Database::OpenToRead(dir_ / "control.db");
    absl::StatusOr<Statement> read = database->Prepare("SELECT event FROM audit ORDER BY entry");
    while (*read->Step()) events.push_back(read->Text(0));
    return events;
  }

  TempDir dir_;
  FakeClock clock_;
  FakeSink plane_;
  std::vector<std::string> steps_;
  std::optional<size_t> kill_at_;       // the step, from 1
  std::vector<absl::Duration> probes_;  // for how long backends were asked at most
  std::vector<Finding> probe_finds_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Pipeline> pipeline_;
};

}  // namespace evenkeel

#endif  // TESTS_CONTROL_APP_CHANGE_RIG_H_
