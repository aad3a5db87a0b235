# SPDX-License-Identifier: Apache-2.0
"""SIP on the node's own port: calls (b2bua.py); OPTIONS are answered, and sent to what dispatcher
and load_balancer have, each interval; an answer counts whatever was said in
between.  Pings to rtpengines when it starts."""
import socket
import threading
import time
import uuid

from . import b2bua, media, sip as endpoint


def where(uri):
    """host and port of sip:HOST:PORT"""
    host, _, port = uri.partition(':')[2].partition(':')
    return host, int(port or 5060)


def options(s, uri, call_id):
    ip, port = s.args.sip
    return ('OPTIONS %s SIP/2.0\r\nVia: SIP/2.0/UDP %s:%d;branch=z9hG4bK%s\r\n'
            'From: <sip:dispatcher@localhost>;tag=%s\r\nTo: <%s>\r\n'
            'Call-ID: %s\r\nCSeq: 10 OPTIONS\r\nMax-Forwards: 70\r\n'
            'Content-Length: 0\r\n\r\n' % (uri, ip, port, call_id,
                                           call_id[:8], uri, call_id)).encode()


def header(text, name):
    for line in text.split('\r\n'):
        if line.lower().startswith(name.lower() + ':'):
            return line.partition(':')[2].strip()
    return ''


def answer(text):
    lines = ['SIP/2.0 200 OK']
    for line in text.split('\r\n'):
        name = line.partition(':')[0].lower()
        if name in ('via', 'from', 'call-id', 'cseq'):
            lines.append(line)
        elif name == 'to':
            lines.append(line + ('' if 'tag=' in line else ';tag=stand-in'))
    return ('\r\n'.join(lines) + '\r\nContent-Length: 0\r\n\r\n').encode()


class Probe:
    """One that is under way.  It is sent again after 0.5 s and 1 s more."""

    def __init__(self, s, thing):
        self.thing, self.call_id = thing, uuid.uuid4().hex
        self.sent = time.time()
        self.deadline = self.sent + s.timeout_s
        self.again = [self.sent + 1.5, self.sent + 0.5]

    def is_due(self, now):
        if self.again and now >= self.again[-1]:
            self.again.pop()
            return True
        return False


class Probes:
    """Those that are under way, by Call-ID."""

    def __init__(self, s, sock):
        self.s, self.sock, self.out = s, sock, {}

    def send(self, probe):
        self.out[probe.call_id] = probe
        try:
            self.sock.sendto(options(self.s, probe.thing.uri, probe.call_id),
                             where(probe.thing.uri))
        except OSError:
            pass

    def round(self):
        with self.s.lock:
            for d in self.s.dispatcher:
                if not d.inactive and d.set == 1:
                    self.send(Probe(self.s, d))
            for b in self.s.balanced:
                if b.enabled or b.auto:
                    self.send(Probe(self.s, b))

    def ended(self, call_id, is_ok):
        thing = self.out.pop(call_id).thing
        if hasattr(thing, 'auto'):  # of the load_balancer
            if thing.auto:
                thing.enabled = is_ok
        elif is_ok:
            thing.activate()
        else:
            thing.fail(self.s.threshold)

    def take(self, data, source):
        text = data.decode(errors='replace')
        if text.startswith('OPTIONS '):
            self.sock.sendto(answer(text), source)
            return
        call_id = header(text, 'Call-ID')
        status = text[8:11]
        if text.startswith('SIP/2.0 ') and status >= '200' and \
                call_id in self.out:
            with self.s.lock:
                self.ended(call_id, status == '200')

    def expire(self):
        now = time.time()
        with self.s.lock:
            for probe in list(self.out.values()):
                if probe.deadline < now:
                    self.ended(probe.call_id, False)
                elif probe.is_due(now):
                    self.send(probe)


def sip(s):
    """The node's SIP, all in this thread."""
    ep = endpoint.Endpoint(s, s.args.sip, s.args.fr_timeout,
                           s.args.fr_inv_timeout)
    calls = b2bua.B2bua(s, ep)
    if s.args.rtpengine:
        calls.media = media.Media(s, ep)
    probes = Probes(s, ep.sock)
    at = {'probes': time.time() + s.ping_s, 'second': 0}

    def take(m):
        if not calls.take(m):
            probes.take(m.encode(), m.source)

    def idle():
        now = time.time()
        probes.expire()
        if not s.args.no_probes and now >= at['probes']:
            at['probes'] = now + s.ping_s
            probes.round()
        with s.lock:
            s.dialogs.sweep()
            if now >= at['second']:
                at['second'] = now + 0.5
                calls.expire()

    ep.run(take, idle)


def probe(s):
    """rtpengines, once."""
    for engine in list(s.engines):
        threading.Thread(target=ping, args=(s, engine), daemon=True).start()


def ping(s, engine):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.settimeout(1)
    host, _, port = engine.url.partition(':')[2].rpartition(':')
    for _ in range(2):
        try:
            sock.sendto(b'stand-in d7:command4:pinge', (host, int(port)))
            sock.recv(65536)
            return
        except OSError:
            continue
    with s.lock:
        engine.disabled, engine.recheck = 1, int(s.now() - s.started) + 1
