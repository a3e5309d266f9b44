"""A trial that nobody confirms is back at its deadline, whatever becomes of evenkeeld. Needs root: makes network namespaces.

A trial takes 30 s at least, so the stories run in two labs of each plane, all four at once, one after the other in
each; a test waits for its own. While each runs, one client makes short connections and others keep long ones, begun
before the trial and during it: none may fail, neither when the slots move nor when they come back.
"""
import concurrent.futures
import json
import os
import signal
import subprocess
import time

import pytest

from change_support import end_trial, on_database, probe, running, waiting_apply
from conftest import PLANES
from lab_support import LAB, ROOT, VIP, Lab, wait_until
from long_connections import LONG_PORT, long_connections, start_long_server

TRIAL_S = 30
TOLERANCE_S = 1.0  # of the deadline
CONNECTIONS = 24


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
    lab.run("lb", "sh", "-c", "cd /var/lib/evenkeel; size=$(df --output=used -k . | tail -1)\n"
            "mount -o remount,size=$((size + 512))k .; dd if=/dev/zero of=fill bs=4k 2> /dev/null", check=False)
    assert_nothing_can_be_written(lab)


def free_state_directory(lab):
    lab.run("lb", "sh", "-ec", "rm /var/lib/evenkeel/fill; mount -o remount,size=64m /var/lib/evenkeel")


def assert_nothing_can_be_written(lab):
    script = "head -c 8192 /dev/zero > /var/lib/evenkeel/x; status=$?; rm -f /var/lib/evenkeel/x; exit $status"
    assert lab.run("lb", "sh", "-c", script, check=False).returncode != 0


# A disk of its own, that the kernel makes read-only at the first error, as it does with one that fails.
OWN_DISK = """
cd /var/lib/evenkeel
truncate -s 32M /run/evenkeel/disk
mkfs.ext4 -q /run/evenkeel/disk
mkdir -p /run/evenkeel/new
mount -o loop,errors=remount-ro /run/evenkeel/disk /run/evenkeel/new
cp -a . /run/evenkeel/new
sync -f /run/evenkeel/new
mount --move /run/evenkeel/new /var/lib/evenkeel
"""
FAIL = 'echo 1 > /sys/fs/ext4/$(basename "$(findmnt -no SOURCE -M /var/lib/evenkeel | tail -1)")/trigger_fs_error'


def put_state_directory_on_a_disk(lab):
    lab.tool("stop", "evenkeeld")
    lab.run("lb", "sh", "-ec", OWN_DISK)
    lab.tool("start", "evenkeeld")
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "the plane is connected")


def let_the_disk_fail(lab):
    lab.run("lb", "sh", "-c", FAIL)
    assert_nothing_can_be_written(lab)


def repair_the_disk(lab):
    lab.tool("stop", "evenkeeld")
    lab.run("lb", "sh", "-ec", "umount /var/lib/evenkeel; fsck.ext4 -p /run/evenkeel/disk || [ $? -le 1 ]\n"
            "mount -o loop /run/evenkeel/disk /var/lib/evenkeel")
    lab.tool("start", "evenkeeld")


def take_the_disk_away(lab):
    lab.tool("stop", "evenkeeld")
    lab.run("lb", "sh", "-ec", "cp -a /var/lib/evenkeel /run/evenkeel/kept; umount /var/lib/evenkeel\n"
            "cp -a /run/evenkeel/kept/. /var/lib/evenkeel; rm -r /run/evenkeel/kept /run/evenkeel/disk")
    lab.tool("start", "evenkeeld")


# NAME: (before it, what is done during the trial, what mends it after its deadline, after it)
STORIES = {
    "nobody_looks": (nothing, nothing, nothing, nothing),
    "control_killed": (nothing, kill_control, start_control, nothing),
    "control_stopped": (nothing, stop_control, continue_control, nothing),
    "disk_full": (nothing, fill_state_directory, free_state_directory, nothing),
    "disk_read_only": (put_state_directory_on_a_disk, let_the_disk_fail, repair_the_disk, take_the_disk_away),
}
IN_ONE_LAB = [["control_killed", "disk_full"], ["control_stopped", "disk_read_only", "nobody_looks"]]


def without_b4(text: str) -> str:
    """A change that the probe sees at once: b4 serves a quarter of web4, then nothing."""
    lines = [line for line in text.splitlines() if not (line.strip().startswith("b4: ") and "10.0.1.14" in line)]
    assert len(lines) == len(text.splitlines()) - 1, text
    return "\n".join(lines) + "\n"


def tell(lab, name):
    before, harm, mend, after = STORIES[name]
    before(lab)
    try:
        trial_that_nobody_confirms(lab, name, harm, mend)
        after(lab)
    finally:
        end_trial(lab)


def trial_that_nobody_confirms(lab, name, harm, mend):
    """Applies, does `harm` while the trial runs and `mend` after its deadline; asserts what everybody sees of it."""
    # The story before this one may have ended with a start of evenkeeld.
    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "the plane is connected")
    before = lab.cli("status")
    with probe(lab) as seen, long_connections(lab, CONNECTIONS) as old:
        waiting = waiting_apply(lab, without_b4(running(lab)), f"{TRIAL_S}s")
        wait_until(lambda: lab.cli("status")["state"] == "trial", "on trial")
        asked = time.clock_gettime(time.CLOCK_BOOTTIME)
        trial = lab.cli("status")["trial"]
        begun = time.clock_gettime(time.CLOCK_BOOTTIME)
        [[deadline]] = on_database(lab, f"SELECT deadline_ns / 1e9 FROM revisions WHERE revision = {trial['revision']}")
        assert trial["base_revision"] == before["revision"]
        assert deadline - begun - 2 < trial["seconds_left"] < deadline - asked + 2
        with long_connections(lab, CONNECTIONS) as young:
            harm(lab)
            time.sleep(max(0, deadline + 2 - time.clock_gettime(time.CLOCK_BOOTTIME)))
            mend(lab)
            out, err = waiting.communicate(timeout=120)
    assert waiting.returncode == 4, (out, err)
    told = json.loads(out)
    assert (told["revision"], told["state"]) == (trial["revision"], "rolled_back"), told

    during = [c for c in seen if begun < c.at < deadline - TOLERANCE_S]
    assert len(during) > 100 and not any(c.backend == "b4" for c in during)
    back = min(c.at for c in seen if c.at > begun and c.backend == "b4")
    failed = [c for c in seen if c.backend.startswith("!")]
    print(f"{lab.plane}, {name}: back {back - deadline:+.3f} s after the deadline; {len(seen)} short connections, "
          f"{len(failed)} failed; long ones {old}, {young}")
    assert abs(back - deadline) <= TOLERANCE_S
    assert not failed
    assert old["broken"] == young["broken"] == {}, (old, young)
    assert "b4" in old["backends"] and "b4" not in young["backends"], "else nothing was moved"

    wait_until(lambda: lab.cli("status")["planes"][0]["connected"], "plane connected")
    wait_until(lambda: lab.cli("status")["state"] == "confirmed", "no trial")
    after = lab.cli("status")
    assert after["revision"] == before["revision"]
    assert after["planes"][0]["digest"] == before["planes"][0]["digest"]
    newest = lab.cli("history")["revisions"][0]
    assert (newest["revision"], newest["state"]) == (trial["revision"], "rolled_back")


def with_long_service(text: str) -> str:
    service = f"  long4: {{vip: {VIP['4']}, ports: [{LONG_PORT}], protocol: tcp, pool: web4}}\n"
    assert "\nservices:\n" in text, text
    return text.replace("\nservices:\n", "\nservices:\n" + service, 1)


def tell_in_one_lab(plane, number, promises):
    names = IN_ONE_LAB[number]
    lab = Lab(f"r{os.getpid()}{plane[0]}{'ab'[number]}", plane, workers=1)
    servers = []
    try:
        lab.up()
        servers += [start_long_server(lab, f"b{number}") for number in range(1, lab.backends + 1)]
        lab.apply(with_long_service(lab.config()))
        for name in names:
            promise = promises[plane, name]
            try:
                promise.set_result(tell(lab, name))
            except BaseException as error:  # whoever waits for it raises it
                promise.set_exception(error)
    except BaseException as error:
        for name in names:
            if not promises[plane, name].done():
                promises[plane, name].set_exception(error)
    finally:
        for server in servers:
            server.terminate()
            server.wait()
        lab.down()


@pytest.fixture(scope="module")
def told():
    assert (ROOT / "build" / "bin" / "evenkeel").exists(), "build/bin/evenkeel is missing: run tools/build"
    promises = {(plane, name): concurrent.futures.Future() for plane in PLANES for name in STORIES}
    with concurrent.futures.ThreadPoolExecutor() as pool:
        for plane in PLANES:
            for number in range(len(IN_ONE_LAB)):
                pool.submit(tell_in_one_lab, plane, number, promises)
        yield promises


@pytest.mark.parametrize("name", STORIES)
@pytest.mark.parametrize("plane", PLANES)
def test_trial_is_back_at_its_deadline(told, plane, name):
    told[plane, name].result(timeout=900)
