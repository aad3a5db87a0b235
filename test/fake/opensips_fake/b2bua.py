# SPDX-License-Identifier: Apache-2.0
"""Calls through a node, as route {} of the recommended configuration passes them:
create_dialog, a sharing tag by the call-id, topology_hiding, t_relay.  Source:
OpenSIPS 3.6 dialog/dlg_handlers.c; messages of 3.6.8 as captured."""
import zlib

from . import dialogs as dl, sip
from .dialogs import CALLEE, CALLER

HIDDEN = ('via', 'record-route', 'route', 'contact', 'content-length')


class B2bua:
    """s.lock is held in all of it."""

    def __init__(self, s, endpoint):
        self.s, self.ep = s, endpoint
        self.table = s.dialogs
        self.media = None  # media.py's, with rtpengines
        s.b2bua = self

    # ---- pieces

    def contact(self, d, is_made=False):
        """Of what is relayed without the usual port, of what is made here with
        it."""
        host, port = self.ep.at
        if is_made or port != 5060:
            host = '%s:%d' % (host, port)
        return '<sip:%s;did=%s>' % (host, d.did)

    def passed_on(self, d, m, first):
        """m as it goes to the other side, but for its Via."""
        out = sip.Message(first, [list(h) for h in m.headers
                                  if h[0] not in HIDDEN], m.body)
        if m.get('contact'):
            out.headers.append(['contact', 'Contact', self.contact(d)])
        return out

    def onward(self, d, m, to):
        out = self.passed_on(d, m, '%s %s SIP/2.0' % (m.method, to))
        hops = m.get('max-forwards', '70')
        out.put('Max-Forwards', str(int(hops) - 1))
        return out

    def back(self, server, d, m, body=None):
        """A reply to who asked: with his Via and CSeq."""
        out = self.passed_on(d, m, m.first)
        out.headers = server.request.all('via') + out.headers
        out.put('CSeq', server.request.get('cseq'))
        if body is not None:
            out.body = body
        self.ep.answer(server, out)

    def refuse(self, server, status, reason):
        self.ep.answer(server, sip.reply_to(server.request, status, reason,
                                            'stand-in'))

    def own_tag(self, callid):
        n = self.s.args.tags
        return 'sip%d.%d' % (self.s.node, zlib.crc32(callid.encode()) & n - 1)

    def with_media(self, kind, d, m, then):
        """then(body): as the rtpengine makes it, or None."""
        if not self.media or not m.body:
            return then(m.body)
        return self.media.change(kind, d, m, then)

    # ---- what comes in

    def take(self, m):
        """False: it is of none of ours."""
        if m.status is not None:
            return self.ep.reply(m)
        if m.method == 'OPTIONS' and not sip.tag(m.get('to')):
            return False
        server = self.ep.arrived(m)
        if server is None:
            return True
        if m.method == 'ACK':
            self.ack(m)
        elif m.method == 'CANCEL':
            self.cancel(server, m)
        elif sip.tag(m.get('to')):
            self.within(server, m)
        elif m.method == 'INVITE':
            self.invite(server, m)
        else:
            self.refuse(server, 405, 'Method Not Allowed')
        return True

    def cancel(self, server, m):
        k = sip.key(m)
        call = self.ep.servers.get((k[0], 'INVITE', k[2]))
        if not call or not call.client:
            return self.refuse(server, 481, 'Call/Transaction Does Not Exist')
        self.ep.answer(server, sip.reply_to(m, 200, 'canceling'))
        return self.cancel_out(call.client)

    def cancel_out(self, branch):
        out = self.ep.clients.get(branch)
        if not out or out.is_final:
            return None
        c = sip.Message('CANCEL %s SIP/2.0' % out.request.uri)
        c.headers = [list(h) for h in out.request.headers
                     if h[0] in ('via', 'from', 'to', 'call-id')]
        c.put('CSeq', '%d CANCEL' % out.request.cseq)
        return self.ep.send(c.encode(), out.to)

    # ---- set-up

    def callee(self, m):
        """Where a new call goes: by a hash of its number, so that who calls a
        conference gets to where it is (ds_select_dst, algorithm 7)."""
        user = m.uri.partition(':')[2].partition('@')[0]
        known = [d for d in self.s.dispatcher if d.set == 1]
        is_theirs = m.source in [sip.where(d.uri) for d in known]
        if not self.s.args.ds_route or is_theirs or not user.isdigit():
            return self.s.args.uas
        up = [d for d in known if d.state == 'Active'] or known
        return sip.where(up[zlib.crc32(user.encode()) % len(up)].uri)

    def invite(self, server, m):
        self.ep.answer(server, sip.reply_to(m, 100, 'Giving it a try'))
        d = dl.Dialog(m.get('call-id'), sip.uri(m.get('from')),
                      sip.uri(m.get('to')))
        caller, callee = d.legs
        caller.tag = sip.tag(m.get('from'))
        caller.contact = sip.uri(m.get('contact'))
        caller.in_sdp = m.body.decode(errors='replace')
        callee.r_cseq = str(m.cseq)
        d.values['dlgX_shtag'] = self.own_tag(d.callid)
        self.table.link(d)
        self.table.add('processed_dialogs')

        def offered(body):
            if body is None:
                self.table.end(d, True)
                return self.refuse(server, 503, 'No Media Proxy')
            out = self.onward(d, m, m.uri)
            out.body = body
            self.sent(d, CALLEE, m.body, body)
            server.client = d.out = self.ep.request(
                out, self.callee(m),
                lambda r: self.setup_reply(server, d, r))
            return None

        self.with_media('offer', d, m, offered)

    def sent(self, d, i, was, body):
        """What leg i was sent, when it is another than its peer made."""
        d.legs[i].out_sdp = '' if was == body else body.decode()

    def setup_reply(self, server, d, r):
        callee = d.legs[CALLEE]
        if r is None:
            self.table.end(d, True)
            return self.refuse(server, 408, 'Request Timeout')
        if r.status == 100:
            return None
        if r.status >= 300:
            self.table.end(d, True)
            return self.back(server, d, r)
        callee.tag = callee.tag or sip.tag(r.get('to'))
        callee.contact = sip.uri(r.get('contact')) or callee.contact
        if r.status < 200:
            if d.state == 1:
                d.state = dl.EARLY
                self.table.add('early_dialogs')
            return self.back(server, d, r)
        if d.state > dl.EARLY:  # again
            if server.last:
                self.ep.send(server.last, server.request.source)
            return None
        return self.with_media('answer', d, r,
                               lambda b: self.answered(server, d, r, b))

    def answered(self, server, d, r, body):
        if body is None:
            body = r.body
        if d.state > dl.EARLY:
            return
        callee = d.legs[CALLEE]
        callee.tag = sip.tag(r.get('to'))
        callee.in_sdp = r.body.decode(errors='replace')
        self.sent(d, CALLER, r.body, body)
        self.table.confirmed(d)
        self.table.created(d)
        self.back(server, d, r, body)

    # ---- in the dialog

    def of(self, m):
        """Its dialog and the end it goes to: by did, as topology_hiding_match."""
        did = sip.param(m.uri, 'did')
        d = self.table.by_did.get(did) if did else None
        d = d or self.table.find(m.get('call-id'))
        if not d or d.state >= dl.DELETED or d.callid != m.get('call-id'):
            return None, 0
        is_callers = sip.tag(m.get('from')) == d.legs[CALLER].tag
        return d, CALLEE if is_callers else CALLER

    def ack(self, m):
        d, to = self.of(m)
        if not d:
            return
        leg = d.legs[to]
        out = self.onward(d, m, leg.contact)
        cseq = leg.maps.get(m.cseq, m.cseq)
        out.put('CSeq', '%d ACK' % cseq)
        self.ep.ack(out, sip.where(leg.contact))
        is_first, d.state = d.state == dl.NO_ACK, dl.CONFIRMED
        if is_first and self.table.is_owner(d):
            self.table.updated(d)
        if self.s.args.ack_rule:
            self.table.updated(d)

    def within(self, server, m):
        d, to = self.of(m)
        if not d:
            return self.refuse(server, 481, 'Call/Transaction Does Not Exist')
        if m.method == 'INVITE':
            self.ep.answer(server, sip.reply_to(m, 100, 'Giving it a try'))
        leg, other = d.legs[to], d.legs[1 - to]
        cseq = m.cseq
        leg.r_cseq = str(cseq)
        if leg.gen_cseq:
            cseq = leg.next_cseq()
            self.table.cseq_made(d, to)
        if m.method == 'INVITE':
            leg.maps[m.cseq] = cseq
        if m.method == 'BYE':
            self.table.end(d, True)
            if self.media:
                self.media.delete(d, m)
        else:
            self.table.updated(d)  # before its SDP is known
        is_offer = m.method in ('INVITE', 'UPDATE')

        def offered(body):
            if body is None:
                return self.refuse(server, 503, 'No Media Proxy')
            out = self.onward(d, m, leg.contact)
            out.put('CSeq', '%d %s' % (cseq, m.method))
            out.body = body
            if is_offer:
                other.contact = sip.uri(m.get('contact')) or other.contact
                if m.body:
                    other.in_sdp = m.body.decode(errors='replace')
                    self.sent(d, to, m.body, body)
            server.client = self.ep.request(
                out, sip.where(leg.contact),
                lambda r: self.within_reply(server, d, to, is_offer, r))
            return None

        if not is_offer:
            return offered(m.body)
        return self.with_media('offer', d, m, offered)

    def within_reply(self, server, d, to, is_offer, r):
        if r is None:
            return self.refuse(server, 408, 'Request Timeout')
        if r.status == 100:
            return None
        if not is_offer or not 200 <= r.status < 300 or not r.body:
            return self.back(server, d, r)
        leg = d.legs[to]
        leg.contact = sip.uri(r.get('contact')) or leg.contact

        def answered(body):
            body = r.body if body is None else body
            leg.in_sdp = r.body.decode(errors='replace')
            self.sent(d, 1 - to, r.body, body)
            self.back(server, d, r, body)

        return self.with_media('answer', d, r, answered)

    # ---- what the node makes itself

    def make(self, d, to, method, body=b'', kind='', headers='', cseq=None):
        """A request to leg `to`, in the name of the other."""
        leg, other = d.legs[to], d.legs[1 - to]
        ends = [(d.from_uri, d.legs[CALLER].tag), (d.to_uri,
                                                   d.legs[CALLEE].tag)]
        m = sip.Message('%s %s SIP/2.0' % (method, leg.contact))
        if cseq is None:
            cseq = leg.next_cseq()
            self.table.cseq_made(d, to)
        m.put('To', '<%s>;tag=%s' % ends[to])
        m.put('From', '<%s>;tag=%s' % ends[1 - to])
        m.put('CSeq', '%d %s' % (cseq, method))
        m.put('Call-ID', d.callid)
        m.put('Max-Forwards', '70')
        m.put('Content-Length', '0')
        m.put('User-Agent', self.s.version)
        if method not in ('ACK', 'BYE'):
            m.put('Contact', self.contact(d, True))
        if kind:
            m.put('Content-Type', kind)
        for line in headers.split('\r\n'):
            name, colon, value = line.partition(':')
            if colon:
                m.headers.append([name.lower(), name, value.strip()])
        m.body = body
        return m

    def end_both(self, d):
        """BYE to both ends, as dlg_end_dlg and a timeout at the owner do; CANCEL
        of one that is not up."""
        if d.state < dl.NO_ACK:
            return self.cancel_out(d.out)
        for to in (CALLER, CALLEE):
            m = self.make(d, to, 'BYE')
            self.ep.request(m, sip.where(d.legs[to].contact), lambda r: None)
        return self.table.end(d, True)

    def expire(self):
        for d in self.table.expired():
            self.table.add('expired_dialogs')
            if self.table.is_owner(d):
                self.end_both(d)
            else:
                self.table.end(d, False)
