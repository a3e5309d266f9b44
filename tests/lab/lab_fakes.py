"""A build directory whose daemons only open their sockets: a lab without a balancer, for the lab's own tests.

The backends' programs are the real ones. Lab and evenkeel-decap can so be tested where nothing else works yet.
"""
import os
import pathlib
import sys

from lab_support import ROOT

BUILD = pathlib.Path(os.environ.get("EVENKEEL_BUILD", ROOT / "build"))

sys.path.insert(0, str(ROOT / "tools" / "packet_lab"))

_DAEMON = """#!/usr/bin/python3
import os, signal, socket, sys
path = next(word.partition("=")[2] for word in sys.argv if word.startswith("--socket="))
{misbehave}
if os.path.exists(path):
    os.unlink(path)
signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
listener = socket.socket(socket.AF_UNIX)
listener.bind(path)
listener.listen()
print("started", *sys.argv[1:], flush=True)
{end}
"""
_CLI = """#!/usr/bin/python3
import json, sys
print(json.dumps({"planes": [{"connected": True}], "services": []}))
"""
_END_ON_SIGTERM = "signal.sigwait([signal.SIGTERM])"
NEVER_ENDS = "signal.sigwait([signal.SIGUSR2])"


def make_build(directory, control_misbehaves="", control_end=_END_ON_SIGTERM):
    """`control_misbehaves`: a Python statement that the fake evenkeeld runs before it listens."""
    (directory / "bin").mkdir(parents=True)
    for part in ("tools", "bpf"):
        (directory / part).symlink_to(BUILD / part)
    (directory / "bin" / "evenkeel-decap").symlink_to(BUILD / "tools" / "evenkeel-decap" / "evenkeel-decap")
    _script(directory, "evenkeel", _CLI)
    _script(directory, "evenkeel-dataplane", _DAEMON.format(misbehave="", end=_END_ON_SIGTERM))
    _script(directory, "evenkeeld", _DAEMON.format(misbehave=control_misbehaves, end=control_end))
    return directory


def _script(directory, name, text):
    path = directory / "bin" / name
    path.write_text(text)
    path.chmod(0o755)
