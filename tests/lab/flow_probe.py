#!/usr/bin/python3
"""One short TCP connection after the other, each written down: runs in a lab's client node.

    flow_probe.py 203.0.113.10 80 SECONDS

At its end a line for each connection, `TIME SOURCE_PORT BACKEND` or `TIME SOURCE_PORT !ERROR`; TIME is CLOCK_BOOTTIME at its start,
the clock that trials are measured by. Four at a time, some 200 a second.
"""
import asyncio
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
AT_ONCE = 4
PAUSE_S = 0.02


def now() -> float:
    return time.clock_gettime(time.CLOCK_BOOTTIME)


async def one(host, port, lines):
    begun, source = now(), 0
    try:
        reader, writer = await asyncio.wait_for(asyncio.open_connection(host, port), 5)
        try:
            source = writer.get_extra_info("sockname")[1]
            writer.write(REQUEST)
            body = (await asyncio.wait_for(reader.read(), 5)).partition(b"\r\n\r\n")[2].decode()
        finally:
            writer.close()
        name = body.split()[0] if body else "!empty"
    except (OSError, asyncio.TimeoutError) as error:
        name = f"!{type(error).__name__}"
    lines.append(f"{begun:.4f} {source} {name}")


async def main():
    host, port, seconds = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
    end = now() + seconds
    lines = []

    async def client():
        while now() < end:
            await one(host, port, lines)
            await asyncio.sleep(PAUSE_S)

    await asyncio.gather(*(client() for _ in range(AT_ONCE)))
    print("\n".join(lines))


if __name__ == "__main__":
    asyncio.run(main())
