"""The watch over the whole way, from the planes' counters to the alarm. Needs root (network namespaces).

EVENKEEL_WATCH_REPETITIONS=20 measures how soon a skewed table is named, so many times; the check does it once.
"""
import contextlib
import json
import os
import pathlib
import re
import shutil
import signal
import subprocess
import time

import pytest

from lab_support import HTTP_LOAD, LAB, LABS, ROOT, TARGET, is_gone, set_weights, wait_until

SKEW = str(ROOT / "tools" / "packet_lab" / "skew_table.py")
REPETITIONS = int(os.environ.get("EVENKEEL_WATCH_REPETITIONS", "1"))
NAMED_WITHIN_S = 15


def alarms(lab, *rules):
    return [a for a in lab.cli("status")["alarms"] if not rules or a["rule"] in rules]


def raised(lab):
    """Every alarm of the distribution that was ever raised, by the log."""
    log = lab.tool("log", "evenkeeld").stdout
    return [line for line in log.splitlines() if re.search(r"warning alarm: F(02|04|30|34|36|55)", line)]


@contextlib.contextmanager
def steady_load(lab, rate=400, seconds=3600):
    """Connections of both families from many addresses while the body runs."""
    words = [word for family in "46" for word in ("--to", TARGET[family])]
    with lab.running("client", HTTP_LOAD, *words, "--rate", str(rate), "--concurrency", "200",
                     "--seconds", str(seconds), "--sources", "50"):
        yield


@contextlib.contextmanager
def skewed_tables(lab, folder):
    """The planes' tables are wrong while the body runs: one backend has twice its share, one nothing."""
    kept = str(folder / "tables")

    def exchange():
        if lab.plane == "xdp":
            lab.run("lb", SKEW, "xdp", kept)
        else:
            subprocess.run([SKEW, "dpdk", kept, str(lab.pid("evenkeel-dataplane"))], check=True, timeout=60)

    exchange()
    try:
        yield
    finally:
        exchange()


def start_nginx(lab, backend):
    """Returns when it answers; until then its file of the pid may be the former one's."""
    folder = f"{LABS}/{lab.name}/{backend}"
    subprocess.Popen([LAB, "exec", "--name", lab.name, backend, "--", "nginx", "-c", f"{folder}/nginx.conf", "-e",
                      f"{folder}/nginx.log"], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                     stderr=subprocess.DEVNULL, start_new_session=True)
    wait_until(lambda: lab.run(backend, "curl", "-sS", "--max-time", "5", "http://127.0.0.1/healthz",
                               check=False).stdout == "ok\n", f"nginx of {backend} answers")


def stop_nginx(lab, backend):
    pid = int(pathlib.Path(f"{LABS}/{lab.name}/{backend}/nginx.pid").read_text(encoding="ascii"))
    os.kill(pid, signal.SIGKILL)
    wait_until(lambda: is_gone(pid), "nginx is gone")


def test_what_is_no_fault_raises_nothing(lab):
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected")
    config = lab.config()
    with steady_load(lab):
        time.sleep(8)
        # A change of weights, in both directions, and a drain.
        lab.apply(set_weights(config, "web4", {"b1": 300}))
        time.sleep(5)
        lab.apply(config)
        lab.cli("drain", "web4/b4", "--reason", "test", "--force")
        time.sleep(3)
        lab.cli("undrain", "web4/b4", "--reason", "test")
        # A restart of a server: connections to it are refused for a moment.
        stop_nginx(lab, "b2")
        start_nginx(lab, "b2")
        # An elephant: one connection with more bytes than all the others.
        lab.run("client", "sh", "-c", "head -c 50000000 /dev/zero | curl -sS --max-time 60 -o /dev/null --data-binary @- "
                f"http://{TARGET['4']}/")
        # A surge.
        with steady_load(lab, rate=4000, seconds=20):
            time.sleep(6)
        time.sleep(3)
    assert raised(lab) == []
    metrics = lab.run("lb", "curl", "-sS", "http://127.0.0.1:9470/metrics").stdout
    watched = int(re.search(r"^evenkeel_watched_seconds_total (\d+)", metrics, re.M)[1])
    assert watched >= 15, "the watch has not looked"
    assert 'evenkeel_distribution_alarm{service="http4",backend="web4/b1"} 0' in metrics
    if shutil.which("promtool"):
        lint = subprocess.run(["promtool", "check", "metrics"], input=metrics, text=True, capture_output=True, check=False)
        assert lint.returncode == 0 and not lint.stdout + lint.stderr, lint


def test_a_table_skewed_behind_its_back_is_named(lab, tmp_path):
    with steady_load(lab):
        time.sleep(5)
        for _ in range(REPETITIONS):
            # Those of the test before go once traffic has shown that they are over.
            wait_until(lambda: not alarms(lab), "no alarm")
            with skewed_tables(lab, tmp_path):
                begun = time.monotonic()
                named = []
                wait_until(lambda: named.extend(a for a in alarms(lab, "F55") if a["service"] and a["backend"]) or named,
                           "the alarm", NAMED_WITHIN_S)
                took = time.monotonic() - begun
                alarm = named[0]
                metrics = lab.run("lb", "curl", "-sS", "http://127.0.0.1:9470/metrics").stdout
            print(f"{lab.plane}: named after {took:.1f} s: {alarm['message']}")
            assert alarm["service"] in ("http4", "http6") and alarm["backend"], alarm
            assert "is not the one that was published" in alarm["message"], alarm
            line = f'evenkeel_distribution_alarm{{service="{alarm["service"]}",backend="{alarm["backend"]}"}} 1'
            assert line in metrics
            assert not lab.cli("audit")["findings"], "put right again"
            wait_until(lambda: not alarms(lab), "the alarm is over", 120)
    told = lab.run("lb", "timeout", "60", "evenkeel", "--json", "watch", "--count", "1").stdout
    assert json.loads(told)["alarms"] == []


@contextlib.contextmanager
def without_vips(lab, backend):
    """The backend unwraps, and does not know the VIPs while the body runs."""
    networks = ("203.0.113.0/24", "2001:db8:113::/48")
    for network in networks:
        lab.run(backend, "ip", "route", "del", "local", network, "dev", "lo", "table", "local")
    try:
        yield
    finally:
        for network in networks:
            lab.run(backend, "ip", "route", "add", "local", network, "dev", "lo")


def test_a_backend_that_does_not_answer_is_named(lab):
    with steady_load(lab):
        time.sleep(5)
        with without_vips(lab, "b3"):
            begun = time.monotonic()
            found = []
            wait_until(lambda: found.extend(alarms(lab, "F15", "F41")) or found, "the alarm", NAMED_WITHIN_S)
            took = time.monotonic() - begun
        print(f"{lab.plane}: named after {took:.1f} s: {found[0]['message']}")
        assert {a["backend"].split("/")[1] for a in found} == {"b3"}, found
        wait_until(lambda: not alarms(lab), "the alarm is over", 120)


@contextlib.contextmanager
def without_server(lab, backend):
    """The backend refuses connections while the body runs."""
    stop_nginx(lab, backend)
    try:
        yield
    finally:
        start_nginx(lab, backend)


@pytest.mark.parametrize("fault", [without_server, without_vips])
def test_a_trial_whose_new_backend_does_not_answer_is_taken_back(lab, fault):
    config = lab.config()
    without = "".join(line for line in config.splitlines(keepends=True) if not re.match(r"\s+b4: ", line))
    lab.apply(without, "--allow", "F12@pools.web4")  # what the tests before took away counts too
    with fault(lab, "b4"), steady_load(lab):
        time.sleep(3)
        lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/test.yaml", input=config)
        begun = time.monotonic()
        told = lab.cli("apply", "/etc/evenkeel/test.yaml", "--again", "test", "--reason", "test", "--wait",
                       "--confirm-within", "5m", status=4)
        took = time.monotonic() - begun
    print(f"{lab.plane}: taken back {took:.1f} s after apply: {told['reason']}")
    assert told["state"] == "rolled_back" and "on evidence: " in told["reason"] and "/b4" in told["reason"], told
    assert took < 20, "it takes some 6 s; its deadline is minutes away"
    newest = lab.cli("history")["revisions"][0]
    assert newest["state"] == "rolled_back"
