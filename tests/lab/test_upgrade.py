"""Both daemons are ended and started as another build, there and back: no connection breaks. Needs root.

EVENKEEL_OTHER_BUILD=DIR says where the other build is (DIR/bin/ has its programs); without it the tests skip. What is
printed with -s goes into docs/running.md: how long packets waited.
"""
import contextlib
import json
import os
import pathlib
import subprocess
import time

import pytest

from lab_support import LAB, set_weights, wait_until
from long_connections import LONG_PORT, long_connections, start_long_server

OTHER = os.environ.get("EVENKEEL_OTHER_BUILD")
GAP = str(pathlib.Path(__file__).parent / "datagram_gap.py")
CONNECTIONS = 100

pytestmark = pytest.mark.skipif(not OTHER, reason="EVENKEEL_OTHER_BUILD names no other build")


@pytest.fixture(scope="module")
def served(lab):
    """The lab with a service for long connections, whose slots are in transition."""
    services = "".join(
        f"  long{family}: {{vip: {vip}, ports: [{LONG_PORT}], protocol: tcp, pool: web{family}}}\n"
        for family, vip in (("4", "203.0.113.10"), ("6", '"2001:db8:113::10"')))
    config = lab.config().replace("services:\n", "services:\n" + services, 1)
    servers = [start_long_server(lab, f"b{number}") for number in range(1, lab.backends + 1)]
    lab.apply(config)
    yield config
    for server in servers:
        server.terminate()
        server.wait()


@contextlib.contextmanager
def datagrams(lab):
    process = subprocess.Popen([LAB, "exec", "--name", lab.name, "client", "--", GAP, "203.0.113.10", "53"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    outcome = {}
    try:
        yield outcome
        outcome.update(json.loads(process.communicate("", timeout=60)[0]))
    finally:
        process.kill()
        process.wait()


def tracked(lab):
    return sum(table["occupied"] for plane in lab.cli("status")["planes"] for table in plane["flow_tables"])


def replace(lab, program, *build):
    """The time that packets waited, as the datagrams saw it."""
    with datagrams(lab) as seen:
        time.sleep(1)
        lab.tool("stop", program)
        lab.tool("start", program, *build)
        wait_until(lambda: all(p["connected"] for p in lab.cli("status")["planes"]), "the plane is connected", 30)
        time.sleep(1)
    assert seen["answered"] > 0, seen
    return seen


def test_another_build_goes_on_where_the_former_was(lab, served):
    programs = ["evenkeeld"] + (["evenkeel-dataplane"] if lab.plane == "dpdk" else [])
    with long_connections(lab, CONNECTIONS, "46") as long:
        lab.apply(set_weights(set_weights(served, "web4", {"b1": 30}), "web6", {"b1": 30}))
        time.sleep(3)
        for build in ((), ("--build", OTHER), ()):
            for program in programs:
                revision = lab.cli("status")["revision"]
                seen = replace(lab, program, *build)
                print(f"{lab.plane}: {program} started as {build or 'itself'}: {seen}")
                assert lab.cli("status")["revision"] == revision
                assert tracked(lab) > 0, "the tracked flows are there"
    print(long)
    assert long["connections"] == CONNECTIONS and long["broken"] == {}, long
