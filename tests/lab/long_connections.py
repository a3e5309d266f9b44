"""Long connections of a lab's client, and the servers that answer them."""
import contextlib
import json
import pathlib
import subprocess

from lab_support import LAB, VIP

HERE = pathlib.Path(__file__).parent
LONG_PORT = 9000


def start_long_server(lab, backend, port=LONG_PORT):
    """Returns when it listens."""
    server = subprocess.Popen(
        [LAB, "exec", "--name", lab.name, backend, "--", str(HERE / "long_server.py"), backend, str(port)],
        stdout=subprocess.PIPE, text=True)
    if server.stdout.readline() != "ready\n":
        server.kill()
        server.wait()
        raise AssertionError(f"the server of {backend} on port {port} does not listen")
    return server


@contextlib.contextmanager
def long_connections(lab, count, families="4"):
    """Long connections while the body runs; what became of them is in the dictionary afterwards."""
    targets = {"4": f"{VIP['4']}:{LONG_PORT}", "6": f"[{VIP['6']}]:{LONG_PORT}"}
    process = subprocess.Popen(
        [LAB, "exec", "--name", lab.name, "client", "--", str(HERE / "long_client.py"), "--connections", str(count),
         *(word for family in families for word in ("--to", targets[family]))],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    outcome = {}
    try:
        assert process.stderr.readline().strip() == "ready"
        yield outcome
        out, err = process.communicate("", timeout=180)
        assert out, err
        outcome.update(json.loads(out))
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
