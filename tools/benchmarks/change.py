"""What a change takes on a large node, from the operator's command to the last worker: tools/bench change."""
import contextlib
import json
import pathlib
import statistics
import subprocess
import tempfile
import time

from benchmarks.harness import ROOT, BenchError, Program, built, median_interval, write_json

SERVICES = 1000
BACKENDS = 60
WEIGHT = 100
START_S = 60
# Seconds.
TARGETS = {"rollback": 0.1}


def configuration(weight):
    """SERVICES services on a pool of BACKENDS each; the very first backend has `weight`."""
    lines = ["schema: evenkeel/v1", "cluster:", "  name: bench", "  owned_prefixes: [198.18.0.0/16]",
             "network:", "  encap_source: {ipv4: 10.9.0.0/24}", "  gateway: {ipv4: 10.0.0.1}",
             '  gateway_mac: {ipv4: "02:00:00:00:00:01"}', "  mtu: 1600", "  client_mtu: 1500", "  vlan: none", "pools:"]
    for pool in range(SERVICES):
        lines += [f"  p{pool}:", "    objectives: {min_healthy: 50%}", "    slow_start: 60s", "    backends:"]
        for backend in range(BACKENDS):
            own = weight if pool == 0 and backend == 0 else WEIGHT
            lines.append(f"      b{pool}-{backend}: {{address: 10.{1 + pool // 250}.{pool % 250}.{backend + 1}, "
                         f"weight: {own}}}")
    lines.append("services:")
    for service in range(SERVICES):
        lines.append(f"  s{service}: {{vip: 198.18.{service // 250}.{service % 250 + 1}, ports: [80], protocol: tcp, "
                     f"pool: p{service}}}")
    return "\n".join(lines) + "\n"


class Node:
    """A dataplane with one worker and its daemon, and the CLI to command them."""

    def __init__(self, folder, build, stack):
        self.cli = str(build / "tools/evenkeel/evenkeel")
        self.socket = folder / "control.sock"
        dataplane_socket = folder / "dataplane.sock"
        self._start(stack, "dataplane", dataplane_socket, [
            str(build / "dataplane/app/evenkeel-dataplane"), f"--socket={dataplane_socket}", "--state-dir=",
            f"--flow-dir={folder}/flows", "--flow-table-entries=4096", "--workers=1", "--", "--no-huge", "-m", "256",
            "--no-pci", "--no-shconf", "--no-telemetry", "-l", "0,1", "--vdev", "net_null0,no-rx=1"], folder)
        state = folder / "state"
        state.mkdir()
        self._start(stack, "daemon", self.socket, [
            str(build / "control/app/evenkeeld"), f"--socket={self.socket}", f"--state-dir={state}", "--http=",
            f"--dataplane-socket={dataplane_socket}"], folder)

    @staticmethod
    def _start(stack, name, socket, command, folder):
        program = Program(name, command, folder)
        stack.callback(program.end)
        deadline = time.monotonic() + START_S
        while not socket.exists():
            if time.monotonic() > deadline or program.child.poll() is not None:
                raise BenchError(f"{name} does not start: {program.log.read_text().strip()[-300:]}")
            time.sleep(0.05)

    def where(self, verb):
        # validate asks nobody.
        return [] if verb == "validate" else [f"--socket={self.socket}", "--timeout=300s"]

    def command(self, *words):
        """The answer of a verb, and how long it took."""
        begun = time.monotonic()
        done = subprocess.run([self.cli, *words, *self.where(words[0]), "--json"],
                              stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, check=False)
        seconds = time.monotonic() - begun
        if done.returncode != 0:
            raise BenchError(f"evenkeel {words[0]} ended with status {done.returncode}: "
                             f"{(done.stdout + done.stderr).strip()[-300:]}")
        return json.loads(done.stdout), seconds

    def change(self, verb, *words):
        """As command(); the plane has it by then."""
        answer, seconds = self.command(verb, *words, "--reason=bench")
        plane = self.command("status")[0]["planes"][0]
        if not answer["generation"] or plane["generation"] < answer["generation"]:
            raise BenchError(f"evenkeel {verb} has answered with generation {answer['generation']}, and the plane is at "
                             f"{plane['generation']}")
        return seconds


def measure(node, file, rounds):
    """Seconds of each round, by verb. Each round ends as it began."""
    times = {"validate": [], "plan": [], "apply": [], "rollback": []}
    for number in range(rounds):
        # Another content each time: what was rolled back is not applied again without a reason.
        file.write_text(configuration(WEIGHT + 1 + number))
        times["validate"].append(node.command("validate", str(file))[1])
        times["plan"].append(node.command("plan", str(file))[1])
        times["apply"].append(node.change("apply", str(file)))
        times["rollback"].append(node.change("rollback"))
    return times


def print_times(times):
    for verb, seconds in times.items():
        low, high = median_interval(seconds)
        target = TARGETS.get(verb)
        verdict = "" if target is None else (f"   target {target * 1e3:.0f}: {'met' if high <= target else 'missed'}")
        print(f"  {verb:10}{min(seconds) * 1e3:10.0f}{statistics.median(seconds) * 1e3:10.0f} "
              f"({low * 1e3:.0f} to {high * 1e3:.0f}){verdict}")


def run(options):
    build = ROOT / options.build
    for program in ("dataplane/app/evenkeel-dataplane", "control/app/evenkeeld", "tools/evenkeel/evenkeel"):
        built(options.build, program)
    with contextlib.ExitStack() as stack:
        folder = pathlib.Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="evkbench")))
        file = folder / "site.yaml"
        node = Node(folder, build, stack)
        file.write_text(configuration(WEIGHT))
        first = node.change("apply", str(file), "--confirm=now")
        print(f"change: one of {SERVICES:,} services, {BACKENDS} backends each, {options.rounds} rounds; milliseconds from "
              f"the command to its answer, best, median, 95 %\n"
              f"  {'first':10}{first * 1e3:10.0f}   (the apply that builds and publishes all tables, once)", flush=True)
        times = measure(node, file, options.rounds)
        print_times(times)
        write_json(options, {"first": first} | times)
