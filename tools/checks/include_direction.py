#!/usr/bin/python3
"""Holds the include direction of the tree, and that headers and files keep their shape.

Each rule names a folder and what its files may include from this repository; system and library headers are
free, but for those that a folder is forbidden. Prints one line a violation: file:line: what and why.
"""
import pathlib
import re
import sys

# Longest matching folder decides. A rule is (allowed prefixes, forbidden library headers).
RULES = {
    "dataplane/forward": (["dataplane/forward/", "dataplane/table/records.h", "dataplane/table/flow_records.h", "bpf/map_tables.h"], ["rte_", "absl/"]),
    "dataplane/table": (["dataplane/table/"], ["rte_", "grpc", "yaml-cpp"]),
    "dataplane/neighbour": (["dataplane/neighbour/", "dataplane/table/"], ["rte_", "grpc", "yaml-cpp"]),
    "dataplane/worker": (["dataplane/worker/", "dataplane/forward/", "dataplane/table/"], ["grpc", "yaml-cpp"]),
    "dataplane/port": (["dataplane/port/", "dataplane/table/"], ["grpc", "yaml-cpp"]),
    "dataplane/slow_path": (["dataplane/slow_path/", "dataplane/neighbour/", "dataplane/port/", "dataplane/table/"], ["grpc", "yaml-cpp"]),
    "dataplane/app": (["dataplane/"], ["grpc", "yaml-cpp"]),
    "bpf": (["bpf/", "dataplane/forward/", "dataplane/table/"], ["rte_", "grpc", "yaml-cpp"]),
    "control": (["control/", "dataplane/forward/", "dataplane/table/", "dataplane/neighbour/", "bpf/"], ["rte_"]),
    "tools": (["tools/", "control/api/", "control/config/", "control/validate/", "control/plan/",
               "control/publish/compile.h", "control/publish/key_file.h", "control/sample/core_view.h",
               "control/sample/space_saving.h",
               "dataplane/table/", "dataplane/forward/", "bpf/"], []),
    # The simulator runs control's decisions on made-up connections.
    "tools/churn": (["tools/churn/", "control/overlay/", "control/transition/", "dataplane/table/", "dataplane/forward/"], []),
    "tests": ([""], []),
}
OURS = ("dataplane/", "control/", "bpf/", "tools/", "tests/")
INCLUDE = re.compile(r'^\s*#\s*include\s+(["<])([^">]+)[">]')
# Load generators drive DPDK themselves; they are peers of the product, not part of it.
DPDK_TOOLS = ("tools/pktgen/",)
# Long files are asked for their second idea.
LINES_MAX = 500


def rule_for(path: str):
    best = max((folder for folder in RULES if path.startswith(folder + "/")), key=len, default=None)
    return RULES[best] if best else None


def violations(root: pathlib.Path):
    for folder in sorted({rule.split("/")[0] for rule in RULES}):
        for file in sorted((root / folder).rglob("*")):
            if file.suffix not in (".h", ".cc", ".c"):
                continue
            path = file.relative_to(root).as_posix()
            rule = rule_for(path)
            if rule is None:
                yield f"{path}:1: lies in no folder that the include rules know"
                continue
            allowed, forbidden = rule
            lines = file.read_text(encoding="utf-8").splitlines()
            if len(lines) > LINES_MAX:
                yield f"{path}:{len(lines)}: longer than {LINES_MAX} lines: what is the second idea?"
            for number, line in enumerate(lines, 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                quote, target = match.groups()
                if quote == '"' and target.startswith(OURS):
                    if not target.startswith(tuple(allowed)):
                        yield f"{path}:{number}: includes {target}, against the include direction"
                elif quote == '"' and "/" not in target:
                    yield f"{path}:{number}: includes \"{target}\": name our headers from the root"
                elif target.startswith(tuple(forbidden)) and not path.startswith(DPDK_TOOLS):
                    yield f"{path}:{number}: includes <{target}>, which this folder must not know"


def main() -> int:
    root = pathlib.Path(__file__).resolve().parents[2]
    found = list(violations(root))
    for line in found:
        print(line)
    print(f"include direction: {len(found)} violations")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
