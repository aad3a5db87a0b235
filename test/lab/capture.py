#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""capture.py -f FILE [-k KIND] [-s SNAPLEN] [-t UNIX] [-e] [SOURCE PORT TEXT]...

Write a capture of datagrams to 192.0.2.1, a second apart from UNIX on; without
any: an INVITE of the lab's blocked source, one of another, and its OPTIONS.
-e: no packet at all.  What 192.0.2.1 itself sends is outgoing in sll and sll2.  KIND: eth (default), nsec, ng, raw, null, sll, sll2, vlan, qinq, sllvlan.
"""
import argparse
import socket
import struct
import sys

LINK = {'raw': 101, 'null': 0, 'sll': 113, 'sll2': 276, 'sllvlan': 113}
ETHER = bytes(12)
HEAD = {'eth': ETHER + b'\x08\0', 'raw': b'', 'null': b'\x02\0\0\0',
        'sll': bytes(14) + b'\x08\0', 'sll2': b'\x08\0' + bytes(18),
        'vlan': ETHER + b'\x81\0\0\x05\x08\0',
        'qinq': ETHER + b'\x88\xa8\0\x05\x81\0\0\x06\x08\0',
        'sllvlan': bytes(14) + b'\x81\0\0\x05\x08\0'}
WAY = {'sll': 1, 'sll2': 10}
DEFAULT = ['203.0.113.7', '5060',
           'INVITE sip:one@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n',
           '203.0.113.8', '5060',
           'INVITE sip:two@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n',
           '203.0.113.8', '5060',
           'OPTIONS sip:a@192.0.2.1 SIP/2.0\r\nVia: x\r\n\r\n']


def packet(kind, source, port, text):
    text = text.encode()
    ip = struct.pack('>BBHHHBBH4s4s', 0x45, 0, 28 + len(text), 0, 0, 64, 17, 0,
                     socket.inet_aton(source), socket.inet_aton('192.0.2.1'))
    udp = struct.pack('>HHHH', 5080, int(port), 8 + len(text), 0)
    head = bytearray(HEAD.get(kind, HEAD['eth']))
    if source == '192.0.2.1' and kind in WAY:
        head[WAY[kind]] = 4
    return bytes(head) + ip + udp + text


def block(kind, body):
    body += b'\0' * (-len(body) % 4)
    n = struct.pack('<I', len(body) + 12)
    return struct.pack('<I', kind) + n + body + n


def write(f, o, packets):
    link = LINK.get(o.k, 1)
    if o.k == 'ng':
        f.write(block(0x0a0d0d0a, struct.pack('<IHHq', 0x1a2b3c4d, 1, 0, -1)))
        f.write(block(1, struct.pack('<HHI', link, 0, 0)))
    else:
        magic = 0xa1b23c4d if o.k == 'nsec' else 0xa1b2c3d4
        f.write(struct.pack('<IHHIIII', magic, 2, 4, 0, 0, o.s, link))
    for i, p in enumerate(packets):
        head = len(p[:o.s]), len(p)
        us = (o.t + i) * 1000000
        if o.k == 'ng':
            f.write(block(6, struct.pack('<IIIII', 0, us >> 32,
                                         us & 0xffffffff, *head) + p[:o.s]))
        else:
            f.write(struct.pack('<IIII', o.t + i, 0, *head) + p[:o.s])


def main():
    a = argparse.ArgumentParser()
    a.add_argument('-k', default='eth')
    a.add_argument('-s', type=int, default=262144)
    a.add_argument('-t', type=int, default=1767323045)
    a.add_argument('-e', action='store_true')
    a.add_argument('-f', required=True)
    a.add_argument('packets', nargs='*')
    o = a.parse_args()
    v = [] if o.e else o.packets or DEFAULT
    with open(o.f, 'wb') as f:
        write(f, o, [packet(o.k, *v[i:i + 3]) for i in range(0, len(v), 3)])


sys.exit(main())
