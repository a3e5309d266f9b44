"""A real Prometheus scrapes a lab, and the alerts of tools/monitoring fire. Needs root (network namespaces) and prometheus."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import urllib.parse

import pytest

from lab_support import LAB, ROOT, Lab, wait_until
from test_watch import skewed_tables, steady_load

MONITORING = ROOT / "tools" / "monitoring"

pytestmark = pytest.mark.skipif(not shutil.which("prometheus"), reason="prometheus is not installed: apt-get install prometheus")


def test_the_rules_are_right():
    for words in (["check", "rules", "alerts.yaml"], ["test", "rules", "alerts_test.yaml"]):
        result = subprocess.run(["promtool", *words], cwd=MONITORING, text=True, capture_output=True, check=False)
        assert result.returncode == 0, result.stdout + result.stderr


def test_every_alert_has_its_place_in_the_runbook():
    headings = re.findall(r"^## (.*)$", (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8"), re.M)
    places = {re.sub(r"[^a-z0-9 -]", "", heading.lower()).replace(" ", "-") for heading in headings}
    links = re.findall(r"runbook: docs/runbook\.md#(\S+)", (MONITORING / "alerts.yaml").read_text(encoding="utf-8"))
    assert links and set(links) <= places, set(links) - places


@pytest.fixture(scope="module")
def lab():
    lab = Lab(f"m{os.getpid()}x", "xdp")
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@contextlib.contextmanager
def prometheus(lab, folder):
    """In the balancer's network, as on a node of its own; yields what asks its API: the data, or None as long as it does
    not answer."""
    (folder / "prometheus.yml").write_text(json.dumps({
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(MONITORING / "alerts.yaml")],
        "scrape_configs": [{"job_name": "evenkeel", "static_configs": [{"targets": ["127.0.0.1:9470"]}]}],
    }), encoding="ascii")
    process = subprocess.Popen(
        [LAB, "exec", "--name", lab.name, "lb", "--", "prometheus", f"--config.file={folder}/prometheus.yml",
         f"--storage.tsdb.path={folder}/data", "--web.listen-address=127.0.0.1:9090", "--log.level=warn"],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)

    def ask(path):
        told = lab.run("lb", "curl", "-fsS", "--max-time", "10", f"http://127.0.0.1:9090/api/v1/{path}", check=False).stdout
        return json.loads(told)["data"] if told else None

    try:
        wait_until(lambda: ask("query?query=up"), "prometheus answers", 120)
        yield ask
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def firing(ask):
    """The names of the alerts that fire; None: it does not answer."""
    told = ask("alerts")
    return told and {alert["labels"]["alertname"] for alert in told["alerts"] if alert["state"] == "firing"}


def fires(ask, alert):
    return alert in (firing(ask) or ())


def none_fires(ask):
    return firing(ask) == set()


def results(ask, query):
    told = ask("query?query=" + urllib.parse.quote(query))
    return told and told["result"]


def empty_panels(ask, dashboard):
    return [panel["title"] for panel in dashboard["panels"] for target in panel["targets"]
            if not results(ask, target["expr"].replace("$instance", ".*").replace("$service", ".*"))]


def test_alerts_fire_and_the_dashboard_shows_something(lab, tmp_path):
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="ascii"))
    with prometheus(lab, tmp_path) as ask, steady_load(lab):
        wait_until(lambda: results(ask, "evenkeel_watched_seconds_total>5"), "scraped", 120)
        wait_until(lambda: none_fires(ask), "no alert fires", 120)
        wait_until(lambda: not empty_panels(ask, dashboard), f"{dashboard['title']} shows something in every panel", 120)

        with skewed_tables(lab, tmp_path):
            wait_until(lambda: fires(ask, "EvenkeelUnevenDistribution"), "the alert fires", 120)
            wait_until(lambda: fires(ask, "EvenkeelNotAsPublished"), "the other one too", 120)
        assert lab.cli("audit")["ok"], "put right again"
        wait_until(lambda: none_fires(ask), "no alert fires any more", 180)

        lab.tool("stop", "evenkeeld")
        wait_until(lambda: fires(ask, "EvenkeelMetricsMissing"), "the alert that nobody answers", 180)
        lab.tool("start", "evenkeeld")
        wait_until(lambda: none_fires(ask), "no alert fires any more", 180)
