"""Checks through the tunnel, and what becomes of backends that fail them. Needs root: makes network namespaces.

A backend may accept connections at its own address and still serve nobody: without the VIP on its loopback, or without
decapsulation. The check goes the way of the packets and finds both. Where every backend fails at once, the check itself
is the likelier fault: an alarm is raised, and traffic flows on. `plan --probe` tells all of it before the change.
"""
import contextlib
import json
import os
import signal
import time

import pytest
import yaml

from lab_support import TARGET, is_gone, wait_until

VIPS = {"4": "203.0.113.0/24", "6": "2001:db8:113::/48"}
HOLD_S = 2
PORT, WRONG_PORT = 80, 81


def with_checks(text, port=PORT):
    config = yaml.safe_load(text)
    for pool in config["pools"].values():
        pool["hold"] = f"{HOLD_S}s"
        pool["health"] = {"tcp": {"port": port}, "interval": "1s", "timeout": "900ms", "rise": 1, "fall": 2}
    # What this test changes is never a question of how much.
    config["safety"] = {"blast_radius": {"weight_lost": "100%", "slots_moved": "100%"}}
    return config


@pytest.fixture(scope="module")
def config(lab):
    original = lab.config()
    config = with_checks(original)
    lab.apply(json.dumps(config))
    wait_until(lambda: states(lab) == {"up"}, "every backend has passed its check")
    yield config
    lab.apply(original)


def rows_of(lab, name=None):
    return [row for row in lab.cli("backends")["backends"] if name in (None, row["name"])]


def states(lab, name=None):
    return {row["state"] for row in rows_of(lab, name)}


def probe(lab, config, status=0):
    """What plan --probe finds about checks: (rule, severity, path) of each."""
    lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/probe.yaml", input=json.dumps(config))
    findings = lab.cli("plan", "/etc/evenkeel/probe.yaml", "--probe", status=status)["findings"]
    return [(f["rule"], f["severity"], f["path"]) for f in findings
            if f["rule"] in ("F14", "F17", "F40", "F41") and f["severity"] != "note"
            and not f["path"].endswith(".min_healthy")]  # what the file doesn't state


def answering(lab, *words, check=True):
    """Who answers new connections of either family."""
    outcome = lab.load("--to", TARGET["4"], "--to", TARGET["6"], "--count", "400", "--sources", "50", *words, check=check)
    names = {backend for target in outcome["backends"].values() for backend in target}
    return names if not outcome["failed"] else names | {"failed"}


def wait_for_publication(lab, *names):
    """A verdict is shown before it is published."""
    wait_until(lambda: answering(lab, "--timeout", "2", check=False) == set(names), f"{names} have the new flows")


@contextlib.contextmanager
def without_vips(lab, backend):
    def routes(verb):
        for family, prefix in VIPS.items():
            lab.run(backend, "ip", f"-{family}", "route", verb, "local", prefix, "dev", "lo")
    routes("del")
    try:
        yield
    finally:
        routes("add")


@contextlib.contextmanager
def without_decapsulation(lab, backend):
    here = "for p in /proc/[0-9]*; do [ $p/ns/net -ef /proc/self/ns/net ] && grep -qx evenkeel-decap $p/comm && echo ${p#/proc/}; done"
    pid = int(lab.run(backend, "sh", "-c", here, check=False).stdout)
    os.kill(pid, signal.SIGTERM)
    wait_until(lambda: is_gone(pid), "evenkeel-decap has ended")
    try:
        yield
    finally:
        vips = ",".join(VIPS.values())  # it ends with the lab
        lab.run(backend, "sh", "-c", f"setsid evenkeel-decap --interface=eth0 --vips={vips} </dev/null >/dev/null 2>&1 &")


def test_a_plan_with_the_right_port_has_nothing_to_tell(lab, config):
    assert probe(lab, config) == []


def test_a_plan_finds_the_wrong_port(lab, config):
    found = probe(lab, with_checks(lab.config(), WRONG_PORT), status=1)
    assert [finding for finding in found if finding[1] == "error"] == [
        ("F14", "error", f"pools.web{family}.health.tcp.port") for family in "46"]


def test_a_backend_without_the_vip_or_decapsulation_is_suspect_and_then_down(lab, config):
    with without_vips(lab, "b1"), without_decapsulation(lab, "b2"):
        begun = time.monotonic()
        for number in (1, 2):
            answer = lab.run("router", "curl", "-sS", "--max-time", "5", f"http://10.0.1.{10 + number}/healthz")
            assert answer.stdout == "ok\n", "at its own address it is as it should be"
        for backend in ("b1", "b2"):
            wait_until(lambda: states(lab, backend) <= {"suspect", "down"}, f"{backend} gets no new flows")
        took = time.monotonic() - begun
        wait_for_publication(lab, "b3", "b4")
        assert answering(lab) == {"b3", "b4"}
        assert all(row["last_error"] for backend in ("b1", "b2") for row in rows_of(lab, backend))
        for backend in ("b1", "b2"):
            wait_until(lambda: states(lab, backend) == {"down"}, f"{backend} is down")
        # This decapsulation takes nothing but what is for the VIPs: from outside b1 looks as b2 does.
        assert probe(lab, config) == [("F40", "warning", f"pools.web{family}.backends.{backend}")
                                      for family in "46" for backend in ("b1", "b2")]
    print(f"suspect after {took:.1f} s")
    for backend in ("b1", "b2"):
        wait_until(lambda: states(lab, backend) == {"up"}, f"{backend} is up again", 120)
    wait_for_publication(lab, "b1", "b2", "b3", "b4")
    assert answering(lab) == {"b1", "b2", "b3", "b4"}
    wait_until(lambda: {row["last_error"] for row in rows_of(lab)} == {None}, "no check has failed lately")


def floors(lab):
    return sorted(a["message"].split(":")[0] for a in lab.cli("status")["alarms"] if a["rule"] == "F17")


def test_all_failing_at_once_is_an_alarm_and_traffic_flows(lab, config):
    with lab.background_load("--to", TARGET["4"], "--to", TARGET["6"], "--seconds", "8", "--rate", "100") as load:
        lab.apply(json.dumps(with_checks(lab.config(), WRONG_PORT)))
        wait_until(lambda: floors(lab) == ["pool web4", "pool web6"], "the alarm F17 of either pool")
        wait_until(lambda: all("refused" in (row["last_error"] or "") for row in rows_of(lab)), "why, for each")
        assert answering(lab), "somebody answers"
    assert load["failed"] == 0 and load["requests"] > 300, load
