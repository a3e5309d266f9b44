"""tools/lab itself: what it makes, and that it leaves nothing. Needs root: makes network namespaces."""
import hashlib
import os
import pathlib
import signal
import socket
import subprocess
import time

import pytest

import lab_fakes
from lab_support import LAB, Lab, wait_until
from lab import programs  # tools/packet_lab; the path is set by lab_fakes

NAME = f"lc{os.getpid()}"


@pytest.fixture(name="standing", scope="module")
def standing_lab(tmp_path_factory):
    lab = Lab(NAME, "dpdk", backends=3)
    lab.build = str(lab_fakes.make_build(tmp_path_factory.mktemp("fake") / "build"))
    try:
        lab.up("--build", lab.build)
        yield lab
    finally:
        lab.down()


def traces(name):
    """Everything on this machine that belongs to a lab of the name."""
    namespaces = [entry for entry in os.listdir("/run/netns") if entry.startswith(f"{name}-")]
    mounts = [line for line in pathlib.Path("/proc/mounts").read_text().splitlines() if f"/{name}" in line]
    directory = pathlib.Path("/run/evenkeel-lab") / name
    return namespaces + mounts + ([str(directory)] if directory.exists() else [])


def test_exec_passes_standard_streams_and_exit_status(standing):
    result = standing.run("client", "sh", "-c", "cat; echo error >&2; exit 7", check=False, input="input\n")
    assert (result.stdout, result.stderr, result.returncode) == ("input\n", "error\n", 7)


def test_exec_of_an_unknown_command_is_127_as_in_a_shell(standing):
    assert standing.run("b1", "no-such-command", check=False).returncode == 127


def test_exec_keeps_the_working_directory_in_lb(standing, tmp_path):
    assert standing.run("lb", "pwd", cwd=tmp_path).stdout.strip() == str(tmp_path)


@pytest.mark.parametrize("node", ["client", "router", "lb", "b3"])
def test_each_node_sees_its_own_network_in_sys(standing, node):
    interfaces = standing.run(node, "ls", "/sys/class/net").stdout.split()
    expected = {"br0", "client", "lb", "lo", "b1", "b2", "b3"} if node == "router" else {"eth0", "lo"}
    assert set(interfaces) == expected


def test_lb_has_file_systems_of_its_own(standing):
    mounts = standing.run("lb", "cat", "/proc/mounts").stdout
    for path, kind in {"/run/evenkeel": "tmpfs", "/var/lib/evenkeel": "tmpfs", "/etc/evenkeel": "tmpfs",
                       "/sys/fs/bpf": "bpf"}.items():
        assert f" {path} {kind} " in mounts
    standing.run("lb", "touch", "/etc/evenkeel/only-here")
    assert not os.path.exists("/etc/evenkeel/only-here")
    assert standing.run("lb", "sh", "-c", "command -v evenkeel").stdout.strip() == f"{standing.build}/bin/evenkeel"


@pytest.mark.parametrize("source, target", [
    ("198.51.100.2", "10.0.1.12:80"), ("198.51.100.200", "10.0.1.12:8099"),
    ("2001:db8:100::2", "[fd00::1:2]:80"), ("2001:db8:100::abcd", "[fd00::1:2]:8000")])
def test_a_backend_says_who_it_is_and_whom_it_sees(standing, source, target):
    for path, expected in {"/any/path?x": f"b2 {source} 10777\n", "/healthz": "ok\n"}.items():
        result = standing.run("client", "curl", "-sS", "--max-time", "10", "--interface", source, "--local-port",
                              "10777-10790", f"http://{target}{path}")
        assert result.stdout.split()[:2] == expected.split()[:2] and result.stdout.endswith("\n")


@pytest.mark.parametrize("size", [0, 1, 1000, 65537, 20_000_000])
def test_bytes_sends_exactly_that_many(standing, size):
    fetched = subprocess.run([LAB, "exec", "--name", NAME, "client", "--", "curl", "-sSf", "--max-time", "60",
                              f"http://10.0.1.11/bytes/{size}"], check=True, capture_output=True).stdout
    assert len(fetched) == size
    assert all(int(fetched[at:at + 15]) == at for at in range(0, size - 15, 16 * 1021))


def test_an_upload_is_read_to_its_end_and_answered_with_the_line(standing, tmp_path):
    body = os.urandom(20_000_000)
    (tmp_path / "body").write_bytes(body)
    answer = standing.run("client", "curl", "-sS", "--max-time", "60", "-D", "-", "--interface", "198.51.100.9",
                          "--data-binary", f"@{tmp_path}/body", "http://10.0.1.13/upload").stdout
    assert answer.splitlines()[-1].startswith("b3 198.51.100.9 ")
    assert f"X-Body-SHA256: {hashlib.sha256(body).hexdigest()}" in answer
    assert f"X-Body-Bytes: {len(body)}" in answer


@pytest.mark.parametrize("family, source, target", [
    (socket.AF_INET, "198.51.100.33", "10.0.1.11"), (socket.AF_INET6, "2001:db8:100::33", "fd00::1:1")])
def test_udp_port_53_answers_with_the_line(standing, family, source, target):
    script = (f"import socket; s = socket.socket({int(family)}, socket.SOCK_DGRAM); s.settimeout(10); "
              f"s.bind(('{source}', 4053)); s.connect(('{target}', 53)); s.send(b'?'); print(s.recv(99).decode())")
    assert standing.run("client", "/usr/bin/python3", "-c", script).stdout.strip() == f"b1 {source} 4053"


def test_a_program_is_stopped_and_started_with_the_same_flags(standing):
    first = standing.pid("evenkeeld")
    standing.tool("stop", "evenkeeld")
    assert standing.tool("pid", "evenkeeld", check=False).returncode == 1
    standing.tool("start", "evenkeeld")
    assert standing.pid("evenkeeld") != first
    starts = [line for line in standing.tool("log", "evenkeeld").stdout.splitlines() if "started" in line]
    assert len(starts) == 2 and starts[0] == starts[1] and "--plane=dpdk" in starts[0]


def test_start_of_a_running_program_is_refused(standing):
    before = standing.pid("evenkeel-dataplane")
    result = standing.tool("start", "evenkeel-dataplane", check=False)
    assert result.returncode == 1 and f"pid {before}" in result.stderr
    assert standing.pid("evenkeel-dataplane") == before


def test_a_killed_program_is_noticed(standing):
    standing.kill9("evenkeel-dataplane")
    standing.tool("start", "evenkeel-dataplane")


def test_a_killed_program_counts_until_its_last_thread_has_ended():
    script = ("import threading, time\n"
              "def work():\n    while True: sum(range(100000))\n"
              "for _ in range(8): threading.Thread(target=work, daemon=True).start()\n"
              "print('up', flush=True); time.sleep(600)")
    process = subprocess.Popen(["/usr/bin/python3", "-c", script], stdout=subprocess.PIPE)
    try:
        assert process.stdout.readline() and programs.start_time(process.pid) is not None
    finally:
        process.kill()
    # Nobody waits for it here: its first thread stays a zombie.
    wait_until(lambda: programs.start_time(process.pid) is None, "it is gone", pause=0)
    assert len(os.listdir(f"/proc/{process.pid}/task")) <= 1
    process.wait()


def test_two_labs_stand_side_by_side(standing):
    other = Lab(NAME + "-two", "dpdk", backends=1)
    try:
        other.up("--build", standing.build)
        other.run("lb", "touch", "/run/evenkeel/other")
        assert "other" not in standing.run("lb", "ls", "/run/evenkeel").stdout
    finally:
        other.down()
    assert traces(other.name) == []
    # The first one's own directories have survived the other's end.
    assert "lab.yaml" in standing.run("lb", "ls", "/etc/evenkeel").stdout
    assert standing.run("client", "curl", "-sS", "http://10.0.1.11/healthz").stdout == "ok\n"


def test_up_of_a_standing_lab_makes_it_anew_and_down_leaves_nothing(tmp_path):
    lab = Lab(NAME + "x", "dpdk", backends=1)
    build = str(lab_fakes.make_build(tmp_path / "build"))
    try:
        lab.up("--build", build)
        first = lab.pid("evenkeeld")
        lab.up("--build", build)
        assert lab.pid("evenkeeld") != first
    finally:
        lab.down()
    assert traces(lab.name) == []
    assert lab.tool("down", check=False).returncode == 0


@pytest.mark.parametrize("misbehave, said", [
    ("print('the cause'); sys.exit(3)", "evenkeeld ended with status 3"),
    ("os.kill(os.getpid(), 9)", "evenkeeld ended by signal 9")])
def test_a_failed_up_names_the_step_shows_the_log_and_leaves_nothing(tmp_path, misbehave, said):
    lab = Lab(NAME + "f", "dpdk", backends=1)
    build = str(lab_fakes.make_build(tmp_path / "build", control_misbehaves=misbehave))
    result = lab.tool("up", "--backends", "1", "--build", build, check=False)
    assert result.returncode == 1
    assert "could not start evenkeeld" in result.stderr and said in result.stderr
    assert "exit(3)" not in misbehave or "the cause" in result.stderr
    assert traces(lab.name) == []


def test_up_without_the_programs_says_which_are_missing(tmp_path):
    result = Lab(NAME + "m", "dpdk").tool("up", "--build", str(tmp_path), check=False)
    assert result.returncode == 1
    assert "bin/evenkeeld" in result.stderr and "tools/build" in result.stderr
    assert traces(NAME + "m") == []


def test_an_up_that_was_killed_midway_is_cleaned_by_the_next_down(tmp_path):
    name = NAME + "k"
    build = str(lab_fakes.make_build(tmp_path / "build", control_misbehaves="signal.pause()"))
    up = subprocess.Popen([LAB, "up", "--name", name, "--backends", "2", "--build", build],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started = pathlib.Path(f"/run/evenkeel-lab/{name}/programs/evenkeeld.json")
    wait_until(started.exists, "evenkeeld was started", seconds=90)
    up.kill()
    up.wait()
    assert traces(name) != []
    assert Lab(name, "dpdk").tool("down", check=False).returncode == 0
    assert traces(name) == []


def test_an_up_that_is_told_to_end_cleans_up_itself(tmp_path):
    name = NAME + "t"
    build = str(lab_fakes.make_build(tmp_path / "build", control_misbehaves="signal.pause()"))
    up = subprocess.Popen([LAB, "up", "--name", name, "--backends", "1", "--build", build],
                          stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    wait_until(pathlib.Path(f"/run/evenkeel-lab/{name}/programs/evenkeeld.json").exists, "it got that far", 90)
    up.send_signal(signal.SIGTERM)
    assert up.wait(60) == 1
    assert traces(name) == []


def test_stop_kills_after_ten_seconds_and_says_so(tmp_path):
    lab = Lab(NAME + "s", "dpdk", backends=1)
    build = str(lab_fakes.make_build(tmp_path / "build", control_end=lab_fakes.NEVER_ENDS))
    try:
        lab.up("--build", build)
        began = time.monotonic()
        result = lab.tool("stop", "evenkeeld")
        assert "killed" in result.stderr and time.monotonic() - began >= 10
        assert lab.tool("pid", "evenkeeld", check=False).returncode == 1
    finally:
        lab.down()


@pytest.mark.parametrize("words", [
    ["up", "--backends", "0"], ["up", "--backends", "201"], ["up", "--plane", "vpp"], ["up", "--name", "No_Name"],
    ["up", "--config", "/no/such/file"], ["exec", "client"], ["pid", "nginx"], ["fly"], []])
def test_a_wrong_call_is_status_2(words):
    result = subprocess.run([LAB, *words], capture_output=True, text=True, timeout=60)
    assert result.returncode == 2 and result.stderr
