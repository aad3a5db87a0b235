#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Voice of calls that rtpengine anchors, both ways, and what came of it.

    rtp.py N    lines on stdin: CALL-ID CALLER TOLD CALLEE TOLD

Where each end has its media, and where it was last told to send it, as ADDRESS:PORT.
N packets go from each end to where it was told, with the end's own address as their
source (raw sockets: the ends are SIPp).  A line a call on stdout: "CALL-ID A B", how
many the callee got of the caller's and the caller of the callee's, from where they
themselves send to: rtpengine's ports are symmetric.  In a network namespace of its
own, as root."""
import socket
import struct
import sys
import threading
import time

SO_RCVBUFFORCE = 33  # socket(7); Python does not name it
PACE_S = 0.02
QUIET_S, AFTER_S = 0.3, 5  # all has come when nothing comes, on a busy machine too


def place(text):
    host, _, port = text.rpartition(':')
    return host, int(port)


class Counter(threading.Thread):
    """Every UDP packet on loopback, by (from, to)."""
    def __init__(self):
        super().__init__(daemon=True)
        self.count, self.end_s = {}, None
        self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM,
                                  socket.htons(0x800))
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE,
                             16 << 20)
        self.sock.bind(('lo', 0x800))
        self.sock.settimeout(QUIET_S)

    def run(self):
        while not self.end_s or time.monotonic() < self.end_s:
            try:
                p, where = self.sock.recvfrom(2048)
            except socket.timeout:
                if self.end_s:
                    return
                continue
            if where[2] == socket.PACKET_OUTGOING or p[9] != 17:
                continue
            at = (p[0] & 15) * 4
            sport, dport = struct.unpack('!HH', p[at:at + 4])
            key = ((socket.inet_ntoa(p[12:16]), sport),
                   (socket.inet_ntoa(p[16:20]), dport))
            self.count[key] = self.count.get(key, 0) + 1


def send(raw, src, dst, payload):
    udp = struct.pack('!HHHH', src[1], dst[1], 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     socket.inet_aton(src[0]), socket.inet_aton(dst[0]))
    raw.sendto(ip + udp, (dst[0], 0))


def main():
    calls = [line.split() for line in sys.stdin if line.strip()]
    calls = [(c[0], *map(place, c[1:5])) for c in calls]
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    counter = Counter()
    counter.start()
    for i in range(int(sys.argv[1])):
        for k, (_, a, a_told, b, b_told) in enumerate(calls):
            for ssrc, src, dst in ((2 * k, a, a_told), (2 * k + 1, b, b_told)):
                send(raw, src, dst,
                     struct.pack('!BBHII', 0x80, 8, i + 1, (i + 1) * 160,
                                 1000 + ssrc) + bytes(160))
        time.sleep(PACE_S)
    counter.end_s = time.monotonic() + AFTER_S
    counter.join()
    for callid, a, a_told, b, b_told in calls:
        print(callid, counter.count.get((b_told, b), 0),
              counter.count.get((a_told, a), 0))


main()
