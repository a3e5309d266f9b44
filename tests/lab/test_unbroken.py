"""No connection is lost to a change. Needs root: makes network namespaces.

Long connections of both families say a number every second and hear it from the same backend, while backends are
added and removed, weighed, drained and undrained, their checks fail and pass again, services get another pool, number
of slots and hash, a trial begins and is taken back, and both daemons are killed and started. A check's server is
another process than the one that the connections are with, so that nothing excuses a broken connection. The same on a
plane that tracks nothing breaks some, so the test is known to see it. EVENKEEL_UNBROKEN_FULL=1: 2,000 connections, 16
backends and the long script.
"""
import contextlib
import json
import os
import threading
import time

import pytest
import yaml

from conftest import PLANES
from lab_support import TARGET, VIP, Lab, wait_until
from long_connections import LONG_PORT, long_connections, start_long_server

FULL = bool(os.environ.get("EVENKEEL_UNBROKEN_FULL"))
CHECK_PORT = 9001
CONNECTIONS = 2000 if FULL else 240
# Who fails again and again comes back later and later: the long script's failures are many backends'.
BACKENDS = 16 if FULL else 4
TIMES = {"adds": 20 if FULL else 2, "flaps": 50 if FULL else 4, "rest": 5 if FULL else 1}


class Scene:
    """A lab whose pools are checked, with a service for long connections, and what can be done to it."""

    def __init__(self, lab):
        self.lab = lab
        self.config = yaml.safe_load(lab.config())
        for pool in self.config["pools"].values():
            pool["idle"] = "1m"
            pool["hold"] = "5s"
            pool["health"] = {"tcp": {"port": CHECK_PORT}, "interval": "500ms", "timeout": "400ms", "rise": 1,
                              "fall": 2, "note": "a server of its own, so that it can fail alone"}
        self.config["safety"] = {"blast_radius": {"weight_lost": "60%", "slots_moved": "100%", "services": 20}}
        for family in "46":
            for name, port in (("long", LONG_PORT), ("check", CHECK_PORT)):
                self.config["services"][f"{name}{family}"] = {
                    "vip": VIP[family], "ports": [port], "protocol": "tcp", "pool": f"web{family}"}
        self.servers = {}

    def start(self, backend, port):
        self.servers[backend, port] = start_long_server(self.lab, backend, port)

    def stop(self, backend, port):
        server = self.servers.pop((backend, port))
        server.terminate()
        server.wait()

    def stop_all(self):
        for key in list(self.servers):
            self.stop(*key)

    def apply(self, config=None, *words):
        text = json.dumps(config or self.config, indent=1)
        return self.lab.apply(text, *words)

    def without(self, backend):
        config = json.loads(json.dumps(self.config))
        for pool in config["pools"].values():
            del pool["backends"][backend]
        return config

    def state(self, backend):
        rows = [b for b in self.lab.cli("backends")["backends"] if b["name"].split("/")[-1] == backend]
        return {row["state"] for row in rows}

    def wait_for(self, backend, *states):
        wait_until(lambda: self.state(backend) <= set(states), f"{backend} is {states}, not {self.state(backend)}",
                   seconds=120 if not FULL else 400)


@contextlib.contextmanager
def lab_of_its_own(plane, name, *options):
    lab = Lab(f"{name}{os.getpid()}{plane[0]}", plane, BACKENDS)
    try:
        lab.up(*options)
        yield lab
    finally:
        lab.down()


@pytest.fixture(scope="module", params=PLANES)
def lab(request):
    with lab_of_its_own(request.param, "t") as lab:
        yield lab


@contextlib.contextmanager
def set_in(lab):
    """The scene in the lab; afterwards the lab is as it was."""
    original = lab.config()
    scene = Scene(lab)
    try:
        for number in range(1, lab.backends + 1):
            scene.start(f"b{number}", LONG_PORT)
            scene.start(f"b{number}", CHECK_PORT)
        scene.apply()
        for number in range(1, lab.backends + 1):
            scene.wait_for(f"b{number}", "up")
        yield scene
    finally:
        scene.stop_all()
        lab.apply(original, "--again", "test")


@pytest.fixture(scope="module")
def scene(lab):
    with set_in(lab) as scene:
        yield scene


@contextlib.contextmanager
def short_connections(lab):
    """Short connections while the body runs; `failed` and `errors` in the dictionary afterwards."""
    outcome, stop = {"failed": 0, "requests": 0, "errors": []}, threading.Event()

    def go():
        while not stop.is_set():
            part = lab.load("--to", TARGET["4"], "--to", TARGET["6"], "--seconds", "3", "--rate", "40",
                            "--concurrency", "8", "--sources", "50", "--timeout", "60", check=False)
            outcome["failed"] += part["failed"]
            outcome["requests"] += part["requests"]
            outcome["errors"] += list(part["errors"])
    thread = threading.Thread(target=go)
    thread.start()
    try:
        yield outcome
    finally:
        stop.set()
        thread.join()


def adds_and_removes(scene):
    for _ in range(TIMES["adds"]):
        scene.apply(scene.without("b4"))
        time.sleep(1.5)
        scene.apply()
        time.sleep(1.5)


def weighs(scene):
    config = json.loads(json.dumps(scene.config))
    for round_number in range(2 * TIMES["rest"]):
        for pool in config["pools"].values():
            for number, backend in enumerate(pool["backends"].values()):
                backend["weight"] = 100 + 20 * ((number + round_number) % 3)
        scene.apply(config)
        time.sleep(1.5)
    scene.apply()


def drains(scene):
    for _ in range(TIMES["rest"]):
        for pool in ("web4", "web6"):
            scene.lab.cli("drain", f"{pool}/b2", "--reason", "test", "--until", "2099-01-01T00:00:00Z")
        time.sleep(2)
        scene.wait_for("b2", "draining")
        for pool in ("web4", "web6"):
            scene.lab.cli("undrain", f"{pool}/b2", "--reason", "test")
        time.sleep(1)


def flaps(scene):
    for number in range(TIMES["flaps"]):
        backend = f"b{1 + number % (scene.lab.backends - 1)}"
        scene.stop(backend, CHECK_PORT)
        scene.wait_for(backend, "suspect", "down")  # down after a while, if nobody looks so soon
        time.sleep(0.5)
        scene.start(backend, CHECK_PORT)
        scene.wait_for(backend, "up")


def changes_structure(scene):
    """Every IPv4 service goes to a pool of the same machines with other weights, and the former pool is removed; the
    IPv6 ones get another number of slots and another hash."""
    for _ in range(TIMES["rest"]):
        config = json.loads(json.dumps(scene.config))
        other = config["pools"]["other4"] = config["pools"].pop("web4")
        for number, backend in enumerate(other["backends"].values()):
            backend["weight"] = 100 + 40 * (number % 2)
        config["pools"]["web6"]["table"] = {"slots": 16384}
        for service in config["services"].values():
            if service["pool"] == "web4":
                service["pool"] = "other4"
            else:
                service["affinity"] = "client"
        scene.apply(config)
        time.sleep(3)
        scene.apply(None)
        time.sleep(3)


def trials_that_are_taken_back(scene):
    for _ in range(TIMES["rest"]):
        config = scene.without("b1")
        scene.lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/trial.yaml", input=json.dumps(config))
        scene.lab.cli("apply", "/etc/evenkeel/trial.yaml", "--reason", "test", "--again", "test")
        time.sleep(3)
        scene.lab.cli("rollback", "--reason", "test")
        time.sleep(1)


def log_of_this_run(lab):
    return lab.tool("log", "evenkeeld").stdout.rsplit("is the confirmed one", 1)[-1]


def kills(scene):
    lab = scene.lab
    programs = ["evenkeeld"] + (["evenkeel-dataplane"] if lab.plane == "dpdk" else [])
    for program in programs * TIMES["rest"]:
        lab.kill9(program)
        lab.tool("start", program)
        wait_until(lambda: lab.run("lb", "evenkeel", "--json", "status", check=False).returncode == 0, "status")
        wait_until(lambda: all(p["connected"] for p in lab.cli("status")["planes"]), "the plane is connected")
        if program == "evenkeeld":
            wait_until(lambda: "as it should: nothing published" in log_of_this_run(lab), "it has looked at the plane")
        time.sleep(1)


def flow_tables(lab):
    return [table for plane in lab.cli("status")["planes"] for table in plane["flow_tables"]]


ACTS = (adds_and_removes, weighs, drains, flaps, changes_structure, trials_that_are_taken_back, kills)


def test_no_connection_breaks_through_changes_failures_and_kills(lab, scene):
    with short_connections(lab) as short:
        with long_connections(lab, CONNECTIONS, "46") as long:
            for act in ACTS:
                started = time.monotonic()
                act(scene)
                print(f"{act.__name__}: {time.monotonic() - started:.1f} s")
    print(long, {name: short[name] for name in ("requests", "failed")})
    assert long["connections"] == CONNECTIONS
    assert long["broken"] == {}, long
    assert set(long["backends"]) == {f"b{number}" for number in range(1, lab.backends + 1)}
    assert short["requests"] > 100 and short["failed"] == 0, short
    wait_until(lambda: all(t["firm"] + t["missed"] + t["pending"] == t["occupied"] for t in flow_tables(lab)),
               "each flow table's classes add up")


def test_the_client_sees_connections_that_break(lab, scene):
    with long_connections(lab, 40, "46") as long:
        scene.stop("b1", LONG_PORT)
        time.sleep(3)
    scene.start("b1", LONG_PORT)
    assert sum(long["broken"].values()) == long["backends"]["b1"] > 0, long


@pytest.mark.parametrize("plane", PLANES)
def test_without_tracking_some_break(plane):
    with lab_of_its_own(plane, "u", "--no-tracking") as lab, set_in(lab) as scene:
        with long_connections(lab, CONNECTIONS if FULL else 80, "46") as long:
            for act in ACTS if FULL else (adds_and_removes,):
                act(scene)
        print(long)
        # A backend of four had some, and they went elsewhere with its slots.
        assert sum(long["broken"].values()) > 0, long
