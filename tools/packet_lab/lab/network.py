"""Builds and removes the namespaces of a lab, with links, addresses, routes and settings."""

import os
import subprocess

from . import namespaces, topology
from .errors import LabError
from .state import LB_DIRECTORIES

# Addresses are usable at once, and nobody configures a node but us.
_QUIET_IPV6 = {
    "net/ipv6/conf/all/accept_dad": 0,
    "net/ipv6/conf/default/accept_dad": 0,
    "net/ipv6/conf/default/dad_transmits": 0,
    "net/ipv6/conf/default/accept_ra": 0,
    "net/ipv6/conf/default/accept_redirects": 0,
    "net/ipv6/conf/all/accept_redirects": 0,
}
_NO_PATH_FILTER = {"net/ipv4/conf/all/rp_filter": 0, "net/ipv4/conf/default/rp_filter": 0}
# Local ports enough for a load test from one address, reused as soon as TCP allows it.
_BUSY_CLIENT = {
    "net/ipv4/ip_local_port_range": "10000 65535",
    "net/ipv4/tcp_tw_reuse": 1,
    "net/ipv6/ip_nonlocal_bind": 1,
}
# A packet goes in and out by the same interface, from lb to a backend: no reason to redirect.
_ROUTER = {
    "net/ipv4/ip_forward": 1,
    "net/ipv6/conf/all/forwarding": 1,
    "net/ipv4/conf/all/send_redirects": 0,
    "net/ipv4/conf/default/send_redirects": 0,
}
# With net_af_packet the kernel of lb gets a copy of every packet; it must keep silent about them.
_LB = {
    "net/ipv4/ip_forward": 0,
    "net/ipv6/conf/all/forwarding": 0,
    "net/ipv4/conf/all/accept_redirects": 0,
    "net/ipv4/conf/default/accept_redirects": 0,
}
# The VIPs are local, but nobody on the segment may learn so by ARP. The responder answers from a
# VIP that is on no interface.
_BACKEND = {
    "net/ipv4/conf/all/arp_ignore": 1,
    "net/ipv4/conf/all/arp_announce": 2,
    "net/ipv6/ip_nonlocal_bind": 1,
    "net/core/somaxconn": 8192,
    "net/ipv4/tcp_max_syn_backlog": 8192,
}
# br_netfilter, where the kernel has it, drops what is odd before it reaches a backend.
_PLAIN_BRIDGE = {"net/bridge/bridge-nf-call-iptables": 0, "net/bridge/bridge-nf-call-ip6tables": 0}
_SETTINGS = {"client": _BUSY_CLIENT, "router": _ROUTER, "lb": _LB}


def build(lab, backend_count):
    nodes = topology.node_names(backend_count)
    _batch([], [f"netns add {topology.namespace(lab, node)}" for node in nodes])
    for node in nodes:
        settings = {**_QUIET_IPV6, **_NO_PATH_FILTER, **_SETTINGS.get(node, _BACKEND)}
        namespaces.call_inside(
            topology.namespace(lab, node), namespaces.write_settings, settings
        )
    if os.path.isdir("/proc/sys/net/bridge"):
        namespaces.call_inside(
            topology.namespace(lab, "router"), namespaces.write_settings, _PLAIN_BRIDGE
        )
    _configure(lab, "router", _router_links(lab, backend_count) + _router_routes())
    _configure(lab, "client", _client_lines())
    _configure(lab, "lb", _segment_lines(topology.LB_IPV4, topology.LB_IPV6))
    for index in range(1, backend_count + 1):
        _configure(lab, f"b{index}", _backend_lines(index))
    _finish_checksums_in_software(lab)


def remove(lab):
    """Ends every process in the lab's namespaces, then removes these, however many there are."""
    if not os.path.isdir(namespaces.NETNS_DIR):
        return
    names = [
        name for name in os.listdir(namespaces.NETNS_DIR) if topology.node_of(lab, name) is not None
    ]
    namespaces.end_processes_in(names)
    _batch([], [f"netns delete {name}" for name in names])


def make_lb_mount_namespace(lab, state):
    """lb's own /run/evenkeel, /var/lib/evenkeel, /etc/evenkeel, BPF file system, and its /sys/net."""
    mounts = ["mount -t sysfs sysfs /sys", "mount -t bpf bpf /sys/fs/bpf"]
    mounts += [f"mount -t tmpfs -o mode=0755 evenkeel-lab {path}" for path in LB_DIRECTORIES]
    _run(
        ["nsenter", f"--net={namespaces.NETNS_DIR}/{topology.namespace(lab, 'lb')}"]
        + ["unshare", f"--mount={state.lb_mount_namespace}", "--propagation", "private"]
        + ["sh", "-ec", "; ".join(mounts)]
    )


def prepare_xdp_transmit(lab, pass_object):
    """A veth sends by XDP_TX only to a peer that has an XDP program: lb's peer gets an empty one."""
    _configure(lab, "router", [f"link set dev lb xdpdrv object {pass_object} section xdp"])


def has_xdp(lab, node):
    """Whether an XDP program is attached to the node's eth0."""
    result = _run(["ip", "-n", topology.namespace(lab, node), "link", "show", "dev", "eth0"])
    return " xdp" in result.stdout or "prog/xdp" in result.stdout


def _router_links(lab, backend_count):
    def peer(node, ipv4):
        return f"peer name eth0 netns {topology.namespace(lab, node)} address {topology.mac(ipv4)}"

    gateway_mac = topology.mac(topology.ROUTER_IPV4)
    lines = [
        "link set dev lo up",
        f"link add client type veth {peer('client', topology.CLIENT_IPV4)}",
        f"link set dev client mtu {topology.CLIENT_MTU} up",
        f"link add br0 address {gateway_mac} type bridge mcast_snooping 0 forward_delay 0",
    ]
    ports = {"lb": topology.LB_IPV4}
    ports.update({f"b{i}": topology.backend_ipv4(i) for i in range(1, backend_count + 1)})
    for node, ipv4 in ports.items():
        lines.append(f"link add {node} type veth {peer(node, ipv4)}")
        lines.append(f"link set dev {node} mtu {topology.SEGMENT_MTU} master br0 up")
    return lines + [f"link set dev br0 mtu {topology.SEGMENT_MTU} up"]


def _router_routes():
    return [
        f"address add {topology.LINK_ROUTER_IPV4}/30 dev client",
        f"address add {topology.LINK_ROUTER_IPV6}/64 dev client nodad",
        f"address add {topology.ROUTER_IPV4}/{topology.SEGMENT_LENGTH_IPV4} dev br0",
        f"address add {topology.ROUTER_IPV6}/{topology.SEGMENT_LENGTH_IPV6} dev br0 nodad",
        f"route add {topology.CLIENT_NET_IPV4} via {topology.LINK_CLIENT_IPV4}",
        f"route add {topology.CLIENT_NET_IPV6} via {topology.LINK_CLIENT_IPV6} dev client",
        f"route add {topology.VIP_NET_IPV4} via {topology.LB_IPV4}",
        f"route add {topology.VIP_NET_IPV6} via {topology.LB_IPV6}",
    ]


def _client_lines():
    return [
        "link set dev lo up",
        f"link set dev eth0 mtu {topology.CLIENT_MTU} up",
        f"address add {topology.CLIENT_IPV4}/32 dev eth0",
        f"address add {topology.LINK_CLIENT_IPV4}/30 dev eth0",
        f"address add {topology.CLIENT_IPV6}/128 dev eth0 nodad",
        f"address add {topology.LINK_CLIENT_IPV6}/64 dev eth0 nodad",
        f"route add local {topology.CLIENT_NET_IPV4} dev lo",
        f"route add local {topology.CLIENT_NET_IPV6} dev lo",
        f"route add default via {topology.LINK_ROUTER_IPV4} src {topology.CLIENT_IPV4}",
        f"route add default via {topology.LINK_ROUTER_IPV6} dev eth0 src {topology.CLIENT_IPV6}",
    ]


def _segment_lines(ipv4, ipv6):
    return [
        "link set dev lo up",
        f"link set dev eth0 mtu {topology.SEGMENT_MTU} up",
        f"address add {ipv4}/{topology.SEGMENT_LENGTH_IPV4} dev eth0",
        f"address add {ipv6}/{topology.SEGMENT_LENGTH_IPV6} dev eth0 nodad",
        f"route add default via {topology.ROUTER_IPV4}",
        f"route add default via {topology.ROUTER_IPV6}",
    ]


def _backend_lines(index):
    return _segment_lines(topology.backend_ipv4(index), topology.backend_ipv6(index)) + [
        f"route add local {topology.VIP_NET_IPV4} dev lo",
        f"route add local {topology.VIP_NET_IPV6} dev lo",
    ]


def _finish_checksums_in_software(lab):
    """A veth leaves checksums to its reader, who may be XDP or a packet socket, which don't know."""
    devices = {"client": ["eth0"], "lb": ["eth0"], "router": ["br0", "client", "lb"]}
    for node, names in devices.items():
        enter = ["nsenter", f"--net={namespaces.NETNS_DIR}/{topology.namespace(lab, node)}"]
        for device in names:
            _run(enter + ["ethtool", "-K", device, "tx", "off"])


def _configure(lab, node, lines):
    _batch(["-n", topology.namespace(lab, node)], lines)


def _batch(options, lines):
    if lines:
        _run(["ip", *options, "-batch", "-"], "\n".join(lines) + "\n")


def _run(command, text=None):
    result = subprocess.run(command, input=text, capture_output=True, text=True)
    if result.returncode != 0:
        raise LabError(f"`{' '.join(command[:6])}` failed: {result.stderr.strip()}")
    return result
