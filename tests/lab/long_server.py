#!/usr/bin/python3
"""A backend's side of long connections: answers each line with its own name and the line. Says "ready" once it listens.

    long_server.py NAME PORT
"""
import asyncio
import sys

NAME, PORT = sys.argv[1].encode(), int(sys.argv[2])


async def serve(reader, writer):
    try:
        while line := await reader.readline():
            writer.write(NAME + b" " + line)
    except OSError:
        pass
    finally:
        writer.close()


async def main():
    servers = [await asyncio.start_server(serve, host, PORT, backlog=4096) for host in ("0.0.0.0", "::")]
    print("ready", flush=True)
    await asyncio.gather(*(server.serve_forever() for server in servers))


asyncio.run(main())
