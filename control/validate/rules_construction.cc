// Faults that no file can bring about, because of how tables are made, packets are hashed and
// changes are published. Nothing here is checked when a file is read: each row says why it cannot
// happen, and tests/control/validate/construction_test.cc shows it.
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr Rule kConstructionRules[] = {
    {.id = "F20",
     .title = "nodes that list the backends in another order",
     .explanation =
         "A table depends on the set of backends, their weights and its size, and on nothing else: "
         "backends are sorted by their id (a digest of the address) before slots are dealt out. "
         "Order, names and history change no slot, so nodes that run the same weights have the "
         "same table digest.",
     .example = "pools: {web: {backends: {b2: {…}, b1: {…}}}}   # the same table as b1, b2\n"
                "# GET /digest on each node shows it",
     .stage = Rule::Stage::kConstruction},
    {.id = "F22",
     .title = "one VIP in two files",
     .explanation =
         "A node has one configuration, which is one file with one document; applying another "
         "replaces it as a whole and plan shows what goes. A VIP that two services of the file "
         "claim at the same rank is F21.",
     .example = "evenkeel apply shop.yaml …   # then\n"
                "evenkeel apply mail.yaml …   # F60: the services of shop.yaml are gone",
     .stage = Rule::Stage::kConstruction},
    {.id = "F33",
     .title = "nodes that hash with different seeds",
     .explanation =
         "There is no seed to set. The flow hash is keyed by the cluster's key file, which all "
         "nodes share and whose fingerprint a plane refuses to change; the fill's seed is a "
         "constant. Neither is derived from a name or an address of the node.",
     .example = "cluster: {seed: 42}\n# unknown key: copy key_file from another node instead",
     .stage = Rule::Stage::kConstruction},
    {.id = "F34",
     .title = "a hash that the router in front computes too",
     .explanation =
         "Where routers spread flows over balancers by a hash that the balancer repeats, each "
         "balancer sees only flows of a few slots and most backends get nothing from it. CRC and "
         "Toeplitz do that whatever their seed, being linear. Slots are chosen by SipHash-1-3 with "
         "a secret key, which is independent of what any router computes.",
     .example = "# nothing to write; a constant RSS key or ECMP hash in front does no harm",
     .stage = Rule::Stage::kConstruction},
    {.id = "F37",
     .title = "a flood of SYNs fills the flow table",
     .explanation =
         "At rest nothing is stored for a flow: the slot follows from the packet, and a flood "
         "costs "
         "a look-up each. Flows are tracked only in slots that have just moved, where half-open "
         "ones have a quota of their own and never displace an established one; a SYN that finds "
         "no room goes where its next packet will go.",
     .example = "# nothing to write; there is no table to size",
     .stage = Rule::Stage::kConstruction},
    {.id = "F42",
     .title = "a forward mode that the backends' answers do not fit",
     .explanation =
         "Every forward mode leaves the client's address in the packet and lets backends answer "
         "the client directly; there is no mode that translates addresses, so no answer has to "
         "come back through the balancer.",
     .example = "web: {forward: nat}\n# no such mode: ipip or l2dsr, with the VIP on the backends",
     .stage = Rule::Stage::kConstruction},
    {.id = "F47",
     .title = "ICMP errors that do not reach the flow's backend",
     .explanation =
         "An ICMP error to a VIP carries the beginning of the packet that it is about. The core "
         "turns that packet's addresses and ports round and sends the error to the backend of its "
         "flow, in all forward modes and for all services; no key turns it off.",
     .example = "# nothing to write; `evenkeel drops` counts icmp_unmatched",
     .stage = Rule::Stage::kConstruction},
    {.id = "F55",
     .title = "a change of which only a part takes effect",
     .explanation =
         "A configuration is compiled, verified and swapped in as one generation: services, "
         "tables and backends change by one pointer (DPDK) or one word (XDP). What cannot be built "
         "or is refused by a plane leaves the generation that runs untouched.",
     .example = "evenkeel status   # generation intended = published = plane",
     .stage = Rule::Stage::kConstruction},
    {.id = "F56",
     .title = "two operators who overwrite each other",
     .explanation =
         "apply is compare-and-swap on the revision that the change was planned against: if that "
         "has moved, it is refused and says what changed meanwhile. One trial at a time; the "
         "second is refused and names who holds it.",
     .example = "evenkeel apply site.yaml --base 41 --reason \"…\"   # refused: revision 42 runs",
     .stage = Rule::Stage::kConstruction},
    {.id = "F57",
     .title = "a rollback to something that is broken itself",
     .explanation =
         "`rollback --to` is an apply: today's rules, plan and guards judge the old revision "
         "against what runs now, and refuse it like any other change. Only the return from a trial "
         "goes back to what was confirmed a moment ago.",
     .example = "evenkeel rollback --to 12 --reason \"…\"   # refused: F12 at pools.web",
     .stage = Rule::Stage::kConstruction},
    {.id = "F59",
     .title = "tables lost when the control process restarts",
     .explanation =
         "Planes keep what they have whatever happens to evenkeeld: DPDK workers in their own "
         "memory and on disk, the XDP twin in pinned maps. A restarted evenkeeld adopts what they "
         "run, and generations only rise, across restarts too.",
     .example = "# nothing to write",
     .stage = Rule::Stage::kConstruction},
};

}  // namespace

absl::Span<const Rule> ConstructionRules() { return kConstructionRules; }

}  // namespace evenkeel
