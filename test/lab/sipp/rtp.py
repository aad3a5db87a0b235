#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""rtp.py COUNT SOURCE DESTINATION SOURCE DESTINATION: RTP from each of two ends at
once, each from its own HOST:PORT to where it was told; prints how many of the other's
arrived at the first and at the second."""
import select
import socket
import struct
import sys
import time


def address(text):
    host, _, port = text.rpartition(':')
    return host, int(port)


class End:
    def __init__(self, number, source, destination):
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.bind(address(source))
        self.number, self.to = number, address(destination)
        self.sequence, self.heard = 0, set()

    def send(self):
        self.sequence += 1
        head = struct.pack('!BBHII', 0x80, 8, self.sequence,
                           160 * self.sequence, self.number)
        self.sock.sendto(head + b'\xd5' * 160, self.to)

    def hear(self):
        data = self.sock.recv(2048)
        if len(data) >= 12:
            _, _, sequence, _, ssrc = struct.unpack('!BBHII', data[:12])
            if ssrc != self.number:
                self.heard.add(sequence)


def main():
    count = int(sys.argv[1])
    ends = [End(0x1111, *sys.argv[2:4]), End(0x2222, *sys.argv[4:6])]
    following, until = time.time(), time.time() + 0.02 * count + 0.3
    while time.time() < until:
        if ends[0].sequence < count and time.time() >= following:
            following += 0.02
            for end in ends:
                end.send()
        ready, _, _ = select.select([e.sock for e in ends], [], [], 0.005)
        for end in ends:
            if end.sock in ready:
                try:
                    end.hear()
                except OSError:
                    pass
    print(len(ends[0].heard), len(ends[1].heard))


main()
