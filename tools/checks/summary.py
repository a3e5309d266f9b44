#!/usr/bin/python3
"""Adds up the JUnit files of a check and prints what failed or was skipped.

Usage: summary.py FILE.xml ...; the last line is "N passed, N failed, N skipped". Status 1 when a test failed
or none ran. A file that is missing or that cannot be read counts as a failure and hides nothing else.
"""
import pathlib
import re
import sys
import xml.etree.ElementTree as ElementTree

# What XML 1.0 forbids, as itself or by number: a test's output may hold a terminal's escape sequences, and meson
# writes them as they come.
FORBIDDEN = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
REFERENCE = re.compile(r"&#(?:x([0-9a-fA-F]+)|([0-9]+));")
# Lines of a failed test's own message that are shown.
LINES_SHOWN = 15


def allowed_reference(match: re.Match) -> str:
    number = int(match[1], 16) if match[1] else int(match[2])
    return match[0] if number <= 0x10FFFF and not FORBIDDEN.match(chr(number)) else "?"


def parse(path: str) -> ElementTree.Element:
    text = pathlib.Path(path).read_bytes().decode("utf-8", "replace")
    return ElementTree.fromstring(REFERENCE.sub(allowed_reference, FORBIDDEN.sub("?", text)))


def what_is_said(element: ElementTree.Element) -> str:
    return "\n".join(part.strip() for part in (element.get("message"), element.text) if part and part.strip())


def main() -> int:
    passed, failed, skipped = 0, [], []
    for path in sys.argv[1:]:
        try:
            root = parse(path)
        except (OSError, ElementTree.ParseError) as error:
            failed.append((path, f"no readable result: {error}"))
            continue
        for case in root.iter("testcase"):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
            wrong = next((e for e in (case.find("failure"), case.find("error")) if e is not None), None)
            skip = case.find("skipped")
            if wrong is not None:
                failed.append((name, what_is_said(wrong)))
            elif skip is not None or case.get("status") == "notrun":
                # meson keeps the reason of a program that says "skipped: ..." and ends with 77 in its output.
                said = re.search("^skipped: (.*)$", case.findtext("system-out") or "", re.MULTILINE)
                text = "disabled" if skip is None else what_is_said(skip) or (said[1] if said else "")
                skipped.append((name, text))
            else:
                passed += 1
    for name, text in skipped:
        print(f"skipped  {name}: {text.splitlines()[0] if text else ''}")
    for name, text in failed:
        print(f"FAILED   {name}")
        for line in text.splitlines()[:LINES_SHOWN]:
            print(f"         {line}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    # Whatever a test has printed, the summary ends with its last line.
    sys.stdout.reconfigure(errors="replace")
    sys.exit(main())
