// Faults that lie outside every file: in the node, its network or the traffic. Here are their
// texts, so that whoever meets the number in an alarm or in doctor's findings can look it up.
#include "control/validate/rules_by_theme.h"

namespace evenkeel {
namespace {

constexpr Rule kRunningRules[] = {
    {.id = "F38",
     .title = "a few heavy flows taken for a fault",
     .explanation =
         "With ordinary flow sizes the bytes of backends differ by a factor of two or three under "
         "the evenest of tables. Shares are therefore judged by new flows: even flows with uneven "
         "bytes are reported as just that.",
     .example = "evenkeel simulate site.yaml --traffic busy.pcap   # names the heavy flows",
     .stage = Rule::Stage::kTraffic},
    {.id = "F41",
     .title = "a backend without the VIP on its loopback",
     .explanation =
         "It unwraps the packet, does not know the address inside and drops it or answers with a "
         "reset. A check via the tunnel asks for the VIP and notices (F15); a check of the "
         "backend's own address does not.",
     .example = "ip address add 203.0.113.10/32 dev lo   # on the backend",
     .stage = Rule::Stage::kNode},
    {.id = "F43",
     .title = "a backend's reverse-path filter drops what it unwraps",
     .explanation =
         "With rp_filter=1 a packet that comes out of a tunnel from an address that is routed "
         "elsewhere is dropped without a trace. Set it to 0 or 2 on the tunnel device and on all.",
     .example = "sysctl net.ipv4.conf.all.rp_filter=2   # on the backend",
     .stage = Rule::Stage::kNode},
    {.id = "F49",
     .title = "all packets on one queue",
     .explanation =
         "RSS that is off, or that hashes fewer fields than flows differ in, leaves one core with "
         "all the work. The workers' own counters show it.",
     .example = "evenkeel doctor   # queues, RSS; evenkeel top: packets of each worker",
     .stage = Rule::Stage::kNode},
    {.id = "F50",
     .title = "a worker on the wrong core",
     .explanation =
         "On the other NUMA node, beside a hyperthread sibling that works, or on a core that the "
         "kernel schedules on, a worker loses packets under load.",
     .example = "evenkeel-dataplane … -- --lcores 0-4   # cores of the NIC's node, isolated",
     .stage = Rule::Stage::kNode},
    {.id = "F51",
     .title = "too few huge pages, buffers or descriptors",
     .explanation = "Bursts then find no room and are lost before anybody counts them but the NIC.",
     .example = "evenkeel doctor   # what the flags need and what there is",
     .stage = Rule::Stage::kNode},
    {.id = "F52",
     .title = "XDP in generic mode",
     .explanation =
         "After a change of driver or kernel the program may only attach in generic mode, which is "
         "several times slower. evenkeeld refuses that unless --xdp-mode=generic asks for it.",
     .example = "evenkeel status   # mode native or generic",
     .stage = Rule::Stage::kNode},
    {.id = "F53",
     .title = "a bond that sends everything over one leg",
     .explanation =
         "Tunnelled packets have few outer addresses; a bond that hashes only those puts them on "
         "one leg. A prefix as encap_source (F46) varies them.",
     .example = "encap_source: {ipv6: \"fd00:0:0:e::/64\"}   # and xmit_hash_policy layer3+4",
     .stage = Rule::Stage::kNode},
    {.id = "F54",
     .title = "a node that runs an old configuration",
     .explanation =
         "Each node tells at GET /digest what it runs; generations and digests that differ between "
         "nodes, or a control process that is silent, are alarms of whoever watches the cluster.",
     .example = "curl -s http://node:9470/digest",
     .stage = Rule::Stage::kNode},
    {.id = "F61",
     .title = "flows rehashed over the balancers",
     .explanation =
         "When a router gains or loses a balancer it sends flows to other nodes. The table is the "
         "same on all of them (F20), so flows in slots at rest do not notice; those in slots that "
         "have just moved may.",
     .example = "# change balancers and backends one at a time, not together",
     .stage = Rule::Stage::kTraffic},
    {.id = "F62",
     .title = "a watch that sees nothing",
     .explanation =
         "A dead scraper looks like a quiet day. Alarm on absent series, and on counters that go "
         "backwards: they are cumulative since the plane's start.",
     .example = "absent(evenkeel_generation{where=\"plane\"})",
     .stage = Rule::Stage::kTraffic},
};

}  // namespace

absl::Span<const Rule> RunningRules() { return kRunningRules; }

}  // namespace evenkeel
