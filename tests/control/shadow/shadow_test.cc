// A shadow beside what runs: it changes nothing, and what it says is what an apply then does.
#include "control/shadow/shadow_book.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "control/sample/sample_look.h"
#include "tests/control/app/change_rig.h"
#include "tests/control/sample/made_samples.h"

namespace evenkeel {
namespace {

class ShadowTest : public testing::Test, protected ChangeRig {
 protected:
  ShadowTest() { EXPECT_FALSE(Now(Text({100, 100, 100})).refusal); }

  ShadowStart Begin(const std::string& text, absl::Duration lasts = absl::Seconds(10)) {
    ShadowStart start =
        shadows_.Begin({.content = text, .file = "/etc/e.yaml", .reason = "test"}, lasts, kAlice);
    // It counts from when its candidate was ready, which takes as long as the machine is slow.
    if (start.view) at_ = start.view->since;
    return start;
  }

  std::string Checked(const std::vector<uint32_t>& weights) {
    return absl::StrReplaceAll(Text(weights), {{"    forward: ipip\n",
                                                "    forward: ipip\n"
                                                "    health: {tcp: {port: 80}}\n"}});
  }
  // Of its check; the planes run what it makes of the tables when this returns.
  void Verdict(size_t backend, bool passes) {
    HealthVerdict verdict;
    verdict.target =
        std::make_shared<HealthTarget>(HealthTargetsOf(pipeline_->Running()->config)[backend]);
    verdict.passing = passes;
    verdict.path_alive = true;
    verdict.last_error = passes ? "" : "connection refused";
    pipeline_->Take(verdict);
    EXPECT_TRUE(pipeline_->Settle());
  }

  // A second of flows, each with a SYN and a packet, as the tables that run decide them.
  void Look(int flows = 500) {
    const RunningPtr running = pipeline_->Running();
    SampleDecider decider(running->compiled->image);
    for (int i = 0; i < flows; ++i, ++next_) {
      for (const bool is_new : {true, false}) {
        lb_sample sample =
            MakeTcpSample(next_, static_cast<uint16_t>(1024 + next_ % 50'000), 100, is_new);
        sample.backend = decider.Decide(sample).backend;
        sample.generation = static_cast<uint32_t>(running->generation);
        plane_.AddSample(sample);
        seen_.push_back(sample);
      }
    }
    samples_.See(at_ += absl::Seconds(1));
  }

  // Shares of the flows that were seen, by the tables that run now.
  std::map<std::string, double> SharesNow() {
    const RunningPtr running = pipeline_->Running();
    SampleDecider decider(running->compiled->image);
    const ImageNames names(running->config, *running->compiled->image);
    std::map<std::string, double> shares;
    for (const lb_sample& sample : seen_) {
      shares[names.Backend(decider.Decide(sample).backend)] += 1.0 / seen_.size();
    }
    return shares;
  }

  absl::Time at_ = absl::Now();
  uint32_t next_ = 0;
  std::vector<lb_sample> seen_;
  Traffic traffic_{{&plane_}};
  ShadowBook shadows_{pipeline_.get()};
  SampleLook samples_{pipeline_.get(), &traffic_, &shadows_};
};

TEST_F(ShadowTest, SaysWhatTheChangeThenDoesAndChangesNothingBefore) {
  const uint64_t generation = plane_.State().generation;
  const std::string change = Text({100, 300, 100, 50});
  const ShadowStart start = Begin(change);
  ASSERT_FALSE(start.refusal) << start.refusal->message;
  EXPECT_EQ(start.view->base_revision, 1);
  for (int i = 0; i < 5; ++i) Look();
  ASSERT_TRUE(shadows_.View()->is_running);
  const std::map<std::string, double> before = SharesNow();
  for (int i = 0; i < 6; ++i) samples_.See(at_ += absl::Seconds(1));
  const ShadowView ended = *shadows_.View();
  EXPECT_FALSE(ended.is_running);
  EXPECT_EQ(ended.ended_early, "");
  EXPECT_EQ(plane_.State().generation, generation);
  EXPECT_EQ(pipeline_->History()->size(), 1u);
  EXPECT_EQ(ended.report.samples, 5000u);
  ASSERT_EQ(ended.report.services.size(), 1u);
  const ShadowService& service = ended.report.services[0];
  EXPECT_EQ(service.service, "http");
  EXPECT_EQ(service.new_flows, 2500u);
  EXPECT_TRUE(service.refused.empty());
  EXPECT_NEAR(service.flows, 2500, 8 * 0.0325 * 2500);
  EXPECT_GT(service.flows_moved, 0u);

  ASSERT_FALSE(Now(change).refusal);
  const std::map<std::string, double> after = SharesNow();
  ASSERT_EQ(service.backends.size(), 4u);
  for (const ShadowBackend& backend : service.backends) {
    const auto share = [&](const std::map<std::string, double>& shares) {
      const auto found = shares.find(backend.name);
      return found == shares.end() ? 0 : found->second;
    };
    // The same flows, the same core: to the last one.
    EXPECT_NEAR(*backend.new_flows.candidate, share(after), 1e-9) << backend.name;
    EXPECT_NEAR(*backend.packets.candidate, share(after), 1e-9) << backend.name;
    EXPECT_NEAR(*backend.new_flows.running, share(before), 1e-9) << backend.name;
    EXPECT_GT(*backend.error, 0);
    EXPECT_LT(*backend.error, 0.025);
  }
}

TEST_F(ShadowTest, CountsWhatTheCandidateWouldNotForward) {
  std::string without = Text({100, 100, 100});
  const size_t http = without.find("  http:");
  without.erase(http, without.find('\n', http) + 1 - http);
  const ShadowStart start = Begin(without);
  ASSERT_FALSE(start.refusal) << start.refusal->message;
  Look();
  const ShadowService service = shadows_.View()->report.services.at(0);
  EXPECT_EQ(service.refused, (std::map<std::string, uint64_t>{{"vip_unmatched", 1000}}));
  EXPECT_EQ(*service.new_flows_moved, 1);
  for (const ShadowBackend& backend : service.backends) EXPECT_EQ(*backend.packets.candidate, 0);
}

TEST_F(ShadowTest, TheSameContentMovesNothing) {
  ASSERT_FALSE(Begin(Text({100, 100, 100})).refusal);
  Look();
  const ShadowService service = shadows_.View()->report.services.at(0);
  EXPECT_EQ(service.flows_moved, 0u);
  EXPECT_EQ(*service.new_flows_moved, 0);
}

TEST_F(ShadowTest, IsRefusedWhereAnApplyWouldNotBeRead) {
  const ShadowStart bad = Begin("schema: evenkeel/v1\n");
  ASSERT_TRUE(bad.refusal);
  EXPECT_EQ(bad.refusal->code, "invalid");
  EXPECT_FALSE(bad.findings.empty());
  EXPECT_EQ(Begin(Text({1}), absl::Seconds(1)).refusal->code, "usage");
  EXPECT_FALSE(shadows_.View());
}

// Guards stop a change; to see what it would do is no change.
TEST_F(ShadowTest, GuardsAreToldAndNotObeyed) {
  ASSERT_FALSE(Now(Text({100, 100, 100}, "blast_radius: {weight_lost: 10%}")).refusal);
  const std::string change = Text({100}, "blast_radius: {weight_lost: 10%}");
  EXPECT_TRUE(Now(change).refusal);
  const ShadowStart start = Begin(change);
  ASSERT_FALSE(start.refusal) << start.refusal->message;
  EXPECT_TRUE(HasErrors(start.findings));
}

TEST_F(ShadowTest, OneAtATimeAndNoneBesideATrial) {
  ASSERT_FALSE(Begin(Text({100, 200, 100})).refusal);
  const ShadowStart second = Begin(Text({100, 100, 200}));
  ASSERT_TRUE(second.refusal);
  EXPECT_TRUE(absl::StrContains(second.refusal->message, "alice")) << second.refusal->message;
  ASSERT_FALSE(Try(Text({100, 150, 100})).refusal);
  Look(1);
  EXPECT_FALSE(shadows_.View()->is_running);
  EXPECT_TRUE(absl::StrContains(shadows_.View()->ended_early, "revision 2 runs now"));
  EXPECT_TRUE(Begin(Text({100, 100, 200})).refusal);
}

// A backend that dies and comes back moves slots of both tables.
TEST_F(ShadowTest, HowBackendsStandMovesNothingOfItsOwn) {
  ASSERT_FALSE(Now(Checked({100, 100, 100})).refusal);
  for (size_t backend = 0; backend < 3; ++backend) Verdict(backend, true);
  ASSERT_FALSE(Begin(Checked({100, 100, 100})).refusal);
  const auto first = [this] { return shadows_.View()->report.services.at(0); };
  Look();
  EXPECT_FALSE(shadows_.View()->moved);
  const double share = *first().backends.at(0).new_flows.candidate;
  EXPECT_GT(share, 0);

  Verdict(0, false);
  Look();
  EXPECT_EQ(shadows_.View()->moved, at_);
  EXPECT_EQ(shadows_.View()->base_generation, pipeline_->Running()->generation);
  EXPECT_NEAR(*first().backends.at(0).new_flows.candidate, share / 2, 1e-9) << "it got new flows";
  Verdict(0, true);
  Look();
  EXPECT_GT(*first().backends.at(0).new_flows.candidate, share / 3) << "it got none";

  EXPECT_EQ(first().new_flows, 1500u);
  EXPECT_EQ(first().flows_moved, 0u);
  EXPECT_EQ(*first().new_flows_moved, 0);
  for (const ShadowBackend& backend : first().backends) {
    EXPECT_EQ(backend.new_flows.candidate, backend.new_flows.running) << backend.name;
  }
  EXPECT_TRUE(absl::StrContains(SummaryOf(*shadows_.View()), "followed how backends stand"));
}

// What the planes decided before a backend fell is not held against tables of after, nor the other
// way round.
TEST_F(ShadowTest, ComparesOnlyTablesOfTheSameMoment) {
  ASSERT_FALSE(Now(Checked({100, 100, 100})).refusal);
  for (size_t backend = 0; backend < 3; ++backend) Verdict(backend, true);
  ASSERT_FALSE(Begin(Checked({100, 100, 100})).refusal);
  const RunningPtr before = pipeline_->Running();
  SampleDecider decider(before->compiled->image);
  for (uint32_t client = 0; client < 100; ++client) {
    lb_sample sample = MakeTcpSample(client, 1024, 100, true);
    sample.backend = decider.Decide(sample).backend;
    sample.generation = static_cast<uint32_t>(before->generation);
    plane_.AddSample(sample);
  }
  Verdict(0, false);  // within the second
  Look(200);
  const ShadowView view = *shadows_.View();
  EXPECT_EQ(view.report.services.at(0).new_flows, 200u);
  EXPECT_EQ(view.report.services.at(0).flows_moved, 0u);
  EXPECT_TRUE(view.is_running);
}

// Connections stay where they are when a slot of theirs moves: neither table has a part in that.
TEST_F(ShadowTest, AFlowThatFollowsAFormerOwnerIsMovedByNobody) {
  ASSERT_FALSE(Now(Text({100, 200, 100})).refusal);
  ASSERT_FALSE(Begin(Text({100, 200, 100})).refusal);
  const RunningPtr running = pipeline_->Running();
  SampleDecider decider(running->compiled->image);
  lb_sample sample = MakeTcpSample(1, 1024, 100);
  const uint16_t owner = decider.Decide(sample).backend;
  sample.generation = static_cast<uint32_t>(running->generation);
  sample.state = LB_SLOT_OPEN;
  sample.backend = static_cast<uint16_t>((owner + 1) % 3);
  plane_.AddSample(sample);
  samples_.See(at_ += absl::Seconds(1));
  const ShadowService service = shadows_.View()->report.services.at(0);
  EXPECT_EQ(service.flows, 1u);
  EXPECT_EQ(service.flows_moved, 0u);
}

// The tables of a change keep out whom the running ones keep out, and let in whom it adds.
TEST_F(ShadowTest, AChangeIsOfBackendsAsTheyStand) {
  ASSERT_FALSE(Now(Checked({100, 100, 100})).refusal);
  for (size_t backend = 0; backend < 3; ++backend) Verdict(backend, true);
  Verdict(1, false);
  ASSERT_FALSE(Begin(Checked({100, 300, 100, 100})).refusal);
  Look();
  const std::vector<ShadowBackend> fallen = shadows_.View()->report.services.at(0).backends;
  ASSERT_EQ(fallen.size(), 3u);
  for (const ShadowBackend& backend : fallen) EXPECT_NE(backend.name, "web/b2");
  EXPECT_EQ(fallen.back().name, "web/b4");
  Verdict(1, true);
  Look(3000);
  const std::vector<ShadowBackend> all = shadows_.View()->report.services.at(0).backends;
  ASSERT_EQ(all.size(), 4u);
  EXPECT_EQ(all[1].name, "web/b2");
  EXPECT_GT(*all[1].new_flows.candidate, *all[1].new_flows.running);
  EXPECT_GT(*all[1].new_flows.running, 0.1);
}

TEST_F(ShadowTest, BeginningAndReportAreInTheAuditLog) {
  ASSERT_FALSE(Begin(Text({100, 300, 100})).refusal);
  Look();
  samples_.See(at_ += absl::Seconds(60));
  const std::vector<std::string> events = Events();
  EXPECT_EQ(std::count(events.begin(), events.end(), "shadow"), 2);
  EXPECT_TRUE(absl::StrContains(SummaryOf(*shadows_.View()), "flows would go elsewhere"));
}

}  // namespace
}  // namespace evenkeel
