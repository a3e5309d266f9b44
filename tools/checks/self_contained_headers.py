#!/usr/bin/python3
"""Compiles headers alone: each must include what it uses.

A header that a compiled file includes first has shown it in a build. Headers of the BPF subset (dataplane/forward,
table/records.h) compile as C++20, as C11 and for BPF.

Most of the time would go to parsing the same large headers of the libraries (HEAVY) again and again, so these are
precompiled, a set of them once. A header of ours is compiled over a set only if it includes all of it, itself or through
headers of ours: it then sees nothing that it would not have brought, and those headers of ours are compiled by themselves.
Usage: self_contained_headers.py BUILD_DIR [BUILD_DIR ...]; generated headers are taken from the first.
"""
import collections
import concurrent.futures
import functools
import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

PACKAGES = ["libdpdk", "libbpf", "gflags", "absl_statusor", "absl_strings", "absl_flat_hash_map", "grpc++",
            "protobuf", "yaml-cpp", "sqlite3", "gtest"]
SUBSET = ("dataplane/forward/", "dataplane/table/records.h")
BPF_ONLY = ("bpf/maps.h", "bpf/map_tables.h", "bpf/sample.h", "bpf/trial.h")  # compiled through bpf/lb_xdp.bpf.c
HEAVY = ("absl/container/flat_hash_map.h", "absl/status/statusor.h", "absl/time/time.h", "gtest/gtest.h", "string")
SHARERS_MIN = 3  # of a set, for it to be worth a precompilation
WARNINGS = ["-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers"]
# A header does not use what it offers.
CXX = ["clang++-14", "-std=c++20", *WARNINGS, "-Wno-unused-function", "-Wno-unused-const-variable"]

INCLUDE = re.compile(r'^#include ?["<]([^">]+)[">]', re.MULTILINE)
DIRECTIVE = re.compile(r'^# *(if|endif|include ?["<]([^">]+)[">])')


def first_include(file: pathlib.Path) -> str | None:
    found = INCLUDE.search(file.read_text(encoding="utf-8"))
    return found[1] if found else None


def shown_by(build: pathlib.Path) -> set:
    """Headers that come first in a file that the build has compiled; of a unity file's, only the first one's."""
    shown = set()
    for entry in json.loads((build / "compile_commands.json").read_text()):
        file = build / entry["file"]
        if not (build / entry["output"]).exists():
            continue
        if file.suffix == ".cpp":  # meson's unity files
            file = build / first_include(file)
        if file.suffix == ".cc":
            shown.add(first_include(file))
    return shown


@functools.cache
def included_by(path: str) -> frozenset:
    """What a header of ours includes whatever is defined, also through others of ours."""
    names, depth = set(), 0
    for line in pathlib.Path(path).read_text(encoding="utf-8").splitlines():
        found = DIRECTIVE.match(line)
        if not found:
            continue
        depth += {"if": 1, "endif": -1}.get(found[1], 0)
        if found[2] and depth == 1:  # within the include guard alone
            names |= {found[2]} | (included_by(found[2]) if pathlib.Path(found[2]).exists() else set())
    return frozenset(names)


class Precompiled:
    """Sets of heavy headers that several of `headers` include."""

    def __init__(self, headers: list, flags: list, folder: str):
        counted = collections.Counter(self.heavy(h) for h in headers)
        self.files = {}
        self.commands = []
        for names, sharers in counted.items():
            if not names or sharers < SHARERS_MIN:
                continue
            source = pathlib.Path(folder, f"heavy{len(self.files)}.h")
            source.write_text("".join(f"#include <{name}>\n" for name in sorted(names)), encoding="utf-8")
            self.files[names] = f"{source}.pch"
            self.commands.append([*CXX, "-x", "c++-header", "-fpch-instantiate-templates", *flags, str(source), "-o",
                                  self.files[names]])

    @staticmethod
    def heavy(path: str) -> frozenset:
        return included_by(path) & frozenset(HEAVY)

    def flags_for(self, path: str) -> list:
        sets = [names for names in self.files if names <= self.heavy(path)]
        return ["-include-pch", self.files[max(sets, key=len)]] if sets else []


def commands(path: str, flags: list, build: pathlib.Path, shown: set, precompiled: Precompiled):
    if path not in shown:
        yield [*CXX, "-fsyntax-only", "-x", "c++", *precompiled.flags_for(path), *flags, path]
    if path.startswith(SUBSET):
        common = ["-fsyntax-only", *WARNINGS, "-I.", f"-I{build}"]
        yield ["gcc", "-std=c11", "-x", "c", *common, path]
        yield ["clang-14", "-target", "bpf", "-ffreestanding", "-x", "c", *common, "-Wno-unused-function",
               "-I/usr/include/x86_64-linux-gnu", path]


def compile_one(command):
    result = subprocess.run(command, capture_output=True, text=True)
    return command, result.returncode, result.stderr


def failures(jobs: list) -> int:
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for command, status, text in pool.map(compile_one, jobs):
            if status:
                failed += 1
                print(" ".join(command))
                print(text)
    return failed


def main() -> int:
    builds = [pathlib.Path(build) for build in sys.argv[1:] if pathlib.Path(build, "compile_commands.json").exists()]
    if not builds:
        print("self-contained headers: no build there: run tools/build first")
        return 1
    root = pathlib.Path(__file__).resolve().parents[2]
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True,
                           check=True).stdout.split()
    flags = [("-isystem" + f[2:]) if f.startswith("-I") else f for f in flags]
    flags = ["-I.", f"-I{builds[0]}", *flags]
    headers = []
    for folder in ("dataplane", "control", "bpf", "tools", "tests"):
        headers += [p.relative_to(root).as_posix() for p in sorted((root / folder).rglob("*.h"))]
    shown = set().union(*(shown_by(build) for build in builds))
    alone = [h for h in headers if h not in BPF_ONLY]
    with tempfile.TemporaryDirectory() as folder:
        precompiled = Precompiled([h for h in alone if h not in shown], flags, folder)
        jobs = [c for h in alone for c in commands(h, flags, builds[0], shown, precompiled)]
        failed = failures(precompiled.commands) or failures(jobs)
    print(f"self-contained headers: {len(headers)} headers, {len(jobs)} compilations, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    sys.exit(main())
