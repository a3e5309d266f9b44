"""Trials that end, or widen, by what is seen of them: canaries, --confirm=auto, and what outsiders cannot do. Needs root.

EVENKEEL_OUTSIDER_REPETITIONS=20 tries each attack alone, so many times; the check tries all of them at once, once.
EVENKEEL_AUTO_CONFIRM=1 runs the minute and more that a trial takes to confirm itself.
"""
import contextlib
import json
import os
import pathlib
import re
import time

import pytest

from change_support import apply, end_trial, write
from lab_support import HTTP_LOAD, LABS, ROOT, TARGET, set_weights, wait_until
from test_watch import start_nginx, steady_load, stop_nginx

OUTSIDER = str(ROOT / "tests" / "lab" / "outsider.py")
REPETITIONS = int(os.environ.get("EVENKEEL_OUTSIDER_REPETITIONS", "0"))
ATTACK_S = 8
LOAD = ["--rate", "400", "--concurrency", "200", "--sources", "50", *(w for f in "46" for w in ("--to", TARGET[f]))]


def without_b4(config):
    return "".join(line for line in config.splitlines(keepends=True) if not re.match(r"\s+b4: ", line))


def percent(lab):
    trial = lab.cli("status")["trial"]
    return trial["canary"]["percent"] if trial and trial["canary"] else None


def events(lab, event):
    script = ("import sqlite3, json, sys\n"
              "db = sqlite3.connect('/var/lib/evenkeel/control.db', timeout=10)\n"
              "print(json.dumps([r[0] for r in db.execute('SELECT text FROM audit WHERE event = ? ORDER BY entry', sys.argv[1:])]))")
    return json.loads(lab.run("lb", "/usr/bin/python3", "-c", script, event).stdout)


def test_a_good_canary_widens_by_itself(lab):
    config = lab.config()
    lab.apply(without_b4(config))
    with steady_load(lab):
        wait_until(lambda: sum(b["new_flows"] for b in lab.cli("backends")["backends"]) > 100, "traffic")
        begun = time.monotonic()
        told = apply(lab, config, "--canary=25%", "--confirm-within", "5m")
        assert told["state"] == "trial" and told["canary"]["percent"] == 25 and told["canary"]["stages"] == [25, 100], told
        rows = {(b["service"], b["name"]): b for b in lab.cli("backends")["backends"]}
        assert 0.04 < rows["http4", "b4"]["share_expected"] < 0.085, rows["http4", "b4"]
        refused = lab.cli("confirm", status=1)
        assert "25% of the slots" in refused["error"]["message"], refused
        if lab.plane == "xdp":
            # A new process goes on where the former one was killed.
            lab.kill9("evenkeeld")
            lab.tool("start", "evenkeeld")
            wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "the plane is connected")
            assert percent(lab) == 25
        wait_until(lambda: percent(lab) == 100, "the canary has every slot", 280)
        print(f"{lab.plane}: on every slot after {time.monotonic() - begun:.1f} s")
        rows = {(b["service"], b["name"]): b for b in lab.cli("backends")["backends"]}
        assert abs(rows["http4", "b4"]["share_expected"] - 0.25) < 0.001, rows["http4", "b4"]
    assert lab.cli("confirm")["state"] == "confirmed"
    assert [text for text in events(lab, "widened") if text.startswith("from 25% to 100%")]
    assert lab.cli("status")["trial"] is None


def test_a_bad_canary_is_taken_back_while_only_its_slice_feels_it(lab):
    config = lab.config()
    lab.apply(without_b4(config), "--allow", "F12@pools.web4", "--allow", "F12@pools.web6")
    stop_nginx(lab, "b4")
    try:
        with lab.background_load(*LOAD) as outcome:
            time.sleep(2)
            write(lab, config)
            begun = time.monotonic()
            told = lab.cli("apply", "/etc/evenkeel/change.yaml", "--reason", "test", "--again", "test", "--canary=4%", "--wait", status=4)
            took = time.monotonic() - begun
    finally:
        start_nginx(lab, "b4")
    assert "on evidence: " in told["reason"] and "/b4" in told["reason"], told
    failed = outcome["failed"] / outcome["requests"]
    during = outcome["failed"] / (outcome["requests"] / outcome["seconds"] * took)
    print(f"{lab.plane}: taken back after {took:.1f} s; {outcome['failed']} of {outcome['requests']} requests failed ({failed:.2%}), "
          f"{during:.2%} of those meanwhile")
    # A quarter of 4 % is 1 %; with all slots it would be 25 %.
    assert during < 0.05, outcome
    assert not [text for text in events(lab, "widened") if text.startswith("from 4%")]


@contextlib.contextmanager
def attack(lab, kind):
    words = [HTTP_LOAD, "--to", TARGET["4"], "--rate", "400", "--concurrency", "100", "--seconds", "3600"] if kind == "half" else [OUTSIDER, kind]
    with lab.running("client", *words) as process:
        yield
        assert process.poll() is None, "the attack has ended by itself"


def test_no_outsider_ends_a_trial(lab):
    config = lab.config()
    lab.apply(without_b4(config), "--allow", "F12@pools.web4", "--allow", "F12@pools.web6")
    rounds = [[kind] for kind in ("flood", "tuple", "malformed", "half")] * REPETITIONS or [["all", "half"]]
    raised = {}
    with steady_load(lab):
        for kinds in rounds:
            told = apply(lab, config, "--confirm-within", "5m")
            assert told["state"] == "trial", told
            with contextlib.ExitStack() as attacks:
                for kind in kinds:
                    attacks.enter_context(attack(lab, kind))
                time.sleep(ATTACK_S)
                status = lab.cli("status")
            trial = status["trial"]
            assert trial and trial["revision"] == told["revision"], (kinds, lab.cli("history")["revisions"][0])
            for alarm in status["alarms"]:
                raised.setdefault("+".join(kinds), set()).add(alarm["rule"])
            lab.cli("rollback")
    print(f"{lab.plane}: {len(rounds)} trials under attack, none taken back; alarms raised: {raised}")


@pytest.mark.skipif("EVENKEEL_AUTO_CONFIRM" not in os.environ, reason="takes over a minute: EVENKEEL_AUTO_CONFIRM=1")
def test_a_good_change_confirms_itself(lab):
    config = lab.config()
    # Services without traffic prove nothing.
    only_http = "".join(line for line in config.splitlines(keepends=True) if not re.match(r"\s+(range|dns)[46]: ", line))
    lab.apply(only_http, "--allow", "F60@services")
    with steady_load(lab):
        time.sleep(20)
        begun = time.monotonic()
        told = apply(lab, set_weights(only_http, "web4", {"b1": 80}), "--confirm=auto", "--confirm-within", "4m")
        print(f"{lab.plane}: {told['state']} after {time.monotonic() - begun:.1f} s")
        assert told["state"] == "confirmed", told
    assert [line for line in lab.tool("log", "evenkeeld").stdout.splitlines() if "confirms itself" in line]


@contextlib.contextmanager
def control_flags(lab, *flags):
    """evenkeeld runs with these, too, while the body does."""
    path = pathlib.Path(LABS) / lab.name / "lab.json"
    before = path.read_text(encoding="utf-8")
    options = json.loads(before)
    options["commands"]["evenkeeld"] += flags

    def restart():
        lab.tool("stop", "evenkeeld")
        lab.tool("start", "evenkeeld")
        wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "the plane is connected")

    try:
        path.write_text(json.dumps(options), encoding="utf-8")
        restart()
        yield
    finally:
        path.write_text(before, encoding="utf-8")
        restart()


WEBHOOK = """
import http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        with open(sys.argv[1], "ab") as out:
            out.write(body.strip() + b"\\n")
        self.send_response(204)
        self.end_headers()
    def log_message(self, *_):
        pass
http.server.HTTPServer(("127.0.0.1", 8099), Handler).serve_forever()
"""


def told_of(event, rule, told, posted):
    """What the program and the webhook were told of it: the words and the JSON; None: not yet both."""
    lines = told.read_text(encoding="utf-8").splitlines() if told.exists() else []
    words = [line.split("|")[:-1] for line in lines if line.startswith(f"{event}|{rule}|")]
    bodies = posted.read_text(encoding="utf-8").split("\n")[:-1] if posted.exists() else []
    jsons = [told for told in map(json.loads, bodies) if (told["event"], told["rule"]) == (event, rule)]
    return (words[0], jsons[0]) if words and jsons else None


def test_alarms_reach_a_program_and_a_webhook(lab, tmp_path):
    script, told, posted = tmp_path / "page", tmp_path / "told", tmp_path / "posted"
    script.write_text(f"#!/bin/sh\nline=$(printf '%s|' \"$@\"); printf '%s\\n' \"$line\" >> {told}\n", encoding="ascii")
    script.chmod(0o755)
    with lab.running("lb", "/usr/bin/python3", "-c", WEBHOOK, str(posted)):
        wait_until(lambda: lab.run("lb", "curl", "-s", "http://127.0.0.1:8099/", check=False).returncode == 0,
                   "the webhook listens")
        with control_flags(lab, f"--alarm-exec={script}", "--alarm-webhook=http://127.0.0.1:8099/alarm"):
            end_trial(lab)
            end = time.time() + 8  # far enough that the drain itself comes before
            until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(end))
            lab.cli("drain", "web4/b2", "--reason", "test", "--until", until, "--force")
            time.sleep(max(0.0, end + 1 - time.time()))
            lab.run("lb", "evenkeel", "audit", check=False)
            wait_until(lambda: told_of("raised", "F63", told, posted), "both are told")
            words, event = told_of("raised", "F63", told, posted)
            assert event["message"] == words[5], (words, event)
            lab.cli("undrain", "web4/b2", "--reason", "test")
            lab.run("lb", "evenkeel", "audit", check=False)
            wait_until(lambda: told_of("cleared", "F63", told, posted), "both are told that it is over")
