# SPDX-License-Identifier: Apache-2.0
"""The other end of control.py, by itself: tests start it often."""
import json
import os
import socket
import sys


def talk(directory, words, timeout=5):
    """A relative name: paths of sockets are short."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    sock.settimeout(timeout)
    fd = os.open(directory, os.O_PATH | os.O_DIRECTORY)
    try:
        sock.connect('/proc/self/fd/%d/ctl' % fd)
        sock.sendall(json.dumps(words).encode() + b'\n')
        data = b''
        while not data.endswith(b'\n'):
            piece = sock.recv(65536)
            if not piece:
                break
            data += piece
        return json.loads(data)
    finally:
        os.close(fd)
        sock.close()


def client(directory, words):
    try:
        said = talk(directory, {'words': words})
    except OSError as e:
        print('opensips ctl: %s: %s' % (directory, e), file=sys.stderr)
        return 1
    if 'error' in said:
        print('opensips ctl: %s' % said['error'], file=sys.stderr)
        return 1
    if said['said']:
        print(said['said'])
    return 0
