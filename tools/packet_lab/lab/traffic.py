"""Does traffic flow? Asks the balancer what it runs, then sends requests through it."""

import http.client
import json
import subprocess
import time

from . import namespaces, programs, topology
from .errors import LabError

_CONNECT_SECONDS = 60
_FLOW_SECONDS = 60


def apply(lab, state, file):
    """The first revision, at once."""
    _wait_for_planes(lab, state)
    result = _evenkeel(lab, state, "apply", file, "--reason", "lab", "--confirm=now")
    if result.returncode != 0:
        raise LabError(
            f"`evenkeel apply {file}` ended with status {result.returncode}",
            result.stdout + result.stderr,
        )


def wait_until_it_flows(lab, state):
    """One HTTP answer through each address family that has a service which the backends answer."""
    for family, (vip, port) in sorted(_answered_services(lab, state).items()):
        deadline = time.monotonic() + _FLOW_SECONDS
        while (error := _try_request(lab, vip, port)) is not None:
            if time.monotonic() > deadline:
                raise LabError(
                    f"no answer from http://{vip}:{port}/ over {family} after {_FLOW_SECONDS} s:"
                    f" {error}",
                    _logs(state),
                )
            time.sleep(0.1)


def _wait_for_planes(lab, state):
    deadline = time.monotonic() + _CONNECT_SECONDS
    while True:
        result = _evenkeel(lab, state, "--json", "status")
        if result.returncode == 0:
            planes = json.loads(result.stdout)["planes"]
            if planes and all(plane["connected"] for plane in planes):
                return
        if time.monotonic() > deadline:
            raise LabError(
                f"no plane is connected to evenkeeld after {_CONNECT_SECONDS} s",
                result.stdout + result.stderr + _logs(state),
            )
        time.sleep(0.1)


def _answered_services(lab, state):
    """{"IPv4": (vip, port)}: for each family one TCP service on a port that nginx listens on."""
    result = _evenkeel(lab, state, "--json", "services")
    if result.returncode != 0:
        raise LabError("`evenkeel services` failed", result.stdout + result.stderr)
    found = {}
    for service in json.loads(result.stdout)["services"]:
        port = _answered_port(service["ports"])
        vip = service["vip"]
        if service["protocol"] == "tcp" and port is not None and "/" not in vip:
            found.setdefault("IPv6" if ":" in vip else "IPv4", (vip, port))
    return found


def _answered_port(ports):
    """The first port of a service's ports ("80", "8000-8099", "any") that the backends answer."""
    for item in ports if isinstance(ports, list) else str(ports).replace(" ", "").split(","):
        if str(item) == "any":
            return topology.HTTP_PORT
        first, _, last = str(item).partition("-")
        first, last = int(first), int(last or first)
        for low, high in ((topology.HTTP_PORT, topology.HTTP_PORT), topology.HTTP_RANGE):
            if max(first, low) <= min(last, high):
                return max(first, low)
    return None


def _try_request(lab, vip, port):
    try:
        namespaces.call_inside(topology.namespace(lab, "client"), _request, vip, port)
    except (OSError, LabError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    return None


def _request(vip, port):
    connection = http.client.HTTPConnection(vip, port, timeout=1)
    connection.request("GET", "/")
    answer = connection.getresponse()
    if answer.status != 200:
        raise LabError(f"HTTP status {answer.status}")


def _evenkeel(lab, state, *arguments):
    options = state.read("lab.json")
    try:
        return subprocess.run(
            ["evenkeel", *arguments],
            capture_output=True,
            text=True,
            env=programs.environment_of(options["build"]),
            preexec_fn=lambda: namespaces.enter(
                topology.namespace(lab, "lb"), state.lb_mount_namespace
            ),
        )
    except FileNotFoundError:
        raise LabError(f"evenkeel is not in {options['build']}/bin: run tools/build") from None


def _logs(state):
    text = ""
    for name in state.read("lab.json")["commands"]:
        text += programs.Program(state, name).log_tail()
    return text
