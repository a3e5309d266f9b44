"""The worker beside testpmd macswap on a port that is never empty and costs next to nothing: tools/bench worker."""
import contextlib
import dataclasses
import ipaddress
import json
import os
import pathlib
import shutil
import socket
import statistics
import tempfile
import time

from benchmarks.harness import (ROOT, BenchError, Program, built, hugepages, median_interval, write_json)

BACKENDS = 100
MANY_SERVICES = 1000
BATCHES = 64
PREEMPTED_MAX = 0.25
INTERVAL_MAX = 0.10
START_S = 60


@dataclasses.dataclass(frozen=True)
class Mix:
    """A row: what the packets are, and what one costs the worker at most, in nanoseconds (None: no target)."""
    name: str
    flows: int
    target_ns: float = None
    family: int = 4
    protocol: int = 6
    port: int = 80
    syn: int = 0
    services: int = 1
    added: int = 20  # bytes that the tunnel adds

    def command(self):
        return (f"run {self.family} {self.protocol} {self.port} {self.syn} {self.flows} {self.services} "
                f"{BATCHES}")


MIXES = (
    Mix("IPv4 TCP, IPIP, 1 flow", 1, 10),
    Mix("IPv4 TCP, IPIP, 16 k flows", 1 << 14),
    Mix("IPv4 TCP, IPIP, 1 M flows", 1 << 20),
    Mix("IPv4 TCP, IPIP, 16 M flows", 1 << 24, 13),
    Mix("IPv4 TCP, IPIP, 16 M flows to 1,000 services", 1 << 24, 25, services=MANY_SERVICES),
    Mix("IPv4 TCP, IPIP, SYNs of 16 M clients", 1 << 24, syn=1),
    Mix("IPv4 UDP, IPIP, 1 M flows", 1 << 20, protocol=17, port=53),
    Mix("IPv4 TCP, L2 DSR, 1 M flows", 1 << 20, port=81, added=0),
    Mix("IPv6 TCP, 6in6, 1 flow", 1, family=6, added=40),
    Mix("IPv6 TCP, 6in6, 1 M flows", 1 << 20, family=6, added=40),
)
# The first of each against the second; the share that the second has to reach.
COMPARED = (
    (("IPv4 TCP, IPIP, 1 flow", "IPv4 TCP, IPIP, 16 M flows"), 0.97),
    (("IPv4 TCP, IPIP, 16 M flows", "IPv4 TCP, IPIP, SYNs of 16 M clients"), 0.98),
    (("IPv4 TCP, IPIP, 1 M flows", "IPv4 TCP, L2 DSR, 1 M flows"), 0.90),
    (("IPv4 TCP, IPIP, 1 M flows", "IPv6 TCP, 6in6, 1 M flows"), 0.90),
)


def eal(library):
    return ["--main-lcore", "0", "-l", "0,1", "--no-pci", "--no-telemetry", "--in-memory", "-m", "256",
            "-d", str(library), "--vdev", "net_null0,no-rx=1"]


class Forwarder:
    """A DPDK program with the replay port in it. Stopped but while it is measured: it polls all the time."""

    def __init__(self, title, folder):
        self.title = title
        self.path = folder / f"{title.replace(' ', '-')}.sock"
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(str(self.path))
        self.listener.listen(1)
        self.listener.settimeout(START_S)

    def launch(self, command, folder):
        self.program = Program(self.title.replace(" ", "-"), ["env", f"EVENKEEL_REPLAY_SOCKET={self.path}", *command],
                               folder)

    def await_port(self):
        try:
            connection, _ = self.listener.accept()
        except TimeoutError:
            tail = self.program.log.read_text().strip()[-300:]
            raise BenchError(f"{self.title} has started no port in {START_S} s: {tail}") from None
        self.commands = connection.makefile("rw", buffering=1)
        self._answer()

    def _answer(self):
        line = self.commands.readline()
        if not line:
            raise BenchError(f"{self.title} has ended: {self.program.log.read_text().strip()[-300:]}")
        answer = json.loads(line)
        if "problem" in answer:
            raise BenchError(f"{self.title}: {answer['problem']}")
        return answer

    def measure(self, mix):
        self.program.go_on()
        self.commands.write(mix.command() + "\n")
        answer = self._answer()
        self.program.pause()
        self.check(mix, bytes.fromhex(answer["in"]), bytes.fromhex(answer["out"]), answer["bytes_out"])
        return answer

    def check(self, mix, before, after, bytes_out):
        """That the work was done."""
        raise NotImplementedError

    def end(self):
        self.program.end()


class Testpmd(Forwarder):
    """The yardstick: swaps two MACs and sends the packet back."""

    def __init__(self, folder, library):
        super().__init__("testpmd macswap", folder)
        testpmd = shutil.which("dpdk-testpmd")
        if not testpmd:
            raise BenchError("dpdk-testpmd is missing: ./tools/setup installs it (package dpdk-dev)")
        self.launch([testpmd, *eal(library), "--", "--forward-mode=macswap", "--auto-start", "--no-mlockall",
                     "--nb-cores=1", "--port-topology=loop", "--total-num-mbufs=32768", "--no-lsc-interrupt",
                     "--no-rmv-interrupt", "--burst=64"], folder)

    def check(self, mix, before, after, bytes_out):
        if bytes_out != len(before) or after != before[6:12] + before[:6] + before[12:]:
            raise BenchError(f"{self.title} did not swap MACs")


def lasting(mix, packet):
    """A packet without what a router changes: TTL and header checksum, hop limit."""
    return packet[:8] + packet[9:10] + packet[12:] if mix.family == 4 else packet[:7] + packet[8:]


class Worker(Forwarder):
    """evenkeel-dataplane with one worker, and its services published over its socket as evenkeeld does it."""

    def __init__(self, folder, build, library):
        super().__init__("evenkeel worker", folder)
        self.control = None
        control_socket = folder / "control.sock"
        flows = folder / "flows"
        self.launch([str(build / "dataplane/app/evenkeel-dataplane"), f"--socket={control_socket}", "--state-dir=",
                     f"--flow-dir={flows}", "--workers=1", "--poll=busy", "--", *eal(library)], folder)
        self.await_socket(control_socket)
        self.control = Program("control", [str(build / "tools/pktgen/evenkeel-bench-control"), str(control_socket),
                                           str(BACKENDS), str(MANY_SERVICES)], folder)

    def await_socket(self, path):
        deadline = time.monotonic() + START_S
        while not path.exists():
            if time.monotonic() > deadline or self.program.child.poll() is not None:
                raise BenchError(f"evenkeel-dataplane does not start: {self.program.log.read_text().strip()[-300:]}")
            time.sleep(0.05)

    def await_port(self):
        super().await_port()
        self.control.hear_json()

    def check(self, mix, before, after, bytes_out):
        if bytes_out != len(before) + mix.added or len(after) != len(before) + mix.added:
            raise BenchError(f"{self.title}: {mix.name}: {bytes_out:g} bytes a packet where {len(before) + mix.added} "
                             "were due")
        if lasting(mix, after[14 + mix.added:]) != lasting(mix, before[14:]):
            raise BenchError(f"{self.title}: {mix.name}: the packet in the tunnel is not the client's")
        outer = after[14:]
        if mix.family == 4 and mix.added and (
                outer[9] != 4 or ipaddress.ip_address(outer[16:20]) not in ipaddress.ip_network("10.0.1.0/24")):
            raise BenchError(f"{self.title}: {mix.name}: the tunnel leads to no backend: {outer[:20].hex()}")
        if mix.family == 6 and (
                outer[6] != 41 or ipaddress.ip_address(outer[24:40]) not in ipaddress.ip_network("fd00::1:0/112")):
            raise BenchError(f"{self.title}: {mix.name}: the tunnel leads to no backend: {outer[:40].hex()}")

    def end(self):
        if self.control:
            self.control.end()
        super().end()


def summary(values):
    return {"median": statistics.median(values), "interval": list(median_interval(values)), "best": min(values)}


def void_because(preempted, share):
    """Why figures are no answer; empty: they are one."""
    if preempted > PREEMPTED_MAX:
        return f"void: other programs had the core in {preempted:.0%} of the batches"
    low, high = share["interval"]
    if high - low > INTERVAL_MAX * share["median"]:
        return f"void: the rounds disagree by {(high - low) / share['median']:.0%}"
    return ""


def make_row(mix, results, forwarders):
    """`results`: by title, the answer of each round."""
    own, loop = ({forwarder.title: [statistics.median(answer[kind]) for answer in results[forwarder.title]
                                    if answer[kind]] for forwarder in forwarders} for kind in ("own", "loop"))
    answers = [answer for forwarder in forwarders for answer in results[forwarder.title]]
    lost = sum(answer["preempted"] for answer in answers)
    row = {"mix": mix.name, "preempted": lost / (lost + sum(len(answer["own"]) for answer in answers))}
    theirs, ours = (forwarder.title for forwarder in forwarders)
    if any(len(own[forwarder.title]) < len(results[forwarder.title]) for forwarder in forwarders):
        return row | {"void": "void: other programs had the core all of a round"}
    row |= {"macswap_ns": summary(own[theirs]), "worker_ns": summary(own[ours]), "worker_loop_ns": loop[ours],
            "mpps": 1e3 / statistics.median(loop[ours]),
            "share": summary([their / our for their, our in zip(loop[theirs], loop[ours])])}
    return row | {"void": void_because(row["preempted"], row["share"])}


def print_row(mix, row):
    if "share" not in row:
        print(f"  {mix.name:46}{row['void']}")
        return
    worker = row["worker_ns"]
    low, high = worker["interval"]
    verdict = row["void"]
    if not verdict and mix.target_ns is not None:
        verdict = f"target {mix.target_ns:g}: {'met' if high <= mix.target_ns else 'missed'}"
    interval = f"{low:.1f} to {high:.1f}"
    print(f"  {mix.name:46}{row['macswap_ns']['median']:6.1f}  {worker['median']:6.1f} {interval:16}{worker['best']:6.1f}"
          f"{row['mpps']:8.1f}{row['share']['median']:8.0%}   {verdict}".rstrip())


def print_comparison(names, target, rows):
    """How fast one mix goes, the port included, as a share of another, round by round."""
    fast, slow = (rows[name] for name in names)
    for row in (fast, slow):
        if "share" not in row:
            print(f"  {names[1]} against {names[0]}: {row['void']}")
            return
    ratio = summary([f / s for f, s in zip(fast["worker_loop_ns"], slow["worker_loop_ns"])])
    low, high = ratio["interval"]
    verdict = fast["void"] or slow["void"] or (
        f"target {target:.0%}: {'met' if low >= target else 'missed'}")
    print(f"  {names[1]} against {names[0]}: {ratio['median']:.1%} ({low:.1%} to {high:.1%})   {verdict}")


def run(options):
    if os.cpu_count() < 2:
        raise BenchError("needs two cores: one forwards, one commands")
    library = built(options.build, "tools/pktgen/evenkeel-replay.so")
    built(options.build, "dataplane/app/evenkeel-dataplane")
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evkbench")))
        stack.enter_context(hugepages(folder))
        forwarders = []
        for forwarder in (lambda: Testpmd(folder, library), lambda: Worker(folder, ROOT / options.build, library)):
            forwarders.append(forwarder())
            stack.callback(forwarders[-1].end)
            forwarders[-1].await_port()
            forwarders[-1].program.pause()
        print(f"worker: one core, {BACKENDS} backends a service, {MANY_SERVICES} more services beside them; bursts of "
              f"64, {options.rounds} rounds of {BATCHES} batches of 2,048 packets\n"
              f"  {'':46}ns a packet, the port apart             with the port\n"
              f"  {'':46}macswap worker 95 %            best    Mpps of macswap", flush=True)
        results = {mix: {forwarder.title: [] for forwarder in forwarders} for mix in MIXES}
        for _ in range(options.rounds):
            for mix in MIXES:
                for forwarder in forwarders:
                    results[mix][forwarder.title].append(forwarder.measure(mix))
        rows = {mix.name: make_row(mix, results[mix], forwarders) for mix in MIXES}
        for mix in MIXES:
            print_row(mix, rows[mix.name])
        for names, target in COMPARED:
            print_comparison(names, target, rows)
        write_json(options, list(rows.values()))
