"""A real Prometheus scrapes a lab, and the alerts of tools/monitoring fire. Needs root (network namespaces) and prometheus."""
import contextlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
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
    """In the balancer's network, as on a node of its own; yields what asks its API."""
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
        return json.loads(told) if told else {"status": "silent"}

    try:
        wait_until(lambda: ask("query?query=up")["status"] == "success", "prometheus answers", 60)
        yield ask
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def firing(ask):
    return {alert["labels"]["alertname"] for alert in ask("alerts")["data"]["alerts"] if alert["state"] == "firing"}


def test_alerts_fire_and_the_dashboard_shows_something(lab, tmp_path):
    dashboard = json.loads((MONITORING / "dashboard.json").read_text(encoding="ascii"))
    with prometheus(lab, tmp_path) as ask, steady_load(lab):
        wait_until(lambda: ask("query?query=evenkeel_watched_seconds_total%3E5")["data"]["result"], "scraped", 60)
        assert not firing(ask)
        time.sleep(5)
        empty = []
        for panel in dashboard["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$instance", ".*").replace("$service", ".*")
                answer = ask("query?query=" + urllib.parse.quote(query))
                assert answer["status"] == "success", (panel["title"], answer)
                if not answer["data"]["result"]:
                    empty.append(panel["title"])
        assert empty == []

        with skewed_tables(lab, tmp_path):
            wait_until(lambda: "EvenkeelUnevenDistribution" in firing(ask), "the alert fires", 60)
            wait_until(lambda: "EvenkeelNotAsPublished" in firing(ask), "the other one too", 30)
        assert lab.cli("audit")["ok"], "put right again"
        wait_until(lambda: not firing(ask), "no alert fires any more", 90)

        lab.tool("stop", "evenkeeld")
        wait_until(lambda: "EvenkeelMetricsMissing" in firing(ask), "the alert that nobody answers", 90)
        lab.tool("start", "evenkeeld")
        wait_until(lambda: not firing(ask), "no alert fires any more", 90)
