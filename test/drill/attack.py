#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""attack.py DIR RATE TARGET...: packets to the SIP ports of all targets, RATE a
second to each, until SIGTERM; by turns of the kinds that DIR/kinds names, a line
each: KIND SOURCE..., which is read again when it has changed.

  flood    INVITE and REGISTER of who is on a block list
  scan     OPTIONS of strangers: stealth
  junk     what is no SIP, of strangers: malformed

DIR/sent: "TARGET KIND PACKETS", written each half second and at the end.  SOURCE is
an address of the attacker's, or one with a * at its end."""
import os
import random
import signal
import socket
import sys
import time

FIRST = {'flood': ('INVITE', 'REGISTER'), 'scan': ('OPTIONS',)}
JUNK = (b'GET / HTTP/1.1\r\nHost: sip.example.net\r\n\r\n',
        b'\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03' + bytes(64),
        b'INVITE sip:1@192.0.2.1 SIP/3.0\r\nVia: x\r\n\r\n')


class Attack:
    def __init__(self, directory, rate, targets):
        self.dir, self.rate, self.targets = directory, rate, targets
        self.kinds, self.stamp, self.count = [], 0, 0
        self.sent = {}
        self.sock = {}
        self.is_over = False

    def read(self):
        path = os.path.join(self.dir, 'kinds')
        try:
            stamp = os.stat(path).st_mtime_ns
        except FileNotFoundError:
            return
        if stamp != self.stamp:
            self.stamp = stamp
            with open(path) as f:
                self.kinds = [line.split() for line in f if line.strip()]

    def tell(self):
        path = os.path.join(self.dir, 'sent')
        with open(path + '.new', 'w') as f:
            for (target, kind), n in sorted(self.sent.items()):
                print(target, kind, n, file=f)
        os.rename(path + '.new', path)

    def at(self, source):
        """A socket of that source, which asks from the same port always."""
        if source not in self.sock:
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((source, 5060))
            s.setblocking(False)
            self.sock[source] = s
        return self.sock[source]

    def packet(self, kind, source, target):
        self.count += 1
        if kind == 'junk':
            return random.choice(JUNK)
        method = random.choice(FIRST[kind])
        return ('%s sip:100@%s SIP/2.0\r\nVia: SIP/2.0/UDP %s:5060;branch='
                'z9hG4bKa%d\r\nMax-Forwards: 70\r\nFrom: <sip:100@%s>;tag=a%d'
                '\r\nTo: <sip:100@%s>\r\nCall-ID: a%d@%s\r\nCSeq: 1 %s\r\n'
                'Contact: <sip:100@%s:5060>\r\nContent-Length: 0\r\n\r\n'
                % (method, target, source, self.count, source, self.count,
                   target, self.count, source, method, source)).encode()

    def one(self, target):
        kind, *sources = self.kinds[self.count % len(self.kinds)]
        source = random.choice(sources)
        if source.endswith('*'):
            source = source[:-1] + str(random.randrange(1, 64))
        data = self.packet(kind, source, target)
        try:
            self.at(source).sendto(data, (target, 5060))
        except OSError:
            return
        key = target, kind
        self.sent[key] = self.sent.get(key, 0) + 1

    def run(self):
        began = told = time.monotonic()
        done = 0
        while not self.is_over:
            now = time.monotonic()
            self.read()
            if not self.kinds:
                began, done = now, 0
            while self.kinds and done < (now - began) * self.rate:
                done += 1
                for target in self.targets:
                    self.one(target)
            if now - told > 0.5:
                told = now
                self.tell()
            time.sleep(0.02)
        self.tell()


def main():
    attack = Attack(sys.argv[1], float(sys.argv[2]), sys.argv[3:])

    def over(*_):
        attack.is_over = True

    signal.signal(signal.SIGTERM, over)
    attack.run()


main()
