#!/usr/bin/python3
"""Compiles headers alone: each must include what it uses.

A header that a compiled file includes first has shown it in a build. Headers of the BPF subset (dataplane/forward,
table/records.h) compile as C++20, as C11 and for BPF.
Usage: self_contained_headers.py BUILD_DIR [BUILD_DIR ...]; generated headers are taken from the first.
"""
import concurrent.futures
import json
import os
import pathlib
import re
import subprocess
import sys

PACKAGES = ["libdpdk", "libbpf", "gflags", "absl_statusor", "absl_strings", "absl_flat_hash_map", "grpc++",
            "protobuf", "yaml-cpp", "sqlite3", "gtest"]
SUBSET = ("dataplane/forward/", "dataplane/table/records.h")
BPF_ONLY = ("bpf/maps.h", "bpf/map_tables.h", "bpf/sample.h", "bpf/trial.h")  # compiled through bpf/lb_xdp.bpf.c


INCLUDE = re.compile(r'^#include ?["<]([^">]+)[">]', re.MULTILINE)


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


def commands(path: str, flags: list, build: pathlib.Path, shown: set):
    common = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-I.",
              f"-I{build}"]
    if path not in shown:
        yield ["g++", "-std=c++20", "-x", "c++", *common, *flags, path]
    if path.startswith(SUBSET):
        yield ["gcc", "-std=c11", "-x", "c", *common, path]
        yield ["clang-14", "-target", "bpf", "-ffreestanding", "-x", "c", *common, "-Wno-unused-function",
               "-I/usr/include/x86_64-linux-gnu", path]


def compile_one(command):
    result = subprocess.run(command, capture_output=True, text=True)
    return command, result.returncode, result.stderr


def main() -> int:
    builds = [pathlib.Path(build) for build in sys.argv[1:] if pathlib.Path(build, "compile_commands.json").exists()]
    if not builds:
        print("self-contained headers: no build there: run tools/build first")
        return 1
    root = pathlib.Path(__file__).resolve().parents[2]
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True,
                           check=True).stdout.split()
    flags = [("-isystem" + f[2:]) if f.startswith("-I") else f for f in flags]
    headers = []
    for folder in ("dataplane", "control", "bpf", "tools", "tests"):
        headers += [p.relative_to(root).as_posix() for p in sorted((root / folder).rglob("*.h"))]
    shown = set().union(*(shown_by(build) for build in builds))
    jobs = [c for h in headers if h not in BPF_ONLY for c in commands(h, flags, builds[0], shown)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=os.cpu_count()) as pool:
        for command, status, text in pool.map(compile_one, jobs):
            if status:
                failed += 1
                print(" ".join(command))
                print(text)
    print(f"self-contained headers: {len(headers)} headers, {len(jobs)} compilations, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    sys.exit(main())
