"""`up` and `down`, step by step. Whatever a step leaves behind, `tear_down` takes away."""

import contextlib
import os
import shutil

from . import backends, lab_config, namespaces, network, programs, topology, traffic
from .errors import LabError

CONFIGURATION = "/etc/evenkeel/lab.yaml"  # in lb


def set_up(state, options):
    """`options`: plane, backends, workers, tracking, build (a directory), config (a path, or None)."""
    lab = state.name
    tear_down(state)
    try:
        with _step("look for the programs"):
            _check_programs(options)
        with _step("make the state directory"):
            state.create()
            state.write("lab.json", {**options, "commands": _commands(lab, options)})
        with _step("build the network"):
            network.build(lab, options["backends"])
            network.make_lb_mount_namespace(lab, state)
            if options["plane"] == "xdp":
                network.prepare_xdp_transmit(lab, f"{options['build']}/bpf/pass.bpf.o")
        with _step("start the backends"):
            backends.start(lab, state, options["build"], options["backends"])
        with _step("write the configuration"):
            _write_configuration(lab, state, options)
        for name in _commands(lab, options):
            with _step(f"start {name}"):
                programs.Program(state, name).start()
        with _step("apply the configuration"):
            traffic.apply(lab, state, CONFIGURATION)
        with _step("wait for traffic"):
            traffic.wait_until_it_flows(lab, state)
    except BaseException:
        tear_down(state)
        raise


def tear_down(state):
    """Removes processes, namespaces, mounts and directories of the lab, complete or not."""
    network.remove(state.name)
    state.remove()


@contextlib.contextmanager
def _step(name):
    try:
        yield
    except LabError as error:
        raise LabError(f"could not {name}: {error}", error.details) from None
    except OSError as error:
        raise LabError(f"could not {name}: {error}") from error


def _commands(lab, options):
    """Command lines by program, in the order of starting."""
    commands = {}
    if options["plane"] == "dpdk":
        commands[programs.DATAPLANE] = programs.dataplane_command(
            lab, options["workers"], options["tracking"]
        )
    commands[programs.CONTROL] = programs.control_command(
        options["plane"], options["tracking"]
    )
    return commands


def _check_programs(options):
    build = options["build"]
    names = ["evenkeel", "evenkeel-decap", *_commands("", options)]
    wanted = [f"{build}/bin/{name}" for name in names]
    wanted.append(f"{build}/tools/packet_lab/lab-responder")
    if options["plane"] == "xdp":
        wanted.append(f"{build}/bpf/pass.bpf.o")
    missing = [path for path in wanted if not os.path.exists(path)]
    if missing:
        raise LabError(f"{', '.join(missing)} missing: run tools/build")
    for name in ("nginx", "ip", "ethtool", "nsenter", "unshare"):
        if shutil.which(name) is None:
            raise LabError(f"the program {name} is missing: run tools/setup")


def _write_configuration(lab, state, options):
    text = options["config_text"]
    if text is None:
        text = lab_config.default_configuration(options["backends"])
    namespaces.call_inside(
        topology.namespace(lab, "lb"),
        namespaces.write_file,
        state.lb_mount_namespace,
        CONFIGURATION,
        text,
    )
