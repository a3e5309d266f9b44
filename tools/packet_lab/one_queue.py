#!/usr/bin/python3
"""Connections from chosen source ports, for the drill: once PORT | load PORT... Runs in a lab's client node."""
import itertools
import socket
import struct
import sys
import time

TARGET = ("203.0.113.10", 80)
PAUSE_S = 0.01


def connect(port: int) -> None:
    with socket.socket() as connection:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        # Reset at the end: the port is free at once.
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.settimeout(1)
        connection.bind(("198.51.100.2", port))
        connection.connect(TARGET)
        connection.sendall(b"GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n")
        connection.recv(4096)


if sys.argv[1] == "once":
    connect(int(sys.argv[2]))
else:
    for port in itertools.cycle(map(int, sys.argv[2:])):
        try:
            connect(port)
        except OSError:
            pass
        time.sleep(PAUSE_S)
