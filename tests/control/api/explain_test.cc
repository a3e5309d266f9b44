#include "control/api/explain.h"

#include <gtest/gtest.h>

#include "absl/strings/match.h"
#include "control/config/parse.h"
#include "tests/control/app/sample_config.h"

namespace evenkeel {
namespace {

RunningRevision RunningOf(const std::string& text) {
  RunningRevision running{.revision = 1, .generation = 1};
  running.config = *ParseConfig(text).config;
  CompileCache cache;
  const absl::StatusOr<LeaseTable> leases = LeaseAll(running.config, {}, absl::Now());
  absl::StatusOr<CompiledPtr> compiled = Compile({.config = running.config,
                                                  .key = {.bytes = {7, 7, 7}},
                                                  .leases = *leases,
                                                  .generation = 1,
                                                  .revision = 1},
                                                 &cache);
  EXPECT_TRUE(compiled.ok()) << compiled.status();
  running.compiled = *compiled;
  return running;
}

absl::StatusOr<Explanation> Ask(const RunningRevision& running, const char* from, const char* to,
                                Protocol protocol = Protocol::kTcp) {
  return Explain(running, {*Endpoint::Parse(from), *Endpoint::Parse(to), protocol});
}

TEST(EndpointTest, ReadsBothFamilies) {
  EXPECT_EQ(Endpoint::Parse("198.51.100.2:4711")->ToString(), "198.51.100.2:4711");
  EXPECT_EQ(Endpoint::Parse("[2001:db8::2]:53")->ToString(), "[2001:db8::2]:53");
  for (const char* text :
       {"", "1.2.3.4", "1.2.3.4:", "1.2.3.4:70000", "2001:db8::2:53", "[1.2.3.4]:5",
        "[2001:db8::2:53", "1.2.3.4:80x", "[]:5", ":5", "1.2.3.4:-5"}) {
    EXPECT_TRUE(absl::IsInvalidArgument(Endpoint::Parse(text).status())) << text;
  }
}

TEST(ExplainTest, NamesServiceSlotAndBackend) {
  const RunningRevision running = RunningOf(SampleConfig({}));
  const absl::StatusOr<Explanation> e = Ask(running, "198.51.100.2:4711", "203.0.113.10:80");
  ASSERT_TRUE(e.ok()) << e.status();
  EXPECT_EQ(e->verdict, "forward");
  EXPECT_EQ(e->service, "http");
  EXPECT_EQ(e->state, "pure");
  EXPECT_EQ(*e->slot, *e->hash >> 48) << "65,536 slots: the top 16 bits";
  ASSERT_TRUE(e->backend);
  EXPECT_EQ(*e->address, *e->backend == "b1"   ? "10.0.1.11"
                         : *e->backend == "b2" ? "10.0.1.12"
                                               : "10.0.1.13");
  EXPECT_FALSE(e->previous);
  EXPECT_TRUE(absl::StrContains(e->why, *e->backend)) << e->why;
}

TEST(ExplainTest, AgreesWithTheTable) {
  const RunningRevision running = RunningOf(SampleConfig({.weights = {1, 2, 7}, .slots = 4096}));
  const ImageView& image = *running.compiled->image;
  for (int port = 1024; port < 1224; ++port) {
    const std::string from = "198.51.100.2:" + std::to_string(port);
    const Explanation e = *Ask(running, from.c_str(), "203.0.113.10:53", Protocol::kUdp);
    const lb_slot slot = image.tables()[image.pools()[0].table]->slots()[*e.slot];
    EXPECT_EQ(e.service, "dns");
    EXPECT_EQ(AddressText(std::to_array(image.backends()[lb_slot_backend(slot)].address)),
              *e.address);
  }
}

TEST(ExplainTest, SaysWhyAPacketPassesToTheKernel) {
  const RunningRevision running = RunningOf(SampleConfig({}));
  Explanation e = *Ask(running, "198.51.100.2:1", "203.0.113.10:22");
  EXPECT_EQ(e.verdict, "pass");
  EXPECT_FALSE(e.service);
  EXPECT_TRUE(absl::StrContains(e.why, "no service has this protocol and port")) << e.why;
  e = *Ask(running, "198.51.100.2:1", "192.0.2.1:80");
  EXPECT_EQ(e.verdict, "pass");
  EXPECT_TRUE(absl::StrContains(e.why, "no VIP")) << e.why;
}

TEST(ExplainTest, SaysThatAPoolHasNoBackend) {
  const RunningRevision running = RunningOf(SampleConfig({.weights = {}, .allow_empty = true}));
  const Explanation e = *Ask(running, "198.51.100.2:1", "203.0.113.10:80");
  EXPECT_EQ(e.verdict, "drop:no_backend");
  EXPECT_EQ(e.service, "http");
  EXPECT_FALSE(e.backend);
}

TEST(ExplainTest, RefusesTwoFamilies) {
  const RunningRevision running = RunningOf(SampleConfig({}));
  EXPECT_TRUE(absl::IsInvalidArgument(Ask(running, "[2001:db8::1]:1", "203.0.113.10:80").status()));
}

}  // namespace
}  // namespace evenkeel
