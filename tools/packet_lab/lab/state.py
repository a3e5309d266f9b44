"""What a lab remembers between two calls of tools/lab.

/run/evenkeel-lab/NAME is a tmpfs of its own: its mount is private, as the file that holds lb's mount
namespace demands, and to remove a lab's files is to unmount it.

    lab.json       the options of `up`          lb.mnt     lb's mount namespace
    programs/      pid and log of each program  bI/        configuration and logs of a backend
"""

import contextlib
import json
import os
import shutil
import socket
import subprocess
import time

from .errors import LabError

ROOT = "/run/evenkeel-lab"
# Where lb mounts file systems of its own. The directories must exist on the machine for that.
LB_DIRECTORIES = ["/run/evenkeel", "/var/lib/evenkeel", "/etc/evenkeel"]
_MADE_DIRECTORIES = f"{ROOT}/made-directories.json"
_LOCK_PATIENCE_SECONDS = 120


@contextlib.contextmanager
def lock(name):
    """One caller at a time. An abstract socket: it goes with its owner, whatever happens to that."""
    with socket.socket(socket.AF_UNIX) as holder:
        deadline = time.monotonic() + _LOCK_PATIENCE_SECONDS
        while True:
            try:
                holder.bind(f"\0evenkeel-lab/{name}")
                break
            except OSError:
                if time.monotonic() > deadline:
                    raise LabError(f"lab '{name}' is busy: another tools/lab works on it") from None
                time.sleep(0.05)
        yield


class State:
    def __init__(self, name):
        self.name = name
        self.directory = f"{ROOT}/{name}"

    def path(self, *parts):
        return os.path.join(self.directory, *parts)

    @property
    def lb_mount_namespace(self):
        return self.path("lb.mnt")

    def exists(self):
        return os.path.exists(self.path("lab.json"))

    def create(self):
        with lock("/root"):
            os.makedirs(self.directory, exist_ok=True)
            _make_lb_directories()
        _run("mount", "-t", "tmpfs", "-o", "mode=0755", "evenkeel-lab", self.directory)
        _run("mount", "--make-private", self.directory)
        os.mkdir(self.path("programs"))
        open(self.lb_mount_namespace, "x").close()

    def remove(self):
        """Takes away whatever is left of the directory, from whichever step it got to."""
        with lock("/root"):
            if not os.path.isdir(self.directory):
                return
            while os.path.ismount(self.lb_mount_namespace):
                _run("umount", self.lb_mount_namespace)
            while os.path.ismount(self.directory):
                _run("umount", "--lazy", self.directory)
            shutil.rmtree(self.directory)
            _remove_root_if_unused()

    def write(self, file, value):
        temporary = self.path(file + ".new")
        with open(temporary, "w") as stream:
            json.dump(value, stream, indent=2)
        os.rename(temporary, self.path(file))

    def read(self, file):
        """The value, or None if the file does not exist."""
        try:
            with open(self.path(file)) as stream:
                return json.load(stream)
        except FileNotFoundError:
            return None


def _make_lb_directories():
    made = [path for path in LB_DIRECTORIES if not os.path.isdir(path)]
    if made and not os.path.exists(_MADE_DIRECTORIES):
        with open(_MADE_DIRECTORIES, "w") as stream:
            json.dump(made, stream)
    for path in made:
        os.makedirs(path)


def _remove_root_if_unused():
    """Only the last lab may: removing a directory also undoes what others have mounted on it."""
    if any(entry.is_dir() for entry in os.scandir(ROOT)):
        return
    with contextlib.suppress(FileNotFoundError):
        with open(_MADE_DIRECTORIES) as stream:
            for path in json.load(stream):
                with contextlib.suppress(OSError):  # somebody else uses it by now
                    os.rmdir(path)
    shutil.rmtree(ROOT)


def _run(*command):
    result = subprocess.run(command, capture_output=True, text=True)
    if result.returncode != 0:
        raise LabError(f"`{' '.join(command)}` failed: {result.stderr.strip()}")
