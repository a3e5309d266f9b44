"""The configuration that the lab starts with: /etc/evenkeel/lab.yaml in lb."""

from . import topology

_YAML = """\
# The lab's configuration, written by tools/lab.
schema: evenkeel/v1
cluster:
  name: lab
  key_file: /etc/evenkeel/cluster.key
  owned_prefixes: [{vips4}, "{vips6}"]
network:
  encap_source: {{ipv4: {lb4}, ipv6: "{lb6}"}}
  gateway: {{ipv4: {router4}, ipv6: "{router6}"}}
  mtu: {mtu}
  client_mtu: {client_mtu}
pools:
  web4:
    forward: ipip{objectives}
    backends:
{backends4}
  web6:
    forward: ipip{objectives}
    backends:
{backends6}
services:
  http4:  {{vip: {vip4}, ports: [{port}], protocol: tcp, pool: web4}}
  http6:  {{vip: "{vip6}", ports: [{port}], protocol: tcp, pool: web6}}
  range4: {{vip: {vip4}, ports: ["{first}-{last}"], protocol: tcp, pool: web4}}
  range6: {{vip: "{vip6}", ports: ["{first}-{last}"], protocol: tcp, pool: web6}}
  dns4:   {{vip: {vip4}, ports: [{dns}], protocol: udp, pool: web4}}
  dns6:   {{vip: "{vip6}", ports: [{dns}], protocol: udp, pool: web6}}
"""

# A single backend cannot survive a failure, and says so.
_ALONE = "\n    objectives: {survive_failures: 0}"


def default_configuration(backend_count):
    indices = range(1, backend_count + 1)
    first, last = topology.HTTP_RANGE
    return _YAML.format(
        vips4=topology.VIP_NET_IPV4,
        vips6=topology.VIP_NET_IPV6,
        lb4=topology.LB_IPV4,
        lb6=topology.LB_IPV6,
        router4=topology.ROUTER_IPV4,
        router6=topology.ROUTER_IPV6,
        mtu=topology.SEGMENT_MTU,
        client_mtu=topology.CLIENT_MTU,
        objectives=_ALONE if backend_count == 1 else "",
        backends4=_backends(topology.backend_ipv4(i) for i in indices),
        backends6=_backends(f'"{topology.backend_ipv6(i)}"' for i in indices),
        vip4=topology.VIP_IPV4,
        vip6=topology.VIP_IPV6,
        port=topology.HTTP_PORT,
        first=first,
        last=last,
        dns=topology.DNS_PORT,
    )


def _backends(addresses):
    return "\n".join(
        f"      b{index}: {{address: {address}, weight: 100}}"
        for index, address in enumerate(addresses, 1)
    )
