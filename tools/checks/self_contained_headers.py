#!/usr/bin/python3
"""Compiles headers alone: each must include what it uses.

A header that a compiled file includes first has shown it in the build. Headers of the BPF subset (dataplane/forward, table/records.h) compile as C++20, as C11 and for BPF.
Usage: self_contained_headers.py BUILD_DIR
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
BPF_ONLY = ("bpf/maps.h", "bpf/map_tables.h", "bpf/trial.h")  # compiled through bpf/lb_xdp.bpf.c


FIRST_INCLUDE = re.compile(r'^#include ["<]([^">]+)[">]', re.MULTILINE)


def shown_by_the_build(build: str) -> set:
    """Headers that are the first include of a C++ file of the build."""
    shown = set()
    for entry in json.loads(pathlib.Path(build, "compile_commands.json").read_text()):
        file = pathlib.Path(build, entry["file"])
        if file.suffix == ".cc":
            first = FIRST_INCLUDE.search(file.read_text(encoding="utf-8"))
            shown.update([first[1]] if first else [])
    return shown


def commands(path: str, flags: list, build: str, shown: set):
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
    build = sys.argv[1] if len(sys.argv) > 1 else "build"
    root = pathlib.Path(__file__).resolve().parents[2]
    flags = subprocess.run(["pkg-config", "--cflags", *PACKAGES], capture_output=True, text=True,
                           check=True).stdout.split()
    flags = [("-isystem" + f[2:]) if f.startswith("-I") else f for f in flags]
    headers = []
    for folder in ("dataplane", "control", "bpf", "tools", "tests"):
        headers += [p.relative_to(root).as_posix() for p in sorted((root / folder).rglob("*.h"))]
    shown = shown_by_the_build(build)
    jobs = [c for h in headers if h not in BPF_ONLY for c in commands(h, flags, build, shown)]
    failed = 0
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
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
