# SPDX-License-Identifier: Apache-2.0
"""dlg_send_sequential: requests within a dialog to one end, or to both, the answer
of the first being what the second is offered.  Source: OpenSIPS 3.6
dialog/dlg_req_within.c."""
from . import sip
from .dialogs import CALLEE, CALLER
from .rpc import Later, MiError

COST = 31744  # bytes of shared memory a re-homing takes for 5 s (measured)
SDP = 'application/sdp'
DISCARD = ('127.0.0.1', 9)


def parsed_mode(mode):
    """The leg it begins with, and whether the other follows."""
    word = mode.lower()
    is_both = False
    if len(word) >= 9:
        if not word.startswith('challenge'):
            raise MiError(400, 'Invalid mode')
        is_both, word = True, word[10:]
        if len(mode) == 9:
            return CALLER, True
    if word not in ('caller', 'callee'):
        raise MiError(400, 'Invalid mode')
    return (CALLER if word == 'caller' else CALLEE), is_both


def parsed_body(body):
    """Its mode, a content type and a body."""
    word = body.lower()
    if word in ('none', 'inbound', 'outbound'):
        return word, SDP, ''
    if len(body) < 10 or not word.startswith('custom'):
        raise MiError(400, 'Invalid body mode')
    kind, colon, text = body[7:].partition(':')
    return ('custom', kind, text) if colon else ('none', '', '')


def chosen_body(d, to, mode, text):
    """To leg `to`: what its peer said, or what it was sent of that."""
    peer, leg = d.legs[1 - to], d.legs[to]
    if mode == 'none':
        return ''
    if mode == 'custom':
        return text
    if mode == 'inbound' or not peer.out_sdp:
        return peer.in_sdp
    return leg.out_sdp


class Move:
    def __init__(self, s, d, method, is_both):
        self.s, self.d, self.method, self.is_both = s, d, method, is_both
        self.later, self.is_second = Later(), False
        s.hold(COST)

    def send(self, to, body, kind, headers=''):
        b2bua = self.s.b2bua
        m = b2bua.make(self.d, to, self.method, body, kind if body else '',
                       headers)

        def ready(changed):
            where = sip.where(self.d.legs[to].contact)
            if changed is None:  # local_route: not without media
                changed, where = body, DISCARD
            m.body = changed
            b2bua.ep.request(m, where, lambda r: self.reply(to, m.cseq, r))

        if self.method in ('INVITE', 'UPDATE') and self.s.args.local_route:
            b2bua.with_media('offer', self.d, m, ready)
        else:
            ready(body)

    def ack(self, to, cseq):
        b2bua = self.s.b2bua
        b2bua.ep.ack(b2bua.make(self.d, to, 'ACK', cseq=cseq),
                     sip.where(self.d.legs[to].contact))

    def reply(self, to, cseq, r):
        if r is None:
            return self.done(MiError(408, 'Request Timeout'))
        if r.status < 200:
            return None
        if self.method == 'INVITE' and r.status < 300:
            self.ack(to, cseq)
        if self.later.is_set or (self.is_second and to == self.first):
            return None  # again
        if not self.is_both or self.is_second or r.status > 300:
            return self.done({'Code': r.status, 'Reason': r.reason})
        if not r.body:
            return self.done({'Code': 400, 'Reason': r.reason})
        self.is_second, self.first = True, to
        return self.send(1 - to, r.body, SDP)

    def done(self, value):
        self.later.set(value)
        self.s.b2bua.ep.after(sip.WAIT_S, self.s.release, COST)


def send(s, callid, method, mode, body, headers):
    to, is_both = parsed_mode(mode)
    body_mode, kind, text = parsed_body(body)
    if is_both and method.upper() not in ('INVITE', 'UPDATE'):
        raise MiError(406, 'Not Acceptable')
    d = s.dialogs.find(callid)
    if not d or not s.b2bua:
        raise MiError(404, 'Dialog Not Found')
    move = Move(s, d, method, is_both)
    move.send(to, chosen_body(d, to, body_mode, text).encode(), kind, headers)
    return move.later
