// What no file has by itself: faults of a change, found by control/plan, which compares a file with
// what runs. Here are their texts, and that safety.allow may name them.
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr Rule kRules[] = {
    {.id = "F12",
     .title = "too much at once",
     .explanation =
         "A change that takes more of a pool's healthy weight (by removal, drain or a lower "
         "weight), "
         "moves more slots than new backends make necessary, or touches more services than "
         "safety.blast_radius says is refused. Weight is compared with what runs and with whatever "
         "was confirmed in the last 24 hours, so that small steps add up. A node's first revision "
         "has no blast radius.",
     .example = "pools: {web: {backends: {web-1: {…}}}}   # of four\n"
                "# instead: one or two fewer at a time, each confirmed before the next; or\n"
                "safety: {allow: [{rule: F12, at: pools.web, reason: \"rack 2 moves\", until: …}]}",
     .allow = Rule::Override::kAllowed},
    {.id = "F25",
     .title = "a service gets another VIP",
     .explanation =
         "Connections to the old address end, and the new one must be announced before anybody can "
         "reach it. Said by plan.",
     .example =
         "web: {vip: 203.0.113.11, …}   # was 203.0.113.10\n"
         "# instead: a second service for the new address, until nobody asks for the old one",
     .allow = Rule::Override::kAllowed},
    {.id = "F32",
     .title = "flows hash otherwise than before",
     .explanation =
         "Another affinity, fill or key sends nearly every connection to another backend. Said by "
         "plan, with the share of slots that move; how much may move is safety.blast_radius.slots_"
         "moved (F12).",
     .example = "web: {affinity: client, …}   # was flow\n"
                "# instead: a service of its own for what needs it, or in a maintenance window",
     .allow = Rule::Override::kAllowed},
    {.id = "F44",
     .title = "the gateway changes",
     .explanation = "All tunnelled packets go to the gateway, so a wrong one loses everything at "
                    "once. Said by "
                    "plan.",
     .example = "network: {gateway: {ipv4: 10.0.0.2}}   # was 10.0.0.1: does it answer from here?",
     .allow = Rule::Override::kAllowed},
    {.id = "F45",
     .title = "the outer source or the VLAN changes",
     .explanation =
         "Routers and backends that filter by source, and switch ports that do not carry the tag, "
         "lose the packets of some racks only. Said by plan.",
     .example = "network: {vlan: 120}   # was 12: does the port carry it?",
     .allow = Rule::Override::kAllowed},
    {.id = "F60",
     .title = "services are gone",
     .explanation =
         "A service that is no longer in the file ends, with all its connections; plan names it. "
         "More than half of them gone at once is refused: a list that was cut short, or came back "
         "empty, looks just the same.",
     .example = "services: {}   # were twelve\n"
                "# instead: take them out in steps; or\n"
                "safety: {allow: [{rule: F60, at: services, reason: \"site closes\", until: …}]}",
     .allow = Rule::Override::kAllowed},
};

}  // namespace

absl::Span<const Rule> ChangeRules() { return kRules; }

}  // namespace evenkeel
