"""Changes that are tried, kept, taken back and looked at, as an operator makes them. Needs root (network namespaces)."""
import concurrent.futures
import json
import re
import shlex
import time

import pytest

from change_support import (AGAIN, DATABASE, FILE, apply, end_trial, on_database, running, waiting_apply,
                            without_triggers, write)
from lab_support import TARGET, VIP, set_weights, wait_until


@pytest.fixture(autouse=True)
def ended(lab):
    yield
    end_trial(lab)


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
    out, err = waiting.communicate(timeout=90)
    assert waiting.returncode == 0, (out, err)
    assert json.loads(out)["state"] == "confirmed"
    lab.cli("rollback", "--to", str(lab.cli("history")["revisions"][1]["revision"]))
    assert running(lab) == original


def test_of_two_operators_one_wins_and_the_other_is_told(lab):
    original = running(lab)
    base = lab.cli("status")["revision"]
    plans = {}
    for name, weight in {"one": 120, "other": 130}.items():
        write(lab, set_weights(original, "web6", {"b1": weight}), f"/etc/evenkeel/{name}.yaml")
        plans[name] = lab.cli("plan", f"/etc/evenkeel/{name}.yaml")
        assert plans[name]["base_revision"] == base

    def try_it(name, *words):
        return lab.run("lb", "evenkeel", "--json", "apply", f"/etc/evenkeel/{name}.yaml", *AGAIN, *words, check=False)

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


def test_plan_warns_of_more_flows_than_the_plane_can_follow(lab):
    write(lab, set_weights(running(lab), "web4", {"b1": 110}))

    def rules(rate):
        return {finding["rule"] for finding in lab.cli("plan", FILE, "--new-flows", f"http4={rate}")["findings"]}

    assert "F35" not in rules(10)
    assert "F35" in rules(1_000_000)


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
    write(lab, running(lab))
    told = lab.cli("audit")
    assert told["ok"], told
    assert told["chain"]["entries"] > 0 and re.fullmatch("[0-9a-f]{64}", told["chain"]["head"])


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
        assert lab.cli("audit")["chain"]["entries"] >= last  # alarms are entries too

        # At once: what the daemon appends goes before it or after it.
        on_database(lab, "BEGIN IMMEDIATE", f"CREATE TABLE kept AS SELECT * FROM audit WHERE entry > {victim}",
                    f"DELETE FROM audit WHERE entry > {victim}")
        assert_audit_names(lab, str(victim))
        on_database(lab, "INSERT INTO audit SELECT * FROM kept", "DROP TABLE kept")
    assert lab.cli("audit")["chain"]["entries"] >= last  # alarms are entries too


# Turns over the lowest bit of the first slot in one row of every table that can be in use: tables of 65536 slots take
# 4096 rows of 16 slots.
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


def test_audit_finds_a_slot_that_was_changed_by_hand_within_its_period_and_an_apply_mends_it(lab):
    if lab.plane != "xdp":
        pytest.skip("nobody can write to what the dataplane runs: its memory is its own")
    original = running(lab)
    apply(lab, original + "safety: {audit_every: 2s}\n", "--confirm=now")
    wait_until(lambda: not lab.cli("status")["alarms"], "no alarm")
    revision = lab.cli("status")["revision"]
    lab.run("lb", "/usr/bin/python3", "-c", TURN_SLOTS)
    wait_until(lambda: [a for a in lab.cli("status")["alarms"] if a["rule"] == "F55"], "the audit's alarm",
               seconds=30)  # half of what passes between two audits where nothing else is said
    assert_audit_names(lab, "slot_rows", "pool")
    assert apply(lab, running(lab), "--confirm=now")["revision"] == revision
    assert lab.cli("audit")["ok"]
    wait_until(lambda: not lab.cli("status")["alarms"], "the alarm is gone")
    apply(lab, original, "--confirm=now")


def many_services(text: str) -> str:
    """98 more services of 100 backends each, which nobody calls: behind the gateway, where there is nothing."""
    pools, services = [], []
    for i in range(98):
        backends = "\n".join(f"      m{b}: {{address: 10.1.{1 + i}.{b + 1}, weight: 100}}" for b in range(100))
        pools.append(f"  many{i}:\n    table: {{slots: 16384}}\n    backends:\n{backends}\n")
        services.append(f"  many{i}: {{vip: 203.0.113.{20 + i}, ports: [80], protocol: tcp, pool: many{i}}}\n")
    text = re.sub(r"^pools:\s*\n", lambda m: m.group(0) + "".join(pools), text, count=1, flags=re.M)
    return re.sub(r"^services:\s*\n", lambda m: m.group(0) + "".join(services), text, count=1, flags=re.M)


def timed(lab, *words):
    """What the command answers, and how long it took within `lb`, in seconds."""
    command = shlex.join(["evenkeel", "--json", *words])
    result = lab.run("lb", "bash", "-c", f"begun=$EPOCHREALTIME; {command}; echo $begun $EPOCHREALTIME")
    told, times = result.stdout.strip().rsplit("\n", 1)
    begun, ended = map(float, times.split())
    return json.loads(told), ended - begun


def test_rollback_of_a_hundred_services_of_a_hundred_backends_under_load(lab):
    """Every one of them changes, goes back, and requests to the service beside them do not notice.

    The time is the command's own, from its start to its answer, which means that the last worker runs what was confirmed.
    The way back is there already: it takes a fraction of what the apply took. Chance makes either longer, so both are
    tried again before that is said not to be so.
    """
    original = running(lab)
    base = many_services(original)
    allow = [word for rule in ("F12@services", "F60@services") for word in ("--allow", rule)]
    apply(lab, base, "--confirm=now", *allow)
    changed = re.sub(r"m7: \{address: ([0-9.]+), weight: 100\}", r"m7: {address: \1, weight: 150}", base)
    with lab.background_load("--to", TARGET["4"], "--rate", "200") as outcome:
        time.sleep(2)
        write(lab, changed)
        for _ in range(3):
            _, forth = timed(lab, "apply", FILE, *AGAIN, *allow)
            time.sleep(1)
            told, back = timed(lab, "rollback", "--reason", "test")
            status = lab.cli("status")
            assert told["state"] == "rolled_back"
            assert status["planes"][0]["generation"] >= told["generation"]
            print(f"{lab.plane}: forth in {forth:.3f} s, back in {back:.3f} s, from the command's start to its end")
            if back < forth / 2:
                break
        assert back < forth / 2
        time.sleep(2)
    assert outcome["failed"] == 0, outcome["errors"]
    assert outcome["requests"] > 500
