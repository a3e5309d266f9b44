#!/usr/bin/python3
"""Wrong calls of evenkeel-dataplane: one clear line and the right exit status. No root, no hugepages needed.

    calls_test.py PATH_OF_EVENKEEL_DATAPLANE
"""
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

DATAPLANE = ""
EAL = ["--no-huge", "-m", "64", "--no-pci", "--no-shconf", "--no-telemetry", "--lcores=0@0,1@0"]


def call(*arguments):
    return subprocess.run([DATAPLANE, *arguments], capture_output=True, text=True, timeout=60, check=False)


class CallsTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory(prefix="evkcalls")
        self.addCleanup(self.folder.cleanup)
        self.own = [f"--socket={self.folder.name}/dataplane.sock", "--state-dir="]

    def expect(self, status, text, *arguments):
        done = call(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        errors = [line for line in done.stderr.splitlines() if " error " in line or line.startswith("<3>")]
        self.assertEqual(len(errors), 1, done.stderr)
        self.assertIn(text, errors[0])
        self.assertEqual(done.stdout, "")

    def test_help_and_version(self):
        for flag, text in (("--help", "--state-dir"), ("--version", "evenkeel-dataplane ")):
            done = call(flag)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertIn(text, done.stdout)

    def test_unknown_flag(self):
        self.expect(2, "--wokers=2: unknown flag", "--wokers=2")

    def test_malformed_values(self):
        self.expect(2, "--workers=two: impossible value", "--workers=two")
        self.expect(2, "--poll=fast", "--poll=fast")
        self.expect(2, "must be 1280 to 9600", "--mtu=100")
        self.expect(2, "the value is missing", "--socket")
        self.expect(2, "not a flag", "eth0")

    def test_flagfile_that_cannot_be_read(self):
        self.expect(2, "cannot be read", "--flagfile=/nowhere/flags")

    def test_flagfile_with_a_slip(self):
        flags = pathlib.Path(self.folder.name, "flags")
        flags.write_text("# two\n\n  --workers=2\n--wokers=2\n")
        self.expect(2, "--wokers=2: unknown flag", f"--flagfile={flags}")
        flags.write_text("--workers=two\n")
        self.expect(2, "--workers=two: impossible value", f"--flagfile={flags}")
        flags.write_text("--tap\n--workers=2\n")
        self.expect(2, "--tap: in a flag file it is --name=value", f"--flagfile={flags}")
        flags.write_text(f"--flagfile={flags}\n")
        self.expect(2, "name each other without end", f"--flagfile={flags}")
        self.expect(2, "cannot be read", f"--flagfile={self.folder.name}")

    def test_flagfile_is_heeded(self):
        flags = pathlib.Path(self.folder.name, "flags")
        flags.write_text("\n".join([*self.own, "--noflow_tracking", "--workers=3"]) + "\n")
        self.expect(2, "3 workers need 4 lcores", f"--flagfile={flags}", "--", *EAL, "--vdev=net_null0")

    def test_eal_arguments_that_eal_does_not_know(self):
        self.expect(2, "EAL does not understand", *self.own, "--", *EAL, "--bogus")

    def test_no_port(self):
        self.expect(1, "no port", *self.own, "--", *EAL)

    def test_port_that_does_not_exist(self):
        self.expect(1, "no port 'net_null7'; EAL found net_null0", *self.own, "--port=net_null7", "--", *EAL,
                    "--vdev=net_null0")

    def test_interface_that_does_not_exist(self):
        self.expect(1, "no interface 'nosuch0'", *self.own, "--", *EAL, "--vdev=net_af_packet0,iface=nosuch0")

    def test_more_workers_than_lcores(self):
        self.expect(2, "3 workers need 4 lcores", *self.own, "--workers=3", "--", *EAL, "--vdev=net_null0")

    def test_too_few_buffers(self):
        self.expect(2, "1024 receive + 1024 transmit", *self.own, "--mbufs=10", "--", *EAL, "--vdev=net_null0")

    def test_no_hugepages(self):
        if any(int(pages.read_text()) for pages in
               pathlib.Path("/sys/kernel/mm/hugepages").glob("*/free_hugepages")):
            self.skipTest("this machine has free hugepages")
        self.expect(1, "no hugepages are free", *self.own, "--", "--no-pci", "--vdev=net_null0")

    def test_not_root(self):
        if os.geteuid() != 0:
            self.skipTest("needs root to give it up")
        os.chmod(self.folder.name, 0o777)
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", DATAPLANE, *self.own, "--",
                   *EAL, "--vdev=net_af_packet0,iface=lo"]
        if subprocess.run(["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "test", "-x", DATAPLANE],
                          check=False).returncode != 0:
            self.skipTest("nobody cannot reach the program here")
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 1, done.stderr)
        self.assertIn("not root", done.stderr)

    def test_socket_of_a_live_daemon_and_a_clean_end(self):
        arguments = [*self.own, "--", *EAL, "--vdev=net_null0"]
        first = subprocess.Popen([DATAPLANE, *arguments], stderr=subprocess.PIPE, text=True)
        try:
            deadline = time.monotonic() + 30
            while not os.path.exists(f"{self.folder.name}/dataplane.sock") and time.monotonic() < deadline:
                time.sleep(0.05)
            self.expect(1, "is in use by a live daemon", *arguments)
        finally:
            time.sleep(0.5)
            first.send_signal(signal.SIGTERM)
            _, errors = first.communicate(timeout=30)
        self.assertEqual(first.returncode, 0, errors)
        self.assertRegex(errors, r"mempool: 0 of \d+ buffers still out")


if __name__ == "__main__":
    DATAPLANE = sys.argv.pop(1)
    unittest.main()
