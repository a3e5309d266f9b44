#!/usr/bin/python3
"""One short TCP connection after the other, each written down: runs in a lab's client node.

    flow_probe.py 203.0.113.10 80

Runs until its standard input ends, then prints a line for each connection, `TIME SOURCE_PORT BACKEND` or
`TIME SOURCE_PORT !ERROR`; TIME is CLOCK_BOOTTIME at its start, the clock that trials are measured by. Four at a time,
at most 100 a second.
"""
import asyncio
import sys
import time

REQUEST = b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n"
AT_ONCE = 4
PAUSE_S = 0.04


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
    host, port = sys.argv[1], int(sys.argv[2])
    lines, stop = [], asyncio.Event()

    async def client():
        while not stop.is_set():
            await one(host, port, lines)
            await asyncio.sleep(PAUSE_S)

    clients = [asyncio.create_task(client()) for _ in range(AT_ONCE)]
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    stop.set()
    await asyncio.gather(*clients)
    print("\n".join(lines))


if __name__ == "__main__":
    asyncio.run(main())
