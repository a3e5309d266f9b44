#include "tools/evenkeel/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "control/api/evenkeel.pb.h"

namespace evenkeel::cli {
namespace {

std::string Line(const nlohmann::ordered_json& json) { return Dump(json, JsonLayout::kLine); }

TEST(JsonTest, PrintsEveryFieldInTheOrderOfTheInterfaceAndNullForWhatIsUnset) {
  EXPECT_EQ(Line(ReplyToJson(v1::StatusReply())),
            R"({"revision":0,"state":"","generation":0,"planes":[],"trial":null,)"
            R"("alarms":[],"drains":[],"notes":[],"shadow":null})");
  EXPECT_EQ(Line(ToJson(v1::ApplyResult())),
            R"({"revision":0,"state":"","generation":0,"confirm_deadline":null,"reason":null,)"
            R"("canary":null})");
}

TEST(JsonTest, PrintsAnOptionalFieldThatIsSetToItsDefault) {
  v1::ExplainReply reply;
  reply.set_slot(0);
  reply.set_service("");
  EXPECT_EQ(Line(ReplyToJson(reply)),
            R"({"verdict":"","service":"","hash":null,"slot":0,"state":null,"backend":null,)"
            R"("previous":null,"address":null,"why":""})");
}

TEST(JsonTest, PrintsWideIntegersAsNumbers) {
  v1::Worker worker;
  worker.set_worker(3);
  worker.set_packets(std::numeric_limits<int64_t>::max());
  worker.set_new_flows(-1);
  EXPECT_EQ(Line(ToJson(worker)), R"({"worker":3,"packets":9223372036854775807,"new_flows":-1})");
}

TEST(JsonTest, PrintsMessagesListsAndShares) {
  v1::BackendsReply reply;
  v1::Backend& backend = *reply.add_backends();
  backend.set_name("b1");
  backend.set_share_expected(0.25);
  EXPECT_EQ(Line(ReplyToJson(reply)),
            R"({"backends":[{"service":"","pool":"","name":"b1","address":"","weight":0,)"
            R"("state":"","last_error":null,"share_expected":0.25,"share_observed":null,)"
            R"("new_flows":0,"packets":0,"bytes":0,)"
            R"("connections_left":null,"done_at":null}]})");
  v1::Service service;
  service.add_ports("443");
  service.add_ports("8000-8099");
  EXPECT_EQ(Line(ToJson(service)["ports"]), R"(["443","8000-8099"])");
  v1::Plane plane;
  plane.set_connected(true);
  EXPECT_EQ(Line(ToJson(plane)["connected"]), "true");
}

TEST(JsonTest, PrintsNumbersThatAreNotFiniteAsNull) {
  v1::Trial trial;
  trial.set_seconds_left(std::numeric_limits<double>::infinity());
  EXPECT_EQ(Line(ToJson(trial)["seconds_left"]), "null");
  trial.set_seconds_left(std::numeric_limits<double>::quiet_NaN());
  EXPECT_EQ(Line(ToJson(trial)["seconds_left"]), "null");
}

TEST(JsonTest, PrintsMapsAsObjectsSortedByKey) {
  v1::DropsReply reply;
  for (const char* name : {"ttl_expired", "bad_ip_header", "no_service", "a"}) {
    (*reply.mutable_reasons())[name] = 7;
  }
  (*reply.mutable_reasons())["a"] = 5'000'000'000;
  EXPECT_EQ(Line(ReplyToJson(reply)["reasons"]),
            R"({"a":5000000000,"bad_ip_header":7,"no_service":7,"ttl_expired":7})");
  EXPECT_EQ(Line(ReplyToJson(v1::DropsReply())["reasons"]), "{}");
}

TEST(JsonTest, PrintsBytesInHex) {
  v1::ApplyRequest request;
  request.set_content(std::string("\x00\xff\x1a", 3));
  EXPECT_EQ(Line(ToJson(request)["content"]), R"("00ff1a")");
}

TEST(JsonTest, LeavesTheErrorOutOfARepliesObject) {
  v1::DropsReply reply;
  EXPECT_FALSE(ReplyToJson(reply).contains("error"));
  EXPECT_TRUE(ToJson(reply).contains("error"));
}

TEST(JsonTest, PrintsFailures) {
  EXPECT_EQ(Line(ToJson(Failure{ExitStatus::kRefused, "refused", "a \"b\"", "do c"})),
            R"({"error":{"code":"refused","message":"a \"b\"","hint":"do c"}})");
}

TEST(JsonTest, PrintsFindings) {
  const std::vector<Finding> findings = {{.rule = "F01",
                                          .severity = Severity::kWarning,
                                          .path = "p",
                                          .line = 3,
                                          .column = 5,
                                          .message = "m",
                                          .hint = "h"}};
  EXPECT_EQ(Line(ToJson(findings)),
            R"([{"rule":"F01","severity":"warning","path":"p","line":3,"column":5,)"
            R"("message":"m","hint":"h"}])");
  EXPECT_EQ(Line(ToJson(std::vector<Finding>())), "[]");
}

TEST(JsonTest, ReplacesBytesThatAreNotUtf8) {
  EXPECT_EQ(Line(ToJson(Failure{ExitStatus::kRefused, "",
                                "a\xff"
                                "b",
                                ""})["error"]["message"]),
            "\"a\xef\xbf\xbd"
            "b\"");
}

}  // namespace
}  // namespace evenkeel::cli
