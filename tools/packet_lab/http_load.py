#!/usr/bin/python3
"""Makes real HTTP connections, one a request, and checks each answer. Runs in a lab's client node.

    http_load.py --to 203.0.113.10:80 [--to [2001:db8:113::10]:80] [--count 10000 | --seconds 10]
                 [--concurrency 32] [--rate 500] [--sources 50] [--timeout 10]

A lab's answer is "bI CLIENT_ADDRESS CLIENT_PORT": it must name the address and port that the request really came
from. With --sources N the connections come from N addresses of the client's networks. Prints one JSON object:
{requests, failed, errors: {TEXT: N}, backends: {TARGET: {bI: N}}, seconds}. Status 1 when a request failed. SIGTERM
ends it as the time does (what is under way is finished), and alone without --count and --seconds.
"""
import argparse
import asyncio
import collections
import itertools
import json
import signal
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"


def split_target(text: str):
    host, _, port = text.rpartition(":")
    if not host or not port.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not ADDRESS:PORT (IPv6 as [A]:PORT)")
    return host.strip("[]"), int(port)


def source_of(host: str, number: int, sources: int):
    """The local address to bind to; None lets the kernel choose."""
    if sources <= 1:
        return None
    if ":" in host:
        return (f"2001:db8:100::1:{number % sources:x}", 0)
    return (f"198.51.100.{10 + number % min(sources, 200)}", 0)


async def one_request(host, port, source, patience):
    """The name of the backend that answered; raises with a readable text otherwise."""
    reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port, local_addr=source), patience)
    try:
        local = writer.get_extra_info("sockname")
        writer.write(REQUEST)
        data = await asyncio.wait_for(reader.read(), patience)
    finally:
        writer.close()
    head, _, body = data.partition(b"\r\n\r\n")
    if not head.startswith(b"HTTP/1.1 200"):
        raise ValueError(f"answer {head[:40]!r}")
    words = body.decode().split()
    if len(words) != 3 or words[1] != local[0] or int(words[2]) != local[1]:
        raise ValueError(f"the server saw {body!r}, the client is {local[0]} {local[1]}")
    return words[0]


async def run(options):
    tally = {f"{host}:{port}": collections.Counter() for host, port in options.to}
    errors = collections.Counter()
    numbers = itertools.count()
    started = time.monotonic()
    is_told_to_end = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, is_told_to_end.set)

    def next_number():
        number = next(numbers)
        if is_told_to_end.is_set():
            return None
        if options.count and number >= options.count:
            return None
        if options.seconds and time.monotonic() - started >= options.seconds:
            return None
        return number

    async def client():
        while (number := next_number()) is not None:
            if options.rate:
                await asyncio.sleep(max(0.0, started + number / options.rate - time.monotonic()))
            host, port = options.to[number % len(options.to)]
            try:
                source = source_of(host, number // len(options.to), options.sources)
                name = await one_request(host, port, source, options.timeout)
                tally[f"{host}:{port}"][name] += 1
            except (OSError, ValueError, asyncio.TimeoutError) as error:
                errors[f"{type(error).__name__}: {error}"] += 1

    await asyncio.gather(*(client() for _ in range(options.concurrency)))
    failed = sum(errors.values())
    return {
        "requests": failed + sum(sum(t.values()) for t in tally.values()),
        "failed": failed,
        "errors": dict(errors),
        "backends": {target: dict(sorted(t.items())) for target, t in tally.items()},
        "seconds": round(time.monotonic() - started, 3),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=split_target, action="append", required=True)
    parser.add_argument("--count", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=0)
    parser.add_argument("--concurrency", type=int, default=32)
    parser.add_argument("--rate", type=float, default=0, help="requests a second; 0: as fast as they go")
    parser.add_argument("--sources", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds until a connection, and an answer")
    options = parser.parse_args()
    result = asyncio.run(run(options))
    json.dump(result, sys.stdout)
    print()
    return 1 if result["failed"] else 0


if __name__ == "__main__":
    sys.exit(main())
