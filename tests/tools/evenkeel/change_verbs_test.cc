// The verbs that change what runs, against a stand-in for evenkeeld.
#include <filesystem>
#include <thread>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/tools/evenkeel/verb_runner.h"
#include "tools/evenkeel/arguments.h"
#include "tools/evenkeel/trial_wait.h"

namespace evenkeel::cli {
namespace {

constexpr char kDigest[] = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";

v1::ApplyReply Ended(const std::string& state, int64_t revision = 7) {
  v1::ApplyReply reply;
  reply.mutable_result()->set_revision(revision);
  reply.mutable_result()->set_state(state);
  reply.mutable_result()->set_generation(20);
  return reply;
}

v1::ApplyReply OnTrial(double seconds_left) {
  v1::ApplyReply reply = Ended("trial");
  reply.mutable_result()->set_confirm_deadline("2026-11-29T05:12:00Z");
  reply.set_seconds_left(seconds_left);
  return reply;
}

v1::ApplyReply Refused(const std::string& code, const std::string& message) {
  v1::ApplyReply reply;
  reply.mutable_error()->set_code(code);
  reply.mutable_error()->set_message(message);
  return reply;
}

std::vector<std::string> Names(const Json& object) {
  std::vector<std::string> names;
  for (const auto& [name, value] : object.items()) names.push_back(name);
  return names;
}

class ChangeVerbsTest : public VerbsTest {
 protected:
  Outcome Apply(std::vector<std::string> flags) const {
    flags.insert(flags.begin(), {"apply", folder_.Write("a.yaml", "x"), "--reason=x"});
    return Run(std::move(flags));
  }
};

TEST_F(ChangeVerbsTest, ApplySendsTheFileAndSaysWhatRunsNow) {
  FakeAnswers answers;
  answers.apply.mutable_result()->set_revision(3);
  answers.apply.mutable_result()->set_state("confirmed");
  answers.apply.mutable_result()->set_generation(8);
  v1::Finding& finding = *answers.apply.add_findings();
  finding.set_rule("not-active");
  finding.set_severity("warning");
  finding.set_line(2);
  finding.set_column(1);
  finding.set_message("no effect yet");
  Start(answers);
  const std::string text("schema: x\n\x00\xff", 12);
  const std::string file = folder_.Write("a.yaml", text);
  const Outcome outcome = Run({"apply", file, "--reason=more room", "--base=2", "--confirm=now"});
  EXPECT_EQ(outcome.status, 0);
  EXPECT_EQ(outcome.out, "revision 3 is confirmed, generation 8\n");
  EXPECT_EQ(outcome.err, file + ":2:1: warning not-active: no effect yet\n");
  EXPECT_EQ(daemon_->applied().content(), text);
  EXPECT_EQ(daemon_->applied().file(), file);
  EXPECT_EQ(daemon_->applied().reason(), "more room");
  EXPECT_EQ(daemon_->applied().confirm(), "now");
  EXPECT_EQ(daemon_->applied().base_revision(), 2);
  EXPECT_EQ(Run({"apply", file, "--reason=x", "--confirm=now", "--json"}).out,
            R"({"revision":3,"state":"confirmed","generation":8,"confirm_deadline":null,)"
            R"("reason":null,"canary":null})"
            "\n");
  EXPECT_FALSE(daemon_->applied().has_base_revision());
}

TEST_F(ChangeVerbsTest, ApplyTellsTheAbsolutePath) {
  FakeAnswers answers;
  answers.apply.mutable_result();
  Start(answers);
  folder_.Write("a.yaml", "x");
  const std::string relative = std::filesystem::relative(folder_.Path("a.yaml"));
  Run({"apply", relative, "--reason=x", "--confirm=now"});
  EXPECT_EQ(daemon_->applied().file(), folder_.Path("a.yaml"));
}

TEST_F(ChangeVerbsTest, ApplySaysThatItWasRolledBack) {
  FakeAnswers answers;
  answers.apply.mutable_result()->set_state("rolled_back");
  Start(answers);
  EXPECT_EQ(Run({"apply", folder_.Write("a", "x"), "--reason=x", "--confirm=now"}).status, 4);
}

TEST_F(ChangeVerbsTest, ApplyShowsTheFindingsOfARefusal) {
  FakeAnswers answers;
  answers.apply.mutable_error()->set_code("invalid");
  answers.apply.mutable_error()->set_message("the file has 1 error");
  answers.apply.mutable_error()->set_hint("mend it");
  v1::Finding& finding = *answers.apply.add_findings();
  finding.set_rule("F02");
  finding.set_severity("error");
  finding.set_message("weight 0");
  Start(answers);
  const std::string file = folder_.Write("a.yaml", "x");
  const Outcome text = Run({"apply", file, "--reason=x", "--confirm=now"});
  EXPECT_EQ(text.status, 1);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.err,
            file + ": error F02: weight 0\n" + "evenkeel: the file has 1 error; mend it\n");
  const Outcome outcome = Run({"apply", file, "--reason=x", "--confirm=now", "--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.err, "");
  const Json json = outcome.Object();
  EXPECT_EQ(json["error"]["code"], "invalid");
  EXPECT_EQ(json["findings"][0]["rule"], "F02");
}

TEST_F(ChangeVerbsTest, ApplySaysWhatToDoWhileTheTrialRuns) {
  FakeAnswers answers;
  answers.apply = OnTrial(299.2);
  Start(answers);
  const Outcome text = Apply({});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out,
            "revision 7 is on trial, generation 20, until 2026-11-29T05:12:00Z (5m from now)\n"
            "  keep it  evenkeel confirm\n"
            "  undo it  evenkeel rollback\n"
            "  neither  the planes go back by themselves when that time has come\n");
  EXPECT_EQ(daemon_->applied().confirm(), "");
  EXPECT_FALSE(daemon_->applied().has_confirm_within());
  EXPECT_FALSE(daemon_->applied().has_plan_digest());
  EXPECT_FALSE(daemon_->applied().has_again());
  EXPECT_EQ(Apply({"--json"}).out,
            R"({"revision":7,"state":"trial","generation":20,)"
            R"("confirm_deadline":"2026-11-29T05:12:00Z","reason":null,"canary":null})"
            "\n");
}

TEST_F(ChangeVerbsTest, ApplyTellsTheDaemonAllThatItWasTold) {
  FakeAnswers answers;
  answers.apply = OnTrial(60);
  Start(answers);
  const Outcome outcome =
      Apply({absl::StrCat("--plan=", kDigest), "--confirm-within=1m", "--allow=F12@pools.web",
             "--allow", "F01@pools.web.backends.b1.weight=90m", "--again=the cable was loose"});
  EXPECT_EQ(outcome.status, 0) << outcome.err;
  const v1::ApplyRequest asked = daemon_->applied();
  EXPECT_EQ(asked.plan_digest(), kDigest);
  EXPECT_EQ(asked.confirm_within(), 60);
  EXPECT_EQ(asked.again(), "the cable was loose");
  ASSERT_EQ(asked.allow_size(), 2);
  EXPECT_EQ(asked.allow(0).rule(), "F12");
  EXPECT_EQ(asked.allow(0).at(), "pools.web");
  EXPECT_EQ(asked.allow(0).seconds(), 24 * 3600);
  EXPECT_EQ(asked.allow(1).rule(), "F01");
  EXPECT_EQ(asked.allow(1).at(), "pools.web.backends.b1.weight");
  EXPECT_EQ(asked.allow(1).seconds(), 90 * 60);
}

TEST_F(ChangeVerbsTest, ApplyRefusesMalformedFlagsBeforeItAsks) {
  for (const char* flag : {"--confirm=later",
                           "--confirm-within=29s",
                           "--confirm-within=61m",
                           "--confirm-within=soon",
                           "--plan=0123",
                           "--allow=F12",
                           "--allow=@pools.web",
                           "--allow=F12@",
                           "--allow=F12@=2h",
                           "--allow=F12@pools.web=",
                           "--allow=F12@pools.web=soon",
                           "--allow=F12@pools.web=0s",
                           "--allow=F12@pools web",
                           "--allow=F12@a=1h=2h",
                           "--allow=F99@pools.web",
                           "--allow=F=1@x",
                           "--again=",
                           "--wait=maybe",
                           "--base=x",
                           "--canary=0%",
                           "--canary=51%",
                           "--canary=05%",
                           "--canary=5"}) {
    const Outcome outcome = Apply({flag, "--json"});
    EXPECT_EQ(outcome.status, 2) << flag;
    EXPECT_EQ(outcome.Object()["error"]["code"], "usage") << flag << ": " << outcome.out;
    EXPECT_NE(outcome.Object()["error"]["hint"], "") << flag;
  }
  EXPECT_EQ(Apply({"--confirm=now", "--confirm-within=1m"}).status, 2);
  EXPECT_EQ(Apply({"--confirm=now", "--canary=5%"}).status, 2);
  EXPECT_EQ(Apply({"--shadow", "--canary=5%"}).status, 2);
  EXPECT_EQ(Apply({absl::StrCat("--plan=", kDigest), absl::StrCat("--plan=", kDigest)}).status, 2);
  EXPECT_EQ(Run({"apply", folder_.Path("none"), "--reason=x"}).status, 2);
}

TEST_F(ChangeVerbsTest, AShadowIsWaitedForAndReportedAndChangesNothing) {
  FakeAnswers answers;
  answers.apply = Ended("confirmed");
  v1::Shadow& begun = *answers.apply.mutable_shadow();
  begun.set_number(1);
  begun.set_running(true);
  begun.set_seconds_left(10);
  answers.await_shadow = Ended("confirmed");
  v1::Shadow& shadow = *answers.await_shadow.mutable_shadow();
  shadow.set_number(1);
  shadow.set_file("/etc/new.yaml");
  shadow.set_base_revision(7);
  shadow.set_seconds(10);
  shadow.set_samples(500);
  v1::ShadowService& service = *shadow.add_services();
  service.set_service("http");
  service.set_flows(100);
  service.set_flows_moved(40);
  (*service.mutable_refused())["no_backend"] = 3;
  v1::ShadowBackend& backend = *service.add_backends();
  backend.set_name("web/b1");
  backend.set_new_flows_running(0.25);
  backend.set_new_flows_shadow(0.5);
  backend.set_error(0.02);
  Start(answers);
  const Outcome told = Apply({"--shadow", "--confirm-within=10s"});
  EXPECT_EQ(told.status, 0);
  EXPECT_TRUE(daemon_->applied().shadow());
  EXPECT_EQ(daemon_->applied().confirm_within(), 10);
  for (const char* part : {"beside revision 7", "nothing was changed", "40 of 100 flows", "web/b1",
                           "25.00%", "50.00%", "3 packets", "no_backend"}) {
    EXPECT_NE(told.out.find(part), std::string::npos) << part << " in " << told.out;
  }
  const Outcome json = Apply({"--shadow", "--json"});
  EXPECT_EQ(json.status, 0);
  EXPECT_EQ(json.Object()["state"], "confirmed");
  EXPECT_EQ(json.Object()["shadow"]["services"][0]["backends"][0]["new_flows_shadow"], 0.5);
  EXPECT_TRUE(json.Object()["shadow"]["services"][0]["backends"][0]["packets_shadow"].is_null());
  EXPECT_FALSE(json.Object()["shadow"]["running"]);
  EXPECT_EQ(Apply({"--shadow", "--confirm=now"}).status, 2);
  EXPECT_EQ(Apply({"--shadow", "--confirm-within=1s"}).status, 2);
}

TEST_F(ChangeVerbsTest, ApplyWaitsForTheEndOfTheTrial) {
  for (const auto& [state, status] : {std::pair("confirmed", 0), {"rolled_back", 4}}) {
    daemon_.reset();
    FakeAnswers answers;
    answers.apply = OnTrial(60);
    answers.await_trial = Ended(state);
    answers.await_trial.mutable_result()->set_reason("the deadline passed");
    Start(answers);
    const Outcome json = Apply({"--wait", "--json"});
    EXPECT_EQ(json.status, status);
    EXPECT_EQ(json.Object()["state"], state);
    EXPECT_EQ(json.Object()["reason"], "the deadline passed");
    EXPECT_TRUE(json.Object()["confirm_deadline"].is_null());
    EXPECT_EQ(Apply({"--confirm=auto"}).status, status) << "auto waits, too";
    EXPECT_EQ(Apply({"--wait=false"}).status, 0) << "it is on trial";
  }
}

TEST_F(ChangeVerbsTest, ApplyThatNeedsNoTrialDoesNotWait) {
  FakeAnswers answers;
  answers.apply = Ended("confirmed");
  answers.await_trial = Refused("internal", "nobody should ask");
  Start(answers);
  EXPECT_EQ(Apply({"--wait"}).status, 0);
}

TEST_F(ChangeVerbsTest, WaitingSurvivesARestartOfTheDaemon) {
  FakeAnswers answers;
  answers.apply = answers.await_trial = OnTrial(60);
  Start(answers);
  std::thread restart([&] {
    while (daemon_->applied().content().empty()) absl::SleepFor(absl::Milliseconds(5));
    absl::SleepFor(absl::Milliseconds(200));  // it waits by now
    daemon_.reset();
    absl::SleepFor(absl::Milliseconds(300));
    answers.await_trial = Ended("rolled_back");
    Start(answers);
  });
  const Outcome outcome = Apply({"--wait", "--json"});
  restart.join();
  EXPECT_EQ(outcome.status, 4) << outcome.out << outcome.err;
  EXPECT_EQ(outcome.Object()["state"], "rolled_back");
}

TEST_F(ChangeVerbsTest, WaitingGivesUpAfterTheDeadline) {
  FakeAnswers answers;
  answers.await_trial = OnTrial(0);
  Start(answers);
  Arguments arguments;
  arguments.socket = daemon_->socket();
  v1::ApplyReply reply = OnTrial(0.1);
  std::optional<Failure> failure = AwaitTrialEnd(arguments, absl::Milliseconds(200), reply);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, ExitStatus::kNoDaemon);
  EXPECT_TRUE(absl::StrContains(failure->message, "still has it open")) << failure->message;
  daemon_.reset();
  failure = AwaitTrialEnd(arguments, absl::Milliseconds(200), reply);
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->exit, ExitStatus::kNoDaemon);
  EXPECT_TRUE(absl::StrContains(failure->message, "no daemon")) << failure->message;
  EXPECT_TRUE(absl::StrContains(failure->hint, "evenkeel status"));
}

TEST_F(ChangeVerbsTest, WaitingEndsAtARefusal) {
  FakeAnswers answers;
  answers.await_trial = Refused("not_found", "there is no revision 7");
  Start(answers);
  answers.apply = OnTrial(60);
  daemon_.reset();
  Start(answers);
  const Outcome outcome = Apply({"--wait", "--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_EQ(outcome.Object()["error"]["code"], "not_found");
}

TEST_F(ChangeVerbsTest, ConfirmAndRollbackTellHowTheTrialEnded) {
  FakeAnswers answers;
  answers.confirm = Ended("confirmed");
  answers.rollback = Ended("rolled_back");
  Start(answers);
  const Outcome confirmed = Run({"confirm"});
  EXPECT_EQ(confirmed.status, 0);
  EXPECT_EQ(confirmed.out, "revision 7 is confirmed, generation 20\n");
  const Outcome back = Run({"rollback", "--reason=errors rise"});
  EXPECT_EQ(back.status, 0) << "it was asked for";
  EXPECT_EQ(back.out, "revision 7 is rolled back, generation 20\n");
  EXPECT_EQ(daemon_->rolled_back().reason(), "errors rise");
  EXPECT_FALSE(daemon_->rolled_back().has_to());
  const std::vector<std::string> fields = {"revision",         "state",  "generation",
                                           "confirm_deadline", "reason", "canary"};
  EXPECT_EQ(Names(Run({"confirm", "--json"}).Object()), fields);
  EXPECT_EQ(Names(Run({"rollback", "--json"}).Object()), fields);
}

TEST_F(ChangeVerbsTest, ConfirmWithoutATrialIsARefusal) {
  FakeAnswers answers;
  answers.confirm = answers.rollback = Refused("refused", "nothing is on trial");
  Start(answers);
  for (const char* verb : {"confirm", "rollback"}) {
    EXPECT_EQ(Run({verb}).status, 1);
    EXPECT_EQ(Run({verb, "--json"}).out,
              R"({"error":{"code":"refused","message":"nothing is on trial","hint":""}})"
              "\n");
  }
}

TEST_F(ChangeVerbsTest, ConfirmThatFoundTheTrialRolledBackIs4) {
  FakeAnswers answers;
  answers.confirm = Ended("rolled_back");
  Start(answers);
  EXPECT_EQ(Run({"confirm"}).status, 4);
}

TEST_F(ChangeVerbsTest, RollbackToNamesARevision) {
  FakeAnswers answers;
  answers.rollback = Ended("confirmed", 9);
  Start(answers);
  EXPECT_EQ(Run({"rollback", "--to=3"}).status, 0);
  EXPECT_EQ(daemon_->rolled_back().to(), 3);
  for (const char* flag : {"--to=0", "--to=x", "--to=-1", "--to=03", "--to="}) {
    EXPECT_EQ(Run({"rollback", flag}).status, 2) << flag;
  }
}

TEST_F(ChangeVerbsTest, DrainAndUndrainNameTheBackend) {
  FakeAnswers answers;
  answers.drain = answers.undrain = Ended("confirmed");
  Start(answers);
  EXPECT_EQ(
      Run({"drain", "web/web-3", "--reason=kernel", "--until=2027-01-31T12:00:00+01:00"}).status,
      0);
  EXPECT_EQ(daemon_->drained().pool(), "web");
  EXPECT_EQ(daemon_->drained().backend(), "web-3");
  EXPECT_EQ(daemon_->drained().reason(), "kernel");
  EXPECT_EQ(daemon_->drained().until(), "2027-01-31T12:00:00+01:00");
  EXPECT_FALSE(daemon_->drained().force());
  EXPECT_EQ(Run({"drain", "web/web-3", "--reason=kernel", "--force"}).status, 0);
  EXPECT_TRUE(daemon_->drained().force());
  EXPECT_FALSE(daemon_->drained().has_until());
  EXPECT_EQ(Run({"undrain", "web/web-3", "--reason=done"}).status, 0);
  EXPECT_EQ(daemon_->undrained().backend(), "web-3");
  EXPECT_EQ(daemon_->undrained().reason(), "done");
}

TEST_F(ChangeVerbsTest, DrainRefusesMalformedCallsBeforeItAsks) {
  for (const char* target : {"web", "web/", "/web-3", "a/b/c", "/"}) {
    EXPECT_EQ(Run({"drain", target, "--reason=x"}).status, 2) << target;
    EXPECT_EQ(Run({"undrain", target, "--reason=x"}).status, 2) << target;
  }
  EXPECT_EQ(Run({"drain", "web/web-3"}).status, 2) << "no reason";
  EXPECT_EQ(Run({"undrain", "web/web-3"}).status, 2) << "no reason";
  EXPECT_EQ(Run({"drain", "web/web-3", "--reason=x", "--until=tomorrow"}).status, 2);
  EXPECT_EQ(Run({"drain", "web/web-3", "--reason=x", "--until=2027-01-31"}).status, 2);
}

TEST_F(ChangeVerbsTest, PermissionDeniedIs1EverywhereAndSaysWhoMay) {
  FakeAnswers answers;
  for (v1::ApplyReply* reply :
       {&answers.apply, &answers.confirm, &answers.rollback, &answers.drain, &answers.undrain}) {
    *reply = Refused("permission", "bob may not");
  }
  for (v1::Error* error : {answers.plan.mutable_error(), answers.history.mutable_error(),
                           answers.shown[1].mutable_error(), answers.audit.mutable_error()}) {
    error->set_code("permission");
  }
  Start(answers);
  const std::string file = folder_.Write("a.yaml", "x");
  for (const std::vector<std::string>& call :
       std::vector<std::vector<std::string>>{{"plan", file},
                                             {"apply", file, "--reason=x"},
                                             {"confirm"},
                                             {"rollback"},
                                             {"rollback", "--to=1"},
                                             {"drain", "web/b1", "--reason=x"},
                                             {"undrain", "web/b1", "--reason=x"},
                                             {"history"},
                                             {"show", "1"},
                                             {"diff", "1", "1"},
                                             {"audit"}}) {
    std::vector<std::string> as_json = call;
    as_json.push_back("--json");
    const Outcome outcome = Run(as_json);
    EXPECT_EQ(outcome.status, 1) << call[0];
    EXPECT_EQ(outcome.Object()["error"]["code"], "permission") << call[0];
  }
}

TEST_F(ChangeVerbsTest, NoDaemonAndASilentOneAre3) {
  const std::string file = folder_.Write("a.yaml", "x");
  const std::vector<std::vector<std::string>> changes = {{"apply", file, "--reason=x"},
                                                         {"apply", file, "--reason=x", "--wait"},
                                                         {"confirm"},
                                                         {"rollback"},
                                                         {"drain", "web/b1", "--reason=x"},
                                                         {"undrain", "web/b1", "--reason=x"}};
  const std::vector<std::vector<std::string>> looks = {
      {"plan", file}, {"history"}, {"show", "1"}, {"diff", "1", "2"}, {"audit"}};
  // Time enough to be heard, where somebody listens.
  const auto hint = [&](std::vector<std::string> call) {
    call.insert(call.end(), {"--json", "--timeout=1s"});
    const Outcome outcome = Run(call);
    EXPECT_EQ(outcome.status, 3) << call[0];
    EXPECT_EQ(outcome.Object()["error"]["code"], "unavailable") << call[0];
    return outcome.Object()["error"]["hint"].get<std::string>();
  };
  for (const auto& call : changes) EXPECT_TRUE(absl::StartsWith(hint(call), "start evenkeeld"));
  for (const auto& call : looks) EXPECT_TRUE(absl::StartsWith(hint(call), "start evenkeeld"));
  FakeAnswers answers;
  answers.hang = true;
  Start(answers);
  for (const auto& call : changes) EXPECT_TRUE(absl::StrContains(hint(call), "is not known"));
  for (const auto& call : looks) EXPECT_TRUE(absl::StrContains(hint(call), "--timeout"));
}

}  // namespace
}  // namespace evenkeel::cli
