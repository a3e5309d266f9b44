#!/usr/bin/python3
"""Skews the tables that a plane forwards by, behind evenkeeld's back, and puts them right again.

    skew_table.py xdp FILE          in a lab's lb node: the pinned map of slots
    skew_table.py dpdk FILE PID     on the host: the memory of evenkeel-dataplane

In every table the slots of one backend are given to another one, so that one gets twice its share and one nothing.
What stood there is kept in FILE; when FILE is there, it is put back and removed. Needs root.
"""
import glob
import json
import os
import re
import struct
import subprocess
import sys

SLOTS = 65536
ROW_SLOTS = 16  # of the map


def skewed(table: bytes) -> bytes:
    """The table with all slots of the backend that owns the most now owned by the next one; transitions stay."""
    slots = list(struct.unpack(f"<{len(table) // 4}I", table))
    counts = {}
    for slot in slots:
        counts[slot & 0xffff] = counts.get(slot & 0xffff, 0) + 1
    victim, heir = sorted(counts, key=lambda index: (-counts[index], index))[:2]
    return struct.pack(f"<{len(slots)}I", *((s & ~0xffff) | heir if s & 0xffff == victim else s for s in slots))


def tables_in_memory(pid: int):
    """Where the process has mapped tables of SLOTS slots: the first address of each."""
    with open(f"/proc/{pid}/maps", encoding="ascii") as maps:
        for line in maps:
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) r--p \S+ \S+ \S+\s+/memfd:\S*table", line)
            if match and int(match[2], 16) - int(match[1], 16) == 4 * SLOTS:
                yield int(match[1], 16)


def dpdk(file: str, pid: int) -> None:
    with open(f"/proc/{pid}/mem", "r+b", buffering=0) as memory:
        def exchange(address, make):
            memory.seek(address)
            before = memory.read(4 * SLOTS)
            memory.seek(address)
            memory.write(make(before))
            return before

        if os.path.exists(file):
            with open(file, encoding="ascii") as kept:
                for address, table in json.load(kept).items():
                    exchange(int(address), lambda _, table=table: bytes.fromhex(table))
            os.unlink(file)
            return
        before = {address: exchange(address, skewed).hex() for address in tables_in_memory(pid)}
        assert before, f"process {pid} has no table in memory"
        with open(file, "w", encoding="ascii") as kept:
            json.dump(before, kept)


def write_rows(path: str, rows) -> None:
    lines = (f"map update pinned {path} key {' '.join(map(str, row.to_bytes(4, 'little')))} "
             f"value {' '.join(map(str, value))}" for row, value in rows)
    subprocess.run(["bpftool", "batch", "file", "-"], input="\n".join(lines) + "\n", check=True, text=True,
                   stdout=subprocess.DEVNULL)


def xdp(file: str) -> None:
    [path] = glob.glob("/sys/fs/bpf/evenkeel/*/maps-*/slot_rows")
    if os.path.exists(file):
        with open(file, encoding="ascii") as kept:
            write_rows(path, ((row, bytes.fromhex(value)) for row, value in json.load(kept)))
        os.unlink(file)
        return
    dump = json.loads(subprocess.run(["bpftool", "-j", "map", "dump", "pinned", path], check=True,
                                     capture_output=True).stdout)
    rows = [bytes(int(byte, 16) for byte in entry["value"]) for entry in dump]
    per_table = SLOTS // ROW_SLOTS
    before, after = [], []
    for first in range(0, len(rows) - per_table + 1, per_table):
        table = b"".join(rows[first:first + per_table])
        if not any(table):
            continue
        new = skewed(table)
        size = len(rows[first])
        for i in range(per_table):
            if new[i * size:(i + 1) * size] != rows[first + i]:
                before.append((first + i, rows[first + i].hex()))
                after.append((first + i, new[i * size:(i + 1) * size]))
    assert before, "no table in the map"
    with open(file, "w", encoding="ascii") as kept:
        json.dump(before, kept)
    write_rows(path, after)


if __name__ == "__main__":
    if sys.argv[1] == "xdp":
        xdp(sys.argv[2])
    else:
        dpdk(sys.argv[2], int(sys.argv[3]))
