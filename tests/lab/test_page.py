"""The distribution page in a real Chromium, over a lab with traffic. Needs root (network namespaces) and chromium.

EVENKEEL_SCREENSHOTS=FOLDER keeps what the browser shows.
"""
import os
import pathlib

import pytest

from browser import Browser, chromium
from lab_support import Lab, wait_until
from test_shadow import elephant
from test_watch import skewed_tables, steady_load

pytestmark = pytest.mark.skipif(not chromium(), reason="chromium is not installed: apt-get install chromium")

URL = "http://127.0.0.1:9470/"


@pytest.fixture(scope="module")
def lab():
    lab = Lab(f"p{os.getpid()}d", "dpdk")
    try:
        lab.up()
        yield lab
    finally:
        lab.down()


@pytest.fixture
def browser(lab):
    with Browser(["nsenter", f"--net=/proc/{lab.pid('evenkeeld')}/ns/net"]) as browser:
        yield browser


def keep(browser, tmp_path, name):
    folder = pathlib.Path(os.environ.get("EVENKEEL_SCREENSHOTS", tmp_path))
    browser.screenshot(folder / name)
    assert (folder / name).stat().st_size > 10_000


def assert_fits(browser):
    assert browser.evaluate("document.documentElement.scrollWidth <= innerWidth"), "wider than the screen"


def test_shows_shares_alarms_and_that_its_data_is_old(lab, browser, tmp_path):
    with steady_load(lab):
        browser.open(URL)
        browser.wait_until("document.querySelectorAll('.row').length >= 8")
        # Observed shares come with a hundred flows.
        browser.wait_until("[...document.querySelectorAll('.row')].filter(r => r.children[2].textContent.endsWith('%'))"
                           ".length >= 8")
        # Each of them alone may be otherwise for a second on a busy machine, as when the plane answers late.
        for words in ("http4", "No alarm.", "25.0 %", "dpdk connected", "revision 1 (confirmed)"):
            browser.wait_until(f"document.body.innerText.includes({words!r})")
        browser.wait_until("document.querySelectorAll('svg path').length >= 8")
        keep(browser, tmp_path, "even.png")
        assert_fits(browser)

        with elephant(lab):
            browser.wait_until("[...document.querySelectorAll('#notes .note')].some(n => n.textContent.startsWith('Note F38 since')"
                               " && n.textContent.includes('of the bytes of http4'))"
                               " && document.body.innerText.includes('No alarm.')")
            keep(browser, tmp_path, "note.png")
            assert_fits(browser)

        browser.open(URL, width=390, height=844, mobile=True)
        with skewed_tables(lab, tmp_path):
            # That of the audit, and the one of the watch, which names the shares.
            browser.wait_until("[...document.querySelectorAll('.note.alarm')].some(n => n.textContent.includes('F55')"
                               " && n.textContent.includes('should get 25.0 %'))")
            browser.wait_until("document.querySelectorAll('.fill.off').length > 0")
            keep(browser, tmp_path, "alarm_telephone.png")
            assert_fits(browser)
        assert lab.cli("audit")["ok"], "put right again"
        wait_until(lambda: not lab.cli("status")["alarms"], "the alarm is over", 120)

        # A change on trial, with its countdown.
        text = lab.config().replace("10.0.1.14, weight: 100", "10.0.1.14, weight: 90")
        lab.run("lb", "sh", "-c", "cat > /etc/evenkeel/trial.yaml", input=text)
        lab.cli("apply", "/etc/evenkeel/trial.yaml", "--reason", "<b>less</b> for b4")
        browser.wait_until("!document.getElementById('trial').hidden")
        first = browser.evaluate("document.getElementById('trial').textContent")
        assert "is on trial" in first and "<b>less</b> for b4" in first, first
        browser.wait_until(f"document.getElementById('trial').textContent !== {first!r}")
        lab.cli("rollback")
        browser.wait_until("document.getElementById('trial').hidden")

    browser.wait_until("document.getElementById('old').hidden")
    browser.cut_network(True)
    browser.wait_until("!document.getElementById('old').hidden")
    assert "Old data: evenkeeld has not answered for" in browser.text()
    keep(browser, tmp_path, "old_telephone.png")
    browser.cut_network(False)
    browser.wait_until("document.getElementById('old').hidden")

    complaints = [p for p in browser.problems
                  if "ERR_INTERNET_DISCONNECTED" not in str(p) and "favicon" not in str(p)]
    assert complaints == []


def test_nothing_from_elsewhere_runs_in_it(lab, browser):
    browser.open(URL)
    browser.wait_until("document.querySelectorAll('details').length > 0")
    browser.evaluate("""(() => {
      const script = document.createElement('script');
      script.textContent = 'window.injected = true';
      document.body.append(script);
    })()""")
    assert not browser.evaluate("window.injected"), "a script that was put in has run"
    outcome = "fetch('http://127.0.0.2:9470/').then(() => 'loaded', () => 'refused')"
    assert browser.evaluate(outcome) == "refused"
