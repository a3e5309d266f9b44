"""Changes that are tried, kept, taken back and looked at, as an operator makes them. Needs root (network namespaces).

A lab of each plane stands for the whole module. What takes a trial's whole time (30 s at least) runs on both at once.
It takes five minutes and more: not part of the check, but run by hand with EVENKEEL_LAB_CHANGES=1.
"""
import concurrent.futures
import contextlib
import dataclasses
import json
import os
import re
import signal
import subprocess
import time

import pytest

from conftest import PLANES
from lab_support import LAB, ROOT, TARGET, VIP, Lab, set_weights, wait_until

pytestmark = pytest.mark.skipif(not os.environ.get("EVENKEEL_LAB_CHANGES"),
                                reason="takes five minutes and more: set EVENKEEL_LAB_CHANGES=1")

PROBE = str(ROOT / "tests" / "lab" / "flow_probe.py")
DATABASE = "/var/lib/evenkeel/control.db"
FILE = "/etc/evenkeel/change.yaml"
TRIAL_S = 30
TOLERANCE_S = 1.0  # of the deadline


@pytest.fixture(scope="module")
def labs():
    assert (ROOT / "build" / "bin" / "evenkeel").exists(), "build/bin/evenkeel is missing: run tools/build"
    made = {plane: Lab(f"c{os.getpid()}{plane[0]}", plane, workers=1) for plane in PLANES}
    try:
        for lab in made.values():
            lab.up()
        yield made
    finally:
        for lab in made.values():
            lab.down()


@pytest.fixture(params=PLANES)
def lab(labs, request):
    yield labs[request.param]
    end_trial(labs[request.param])


def end_trial(lab):
    if lab.cli("status")["trial"]:
        lab.cli("rollback")


def boot_clock() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


def running(lab) -> str:
    """The file of the running revision."""
    return lab.run("lb", "evenkeel", "show", str(lab.cli("status")["revision"])).stdout


def apply(lab, text, *words, status=0):
    """On trial, unless told otherwise. What was rolled back minutes ago may come again here."""
    lab.run("lb", "sh", "-c", f"cat > {FILE}", input=text)
    return lab.cli("apply", FILE, "--reason", "test", "--again", "another test", *words, status=status)


def without_b4(text: str) -> str:
    """A change that the probe sees at once: b4 serves a quarter of web4, then nothing."""
    lines = [line for line in text.splitlines() if not (line.strip().startswith("b4: ") and "10.0.1.14" in line)]
    assert len(lines) == len(text.splitlines()) - 1, text
    return "\n".join(lines) + "\n"


@dataclasses.dataclass
class Connection:
    at: float
    port: int
    backend: str


@contextlib.contextmanager
def probe(lab, seconds):
    """Connections to web4 while the body runs, at most so long; afterwards the list holds them."""
    process = subprocess.Popen([LAB, "exec", "--name", lab.name, "client", "--", PROBE, VIP["4"], "80", str(seconds)],
                               stdout=subprocess.PIPE, text=True)
    seen = []
    try:
        yield seen
    finally:
        out = process.communicate(timeout=seconds + 30)[0]
        for line in out.splitlines():
            at, port, backend = line.split()
            seen.append(Connection(float(at), int(port), backend))


def assert_only_moved_slots_failed(lab, seen):
    """Who had b4 before the change had it taken away in the middle of his connection; nobody else may notice."""
    assert len(seen) > 100
    for connection in seen:
        if not connection.backend.startswith("!"):
            continue
        told = lab.cli("explain", "--from", f"198.51.100.2:{connection.port}", "--to", TARGET["4"], "--proto", "tcp")
        assert told["backend"].split("/")[-1] == "b4", (connection, told)


def waiting_apply(lab, text):
    lab.run("lb", "sh", "-c", f"cat > {FILE}", input=text)
    return subprocess.Popen(
        [LAB, "exec", "--name", lab.name, "lb", "--", "evenkeel", "--json", "apply", FILE, "--reason", "test", "--again",
         "another test", "--confirm-within", f"{TRIAL_S}s", "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        text=True)


def trial_that_nobody_confirms(lab, harm, mend):
    """Applies, does `harm` while the trial runs and `mend` after its deadline; asserts what everybody sees of it."""
    before = lab.cli("status")
    with probe(lab, TRIAL_S + 8) as seen:
        time.sleep(1)
        waiting = waiting_apply(lab, without_b4(running(lab)))
        wait_until(lambda: lab.cli("status")["state"] == "trial", "on trial")
        asked = boot_clock()
        trial = lab.cli("status")["trial"]
        begun = boot_clock()
        # The seconds that are left were counted at some moment between the two.
        deadline, latest = asked + trial["seconds_left"], begun + trial["seconds_left"]
        assert trial["base_revision"] == before["revision"]
        harm(lab)
        time.sleep(max(0, latest + 2 - boot_clock()))
        mend(lab)
        out, err = waiting.communicate(timeout=60)
    told = json.loads(out)
    assert waiting.returncode == 4, (out, err)
    assert (told["revision"], told["state"]) == (trial["revision"], "rolled_back"), told

    during = [c for c in seen if begun < c.at < deadline - TOLERANCE_S]
    assert len(during) > 100 and not any(c.backend == "b4" for c in during)
    back = min(c.at for c in seen if c.at > begun and c.backend == "b4")
    print(f"{lab.plane}: back {back - latest:+.3f} to {back - deadline:+.3f} s after the deadline, {len(seen)} "
          f"connections, {sum(c.backend.startswith('!') for c in seen)} failed")
    assert deadline - TOLERANCE_S <= back <= latest + TOLERANCE_S
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected")
    wait_until(lambda: lab.cli("status")["state"] == "confirmed", "no trial")
    after = lab.cli("status")
    assert after["revision"] == before["revision"]
    assert after["planes"][0]["digest"] == before["planes"][0]["digest"]
    newest = lab.cli("history")["revisions"][0]
    assert (newest["revision"], newest["state"]) == (trial["revision"], "rolled_back")
    assert_only_moved_slots_failed(lab, seen)


def on_both(labs, scenario, *words):
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for future in [pool.submit(scenario, lab, *words) for lab in labs.values()]:
            future.result()


def nothing(_lab):
    pass


def kill_control(lab):
    lab.kill9("evenkeeld")


def start_control(lab):
    lab.tool("start", "evenkeeld")


def stop_control(lab):
    os.kill(lab.pid("evenkeeld"), signal.SIGSTOP)


def continue_control(lab):
    os.kill(lab.pid("evenkeeld"), signal.SIGCONT)


def fill_state_directory(lab):
    """Not a byte more fits into its file system."""
    lab.run("lb", "sh", "-c", "mount -o remount,size=$(df --output=used -k /var/lib/evenkeel | tail -1)k /var/lib/evenkeel")


def free_state_directory(lab):
    lab.run("lb", "mount", "-o", "remount,size=64m", "/var/lib/evenkeel")


@pytest.mark.parametrize("harm, mend", [
    (nothing, nothing), (kill_control, start_control), (stop_control, continue_control),
    (fill_state_directory, free_state_directory)], ids=["nobody_looks", "control_killed", "control_stopped", "disk_full"])
def test_trial_is_back_at_its_deadline(labs, harm, mend):
    on_both(labs, trial_that_nobody_confirms, harm, mend)


def test_trial_that_is_confirmed_stays(lab):
    original = running(lab)
    told = apply(lab, set_weights(original, "web6", {"b1": 110}))
    assert told["state"] == "trial" and told["confirm_deadline"]
    status = lab.cli("status")
    assert (status["state"], status["revision"], status["trial"]["revision"]) == (
        "trial", told["revision"], told["revision"])
    assert 0 < status["trial"]["seconds_left"] <= 300
    confirmed = lab.cli("confirm")
    assert (confirmed["revision"], confirmed["state"], confirmed["confirm_deadline"]) == (
        told["revision"], "confirmed", None)
    assert lab.cli("status")["trial"] is None
    assert lab.cli("confirm", status=1)["error"]["code"] == "refused"
    assert lab.cli("rollback", status=1)["error"]["code"] == "refused"
    assert apply(lab, set_weights(original, "web6", {"b1": 110}))["revision"] == told["revision"]

    changes = lab.cli("diff", str(status["trial"]["base_revision"]), str(told["revision"]))["changes"]
    assert changes == [{"path": "pools.web6.backends.b1.weight", "change": "changed", "before": "100", "after": "110"}]
    back = lab.cli("rollback", "--to", str(status["trial"]["base_revision"]), "--reason", "test")
    assert back["state"] == "confirmed" and back["revision"] > told["revision"]
    assert running(lab) == original


def test_wait_ends_with_0_when_somebody_confirms(lab):
    original = running(lab)
    waiting = waiting_apply(lab, set_weights(original, "web6", {"b1": 105}))
    wait_until(lambda: lab.cli("status")["state"] == "trial", "on trial")
    lab.cli("confirm")
    out, err = waiting.communicate(timeout=30)
    assert waiting.returncode == 0, (out, err)
    assert json.loads(out)["state"] == "confirmed"
    lab.cli("rollback", "--to", str(lab.cli("history")["revisions"][1]["revision"]))
    assert running(lab) == original


def test_of_two_operators_one_wins_and_the_other_is_told(lab):
    original = running(lab)
    base = lab.cli("status")["revision"]
    plans = {}
    for name, weight in {"one": 120, "other": 130}.items():
        lab.run("lb", "sh", "-c", f"cat > /etc/evenkeel/{name}.yaml", input=set_weights(original, "web6", {"b1": weight}))
        plans[name] = lab.cli("plan", f"/etc/evenkeel/{name}.yaml")
        assert plans[name]["base_revision"] == base

    def try_it(name, *words):
        return lab.run("lb", "evenkeel", "--json", "apply", f"/etc/evenkeel/{name}.yaml", "--reason", name, "--again",
                       "another test", *words, check=False)

    with concurrent.futures.ThreadPoolExecutor() as pool:
        calls = {name: pool.submit(try_it, name, "--base", str(base)) for name in plans}
        results = {name: call.result() for name, call in calls.items()}
    assert sorted(r.returncode for r in results.values()) == [0, 1], results
    winner, loser = sorted(results, key=lambda name: results[name].returncode)
    revision = json.loads(results[winner].stdout)["revision"]
    assert f"revision {revision}" in json.loads(results[loser].stdout)["error"]["message"], results
    lab.cli("confirm")
    late = try_it(loser, "--plan", plans[loser]["digest"])
    assert late.returncode == 1 and str(revision) in json.loads(late.stdout)["error"]["message"], late
    lab.cli("rollback", "--to", str(base))
    assert running(lab) == original


def many_services(text: str) -> str:
    """98 more services of 100 backends each, which nobody calls: behind the gateway, where there is nothing."""
    pools, services = [], []
    for i in range(98):
        backends = "\n".join(f"      m{b}: {{address: 10.1.{1 + i}.{b + 1}, weight: 100}}" for b in range(100))
        pools.append(f"  many{i}:\n    table: {{slots: 16384}}\n    backends:\n{backends}\n")
        services.append(f"  many{i}: {{vip: 203.0.113.{20 + i}, ports: [80], protocol: tcp, pool: many{i}}}\n")
    text = re.sub(r"^pools:\s*\n", lambda m: m.group(0) + "".join(pools), text, count=1, flags=re.M)
    return re.sub(r"^services:\s*\n", lambda m: m.group(0) + "".join(services), text, count=1, flags=re.M)


def test_rollback_of_a_hundred_services_of_a_hundred_backends_under_load(lab):
    """Every one of them changes, goes back, and requests to the service beside them do not notice."""
    original = running(lab)
    base = many_services(original)
    allow = [word for rule in ("F12@services", "F60@services") for word in ("--allow", rule)]
    apply(lab, base, "--confirm=now", "--timeout", "60s", *allow)
    changed = re.sub(r"m7: \{address: ([0-9.]+), weight: 100\}", r"m7: {address: \1, weight: 150}", base)
    with lab.background_load("--to", TARGET["4"], "--seconds", "12", "--rate", "200") as outcome:
        time.sleep(1)
        begun = time.monotonic()
        apply(lab, changed, "--timeout", "60s", *allow)
        applied = time.monotonic()
        time.sleep(1)
        went = time.monotonic()
        told = lab.cli("rollback", "--reason", "test")
        back = time.monotonic()
    assert told["state"] == "rolled_back"
    status = lab.cli("status")
    assert status["planes"][0]["generation"] == told["generation"] == status["generation"]
    print(f"{lab.plane}: applied in {applied - begun:.3f} s, back in {back - went:.3f} s, command and lab included")
    assert back - went < applied - begun, "the way back lies ready in the planes"
    assert outcome["failed"] == 0, outcome["errors"]
    assert outcome["requests"] > 500
    apply(lab, original, "--confirm=now", "--timeout", "60s", *allow)


def test_drain_takes_new_connections_off_a_backend_and_later_applies_keep_it(lab):
    original = running(lab)
    lab.cli("drain", "web4/b2", "--reason", "a fan", "--until", "2099-01-01T00:00:00Z")
    assert [(d["pool"], d["backend"], d["reason"], d["until"]) for d in lab.cli("status")["drains"]] == [
        ("web4", "b2", "a fan", "2099-01-01T00:00:00Z")]
    assert set(lab.load("--to", TARGET["4"], "--count", "200")["backends"][f"{VIP['4']}:80"]) == {"b1", "b3", "b4"}
    apply(lab, set_weights(original, "web6", {"b2": 101}), "--confirm=now")
    assert [d["backend"] for d in lab.cli("status")["drains"]] == ["b2"]
    row = next(b for b in lab.cli("backends")["backends"] if (b["service"], b["name"]) == ("http4", "b2"))
    assert (row["state"], row["share_expected"]) == ("draining", 0)
    told = lab.cli("undrain", "web4/b2", "--reason", "done")
    assert told["state"] == "confirmed"
    assert lab.cli("status")["drains"] == []
    assert set(lab.load("--to", TARGET["4"], "--count", "200")["backends"][f"{VIP['4']}:80"]) == {"b1", "b2", "b3", "b4"}
    apply(lab, original, "--confirm=now")


def test_audit_of_what_is_right_finds_nothing(lab):
    lab.run("lb", "sh", "-c", f"cat > {FILE}", input=running(lab))
    told = lab.cli("audit")
    assert told["ok"], told
    assert told["chain"]["entries"] > 0 and re.fullmatch("[0-9a-f]{64}", told["chain"]["head"])


def on_database(lab, *statements):
    """Statements on the daemon's database, past its triggers; what the last one selects."""
    script = ("import json, sqlite3, sys\n"
              f"db = sqlite3.connect('{DATABASE}', timeout=10)\n"
              "for one in json.loads(sys.argv[1]): rows = db.execute(one).fetchall()\n"
              "db.commit()\n"
              "print(json.dumps(rows))\n")
    return json.loads(lab.run("lb", "/usr/bin/python3", "-c", script, json.dumps(statements)).stdout)


@contextlib.contextmanager
def without_triggers(lab):
    triggers = on_database(lab, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    assert triggers, "the log is not protected"
    on_database(lab, *(f"DROP TRIGGER {name}" for name, _ in triggers))
    try:
        yield
    finally:
        on_database(lab, *(sql for _, sql in triggers))


def assert_audit_names(lab, *words):
    told = lab.cli("audit", status=1)
    errors = [f["message"] for f in told["findings"] if f["severity"] == "error"]
    assert any(all(word in message for word in words) for message in errors), (words, told)
    return told


def test_audit_names_a_changed_entry_and_a_cut_log(lab):
    [[last]] = on_database(lab, "SELECT max(entry) FROM audit")
    victim = max(1, last // 2)
    with without_triggers(lab):
        on_database(lab, f"UPDATE audit SET text = text || 'x' WHERE entry = {victim}")
        assert_audit_names(lab, str(victim))
        on_database(lab, f"UPDATE audit SET text = substr(text, 1, length(text) - 1) WHERE entry = {victim}")
        assert lab.cli("audit")["chain"]["entries"] == last

        on_database(lab, f"CREATE TABLE kept AS SELECT * FROM audit WHERE entry > {victim}",
                    f"DELETE FROM audit WHERE entry > {victim}")
        assert_audit_names(lab, str(victim))
        on_database(lab, "INSERT INTO audit SELECT * FROM kept", "DROP TABLE kept")
    assert lab.cli("audit")["chain"]["entries"] == last


# Turns over the lowest bit of the first slot in one row of every table that can be in use: tables of 65536 slots take
# 4096 rows of 16 slots. Doing it twice undoes it.
TURN_SLOTS = """
import glob, json, subprocess
[path] = glob.glob('/sys/fs/bpf/evenkeel/eth0/maps-*/slot_rows')
def bpftool(*words):
    return subprocess.run(['bpftool', '-j', 'map', *words], check=True, capture_output=True, text=True).stdout
for row in range(0, json.loads(bpftool('show', 'pinned', path))['max_entries'], 4096):
    key = [str(byte) for byte in row.to_bytes(4, 'little')]
    value = [int(byte, 16) for byte in json.loads(bpftool('lookup', 'pinned', path, 'key', *key))['value']]
    value[0] ^= 1
    bpftool('update', 'pinned', path, 'key', *key, 'value', *map(str, value))
"""


def test_audit_finds_a_slot_that_was_changed_by_hand_within_its_period(labs):
    lab = labs["xdp"]
    original = running(lab)
    apply(lab, original + "safety: {audit_every: 2s}\n", "--confirm=now")
    wait_until(lambda: not lab.cli("status")["alarms"], "no alarm")
    lab.run("lb", "/usr/bin/python3", "-c", TURN_SLOTS)
    try:
        wait_until(lambda: lab.cli("status")["alarms"], "the audit's alarm")
        assert_audit_names(lab, "slot_rows", "web4")
    finally:
        lab.run("lb", "/usr/bin/python3", "-c", TURN_SLOTS)
    assert lab.cli("audit")["ok"]
    wait_until(lambda: not lab.cli("status")["alarms"], "the alarm is gone")
    apply(lab, original, "--confirm=now")
