"""A real Chromium, driven over a pipe: no driver, no port, no network of its own.

    with Browser(prefix) as browser:
        browser.open("http://127.0.0.1:9470/", width=390, height=844, mobile=True)
        browser.wait_until("document.querySelectorAll('.row').length > 0")
        browser.screenshot("page.png")
"""
import base64
import json
import os
import select
import shutil
import signal
import subprocess
import tempfile
import time


def chromium():
    """The program, or None."""
    return shutil.which("chromium")


class Browser:
    def __init__(self, prefix=()):
        """`prefix`: words before the command, such as what enters a network namespace by nsenter."""
        self.folder = tempfile.TemporaryDirectory(prefix="evk-chromium-")
        to_read, self.to = os.pipe()
        self.source, to_write = os.pipe()
        flags = ["--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
                 "--disable-background-networking", "--disable-component-update", "--disable-extensions",
                 f"--user-data-dir={self.folder.name}", "--remote-debugging-pipe", "about:blank"]

        def as_three_and_four():
            os.dup2(os.dup(to_read), 3)
            os.dup2(os.dup(to_write), 4)

        # The browser takes its commands from descriptor 3 and answers on 4.
        spare = [os.dup(to_read), os.dup(to_write)]
        to_read, to_write = (os.dup(d) for d in spare)
        self.process = subprocess.Popen(
            [*prefix, chromium(), *flags], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True, close_fds=False,
            preexec_fn=as_three_and_four)  # noqa: PLW1509
        for descriptor in (to_read, to_write, *spare):
            os.close(descriptor)
        self.rest, self.number, self.session, self.problems = b"", 0, None, []

    def __enter__(self):
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.call(domain + ".enable")
        return self

    def __exit__(self, *_):
        os.close(self.to)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
        os.close(self.source)
        self.folder.cleanup()

    def _read(self, deadline):
        while b"\0" not in self.rest:
            left = deadline - time.monotonic()
            assert left > 0 and select.select([self.source], [], [], left)[0], "the browser does not answer"
            part = os.read(self.source, 1 << 16)
            assert part, "the browser has ended"
            self.rest += part
        message, self.rest = self.rest.split(b"\0", 1)
        return json.loads(message)

    def call(self, method, **parameters):
        self.number += 1
        message = {"id": self.number, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        os.write(self.to, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + 90
        while True:
            answer = self._read(deadline)
            if answer.get("id") == self.number:
                assert "error" not in answer, answer
                return answer["result"]
            # What the page complains about: errors of its script, what its policy forbids.
            if answer.get("method") in ("Runtime.exceptionThrown", "Log.entryAdded"):
                self.problems.append(answer["params"])

    def evaluate(self, expression):
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def open(self, url, width=1100, height=800, mobile=False, scheme="dark"):
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=2 if mobile else 1,
                  mobile=mobile)
        self.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        self.call("Page.navigate", url=url)

    def wait_until(self, expression, seconds=90.0):
        deadline = time.monotonic() + seconds
        while not self.evaluate(expression):
            assert time.monotonic() < deadline, f"not within {seconds} s: {expression}\n{self.text()}"
            time.sleep(0.2)

    def text(self):
        return self.evaluate("document.body ? document.body.innerText : ''")

    def cut_network(self, cut):
        self.call("Network.emulateNetworkConditions", offline=cut, latency=0, downloadThroughput=-1, uploadThroughput=-1)

    def screenshot(self, path):
        with open(path, "wb") as file:
            file.write(base64.b64decode(self.call("Page.captureScreenshot", format="png")["data"]))
