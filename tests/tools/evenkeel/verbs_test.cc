// Every verb against a stand-in for evenkeeld, within this process.
#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <sstream>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "tests/tools/evenkeel/verb_runner.h"
#include "tools/evenkeel/cli.h"
#include "tools/evenkeel/commands.h"

namespace evenkeel::cli {
namespace {

TEST_F(VerbsTest, StatusSaysWhatRuns) {
  FakeAnswers answers;
  answers.status.set_revision(12);
  answers.status.set_state("confirmed");
  answers.status.set_generation(31);
  v1::Plane& plane = *answers.status.add_planes();
  plane.set_kind("dpdk");
  plane.set_connected(true);
  plane.set_generation(31);
  plane.set_digest("0123456789abcdef0123");
  v1::Worker& worker = *plane.add_workers();
  worker.set_worker(0);
  worker.set_packets(12345);
  Start(answers);
  const Outcome text = Run({"status"});
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.err, "");
  EXPECT_EQ(text.out,
            "  state       confirmed\n"
            "  revision    12\n"
            "  generation  31\n"
            "\n"
            "PLANE  CONNECTED  GENERATION  DIGEST\n"
            "dpdk   yes                31  0123456789ab\n"
            "\n"
            "PLANE  WORKER  PACKETS  NEW FLOWS\n"
            "dpdk        0    12345          0\n"
            "\n"
            "no alarms\n");
  EXPECT_EQ(Run({"status", "--json"}).out,
            R"({"revision":12,"state":"confirmed","generation":31,"planes":[{"kind":"dpdk",)"
            R"("mode":null,"connected":true,"generation":31,"digest":"0123456789abcdef0123",)"
            R"("workers":[{"worker":0,"packets":12345,"new_flows":0}],)"
            R"("flow_tables":[]}],"trial":null,)"
            R"("alarms":[],"drains":[],"notes":[],"shadow":null})"
            "\n");
}

TEST_F(VerbsTest, StatusListsTrialAlarmsAndDrains) {
  FakeAnswers answers;
  answers.status.set_state("trial");
  v1::Trial& trial = *answers.status.mutable_trial();
  trial.set_revision(7);
  trial.set_base_revision(6);
  trial.set_deadline("2026-01-01T00:00:00Z");
  trial.set_seconds_left(61.5);
  trial.set_who("alice");
  trial.set_reason("more room");
  answers.status.add_alarms()->set_message("b1 gets\x1b[2J twice its share");
  v1::Drain& drain = *answers.status.add_drains();
  drain.set_pool("web");
  drain.set_backend("b2");
  Start(answers);
  const Outcome text = Run({"status"});
  EXPECT_TRUE(absl::StrContains(text.out,
                                "trial       of revision 7 on 6, by alice: more room\n"
                                "  ends        at 2026-01-01T00:00:00Z, 1m2s from now, unless "
                                "confirmed: evenkeel confirm, or evenkeel rollback\n"))
      << text.out;
  const Json json = Run({"status", "--json"}).Object();
  EXPECT_EQ(json["trial"]["seconds_left"], 61.5);
  EXPECT_EQ(json["trial"]["base_revision"], 6);
  EXPECT_TRUE(json["drains"][0]["until"].is_null());
  EXPECT_TRUE(absl::StrContains(text.out, "b1 gets\\x1b[2J twice its share")) << text.out;
  EXPECT_TRUE(absl::StrContains(text.out, "web/b2")) << text.out;
}

TEST_F(VerbsTest, StatusOfAnEmptyNodeSaysHowToBegin) {
  FakeAnswers answers;
  answers.status.set_state("empty");
  Start(answers);
  EXPECT_TRUE(absl::StrContains(Run({"status"}).out, "nothing is published yet: evenkeel apply"));
}

TEST_F(VerbsTest, ServicesListsTablesAndCounters) {
  FakeAnswers answers;
  v1::Service& service = *answers.services.add_services();
  service.set_name("http");
  service.set_vip("203.0.113.10");
  service.set_protocol("tcp");
  service.add_ports("80");
  service.add_ports("8000-8099");
  service.set_pool("web");
  service.set_slots(65536);
  service.set_fill("exact");
  service.set_bytes(2048);
  Start(answers);
  EXPECT_EQ(Run({"services"}).out,
            "SERVICE  VIP           PROTO  PORTS         POOL  SLOTS  FILL   NEW FLOWS  PACKETS"
            "     BYTES\n"
            "http     203.0.113.10  tcp    80,8000-8099  web   65536  exact          0        0"
            "  2.00 KiB\n");
  const Json json = Run({"services", "--json"}).Object();
  EXPECT_EQ(json["services"][0]["slots"], 65536);
  EXPECT_TRUE(json["services"][0]["digest"].is_null());
}

TEST_F(VerbsTest, BackendsShowsBothShares) {
  FakeAnswers answers;
  for (const char* name : {"b1", "b2"}) {
    v1::Backend& backend = *answers.backends.add_backends();
    backend.set_service("http");
    backend.set_pool("web");
    backend.set_name(name);
    backend.set_weight(100);
    backend.set_state("up");
    backend.set_share_expected(0.5);
  }
  answers.backends.mutable_backends(1)->set_share_observed(0.4567);
  Start(answers);
  EXPECT_EQ(Run({"backends"}).out,
            "SERVICE  BACKEND  WEIGHT  STATE  EXPECTED  OBSERVED  NEW FLOWS  PACKETS  BYTES\n"
            "http     web/b1      100  up       50.00%         -          0        0    0 B\n"
            "         web/b2      100  up       50.00%    45.67%          0        0    0 B\n");
  const Json json = Run({"backends", "--json"}).Object();
  EXPECT_TRUE(json["backends"][0]["share_observed"].is_null());
  EXPECT_EQ(json["backends"][1]["share_observed"], 0.4567);
}

TEST_F(VerbsTest, ExplainAsksForTheTuple) {
  FakeAnswers answers;
  answers.explain.set_verdict("forward");
  answers.explain.set_backend("b1");
  answers.explain.set_slot(77);
  answers.explain.set_why("slot 77 of pool web is b1's");
  Start(answers);
  const std::vector<std::string> call = {"explain", "--from=[2001:DB8::1]:40000",
                                         "--to=[2001:db8::2]:80", "--proto=tcp"};
  const Outcome text = Run(call);
  EXPECT_EQ(text.status, 0) << text.err;
  EXPECT_EQ(text.out,
            "  verdict  forward\n"
            "  slot     77\n"
            "  backend  b1\n"
            "  why      slot 77 of pool web is b1's\n");
  EXPECT_EQ(daemon_->explained().from(), "[2001:db8::1]:40000");
  EXPECT_EQ(daemon_->explained().to(), "[2001:db8::2]:80");
  EXPECT_EQ(daemon_->explained().protocol(), "tcp");
}

TEST_F(VerbsTest, ExplainRefusesMalformedTuplesBeforeItAsks) {
  const auto complaint = [&](const char* from, const char* to, const char* proto) {
    const Outcome outcome = Run({"explain", absl::StrCat("--from=", from),
                                 absl::StrCat("--to=", to), absl::StrCat("--proto=", proto)});
    EXPECT_EQ(outcome.status, 2);
    return outcome.err;
  };
  EXPECT_EQ(complaint("1.2.3.4", "1.2.3.4:5", "tcp"),
            "evenkeel: --from=1.2.3.4 is malformed; write ADDRESS:PORT, for example "
            "198.51.100.2:40000, or [2001:db8::2]:40000\n");
  EXPECT_TRUE(absl::StrContains(complaint("1.2.3.4:1", "[::1]:5", "tcp"), "different address"));
  EXPECT_TRUE(absl::StrContains(complaint("1.2.3.4:1", "1.2.3.4:5", "TCP"), "--proto=TCP"));
}

TEST_F(VerbsTest, DropsExplainsEveryReasonThatWasCounted) {
  FakeAnswers answers;
  answers.drops.set_received(10);
  answers.drops.set_forward(7);
  answers.drops.set_drop(3);
  (*answers.drops.mutable_reasons())["ttl_expired"] = 2;
  (*answers.drops.mutable_reasons())["of_the_future"] = 1;
  (*answers.drops.mutable_reasons())["tx_full"] = 0;
  Start(answers);
  const std::string out = Run({"drops"}).out;
  EXPECT_TRUE(absl::StrContains(out, "received       10"));
  EXPECT_TRUE(absl::StrContains(out, "ttl_expired          2  TTL or hop limit is used up"));
  EXPECT_TRUE(absl::StrContains(out, "of_the_future        1\n"));
  EXPECT_FALSE(absl::StrContains(out, "tx_full"));
  EXPECT_EQ(Run({"drops", "--json"}).Object()["reasons"]["tx_full"], 0);
}

TEST_F(VerbsTest, TopPrintsOneObjectALineWhereThereIsNoTerminal) {
  FakeAnswers answers;
  answers.status.set_state("confirmed");
  v1::Backend& backend = *answers.backends.add_backends();
  backend.set_service("http");
  backend.set_name("b1");
  answers.on_backends = [](v1::BackendsReply& reply) {
    v1::Backend& b1 = *reply.mutable_backends(0);
    b1.set_packets(b1.packets() + 100);
  };
  Start(answers);
  for (const bool json : {false, true}) {
    std::vector<std::string> call = {"top", "--interval=100ms", "--count=2"};
    if (json) call.push_back("--json");
    const Outcome outcome = Run(call);
    EXPECT_EQ(outcome.status, 0) << outcome.err;
    std::istringstream lines(outcome.out);
    std::string line;
    int count = 0;
    for (; std::getline(lines, line); ++count) {
      const Json frame = Json::parse(line, nullptr, false);
      ASSERT_TRUE(frame.is_object()) << line;
      const double rate = frame["services"][0]["backends"][0]["packets_per_second"];
      EXPECT_GT(rate, 100);
      EXPECT_LT(rate, 1001);
    }
    EXPECT_EQ(count, 2);
  }
}

TEST_F(VerbsTest, TopRefusesIntervalsOutOfBounds) {
  EXPECT_EQ(Run({"top", "--interval=99ms"}).status, 2);
  EXPECT_EQ(Run({"top", "--interval=2h"}).status, 2);
}

TEST_F(VerbsTest, ARefusalOfTheDaemonIsOneLineOrOneObject) {
  FakeAnswers answers;
  answers.drops.mutable_error()->set_code("unavailable");
  answers.drops.mutable_error()->set_message("no plane is\nconnected");
  Start(answers);
  const Outcome text = Run({"drops"});
  EXPECT_EQ(text.status, 1);
  EXPECT_EQ(text.err, "evenkeel: no plane is\\nconnected\n");
  EXPECT_EQ(text.out, "");
  const Outcome json = Run({"drops", "--json"});
  EXPECT_EQ(json.status, 1);
  EXPECT_EQ(json.err, "");
  EXPECT_EQ(json.out,
            R"({"error":{"code":"unavailable","message":"no plane is\nconnected","hint":""}})"
            "\n");
}

TEST_F(VerbsTest, ADaemonThatCallsItAWrongCallMakesIt2) {
  FakeAnswers answers;
  answers.drops.mutable_error()->set_code("usage");
  Start(answers);
  EXPECT_EQ(Run({"drops"}).status, 2);
}

TEST_F(VerbsTest, GrpcStatusesBecomeExitStatuses) {
  constexpr int kUnknown = 2, kPermissionDenied = 7, kUnimplemented = 12, kUnavailable = 14;
  for (const auto& [code, status] :
       {std::pair(kUnknown, 3), {kPermissionDenied, 1}, {kUnimplemented, 1}, {kUnavailable, 3}}) {
    daemon_.reset();
    FakeAnswers answers;
    answers.grpc_code = code;
    Start(answers);
    EXPECT_EQ(Run({"status"}).status, status) << code;
  }
}

TEST_F(VerbsTest, EveryVerbThatAsksTheDaemonNoticesThatThereIsNone) {
  const std::string socket = folder_.Path("control.sock");
  const std::string file = folder_.Write("a.yaml", "x");
  for (const std::vector<std::string>& call : std::vector<std::vector<std::string>>{
           {"apply", file, "--reason=x", "--confirm=now"},
           {"status"},
           {"services"},
           {"backends"},
           {"top"},
           {"drops"},
           {"explain", "--from=1.2.3.4:5", "--to=1.2.3.4:6", "--proto=udp"}}) {
    const Outcome text = Run(call);
    EXPECT_EQ(text.status, 3) << call[0];
    EXPECT_EQ(text.err, "evenkeel: no daemon: " + socket +
                            " does not exist; start evenkeeld, or name its socket with "
                            "--socket=PATH\n");
    std::vector<std::string> as_json = call;
    as_json.push_back("--json");
    EXPECT_EQ(Run(as_json).Object()["error"]["code"], "unavailable") << call[0];
  }
}

TEST_F(VerbsTest, ASilentDaemonIsGivenUpAfterTheTimeout) {
  FakeAnswers answers;
  answers.hang = true;
  Start(answers);
  const absl::Time began = absl::Now();
  const Outcome outcome = Run({"status", "--timeout=1s"});
  EXPECT_EQ(outcome.status, 3);
  EXPECT_EQ(outcome.err, "evenkeel: evenkeeld on " + daemon_->socket() +
                             " gave no answer within 1s; look at its log, or wait longer with "
                             "--timeout=D\n");
  EXPECT_GE(absl::Now() - began, absl::Milliseconds(990));
  EXPECT_LT(absl::Now() - began, absl::Seconds(20));  // the daemon is silent for ever
  EXPECT_TRUE(absl::StrContains(
      Run({"apply", folder_.Write("a", "x"), "--reason=x", "--confirm=now", "--timeout=1s"}).err,
      "whether it was done is not known"));
}

TEST_F(VerbsTest, ValidateJudgesAFileWithoutADaemon) {
  const std::string good = folder_.Write("good.yaml", ValidConfig());
  EXPECT_EQ(Run({"validate", good}).status, 0) << Run({"validate", good}).out;
  EXPECT_TRUE(Run({"validate", good, "--json"}).Object()["ok"]);

  const std::string bad = folder_.Write("bad.yaml", "schema: evenkeel/v1\nnonsense: 1\n");
  const Outcome text = Run({"validate", bad});
  EXPECT_EQ(text.status, 1);
  EXPECT_EQ(text.err, "");
  EXPECT_TRUE(absl::StrContains(text.out, bad + ":2:")) << text.out;
  EXPECT_TRUE(absl::StrContains(text.out, bad + ": refused, ")) << text.out;
  const Json json = Run({"validate", bad, "--json"}).Object();
  EXPECT_FALSE(json["ok"]);
  EXPECT_FALSE(json.contains("error"));
  std::vector<std::string> names;
  for (const auto& [name, value] : json["findings"][0].items()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"rule", "severity", "path", "line", "column",
                                             "message", "hint"}));
}

TEST_F(VerbsTest, ValidateOfAFileThatCannotBeOpenedIsAWrongCall) {
  for (const std::string& path : {folder_.Path("none.yaml"), std::string("/")}) {
    const Outcome outcome = Run({"validate", path});
    EXPECT_EQ(outcome.status, 2);
    EXPECT_EQ(outcome.out, "");
    EXPECT_TRUE(absl::StrContains(outcome.err, "cannot open " + path + ": ")) << outcome.err;
    EXPECT_EQ(Run({"validate", path, "--json"}).Object()["error"]["code"], "usage");
  }
}

TEST_F(VerbsTest, ValidateSurvivesAFileOfAnyBytes) {
  std::string bytes;
  for (int i = 0; i < 256; ++i) bytes += static_cast<char>(i);
  const Outcome outcome = Run({"validate", folder_.Write("bytes", bytes), "--json"});
  EXPECT_EQ(outcome.status, 1);
  EXPECT_FALSE(outcome.Object()["ok"]);
}

TEST_F(VerbsTest, RulesListsAndExplains) {
  const Json list = Run({"rules", "--json"}).Object();
  ASSERT_FALSE(list["rules"].empty());
  EXPECT_EQ(Run({"rules"}).status, 0);
  for (const Json& rule : list["rules"]) {
    const std::string id = rule["rule"];
    const Outcome outcome = Run({"rules", id});
    EXPECT_EQ(outcome.status, 0) << id;
    EXPECT_TRUE(absl::StartsWith(outcome.out, id + ": ")) << outcome.out;
    EXPECT_FALSE(rule["example"].get<std::string>().empty()) << id;
  }
  EXPECT_EQ(Run({"rules", "f01"}).out, Run({"rules", "F01"}).out);
  EXPECT_EQ(Run({"rules", "F999"}).status, 2);
}

TEST_F(VerbsTest, VersionNeedsNoDaemon) {
  const Json json = Run({"version", "--json"}).Object();
  std::vector<std::string> names;
  for (const auto& [name, value] : json.items()) names.push_back(name);
  EXPECT_EQ(names, (std::vector<std::string>{"version", "commit", "schema", "image_abi"}));
  EXPECT_EQ(json["schema"], "evenkeel/v1");
  EXPECT_TRUE(json["image_abi"].is_number_integer());
  EXPECT_TRUE(absl::StartsWith(Run({"version"}).out, "evenkeel "));
}

TEST_F(VerbsTest, HelpIsDone) {
  EXPECT_EQ(Run({"--help"}).status, 0);
  EXPECT_EQ(Run({"apply", "-h"}).status, 0);
  EXPECT_TRUE(Run({"--help", "--json"}).Object().contains("help"));
}

TEST_F(VerbsTest, AnAnswerThatCannotBeWrittenIsAFailure) {
  std::ostringstream out, err;
  out.setstate(std::ios::badbit);
  Console console(out, err, Terminal(), Terminal());
  EXPECT_EQ(RunCli({"version"}, console), ExitStatus::kRefused);
  EXPECT_TRUE(absl::StrContains(err.str(), "cannot write to standard output"));
}

}  // namespace
}  // namespace evenkeel::cli
