"""The verbs of tools/lab. Exit status: 0 done, 1 failed, 2 called wrongly; `exec` passes its own."""

import argparse
import os
import signal
import sys

from . import namespaces, programs, topology
from .errors import LabError
from .state import State, lock

_REPOSITORY = os.path.realpath(os.path.join(os.path.dirname(__file__), "..", "..", ".."))
_WORKERS_MAX = 32
_NOT_FOUND, _NOT_EXECUTABLE = 127, 126


def main(arguments):
    parsed = _parse(arguments)
    try:
        if os.geteuid() != 0:
            raise LabError("needs root, since it makes network namespaces")
        return parsed.run(State(parsed.name), parsed)
    except LabError as error:
        namespaces.warn(str(error))
        if error.details:
            print(error.details.rstrip("\n"), file=sys.stderr)
    except KeyboardInterrupt:
        namespaces.warn("interrupted")
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 1


def _lifecycle():
    """Only `up` and `down` need it, and what it needs takes longer to load than `exec` to run."""
    from . import lifecycle
    return lifecycle


def _up(state, parsed):
    # So that `up` cleans up behind itself when it is told to end.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.default_int_handler)
    options = {
        "plane": parsed.plane,
        "backends": parsed.backends,
        "workers": parsed.workers,
        "tracking": not parsed.no_tracking,
        "build": os.path.abspath(parsed.build),
        "config_text": _read_configuration(parsed.config),
    }
    with lock(state.name):
        if state.exists():
            namespaces.warn(f"lab '{state.name}' is there already: removed, and made anew")
        _lifecycle().set_up(state, options)
    return 0


def _down(state, _):
    with lock(state.name):
        _lifecycle().tear_down(state)
    return 0


def _exec(state, parsed):
    options = _options(state)
    if parsed.node not in topology.node_names(options["backends"]):
        last = options["backends"]
        raise LabError(f"there is no node '{parsed.node}': it is client, router, lb, b1 … b{last}")
    mount_namespace = state.lb_mount_namespace if parsed.node == "lb" else None
    namespaces.enter(topology.namespace(state.name, parsed.node), mount_namespace)
    command = parsed.command
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # Python ignores it, and exec would pass that on
    try:
        os.execvpe(command[0], command, programs.environment_of(options["build"]))
    except FileNotFoundError:
        namespaces.warn(f"exec: {command[0]}: command not found")
        return _NOT_FOUND
    except OSError as error:
        namespaces.warn(f"exec: {command[0]}: {error.strerror}")
        return _NOT_EXECUTABLE


def _pid(state, parsed):
    pid = _program(state, parsed).pid()
    if pid is None:
        raise LabError(f"{parsed.program} does not run")
    print(pid)
    return 0


def _start(state, parsed):
    with lock(state.name):
        _program(state, parsed).start(parsed.build and os.path.abspath(parsed.build))
    return 0


def _stop(state, parsed):
    with lock(state.name):
        killed = _program(state, parsed).stop()
    if killed is None:
        namespaces.warn(f"{parsed.program} does not run")
    elif killed:
        namespaces.warn(f"{parsed.program} did not end by SIGTERM within 10 s: killed")
    return 0


def _log(state, parsed):
    sys.stdout.write(_program(state, parsed).log())
    sys.stdout.flush()
    return 0


def _program(state, parsed):
    _options(state)
    return programs.Program(state, parsed.program)


def _options(state):
    options = state.read("lab.json")
    if options is None:
        raise LabError(f"lab '{state.name}' is not up: run `tools/lab up --name {state.name}`")
    return options


def _read_configuration(path):
    if path is None:
        return None
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except (OSError, UnicodeDecodeError) as error:
        print(f"lab: --config: {error}", file=sys.stderr)
        sys.exit(2)


def _parse(arguments):
    # Everything after "--" is the command's, whatever it looks like.
    command = None
    if "--" in arguments:
        cut = arguments.index("--")
        arguments, command = arguments[:cut], arguments[cut + 1 :]

    parser = argparse.ArgumentParser(prog="lab", description="A load balancer's lab on this machine.")
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_up(verbs)
    _add(verbs, "down", _down, "remove everything")
    run = _add(verbs, "exec", _exec, "run a command in a node: exec NODE -- COMMAND …")
    run.add_argument("node", help="client, router, lb, b1 … bN")
    for name, function, text in (
        ("pid", _pid, "print the pid; status 1 when it does not run"),
        ("start", _start, "start with the same flags as before, and wait until it answers"),
        ("stop", _stop, "SIGTERM, and SIGKILL after 10 s"),
        ("log", _log, "print the log"),
    ):
        verb = _add(verbs, name, function, text)
        verb.add_argument("program", choices=programs.NAMES)
        if name == "start":
            verb.add_argument("--build", metavar="DIR", help="the program of another build; as `up`")

    parsed = parser.parse_args(arguments)
    if parsed.verb == "exec" and not command:
        run.error("a command is missing: lab exec NODE -- COMMAND …")
    if parsed.verb != "exec" and command is not None:
        parser.error("'--' belongs to exec")
    parsed.command = command
    return parsed


def _add(verbs, name, function, text):
    parser = verbs.add_parser(name, help=text, description=text)
    parser.add_argument("--name", default="evenkeel", type=_lab_name, help="which lab; evenkeel")
    parser.set_defaults(run=function)
    return parser


def _add_up(verbs):
    up = _add(verbs, "up", _up, "build the lab, and return when traffic flows")
    up.add_argument("--plane", default="dpdk", choices=["dpdk", "xdp"], help="dpdk")
    up.add_argument("--backends", default=4, type=_count(topology.BACKENDS_MAX), metavar="N",
                    help=f"1 to {topology.BACKENDS_MAX}; 4")
    up.add_argument("--workers", default=2, type=_count(_WORKERS_MAX), metavar="N",
                    help=f"of the DPDK plane, 1 to {_WORKERS_MAX}; 2")
    up.add_argument("--no-tracking", action="store_true",
                    help="a plane that follows no connections, to see what breaks then")
    up.add_argument("--config", metavar="FILE", help="applied instead of the lab's own")
    up.add_argument("--build", default=os.path.join(_REPOSITORY, "build"), metavar="DIR",
                    help="where tools/build has put the programs; build")


def _lab_name(text):
    if not topology.is_lab_name(text):
        raise argparse.ArgumentTypeError(
            f"'{text}' is no name for a lab: up to 32 of a-z, 0-9 and '-'")
    return text


def _count(limit):
    def parse(text):
        if not text.isdecimal() or not 1 <= int(text) <= limit:
            raise argparse.ArgumentTypeError(f"'{text}' is not a number from 1 to {limit}")
        return int(text)

    return parse
