#include "tools/evenkeel/test_file.h"

#include <algorithm>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "control/config/decoder.h"
#include "control/config/finding_list.h"
#include "control/config/parse.h"
#include "control/config/readers.h"
#include "control/config/text_check.h"
#include "control/config/yaml_tree.h"

namespace evenkeel::cli {
namespace {

using decoding::Integer;
using decoding::ListOf;
using decoding::MapSchema;
using decoding::NamedList;
using decoding::NameReference;
using decoding::OneOf;
using decoding::Quoted;
using decoding::Text;
using decoding::Value;

constexpr char kTestSchema[] = "evenkeel-tests/v1";
constexpr uint32_t kIntegerMax = std::numeric_limits<uint32_t>::max();

// Plain decimal digits, at most one dot between them.
bool ParseDecimal(absl::string_view text, double* out) {
  size_t dots = 0;
  for (const char c : text) {
    dots += c == '.';
    if (c != '.' && !absl::ascii_isdigit(c)) return false;
  }
  const bool well_formed = !text.empty() && dots <= 1 && text.front() != '.' &&
                           text.back() != '.' &&
                           (text[0] != '0' || text.size() == 1 || text[1] == '.');
  return well_formed && text.size() <= 12 && absl::SimpleAtod(text, out);
}

bool ReadPercent(const Value& value, double& out) {
  absl::string_view text = value.node().text;
  if (!value.is_plain() || !absl::ConsumeSuffix(&text, "%") || !ParseDecimal(text, &out)) {
    return value.FailType("a percentage", "write 5% or 33.3%");
  }
  out /= 100;
  return true;
}

bool ReadCount(const Value& value, double& out) {
  uint32_t count = 0;
  if (!Integer(0, kIntegerMax)(value, count)) return false;
  out = count;
  return true;
}

template <typename Reader>
auto BoundsOf(Reader reader) {
  return MapSchema<Bounds>()
      .Optional("min", &Bounds::min, reader)
      .Optional("max", &Bounds::max, reader)
      .Check([](const Value& value, Bounds& bounds) {
        if (!bounds.min && !bounds.max && value.node().keys.empty()) {
          return value.Fail("bounds without a bound", "write {min: …}, {max: …} or both");
        }
        return !bounds.min || !bounds.max || *bounds.min <= *bounds.max ||
               value.Fail("min is above max", "swap the two");
      });
}

bool ReadEndpoint(const Value& value, Endpoint& out) {
  constexpr char kHint[] = "write \"203.0.113.10:443\" or \"[2001:db8::1]:443\", in quotes";
  if (!value.is_scalar()) return value.FailType("an address and a port", kHint);
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(value.node().text);
  if (!endpoint.ok()) return value.Fail(endpoint.status().message(), kHint);
  out = *endpoint;
  return true;
}

auto FlowSchema() {
  return MapSchema<TestFlow>()
      .Required("from", &TestFlow::from, ReadEndpoint)
      .Required("to", &TestFlow::to, ReadEndpoint)
      .Required("protocol", &TestFlow::protocol,
                OneOf<Protocol>({{"tcp", Protocol::kTcp}, {"udp", Protocol::kUdp}}))
      .Optional("bytes", &TestFlow::bytes, Integer(60, 9000))
      .Check([](const Value& value, TestFlow& flow) {
        return flow.from.address.family() == flow.to.address.family() ||
               value.Fail("from and to are of different families", "use IPv4 or IPv6 for both");
      });
}

auto ExpectSchema() {
  const auto shares = [](const Value& value, std::vector<NamedBounds>& out) {
    const auto bounds = BoundsOf(ReadPercent);
    const auto one = [&bounds](const Value& child, NamedBounds& named) {
      return bounds(child, named.bounds);
    };
    return NamedList(&NamedBounds::name, one)(value, out);
  };
  return MapSchema<Expectation>()
      .Optional("verdict", &Expectation::verdict, Text())
      .Optional("service", &Expectation::service, NameReference())
      .Optional("pool", &Expectation::pool, NameReference())
      .Optional("backends", &Expectation::backends, ListOf(NameReference()))
      .Optional("share", &Expectation::share, shares)
      .Optional("share_error", &Expectation::share_error, BoundsOf(ReadPercent))
      .Optional("slots", &Expectation::slots, BoundsOf(ReadCount))
      .Optional("slots_moved", &Expectation::slots_moved, BoundsOf(ReadPercent))
      .Optional("beyond_unavoidable", &Expectation::beyond_unavoidable, BoundsOf(ReadPercent))
      .Optional("weight_lost", &Expectation::weight_lost, BoundsOf(ReadPercent))
      .Optional("services_touched", &Expectation::services_touched, BoundsOf(ReadCount))
      .Optional("load", &Expectation::load, BoundsOf(ReadPercent));
}

// What a kind of test may say beside its name, and what it may expect.
struct KindRule {
  TestKind kind;
  absl::string_view text;
  std::vector<absl::string_view> keys;
  std::vector<absl::string_view> expects;
};

const std::vector<KindRule>& Rules() {
  static const std::vector<KindRule> rules = {
      {TestKind::kFlow, "a flow", {"flow"}, {"verdict", "service", "pool"}},
      {TestKind::kChange,
       "a change",
       {"change", "service"},
       {"verdict", "slots_moved", "beyond_unavoidable", "weight_lost", "services_touched"}},
      {TestKind::kLoss, "failures", {"pool", "failures", "new_flows"}, {"load"}},
      {TestKind::kTable,
       "a table",
       {"service", "pool"},
       {"pool", "backends", "share", "share_error", "slots"}},
  };
  return rules;
}

const KindRule& RuleOf(const TestCase& test) {
  if (test.flow) return Rules()[0];
  if (test.change) return Rules()[1];
  return test.failures ? Rules()[2] : Rules()[3];
}

bool Contains(const std::vector<absl::string_view>& words, absl::string_view word) {
  return std::find(words.begin(), words.end(), word) != words.end();
}

// Whether `word` is in none of the rules: the schema has reported it as unknown.
bool IsUnknown(absl::string_view word, std::vector<absl::string_view> KindRule::*list) {
  return std::none_of(Rules().begin(), Rules().end(),
                      [&](const KindRule& rule) { return Contains(rule.*list, word); });
}

bool CheckVerdict(const Value& value, const TestCase& test) {
  if (!test.expect.verdict || test.kind != TestKind::kChange) return true;
  return *test.expect.verdict == "allow" || *test.expect.verdict == "refuse" ||
         value.Fail(absl::StrCat("the verdict of a change is not ", Quoted(*test.expect.verdict)),
                    "write verdict: allow, or verdict: refuse");
}

bool CheckCase(const Value& value, TestCase& test) {
  const KindRule& rule = RuleOf(test);
  test.kind = rule.kind;
  bool ok = true;
  for (size_t i = 0; i < value.node().keys.size(); ++i) {
    const std::string& key = value.node().keys[i].text;
    if (key == "expect") {
      const YamlNode& expect = value.node().children[i];
      if (expect.keys.empty())
        ok = value.Fail("a test that expects nothing", "say what, in expect");
      for (const YamlKey& expected : expect.keys) {
        if (Contains(rule.expects, expected.text) || IsUnknown(expected.text, &KindRule::expects)) {
          continue;
        }
        ok = value.Fail(
            absl::StrCat("a test of ", rule.text, " cannot expect ", Quoted(expected.text)),
            absl::StrCat("it can expect ", absl::StrJoin(rule.expects, ", ")));
      }
    } else if (!Contains(rule.keys, key) && !IsUnknown(key, &KindRule::keys)) {
      ok = value.Fail(absl::StrCat("a test of ", rule.text, " has no ", Quoted(key)),
                      absl::StrCat("it has name, ", absl::StrJoin(rule.keys, ", "), " and expect"));
    }
  }
  const bool named = test.service.has_value() != test.pool.has_value();
  if (test.kind == TestKind::kTable && !named) {
    ok = value.Fail(
        "a test of a table names one service or one pool",
        "write service: …, or pool: …, or what else it is about: flow, change, failures");
  }
  if (test.kind == TestKind::kLoss && !test.pool) {
    ok = value.Fail("a test of failures names a pool", "write pool: …");
  }
  return ok && CheckVerdict(value, test);
}

bool ReadTrue(const Value& value, bool& out) {
  out = true;
  return (value.is_plain() && value.node().text == "true") ||
         value.FailType("true", "write change: true, or leave it out");
}

auto CaseSchema() {
  return MapSchema<TestCase>()
      .Required("name", &TestCase::name, Text())
      .Optional("service", &TestCase::service, NameReference())
      .Optional("pool", &TestCase::pool, NameReference())
      .Optional("flow", &TestCase::flow, FlowSchema())
      .Optional("change", &TestCase::change, ReadTrue)
      .Optional("failures", &TestCase::failures, Integer(1, 1000))
      .Optional("new_flows", &TestCase::new_flows, Integer(1, 1'000'000'000))
      .Required("expect", &TestCase::expect, ExpectSchema())
      .Check(CheckCase);
}

bool ReadSchema(const Value& value, std::string& out) {
  if (!value.is_scalar()) return value.FailType(kTestSchema, "write `schema: evenkeel-tests/v1`");
  out = value.node().text;
  return out == kTestSchema || value.Fail(absl::StrCat("the schema ", Quoted(out), " is not known"),
                                          "write `schema: evenkeel-tests/v1`");
}

bool CheckFile(const Value& value, TestFile& file) {
  const bool compares = std::any_of(file.tests.begin(), file.tests.end(),
                                    [](const TestCase& test) { return test.change; });
  return !compares || file.base ||
         value.Fail("a test of a change needs something to compare with",
                    "write `base: FILE`, the configuration that runs");
}

auto FileSchema() {
  return MapSchema<TestFile>()
      .Required("schema", &TestFile::schema, ReadSchema)
      .Optional("base", &TestFile::base, Text())
      .Required("tests", &TestFile::tests, ListOf(CaseSchema()))
      .Check(CheckFile);
}

}  // namespace

TestFileResult ParseTestFile(absl::string_view text) {
  FindingList findings(kFindingsMax);
  TestFile file;
  text = WithoutByteOrderMark(text);
  if (CheckText(text, findings)) {
    if (const std::optional<YamlNode> root = ParseYaml(text, findings)) {
      SourceMap places;
      std::vector<std::string> unreliable;
      decoding::DecodeOutput output{findings, places, unreliable};
      FileSchema()(Value(*root, "", root->at, output), file);
    }
  }
  TestFileResult result;
  if (findings.count() == 0) result.file = std::move(file);
  result.findings = findings.Take();
  return result;
}

}  // namespace evenkeel::cli
