# SPDX-License-Identifier: Apache-2.0
"""What rtpengine_offer, rtpengine_answer and rtpengine_delete do, by NG to a real
rtpengine.  Source: OpenSIPS 3.6 rtpengine/rtpengine.c; rtpengine's docs/ng_control
protocol."""
import socket
import threading

from . import sip

TRIES, TRY_S = 2, 1.0  # rtpengine_retr, rtpengine_tout
RECHECK_S = 10         # rtpengine_disable_tout


def encode(x):
    if isinstance(x, dict):
        return b'd' + b''.join(encode(k) + encode(x[k]) for k in sorted(x)) \
            + b'e'
    if isinstance(x, list):
        return b'l' + b''.join(encode(v) for v in x) + b'e'
    if isinstance(x, int):
        return b'i%de' % x
    x = x if isinstance(x, bytes) else x.encode()
    return b'%d:' % len(x) + x


def decode(b, i=0):
    """The value at i and where it ends."""
    c = b[i:i + 1]
    if c in b'dl' and c:
        values, i = [], i + 1
        while b[i:i + 1] != b'e':
            v, i = decode(b, i)
            values.append(v)
        if c == b'l':
            return values, i + 1
        return dict(zip(values[::2], values[1::2])), i + 1
    if c == b'i':
        end = b.index(b'e', i)
        return int(b[i + 1:end]), end + 1
    colon = b.index(b':', i)
    end = colon + 1 + int(b[i:colon])
    return b[colon + 1:end], end


class Question:
    def __init__(self, engine, data, take):
        self.engine, self.data, self.take = engine, data, take
        self.tries = 0


class Media:
    def __init__(self, s, endpoint):
        self.s, self.ep = s, endpoint
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind((endpoint.at[0], 0))
        self.out, self.count = {}, 0
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        while True:
            cookie, _, body = self.sock.recv(65536).partition(b' ')
            with self.s.lock:
                q = self.out.pop(cookie, None)
                if q:
                    q.take(decode(body)[0])

    # ---- one question

    def chosen(self, callid):
        """By a sum over the call-id among those that are on: each node of the
        cluster takes the same one.  Source: select_rtpp_node."""
        on = [e for e in self.s.engines if self.is_on(e)]
        return on[(sum(callid.encode()) & 0xff) % len(on)] if on else None

    def is_on(self, engine):
        return not engine.disabled or \
            engine.recheck <= self.s.now() - self.s.started

    def ask(self, words, take):
        """take(answer), or take(None): there is nobody."""
        engine = self.chosen(words['call-id'])
        if not engine:
            return take(None)
        self.count += 1
        # rtpengine answers one that it knows as before: not a former run's
        cookie = b'%s_%d' % (self.ep.seed.encode(), self.count)

        def answered(a):
            engine.disabled = 0
            take(a)

        q = Question(engine, cookie + b' ' + encode(words), answered)
        self.out[cookie] = q
        return self.send(cookie, q, words, take)

    def send(self, cookie, q, words, take):
        if cookie not in self.out:
            return
        q.tries += 1
        if q.tries > TRIES:
            del self.out[cookie]
            q.engine.disabled = 1
            q.engine.recheck = int(self.s.now() - self.s.started) + RECHECK_S
            self.ask(words, take)
            return
        host, _, port = q.engine.url.partition(':')[2].rpartition(':')
        try:
            self.sock.sendto(q.data, (host, int(port)))
        except OSError:
            pass
        self.ep.after(TRY_S, self.send, cookie, q, words, take)

    # ---- what the script calls

    def change(self, kind, d, m, then):
        """then(the SDP as the rtpengine makes it), or then(None)."""
        words = {'command': kind, 'call-id': d.callid,
                 'from-tag': sip.tag(m.get('from')), 'sdp': m.body,
                 'replace': ['origin'], 'flags': ['trust-address']}
        if sip.tag(m.get('to')):
            words['to-tag'] = sip.tag(m.get('to'))
        if m.source:
            words['received-from'] = ['IP4', m.source[0]]

        def answered(a):
            is_ok = a and a.get(b'result') == b'ok' and b'sdp' in a
            then(a[b'sdp'] if is_ok else None)

        self.ask(words, answered)

    def delete(self, d, m):
        self.ask({'command': 'delete', 'call-id': d.callid,
                  'from-tag': sip.tag(m.get('from'))}, lambda a: None)
