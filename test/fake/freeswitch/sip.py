# SPDX-License-Identifier: Apache-2.0
"""mod_sofia's socket: SIP over UDP with its transactions, and OPTIONS."""

import asyncio
import socket
import time

import message
from message import build, token

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REFER, NOTIFY"
IP_RECVERR = 11  # ip(7); Python does not name it
T1_S, T2_S = 0.5, 4.0  # RFC 3261 17.1.1.1


class Client:
    """A client transaction.  done(message): each response; done(None): none came
    within 32 s (the setting sip_timeout_s); done(503): nobody listens there."""

    def __init__(self, sip, method, branch, data, to, done):
        self.sip, self.method, self.branch = sip, method, branch
        self.data, self.to, self.done = data, to, done
        self.wait_s, self.timer = T1_S, None
        loop = asyncio.get_running_loop()
        self.end = loop.call_later(sip.switch.sip_timeout_s, self.expire)
        sip.clients[branch, method] = self
        self.send()

    def send(self):
        self.sip.send(self.data, self.to)
        self.timer = asyncio.get_running_loop().call_later(
            self.wait_s, self.again
        )

    def again(self):
        self.wait_s *= 2
        if self.method != "INVITE":
            self.wait_s = min(self.wait_s, T2_S)
        self.send()

    def stop(self):
        self.timer.cancel()
        self.end.cancel()
        self.sip.clients.pop((self.branch, self.method), None)

    def expire(self):
        self.stop()
        self.done(None)

    def refused(self):
        """ICMP said that nobody listens."""
        self.stop()
        asyncio.get_running_loop().call_later(1, self.done, 503)

    def response(self, m):
        if m.status < 200:
            self.timer.cancel()
            if self.method == "INVITE":
                self.end.cancel()
        elif self.method != "INVITE" or m.status >= 300:
            self.stop()
        else:
            self.timer.cancel()
            self.end.cancel()  # 200s that come again want an ACK again
            asyncio.get_running_loop().call_later(T1_S * 64, self.stop)
        self.done(m)


class Sip:
    def __init__(self, switch):
        self.switch = switch
        self.sock = None
        self.clients = {}  # (branch, method): Client
        self.replies = {}  # (branch, method): last response, its time
        self.request = None  # what takes requests other than OPTIONS

    async def open(self, ip, port):
        family = socket.AF_INET6 if ":" in ip else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setblocking(False)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        if family == socket.AF_INET:
            self.sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
        self.sock.bind((ip, port))
        loop = asyncio.get_running_loop()
        loop.add_reader(self.sock.fileno(), self.readable)

    # ---- datagrams

    def send(self, data, to):
        for _ in range(3):  # an error of an earlier one comes first
            try:
                self.sock.sendto(data, to)
                return
            except OSError:
                self.errors()

    def readable(self):
        for _ in range(200):
            try:
                data, source = self.sock.recvfrom(65536)
            except BlockingIOError:
                return
            except OSError:
                self.errors()
                continue
            self.received(data, source)

    def errors(self):
        """What ICMP sent back: the requests that nobody took."""
        while True:
            try:
                data, *_ = self.sock.recvmsg(
                    65536, 512, socket.MSG_ERRQUEUE | socket.MSG_DONTWAIT
                )
            except OSError:
                return
            m = message.parse(data)
            if m and not m.is_response:
                client = self.clients.get((m.branch(), m.method))
                if client:
                    client.refused()

    def received(self, data, source):
        m = message.parse(data)
        if not m:
            return
        if m.is_response:
            client = self.clients.get((m.branch(), m.cseq()[1]))
            if client:
                client.response(m)
            return
        key = m.branch(), m.method
        if m.method != "ACK" and key in self.replies:
            self.send(self.replies[key][0], source)
            return
        if m.method == "OPTIONS" and not message.tag(m.get("to")):
            self.send(self.options(m, source), source)
        elif self.request:
            self.request(m, source)
        elif m.method != "ACK":
            self.reply(m, source, 501, "Not Implemented")

    # ---- replies

    def reply(self, m, source, status, reason, extra=(), body="", tag=""):
        """Send one, and again when the request comes again."""
        self.send(self.keep(m, source, status, reason, extra, body, tag), source)

    def keep(self, m, source, status, reason, extra=(), body="", tag=""):
        to = m.get("to")
        if tag and not message.tag(to):
            to += ";tag=" + tag
        headers = self.vias(m, source)
        if status < 300:
            headers += [("Record-Route", r) for r in m.all("record-route")]
        headers += [
            ("From", m.get("from")),
            ("To", to),
            ("Call-ID", m.get("call-id")),
            ("CSeq", m.get("cseq")),
        ]
        headers += list(extra)
        if status > 100:
            headers.append(("User-Agent", "FS-" + self.switch.name))
        data = build("SIP/2.0 %d %s" % (status, reason), headers, body)
        now = time.monotonic()
        self.replies[m.branch(), m.method] = data, now
        if len(self.replies) % 512 == 0:
            for key, (_, at) in list(self.replies.items()):
                if now - at > 64 * T1_S:
                    del self.replies[key]
        return data

    @staticmethod
    def vias(m, source):
        return [
            ("Via", v.replace(";rport", ";rport=%d" % source[1], 1))
            for v in m.all("via")
        ]

    def options(self, m, source):
        is_taken = self.switch.takes_calls()
        headers = self.vias(m, source) + [
            ("From", m.get("from")),
            ("To", "%s;tag=%s" % (m.get("to"), token())),
            ("Call-ID", m.get("call-id")),
            ("CSeq", m.get("cseq")),
        ]
        if is_taken:
            headers.append(("Contact", "<%s>" % m.uri))
        else:
            headers.append(("Retry-After", "300"))
        headers.append(("User-Agent", "FS-" + self.switch.name))
        if is_taken:
            headers.append(("Accept", "application/sdp"))
        headers += [
            ("Allow", ALLOW),
            ("Supported", "timer, path, replaces"),
            ("Allow-Events", "talk, hold, conference, refer"),
        ]
        status = "200 OK" if is_taken else "503 Maximum Calls In Progress"
        return build("SIP/2.0 " + status, headers)
