# SPDX-License-Identifier: Apache-2.0
"""Voice: a real UDP socket a leg, and packets from one to another.

As FreeSWITCH's they have SO_REUSEADDR: a port that another leg holds is bound a
second time without a word, and the later socket gets the packets
(switch_rtp.c:2835)."""

import asyncio
import random
import socket


class Port:
    """The socket of one leg.  OSError: the address is not here, or somebody
    else's."""

    def __init__(self, ip, port):
        self.ip, self.port = ip, port
        self.remote = None  # where its voice goes
        self.heard = self.sent = 0
        self.to = lambda: ()  # the ports that get what comes here
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.sock.setblocking(False)
        try:
            self.sock.bind((ip, port))
        except OSError:
            self.sock.close()
            raise
        asyncio.get_running_loop().add_reader(self.sock.fileno(), self.readable)

    def readable(self):
        for _ in range(50):
            try:
                data, source = self.sock.recvfrom(2048)
            except BlockingIOError:
                return
            except OSError:
                continue  # ICMP of a packet that nobody took
            self.heard += 1
            self.remote = source  # "Auto Changing audio port"
            for port in self.to():
                port.send(data)

    def send(self, data):
        if not self.remote:
            return
        try:
            self.sock.sendto(data, self.remote)
            self.sent += 1
        except OSError:
            pass

    def close(self):
        if self.sock:
            asyncio.get_running_loop().remove_reader(self.sock.fileno())
            self.sock.close()
            self.sock = None


class Pool:
    """rtp-start-port to rtp-end-port: the ports of new calls.  What a recovered
    leg binds is not taken from it; with rtp-port-usage-robustness it is looked
    whether somebody holds a port, without it is handed out all the same."""

    def __init__(self, switch):
        self.switch = switch
        self.used = set()

    def take(self):
        ports = range(self.switch.rtp_first, self.switch.rtp_last + 1, 2)
        start = random.randrange(len(ports))
        for i in range(len(ports)):
            port = ports[(start + i) % len(ports)]
            if port in self.used or self.switch.robust and self.is_held(port):
                continue
            self.used.add(port)
            return port
        raise OSError("no RTP port is left")

    def is_held(self, port):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as s:
            try:
                s.bind((self.switch.ip, port))
            except OSError:
                return True
        return False

    def give_back(self, port):
        self.used.discard(port)
