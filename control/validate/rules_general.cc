// What no single theme owns: reading the file, references, limits, what this build does not do yet,
// and everything that has an end.
#include <string>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/config/literals.h"
#include "control/config/suggest.h"
#include "control/validate/active.h"
#include "control/validate/prefix_index.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"
#include "dataplane/table/records.h"

namespace evenkeel {
namespace {

constexpr absl::Duration kLongestEnd = absl::Hours(24 * 366);

void RefuseAbove(RuleContext& context, size_t count, size_t limit, std::string path,
                 absl::string_view what) {
  if (count <= limit) return;
  context.Error(std::move(path),
                absl::StrFormat("%d %s, a node has room for %d", count, what, limit),
                "spread the services over more clusters");
}

void CheckLimits(RuleContext& context) {
  const Config& config = context.config();
  size_t backends = 0;
  absl::flat_hash_set<IpAddress> next_hops;
  for (const Pool& pool : config.pools) {
    backends += pool.backends.size();
    if (pool.forward != Forward::kL2dsr) continue;
    for (const Backend& backend : pool.backends) next_hops.insert(backend.address);
  }
  PrefixIndex<size_t> vips;
  for (size_t i = 0; i < config.services.size(); ++i) vips.FindOrAdd(config.services[i].vip, i);

  RefuseAbove(context, config.services.size(), LB_SERVICES_MAX, "services", "services");
  RefuseAbove(context, config.pools.size(), LB_POOLS_MAX, "pools", "pools");
  RefuseAbove(context, backends, LB_BACKENDS_MAX, "pools", "backends in all pools");
  // One for each family's gateway.
  RefuseAbove(context, next_hops.size(), LB_NEXT_HOPS_MAX - 2, "pools", "backends of l2dsr pools");
  for (Family family : {Family::kIpv4, Family::kIpv6}) {
    RefuseAbove(context, vips.LengthsOf(family).size(), LB_PREFIX_LENGTHS_MAX, "services",
                absl::StrCat("different prefix lengths of ", FamilyName(family), " VIPs"));
  }
}

// Why `address` cannot be one host's; empty if it can.
absl::string_view WhyNoHost(const IpAddress& address) {
  if (address.is_unspecified()) return "the unspecified address";
  if (address.is_loopback()) return "a loopback address";
  if (address.is_multicast()) return "a multicast address";
  if (address.is_broadcast()) return "the broadcast address";
  if (address.is_ipv4() && address.bytes()[12] == 0) return "an address of no network (0.0.0.0/8)";
  return "";
}

// 169.254.0.0/16 and fe80::/10
bool IsLinkLocal(const IpAddress& address) {
  const IpAddress::Bytes& bytes = address.bytes();
  return address.is_ipv4() ? bytes[12] == 169 && bytes[13] == 254
                           : bytes[0] == 0xfe && (bytes[1] & 0xc0) == 0x80;
}

// Beyond WhyNoHost(), for what packets are routed to: a gateway may well be link-local.
absl::string_view WhyNotRouted(const IpAddress& address) {
  const absl::string_view why = WhyNoHost(address);
  if (!why.empty()) return why;
  if (IsLinkLocal(address)) return "a link-local address, which no router forwards";
  return "";
}

void CheckAddresses(RuleContext& context) {
  const Config& config = context.config();
  const auto require_routed = [&](const IpAddress& address, std::string path) {
    const absl::string_view why = WhyNotRouted(address);
    if (why.empty()) return;
    context.Error(std::move(path), absl::StrCat(address.ToString(), " is ", why),
                  "write the address of one host");
  };
  const auto require_host = [&](const IpAddress& address, std::string path) {
    const absl::string_view why = WhyNoHost(address);
    if (why.empty()) return;
    context.Error(std::move(path), absl::StrCat(address.ToString(), " is ", why),
                  "write the address of one host");
  };
  for (const Pool& pool : config.pools) {
    for (const Backend& backend : pool.backends) {
      require_routed(backend.address, absl::StrCat(PathOf(pool, backend), ".address"));
    }
    if (pool.health && pool.health->source) {
      require_host(*pool.health->source, absl::StrCat(PathOf(pool), ".health.source"));
    }
  }
  for (const Service& service : config.services) {
    require_routed(service.vip.address(), absl::StrCat(PathOf(service), ".vip"));
  }
  for (absl::string_view key : {"ipv4", "ipv6"}) {
    const Family family = key == "ipv4" ? Family::kIpv4 : Family::kIpv6;
    if (const auto& gateway = config.network.gateway.of(family)) {
      require_host(*gateway, absl::StrCat("network.gateway.", key));
    }
    if (const auto& source = config.network.encap_source.of(family)) {
      require_host(source->address(), absl::StrCat("network.encap_source.", key));
    }
  }
}

void CheckSchema(RuleContext& context) {
  CheckLimits(context);
  CheckAddresses(context);
}

void CheckPoolNames(RuleContext& context) {
  const Config& config = context.config();
  std::vector<absl::string_view> pools;
  absl::flat_hash_set<absl::string_view> known, used;
  for (const Pool& pool : config.pools) {
    pools.push_back(pool.name);
    known.insert(pool.name);
  }
  for (const Service& service : config.services) {
    used.insert(service.pool);
    if (known.contains(service.pool)) continue;
    const absl::string_view near = NearestWord(service.pool, pools);
    context.Error(absl::StrCat(PathOf(service), ".pool"),
                  absl::StrFormat("there is no pool `%s`", service.pool),
                  near.empty() ? "name one of the pools of this file"
                               : absl::StrCat("did you mean `", near, "`?"));
  }
  for (const Pool& pool : config.pools) {
    if (used.contains(pool.name)) continue;
    context.Note(PathOf(pool), absl::StrCat("no service uses the pool `", pool.name, "`"), "");
  }
  if (config.services.empty()) {
    context.Warn("services", "there are no services: every packet passes to the kernel", "");
  }
}

// Where an override speaks of itself; nowhere if it came with the command.
std::string PathOf(const ActiveAllow& active, absl::string_view key) {
  return active.path.empty() ? "" : absl::StrCat(active.path, ".", key);
}

bool CanOverride(const Allow& allow) {
  const Rule* const rule = FindRule(allow.rule);
  return rule != nullptr && rule->allow == Rule::Override::kAllowed;
}

void CheckOverriddenRules(RuleContext& context) {
  for (const ActiveAllow& active : context.allows()) {
    if (CanOverride(active.allow)) continue;
    const Rule* const rule = FindRule(active.allow.rule);
    context.Error(PathOf(active, "rule"),
                  rule == nullptr
                      ? absl::StrFormat("there is no rule `%s`", active.allow.rule)
                      : absl::StrFormat("%s (%s) cannot be overridden", rule->id, rule->title),
                  "`evenkeel rules` says which rules can be overridden");
  }
}

void CheckReferences(RuleContext& context) {
  CheckPoolNames(context);
  CheckOverriddenRules(context);
}

void CheckActive(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (IsBuilt(pool.forward)) continue;
    context.Error(absl::StrCat(PathOf(pool), ".forward"),
                  absl::StrFormat("this build cannot forward by `%s`", Name(pool.forward)),
                  "write `forward: ipip` or `forward: l2dsr`");
  }
}

// An end that has passed blocks the change, one that is years away is none.
void CheckEnd(RuleContext& context, std::string path, absl::string_view what, absl::Time until) {
  if (until == absl::InfiniteFuture()) return;  // F19 speaks
  if (until <= context.now()) {
    context.Error(std::move(path),
                  absl::StrFormat("%s ended at %s", what, decoding::FormatInstant(until)),
                  "remove it, or give it a new end if it is still needed");
  } else if (until - context.now() > kLongestEnd) {
    context.Warn(std::move(path),
                 absl::StrFormat("%s ends only at %s", what, decoding::FormatInstant(until)),
                 "an end more than a year away reminds nobody: choose a nearer one");
  }
}

// Whether only the rules here could have needed the override; those of a change are run by plan.
bool IsJudgedHere(const Allow& allow) {
  return CanOverride(allow) && FindRule(allow.rule)->stage == Rule::Stage::kValidate;
}

void CheckEnds(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    for (const Backend& backend : pool.backends) {
      if (!backend.drain) continue;
      CheckEnd(context, absl::StrCat(PathOf(pool, backend), ".drain.until"),
               absl::StrFormat("the drain of `%s`", backend.name), backend.drain->until);
    }
  }
  for (const ActiveAllow& active : context.allows()) {
    const Allow& allow = active.allow;
    CheckEnd(context, PathOf(active, "until"),
             absl::StrFormat("the override of %s at %s", allow.rule, allow.at), allow.until);
    if (active.used || !active.in_force(context.now()) || !IsJudgedHere(allow)) continue;
    context.Warn(PathOf(active, "at"),
                 absl::StrFormat("nothing at %s needs the override of %s", allow.at, allow.rule),
                 "remove it, or mend the place that it names");
  }
}

constexpr Rule kGeneralRules[] = {
    {.id = "F58",
     .title = "a schema that this build does not know",
     .explanation =
         "The first key names the version of the schema that the file is written for. A build that "
         "does not know it would ignore what is new in it, so the file is refused, as is any key "
         "that is not known.",
     .example = "schema: evenkeel/v2\n# instead: schema: evenkeel/v1, or a build that knows v2"},
    {.id = "F63",
     .title = "a drain or an override past its end",
     .explanation =
         "Whatever is temporary has an end, so that it is not forgotten. When that has passed, no "
         "change is accepted until somebody has looked at it. An end more than a year away is a "
         "warning. Overrides in safety.allow that nothing needs are warned of as well.",
     .example = "drain: {reason: \"kernel upgrade\", until: 2024-01-31T12:00:00Z}\n"
                "# instead: remove the drain, or a time to come",
     .check = CheckEnds},
    {.id = "not-active",
     .title = "a value that this build cannot honour yet",
     .explanation =
         "All keys of the schema are accepted by every build, and this one acts on all of them. A "
         "value that it cannot honour (a forward mode that is not built) is an error.",
     .example = "web: {forward: gue}\n# instead: forward: ipip",
     .check = CheckActive},
    {.id = "reference",
     .title = "a name that stands for nothing",
     .explanation = "A service names its pool, an override its rule and its place: all must exist. "
                    "A pool that "
                    "no service uses is a note.",
     .example = "services: {web: {pool: wbe, …}}\n# instead: pool: web",
     .check = CheckReferences},
    {.id = "schema",
     .title = "a key, a type or a value that the schema does not have",
     .explanation =
         "Unknown, missing and repeated keys, wrong types, values out of bounds, addresses that "
         "are "
         "no host's, and more services or backends than a node has room for. Integers are plain "
         "decimal digits without leading zeros, sign or quotes; durations N(ms|s|m|h|d); "
         "percentages N%; times RFC 3339. Names of pools, backends, services and of the cluster "
         "are "
         "1 to 63 of A-Z a-z 0-9 . _ - and begin with a letter or digit.",
     .example = "weight: 0100      # instead: weight: 100\n"
                "idle: 15          # instead: idle: 15m",
     .check = CheckSchema},
    {.id = "syntax",
     .title = "the file is not the YAML that is read here",
     .explanation =
         "Text that is no YAML (or JSON, which is YAML too), and what lets a file say one thing "
         "and "
         "mean another: anchors, aliases, merge keys, tags, a second document, control characters, "
         "and files over 16 MiB.",
     .example = "web: &base {idle: 15m}\napi: *base\n# instead: write the keys out"},
};

}  // namespace

absl::Span<const Rule> GeneralRules() { return kGeneralRules; }

}  // namespace evenkeel
