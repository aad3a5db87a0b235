#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""poke.py bye|reinvite HOST:PORT: tell SIPp there, of each call whose Call-ID is on
a line of stdin, to send BYE (it gets an INFO) or a re-INVITE (a NOTIFY).  -r N: so
many a second; default 200."""
import socket
import sys
import time

METHODS = {'bye': 'INFO', 'reinvite': 'NOTIFY'}


def main():
    argv = sys.argv[1:]
    rate = 200.0
    if argv[0] == '-r':
        rate, argv = float(argv[1]), argv[2:]
    method = METHODS[argv[0]]
    host, _, port = argv[1].rpartition(':')
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    if host.startswith('127.'):
        sock.bind(('127.0.3.9', 0))
    for n, callid in enumerate(sys.stdin.read().split()):
        text = ('%s sip:x@%s:%s SIP/2.0\r\n'
                'Via: SIP/2.0/UDP 127.0.3.9:9;branch=z9hG4bKpoke%d\r\n'
                'From: <sip:poke@127.0.3.9>;tag=p\r\nTo: <sip:x@%s>\r\n'
                'Call-ID: %s\r\nCSeq: 1 %s\r\nContent-Length: 0\r\n\r\n'
                % (method, host, port, n, host, callid, method))
        sock.sendto(text.encode(), (host, int(port)))
        time.sleep(1 / rate)


main()
