"""evenkeel-decap on a backend, packet by packet. Needs root: makes network namespaces and loads BPF.

Frames are made by hand and sent from lb to b1; what the kernel of b1 then takes for its own shows in a UDP socket on
the VIP, and in the program's counters. Decapsulation is right if the payload arrives: the kernel checks the sums.
"""
import contextlib
import os
import pathlib
import re
import signal
import socket
import subprocess
import threading

import pytest

import lab_fakes
from lab_support import LAB, VIP, Lab, wait_until
from lab import namespaces, topology  # tools/packet_lab; the path is set by lab_fakes

pytest.importorskip("scapy", reason="python3-scapy is missing: run tools/setup")
from scapy.layers.inet import IP, UDP  # noqa: E402
from scapy.layers.inet6 import IPv6  # noqa: E402
from scapy.layers.l2 import Ether  # noqa: E402
from scapy.packet import Raw  # noqa: E402

NAME = f"dc{os.getpid()}"
PORT = 5300
LB = {4: topology.LB_IPV4, 6: topology.LB_IPV6}
B1 = {4: topology.backend_ipv4(1), 6: topology.backend_ipv6(1)}
CLIENT = {4: topology.CLIENT_IPV4, 6: topology.CLIENT_IPV6}
NOT_ECT, ECT1, ECT0, CE = 0, 1, 2, 3

# (outer family, inner family) and the name of the counter
KINDS = {(4, 4): "ipip", (4, 6): "6in4", (6, 4): "4in6", (6, 6): "ip6ip6"}
every_kind = pytest.mark.parametrize("outer, inner", KINDS, ids=KINDS.values())


class Backend:
    """b1, the way to it, and what arrives there."""

    def __init__(self, lab):
        self.lab = lab
        with inside("lb"):
            self._wire = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
            self._wire.bind(("eth0", 0))
        self.sockets = {}
        with inside("b1"):
            for family, kind in ((4, socket.AF_INET), (6, socket.AF_INET6)):
                listener = self.sockets[family] = socket.socket(kind, socket.SOCK_DGRAM)
                listener.settimeout(30)
                if family == 4:
                    listener.setsockopt(socket.IPPROTO_IP, socket.IP_RECVTOS, 1)
                else:
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
                    listener.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_RECVTCLASS, 1)
                listener.bind(("", PORT))

    def send(self, packet):
        frame = Ether(dst=topology.mac(B1[4]), src=topology.mac(LB[4])) / packet
        self._wire.send(bytes(frame))

    def receive(self, family):
        """(payload, source address, TOS or traffic class) of the next datagram."""
        payload, ancillary, _, source = self.sockets[family].recvmsg(2048, 256)
        return payload, source[0], int.from_bytes(ancillary[0][2], "little") & 0xff

    def counts(self):
        log = pathlib.Path(f"/run/evenkeel-lab/{NAME}/b1/decap.log")
        before = log.read_text().count("received")
        os.kill(decap_pid(), signal.SIGUSR1)
        wait_until(lambda: log.read_text().count("received") > before, "the counters are in the log")
        line = [line for line in log.read_text().splitlines() if "received" in line][-1]
        return {name: int(count) for name, count in re.findall(r"(\w+) (\d+)(?:,|$)", line)}

    @contextlib.contextmanager
    def counting(self, outcome, packets=1):
        before = self.counts().get(outcome, 0)
        yield
        wait_until(lambda: self.counts().get(outcome, 0) >= before + packets, f"{outcome} is counted")
        assert self.counts()[outcome] == before + packets

    def is_refused(self, packet, outcome, family=4):
        """The packet is counted as the outcome, and reaches nobody: what is sent after it comes first."""
        with self.counting(outcome):
            self.send(packet)
        marker = os.urandom(8)
        self.send(tunnelled(family, family, marker))
        return self.receive(family)[0] == marker


@contextlib.contextmanager
def inside(node):
    own = os.open("/proc/self/ns/net", os.O_RDONLY)
    namespaces.enter_network(topology.namespace(NAME, node))
    try:
        yield
    finally:
        namespaces.enter_network_at(f"/proc/self/fd/{own}")
        os.close(own)


@pytest.fixture(name="b1", scope="module")
def backend_one(tmp_path_factory):
    lab = Lab(NAME, "dpdk", backends=1)
    try:
        lab.up("--build", str(lab_fakes.make_build(tmp_path_factory.mktemp("fake") / "build")))
        yield Backend(lab)
    finally:
        lab.down()


def decap_pid():
    for pid in namespaces.processes_in([topology.namespace(NAME, "b1")]):
        if pathlib.Path(f"/proc/{pid}/comm").read_text().strip() == "evenkeel-decap":
            return pid
    raise AssertionError("evenkeel-decap does not run in b1")


def header(family, source, destination, ecn=NOT_ECT, dscp=0, **fields):
    if family == 4:
        return IP(src=source, dst=destination, tos=dscp << 2 | ecn, **fields)
    return IPv6(src=source, dst=destination, tc=dscp << 2 | ecn, **fields)


def inner_packet(family, payload, ecn=NOT_ECT, destination=None, port=PORT, source_port=4000):
    return (header(family, CLIENT[family], destination or VIP[str(family)], ecn, dscp=10)
            / UDP(sport=source_port, dport=port) / Raw(payload))


def tunnelled(outer, inner, payload=b"payload", outer_ecn=NOT_ECT, inner_ecn=NOT_ECT, **fields):
    return header(outer, LB[outer], B1[outer], outer_ecn) / inner_packet(inner, payload, inner_ecn, **fields)


@every_kind
@pytest.mark.parametrize("size", [0, 1, 1400])
def test_a_tunnelled_datagram_reaches_the_vip(b1, outer, inner, size):
    payload = os.urandom(size)
    with b1.counting(KINDS[outer, inner]):
        b1.send(tunnelled(outer, inner, payload))
        received, source, _ = b1.receive(inner)
    assert (received, source) == (payload, CLIENT[inner])


@every_kind
def test_the_backend_answers_the_client_directly_from_the_vip(b1, outer, inner):
    kind = socket.AF_INET if inner == 4 else socket.AF_INET6
    with inside("client"):
        client = socket.socket(kind, socket.SOCK_DGRAM)
    client.settimeout(30)
    client.bind((CLIENT[inner], 0))
    port = client.getsockname()[1]
    client.connect((VIP[str(inner)], 53))  # takes answers from there only
    b1.send(tunnelled(outer, inner, b"?", port=53, source_port=port))
    assert client.recv(100).decode() == f"b1 {CLIENT[inner]} {port}\n"


def combined(outer, inner):
    """RFC 6040, section 4.2, figure 4; None is "drop"."""
    if inner == NOT_ECT:
        return None if outer == CE else NOT_ECT
    if CE in (outer, inner):
        return CE
    return ECT1 if outer == ECT1 else inner


@every_kind
@pytest.mark.parametrize("outer_ecn", range(4))
@pytest.mark.parametrize("inner_ecn", range(4))
def test_ecn_leaves_the_tunnel_as_rfc_6040_says(b1, outer, inner, outer_ecn, inner_ecn):
    packet = tunnelled(outer, inner, b"ecn", outer_ecn, inner_ecn)
    expected = combined(outer_ecn, inner_ecn)
    if expected is None:
        assert b1.is_refused(packet, "ecn_invalid", inner)
        return
    b1.send(packet)
    payload, _, tos = b1.receive(inner)
    assert payload == b"ecn" and tos & 3 == expected and tos >> 2 == 10


@every_kind
def test_a_tunnel_to_another_address_is_left_alone(b1, outer, inner):
    elsewhere = {4: "10.0.1.99", 6: "fd00::99"}
    packet = header(outer, LB[outer], elsewhere[outer]) / inner_packet(inner, b"spoofed")
    assert b1.is_refused(packet, "outer_not_local", inner)


@every_kind
def test_an_inner_destination_outside_the_vips_is_dropped(b1, outer, inner):
    packet = tunnelled(outer, inner, b"spoofed", destination=B1[inner])
    assert b1.is_refused(packet, "inner_not_vip", inner)


MALFORMED = {
    "outer_checksum": [IP(src=LB[4], dst=B1[4], chksum=0x1234) / inner_packet(4, b"x")],
    "outer_fragment": [IP(src=LB[4], dst=B1[4], flags="MF") / inner_packet(4, b"x"),
                       IP(src=LB[4], dst=B1[4], frag=3, proto=4) / Raw(b"x" * 64)],
    "outer_malformed": [
        IP(src=LB[4], dst=B1[4], options=[b"\x01\x01\x01\x01"]) / inner_packet(4, b"x"),
        IP(src=LB[4], dst=B1[4], len=1400) / inner_packet(4, b"x"),
        IP(src=LB[4], dst=B1[4], len=19) / inner_packet(4, b"x"),
        IPv6(src=LB[6], dst=B1[6], plen=1400) / inner_packet(6, b"x")],
    "inner_malformed": [
        IP(src=LB[4], dst=B1[4], proto=4) / Raw(b"\x45" + b"x" * 18),                 # half a header
        IP(src=LB[4], dst=B1[4], proto=4) / inner_packet(6, b"x"),                    # IPv6 called IPv4
        IP(src=LB[4], dst=B1[4], proto=41) / inner_packet(4, b"x" * 64),              # IPv4 called IPv6
        IP(src=LB[4], dst=B1[4]) / IP(src=CLIENT[4], dst=VIP["4"], len=1000) / UDP(),
        IP(src=LB[4], dst=B1[4]) / IP(src=CLIENT[4], dst=VIP["4"], len=10) / UDP(),
        IP(src=LB[4], dst=B1[4]) / IP(src=CLIENT[4], dst=VIP["4"], ihl=3) / UDP(),
        IPv6(src=LB[6], dst=B1[6]) / IPv6(src=CLIENT[6], dst=VIP["6"], plen=999) / UDP()],
}


@pytest.mark.parametrize("outcome, packet", [(o, p) for o, packets in MALFORMED.items() for p in packets])
def test_a_malformed_packet_is_dropped_and_counted(b1, outcome, packet):
    assert b1.is_refused(packet, outcome)


def test_other_traffic_passes_untouched(b1):
    before = b1.counts().get("not_tunnelled", 0)
    b1.send(header(4, LB[4], B1[4]) / UDP(sport=1, dport=PORT) / Raw(b"plain"))
    assert b1.receive(4)[:2] == (b"plain", LB[4])
    # At least: the kernels' own neighbour discovery counts there too.
    wait_until(lambda: b1.counts().get("not_tunnelled", 0) > before, "it is counted")


# The program as an operator meets it, on an interface of its own.

DECAP = lab_fakes.BUILD / "tools" / "evenkeel-decap" / "evenkeel-decap"


def decap_in_b1(*flags, **options):
    return subprocess.Popen([LAB, "exec", "--name", NAME, "b1", "--", str(DECAP), *flags], text=True,
                            stdout=subprocess.PIPE, stderr=subprocess.PIPE, **options)


@pytest.fixture(name="spare")
def spare_interface(b1):
    b1.lab.run("b1", "sh", "-ec", "ip link add spare type veth peer name other; ip addr add 10.9.0.1/24 dev spare; "
               "ip link set spare up; ip link set other up")
    yield "spare"
    b1.lab.run("b1", "ip", "link", "delete", "spare", check=False)


def is_attached(b1, interface):
    return "xdp" in b1.lab.run("b1", "ip", "link", "show", "dev", interface).stdout


@pytest.mark.parametrize("mode", ["native", "generic"])
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_with_0_and_detaches(b1, spare, mode, number):
    process = decap_in_b1(f"--interface={spare}", f"--xdp-mode={mode}")
    wait_until(lambda: is_attached(b1, spare), "attached")
    process.send_signal(number)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 0, log
    assert "10.9.0.1" in log and not is_attached(b1, spare)


def test_it_detaches_even_when_killed(b1, spare):
    process = decap_in_b1(f"--interface={spare}")
    wait_until(lambda: is_attached(b1, spare), "attached")
    process.kill()
    process.communicate(timeout=60)
    wait_until(lambda: not is_attached(b1, spare), "detached")


def test_it_fails_when_its_interface_goes(b1, spare):
    process = decap_in_b1(f"--interface={spare}")
    wait_until(lambda: is_attached(b1, spare), "attached")
    b1.lab.run("b1", "ip", "link", "delete", spare)
    _, log = process.communicate(timeout=60)
    assert process.returncode == 1 and "interface spare has gone" in log


def test_it_counts_at_intervals_when_asked_to(b1, spare):
    process = decap_in_b1(f"--interface={spare}", "--stats-interval=1")
    patience = threading.Timer(60, process.kill)
    patience.start()
    while "received" not in process.stderr.readline():
        assert process.poll() is None, "it says nothing"
    patience.cancel()
    process.terminate()
    # Another line at its end.
    assert "received" in process.communicate(timeout=60)[1]


@pytest.mark.parametrize("flags, status, said", [
    (["--interface=eth0"], 1, "already runs an XDP program"),
    (["--interface=nowhere"], 1, 'no interface "nowhere"'),
    (["--interface=lo", "--addresses=10.0.0.1"], 1, "--xdp-mode=generic"),
    (["--interface=lo", "--xdp-mode=generic", "--vips=" + ",".join(f"10.{i >> 8}.{i & 255}.0/24" for i in range(1025))],
     1, "holds 1024"),
    ([], 2, "--interface"),
    (["--interface=lo", "--xdp-mode=fast"], 2, "native or generic"),
    (["--interface=lo", "--vips=10.0.0.0/33"], 2, "10.0.0.0/33"),
    (["--interface=lo", "--vips=10.0.0.1/8"], 2, "after the prefix"),
    (["--interface=lo", "--vips=fd00::/129"], 2, "0 to 128"),
    (["--interface=lo", "--addresses=web"], 2, '"web"'),
    (["--interface=lo", "--stats-interval=-1"], 2, "0 to"),
    (["--interface=lo", "--stats-interval=often"], 2, "often"),
    (["--no-such-flag"], 2, "no-such-flag"),
    (["--interface=lo", "word"], 2, "word"),
    (["--help"], 0, ""),
])
def test_a_failure_is_one_line_and_the_right_status(b1, flags, status, said):
    process = decap_in_b1(*flags)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == status and said in errors, errors
    assert errors.count("\n") == (status != 0), errors


def test_it_says_that_it_needs_root(b1):
    result = b1.lab.run("b1", "setpriv", "--reuid", "65534", "--clear-groups", str(DECAP), "--interface=lo", check=False)
    assert result.returncode == 1 and "root" in result.stderr
