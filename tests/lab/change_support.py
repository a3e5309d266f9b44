"""What the tests of changes share: applying on trial, connections that are written down, the daemon's database."""
import contextlib
import dataclasses
import json
import subprocess

from lab_support import LAB, ROOT, VIP

PROBE = str(ROOT / "tests" / "lab" / "flow_probe.py")
DATABASE = "/var/lib/evenkeel/control.db"
FILE = "/etc/evenkeel/change.yaml"
# What was rolled back minutes ago may come again here.
AGAIN = ["--reason", "test", "--again", "another test", "--timeout", "60s"]


def running(lab) -> str:
    """The file of the running revision."""
    return lab.run("lb", "evenkeel", "show", str(lab.cli("status")["revision"])).stdout


def write(lab, text, file=FILE):
    lab.run("lb", "sh", "-c", f"cat > {file}", input=text)


def apply(lab, text, *words, status=0):
    """On trial, unless told otherwise."""
    write(lab, text)
    return lab.cli("apply", FILE, *AGAIN, *words, status=status)


def end_trial(lab):
    if lab.cli("status")["trial"]:
        lab.cli("rollback")


def waiting_apply(lab, text, within="30s"):
    """An `apply --wait` that goes on beside the test."""
    write(lab, text)
    return subprocess.Popen(
        [LAB, "exec", "--name", lab.name, "lb", "--", "evenkeel", "--json", "apply", FILE, *AGAIN, "--confirm-within",
         within, "--wait"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@dataclasses.dataclass
class Connection:
    at: float  # CLOCK_BOOTTIME
    port: int
    backend: str  # "!ERROR": it failed


@contextlib.contextmanager
def probe(lab):
    """Connections to web4 while the body runs; afterwards the list holds them."""
    process = subprocess.Popen([LAB, "exec", "--name", lab.name, "client", "--", PROBE, VIP["4"], "80"],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    seen = []
    try:
        yield seen
    finally:
        out = process.communicate("", timeout=60)[0]
        for line in out.splitlines():
            at, port, backend = line.split()
            seen.append(Connection(float(at), int(port), backend))


def on_database(lab, *statements):
    """Statements on the daemon's database, past its triggers; what the last one selects."""
    script = ("import json, sqlite3, sys\n"
              f"db = sqlite3.connect('{DATABASE}', timeout=10)\n"
              "for one in json.loads(sys.argv[1]): rows = db.execute(one).fetchall()\n"
              "db.commit()\n"
              "print(json.dumps(rows))\n")
    return json.loads(lab.run("lb", "/usr/bin/python3", "-c", script, json.dumps(statements)).stdout)


@contextlib.contextmanager
def without_triggers(lab):
    triggers = on_database(lab, "SELECT name, sql FROM sqlite_master WHERE type = 'trigger'")
    assert triggers, "the log is not protected"
    on_database(lab, *(f"DROP TRIGGER {name}" for name, _ in triggers))
    try:
        yield
    finally:
        on_database(lab, *(sql for _, sql in triggers))
