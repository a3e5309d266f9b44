"""Benchmarks that are programs of their own: tools/bench xdp, churn and health."""
import json
import statistics
import subprocess

from benchmarks.harness import BenchError, built, die_with_parent, prefer, write_json

XDP_PACKETS = 1_000_000
BACKENDS = 100
# Nanoseconds, wrapper included.
XDP_TARGETS = {"not a VIP": 22, "IPv4 TCP, IPIP, 1 flow": 45, "IPv4 TCP, IPIP, 10 M flows": 50,
               "IPv6 TCP, 6in6, 1 flow": 54, "IPv6 TCP, 6in6, 10 M flows": 60}


def xdp(options):
    program = built(options.build, "tools/xdp_bench/evenkeel-xdp-bench")
    result = subprocess.run([str(program), str(options.rounds), str(XDP_PACKETS)], stdout=subprocess.PIPE, text=True,
                            check=False, preexec_fn=prefer)
    if result.returncode:
        raise BenchError(f"evenkeel-xdp-bench ended with status {result.returncode}")
    rows = json.loads(result.stdout)
    print(f"xdp: 64-byte frames (IPv6: 74), {BACKENDS} backends a service; {options.rounds} rounds of {XDP_PACKETS} "
          "packets, ns a packet, min / median / max")
    for name, values in rows.items():
        target = XDP_TARGETS.get(name)
        verdict = "" if target is None else (
            f"   target {target}: {'met' if statistics.median(values) <= target else 'missed'}")
        print(f"  {name:38} {min(values):6.1f} / {statistics.median(values):6.1f} / {max(values):6.1f}{verdict}")
    write_json(options, rows)


def churn(options):
    program = built(options.build, "tools/churn/evenkeel-churn")
    rows = {}
    for failures in (0, 3):
        result = subprocess.run([str(program), f"--connections={options.connections}", f"--node_failures={failures}",
                                 "--json"], stdout=subprocess.PIPE, text=True, check=False, preexec_fn=die_with_parent)
        if result.returncode:
            raise BenchError(f"evenkeel-churn ended with status {result.returncode}")
        row = rows[failures] = json.loads(result.stdout)
        print(f"churn: {row['connections']} connections, {row['silent']} of them silent for longer than idle once, "
              f"{failures} failures of balancers: broken, silent ones apart")
        for scheme in row["schemes"]:
            print(f"  {scheme['name']:20} {scheme['broken']:8} {scheme['broken_silent']:8}   "
                  f"{scheme['entries_max']} entries at most")
    write_json(options, rows)


HEALTH_TARGETS = {"tcp": "30 %", "tunnel": "60 %"}


def health(options):
    program = built(options.build, "tests/control/health/prober_benchmark")
    for kind, target in HEALTH_TARGETS.items():
        print(f"health, target less than {target}:", flush=True)
        status = subprocess.run([str(program), "10000", "20", kind], check=False,
                                preexec_fn=die_with_parent).returncode
        print("  void: more than one check in a hundred has failed" if status else "", end="\n" if status else "")
