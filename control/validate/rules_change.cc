// What no file has by itself: faults of a change, found by control/plan, which compares a file with
// what runs. Here are their texts, and that safety.allow may name them.
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr Rule kChangeRules[] = {
    {.id = "F25",
     .title = "a service gets another VIP",
     .explanation =
         "Connections to the old address end, and the new one must be announced before anybody can "
         "reach it. Said by plan.",
     .example =
         "web: {vip: 203.0.113.11, …}   # was 203.0.113.10\n"
         "# instead: a second service for the new address, until nobody asks for the old one",
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed},
    {.id = "F32",
     .title = "flows hash otherwise than before",
     .explanation =
         "Another affinity, fill or key sends nearly every connection to another backend. Said by "
         "plan, with the share of slots that move; how much may move is safety.blast_radius.slots_"
         "moved (F12). A service that is still on its way from another pool, affinity or number of "
         "slots cannot move on: plan refuses it and says until when, whatever override there is.",
     .example = "web: {affinity: client, …}   # was flow\n"
                "# instead: a service of its own for what needs it, or in a maintenance window",
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed},
    {.id = "F35",
     .title = "more flows to follow than the flow table holds",
     .explanation =
         "Connections in slots that have just moved are followed one by one until they end or fall "
         "silent for `idle`. Plan predicts how many that are from the rate of new flows, and warns "
         "where they would fill more than half of the node's flow table: beyond it connections "
         "cannot be followed, and break.",
     .example = "# take two steps, `idle` apart; or a shorter `idle`; or a larger flow table",
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed},
    {.id = "F40",
     .title = "a pool forwards in another way",
     .explanation =
         "A backend that has no tunnel device, or none of that kind, drops every packet. Plan "
         "names the pools whose `forward` changes, since all of their backends must be able to "
         "before the first packet comes; `plan --probe` asks them.",
     .example = "web: {forward: l2dsr}   # was ipip\n"
                "# instead: a second pool with one backend, until its answers are seen",
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed},
    {.id = "F45",
     .title = "the outer source or the VLAN changes",
     .explanation =
         "Routers and backends that filter by source, and switch ports that do not carry the tag, "
         "lose the packets of some racks only. Said by plan.",
     .example = "network: {vlan: 120}   # was 12: does the port carry it?",
     .stage = Rule::Stage::kPlan,
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
     .stage = Rule::Stage::kPlan,
     .allow = Rule::Override::kAllowed},
};

}  // namespace

absl::Span<const Rule> ChangeRules() { return kChangeRules; }

}  // namespace evenkeel
