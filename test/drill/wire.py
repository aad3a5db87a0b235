#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""What came to the ends of the calls, from a capture there.

  wire.py move PCAP FROM UNTIL IDS     IDS: a file of the Call-IDs that an event
        concerns; FROM and UNTIL in milliseconds since 1970.  One line of JSON:
        concerned, told, untold, ends; twice: calls an end of which took two
        re-INVITEs from different nodes; again: from the same; others: calls that it
        does not concern, and an end was asked; silence_ms of each that was told
  wire.py byes PCAP FROM               "CALL-ID WHO STATUS" of each BYE that an end
        sent, with the last final answer that it got, or -
  wire.py leaked PCAP EDGE SERVERS     "N M": how many packets came while the server of
        EDGE ran, as the lines "up|down MILLISECONDS EDGE" of SERVERS say, and else
"""
import json
import struct
import sys

CALLER, CALLED = '10.77.3.1', '10.77.3.2'


def packets(path):
    with open(path, 'rb') as f:
        data = f.read()
    order = '<' if data[:4] in (b'\xd4\xc3\xb2\xa1', b'\x4d\x3c\xb2\xa1') else '>'
    at = 24
    while at + 16 <= len(data):
        s, us, size, _ = struct.unpack(order + 'IIII', data[at:at + 16])
        frame = data[at + 16:at + 16 + size]
        at += 16 + size
        if len(frame) < 42 or frame[12:14] != b'\x08\x00' or frame[23] != 17:
            continue
        ip = 14 + (frame[14] & 15) * 4
        src, dst = ('.'.join(map(str, frame[k:k + 4])) for k in (26, 30))
        yield s * 1000 + us // 1000, src, dst, frame[ip + 8:]


class Sip:
    def __init__(self, when, src, dst, data):
        self.when, self.src, self.dst = when, src, dst
        lines = data.decode(errors='replace').split('\r\n')
        self.first = lines[0].split(' ')
        self.is_reply = self.first[0] == 'SIP/2.0'
        self.head = {}
        for line in lines[1:]:
            if not line:
                break
            name, _, value = line.partition(':')
            self.head.setdefault(name.strip().lower(), value.strip())
        self.id = self.head.get('call-id', '')
        cseq = self.head.get('cseq', '0 -').split()
        self.cseq, self.method = int(cseq[0]), cseq[-1]

    @property
    def branch(self):
        return self.head.get('via', '').partition('branch=')[2].split(';')[0]


def messages(path, since, until=1 << 60):
    for when, src, dst, data in packets(path):
        if since <= when < until and len(data) > 20:
            yield Sip(when, src, dst, data)


def end_of(address):
    return {CALLER: 'caller', CALLED: 'called'}.get(address)


def move(path, since, until, ids):
    """A re-INVITE is one by its branch: what is sent again is none.  An end had it
    when it said 200."""
    with open(ids) as f:
        concerned = set(f.read().split())
    asked, said = {}, {}  # (Call-ID, end): {branch: from}, {branch: when}
    for m in messages(path, since, until):
        if not m.is_reply and m.first[0] == 'INVITE' and end_of(m.dst) and \
                'tag=' in m.head.get('to', ''):
            asked.setdefault((m.id, end_of(m.dst)), {})[m.branch] = m.src
        elif m.is_reply and m.method == 'INVITE' and end_of(m.src) and \
                m.first[1] == '200':
            key = m.id, end_of(m.src)
            if m.branch in asked.get(key, ()):
                said.setdefault(key, {}).setdefault(m.branch, m.when)
    silence = {}
    for (callid, _), branches in said.items():
        if callid in concerned:
            silence[callid] = max(silence.get(callid, 0),
                                  max(branches.values()) - since)
    others = sorted({k[0] for k in asked} - concerned)
    twice = sorted({k[0] for k, b in said.items()
                    if len({asked[k][branch] for branch in b}) > 1})
    again = sorted({k[0] for k, b in said.items() if len(b) > 1} - set(twice))
    print(json.dumps({
        'concerned': len(concerned), 'told': len(silence),
        'untold': sorted(concerned - set(silence)),
        'ends': len(said), 'twice': twice, 'again': again, 'others': others,
        'silence_ms': sorted(silence.values())}))


def byes(path, since):
    out = {}
    for m in messages(path, since):
        if m.method != 'BYE':
            continue
        if not m.is_reply and end_of(m.src):
            out.setdefault((m.id, end_of(m.src)), '-')
        elif m.is_reply and end_of(m.dst) and m.first[1] >= '200':
            out[m.id, end_of(m.dst)] = m.first[1]
    for (callid, who), status in sorted(out.items()):
        print(callid, who, status)


def leaked(path, edge, servers):
    turns = []
    with open(servers) as f:
        for what, when, who in map(str.split, f):
            if who == edge:
                turns.append((int(when), what == 'up'))
    n = [0, 0]
    for when, *_ in packets(path):
        before = [is_up for at, is_up in turns if at <= when]
        n[not (before and before[-1])] += 1
    print(*n)


def main():
    what, path, words = sys.argv[1], sys.argv[2], sys.argv[3:]
    if what == 'move':
        move(path, int(words[0]), int(words[1]), words[2])
    elif what == 'byes':
        byes(path, int(words[0]))
    else:
        leaked(path, *words)


main()
