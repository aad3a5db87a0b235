# SPDX-License-Identifier: Apache-2.0
"""SIP on UDP: messages as they are (names, values and order are kept), and
transactions with retransmission.  One socket, one loop; others may send under the
state's lock.  Source: RFC 3261, 17."""
import heapq
import select
import socket
import time
import zlib

T1, T2 = 0.5, 4.0
WAIT_S = 5.0  # tm's wt_timer: a transaction stays so long after its end
MAGIC = 'z9hG4bK'
SHORT = {'v': 'via', 'f': 'from', 't': 'to', 'i': 'call-id', 'm': 'contact',
         'l': 'content-length', 'c': 'content-type', 'k': 'supported'}


class Message:
    """headers: [[lower name, name, value]]; a request has method and uri, a reply
    status and reason."""
    __slots__ = ('first', 'method', 'uri', 'status', 'reason', 'headers',
                 'body', 'source')

    def __init__(self, first, headers=None, body=b''):
        self.first, self.headers, self.body = first, headers or [], body
        self.source = None
        a, b, c = (first.split(' ', 2) + ['', ''])[:3]
        if a == 'SIP/2.0':
            self.method, self.uri = None, None
            self.status, self.reason = int(b), c
        else:
            self.method, self.uri, self.status = a, b, None

    def get(self, name, default=''):
        for h in self.headers:
            if h[0] == name:
                return h[2]
        return default

    def all(self, name):
        return [h for h in self.headers if h[0] == name]

    def put(self, name, value):
        """The first of that name, or one more at the end."""
        for h in self.headers:
            if h[0] == name.lower():
                h[2] = value
                return
        self.headers.append([name.lower(), name, value])

    def drop(self, *names):
        self.headers = [h for h in self.headers if h[0] not in names]

    @property
    def cseq(self):
        return int(self.get('cseq', '0 x').split()[0])

    @property
    def cseq_method(self):
        return self.get('cseq', '0 x').split()[1]

    @property
    def branch(self):
        return param(self.get('via'), 'branch')

    def copy(self):
        m = Message(self.first, [list(h) for h in self.headers], self.body)
        m.source = self.source
        return m

    def encode(self):
        self.put('Content-Length', str(len(self.body)))
        lines = [self.first]
        lines += ['%s: %s' % (h[1], h[2]) for h in self.headers]
        return ('\r\n'.join(lines) + '\r\n\r\n').encode() + self.body


def parse(data):
    """A message, or None."""
    head, _, body = data.partition(b'\r\n\r\n')
    lines = head.decode(errors='replace').split('\r\n')
    headers = []
    for line in lines[1:]:
        if line[:1] in ' \t' and headers:
            headers[-1][2] += ' ' + line.strip()
            continue
        name, _, value = line.partition(':')
        low = name.strip().lower()
        headers.append([SHORT.get(low, low), name.strip(), value.strip()])
    try:
        m = Message(lines[0], headers, body)
        m.cseq
        return m if m.get('via') and m.get('call-id') else None
    except (ValueError, IndexError):
        return None


def param(text, name):
    """The value of ;name=VALUE"""
    for part in text.split(';')[1:]:
        key, _, value = part.partition('=')
        if key.strip().lower() == name:
            return value.strip().split('>')[0].split(',')[0].split(' ')[0]
    return ''


def tag(text):
    return param('x' + text[text.rfind('>') + 1:] if '>' in text else text,
                 'tag')


def uri(text):
    """What stands in <>, or all before the parameters."""
    _, angle, rest = text.partition('<')
    return rest.partition('>')[0] if angle else text.partition(';')[0].strip()


def where(text):
    """host and port of sip:[USER@]HOST[:PORT][;...]"""
    rest = text.partition(':')[2].partition(';')[0].partition('?')[0]
    host, _, port = rest.rpartition('@')[2].partition(':')
    return host, int(port) if port.isdigit() else 5060


def reply_to(request, status, reason, to_tag='', body=b''):
    m = Message('SIP/2.0 %d %s' % (status, reason))
    for h in request.headers:
        if h[0] in ('via', 'from', 'to', 'call-id', 'cseq', 'record-route'):
            m.headers.append(list(h))
    if to_tag and not tag(m.get('to')):
        m.put('To', m.get('to') + ';tag=' + to_tag)
    m.body = body
    return m


class Client:
    """A request that is out.  done(message, or None: it timed out) is called for
    each reply; a 2xx to INVITE may come again."""
    __slots__ = ('method', 'data', 'to', 'done', 'is_final', 'has_answer',
                 'born', 'pause', 'request')


class Server:
    """A request that came in; last: what was answered."""
    __slots__ = ('request', 'last', 'client', 'status')


class Endpoint:
    def __init__(self, state, host_port, fr_timeout, fr_inv_timeout):
        self.state, self.at = state, host_port
        self.fr_timeout, self.fr_inv_timeout = fr_timeout, fr_inv_timeout
        family = socket.AF_INET6 if ':' in host_port[0] else socket.AF_INET
        self.sock = socket.socket(family, socket.SOCK_DGRAM)
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
        self.sock.bind(host_port)
        self.sock.setblocking(False)
        self.clients, self.servers, self.timers = {}, {}, []
        self.count = 0
        self.seed = '%x' % (zlib.crc32(b'%f' % time.time()) & 0xffffff)

    # ---- timers

    def after(self, seconds, function, *args):
        self.count += 1
        heapq.heappush(self.timers, (time.monotonic() + seconds, self.count,
                                     function, args))

    def turn(self):
        """What is due."""
        now = time.monotonic()
        while self.timers and self.timers[0][0] <= now:
            _, _, function, args = heapq.heappop(self.timers)
            function(*args)

    # ---- sending

    def send(self, data, to):
        try:
            self.sock.sendto(data, to)
        except OSError:
            pass

    def via(self, branch=None):
        """A Via of ours, and its branch."""
        if branch is None:
            self.count += 1
            branch = '%s%s.%x.0' % (MAGIC, self.seed, self.count)
        host, port = self.at
        return 'SIP/2.0/UDP %s:%d;branch=%s' % (host, port, branch), branch

    def request(self, m, to, done):
        """Send it, and again until an answer; the Via is put on top."""
        via, branch = self.via()
        m.headers.insert(0, ['via', 'Via', via])
        c = Client()
        c.method, c.data, c.to, c.done = m.method, m.encode(), to, done
        c.is_final = c.has_answer = False
        c.born, c.pause, c.request = time.monotonic(), T1, m
        self.clients[branch] = c
        self.send(c.data, to)
        self.after(T1, self.again, branch)
        return branch

    def again(self, branch):
        c = self.clients.get(branch)
        if not c or c.is_final:
            return
        age = time.monotonic() - c.born
        limit = (self.fr_inv_timeout if c.has_answer and c.method == 'INVITE'
                 else self.fr_timeout)
        if age >= limit - 0.001:
            c.is_final = True
            self.after(WAIT_S, self.clients.pop, branch, None)
            c.done(None)
            return
        if not c.has_answer or c.method != 'INVITE':
            self.send(c.data, c.to)
            c.pause = min(2 * c.pause, T2)
        self.after(min(c.pause, limit - age), self.again, branch)

    def ack(self, m, to):
        """ACK of a 2xx: a transaction of its own, sent once."""
        m.headers.insert(0, ['via', 'Via', self.via()[0]])
        self.send(m.encode(), to)

    def ack_refusal(self, c, m, branch):
        """ACK of another final reply: the request's branch and address."""
        a = Message('ACK %s SIP/2.0' % c.request.uri)
        a.headers.append(['via', 'Via', self.via(branch)[0]])
        for name in ('From', 'To', 'Call-ID', 'CSeq', 'Max-Forwards'):
            value = c.request.get(name.lower())
            if name == 'To':
                value = m.get('to')
            elif name == 'CSeq':
                value = '%d ACK' % c.request.cseq
            a.headers.append([name.lower(), name, value])
        self.send(a.encode(), c.to)

    def answer(self, server, m):
        """The reply of a server transaction."""
        server.last, server.status = m.encode(), m.status
        self.send(server.last, server.request.source)
        if m.status >= 200:
            self.after(WAIT_S, self.servers.pop, key(server.request), None)

    # ---- receiving

    def reply(self, m):
        """False: it is of none of ours."""
        branch = m.branch
        c = self.clients.get(branch)
        if not c or c.method != m.cseq_method:
            return False
        if m.status < 200:
            if not c.is_final:
                if not c.has_answer:
                    c.born, c.has_answer = time.monotonic(), True
                c.done(m)
            return True
        if c.method == 'INVITE' and m.status >= 300:
            self.ack_refusal(c, m, branch)
        elif c.is_final and c.method != 'INVITE':
            return True
        is_first, c.is_final = not c.is_final, True
        if is_first:
            self.after(WAIT_S, self.clients.pop, branch, None)
        if is_first or m.status < 300:
            c.done(m)
        return True

    def arrived(self, m):
        """A new server transaction; None: it is there, or is an ACK of one."""
        k = key(m)
        server = self.servers.get(k)
        if server:
            if m.method != 'ACK' and server.last:
                self.send(server.last, m.source)
            return None if m.method != 'ACK' or server.status >= 300 else False
        if m.method == 'ACK':
            return False
        server = Server()
        server.request, server.last = m, None
        server.client, server.status = None, 0
        self.servers[k] = server
        return server

    def run(self, take, idle):
        """take(message, data, source) under the state's lock; idle() often."""
        while True:
            with self.state.lock:
                due = self.timers[0][0] if self.timers else 0
            wait = due - time.monotonic() if due else 0.02
            ready, _, _ = select.select([self.sock], [], [],
                                        max(0, min(0.02, wait)))
            with self.state.lock:
                for _ in range(64 if ready else 0):
                    try:
                        data, source = self.sock.recvfrom(65536)
                    except OSError:
                        break
                    m = parse(data)
                    if m:  # what is no SIP has no answer
                        m.source = source
                        take(m)
                self.turn()
            idle()


def key(m):
    method = 'INVITE' if m.method == 'ACK' else m.method
    return m.branch, method, m.get('via').split(';')[0]
