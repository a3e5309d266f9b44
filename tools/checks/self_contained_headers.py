#!/usr/bin/python3
"""Compiles every header alone: each must include what it uses.

Headers of the BPF subset (dataplane/forward, table/records.h) compile as C++20, as C11 and for BPF.
Usage: self_contained_headers.py BUILD_DIR
"""
import concurrent.futures
import pathlib
import subprocess
import sys

PACKAGES = ["libdpdk", "libbpf", "gflags", "absl_statusor", "absl_strings", "absl_flat_hash_map", "grpc++",
            "protobuf", "yaml-cpp", "sqlite3", "gtest"]
SUBSET = ("dataplane/forward/", "dataplane/table/records.h")
BPF_ONLY = ("bpf/maps.h", "bpf/map_tables.h")  # compiled through bpf/lb_xdp.bpf.c


def commands(path: str, flags: list, build: str):
    common = ["-fsyntax-only", "-Wall", "-Wextra", "-Werror", "-Wno-missing-field-initializers", "-I.",
              f"-I{build}"]
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
    jobs = [c for h in headers if h not in BPF_ONLY for c in commands(h, flags, build)]
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
    import os
    os.chdir(pathlib.Path(__file__).resolve().parents[2])
    sys.exit(main())
