#!/usr/bin/python3
"""Adds up the JUnit files of a check and prints what failed or was skipped.

Usage: summary.py FILE.xml ...; the last line is "N passed, N failed, N skipped". Status 1 when a test failed
or none ran.
"""
import sys
import xml.etree.ElementTree as ElementTree


def main() -> int:
    passed, failed, skipped = 0, [], []
    for path in sys.argv[1:]:
        try:
            tree = ElementTree.parse(path)
        except (OSError, ElementTree.ParseError) as error:
            failed.append(f"{path}: no readable result: {error}")
            continue
        for case in tree.iter("testcase"):
            name = f"{case.get('classname', '')}.{case.get('name', '')}".strip(".")
            if case.find("failure") is not None or case.find("error") is not None:
                failed.append(name)
            elif case.find("skipped") is not None or case.get("status") == "notrun":
                reason = case.find("skipped")
                text = (reason.get("message") or reason.text or "").strip() if reason is not None else "disabled"
                skipped.append(f"{name}: {text.splitlines()[0] if text else ''}")
            else:
                passed += 1
    for line in skipped:
        print(f"skipped  {line}")
    for line in failed:
        print(f"FAILED   {line}")
    print(f"{passed} passed, {len(failed)} failed, {len(skipped)} skipped")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
