"""What the benchmarks share: children that the scheduler prefers, hugepages for a while, the interval of a median."""
import contextlib
import ctypes
import json
import os
import pathlib
import signal
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
HUGEPAGES = pathlib.Path("/proc/sys/vm/nr_hugepages")
HUGEPAGES_WANTED = 2048


class BenchError(Exception):
    """Said to the operator in one line."""


def built(build, program):
    """The path of a program in the build folder, which must be there."""
    path = ROOT / build / program
    if not path.exists():
        raise BenchError(f"{path} is missing: run ./tools/build first")
    return path


PR_SET_PDEATHSIG = 1  # <linux/prctl.h>
LIBC = ctypes.CDLL(None)


def die_with_parent():
    """Of a child, before it runs: what polls must not outlive a bench that was killed."""
    LIBC.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)


def prefer():
    """Of a child, before it runs: with automatic grouping nice(1) does nothing against another session, so the
    session itself is raised."""
    os.setsid()
    die_with_parent()
    with contextlib.suppress(OSError):
        pathlib.Path("/proc/self/autogroup").write_text("-20")


def write_json(options, rows):
    if options.json:
        pathlib.Path(options.json).write_text(json.dumps(rows, indent=1) + "\n")


@contextlib.contextmanager
def hugepages(folder):
    """HUGEPAGES_WANTED pages, mounted at folder/huge while it lasts; what was before comes back."""
    before = HUGEPAGES.read_text().strip()
    mount = folder / "huge"
    mount.mkdir()
    try:
        if int(before) < HUGEPAGES_WANTED:
            HUGEPAGES.write_text(str(HUGEPAGES_WANTED))
        if int(HUGEPAGES.read_text()) < HUGEPAGES_WANTED:
            raise BenchError(f"only {HUGEPAGES.read_text().strip()} of {HUGEPAGES_WANTED} hugepages to be had")
        subprocess.run(["mount", "-t", "hugetlbfs", "-o", "pagesize=2M", "evkbench", str(mount)], check=True)
        try:
            yield
        finally:
            subprocess.run(["umount", str(mount)], check=True)
    finally:
        HUGEPAGES.write_text(before)


class Program:
    """A child with line-wise standard input and output, in a session of its own that the scheduler prefers."""

    def __init__(self, name, command, log_folder):
        self.name = name
        self.log = log_folder / f"{name}.log"
        self.child = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.log.open("w"), text=True,
            bufsize=1, preexec_fn=prefer)

    def say(self, line):
        try:
            self.child.stdin.write(line + "\n")
            self.child.stdin.flush()
        except BrokenPipeError:
            raise self._ended() from None

    def hear(self):
        line = self.child.stdout.readline()
        if not line:
            raise self._ended()
        return line

    def hear_until(self, marker):
        lines = []
        while not lines or marker not in lines[-1]:
            lines.append(self.hear())
        return "".join(lines)

    def hear_json(self):
        while True:
            line = self.hear()
            if line.startswith("{"):
                return json.loads(line)

    def pause(self):
        self.child.send_signal(signal.SIGSTOP)

    def go_on(self):
        self.child.send_signal(signal.SIGCONT)

    def end(self):
        if self.child.poll() is None:
            self.child.send_signal(signal.SIGCONT)
            self.child.terminate()
        try:
            self.child.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.child.kill()
            self.child.wait()

    def _ended(self):
        tail = self.log.read_text().strip().splitlines()[-3:]
        return BenchError(f"{self.name} ended (status {self.child.wait()}): {' / '.join(tail)}")


def median_interval(values):
    """95 % interval of the median, by order statistics."""
    ordered = sorted(values)
    n = len(ordered)
    low = max(0, int((n - 1.96 * n ** 0.5) / 2))
    return ordered[low], ordered[n - 1 - low]
