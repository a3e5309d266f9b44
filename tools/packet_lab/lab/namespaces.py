"""Entering namespaces, running Python inside them, and ending the processes that live there.

`ip netns exec` is not used: it mounts a new /sys over the one of lb's mount namespace, and hides the
BPF file system with it.
"""

import ctypes
import os
import pickle
import select
import signal
import sys
import time

from .errors import LabError

NETNS_DIR = "/run/netns"

_CLONE_NEWNS = 0x00020000
_CLONE_NEWNET = 0x40000000
_MS_REC = 0x4000
_MS_SLAVE = 1 << 19
_libc = ctypes.CDLL(None, use_errno=True)


def _check(result):
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _setns(path, kind):
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        _check(_libc.setns(descriptor, kind))
    finally:
        os.close(descriptor)


def enter_network(name):
    """Moves the calling process into a network namespace; what it sees mounted stays as it was."""
    enter_network_at(f"{NETNS_DIR}/{name}")


def enter_network_at(path):
    """The same, by a file such as /proc/self/ns/net."""
    _setns(path, _CLONE_NEWNET)


def enter(name, mount_namespace=None):
    """Moves the calling process into a node, whose /sys shows the node's own network.

    With a mount namespace (a path), into that too; otherwise into a new one of its own."""
    directory = os.getcwd()
    enter_network(name)
    if mount_namespace is not None:
        _setns(mount_namespace, _CLONE_NEWNS)
        try:
            os.chdir(directory)
        except OSError:
            os.chdir("/")
        return
    _check(_libc.unshare(_CLONE_NEWNS))
    _check(_libc.mount(b"none", b"/", None, _MS_REC | _MS_SLAVE, None))
    _check(_libc.mount(b"sysfs", b"/sys", b"sysfs", 0, None))


def call_inside(name, function, *arguments):
    """function(*arguments), run by a child in the network namespace; its result, or its exception."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _answer_parent(writer, name, function, arguments)
        finally:  # even when interrupted: the child must not go on as a second parent
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as pipe:
        data = pipe.read()
    os.waitpid(child, 0)
    if not data:
        raise LabError(f"a helper process in namespace {name} died")
    done, value = pickle.loads(data)
    if not done:
        raise value
    return value


def _answer_parent(writer, name, function, arguments):
    try:
        enter_network(name)
        answer = (True, function(*arguments))
    except Exception as error:  # the parent raises it
        answer = (False, error)
    with os.fdopen(writer, "wb") as pipe:
        pipe.write(pickle.dumps(answer))


def write_settings(settings):
    """Writes sysctls of the namespace that the caller is in: {"net/ipv4/ip_forward": 1}."""
    for key, value in settings.items():
        with open(f"/proc/sys/{key}", "w") as file:
            file.write(str(value))


def write_file(mount_namespace, path, text):
    """Writes a file that only the mount namespace has. For a child of call_inside."""
    _setns(mount_namespace, _CLONE_NEWNS)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def processes_in(names):
    """The pids of all processes in the network namespaces."""
    wanted = set()
    for name in names:
        try:
            wanted.add(os.stat(f"{NETNS_DIR}/{name}").st_ino)
        except FileNotFoundError:
            pass
    found = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and int(entry) != os.getpid():
            try:
                if os.stat(f"/proc/{entry}/ns/net").st_ino in wanted:
                    found.append(int(entry))
            except OSError:
                pass  # it has ended, or is a zombie
    return found


def end_processes_in(names, patience_seconds=5.0):
    """SIGTERM, a while, SIGKILL: for everything that lives in the network namespaces."""
    deadline = time.monotonic() + patience_seconds
    _signal_all(names, signal.SIGTERM)
    while pids := processes_in(names):
        if time.monotonic() > deadline:
            _signal_all(names, signal.SIGKILL)
        if time.monotonic() > deadline + patience_seconds:
            raise LabError(f"processes {pids} do not end, not even by SIGKILL")
        _wait_for_end(pids[0], 0.05)


def _signal_all(names, number):
    for pid in processes_in(names):
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass


def _wait_for_end(pid, seconds):
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    with os.fdopen(descriptor) as process:
        select.select([process], [], [], seconds)
    try:
        os.waitpid(pid, os.WNOHANG)  # in case that it is a child of ours
    except ChildProcessError:
        pass


def warn(text):
    print(f"lab: {text}", file=sys.stderr, flush=True)
