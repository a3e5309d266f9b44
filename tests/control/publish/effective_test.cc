// Images after images, as the pipeline compiles them: overlay, transitions, leases, and the way
// back.
#include "control/publish/effective.h"

#include <algorithm>
#include <map>

#include "control/config/parse.h"
#include "control/publish/compile.h"
#include "gtest/gtest.h"
#include "tests/control/app/sample_config.h"

namespace evenkeel {
namespace {

constexpr uint64_t kStart = 5000 * kSecondNs;

// One pool `web`; the clock is the test's.
class EffectiveTest : public testing::Test {
 protected:
  EffectiveTest() { Publish({100, 100, 100, 100}); }

  CompiledPtr Make(const std::vector<uint32_t>& weights, Succession succession) {
    ParseResult parsed = ParseConfig(SampleConfig({.weights = weights}));
    for (const Finding& finding : parsed.findings) EXPECT_EQ(finding.message, "");
    const Config& config = *parsed.config;
    const std::vector<bool> named =
        image_ == nullptr ? std::vector<bool>() : NamedBackends(*image_->image);
    absl::StatusOr<LeaseTable> leases =
        LeaseAll(config, leases_, absl::FromUnixSeconds(static_cast<int64_t>(now_ / kSecondNs)),
                 [&](uint16_t b) { return b >= named.size() || !named[b]; });
    EXPECT_TRUE(leases.ok());
    leases_ = *leases;
    succession.running = image_ == nullptr ? nullptr : image_->image.get();
    absl::StatusOr<CompiledPtr> compiled =
        Compile({.config = config,
                 .key = key_,
                 .leases = leases_,
                 .generation = ++generation_,
                 .revision = 1,
                 .standing_of =
                     [&](absl::string_view, const Address& address) {
                       const auto found = standings_.find(address);
                       return found == standings_.end() ? BackendStanding{} : found->second;
                     },
                 .succession = succession},
                &cache_);
    EXPECT_TRUE(compiled.ok()) << compiled.status();
    return compiled.ok() ? *compiled : nullptr;
  }
  void Publish(const std::vector<uint32_t>& weights, Succession succession = {}) {
    if (succession.now_ns == 0) succession.now_ns = now_;
    image_ = Make(weights, succession);
    ASSERT_NE(image_, nullptr);
  }

  const ImageView& image() const { return *image_->image; }
  std::span<const lb_slot> Slots() const {
    return image().tables()[image().pools()[0].table]->slots();
  }
  uint16_t IndexOf(size_t backend) const {
    const IpAddress address = AddressOf(backend);
    return leases_.Find(image().pools()[0].id, address.bytes())->index;
  }
  static IpAddress AddressOf(size_t backend) {
    return *IpAddress::Parse(absl::StrCat("10.0.1.", 11 + backend));
  }
  void Stand(size_t backend, lb_backend_state state, uint8_t steps) {
    standings_[AddressOf(backend).bytes()] = {.state = state, .steps = steps};
  }

  CompileCache cache_;
  LeaseTable leases_;
  ClusterKey key_{.bytes = {1, 2, 3}};
  uint64_t generation_ = 0;
  uint64_t now_ = kStart;
  std::map<Address, BackendStanding> standings_;
  CompiledPtr image_;
};

TEST_F(EffectiveTest, AFirstImageIsPure) {
  EXPECT_EQ(image().pools()[0].table, image().pools()[0].base_table);
  EXPECT_EQ(image().transitions().size(), 1u);
}

TEST_F(EffectiveTest, ASuspectBackendsSlotsOpenAndItsRecordSaysSo) {
  const std::vector<lb_slot> before(Slots().begin(), Slots().end());
  Stand(1, LB_BACKEND_SUSPECT, 0);
  Publish({100, 100, 100, 100});
  EXPECT_EQ(image().backends()[IndexOf(1)].state, LB_BACKEND_SUSPECT);
  EXPECT_NE(image().pools()[0].table, image().pools()[0].base_table);
  size_t moved = 0;
  for (size_t slot = 0; slot < before.size(); slot++) {
    if (lb_slot_backend(before[slot]) != IndexOf(1)) {
      ASSERT_EQ(Slots()[slot], before[slot]);
      continue;
    }
    moved++;
    ASSERT_NE(lb_slot_backend(Slots()[slot]), IndexOf(1));
    const lb_transition& t = image().transitions()[lb_slot_transition(Slots()[slot])];
    ASSERT_EQ(t.previous, IndexOf(1));
    ASSERT_EQ(t.armed_until_ns, 0u) << "a failure";
  }
  EXPECT_EQ(moved, before.size() / 4);
  EXPECT_EQ(image_->slots.opened, moved);
}

TEST_F(EffectiveTest, WhatRunsIsFoundAgainByteForByte) {
  Stand(1, LB_BACKEND_SUSPECT, 0);
  Stand(2, LB_BACKEND_UP, 3);
  Publish({100, 100, 100, 100});
  now_ += 950 * kSecondNs;
  Publish({100, 100, 50, 100});
  // A control that starts anew, hours later.
  const CompiledPtr again = Make({100, 100, 50, 100}, {});
  EXPECT_TRUE(SameContent(*again->image, image()));
}

TEST_F(EffectiveTest, ADrainedBackendIsPreviousOfItsSlots) {
  Publish({100, 100, 100});  // the fourth is removed: as a drain, and it leaves
  const uint16_t gone = leases_.leaving()[0].index;
  size_t open = 0;
  for (const lb_slot slot : Slots()) {
    const uint16_t reference = lb_slot_transition(slot);
    open += reference != 0 && image().transitions()[reference].previous == gone;
  }
  EXPECT_GT(open, Slots().size() / 5);
  EXPECT_EQ(image().backends()[gone].flags, LB_BACKEND_LEAVING);
}

TEST_F(EffectiveTest, ALeavingBackendStaysUntilNothingNamesIt) {
  Publish({100, 100, 100});
  const uint16_t gone = leases_.leaving()[0].index;
  now_ += 3600 * kSecondNs;
  Publish({100, 100, 100});  // the window is over: tail names nobody
  Publish({100, 100, 100});
  EXPECT_TRUE(leases_.leaving().empty()) << "named by nothing, one idle is over";
  EXPECT_TRUE(gone >= image().backends().size() ||
              image().backends()[gone].family == LB_FAMILY_NONE);
}

TEST_F(EffectiveTest, TailsEndByEvidenceAndTheTableIsTheBaseAgain) {
  Publish({100, 100, 100, 50});
  now_ += 901 * kSecondNs;
  const TailEvidence evidence(now_);
  Publish({100, 100, 100, 50}, {.evidence = &evidence});
  EXPECT_EQ(image().pools()[0].table, image().pools()[0].base_table);
  EXPECT_EQ(image().transitions().size(), 1u);
  EXPECT_GT(image_->slots.ended, 0u);
}

TEST_F(EffectiveTest, TheWayBackIsOpenTowardsTheTrialsNewFlows) {
  const CompiledPtr confirmed = image_;
  const uint64_t deadline = now_ + 300 * kSecondNs;
  Publish({100, 100, 100, 10}, {.open_at_least_ns = deadline});
  const CompiledPtr way_back = Make({100, 100, 100, 100}, {.now_ns = deadline});
  const auto base = confirmed->image->tables()[0]->slots();
  const lb_pool& pool = way_back->image->pools()[0];
  const auto back = way_back->image->tables()[pool.table]->slots();
  for (size_t slot = 0; slot < base.size(); slot++) {
    ASSERT_EQ(lb_slot_backend(back[slot]), lb_slot_backend(base[slot]));
    const bool moved = lb_slot_backend(Slots()[slot]) != lb_slot_backend(base[slot]);
    ASSERT_EQ(lb_slot_transition(back[slot]) != 0, moved);
    if (!moved) continue;
    const lb_transition& t = way_back->image->transitions()[lb_slot_transition(back[slot])];
    ASSERT_EQ(t.previous, lb_slot_backend(base[slot])) << "untracked flows are the old ones";
    ASSERT_EQ(t.armed_previous, lb_slot_backend(Slots()[slot])) << "UDP's are the trial's";
  }
}

}  // namespace
}  // namespace evenkeel
