#!/usr/bin/python3
"""Many long connections, each of which says a number every second and hears it from the same backend.

    long_client.py --to 203.0.113.10:9000 [--to ...] [--connections 2000] [--sources 50]

Runs until its standard input ends, then prints one JSON object: {connections, exchanges, broken: {WHY: N},
backends: {NAME: N}}. A connection is broken by a reset, by a minute without an answer, by the answer of another
backend and by a wrong number. "ready" on standard error tells that all are up.
"""
import argparse
import asyncio
import collections
import json
import pathlib
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[2] / "tools" / "packet_lab"))
from http_load import source_of, split_target  # noqa: E402

PATIENCE_S = 60.0


class Long:
    def __init__(self, number, target, source):
        self.number, self.target, self.source = number, target, source
        self.name, self.exchanges = None, 0

    async def exchange(self):
        self.exchanges += 1
        said = f"{self.number}.{self.exchanges}"
        self.writer.write(said.encode() + b"\n")
        line = await asyncio.wait_for(self.reader.readline(), PATIENCE_S)
        if not line:
            raise ValueError("closed")
        name, heard = line.decode().split()
        if heard != said:
            raise ValueError("wrong number")
        self.name = self.name or name
        if name != self.name:
            raise ValueError("another backend")

    async def open(self):
        self.reader, self.writer = await asyncio.wait_for(
            asyncio.open_connection(*self.target, local_addr=self.source), PATIENCE_S)
        await self.exchange()

    async def run(self, stop):
        while not stop.is_set():
            await asyncio.sleep(1)
            await self.exchange()


async def main(options):
    stop, broken, all_of_them = asyncio.Event(), collections.Counter(), []

    async def live(long, up):
        try:
            try:
                await long.open()
            finally:
                up.set()
            await long.run(stop)
        except asyncio.TimeoutError:
            broken["no answer"] += 1
        except (OSError, ValueError) as error:
            broken[f"{type(error).__name__}: {error}"] += 1

    tasks = []
    for number in range(options.connections):
        target = options.to[number % len(options.to)]
        long = Long(number, target, source_of(target[0], number // len(options.to), options.sources))
        up = asyncio.Event()
        tasks.append(asyncio.create_task(live(long, up)))
        all_of_them.append(long)
        if number % 50 == 49:
            await asyncio.wait_for(up.wait(), 2 * PATIENCE_S)
    while not all(long.name for long in all_of_them) and not broken:
        await asyncio.sleep(0.05)
    print("ready", file=sys.stderr, flush=True)
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await asyncio.gather(*tasks)
    names = collections.Counter(long.name for long in all_of_them)
    json.dump({"connections": len(all_of_them), "exchanges": sum(long.exchanges for long in all_of_them),
               "broken": dict(broken), "backends": {str(k): n for k, n in names.items()}}, sys.stdout)
    print()


parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
parser.add_argument("--to", type=split_target, action="append", required=True)
parser.add_argument("--connections", type=int, default=2000)
parser.add_argument("--sources", type=int, default=50)
asyncio.run(main(parser.parse_args()))
