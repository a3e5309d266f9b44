#!/usr/bin/python3
"""How long packets wait: a datagram every 2 ms from a lab's client, and when each was answered.

    datagram_gap.py 203.0.113.10 53

Runs until its standard input ends, then prints one JSON object: {sent, answered, longest_gap_s}. The gap is the
longest time between two answers.
"""
import json
import select
import socket
import sys
import time

EVERY_S = 0.002


def main():
    target = (sys.argv[1], int(sys.argv[2]))
    client = socket.socket(socket.AF_INET6 if ":" in target[0] else socket.AF_INET, socket.SOCK_DGRAM)
    client.connect(target)
    sent, answered, longest, last = 0, 0, 0.0, None
    due, stop_at = time.monotonic(), None
    while stop_at is None or time.monotonic() < stop_at:
        now = time.monotonic()
        if now >= due and stop_at is None:
            try:
                client.send(b"?")
                sent += 1
            except OSError:
                pass  # an ICMP error about an earlier one
            due = max(due + EVERY_S, now)
        watched = [client] if stop_at else [client, sys.stdin]
        ready = select.select(watched, [], [], max(0.0, due - time.monotonic()) if stop_at is None else 0.1)[0]
        if client in ready:
            try:
                client.recv(100)
            except OSError:
                continue
            now = time.monotonic()
            longest, last, answered = max(longest, now - (last or now)), now, answered + 1
        if sys.stdin in ready and not sys.stdin.read(1):
            stop_at = time.monotonic() + 0.5
    print(json.dumps({"sent": sent, "answered": answered, "longest_gap_s": round(longest, 4)}))


if __name__ == "__main__":
    main()
