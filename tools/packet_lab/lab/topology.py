"""Names and addresses of the lab. Only data: nothing here touches the system.

    client ---- router ---- lb            client link: MTU 1500
      198.51.100.0/24  |                  segment: MTU 1600, so that a full client packet
      2001:db8:100::/64 +--- b1 … bN      fits with an outer header around it

The router is the gateway of the segment. Tunnelled packets go through it too, from lb to the
backends; backends answer the client past lb.
"""

import re

BACKENDS_MAX = 200
CLIENT_MTU = 1500
SEGMENT_MTU = 1600

CLIENT_IPV4, CLIENT_IPV6 = "198.51.100.2", "2001:db8:100::2"
CLIENT_NET_IPV4, CLIENT_NET_IPV6 = "198.51.100.0/24", "2001:db8:100::/64"

ROUTER_IPV4, ROUTER_IPV6 = "10.0.0.1", "fd00::1"
LB_IPV4, LB_IPV6 = "10.0.0.10", "fd00::10"
SEGMENT_LENGTH_IPV4, SEGMENT_LENGTH_IPV6 = 16, 64

VIP_NET_IPV4, VIP_NET_IPV6 = "203.0.113.0/24", "2001:db8:113::/48"
VIP_IPV4, VIP_IPV6 = "203.0.113.10", "2001:db8:113::10"

# The link between client and router. Every address of the client's networks is the client's own, so
# its gateway has to be on another one.
LINK_CLIENT_IPV4, LINK_ROUTER_IPV4 = "169.254.0.2", "169.254.0.1"
LINK_CLIENT_IPV6, LINK_ROUTER_IPV6 = "fe80::2", "fe80::1"

HTTP_PORT = 80
HTTP_RANGE = (8000, 8099)
DNS_PORT = 53

_LAB_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?")
_NODE_NAME = re.compile(r"client|router|lb|b[1-9][0-9]*")


def is_lab_name(text):
    return _LAB_NAME.fullmatch(text) is not None


def backend_names(count):
    return [f"b{index}" for index in range(1, count + 1)]


def node_names(backend_count):
    return ["client", "router", "lb"] + backend_names(backend_count)


def namespace(lab, node):
    """The network namespace's name, as `ip netns` lists it."""
    return f"{lab}-{node}"


def node_of(lab, namespace_name):
    """The node that a namespace belongs to, or None if it is not of this lab."""
    prefix, node = namespace_name[: len(lab) + 1], namespace_name[len(lab) + 1 :]
    return node if prefix == f"{lab}-" and _NODE_NAME.fullmatch(node) else None


def backend_ipv4(index):
    return f"10.0.1.{10 + index}"


def backend_ipv6(index):
    """The index is written in decimal digits: b12 is fd00::1:12."""
    return f"fd00::1:{index}"


def mac(ipv4):
    """A locally administered MAC address that shows whose it is."""
    return "02:00:" + ":".join(f"{int(byte):02x}" for byte in ipv4.split("."))
