"""One forwarding lcore against testpmd macswap over a memif link: tools/bench link."""
import contextlib
import os
import pathlib
import re
import shutil
import statistics
import tempfile
import time

from benchmarks.harness import ROOT, BenchError, Program, built, hugepages, median_interval, write_json

EMPTY_POLLS_MAX = 0.02
GENERATOR_CPU_MIN = 0.98
TARGET = 0.90
BACKENDS = 100
FILL_S = 0.05
WARM_UP_S = 0.15
MEASURED_S = 0.8


def eal(folder, prefix, role, main_lcore):
    extra = ",zero-copy=yes" if role[1] == "client" else ""
    return ["--main-lcore", str(main_lcore), "-l", "0,1", "--no-pci", "--no-telemetry",
            "--file-prefix", f"evkbench-{os.getpid()}-{prefix}", "--single-file-segments", "-m", "512",
            "--huge-dir", f"{folder}/huge",
            "--vdev", f"net_memif0,role={role[1]},id=0,rsize=11,bsize=2048,"
                      f"socket={folder}/{role[0]}.sock,socket-abstract=no{extra}"]


class Testpmd:
    """The yardstick: swaps two MACs and sends the packet back."""

    title = "testpmd macswap"

    def __init__(self, folder, _build):
        testpmd = shutil.which("dpdk-testpmd")
        if not testpmd:
            raise BenchError("dpdk-testpmd is missing: ./tools/setup installs it (package dpdk-dev)")
        self.program = Program("testpmd", [
            # Its output is otherwise held back in blocks.
            "stdbuf", "-oL", testpmd, *eal(folder, "testpmd", ("testpmd", "server"), 0), "--", "-i", "--forward-mode=macswap",
            "--no-mlockall", "--nb-cores=1", "--port-topology=loop", "--total-num-mbufs=32768",
            "--no-lsc-interrupt", "--no-rmv-interrupt", "--record-burst-stats", "--burst=64"], folder)
        self.link = "testpmd"

    def start(self):
        self.program.say("start")
        self.program.say("show port summary 0")
        self.program.hear_until("net_memif")

    def begin(self):
        self.program.say("clear fwd stats all")

    def empty_share(self):
        self.program.say("show fwd stats all")
        self.program.say("show port summary 0")
        text = self.program.hear_until("net_memif")
        # "RX-bursts : 123 [1% of 0 pkts + 99% of 64 pkts]": the first such line is the port's.
        found = re.search(r"RX-bursts\s*:\s*\d+ \[(.*?)\]", text)
        if not found:
            return None
        empty = re.search(r"(\d+)% of 0 pkts", found.group(1))
        return int(empty.group(1)) / 100 if empty else 0.0

    def end(self):
        self.program.end()


class Worker:
    """evenkeel-dataplane with one worker, one service, 100 backends, IPIP."""

    title = "evenkeel worker"

    def __init__(self, folder, build):
        socket = folder / "control.sock"
        self.program = Program("dataplane", [
            str(build / "dataplane/app/evenkeel-dataplane"), f"--socket={socket}", "--state-dir=",
            "--workers=1", "--poll=busy", "--rx-descriptors=2048", "--tx-descriptors=2048", "--",
            *eal(folder, "dataplane", ("dataplane", "server"), 0)], folder)
        self.link = "dataplane"
        self.control = None
        self.socket = socket
        self.build = build
        self.folder = folder

    def start(self):
        deadline = time.monotonic() + 10
        while not self.socket.exists():
            if time.monotonic() > deadline or self.program.child.poll() is not None:
                raise BenchError(f"evenkeel-dataplane does not start: {self.program.log.read_text().strip()[-300:]}")
            time.sleep(0.05)
        self.control = Program("control", [str(self.build / "tools/pktgen/evenkeel-bench-control"),
                                           str(self.socket), str(BACKENDS)], self.folder)
        self.control.hear_json()

    def _stats(self):
        self.control.say("")
        return self.control.hear_json()

    def begin(self):
        self.before = self._stats()

    def empty_share(self):
        now = self._stats()
        empty = now["empty_polls"] - self.before["empty_polls"]
        busy = now["busy_polls"] - self.before["busy_polls"]
        if now["forwarded"] == self.before["forwarded"]:
            raise BenchError("evenkeel-dataplane forwards nothing")
        return empty / max(1, empty + busy)

    def end(self):
        if self.control:
            self.control.end()
        self.program.end()


class Contender:
    """A forwarder and the generator at the other end of its link."""

    def __init__(self, forwarder, folder, build):
        self.forwarder = forwarder
        # Closed last to first: DPDK's memif does not survive a peer that goes away under load.
        self.generator = Program(f"generator-{forwarder.link}", [
            str(build / "tools/pktgen/evenkeel-pktgen"),
            *eal(folder, f"gen-{forwarder.link}", (forwarder.link, "client"), 1)], folder)
        self.generator.hear_json()
        time.sleep(0.5)  # the link comes up
        forwarder.program.pause()

    def measure(self, flows):
        """Million packets a second that came back, the forwarder's share of empty polls, the generator's CPU share."""
        total = WARM_UP_S + MEASURED_S + 0.1
        self.generator.say(f"run {flows} {int(total * 1000)}")
        # The ring is full before anybody empties it: on an empty one both work on the same cache lines, and a forwarder
        # that polls in vain slows the generator, so that it stays empty.
        time.sleep(FILL_S)
        self.forwarder.program.go_on()
        time.sleep(WARM_UP_S)
        self.forwarder.begin()
        time.sleep(MEASURED_S)
        empty = self.forwarder.empty_share()
        result = self.generator.hear_json()
        self.forwarder.program.pause()
        if result["received"] == 0:
            raise BenchError(f"{self.forwarder.title} sends nothing back")
        return result["received"] / result["seconds"] / 1e6, empty, result["cpu_share"]

    def end(self):
        self.generator.end()
        self.forwarder.end()


def print_row(flows, results, names):
    rates = {name: [rate for rate, _, _ in results[name]] for name in names}
    empties = {name: [e for _, e, _ in results[name] if e is not None] for name in names}
    cpu = {name: statistics.median(share for _, _, share in results[name]) for name in names}
    for name in names:
        ordered = sorted(rates[name])
        empty = f"{statistics.median(empties[name]) * 100:.1f} %" if empties[name] else "unknown"
        print(f"  {name:16} {ordered[0]:6.2f} / {statistics.median(ordered):6.2f} / {ordered[-1]:6.2f} Mpps"
              f"   empty polls {empty}, generator had {cpu[name]:.0%} of its core")
    ratios = [ours / theirs for theirs, ours in zip(rates[names[0]], rates[names[1]])]
    low, high = median_interval(ratios)
    if any(cpu[name] < GENERATOR_CPU_MIN for name in names):
        void = "void: other programs ran on these cores"
    elif any(not empties[name] or statistics.median(empties[name]) > EMPTY_POLLS_MAX for name in names):
        void = "void: the generator was the bottleneck"
    else:
        void = ""
    verdict = void or (f"clears {TARGET:.0%}" if low >= TARGET else f"does not clear {TARGET:.0%}")
    print(f"  ratio at {flows} flows: {statistics.median(ratios):.1%} (95 % interval {low:.1%} to {high:.1%}): {verdict}")
    return {"flows": flows, "mpps": rates, "ratio": statistics.median(ratios), "interval": [low, high], "void": bool(void)}


def run(options):
    if os.cpu_count() < 2:
        raise BenchError("needs two cores: one forwards, one generates")
    for program in ("tools/pktgen/evenkeel-pktgen", "dataplane/app/evenkeel-dataplane"):
        built(options.build, program)
    build = ROOT / options.build
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evkbench")))
        stack.enter_context(hugepages(folder))
        contenders = []
        for make in (Testpmd, Worker):
            forwarder = make(folder, build)
            stack.callback(forwarder.end)
            forwarder.start()
            contender = Contender(forwarder, folder, build)
            stack.callback(contender.generator.end)
            contenders.append(contender)
        names = [contender.forwarder.title for contender in contenders]
        print(f"link: IPIP, IPv4, {BACKENDS} backends, 60-byte frames, one core; {options.rounds} rounds, "
              "min / median / max")
        rows = []
        for flows in options.flows:
            results = {title: [] for title in names}
            for _ in range(options.rounds):
                for contender in contenders:
                    results[contender.forwarder.title].append(contender.measure(flows))
            rows.append(print_row(flows, results, names))
        write_json(options, rows)
