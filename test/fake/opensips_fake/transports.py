# SPDX-License-Identifier: Apache-2.0
"""The four ways to the management interface, each a thread (as each is a process of
OpenSIPS, so that one that hangs leaves the others), and what can be wrong with
them.  Source: mi_datagram, mi_fifo, mi_http of 3.6, and captured."""
import os
import queue
import select
import socket
import threading
import time

from . import rpc
from .mi_dialogs import COMMANDS

DATAGRAM_MAX = 65457
FIFO_MAX = 4096
FIFO_NAME_MAX = 128


def family(host):
    return socket.AF_INET6 if ':' in host else socket.AF_INET


# ---- faults

def fault_of(s, transport, request):
    """KIND and the words after it, or (None, []).  What is for the next request
    alone goes first."""
    method = request.get('method', '') if isinstance(request, dict) else ''
    with s.lock:
        s.asked = s.asked[-999:] + [(transport, str(method))]
        s.count_down(str(method))
        for key in ('%s/%s' % (transport, method), transport):
            if key in s.next_faults:
                kind = s.next_faults[key].pop(0)
                if not s.next_faults[key]:
                    del s.next_faults[key]
                return kind[0], kind[1:]
        for key in ('%s/%s' % (transport, method), transport):
            if key in s.faults:
                return s.faults[key][0], s.faults[key][1:]
    return None, []


def reply_to(s, transport, text):
    """The reply's text (None: none) and the fault that the transport has to
    make."""
    request = rpc.parse(text)
    kind, words = fault_of(s, transport, request)
    if kind == 'slow':
        time.sleep(float(words[0]))
    if kind == 'silent':
        return None, kind, words
    if kind == 'garbage':
        return ' '.join(words) or 'garbage {', None, []
    if kind == 'internal':
        return '500 Internal error', None, []
    if request is None:
        return None, 'parse', []
    if kind == 'error':
        e = rpc.MiError(int(words[0]), ' '.join(words[1:]))
        return rpc.error(e, request.get('id')), None, []
    if kind == 'wrong-id':
        request = dict(request, id='%s0' % request.get('id'))
    reply = rpc.answer(s, COMMANDS, request)
    return (None if kind == 'lost' else reply), kind, words


def when_known(reply, kind, words, take):
    """take(text) when it is there, and when the fault "late" lets it."""
    def known(text):
        if text is not None and kind == 'late':
            timer = threading.Timer(float(words[0]), take, (text,))
            timer.daemon = True
            timer.start()
        elif text is not None:
            take(text)

    if isinstance(reply, rpc.Later):
        reply.then(known)
    else:
        known(reply)


# ---- datagrams

def datagrams(s, name, rx, tx):
    while True:
        data, source = rx.recvfrom(DATAGRAM_MAX)
        reply, kind, words = reply_to(s, name, data.decode(errors='replace'))
        if kind == 'parse':
            reply = '400 Parse_error'
        when_known(reply, kind, words, datagram(tx, source, kind))


def datagram(tx, source, kind):
    def send(text):
        out = text.encode()
        if len(out) > DATAGRAM_MAX:
            out = b'500 Internal error'
        if kind == 'part':
            out = out[:len(out) // 2]
        for _ in range(2 if kind == 'twice' else 1):
            try:
                tx.sendto(out, socket.MSG_DONTWAIT, source)
            except OSError:
                pass

    return send


def udp(s):
    sock = socket.socket(family(s.args.udp[0]), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
    sock.bind(s.args.udp)
    datagrams(s, 'udp', sock, sock)


def unix(s):
    """It answers from another socket than the one it listens on."""
    rx = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    path = os.path.join(s.dir, 'mi.sock')
    if os.path.exists(path):
        os.unlink(path)
    fd = os.open(s.dir, os.O_PATH | os.O_DIRECTORY)
    rx.bind('/proc/self/fd/%d/mi.sock' % fd)
    datagrams(s, 'unix', rx,
              socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))


# ---- FIFO

def fifo(s):
    path = os.path.join(s.dir, 'fifo')
    if os.path.exists(path):
        os.unlink(path)
    os.mkfifo(path, 0o600)
    # for writing too: there is always a writer, so never an end
    fd = os.open(path, os.O_RDWR)
    data = b''
    out = queue.Queue()
    threading.Thread(target=fifo_replies, args=(s, out), daemon=True).start()
    while True:
        data += os.read(fd, 65536)
        lines = data.split(b'\n')
        data = lines.pop()[:FIFO_MAX]
        for line in lines:
            if line.strip():
                fifo_line(s, out, line[:FIFO_MAX].decode(errors='replace'))


def fifo_replies(s, out):
    """Those of commands that went on, in a thread: a reader may not be there."""
    while True:
        fifo_reply(s, *out.get())


def fifo_line(s, out, line):
    """":NAME:{json}"; what is not so is logged, and nobody answered."""
    empty, _, rest = line.partition(':')
    name, colon, text = rest.partition(':')
    if empty or not colon:
        return
    reply, kind, words = reply_to(s, 'fifo', text)
    if not name:
        return
    if isinstance(reply, rpc.Later) or kind == 'late':
        when_known(reply, kind, words,
                   lambda text: out.put((name, text.encode(), kind)))
    elif reply is not None:
        fifo_reply(s, name, reply.encode(), kind)


def fifo_open(path):
    """It waits for a reader, for a while and for everybody: fifo_fnc.c,
    mi_open_reply_pipe."""
    for _ in range(4):
        try:
            fd = os.open(path, os.O_WRONLY | os.O_NONBLOCK)
        except BlockingIOError:
            raise
        except OSError as e:
            if e.errno != 6:  # ENXIO
                raise
            time.sleep(0.08)
            continue
        os.set_blocking(fd, True)
        return fd
    raise OSError('no client')


def fifo_reply(s, name, out, kind):
    path = os.path.join(s.dir, name)
    if set(name) & set('./\\') or len(path) + 1 > FIFO_NAME_MAX:
        return
    if kind == 'part':
        out = out[:len(out) // 2]
    try:
        fd = fifo_open(path)
    except OSError:
        return
    try:
        while out or kind == 'flood':
            os.write(fd, out[:FIFO_MAX] or b'[' * FIFO_MAX)
            out = out[FIFO_MAX:]
    except OSError:
        pass
    os.close(fd)


# ---- HTTP

REASONS = {200: 'OK', 202: 'Accepted', 400: 'Bad Request',
           405: 'Method Not Allowed', 406: 'Not Acceptable',
           500: 'Internal Server Error', 503: 'Service Unavailable'}
WRONG_PATH = '<html><body>Unable to parse URL!</body></html>'


class Connection:
    def __init__(self, sock):
        self.sock, self.data, self.until = sock, b'', time.time() + 30
        self.flood = None  # bytes to be sent for ever

    def request(self):
        """(method, path, headers, body) when it is whole."""
        head, end, body = self.data.partition(b'\r\n\r\n')
        if not end:
            return None
        lines = head.decode(errors='replace').split('\r\n')
        headers = {}
        for line in lines[1:]:
            name, _, value = line.partition(':')
            headers[name.lower()] = value.strip()
        length = int(headers.get('content-length') or 0)
        if len(body) < length:
            return None
        self.data = body[length:]
        method, path, *_ = lines[0].split(' ') + ['', '']
        return method, path, headers, body[:length]


def head(status, kind, length=None, is_closing=False):
    """Without a length: chunked, and no chunk ever comes."""
    lines = ['HTTP/1.1 %d %s' % (status, REASONS.get(status, 'x')),
             'Date: ' + time.strftime('%a, %d %b %Y %H:%M:%S GMT',
                                      time.gmtime())]
    if is_closing:
        lines.append('Connection: close')
    lines.append('Content-Type: ' + kind)
    lines.append('Transfer-Encoding: chunked' if length is None
                 else 'Content-Length: %d' % length)
    return ('\r\n'.join(lines) + '\r\n\r\n').encode()


def http_answer(s, request):
    """What to send, whether to close then, and what to send for ever."""
    method, path, headers, body = request
    is_closing = headers.get('connection', '').lower() == 'close'
    content = headers.get('content-type', '').partition(';')[0].strip()

    def endless(status):
        return head(status, 'application/json', None, method == 'GET'), \
            False, None

    if not (path == '/mi' or path.startswith('/mi/')):
        return (head(400, 'text/html', len(WRONG_PATH), is_closing)
                + WRONG_PATH.encode(), is_closing, None)
    if method != 'POST':
        return endless(405)
    if content not in ('application/json',
                       'application/x-www-form-urlencoded'):
        return b'', True, None
    if content != 'application/json' or not body or len(body) > 1024:
        return endless(400)
    reply, kind, words = reply_to(s, 'http', body.decode(errors='replace'))
    if kind == 'parse':
        reply = rpc.error(rpc.PARSE_ERROR, None)
    while isinstance(reply, rpc.Later):  # the process asks each 500 ms
        time.sleep(0.5)
        if reply.is_set:
            reply = reply.value
    if kind == 'late':
        time.sleep(float(words[0]))
    if kind in ('silent', 'lost'):
        return None, False, None
    if kind == 'close':
        return b'', True, None
    if kind == 'status':
        return endless(int(words[0]))
    if kind == 'endless':
        return endless(200)
    if kind == 'flood':
        return head(200, 'application/json'), False, b'8\r\n[[[[[[[[\r\n' * 512
    if reply is None:
        return endless(202)
    out = reply.encode()
    if len(out) > s.args.buf_size:
        return endless(500)
    whole = head(200, 'application/json', len(out), is_closing) + out
    if kind == 'part':
        return whole[:-len(out) // 2], False, None
    return whole, is_closing, None


def serve_one(s, c):
    """false: it is over."""
    try:
        data = c.sock.recv(65536)
    except OSError:
        return False
    if not data:
        return False
    c.data += data
    request = c.request()
    if not request:
        return True
    out, is_closing, c.flood = http_answer(s, request)
    try:
        if out:
            c.sock.sendall(out)
    except OSError:
        return False
    return not is_closing


def feed(c):
    try:
        c.sock.send(c.flood, socket.MSG_DONTWAIT)
    except BlockingIOError:
        pass
    except OSError:
        return False
    return True


def http(s):
    """One after the other, whatever a request takes."""
    listener = socket.socket(family(s.args.http[0]), socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(s.args.http)
    listener.listen(128)
    connections = {}
    while True:
        floods = [c for c in connections.values() if c.flood]
        ready, _, _ = select.select([listener] + list(connections), [], [],
                                    0.001 if floods else 1)
        for sock in ready:
            if sock is listener:
                peer, _ = listener.accept()
                peer.settimeout(5)
                connections[peer] = Connection(peer)
            elif not serve_one(s, connections[sock]):
                connections.pop(sock).sock.close()
        for c in list(connections.values()):
            if (c.flood and not feed(c)) or time.time() > c.until:
                connections.pop(c.sock, None)
                c.sock.close()
