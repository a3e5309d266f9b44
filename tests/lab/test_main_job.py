"""The main job, in a lab. Needs root: makes network namespaces.

Real connections of both families go through the balancer to real nginx servers, which answer the client directly.
"""
import hashlib
import json
import random
import time

import pytest

from lab_support import TARGET, VIP, chi_square_p, set_weights, wait_until


# These tests change more of a pool at once than the guards let pass without a word.
BOLD = ("--allow", "F12@pools.web4", "--allow", "F17@pools.web4")


def test_ten_thousand_requests_over_each_family_succeed(lab):
    for family in "46":
        outcome = lab.load("--to", TARGET[family], "--count", "10000", "--sources", "50")
        assert outcome["requests"] == 10000
        # The load checks that each server saw the client's own address and port.
        assert set(outcome["backends"][f"{VIP[family]}:80"]) == {"b1", "b2", "b3", "b4"}


def test_every_worker_had_packets_and_the_verdicts_add_up(lab):
    plane = lab.cli("status")["planes"][0]
    assert plane["kind"] == lab.plane and plane["connected"]
    if lab.plane == "dpdk":
        assert len(plane["workers"]) == lab.workers
        assert all(w["packets"] > 0 for w in plane["workers"]), plane["workers"]

    def adds_up():
        drops = lab.cli("drops")
        return drops["received"] > 0 and drops["received"] == sum(
            drops[k] for k in ("forward", "reply", "pass", "drop"))
    wait_until(adds_up, "received = forward + reply + pass + drop")


@pytest.mark.parametrize("family", ["4", "6"])
def test_twenty_megabytes_come_through_intact_both_ways(lab, family):
    url = f"http://{TARGET[family]}"
    body = lab.run("client", "sh", "-c", f"curl -sS --max-time 60 {url}/bytes/20000000 | sha256sum; "
                   f"curl -sS --max-time 60 {url}/bytes/20000000 | wc -c")
    assert body.stdout.split()[2] == "20000000"
    upload = lab.run("client", "sh", "-c",
                     "head -c 20000000 /dev/urandom > /tmp/evenkeel-upload.$$; "
                     f"curl -sS --max-time 60 --data-binary @/tmp/evenkeel-upload.$$ -w '%{{size_upload}}' {url}/; "
                     "rm -f /tmp/evenkeel-upload.$$")
    assert upload.stdout.split()[0].startswith("b") and upload.stdout.endswith("20000000"), upload.stdout


def test_weights_give_exact_slots_and_fitting_flows(lab):
    original = lab.config()
    lab.apply(set_weights(original, "web4", {"b1": 1, "b2": 2, "b3": 7, "b4": 10}), *BOLD)
    try:
        rows = [b for b in lab.cli("backends")["backends"] if b["service"] == "http4"]
        slots = {b["name"].split("/")[-1]: b["share_expected"] * 65536 for b in rows}
        for name, weight in {"b1": 1, "b2": 2, "b3": 7, "b4": 10}.items():
            assert abs(slots[name] - 65536 * weight / 20) < 1, slots
            assert slots[name] == int(slots[name]), slots
        # Right shares give a smaller p once in a thousand samples, three times in a row once in 10^9.
        for _ in range(3):
            outcome = lab.load("--to", TARGET["4"], "--count", "20000", "--sources", "100")
            observed = outcome["backends"][f"{VIP['4']}:80"]
            p = chi_square_p(observed, {name: count / 65536 for name, count in slots.items()})
            if p > 0.001:
                break
        assert p > 0.001, (observed, slots, p)
    finally:
        lab.apply(original, *BOLD)


@pytest.mark.parametrize("weights", [
    [1, 10], [100, 100, 100], [1000, 100, 100, 100], [97, 1, 1, 1], [65536, 65535], [1048576, 1048576]])
def test_weight_traps_are_served_exactly_or_refused(lab, weights):
    original = lab.config()
    wanted = {f"b{i + 1}": w for i, w in enumerate(weights)}
    text = set_weights(original, "web4", wanted)
    text = "\n".join(line for line in text.splitlines()
                     if not any(line.strip().startswith(f"b{i}: ") and "10.0.1." in line
                                for i in range(len(weights) + 1, 5))) + "\n"
    lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/trap.yaml", input=text)
    result = lab.run("lb", "evenkeel", "--json", "apply", "/etc/evenkeel/trap.yaml", "--reason", "trap",
                     "--confirm=now", *BOLD, check=False)
    if result.returncode == 1:
        assert any(f["rule"].startswith("F") and f["severity"] == "error"
                   for f in json.loads(result.stdout)["findings"]), result.stdout
        return
    try:
        assert result.returncode == 0, result.stdout + result.stderr
        for b in lab.cli("backends")["backends"]:
            if b["service"] == "http4":
                weight = wanted[b["name"].split("/")[-1]]
                assert abs(b["share_expected"] * 65536 - 65536 * weight / sum(weights)) < 1, b
    finally:
        lab.apply(original, *BOLD)


def objects(text):
    """The JSON objects that stand one after the other."""
    decoder, found, at = json.JSONDecoder(), [], 0
    while text[at:].strip():
        at += len(text[at:]) - len(text[at:].lstrip())
        value, at = decoder.raw_decode(text, at)
        found.append(value)
    return found


def test_explain_names_the_backend_that_then_answers(lab):
    seed = time.time_ns()
    print("seed", seed)
    chance = random.Random(seed)
    with lab.background_load("--to", TARGET["4"], "--to", TARGET["6"], "--rate", "200"):
        asked = {}  # each once: a tuple that has just been closed cannot be bound again
        while len(asked) < 200:
            family = chance.choice("46")
            source = (f"198.51.100.{chance.randrange(10, 250)}" if family == "4"
                      else f"2001:db8:100::{chance.randrange(1, 65535):x}")
            port = chance.randrange(20000, 30000)
            asked[family, source, port] = None
        questions, requests = [], []
        for family, source, port in asked:
            start = f"[{source}]:{port}" if family == "6" else f"{source}:{port}"
            questions.append(f"evenkeel --json explain --from '{start}' --to '{TARGET[family]}' --proto tcp || exit 1")
            requests.append(f"curl -sS --max-time 60 --interface {source} --local-port {port} http://{TARGET[family]}/")
        told = objects(lab.run("lb", "sh", "-c", "\n".join(questions), timeout=300).stdout)
        # Slots that a test before this one has moved are still in transition: a new flow goes to their owner.
        assert {t["verdict"] for t in told} == {"forward"} and {t["state"] for t in told} <= {"pure", "open", "tail"}, told
        answers = [a.split() for a in lab.run("client", "sh", "-c", "\n".join(requests), timeout=600).stdout.splitlines()]
        assert [a[0] for a in answers] == [t["backend"].split("/")[-1] for t in told]
        assert [(a[1], int(a[2])) for a in answers] == [(s, p) for _, s, p in asked]


def test_control_killed_under_load_disturbs_nothing(lab):
    before = lab.cli("status")
    with lab.background_load("--to", TARGET["4"], "--to", TARGET["6"], "--seconds", "12", "--rate", "300") as outcome:
        time.sleep(2)  # load is running
        lab.kill9("evenkeeld")
        time.sleep(2)  # load without control
        lab.tool("start", "evenkeeld")
        wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected again")
        after = lab.cli("status")
    assert outcome["failed"] == 0, outcome["errors"]
    assert outcome["requests"] > 200
    assert (after["revision"], after["generation"], after["planes"][0]["digest"]) == (
        before["revision"], before["generation"], before["planes"][0]["digest"])


def test_new_dataplane_forwards_before_control_has_spoken(lab):
    if lab.plane != "dpdk":
        pytest.skip("the XDP plane has no process of its own")
    generation = lab.cli("status")["generation"]
    lab.kill9("evenkeeld")
    lab.kill9("evenkeel-dataplane")
    lab.tool("start", "evenkeel-dataplane")
    outcome = lab.load("--to", TARGET["4"], "--to", TARGET["6"], "--count", "200")
    assert outcome["requests"] == 200
    lab.tool("start", "evenkeeld")
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected again")
    assert lab.cli("status")["generation"] == generation


def test_a_thousand_publications_under_load(lab):
    original = lab.config()
    for i in range(4):
        text = set_weights(original, "web6", {"b1": 100 + 3 * i, "b2": 100 - 3 * i})
        lab.run("lb", "sh", "-c", f"cat > /etc/evenkeel/many{i}.yaml", input=text)
    programs = ["evenkeeld"] + (["evenkeel-dataplane"] if lab.plane == "dpdk" else [])

    def publish(count):
        lab.run("lb", "sh", "-c", f"for i in $(seq {count}); do evenkeel apply /etc/evenkeel/many$((i % 4)).yaml"
                " --reason many --confirm=now >/dev/null || exit 1; done", timeout=600)

    def least_memory():
        """Of three readings: what a program has free and has not given back comes and goes."""
        readings = []
        for _ in range(3):
            publish(50)
            readings.append({p: lab.resident_kib(p) for p in programs})
        return {p: min(reading[p] for reading in readings) for p in programs}

    first = lab.cli("status")["revision"]
    with lab.background_load("--to", TARGET["4"], "--rate", "100") as outcome:
        publish(50)
        before = least_memory()
        publish(650)
        after = least_memory()
        for program in programs:
            assert after[program] <= before[program] * 1.05, (program, before, after)
    assert outcome["failed"] == 0, outcome["errors"]
    assert lab.cli("status")["revision"] == first + 1000
    lab.apply(original)


def new_flows(lab):
    return {b["name"]: b["new_flows"] for b in lab.cli("backends")["backends"] if b["service"] == "http4"}


def test_counters_survive_a_restart_of_control(lab):
    lab.load("--to", TARGET["4"], "--count", "200")
    before = new_flows(lab)
    assert sum(before.values()) >= 200
    lab.tool("stop", "evenkeeld")
    lab.tool("start", "evenkeeld")
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected again")
    # Until the plane has answered for the first time there are none.
    wait_until(lambda: sum(new_flows(lab).values()), "counters")
    assert new_flows(lab) == before


def test_udp_and_port_ranges_are_balanced(lab):
    for family in "46":
        host = VIP[family] if family == "4" else f"[{VIP[family]}]"
        for port in (8000, 8050, 8099):
            assert lab.run("client", "curl", "-sS", "--max-time", "30", f"http://{host}:{port}/").stdout.startswith("b")
    script = ("import socket\n"
              "for family, vip in ((socket.AF_INET, '203.0.113.10'), (socket.AF_INET6, '2001:db8:113::10')):\n"
              "    s = socket.socket(family, socket.SOCK_DGRAM); s.settimeout(30); s.connect((vip, 53))\n"
              "    s.send(b'x'); name, address, port = s.recv(100).decode().split()\n"
              "    assert (address, int(port)) == s.getsockname()[:2], (address, port)\n")
    lab.run("client", "/usr/bin/python3", "-c", script)


def test_unmatched_port_of_a_vip_is_counted_and_not_forwarded(lab):
    before = lab.cli("drops")["reasons"].get("vip_unmatched", 0)
    lab.run("client", "curl", "-sS", "--max-time", "1", f"http://{VIP['4']}:81/", check=False)
    wait_until(lambda: lab.cli("drops")["reasons"].get("vip_unmatched", 0) > before, "vip_unmatched counted")


def test_refused_configuration_changes_nothing(lab):
    before = lab.cli("status")
    told = lab.apply(set_weights(lab.config(), "web4", {"b1": 0}), status=1)
    assert any(f["rule"] == "F02" for f in told["findings"]), told
    told = lab.apply("schema: evenkeel/v1\npools: [", status=1)
    assert told["findings"][0]["rule"] == "syntax"
    after = lab.cli("status")
    assert (after["revision"], after["generation"]) == (before["revision"], before["generation"])


def test_same_content_again_is_the_same_revision(lab):
    before = lab.apply(lab.config(), path="/etc/evenkeel/lab.yaml")
    again = lab.apply(lab.config(), path="/etc/evenkeel/lab.yaml")
    assert (before["revision"], before["generation"]) == (again["revision"], again["generation"])


def test_digest_is_what_the_fill_defines(lab):
    """The digest of a pool of one backend needs no fill: every slot is that backend's id."""
    original = lab.config()
    text = "\n".join(line for line in original.splitlines()
                     if not (line.strip().startswith(("b2: ", "b3: ", "b4: ")) and "10.0.1." in line)) + "\n"
    lab.apply(text, *BOLD)
    try:
        digest = next(s["digest"] for s in lab.cli("services")["services"] if s["name"] == "http4")
        address = bytes(10) + b"\xff\xff" + bytes([10, 0, 1, 11])
        backend_id = hashlib.sha256(address).digest()[:8]
        assert digest == hashlib.sha256(backend_id * 65536).hexdigest()
    finally:
        lab.apply(original, *BOLD)
