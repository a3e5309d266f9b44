// The operator's calls, bound to callers who may and who may not make them.
#include "control/api/control_service.h"

#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "control/api/evenkeel.grpc.pb.h"
#include "tests/control/app/sample_config.h"
#include "tests/control/app/temp_dir.h"
#include "tests/control/publish/fake_sink.h"

namespace evenkeel {
namespace {

using Stub = v1::Control::Service;

class ControlServiceTest : public testing::Test {
 protected:
  ControlServiceTest() {
    store_ = *Store::Open(dir_.path());
    pipeline_ = *Pipeline::Create(store_.get(), {&plane_}, {});
    pipeline_->Start();
    plane_.Connect();
    traffic_ = std::make_unique<Traffic>(pipeline_->sinks());
    guard_ = std::make_unique<TrialGuard>(
        pipeline_.get(),
        [] {
          return [](const std::vector<HealthTarget>& targets, const Network&) {
            return std::vector<ProbeReport>(targets.size());
          };
        },
        [] { return std::map<std::string, double>(); });
    shadows_ = std::make_unique<ShadowBook>(pipeline_.get());
    root_ = As(Role::kChange);
  }
  ~ControlServiceTest() override { plane_.Stop(); }

  std::shared_ptr<grpc::Service> As(Role role) {
    return MakeControlService(pipeline_.get(), traffic_.get(), guard_.get(), shadows_.get(),
                              {.who = {.uid = 1000, .name = "alice"}, .role = role});
  }
  template <typename Reply, typename Request>
  Reply Call(grpc::Service& service,
             grpc::Status (Stub::*method)(grpc::ServerContext*, const Request*, Reply*),
             const Request& request) {
    Reply reply;
    EXPECT_TRUE((static_cast<Stub&>(service).*method)(nullptr, &request, &reply).ok());
    return reply;
  }
  // The code of the error that the call answers with; empty: none.
  template <typename Reply, typename Request>
  std::string Code(grpc::Service& service,
                   grpc::Status (Stub::*method)(grpc::ServerContext*, const Request*, Reply*),
                   const Request& request) {
    return Call(service, method, request).error().code();
  }

  v1::ApplyReply Apply(grpc::Service& service, const std::vector<uint32_t>& weights) {
    v1::ApplyRequest request;
    request.set_content(Text(weights));
    request.set_file("/etc/e.yaml");
    request.set_reason("test");
    request.set_confirm("now");
    return Call(service, &Stub::Apply, request);
  }
  std::string Text(const std::vector<uint32_t>& weights) {
    return SampleConfig({.key_file = dir_ / "key", .weights = weights, .slots = 4096});
  }

  TempDir dir_;
  FakeSink plane_;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Pipeline> pipeline_;
  std::unique_ptr<Traffic> traffic_;
  std::unique_ptr<TrialGuard> guard_;
  std::unique_ptr<ShadowBook> shadows_;
  std::shared_ptr<grpc::Service> root_;
};

TEST_F(ControlServiceTest, ATrialThatCouldProveNothingMayNotConfirmItself) {
  ASSERT_FALSE(Apply(*root_, {100, 100, 100}).has_error());
  v1::ApplyRequest request;
  request.set_content(Text({100, 100, 90}));
  request.set_file("/etc/e.yaml");
  request.set_reason("test");
  request.set_confirm("auto");
  const v1::ApplyReply reply = Call(*root_, &Stub::Apply, request);
  EXPECT_EQ(reply.error().code(), "refused") << "no traffic flows";
  EXPECT_FALSE(pipeline_->Trial());
}

TEST_F(ControlServiceTest, LetsNobodyChangeWhoMayOnlyLook) {
  for (const Role role : {Role::kNone, Role::kLook}) {
    const std::shared_ptr<grpc::Service> service = As(role);
    EXPECT_EQ(Apply(*service, {1, 1}).error().code(), "permission");
    EXPECT_EQ(Code(*service, &Stub::Confirm, {}), "permission");
    EXPECT_EQ(Code(*service, &Stub::Rollback, {}), "permission");
    EXPECT_EQ(Code(*service, &Stub::Drain, {}), "permission");
    EXPECT_EQ(Code(*service, &Stub::Undrain, {}), "permission");
    EXPECT_EQ(Code(*service, &Stub::Detach, {}), "permission");
  }
  EXPECT_EQ(pipeline_->Running(), nullptr);
}

TEST_F(ControlServiceTest, LetsNobodyLookWithoutPermission) {
  Apply(*root_, {1, 1});
  v1::PlanRequest plan;
  plan.set_content(Text({1, 2}));
  v1::ShowRequest show;
  show.set_revision(1);
  for (const auto& [role, code] : {std::pair(Role::kNone, "permission"), {Role::kLook, ""}}) {
    const std::shared_ptr<grpc::Service> service = As(role);
    EXPECT_EQ(Code(*service, &Stub::Plan, plan), code);
    EXPECT_EQ(Code(*service, &Stub::History, {}), code);
    EXPECT_EQ(Code(*service, &Stub::Show, show), code);
    EXPECT_EQ(Code(*service, &Stub::Audit, {}), code);
    EXPECT_EQ(Code(*service, &Stub::Status, {}), code);
    EXPECT_EQ(Code(*service, &Stub::Drops, {}), code);
  }
}

TEST_F(ControlServiceTest, APermissionDeniedSaysWhoMay) {
  const v1::Error error = Apply(*As(Role::kLook), {1, 1}).error();
  EXPECT_EQ(error.message(), "alice may not call apply on this evenkeeld");
  EXPECT_TRUE(absl::StrContains(error.hint(), "--change-group")) << error.hint();
}

TEST_F(ControlServiceTest, PlansAgainstWhatRuns) {
  v1::PlanRequest request;
  request.set_content(Text({1, 1}));
  EXPECT_EQ(Call(*root_, &Stub::Plan, request).base_revision(), 0);
  Apply(*root_, {1, 1});
  request.set_content(Text({1, 3}));
  (*request.mutable_new_flows())["http"] = 10;
  const v1::PlanReply plan = Call(*root_, &Stub::Plan, request);
  EXPECT_EQ(plan.base_revision(), 1);
  EXPECT_EQ(plan.digest().size(), 64u);
  ASSERT_EQ(plan.services_size(), 2);
  EXPECT_NEAR(plan.services(0).backends(1).share_after(), 0.75, 0.001);
  EXPECT_GT(plan.connections_at_risk(), 0);
}

TEST_F(ControlServiceTest, APlanOfABrokenFileIsARefusalWithoutDigest) {
  v1::PlanRequest request;
  request.set_content("schema: 1\n");
  const v1::PlanReply plan = Call(*root_, &Stub::Plan, request);
  EXPECT_FALSE(plan.has_error());
  EXPECT_FALSE(plan.has_digest());
  EXPECT_EQ(plan.verdict(), "refuse");
  EXPECT_GT(plan.findings_size(), 0);
  EXPECT_TRUE(plan.has_evidence());
}

TEST_F(ControlServiceTest, TellsTheHistoryAndShowsFiles) {
  Apply(*root_, {1, 1});
  Apply(*root_, {1, 2});
  const v1::HistoryReply history = Call(*root_, &Stub::History, {});
  ASSERT_EQ(history.revisions_size(), 2);
  EXPECT_EQ(history.revisions(0).revision(), 2);
  EXPECT_EQ(history.revisions(0).base_revision(), 1);
  EXPECT_EQ(history.revisions(1).state(), "confirmed");
  EXPECT_EQ(history.revisions(1).who(), "alice");
  EXPECT_EQ(history.revisions(1).reason(), "test");
  v1::ShowRequest request;
  request.set_revision(1);
  EXPECT_EQ(Call(*root_, &Stub::Show, request).content(), Text({1, 1}));
  request.set_revision(3);
  EXPECT_EQ(Code(*root_, &Stub::Show, request), "not_found");
  v1::AwaitTrialRequest await;
  await.set_revision(3);
  EXPECT_EQ(Code(*root_, &Stub::AwaitTrial, await), "not_found");
}

TEST_F(ControlServiceTest, RefusesADrainUntilNoTime) {
  v1::DrainRequest request;
  request.set_until("tomorrow");
  EXPECT_EQ(Code(*root_, &Stub::Drain, request), "usage");
}

TEST_F(ControlServiceTest, AShadowPublishesNothingAndIsAskedForByItsNumber) {
  EXPECT_EQ(Apply(*root_, {100, 100}).error().code(), "");
  const uint64_t generation = plane_.State().generation;
  v1::ApplyRequest request;
  request.set_content(Text({100, 300}));
  request.set_file("/etc/e.yaml");
  request.set_reason("test");
  request.set_shadow(true);
  const auto begun = Call<v1::ApplyReply>(*root_, &Stub::Apply, request);
  EXPECT_EQ(begun.error().code(), "") << begun.error().message();
  EXPECT_EQ(begun.result().revision(), 1);
  EXPECT_TRUE(begun.shadow().running());
  EXPECT_EQ(begun.shadow().seconds_left(), 60);
  EXPECT_EQ(plane_.State().generation, generation);
  EXPECT_EQ(Code<v1::ApplyReply>(*root_, &Stub::Apply, request), "refused") << "one at a time";
  EXPECT_EQ(Code<v1::ApplyReply>(*As(Role::kLook), &Stub::Apply, request), "permission");
  v1::AwaitShadowRequest await;
  await.set_number(begun.shadow().number());
  EXPECT_TRUE(Call<v1::ApplyReply>(*As(Role::kLook), &Stub::AwaitShadow, await).shadow().running());
  await.set_number(99);
  EXPECT_EQ(Code<v1::ApplyReply>(*root_, &Stub::AwaitShadow, await), "not_found");
  EXPECT_TRUE(Call<v1::StatusReply>(*root_, &Stub::Status, v1::StatusRequest()).has_shadow());
}

}  // namespace
}  // namespace evenkeel
