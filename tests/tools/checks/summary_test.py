#!/usr/bin/python3
"""tools/checks/summary.py: counts, and survives what tests write into their JUnit files."""
import pathlib
import subprocess
import sys
import tempfile
import unittest

SUMMARY = pathlib.Path(__file__).resolve().parents[3] / "tools/checks/summary.py"
PASSED = b'<testcase classname="a" name="good"/>'
FAILED = b'<testcase classname="a" name="bad"><failure message="expected 1">got 2\nat line 7</failure></testcase>'
SKIPPED = b'<testcase classname="a" name="later"><skipped message="needs root"/></testcase>'


class SummaryTest(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)

    def file(self, content: bytes, name: str = "one.xml") -> str:
        path = pathlib.Path(self.folder.name, name)
        path.write_bytes(content)
        return str(path)

    def run_on(self, *files: str):
        result = subprocess.run([sys.executable, SUMMARY, *files], capture_output=True, text=True)
        self.assertEqual(result.stderr, "")
        return result.returncode, result.stdout.splitlines()

    def test_adds_up_several_files_and_shows_why_a_test_failed(self):
        status, lines = self.run_on(self.file(b"<testsuite>" + PASSED + FAILED + b"</testsuite>"),
                                    self.file(b"<testsuites><testsuite>" + PASSED + SKIPPED
                                              + b"</testsuite></testsuites>", "two.xml"))
        self.assertEqual(status, 1)
        self.assertEqual(lines, ["skipped  a.later: needs root", "FAILED   a.bad", "         expected 1",
                                 "         got 2", "         at line 7", "2 passed, 1 failed, 1 skipped"])

    def test_a_skipped_program_says_why_in_its_output(self):
        case = b'<testcase name="guest"><skipped/><system-out>one\nskipped: no QEMU\n</system-out></testcase>'
        self.assertEqual(self.run_on(self.file(b"<testsuite>" + PASSED + case + b"</testsuite>")),
                         (0, ["skipped  guest: no QEMU", "1 passed, 0 failed, 1 skipped"]))

    def test_all_passed(self):
        self.assertEqual(self.run_on(self.file(b"<testsuite>" + PASSED + b"</testsuite>")),
                         (0, ["1 passed, 0 failed, 0 skipped"]))

    def test_what_xml_forbids_is_no_reason_to_lose_results(self):
        for noise in (b"\x1b[2J\x1b[1;1H", b"\x00\x08", b"&#27;[0m", b"&#x1b;", b"\xff\xfe\x80", b"\xef\xbf\xbf",
                      b"&#xD800;", b"&#99999999;"):
            with self.subTest(noise=noise):
                suite = (b"<?xml version='1.0' encoding='utf-8'?>\n<testsuite>" + PASSED + b"<system-out>" + noise
                         + b"</system-out></testsuite>")
                self.assertEqual(self.run_on(self.file(suite)), (0, ["1 passed, 0 failed, 0 skipped"]))

    def test_a_missing_a_broken_and_an_empty_file_are_failures_beside_the_others(self):
        broken = self.file(b"<testsuite><testcase", "broken.xml")
        empty = self.file(b"", "empty.xml")
        missing = self.folder.name + "/missing.xml"
        status, lines = self.run_on(broken, missing, empty, self.file(b"<testsuite>" + PASSED + b"</testsuite>"))
        self.assertEqual(status, 1)
        self.assertEqual(lines[-1], "1 passed, 3 failed, 0 skipped")
        for path in (broken, missing, empty):
            self.assertIn(f"FAILED   {path}", lines)

    def test_no_test_at_all_is_a_failure(self):
        self.assertEqual(self.run_on(self.file(b"<testsuite/>")), (1, ["0 passed, 0 failed, 0 skipped"]))


if __name__ == "__main__":
    unittest.main(verbosity=2)
