#!/usr/bin/python3 -SE
# SPDX-License-Identifier: Apache-2.0
"""raw.py udp HOST:PORT | raw.py http HOST:PORT: send each line of stdin as it is
(\\r, \\n and \\0 meant) and print what comes back within a quarter of a second, a line
each; dates, times and seconds are left out of it.  Of HTTP: "<end>" when the
connection was closed, "<open>" when not."""
import re
import socket
import sys


def shown(data):
    text = data.decode(errors='replace')
    text = re.sub(r'[A-Z][a-z]{2},? [\w ]+\d\d:\d\d:\d\d( \d{4}| GMT)?',
                  'TIME', text)
    text = re.sub(r'\d+ \[sec\]', 'N [sec]', text)
    text = re.sub(r'Content-Length: \d+', 'Content-Length: N', text)
    return text.replace('\r\n', '|')


def udp(to, data):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(0.25)
    sock.sendto(data, to)
    try:
        return shown(sock.recv(65536))
    except TimeoutError:
        return '<none>'


def http(to, data):
    sock = socket.create_connection(to)
    sock.settimeout(0.25)
    sock.sendall(data)
    got = b''
    try:
        while True:
            piece = sock.recv(65536)
            if not piece:
                return shown(got) + '<end>'
            got += piece
    except TimeoutError:
        return shown(got) + '<open>'


def main():
    host, _, port = sys.argv[2].rpartition(':')
    for line in sys.stdin:
        data = line.rstrip('\n').encode().decode('unicode_escape').encode()
        print({'udp': udp, 'http': http}[sys.argv[1]]((host, int(port)), data))


main()
