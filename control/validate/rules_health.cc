// Checks, and how many failures a pool stands.
#include <algorithm>
#include <functional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "control/config/literals.h"
#include "control/validate/rule_context.h"
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

using decoding::FormatSpan;

// F16: a backend that is dead for longer than this before anybody notices.
constexpr absl::Duration kDetectionMax = absl::Minutes(1);

std::string HealthPath(const Pool& pool, absl::string_view key) {
  return absl::StrCat(PathOf(pool), ".health", key);
}

bool Serves(const Service& service, uint32_t port) {
  return service.ports.any ||
         std::any_of(service.ports.ranges.begin(), service.ports.ranges.end(),
                     [port](const PortRange& r) { return r.low <= port && port <= r.high; });
}

// The services of `pool` and their ports, for a message; empty if one of them serves `port` or none
// uses it.
std::string PortsOtherThan(const Config& config, const Pool& pool, uint32_t port) {
  std::string others;
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    if (Serves(service, port)) return "";
    absl::StrAppend(&others, others.empty() ? "" : ", ", service.name, " (",
                    ToString(service.ports), ")");
  }
  return others;
}

absl::string_view KindKey(HealthKind kind) {
  static constexpr absl::string_view kKeys[] = {".tcp", ".http", ".https", ".udp", ".icmp"};
  return kKeys[static_cast<size_t>(kind)];
}

// Whether the services of `pool` are all of the protocol that `kind` does not speak.
bool AsksAnotherProtocol(const Config& config, const Pool& pool) {
  const Protocol asked = pool.health->kind == HealthKind::kUdp ? Protocol::kUdp : Protocol::kTcp;
  bool used = false;
  for (const Service& service : config.services) {
    if (service.pool != pool.name) continue;
    if (service.protocol == asked) return false;
    used = true;
  }
  return used;
}

void CheckHealthPort(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (!pool.health || pool.health->kind == HealthKind::kIcmp || !pool.health->note.empty()) {
      continue;
    }
    const std::string port_path =
        HealthPath(pool, absl::StrCat(KindKey(pool.health->kind), ".port"));
    if (AsksAnotherProtocol(context.config(), pool)) {
      const bool udp = pool.health->kind == HealthKind::kUdp;
      context.Warn(port_path,
                   absl::StrFormat("the check asks over %s, the services of pool `%s` are all %s",
                                   udp ? "udp" : "tcp", pool.name, udp ? "tcp" : "udp"),
                   "check what is served, or say in `note:` why another one stands for it");
      continue;
    }
    const std::string others = PortsOtherThan(context.config(), pool, pool.health->port);
    if (others.empty()) continue;
    context.Warn(port_path,
                 absl::StrFormat("the check asks port %d, which no service of the pool uses: %s",
                                 pool.health->port, others),
                 "check the port that is served, or say in `note:` why another one stands for it");
  }
}

// Checks that a host passes whose service is dead.
void CheckWhatIsAsked(RuleContext& context, const Pool& pool) {
  const Health& health = *pool.health;
  const std::string path = HealthPath(pool, KindKey(health.kind));
  if (health.kind == HealthKind::kIcmp) {
    context.Warn(path, "an answer to a ping says that the host is there, not the service",
                 "check by tcp, http or udp, or say in `note:` why a ping is enough");
  } else if (health.kind == HealthKind::kUdp && health.expect.empty()) {
    context.Warn(path, "without `expect` silence passes: nobody need be there",
                 "send what is answered and say what: udp: {port: 53, send: …, expect: …}");
  } else if (health.status >= 400) {
    context.Warn(absl::StrCat(path, ".status"),
                 absl::StrFormat("the check passes when the backend answers with the error %d",
                                 health.status),
                 "ask a path that answers 200 while the service works");
  }
}

void CheckHealthPath(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (!pool.health) continue;
    if (pool.health->note.empty()) CheckWhatIsAsked(context, pool);
    if (pool.health->via != HealthVia::kDirect) continue;
    context.Warn(
        HealthPath(pool, ".via"),
        absl::StrCat("the check goes to the backend's own address: it passes also when the "
                     "VIP or the `",
                     Name(pool.forward), "` path to it is broken"),
        "write `via: tunnel`, which takes the way of the traffic");
  }
}

void CheckHealthTiming(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    if (!pool.health) continue;
    const Health& health = *pool.health;
    if (health.timeout >= health.interval) {
      context.Error(HealthPath(pool, ".timeout"),
                    absl::StrFormat("the timeout %s is not shorter than the interval %s: checks of "
                                    "a slow backend would pile up",
                                    FormatSpan(health.timeout), FormatSpan(health.interval)),
                    absl::StrCat("a timeout of at most ", FormatSpan(health.interval / 2),
                                 " leaves time for the next check"));
    }
    if (health.fall * health.interval > kDetectionMax) {
      context.Warn(
          HealthPath(pool, ".interval"),
          absl::StrFormat("a dead backend is noticed after %d failures %s apart, %s: until "
                          "then its share of the connections fails",
                          health.fall, FormatSpan(health.interval),
                          FormatSpan(health.fall * health.interval)),
          "the defaults, interval: 2s and fall: 3, take 6s");
    }
    if (health.fall == 1) {
      context.Warn(HealthPath(pool, ".fall"),
                   "one failed check takes a backend out: a lost packet is enough",
                   "write `fall: 2` or more");
    }
  }
}

// What is left of 100 percent of weight when the heaviest `failures` backends are gone.
double PercentLeft(const Pool& pool, size_t failures) {
  std::vector<uint64_t> weights;
  for (const Backend& backend : pool.backends) weights.push_back(backend.effective_weight());
  std::sort(weights.begin(), weights.end(), std::greater<>());
  uint64_t total = 0, left = 0;
  for (size_t i = 0; i < weights.size(); ++i) {
    total += weights[i];
    if (i >= failures) left += weights[i];
  }
  return total == 0 ? 100 : 100.0 * left / total;
}

void CheckSurvival(RuleContext& context) {
  for (const Pool& pool : context.config().pools) {
    const std::string path = absl::StrCat(PathOf(pool), ".objectives");
    const Objectives& objectives = pool.objectives;
    if (objectives.min_healthy_percent == 0) {
      context.Warn(absl::StrCat(path, ".min_healthy"),
                   "with min_healthy: 0% the last backends get all the traffic of the others",
                   "write `min_healthy: 50%`: below it nobody else is taken out");
      continue;
    }
    if (objectives.min_healthy_percent == 100) {
      context.Warn(absl::StrCat(path, ".min_healthy"),
                   "with min_healthy: 100% no backend is ever taken out, dead or not",
                   "write `min_healthy: 50%`");
    }
    if (!context.IsWritten(absl::StrCat(path, ".min_healthy")) && pool.backends.size() > 1) {
      context.Warn(
          absl::StrCat(path, ".min_healthy"),
          absl::StrFormat("pool `%s` does not say how much of it must stay: 50%% holds", pool.name),
          "write `objectives: {min_healthy: 50%}` where that was thought about");
    }
    // The defaults promise nothing that a small pool could break.
    const bool stated = context.IsWritten(absl::StrCat(path, ".min_healthy")) ||
                        context.IsWritten(absl::StrCat(path, ".survive_failures"));
    const double left = PercentLeft(pool, objectives.survive_failures);
    if (!stated || left >= objectives.min_healthy_percent) continue;
    context.Warn(absl::StrCat(path, ".survive_failures"),
                 absl::StrFormat(
                     "losing %d of the heaviest backends leaves %.0f%% of pool `%s`, less "
                     "than min_healthy %d%%",
                     objectives.survive_failures, left, pool.name, objectives.min_healthy_percent),
                 "add backends, or lower one of the two objectives");
  }
}

constexpr Rule kHealthRules[] = {
    {.id = "F14",
     .title = "a check on another port than the service's",
     .explanation =
         "A check of a port that no service of the pool uses says nothing about them, and a slip "
         "in "
         "the port takes all backends down at once. Where another port stands for the service (an "
         "admin port), `note:` says so.",
     .example = "health: {tcp: {port: 8443}}   # services on 443\n"
                "# instead: {tcp: {port: 443}}, or add note: \"8443 is the same process\"",
     .allow = Rule::Override::kAllowed,
     .check = CheckHealthPort},
    {.id = "F15",
     .title = "a check that does not take the way of the traffic",
     .explanation =
         "Backends answer the client directly: traffic needs the tunnel and the VIP on "
         "the backend, "
         "and a check of the backend's own address sees neither. Neither does one that a dead "
         "service passes: a ping, udp without `expect`, an error status.",
     .example = "health: {tcp: {port: 443}, via: direct}\n# instead: via: tunnel",
     .allow = Rule::Override::kAllowed,
     .check = CheckHealthPath},
    {.id = "F16",
     .title = "check timing that flaps or piles up",
     .explanation =
         "A timeout that is not shorter than the interval makes checks of a slow backend overlap "
         "(error). With `fall: 1` one lost packet takes a backend out, and where `fall` times "
         "`interval` is more than a minute a dead one serves that long (warnings).",
     .example = "health: {tcp: {port: 443}, interval: 1s, timeout: 3s}\n"
                "# instead: interval: 2s, timeout: 1s, fall: 3",
     .allow = Rule::Override::kAllowed,
     .check = CheckHealthTiming},
    {.id = "F17",
     .title = "survivors that would not carry the load",
     .explanation =
         "When most of a pool fails its checks, taking them all out buries the rest under the "
         "traffic. `objectives.min_healthy` is the floor. Warned of: a pool of several backends "
         "that does not state it (50% holds), 0%, 100%, and a pool that states how many failures "
         "it survives and would be below the floor when they happen.",
     .example = "objectives: {min_healthy: 80%, survive_failures: 2}   # of 4 backends\n"
                "# instead: min_healthy: 50%, or more backends",
     .allow = Rule::Override::kAllowed,
     .check = CheckSurvival},
};

}  // namespace

absl::Span<const Rule> HealthRules() { return kHealthRules; }

}  // namespace evenkeel
