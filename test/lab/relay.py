#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""relay.py IF IF MS: every frame of one goes out of the other, MS later."""
import collections
import select
import socket
import sys
import time

ALL = 3  # ETH_P_ALL
OUTGOING = 4  # PACKET_OUTGOING, packet(7)


def port(name):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ALL))
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((name, ALL))
    s.setblocking(False)
    return s


def take(source, to, waiting, delay):
    try:
        while True:
            frame, where = source.recvfrom(65536)
            if where[2] != OUTGOING:
                waiting.append((time.monotonic() + delay, to, frame))
    except BlockingIOError:
        pass


def send_due(waiting):
    while waiting and waiting[0][0] <= time.monotonic():
        _, to, frame = waiting.popleft()
        try:
            to.send(frame)
        except OSError:  # a link that is down or full loses it
            pass


def main():
    a, b = port(sys.argv[1]), port(sys.argv[2])
    delay = int(sys.argv[3]) / 1000
    waiting = collections.deque()
    print("ready", flush=True)
    while True:
        left = max(0, waiting[0][0] - time.monotonic()) if waiting else None
        for s in select.select([a, b], [], [], left)[0]:
            take(s, b if s is a else a, waiting, delay)
        send_due(waiting)


main()
