#!/usr/bin/python3
"""The demonstration that tools/demo runs once everything is built: a lab, traffic, changes, a summary."""
import argparse
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
TARGETS = ("203.0.113.10:80", "[2001:db8:113::10]:80")
SERVICES = ("http4", "http6")
BAR_WIDTH = 30
LIVE = sys.stdout.isatty()


class Demo:
    def __init__(self, name: str, plane: str):
        self.name, self.plane = name, plane
        self.requests = self.failed = 0

    def lab(self, verb, *words, **options):
        return subprocess.run([LAB, verb, "--name", self.name, *words], text=True, **options)

    def cli(self, *words):
        result = self.lab("exec", "lb", "--", "evenkeel", "--json", *words, capture_output=True)
        if result.returncode:
            sys.exit(f"demo: 'evenkeel {' '.join(words)}' ended with {result.returncode}: {result.stdout}{result.stderr}")
        return json.loads(result.stdout)

    def traffic(self, title: str, seconds: float):
        """Connections of both families while the distribution is shown; the shares are those of this phase alone."""
        print(f"\n== {title}")
        before = self.counts()
        load = subprocess.Popen(
            [LAB, "exec", "--name", self.name, "client", "--", HTTP_LOAD, "--seconds", str(seconds), "--sources", "100",
             "--rate", "400", *(word for target in TARGETS for word in ("--to", target))],
            stdout=subprocess.PIPE, text=True)
        drawn = 0
        while load.poll() is None:
            time.sleep(1)
            if LIVE:
                drawn = self.draw(before, drawn)
        outcome = json.loads(load.stdout.read())
        self.draw(before, drawn)
        self.requests += outcome["requests"]
        self.failed += outcome["failed"]
        print(f"   {outcome['requests']} connections, {outcome['failed']} failed", flush=True)
        for text, count in list(outcome["errors"].items())[:3]:
            print(f"   {count} x {text}")

    def counts(self):
        return {(b["service"], b["name"]): b["new_flows"] for b in self.cli("backends")["backends"]}

    def draw(self, before, drawn: int) -> int:
        rows = []
        backends = [b for b in self.cli("backends")["backends"] if b["service"] in SERVICES]
        for service in SERVICES:
            mine = [b for b in backends if b["service"] == service]
            flows = {b["name"]: b["new_flows"] - before.get((service, b["name"]), 0) for b in mine}
            total = sum(flows.values()) or 1
            rows.append(f"   {service:<8}{'expected':>10}{'observed':>10}")
            for b in mine:
                observed = flows[b["name"]] / total
                bar = "#" * round(observed * BAR_WIDTH)
                mark = min(round(b["share_expected"] * BAR_WIDTH), BAR_WIDTH)
                bar = bar.ljust(BAR_WIDTH + 1)
                bar = bar[:mark] + "|" + bar[mark + 1:]
                rows.append(f"     {b['name']:<8}{b['share_expected']:>8.1%}{observed:>10.1%}  {bar}")
        if drawn:
            print(f"\x1b[{drawn}A", end="")
        for row in rows:
            print(row + ("\x1b[K" if LIVE else ""))
        sys.stdout.flush()
        return len(rows)

    def apply(self, text: str, reason: str):
        self.lab("exec", "lb", "--", "sh", "-c", "cat > /etc/evenkeel/demo.yaml", input=text, check=True)
        result = self.cli("apply", "/etc/evenkeel/demo.yaml", "--reason", reason, "--confirm=now")
        print(f"   revision {result['revision']}, generation {result['generation']}: {reason}")

    def play(self):
        config = self.lab("exec", "lb", "--", "cat", "/etc/evenkeel/lab.yaml", capture_output=True, check=True).stdout
        self.traffic("Four backends of equal weight, IPv4 and IPv6", 8)
        config = re.sub(r"(\bb1: .*weight: )\d+", r"\g<1>300", config)
        self.apply(config, "b1 has three times the cores")
        self.traffic("After the weight change: b1 gets 3 of 6 parts", 8)
        # A third of the weight may go in a day, all changes together: b4 is 100 of 600.
        without = "\n".join(line for line in config.splitlines() if not line.strip().startswith("b4: ")) + "\n"
        self.apply(without, "b4 goes for repair")
        self.traffic("b4 removed: its share is spread over the others", 6)
        self.apply(config, "b4 is back")
        self.traffic("b4 added again: 3 of 6 parts for b1, one for each of the others", 6)

    def summary(self):
        status, drops = self.cli("status"), self.cli("drops")
        plane = status["planes"][0]
        print("\n== Summary")
        print(f"   {self.requests} connections, {self.failed} failed; every answer named the client's own address")
        print(f"   plane {plane['kind']} runs generation {plane['generation']}; packets by worker: "
              + ", ".join(str(w["packets"]) for w in plane["workers"]))
        print(f"   received {drops['received']}: forwarded {drops['forward']}, replied {drops['reply']}, "
              f"to the kernel {drops['pass']}, dropped {drops['drop']}")


def main() -> int:
    parser = argparse.ArgumentParser(prog="tools/demo")
    parser.add_argument("--plane", choices=("dpdk", "xdp"), default="dpdk")
    parser.add_argument("--keep", action="store_true", help="leave the lab standing")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    demo = Demo("demo", options.plane)
    print(f"== A lab: client, router, balancer ({options.plane}) and four nginx servers, each in its own namespace")
    try:
        if demo.lab("up", "--plane", options.plane).returncode:
            return 1
        demo.play()
        demo.summary()
    finally:
        if options.keep:
            print(f"\nThe lab stands. Try: tools/lab exec --name {demo.name} lb -- evenkeel top\n"
                  f"End it with:        tools/lab down --name {demo.name}")
        else:
            demo.lab("down")
    return 1 if demo.failed else 0


if __name__ == "__main__":
    os.chdir(ROOT)
    sys.exit(main())
