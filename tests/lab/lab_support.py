"""What the lab's tests share: a running lab, the CLI's JSON, load in the background, shares and chi-square."""
import contextlib
import json
import math
import os
import pathlib
import re
import signal
import subprocess
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
LAB = str(ROOT / "tools" / "lab")
HTTP_LOAD = str(ROOT / "tools" / "packet_lab" / "http_load.py")
LABS = "/run/evenkeel-lab"
VIP = {"4": "203.0.113.10", "6": "2001:db8:113::10"}
TARGET = {"4": "203.0.113.10:80", "6": "[2001:db8:113::10]:80"}


class Lab:
    """A lab that is up. Everything goes through tools/lab and the CLI, as an operator's commands would."""

    def __init__(self, name, plane, backends=4, workers=2):
        self.name, self.plane, self.backends, self.workers = name, plane, backends, workers

    def tool(self, *words, check=True, timeout=120, **options):
        return subprocess.run([LAB, words[0], "--name", self.name, *words[1:]], check=check, timeout=timeout,
                              text=True, capture_output=True, **options)

    def up(self, *extra):
        result = self.tool("up", "--plane", self.plane, "--backends", str(self.backends), "--workers",
                           str(self.workers), *extra, check=False, timeout=400)
        assert result.returncode == 0, f"lab up failed:\n{result.stdout}\n{result.stderr}"

    def down(self):
        self.tool("down", check=False)

    def run(self, node, *command, check=True, timeout=120, **options):
        return subprocess.run([LAB, "exec", "--name", self.name, node, "--", *command], check=check,
                              timeout=timeout, text=True, capture_output=True, **options)

    def cli(self, *words, status=0):
        """The JSON object that `evenkeel --json WORDS` prints; its exit status must be `status`."""
        result = self.run("lb", "evenkeel", "--json", *words, check=False)
        assert result.returncode == status, f"evenkeel {' '.join(words)}: {result.returncode}\n{result.stdout}\n{result.stderr}"
        return json.loads(result.stdout)

    def config(self) -> str:
        return self.run("lb", "cat", "/etc/evenkeel/lab.yaml").stdout

    def apply(self, text, *words, status=0, path="/etc/evenkeel/test.yaml"):
        self.run("lb", "sh", "-c", f"cat > {path}", input=text)
        return self.cli("apply", path, "--reason", "test", "--confirm=now", *words, status=status)

    def load(self, *words, check=True, timeout=300):
        result = self.run("client", HTTP_LOAD, *words, check=False, timeout=timeout)
        assert result.stdout, result.stderr
        outcome = json.loads(result.stdout)
        if check:
            assert outcome["failed"] == 0, outcome["errors"]
        return outcome

    @contextlib.contextmanager
    def running(self, node, *command):
        """A command in a node beside the body. Afterwards it is killed, with what it has started."""
        process = subprocess.Popen([LAB, "exec", "--name", self.name, node, "--", *command],
                                   stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
        try:
            yield process
        finally:
            with contextlib.suppress(ProcessLookupError):  # it has ended, and somebody has asked
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    @contextlib.contextmanager
    def background_load(self, *words):
        """Load beside the body: as long as it runs, or for --seconds. Afterwards `outcome` holds its JSON."""
        process = subprocess.Popen([LAB, "exec", "--name", self.name, "client", "--", HTTP_LOAD, *words],
                                   stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        outcome = {}
        try:
            yield outcome
            if "--seconds" not in words:
                process.terminate()
            out, err = process.communicate(timeout=180)
            assert out, err
            outcome.update(json.loads(out))
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()

    def pid(self, program) -> int:
        return int(self.tool("pid", program).stdout)

    def kill9(self, program):
        pid = self.pid(program)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: self.tool("pid", program, check=False).returncode != 0, f"{program} is gone")

    def resident_kib(self, program) -> int:
        with open(f"/proc/{self.pid(program)}/status", encoding="ascii") as status:
            return int(re.search(r"VmRSS:\s+(\d+)", status.read()).group(1))


def remove_leftovers():
    """Takes away the labs of test runs that were killed: their names hold the pid of a process that is no more."""
    for name in os.listdir(LABS) if os.path.isdir(LABS) else []:
        match = re.fullmatch(r"[a-z]+(\d{3,})[a-z]*", name)
        if match and not os.path.exists(f"/proc/{match[1]}"):
            subprocess.run([LAB, "down", "--name", name], check=False, timeout=120)


def is_gone(pid) -> bool:
    """No such process, or only its zombie, as of a child that nobody has asked for yet."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] in "ZX"
    except (FileNotFoundError, ProcessLookupError):
        return True


def wait_until(condition, what, seconds=60.0, pause=0.05):
    """`seconds` is when to give up, not what is promised: a busy machine takes its time."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s: {what}"
        time.sleep(pause)


def set_weights(config: str, pool: str, weights: dict) -> str:
    """The configuration with the weights of a pool's backends replaced (flow or block style of one backend a line)."""
    lines, inside, indent = [], False, 0
    for line in config.splitlines():
        stripped = line.strip()
        if re.match(rf"{pool}:\s*", stripped):
            inside, indent = True, len(line) - len(line.lstrip())
        elif inside and stripped and len(line) - len(line.lstrip()) <= indent:
            inside = False
        if inside:
            for name, weight in weights.items():
                line = re.sub(rf"(\b{name}: .*weight: )\d+", rf"\g<1>{weight}", line)
        lines.append(line)
    return "\n".join(lines) + "\n"


def chi_square_p(observed: dict, expected: dict) -> float:
    """p-value of observed counts against expected shares (Wilson-Hilferty's normal approximation)."""
    total = sum(observed.values())
    statistic = sum((observed.get(k, 0) - total * s) ** 2 / (total * s) for k, s in expected.items() if s > 0)
    degrees = sum(1 for s in expected.values() if s > 0) - 1
    z = ((statistic / degrees) ** (1 / 3) - (1 - 2 / (9 * degrees))) / math.sqrt(2 / (9 * degrees))
    return 0.5 * math.erfc(z / math.sqrt(2))
