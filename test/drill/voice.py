#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""Voice of some of the calls, at both ends.

  voice.py speak SIPP PACE_MS EACH     for ever: of every EACH-th call with two ends, RTP
        from each to where it was told last (the logs of SIPp in the directory SIPP, and
        SIPP/../pairs), a packet each PACE_MS, from the end's own address and port.  As
        root
  voice.py heard SIPP PCAP FROM UNTIL EACH [IDS]   of what arrived: a line of JSON:
        ends, how many speak; deaf, those that nothing came to in the last half second;
        gap_ms, the longest pause of each.  IDS: a file of the Call-IDs that count
"""
import glob
import json
import os
import socket
import struct
import sys
import time

PLACES = {'uas': ('10.77.3.2', 30000), 'uac': ('10.77.3.1', 20000)}


class Ends:
    """What the logs say: (END, CALL-ID): [own address, own port, told]."""

    def __init__(self, directory, each):
        self.dir, self.each, self.read = directory, each, {}
        self.ends = {}

    def look(self):
        for path in glob.glob(os.path.join(self.dir, 'ua[cs]*.log')):
            name = os.path.basename(path)[:-4]
            with open(path) as f:
                f.seek(self.read.get(path, 0))
                for line in f:
                    if not line.endswith('\n'):
                        break
                    self.read[path] = self.read.get(path, 0) + len(line)
                    self.heard(name, line.split())

    def heard(self, name, words):
        key = tuple(words[1:3])
        if words[0] == 'up':
            ip, first = PLACES[words[1]]
            if words[1] == 'uac':
                first += 1000 * int(name[4:])
            self.ends[key] = [ip, first + 4 * (int(words[4]) - 1), words[3]]
        elif words[0] == 'invited' and key in self.ends:
            self.ends[key][2] = words[5]
        elif words[0] == 'down':
            self.ends.pop(key, None)

    def pairs(self):
        """{Call-ID of a called one's leg: the caller's}"""
        try:
            with open(os.path.join(self.dir, '..', 'pairs')) as f:
                return {b: a for a, b in map(str.split, f)}
        except FileNotFoundError:
            return {}

    def speaking(self):
        """Both ends of every EACH-th call, of those that have two."""
        pairs = self.pairs()
        two = set(pairs) | set(pairs.values()) | {
            c for e, c in self.ends if e == 'uac' and ('uas', c) in self.ends}
        for (end, callid), (ip, port, told) in self.ends.items():
            number = pairs.get(callid, callid).split('-')[1]
            if callid in two and int(number) % self.each == 0:
                yield end, callid, (ip, port), told


def packet(src, dst, n):
    payload = struct.pack('!BBHII', 0x80, 8, n & 0xffff, 160 * n & 0xffffffff,
                          src[1]) + b'\xd5' * 160
    udp = struct.pack('!HHHH', src[1], dst[1], 8 + len(payload), 0) + payload
    ip = struct.pack('!BBHHHBBH4s4s', 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                     socket.inet_aton(src[0]), socket.inet_aton(dst[0]))
    return ip + udp


def speak(directory, pace_ms, each):
    ends, n = Ends(directory, each), 0
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    due = time.monotonic()
    while True:
        ends.look()
        n += 1
        for _, _, own, told in ends.speaking():
            host, _, port = told.rpartition(':')
            try:
                raw.sendto(packet(own, (host, int(port)), n), (host, 0))
            except OSError:
                pass
        due = max(due + pace_ms / 1000, time.monotonic())
        time.sleep(max(0, due - time.monotonic()))


def arrivals(path, since, until):
    """{port: [milliseconds]}"""
    with open(path, 'rb') as f:
        data = f.read()
    out, at = {}, 24
    while at + 16 <= len(data):
        s, us, size, _ = struct.unpack('<IIII', data[at:at + 16])
        frame, at = data[at + 16:at + 16 + size], at + 16 + size
        when = s * 1000 + us // 1000
        if since <= when < until and len(frame) >= 38:
            port = struct.unpack('!H', frame[36:38])[0]
            out.setdefault(port, []).append(when)
    return out


def heard(directory, path, since, until, each, ids=None):
    ends = Ends(directory, each)
    ends.look()
    wanted = None
    if ids:
        with open(ids) as f:
            wanted = set(f.read().split())
    got, n, deaf, gaps = arrivals(path, since, until), 0, [], []
    for end, callid, own, _ in ends.speaking():
        if wanted is not None and callid not in wanted:
            continue
        n += 1
        times = [since] + got.get(own[1], []) + [until]
        gaps.append(max(b - a for a, b in zip(times, times[1:])))
        if until - times[-2] > 500:
            deaf.append(end + ' ' + callid)
    print(json.dumps({'ends': n, 'deaf': deaf, 'gap_ms': sorted(gaps)}))


def main():
    what, words = sys.argv[1], sys.argv[2:]
    if what == 'speak':
        speak(words[0], int(words[1]), int(words[2]))
    else:
        heard(words[0], words[1], *map(int, words[2:5]), *words[5:])


main()
