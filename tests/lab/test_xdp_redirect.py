"""The next hop behind a second interface: frames come in by eth0 and leave by eth1 (XDP_REDIRECT).

Needs root (network namespaces, BPF) and a build in build/."""
import os
import subprocess

import pytest

from lab_support import ROOT, Lab, wait_until

REQUESTS = 300


@pytest.fixture(scope="module")
def lab():
    """A lab whose lb reaches the router's segment by a second link, eth1, whose end in the router is lb2."""
    lab = Lab(f"r{os.getpid()}", "xdp")
    try:
        lab.up()
        lab.run("router", "ip", "link", "add", "lb2", "type", "veth", "peer", "name", "lb2-peer")
        lab.run("router", "ip", "link", "set", "lb2-peer", "netns", str(lab.pid("evenkeeld")), "name", "eth1")
        lab.run("router", "ip", "link", "set", "lb2", "mtu", "1600", "master", "br0", "up")
        # From here, where there is a BPF file system: a veth takes redirected frames only with a program at its end.
        subprocess.run(["ip", "-n", f"{lab.name}-router", "link", "set", "dev", "lb2", "xdpdrv", "object",
                        f"{ROOT}/build/bpf/pass.bpf.o", "section", "xdp"], check=True)
        # Addresses of its own, so that nobody takes eth1 for the way to lb's.
        lab.run("lb", "sh", "-ec", """
          ip link set eth1 mtu 1600 up
          ip address add 10.0.0.11/32 dev eth1
          ip address add fd00::11/128 dev eth1 nodad
          ip route add 10.0.0.1/32 dev eth1 src 10.0.0.11
          ip -6 route add fd00::1/128 dev eth1 src fd00::11""")
        yield lab
    finally:
        lab.down()


def received(lab, port):
    """Frames that the router's end of a link has received."""
    return int(lab.run("router", "cat", f"/sys/class/net/{port}/statistics/rx_packets").stdout)


def restart(lab):
    lab.tool("stop", "evenkeeld")
    lab.tool("start", "evenkeeld")
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "taken over")


def test_frames_leave_by_the_interface_that_the_route_names(lab):
    lab.load("--to", "203.0.113.10:80", "--count", "50")
    assert received(lab, "lb2") < 50, "nothing takes eth1 before evenkeeld looks at the routes"
    restart(lab)
    wait_until(lambda: "leave by interface eth1" in lab.tool("log", "evenkeeld").stdout, "the routes have been looked at")
    for target in ("203.0.113.10:80", "[2001:db8:113::10]:80"):
        before = received(lab, "lb2")
        outcome = lab.load("--to", target, "--count", str(REQUESTS))
        assert outcome["requests"] == REQUESTS
        # Each request is a SYN, an ACK with data and a FIN at least, all through lb.
        assert received(lab, "lb2") - before >= 3 * REQUESTS
    assert lab.cli("drops")["drop"] == 0


def test_a_restart_and_a_publication_keep_the_way(lab):
    before = received(lab, "lb2")
    with lab.background_load("--to", "203.0.113.10:80", "--rate", "200", "--seconds", "5") as outcome:
        restart(lab)
        lab.apply(lab.config().replace("b1: {address: 10.0.1.11, weight: 100", "b1: {address: 10.0.1.11, weight: 110"))
    assert outcome["failed"] == 0, outcome
    assert received(lab, "lb2") - before >= 3 * outcome["requests"]


def test_a_second_interface_that_has_gone_hinders_nobody(lab):
    lab.run("lb", "ip", "link", "del", "eth1")
    restart(lab)
    assert lab.load("--to", "203.0.113.10:80", "--count", "100")["requests"] == 100
