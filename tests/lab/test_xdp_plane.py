"""What only the XDP plane has: pins, taking over, detaching, and what stands in the way of attaching.

Needs root (network namespaces, BPF) and a build in build/."""
import json
import os
import subprocess
import time

import pytest

from lab_support import LAB, ROOT, Lab, set_weights, wait_until
from test_change import TURN_SLOTS

PINS = "/sys/fs/bpf/evenkeel"


@pytest.fixture(scope="module")
def xdp():
    lab = Lab(f"x{os.getpid()}", "xdp")
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


def attached(lab, interface="eth0"):
    return "xdp" in lab.run("lb", "ip", "link", "show", "dev", interface).stdout


def pins(lab):
    return lab.run("lb", "find", PINS, "-type", "f", check=False).stdout.split()


def test_status_says_which_mode_runs(xdp):
    plane = xdp.cli("status")["planes"][0]
    assert (plane["kind"], plane["mode"], plane["connected"]) == ("xdp", "native", True)
    assert attached(xdp) and f"{PINS}/eth0/link" in pins(xdp)


def test_killed_control_leaves_everything_forwarding_and_a_new_one_takes_over(xdp):
    before = xdp.cli("status")
    with xdp.background_load("--to", "203.0.113.10:80", "--rate", "300") as outcome:
        time.sleep(2)
        xdp.kill9("evenkeeld")
        time.sleep(2)
        xdp.tool("start", "evenkeeld")
        wait_until(lambda: xdp.cli("status")["planes"][0]["connected"], "taken over")
    assert outcome["failed"] == 0 and outcome["requests"] > 100, outcome
    after = xdp.cli("status")
    assert after["generation"] == before["generation"]
    assert after["planes"][0]["digest"] == before["planes"][0]["digest"]


def test_a_control_that_starts_over_a_table_changed_by_hand_says_so_and_puts_it_right(xdp):
    digest = xdp.cli("status")["planes"][0]["digest"]
    with xdp.background_load("--to", "203.0.113.10:80", "--rate", "100") as outcome:
        xdp.kill9("evenkeeld")
        xdp.run("lb", "/usr/bin/python3", "-c", TURN_SLOTS)
        xdp.tool("start", "evenkeeld")
        wait_until(lambda: xdp.cli("status")["planes"][0]["connected"], "taken over")
        wait_until(lambda: xdp.run("lb", "evenkeel", "audit", check=False).returncode == 0, "put right")
    assert outcome["failed"] == 0, outcome
    assert xdp.cli("status")["planes"][0]["digest"] == digest
    assert "its slots are not those that were published" in xdp.tool("log", "evenkeeld").stdout


def test_a_hundred_generations_a_second_of_another_pool_disturb_nobody(xdp):
    configs = [set_weights(xdp.config(), "web6", {"b1": weight}) for weight in (100, 130)]
    with xdp.background_load("--to", "203.0.113.10:80", "--rate", "300", "--seconds", "10") as outcome:
        begin, count = time.monotonic(), 0
        while time.monotonic() < begin + 8:
            xdp.apply(configs[count % 2])
            count += 1
    assert outcome["failed"] == 0, outcome
    assert xdp.cli("status")["planes"][0]["connected"]


def daemon(lab, *flags, before=(), runs=None):
    """A second evenkeeld in lb, which ends by itself, or is stopped once it has said what it says when it `runs`: its
    status and what it said."""
    command = [*before, "evenkeeld", "--plane=xdp", "--socket=/run/evenkeel/2.sock", "--state-dir=/var/lib/evenkeel/2",
               "--http=", *flags]
    process = subprocess.Popen([LAB, "exec", "--name", lab.name, "lb", "--", "timeout", "60", *command],
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = ""
    for line in process.stderr:
        said += line
        if runs is not None and runs in line:
            process.terminate()  # `timeout` passes it on
    return process.wait(), said


@pytest.fixture
def spare(xdp):
    """A veth pair in lb."""
    xdp.run("lb", "ip", "link", "add", "spare", "type", "veth", "peer", "name", "spare-peer")
    yield "spare"
    xdp.run("lb", "ip", "link", "del", "spare", check=False)


def left_behind(lab, interface):
    return [pin for pin in pins(lab) if pin.startswith(f"{PINS}/{interface}/")]


@pytest.mark.parametrize("flags,status,said", [
    (["--interface=nowhere"], 1, "no network interface 'nowhere'"),
    (["--interface=eth0"], 1, "another evenkeeld"),
    (["--interface=lo"], 1, "--xdp-mode=generic"),
    ([], 2, "--interface"),
    (["--interface=lo", "--xdp-mode=fast"], 2, "native and generic"),
])
def test_what_stands_in_the_way_is_one_clear_line(xdp, flags, status, said):
    code, text = daemon(xdp, *flags)
    assert code == status and said in text, text
    assert not left_behind(xdp, "lo") and not attached(xdp, "lo")


def test_another_program_on_the_interface_is_named_and_left_alone(xdp, spare):
    xdp.run("lb", "ip", "link", "set", "dev", spare, "xdpdrv", "object", str(ROOT / "build/bpf/pass.bpf.o"),
            "section", "xdp")
    code, text = daemon(xdp, f"--interface={spare}")
    assert code == 1 and "already runs another XDP program" in text, text
    assert attached(xdp, spare) and not left_behind(xdp, spare)


def test_without_a_bpf_file_system_it_says_how_to_mount_one(xdp, spare):
    code, text = daemon(xdp, f"--interface={spare}", before=["unshare", "--mount", "sh", "-c",
                                                             'umount /sys/fs/bpf; exec "$@"', "sh"])
    assert code == 1 and "mount -t bpf" in text, text
    assert not attached(xdp, spare)


def test_without_permission_it_says_which(xdp, spare):
    xdp.run("lb", "sh", "-c", "mkdir -p /var/lib/evenkeel/n && chown 65534 /var/lib/evenkeel/n")
    code, text = daemon(xdp, f"--interface={spare}", "--state-dir=/var/lib/evenkeel/n",
                        "--socket=/var/lib/evenkeel/n/s", before=["setpriv", "--reuid=65534", "--clear-groups"])
    assert code == 1 and "CAP_BPF" in text, text
    assert not attached(xdp, spare)


def test_it_needs_no_btf_of_the_kernel(xdp, spare):
    code, text = daemon(xdp, f"--interface={spare}", runs="attached the XDP program",
                        before=["unshare", "--mount", "sh", "-c", 'mount -t tmpfs none /sys/kernel/btf; exec "$@"', "sh"])
    assert code == 0 and "attached the XDP program" in text, text


def test_a_daemon_that_never_published_takes_its_program_with_it(xdp, spare):
    code, text = daemon(xdp, f"--interface={spare}", runs="native mode")
    assert code == 0 and "native mode" in text, text
    assert not attached(xdp, spare) and not left_behind(xdp, spare)


def test_generic_mode_runs_only_where_it_is_asked_for(xdp, spare):
    _, text = daemon(xdp, f"--interface={spare}", "--xdp-mode=generic", runs="generic mode")
    assert "generic mode" in text, text


def test_detach_removes_everything_and_evenkeeld_says_so(xdp):
    removed = xdp.cli("detach")["removed"]
    assert f"{PINS}/eth0/link" in removed
    assert not attached(xdp) and pins(xdp) == []
    wait_until(lambda: not xdp.cli("status")["planes"][0]["connected"], "evenkeeld has seen it")
    xdp.tool("stop", "evenkeeld")
    xdp.tool("start", "evenkeeld")
    wait_until(lambda: xdp.cli("status")["planes"][0]["generation"] > 0, "published again")
    assert attached(xdp)
    outcome = xdp.load("--to", "203.0.113.10:80", "--count", "100")
    assert outcome["requests"] == 100


def test_detach_works_without_a_daemon(xdp):
    xdp.tool("stop", "evenkeeld")
    assert attached(xdp)
    assert xdp.cli("detach")["removed"]
    assert not attached(xdp) and pins(xdp) == []
    assert xdp.cli("detach") == {"removed": []}
