// Who is in a pool, how it drains and how it warms up.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "control/config/literals.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

using decoding::FormatSpan;

// The applications that something says it belongs to: its tags `service:NAME`, sorted.
std::vector<std::string> ApplicationTags(const std::vector<std::string>& tags) {
  std::vector<std::string> found;
  for (const std::string& tag : tags) {
    if (absl::StartsWith(tag, "service:")) found.push_back(tag);
  }
  std::sort(found.begin(), found.end());
  return found;
}

bool Disjoint(const std::vector<std::string>& a, const std::vector<std::string>& b) {
  return std::none_of(a.begin(), a.end(), [&](const std::string& tag) {
    return std::binary_search(b.begin(), b.end(), tag);
  });
}

// Two of one kind within a pool: calls `report(first, second)` for every second one.
template <typename Key, typename Report>
void ForEachRepeated(const Pool& pool, Key key, Report report) {
  absl::flat_hash_map<std::decay_t<decltype(key(pool.backends[0]))>, const Backend*> seen;
  for (const Backend& backend : pool.backends) {
    auto [first, fresh] = seen.emplace(key(backend), &backend);
    if (!fresh) report(*first->second, backend);
  }
}

void CheckDuplicateBackends(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    ForEachRepeated(
        pool, [](const Backend& b) { return b.address; },
        [&](const Backend& first, const Backend& second) {
          const std::string path = absl::StrCat(PathOf(pool, second), ".address");
          context.Error(path,
                        absl::StrFormat("%s is also the address of `%s` (%s): it would be counted "
                                        "twice",
                                        second.address.ToString(), first.name,
                                        context.LineOf(PathOf(pool, first))),
                        "remove one of them; for a double share, double its weight");
        });
  }
}

void CheckSameHost(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    ForEachRepeated(
        // One without a label shares its host with nobody.
        pool, [](const Backend& b) { return b.host.empty() ? absl::StrCat("/", b.name) : b.host; },
        [&](const Backend& first, const Backend& second) {
          context.Warn(
              absl::StrCat(PathOf(pool, second), ".host"),
              absl::StrFormat("`%s` and `%s` run on the same host `%s`: it gets both shares",
                              first.name, second.name, second.host),
              "list a host once in a pool, or halve the two weights");
        });
  }
}

void CheckEmptyPools(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (!pool.backends.empty()) continue;
    if (!pool.allow_empty) {
      context.Error(PathOf(pool), absl::StrCat("pool `", pool.name, "` has no backends"),
                    "add backends, or say `allow_empty: true` if that is meant");
      continue;
    }
    for (const Service& service : context.config().services) {
      if (service.pool != pool.name) continue;
      context.Warn(absl::StrCat(PathOf(service), ".pool"),
                   absl::StrFormat("every packet to `%s` is dropped: pool `%s` has no backends",
                                   service.name, pool.name),
                   "allow_empty: true accepts it; add backends before the VIP is announced");
    }
  }
}

// What the pool is for, by the services that use it.
std::vector<std::string> PurposeOf(const Config& config, const Pool& pool) {
  std::vector<std::string> purpose;
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    for (std::string& tag : ApplicationTags(service.tags)) purpose.push_back(std::move(tag));
  }
  std::sort(purpose.begin(), purpose.end());
  return purpose;
}

// The tag that most of the pool's tagged backends bear, of several the first; empty if none is
// tagged.
std::string CommonTag(const Pool& pool) {
  absl::flat_hash_map<std::string, size_t> counts;
  std::string common;
  size_t most = 0;
  for (const Backend& backend : pool.backends) {
    for (const std::string& tag : ApplicationTags(backend.tags)) ++counts[tag];
  }
  for (const Backend& backend : pool.backends) {
    for (const std::string& tag : ApplicationTags(backend.tags)) {
      if (counts[tag] <= most) continue;
      most = counts[tag];
      common = tag;
    }
  }
  return common;
}

void WarnOfWrongPool(RuleContext& context, const Pool& pool, const Backend& backend,
                     const std::string& message) {
  context.Warn(PathOf(pool, backend), message,
               "a line copied into the wrong pool? move it, or mend the tag");
}

void CheckWrongPool(RuleContext& context) {
  struct Membership {
    const Pool* pool;
    std::vector<std::string> purpose;
  };
  absl::flat_hash_map<IpAddress, Membership> seen;
  for (const Pool& pool : context.config().pools) {
    const std::vector<std::string> purpose = PurposeOf(context.config(), pool);
    const std::string common = purpose.empty() ? CommonTag(pool) : "";
    for (const Backend& backend : pool.backends) {
      std::vector<std::string> own = ApplicationTags(backend.tags);
      if (!own.empty() && !purpose.empty() && Disjoint(own, purpose)) {
        WarnOfWrongPool(
            context, pool, backend,
            absl::StrFormat("`%s` is tagged %s, the services of pool `%s` are tagged %s",
                            backend.name, absl::StrJoin(own, ", "), pool.name,
                            absl::StrJoin(purpose, ", ")));
      }
      if (!own.empty() && !common.empty() && Disjoint(own, {common})) {
        WarnOfWrongPool(context, pool, backend,
                        absl::StrFormat("`%s` is tagged %s among backends of %s", backend.name,
                                        absl::StrJoin(own, ", "), common));
      }
      if (own.empty()) own = purpose;
      if (own.empty()) continue;
      auto [first, fresh] = seen.emplace(backend.address, Membership{&pool, own});
      if (fresh || first->second.pool == &pool || !Disjoint(own, first->second.purpose)) continue;
      WarnOfWrongPool(context, pool, backend,
                      absl::StrFormat("%s is in pool `%s` for %s and in pool `%s` for %s",
                                      backend.address.ToString(), first->second.pool->name,
                                      absl::StrJoin(first->second.purpose, ", "), pool.name,
                                      absl::StrJoin(own, ", ")));
    }
  }
}

void CheckColdStart(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (pool.slow_start > absl::ZeroDuration() || pool.backends.size() < 2) continue;
    context.Warn(absl::StrCat(PathOf(pool), ".slow_start"),
                 absl::StrCat("a backend that joins pool `", pool.name,
                              "` gets its full share of new flows at once"),
                 "write for instance `slow_start: 60s`");
  }
}

void CheckDrainsEnd(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    for (const Backend& backend : pool.backends) {
      if (!backend.drain || backend.drain->until != absl::InfiniteFuture()) continue;
      context.Error(absl::StrCat(PathOf(pool, backend), ".drain"),
                    absl::StrCat("the drain of `", backend.name, "` has no end"),
                    "add `until:`, when somebody shall be reminded: until: 2027-01-31T12:00:00Z");
    }
  }
}

void CheckIdleAgainstDrain(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (pool.idle <= pool.drain) continue;
    context.Warn(absl::StrCat(PathOf(pool), ".idle"),
                 absl::StrFormat("flows are followed for %s after their last packet, but a drain "
                                 "lasts %s: some would still stick to a backend that has left",
                                 FormatSpan(pool.idle), FormatSpan(pool.drain)),
                 absl::StrCat("write `drain: ", FormatSpan(pool.idle), "` or longer"));
  }
}

constexpr Rule kPoolRules[] = {
    {.id = "F09",
     .title = "one backend twice in a pool",
     .explanation =
         "A backend is its address. Under two names it would get two shares, and no share that is "
         "shown would be the one that it really has.",
     .example = "b1: {address: 10.0.1.11, weight: 100}\n"
                "b2: {address: 10.0.1.11, weight: 100}\n"
                "# instead: one line; weight: 200 if a double share is meant",
     .check = CheckDuplicateBackends},
    {.id = "F10",
     .title = "one host behind two addresses of a pool",
     .explanation =
         "Two addresses of one machine get two shares, and the machine carries both. Seen by the "
         "label `host:`.",
     .example = "b1:  {address: 10.0.1.11, weight: 100, host: rack1-a}\n"
                "b1b: {address: 10.0.2.11, weight: 100, host: rack1-a}\n"
                "# instead: one of them, or half the weight for each",
     .allow = Rule::Override::kAllowed,
     .check = CheckSameHost},
    {.id = "F11",
     .title = "a pool without backends",
     .explanation =
         "A service whose pool is empty drops every connection. A pool that is prepared but not "
         "filled yet says `allow_empty: true`; a service that uses it is then a warning.",
     .example = "web: {backends: {}}\n# instead: web: {allow_empty: true, backends: {}}",
     .check = CheckEmptyPools},
    {.id = "F13",
     .title = "a backend in the wrong pool",
     .explanation =
         "A line copied into another pool sends requests to servers of another application. Seen "
         "by "
         "tags `service:NAME`: a backend's tag against the tags of the services that use its pool, "
         "or where these have none against its neighbours' in the pool, and one address in two "
         "pools that serve different applications.",
     .example = "services: {shop: {…, pool: shop, tags: [\"service:shop\"]}}\n"
                "pools: {shop: {backends: {m1: {…, tags: [\"service:mail\"]}}}}",
     .allow = Rule::Override::kAllowed,
     .check = CheckWrongPool},
    {.id = "F18",
     .title = "new backends get their full share at once",
     .explanation =
         "Caches are cold and connections are few on a backend that has just joined; its full "
         "share "
         "of new flows can be too much for the first minutes. Warned of where a pool of several "
         "backends has no slow_start.",
     .example = "web: {slow_start: 60s}",
     .allow = Rule::Override::kAllowed,
     .check = CheckColdStart},
    {.id = "F19",
     .title = "a drain without an end",
     .explanation =
         "A drain that nobody ends is capacity that is lost and forgotten. Each has a time at "
         "which "
         "it becomes overdue: it then alarms and blocks the next change, but touches no traffic.",
     .example = "drain: {reason: \"kernel upgrade\"}\n"
                "# instead: drain: {reason: \"kernel upgrade\", until: 2027-01-31T12:00:00Z}",
     .check = CheckDrainsEnd},
    {.id = "F36",
     .title = "flows are followed for longer than a drain lasts",
     .explanation =
         "A connection that is silent for up to `idle` still belongs to its backend. If the pool's "
         "`drain` is shorter, the backend is gone before its flows are.",
     .example = "web: {idle: 1h, drain: 15m}\n# instead: web: {idle: 1h, drain: 1h}",
     .allow = Rule::Override::kAllowed,
     .check = CheckIdleAgainstDrain},
};

}  // namespace

absl::Span<const Rule> PoolRules() { return kPoolRules; }

}  // namespace evenkeel
