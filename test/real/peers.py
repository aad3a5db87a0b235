#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""peers.py DIR: what an OpenSIPS under test sends probes to: SIP servers on
127.0.2.1-3:5060 that answer OPTIONS, rtpengines on 127.0.2.31-32:2223 that answer
pings.  The file DIR/ADDRESS says how: "ok" (also when there is none), "silent",
"delay SECONDS", a status.  It is looked at when a question comes, so that an
answer that is on its way comes whatever is said later.  DIR/ADDRESS.asked counts
the questions."""
import os
import re
import select
import socket
import sys
import time

SIP = ['127.0.2.%d' % i for i in (1, 2, 3)]
NG = ['127.0.2.31', '127.0.2.32']


def how(directory, address):
    try:
        with open(os.path.join(directory, address)) as f:
            return (f.read().split() or ['ok']) + ['0']
    except FileNotFoundError:
        return ['ok', '0']


def count(directory, address, n={}):
    n[address] = n.get(address, 0) + 1
    path = os.path.join(directory, address + '.asked')
    with open(path + '.new', 'w') as f:
        f.write('%d\n' % n[address])
    os.rename(path + '.new', path)


def sip_answer(data, status):
    text = data.decode(errors='replace')
    if not text.startswith('OPTIONS '):
        return None
    lines = ['SIP/2.0 %s x' % status]
    for name in ('Via', 'From', 'To', 'Call-ID', 'CSeq'):
        for line in re.findall(r'^%s:.*?\r$' % name, text, re.M | re.I):
            tag = ';tag=peer' if name == 'To' else ''
            lines.append(line.strip() + tag)
    return ('\r\n'.join(lines) + '\r\nContent-Length: 0\r\n\r\n').encode()


def ng_answer(data):
    cookie, _, body = data.partition(b' ')
    result = b'4:pong' if b'4:ping' in body else b'2:ok'
    return cookie + b' d6:result' + result + b'e'


def bound(address, port):
    s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((address, port))
    return s


def main():
    directory = sys.argv[1]
    sockets = {bound(a, 5060): a for a in SIP}
    sockets.update({bound(a, 2223): a for a in NG})
    later = []  # (when, socket, data, to)
    while True:
        wait = min([w for w, *_ in later], default=time.time() + 60)
        ready, _, _ = select.select(list(sockets), [], [],
                                    max(0, wait - time.time()))
        for s in ready:
            data, source = s.recvfrom(65536)
            address = sockets[s]
            word, value = how(directory, address)[:2]
            count(directory, address)
            if word == 'silent':
                continue
            status = word if word.isdigit() else '200'
            answer = (sip_answer(data, status) if address in SIP
                      else ng_answer(data))
            delay = float(value) if word == 'delay' else 0
            if answer:
                later.append((time.time() + delay, s, answer, source))
        now = time.time()
        for item in [x for x in later if x[0] <= now]:
            item[1].sendto(item[2], item[3])
            later.remove(item)


main()
