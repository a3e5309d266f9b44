"""Fixtures of the lab's tests. They need root (network namespaces) and a build in build/."""
import os
import pathlib
import signal
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from lab_support import ROOT, Lab, remove_leftovers  # noqa: E402

# The planes that this build has: one suite, the plane is a parameter.
PLANES = ["dpdk", "xdp"]


def pytest_collection_modifyitems(items):
    if os.geteuid() != 0:
        for item in items:
            item.add_marker(pytest.mark.skip(reason="needs root: makes network namespaces"))


def pytest_sessionstart(session):
    # Told to end, the run ends as by Ctrl-C: every fixture cleans up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    is_one_of_several = hasattr(session.config, "workerinput")  # of pytest-xdist
    if os.geteuid() == 0 and not is_one_of_several:
        remove_leftovers()


@pytest.fixture(scope="module", params=PLANES)
def lab(request):
    """A lab with four backends and two workers, for all tests of a module."""
    assert (ROOT / "build" / "bin" / "evenkeel").exists(), "build/bin/evenkeel is missing: run tools/build"
    lab = Lab(f"t{os.getpid()}{request.param[0]}", request.param)
    try:
        lab.up()
        yield lab
    finally:
        lab.down()
