"""Sampled headers over the whole way: what a shadow predicts comes true, and an elephant is told as one. Needs root (network
namespaces).
"""
import contextlib
import time

from lab_support import TARGET, set_weights, wait_until
from test_watch import raised, steady_load

# Chance alone passes it less than once in ten million runs, for all backends of both services together.
SIGMAS = 6


def new_flows(lab):
    """By service and backend, since the plane's start."""
    return {(b["service"], f'{b["pool"]}/{b["name"]}'): b["new_flows"] for b in lab.cli("backends")["backends"]}


def test_what_a_shadow_predicts_comes_true(lab):
    changed = set_weights(lab.config(), "web4", {"b1": 300, "b2": 50})
    lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/shadow.yaml", input=changed)
    before = lab.cli("status")
    with steady_load(lab, rate=300):
        time.sleep(1)
        told = lab.cli("apply", "/etc/evenkeel/shadow.yaml", "--reason", "test", "--shadow", "--confirm-within", "8s")
        shadow = told["shadow"]
        after = lab.cli("status")
        assert after["generation"] == before["generation"] and after["revision"] == before["revision"]
        assert told["revision"] == before["revision"] and told["state"] == "confirmed" and after["shadow"] is None
        assert not shadow["running"] and shadow["ended_early"] is None
        assert {s["service"] for s in shadow["services"]} >= {"http4", "http6"}, shadow
        lab.apply(changed)
        time.sleep(1)
        counted = new_flows(lab)
        time.sleep(8)
        counted = {key: count - counted[key] for key, count in new_flows(lab).items()}
    for service in shadow["services"]:
        rows = [b for b in service["backends"] if service["service"] in ("http4", "http6")]
        total = sum(counted[service["service"], b["name"]] for b in rows)
        for b in rows:
            real = counted[service["service"], b["name"]] / total
            # The shadow's own error and that of the count are independent; SYNs sent again come in twos.
            error = (2 * real * (1 - real) * (1 / service["new_flows"] + 1 / total)) ** 0.5
            print(f'{lab.plane}: {service["service"]} {b["name"]}: foretold {b["new_flows_shadow"]:.3f} of {service["new_flows"]}, '
                  f'came {real:.3f} of {total}')
            assert abs(b["new_flows_shadow"] - real) < SIGMAS * error, (b, real, total)
    moved = {s["service"]: s["flows_moved"] / s["flows"] for s in shadow["services"]}
    assert moved["http4"] > 0.2 and moved["http6"] == 0, moved


def elephants(lab):
    return [note for note in lab.cli("status")["notes"] if note["rule"] == "F38"]


@contextlib.contextmanager
def elephant(lab):
    """One connection with most of the bytes of http4 while the body runs."""
    with lab.running(
            "client", "sh", "-c",
            "head -c 240000000 /dev/zero | curl -sS --limit-rate 4M --max-time 90 -o /dev/null --data-binary @- "
            f"http://{TARGET['4']}/"):
        yield


def test_an_elephant_is_a_note_and_no_alarm(lab):
    before = raised(lab)
    with steady_load(lab, rate=100):
        time.sleep(2)
        seen = []
        with elephant(lab):
            wait_until(lambda: seen.extend(elephants(lab)) or seen, "the note", 60)
        note = seen[0]
        print(f"{lab.plane}: {note['message']}")
        assert note["service"] == "http4" and note["backend"].startswith("web4/"), note
        assert "198.51.100." in note["message"] and "% of the bytes" in note["message"], note
        assert raised(lab) == before
        wait_until(lambda: not elephants(lab), "the note is over", 120)
