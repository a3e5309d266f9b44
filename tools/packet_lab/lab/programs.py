"""evenkeeld and evenkeel-dataplane in lb: started, asked, stopped. Nothing restarts by itself."""

import os
import select
import shutil
import signal
import subprocess
import time

from . import namespaces, topology
from .errors import LabError

CONTROL, DATAPLANE = "evenkeeld", "evenkeel-dataplane"
NAMES = [CONTROL, DATAPLANE]

_CONTROL_SOCKET = "/run/evenkeel/control.sock"
_DATAPLANE_SOCKET = "/run/evenkeel/dataplane.sock"
_NO_TRACKING = "--flow-tracking=false"
_START_SECONDS = 60
_STOP_SECONDS = 10
_LOG_LINES_SHOWN = 20
_MEMORY_MIB = 512
# Frames that a packet socket holds for a worker which does not run just now. 2 KiB each.
_RING_FRAMES = 4096


def control_command(plane, tracking=True):
    command = [CONTROL, f"--socket={_CONTROL_SOCKET}", "--state-dir=/var/lib/evenkeel"]
    command += ["--http=127.0.0.1:9470", f"--plane={plane}"]
    if plane == "xdp":
        return command + ["--interface=eth0"] + ([] if tracking else [_NO_TRACKING])
    return command + [f"--dataplane-socket={_DATAPLANE_SOCKET}"]


def dataplane_command(lab, workers, tracking=True):
    """Main lcore 0 and a lcore for each worker, spread over the CPUs that we may use."""
    cpus = sorted(os.sched_getaffinity(0))
    lcores = ",".join(f"{lcore}@{cpus[lcore % len(cpus)]}" for lcore in range(workers + 1))
    command = [DATAPLANE, f"--socket={_DATAPLANE_SOCKET}"]
    command += ["--state-dir=/var/lib/evenkeel/dataplane", f"--workers={workers}"]
    command += ["--"] if tracking else [_NO_TRACKING, "--"]
    command += ["--no-huge", "-m", str(_MEMORY_MIB), "--no-pci", "--no-telemetry", "--no-shconf"]
    command += ["--file-prefix", f"evenkeel-lab-{lab}", "--lcores", lcores]
    vdev = f"net_af_packet0,iface=eth0,qpairs={workers},framecnt={_RING_FRAMES}"
    return command + ["--vdev", vdev]


class Program:
    """One of the two, by its name. `commands` (name: command line) come from the lab's options."""

    def __init__(self, state, name):
        self._state = state
        self._options = state.read("lab.json")
        self.name = name
        if name not in self._options["commands"]:
            raise LabError(f"{name} is no part of a lab with --plane {self._options['plane']}")

    def pid(self):
        """Its pid, or None. A pid alone may be another process's by now, so the start counts too."""
        record = self._state.read(f"programs/{self.name}.json")
        if record is None or start_time(record["pid"]) != record["start_time"]:
            return None
        return record["pid"]

    def log(self):
        path = self._log_path()
        if not os.path.exists(path):
            raise LabError(f"{self.name} has not been started yet, so it has no log")
        with open(path, errors="replace") as file:
            return file.read()

    def log_tail(self):
        lines = self.log().splitlines()[-_LOG_LINES_SHOWN:]
        return f"the end of the log of {self.name}:\n" + "".join(f"  {line}\n" for line in lines)

    def start(self, build=None):
        """As before, or as another build has it."""
        if self.pid() is not None:
            raise LabError(f"{self.name} runs already, pid {self.pid()}")
        command = list(self._options["commands"][self.name])
        build = build or self._options["build"]
        environment = environment_of(build)
        executable = shutil.which(command[0], path=environment["PATH"])
        if executable is None:
            raise LabError(f"{command[0]} is not in {build}/bin: run tools/build")
        with open(self._log_path(), "ab") as output:
            process = subprocess.Popen(
                [executable, *command[1:]],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=environment,
                preexec_fn=self._enter,
            )
        self._state.write(
            f"programs/{self.name}.json",
            {"pid": process.pid, "start_time": start_time(process.pid)},
        )
        self._wait_until_it_answers(process)

    def stop(self):
        """Returns whether it had to be killed, or None if it did not run."""
        pid = self.pid()
        if pid is None:
            return None
        with os.fdopen(os.pidfd_open(pid)) as process:
            signal.pidfd_send_signal(process.fileno(), signal.SIGTERM)
            if select.select([process], [], [], _STOP_SECONDS)[0]:
                return False
            signal.pidfd_send_signal(process.fileno(), signal.SIGKILL)
            select.select([process], [], [], _STOP_SECONDS)
            return True

    def _enter(self):
        namespaces.enter(
            topology.namespace(self._state.name, "lb"), self._state.lb_mount_namespace
        )
        os.chdir("/")

    def _wait_until_it_answers(self, process):
        socket = _CONTROL_SOCKET if self.name == CONTROL else _DATAPLANE_SOCKET
        deadline = time.monotonic() + _START_SECONDS
        while not _listens(process.pid, socket):
            status = process.poll()
            if status is not None:
                how = f"with status {status}" if status >= 0 else f"by signal {-status}"
                raise LabError(f"{self.name} ended {how} while it started", self.log_tail())
            if time.monotonic() > deadline:
                raise LabError(
                    f"{self.name} does not listen on {socket} after {_START_SECONDS} s",
                    self.log_tail(),
                )
            time.sleep(0.02)

    def _log_path(self):
        return self._state.path("programs", f"{self.name}.log")


def environment_of(build):
    """What a command in a node sees: the caller's environment, with our programs first on PATH.

    RUNTIME_DIRECTORY is where DPDK keeps its files; systemd would set it too."""
    path = os.environ.get("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
    return {**os.environ, "PATH": f"{build}/bin:{path}", "RUNTIME_DIRECTORY": "/run/evenkeel"}


def start_time(pid):
    """In clock ticks since boot; None if there is no such process, or only its zombie.

    The first thread of one that was killed is a zombie while others still hold its files and locks.
    """
    try:
        with open(f"/proc/{pid}/stat") as file:
            fields = file.read().rpartition(")")[2].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    state, threads, started = fields[0], int(fields[17]), int(fields[19])
    return None if state in "ZX" and threads <= 1 else started


def _listens(pid, path):
    """Whether the process holds a listening Unix socket of that path.

    Seen from outside: connecting to it would take the place of the one client it may have."""
    try:
        with open(f"/proc/{pid}/net/unix") as file:
            rows = [line.split() for line in file.readlines()[1:]]
        accepting = {
            f"socket:[{row[6]}]"
            for row in rows
            if len(row) > 7 and row[7] == path and int(row[3], 16) & 0x10000
        }
        for descriptor in os.listdir(f"/proc/{pid}/fd"):
            if os.readlink(f"/proc/{pid}/fd/{descriptor}") in accepting:
                return True
    except OSError:
        pass  # it is just ending, or just closed the descriptor
    return False
