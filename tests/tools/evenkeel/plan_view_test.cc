#include "tools/evenkeel/plan_view.h"

#include "control/api/plan_message.h"
#include "gtest/gtest.h"
#include "tests/control/plan/change.h"

namespace evenkeel::cli {
namespace {

constexpr Terminal kPlain{};
constexpr Terminal kUnicode{.unicode = true};
constexpr Terminal kColor{.interactive = true, .color = true, .unicode = true};

v1::PlanReply OneOfFourGoes() {
  return ToMessage(
      Planned(Sample{.weights = {100, 100, 100, 100}}, Sample{.weights = {100, 100, 100}}));
}

TEST(PlanViewTest, ShowsAChangeAtAGlance) {
  const v1::PlanReply plan = OneOfFourGoes();
  EXPECT_EQ(RenderPlan(plan, "new.yaml", "old.yaml", kUnicode),
            absl::StrCat("ALLOW  new.yaml against old.yaml\n        plan ", plan.digest(), R"(

pool web  65536 slots, for https, quic
  25.10% of the slots move, 0.10% beyond the unavoidable; 25.0% of the healthy weight goes
  BACKEND  WEIGHT  BEFORE                     AFTER                     ASKED  CHANGE
  web-1       100  25.00%  ███████████│      33.33%  ███████████████│  33.33%  x1.33
  web-2       100  25.00%  ███████████│      33.33%  ███████████████│  33.33%  x1.33
  web-3       100  25.00%  ███████████│      33.33%  ███████████████│  33.33%  x1.33
  web-4         -  25.00%  ███████████│       0.00%  │                  0.00%  removed

  connections at risk  not known, since no rate of new flows is (--new-flows tells one)
  if lost              web/web-1: web/web-2 gets 1.50 times its share
  if lost              web/web-2 + web/web-3: web/web-1 gets 3.00 times its share
  a trial needs        658 new flows

new.yaml:9:5: warning F19 pools.web.backends: web-4 is removed while serving 25.0% of the connections, which stay with it until they end; it is checked no more
    drain first (`drain: {reason: …, until: …}`), and remove it once its connections are gone
new.yaml: 1 warning
)"));
}

TEST(PlanViewTest, PaintsOnlyWhereTheTerminalHasColours) {
  const v1::PlanReply plan = OneOfFourGoes();
  EXPECT_EQ(RenderPlan(plan, "new.yaml", "old.yaml", kPlain).find('\x1b'), std::string::npos);
  EXPECT_NE(RenderPlan(plan, "new.yaml", "old.yaml", kColor).find("\x1b[32mALLOW"),
            std::string::npos);
}

TEST(PlanViewTest, SaysOfRefusalsWhatWasFound) {
  const v1::PlanReply plan =
      ToMessage(Planned(Sample{.weights = {100, 100, 100, 100}}, Sample{.weights = {100}}));
  const std::string text = RenderPlan(plan, "new.yaml", "old.yaml", kPlain);
  EXPECT_EQ(text.substr(0, 6), "REFUSE");
  EXPECT_NE(text.find("error F12 pools.web: loses 75.0% of its healthy weight"), std::string::npos)
      << text;
}

TEST(PlanViewTest, ShowsOfManyBackendsThoseThatChangeMost) {
  std::vector<int> weights(100, 100);
  const Sample before{.weights = weights};
  weights[50] = 50;
  const std::string text = RenderPlan(ToMessage(Planned(before, Sample{.weights = weights})),
                                      "new.yaml", "old.yaml", kPlain);
  EXPECT_NE(text.find("web-51"), std::string::npos) << text;
  EXPECT_NE(text.find("... and 84 more, none changes by more than 0.01 points"), std::string::npos)
      << text;
}

TEST(PlanViewTest, ListsWhatIsDrained) {
  v1::PlanReply plan = OneOfFourGoes();
  v1::PlanDrain& drain = *plan.mutable_pools(0)->add_drained();
  drain.set_backend("web-2");
  drain.set_reason("fan");
  drain.set_until("2027-01-31T12:00:00Z");
  const std::string text = RenderPlan(plan, "new.yaml", "old.yaml", kPlain);
  EXPECT_NE(text.find("drained              web/web-2 until 2027-01-31T12:00:00Z: fan\n"),
            std::string::npos)
      << text;
}

TEST(PlanViewTest, SaysWhenNothingChanges) {
  const Sample same{.weights = {100, 100, 100}};
  const std::string text =
      RenderPlan(ToMessage(Planned(same, same)), "new.yaml", "old.yaml", kPlain);
  EXPECT_NE(text.find("shares unchanged: https, quic"), std::string::npos) << text;
  EXPECT_NE(text.find("a trial needs        nothing\n"), std::string::npos) << text;
}

}  // namespace
}  // namespace evenkeel::cli
