#!/usr/bin/python3
"""The drill that tools/drill runs: lessons in a lab, each a fault, what shows it, how soon, and what mends it."""
import argparse
import contextlib
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = str(ROOT / "tools" / "lab")
HTTP_LOAD = str(ROOT / "tools" / "packet_lab" / "http_load.py")
SKEW_TABLE = str(ROOT / "tools" / "packet_lab" / "skew_table.py")
TARGETS = ("203.0.113.10:80", "[2001:db8:113::10]:80")
NETWORKS = ("203.0.113.0/24", "2001:db8:113::/48")
RATE = 400  # connections a second, over both families
ALARM_SECONDS = 120
EVEN_WITHIN = 0.06  # of a share of a quarter: chance and the table's rounding


class Drill:
    def __init__(self, options):
        self.name, self.plane, self.pause = options.name, options.plane, options.pause
        self.started = time.monotonic()

    def lab(self, verb, *words, **options):
        return subprocess.run([LAB, verb, "--name", self.name, *words], text=True, **options)

    def node(self, node, *command, check=True, **options):
        return self.lab("exec", node, "--", *command, check=check, capture_output=True, **options)

    def cli(self, *words):
        """The CLI's status and JSON."""
        result = self.lab("exec", "lb", "--", "evenkeel", "--json", *words, capture_output=True)
        return result.returncode, json.loads(result.stdout)

    def say(self, text):
        print(f"{time.monotonic() - self.started:6.1f} s  {text}", flush=True)

    def title(self, text):
        print(f"\n== {text}", flush=True)

    def ask(self, question):
        """Stops for the pupils, if that is wanted."""
        print(f"          ? {question}", flush=True)
        if self.pause:
            input("          (Enter shows the answer) ")

    @contextlib.contextmanager
    def traffic(self, *words, rate=RATE):
        targets = [word for target in TARGETS for word in ("--to", target)]
        with self.running(HTTP_LOAD, *(words or targets), "--seconds", "3600", "--rate", str(rate), "--concurrency", "200",
                          *([] if words else ["--sources", "100"])):
            yield

    @contextlib.contextmanager
    def running(self, *command):
        """A command of the client's while the body runs."""
        process = subprocess.Popen([LAB, "exec", "--name", self.name, "client", "--", *command],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield
        finally:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def alarms(self, *rules):
        return [alarm for alarm in self.cli("status")[1]["alarms"] if alarm["rule"] in rules]

    def wait_for_alarm(self, *rules):
        begun = time.monotonic()
        while not (found := self.alarms(*rules)):
            if time.monotonic() - begun > ALARM_SECONDS:
                sys.exit(f"drill: no alarm {' or '.join(rules)} within {ALARM_SECONDS} s")
            time.sleep(0.2)
        self.say(f"ALARM after {time.monotonic() - begun:.1f} s: {found[0]['rule']} {found[0]['message']}")
        return found

    def wait_until_over(self):
        self.cli("audit")
        begun = time.monotonic()
        while self.cli("status")[1]["alarms"]:
            if time.monotonic() - begun > ALARM_SECONDS:
                sys.exit("drill: the alarm is not over though the fault is mended")
            time.sleep(0.5)
        self.say(f"mended; the alarm is over after {time.monotonic() - begun:.1f} s")

    def shares(self):
        backends = self.cli("backends")[1]["backends"]
        return {b["name"]: b["share_observed"] for b in backends if b["service"] == "http4"}

    def show_shares(self):
        shares = self.shares()
        self.say("http4 observed: " + ", ".join(f"{name} {share:.1%}" for name, share in shares.items() if share is not None))

    def wait_until_even(self, since):
        """Counted anew each second, from the counters: what the last second brought."""
        def flows():
            return {b["name"]: b["new_flows"] for b in self.cli("backends")[1]["backends"] if b["service"] == "http4"}
        while True:
            before = flows()
            time.sleep(2)
            gained = {name: count - before[name] for name, count in flows().items()}
            total = sum(gained.values())
            if total >= 100 and all(abs(g / total - 0.25) < 3 * (0.19 / total) ** 0.5 + EVEN_WITHIN for g in gained.values()):
                self.say(f"traffic is even again, {time.monotonic() - since:.1f} s after the change")
                return

    def config(self):
        return self.node("lb", "cat", "/etc/evenkeel/lab.yaml").stdout

    def write(self, text):
        self.node("lb", "sh", "-c", "cat > /etc/evenkeel/drill.yaml", input=text)

    def apply(self, text, *words):
        self.write(text)
        return self.cli("apply", "/etc/evenkeel/drill.yaml", "--reason", "drill", *words)

    def backend_pid(self, node, program):
        namespace = self.node(node, "readlink", "/proc/self/ns/net").stdout.strip()
        for pid in subprocess.run(["pidof", program], text=True, capture_output=True, check=False).stdout.split():
            if os.readlink(f"/proc/{pid}/ns/net") == namespace:
                return int(pid)
        sys.exit(f"drill: {program} of {node} does not run")


def skewed_weights(text):
    """The typo of the outage: one zero and a bit too many for b1 of web4."""
    return re.sub(r"(b1: \{address: 10\.0\.1\.11, weight: )100", r"\g<1>2500", text)


def lesson_guards(drill):
    """1. The outage: an operator's change, on a balancer with its guards"""
    drill.say("the operator means 250 and writes 2500 for b1 of web4: evenkeel apply")
    status, told = drill.apply(skewed_weights(drill.config()))
    drill.ask("what will the balancer do?")
    drill.say(f"refused (status {status}): {told['error']['message']}")
    code, plan = drill.cli("plan", "/etc/evenkeel/drill.yaml")
    for finding in plan["findings"]:
        if finding["severity"] == "error":
            drill.say(f"{finding['rule']} at {finding['path']}: {finding['message']}")
    assert status == 1 and code == 1, "the guards let it pass"


def lesson_override(drill):
    """2. The same change, with the guards overridden"""
    with drill.traffic():
        time.sleep(4)
        changed = time.monotonic()
        status, told = drill.apply(skewed_weights(drill.config()), "--allow", "F01@pools.web4", "--allow", "F12@pools.web4",
                                   "--confirm-within", "30s")
        assert status == 0 and told["state"] == "trial", told
        drill.say(f"revision {told['revision']} runs on trial, for 30 s")
        time.sleep(12)
        drill.show_shares()
        drill.ask("nobody confirms it. What happens at the deadline?")
        while drill.cli("status")[1]["trial"]:
            time.sleep(0.3)
        drill.say(f"taken back by itself {time.monotonic() - changed:.1f} s after the change")
        drill.wait_until_even(changed)
    drill.say("the outage had this for seven days")


def lesson_behind_the_back(drill):
    """3. The same fault, put in behind the control plane's back"""
    with drill.traffic():
        time.sleep(8)
        kept = f"/run/evenkeel-lab/{drill.name}/tables"
        if drill.plane == "xdp":
            drill.node("lb", SKEW_TABLE, "xdp", kept)
        else:
            pid = drill.lab("pid", "evenkeel-dataplane", check=True, capture_output=True).stdout.strip()
            subprocess.run([SKEW_TABLE, "dpdk", kept, pid], check=True)
        changed = time.monotonic()
        drill.say("somebody with root has given one backend's slots to another, in the plane's memory; no revision says so")
        drill.ask("evenkeel backends, evenkeel watch, evenkeel audit: who sees it?")
        drill.wait_for_alarm("F55")
        drill.say(f"seconds from the change to the alarm: {time.monotonic() - changed:.1f}")
        _, audit = drill.cli("audit")
        drill.say(f"audit: {audit['findings'][0]['message'][:150]}")
        drill.ask("what writes the tables anew?")
        text = re.sub(r"(b1: \{address: [^,]*, weight: )100", r"\g<1>101", drill.config())
        drill.apply(text, "--confirm=now")
        drill.say("another content is applied (b1 weighs 101): its tables are new ones")
        drill.wait_until_even(changed)
        drill.wait_until_over()
        os.unlink(kept)
        drill.apply(drill.config(), "--confirm=now")


def lesson_no_decapsulation(drill):
    """4. A backend that does not unwrap the tunnel (F40)"""
    with drill.traffic():
        time.sleep(6)
        os.kill(drill.backend_pid("b3", "evenkeel-decap"), signal.SIGKILL)
        drill.say("evenkeel-decap of b3 has died; b3 answers to ping, its server runs")
        drill.ask("which backend is it, and how can the balancer know, which sees no answers?")
        found = drill.wait_for_alarm("F15", "F41")
        assert all(alarm["backend"].endswith("/b3") for alarm in found), found
        drill.say("the runbook: drain it, then look on it: server, VIP, tunnel, reverse path")
        subprocess.Popen([LAB, "exec", "--name", drill.name, "b3", "--", str(ROOT / "build/bin/evenkeel-decap"),
                          "--interface=eth0", f"--vips={','.join(NETWORKS)}"], stdin=subprocess.DEVNULL,
                         stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        drill.wait_until_over()


def lesson_stale_neighbour(drill):
    """5. The gateway's MAC is stale (F44)"""
    with drill.traffic():
        time.sleep(15)
        drill.node("lb", "ip", "neigh", "replace", "10.0.0.1", "lladdr", "02:00:00:00:00:99", "nud", "permanent", "dev", "eth0")
        drill.say("the kernel's neighbour table says 02:00:00:00:00:99 for the gateway: a router was replaced, and it is stale")
        drill.ask("evenkeel drops counts nothing, all backends are up. What is it?")
        drill.wait_for_alarm("F44")
        drill.node("lb", "ip", "neigh", "del", "10.0.0.1", "dev", "eth0")
        drill.wait_until_over()


def lesson_half_of_the_traffic(drill):
    """6. A client that is half of the traffic, on a service that keeps clients on their backend (F30)"""
    text = drill.config().replace("http4:  {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web4}",
                                  "http4:  {vip: 203.0.113.10, ports: [80], protocol: tcp, pool: web4, affinity: client}")
    status, told = drill.apply(text, "--confirm=now", "--allow", "F12@services.http4", "--allow", "F12@pools.web4",
                               "--allow", "F32@services.http4")
    assert status == 0, told
    with drill.traffic(), drill.traffic("--to", TARGETS[0], rate=RATE):
        drill.say("http4 has affinity: client now, and one address makes half of its connections")
        drill.ask("the table is right, every backend is up. Why is one of them hot?")
        drill.wait_for_alarm("F30")
        drill.show_shares()
        drill.say("affinity: flow, or several addresses for that proxy")
    drill.apply(drill.config(), "--confirm=now", "--allow", "F12@services.http4", "--allow", "F12@pools.web4",
                "--allow", "F32@services.http4")


def lesson_small_mtu(drill):
    """7. An MTU too small for the tunnel (F39)"""
    status, told = drill.apply(drill.config().replace("mtu: 1600", "mtu: 1500", 1), "--confirm=now", "--allow", "F39@network.mtu")
    assert status == 0, told
    before = drill.cli("drops")[1]["reasons"]
    drill.say("network.mtu is 1500 now: a client's packet of 1500 bytes and the tunnel's header do not fit")
    drill.node("client", "sh", "-c", f"head -c 300000 /dev/zero | curl -sS --max-time 20 -o /dev/null --data-binary @- http://{TARGETS[0]}/")
    drill.ask("small requests work. What shows that large ones have it hard?")
    after = drill.cli("drops")[1]["reasons"]
    told_so = after["too_big_reply"] - before["too_big_reply"]
    drill.say(f"evenkeel drops: too_big_reply has counted {told_so}: senders are told the MTU that fits, and obey")
    assert told_so > 0, after
    drill.apply(drill.config(), "--confirm=now")


def lesson_one_worker(drill):
    """8. One worker gets all the traffic (F49)"""
    if drill.plane != "dpdk":
        drill.say("left out: an XDP program runs where the kernel takes interrupts; evenkeel doctor looks at the queues")
        return
    finder = str(ROOT / "tools" / "packet_lab" / "one_queue.py")

    def flows():
        return [worker["new_flows"] for worker in drill.cli("status")[1]["planes"][0]["workers"]]
    ports = []
    for port in range(21000, 21060):
        before = flows()
        drill.node("client", finder, "once", str(port), check=False)
        if flows()[0] > before[0]:
            ports.append(str(port))
    with drill.running(finder, "load", *ports):
        drill.say(f"the port spreads packets so that all of them reach worker 0 ({len(ports)} source ports do that)")
        drill.ask("shares, backends, tables: all right. What is not?")
        drill.wait_for_alarm("F49")
        drill.say("evenkeel doctor looks at queues and RSS")


LESSONS = (lesson_guards, lesson_override, lesson_behind_the_back, lesson_no_decapsulation, lesson_stale_neighbour,
           lesson_half_of_the_traffic, lesson_small_mtu, lesson_one_worker)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--name", default="drill")
    parser.add_argument("--plane", choices=["dpdk", "xdp"], default="dpdk")
    parser.add_argument("--pause", action="store_true", help="stop before each answer")
    parser.add_argument("--keep", action="store_true", help="leave the lab standing")
    parser.add_argument("--lesson", type=int, action="append", choices=range(1, len(LESSONS) + 1), help="only these")
    options = parser.parse_args()
    drill = Drill(options)
    print("A lab: one client, a router, the balancer, four backends.", flush=True)
    if drill.lab("up", "--plane", options.plane).returncode:
        return 1
    try:
        for number, lesson in enumerate(LESSONS, 1):
            if options.lesson and number not in options.lesson:
                continue
            drill.title(lesson.__doc__)
            lesson(drill)
        print("\nThe drill is over. docs/runbook.md says what to do about each alarm.")
        return 0
    finally:
        if not options.keep:
            drill.lab("down")


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.exit(main())
