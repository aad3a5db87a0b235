# SPDX-License-Identifier: Apache-2.0
"""One leg of a call: its dialog, its variables, its voice, its row."""

import asyncio
import uuid

import cdr
import channel_events
import message
import row
import rtp
from sip import ALLOW, T1_S, Client

CAUSES = {
    "NORMAL_CLEARING": 16,
    "MANAGER_REQUEST": 16,
    "RECOVERY_ON_TIMER_EXPIRE": 102,
    "NORMAL_TEMPORARY_FAILURE": 41,
    "INCOMPATIBLE_DESTINATION": 88,
    "ORIGINATOR_CANCEL": 16,
    "USER_BUSY": 17,
    "NO_ANSWER": 19,
    "SYSTEM_SHUTDOWN": 41,
}


def clock_cseq(us):
    """sofia-sip counts from a clock of 2 s."""
    return ((us // 1000000 + 2208988800) >> 1) & 0x7FFFFFF


class Leg:
    def __init__(self, calls, direction, its_uuid=None):
        self.calls, self.switch = calls, calls.switch
        self.uuid = its_uuid or str(uuid.uuid4())
        self.direction = direction
        self.vars, self.flags, self.profile = {}, {}, {}
        self.state, self.callstate = "CS_INIT", "DOWN"
        self.flows, self.app_log = [], []
        self.apps, self.app, self.app_data = None, "", ""
        self.extension, self.match = ("", ""), ""
        self.created_us = self.switch.now_us()
        self.answered_us = 0
        self.start_us = self.created_us
        # the dialog: our end and the other's, with their tags
        self.local = self.remote = self.call_id = self.target = ""
        self.route, self.contact, self.allow = [], "", ""
        self.cseq, self.remote_cseq = None, 0
        self.via_host = self.switch.ip
        self.hop, self.sent_via = None, ""
        self.is_established = False
        # the others
        self.partner = None  # the leg it is bridged to
        self.room = None
        self.is_recovered = self.is_tracked = self.is_gone = False
        # recovered: the far end took our re-INVITE; no port was known; it has
        # nothing to do but to end; its partner
        self.has_ack = self.has_no_port = self.is_to_end = False
        self.bond = ""
        self.session = 0  # its number
        self.invite = self.source = None  # the caller's request, from where
        self.ringing = self.caller = None  # the leg that it dials; and back
        self.port = None
        self.pool_port = 0
        self.pending = None  # the row that is about to be written
        self.ok_timer = None

    @property
    def is_inbound(self):
        return self.direction == "inbound"

    # ---- states, told to who listens

    def enter(self, state):
        self.state = state
        channel_events.state(self)

    def born(self):
        self.switch.channels[self.uuid] = self
        self.switch.sessions += 1
        self.switch.since_startup += 1
        self.switch.peak = max(self.switch.peak, self.switch.sessions)
        self.calls.store.channel(self)

    # ---- voice

    def bind(self, ip, port):
        self.port = rtp.Port(ip, port)
        self.port.to = self.listeners

    def bind_any(self):
        """A port of the pool for a new leg.  Somebody else's is passed over."""
        while True:
            self.pool_port = self.switch.pool.take()
            try:
                self.bind(self.switch.ip, self.pool_port)
                return
            except OSError:
                pass  # held by another program: never given back

    def listeners(self):
        """Who hears what comes here."""
        if self.partner:
            others = [self.partner]
        elif self.room:
            others = [m for m in self.room.members if m is not self]
        elif self.app == "echo":
            others = [self]
        else:
            others = []
        return [x.port for x in others if x.port]

    def heard_sdp(self, sdp):
        """(payload type) of what the far end wants, or None."""
        found = message.media(sdp)
        if not found:
            return None
        ip, port, pt = found
        if self.port:
            self.port.remote = (ip, port)
        self.vars["switch_r_sdp"] = sdp
        self.vars["remote_media_ip"] = ip
        self.vars["remote_media_port"] = str(port)
        return pt

    def heard_from(self, source):
        """A re-INVITE: in-dialog requests go there from now on.  The row keeps
        the address of before, and its Contact: sofia.c,
        sofia_handle_sip_i_reinvite changes the port alone."""
        if self.hop:
            self.hop = source[:2]
        self.vars["sip_network_port"] = str(source[1])

    def sdp(self, has_cn=False):
        pt = int(self.vars.get("rtp_use_pt", 0))
        ip = self.vars.get("advertised_media_ip", self.switch.ip)
        text = message.offer(
            ip,
            self.port.port,
            pt if pt in message.CODECS else 0,
            self.created_us // 1000000 - self.port.port,
            self.is_recovered,
            has_cn,
        )
        self.vars["rtp_local_sdp_str"] = text
        return text.replace("a=sendrecv\r\n", "")

    # ---- requests within the dialog

    def next_cseq(self):
        if self.cseq is None:
            self.cseq = clock_cseq(self.switch.now_us())
        else:
            self.cseq += 1
        return self.cseq

    def head(self, method, cseq, branch):
        headers = [
            ("Via", "SIP/2.0/UDP %s;rport;branch=%s" % (self.via_host, branch))
        ]
        headers += [("Route", r) for r in self.route]
        return headers + [
            ("Max-Forwards", "70"),
            ("From", self.local),
            ("To", self.remote),
            ("Call-ID", self.call_id),
            ("CSeq", "%d %s" % (cseq, method)),
        ]

    def where(self):
        if self.route:
            return message.hop(message.uri(self.route[0]))
        return self.hop or message.hop(self.target)

    def request(self, method, done, extra=(), body=""):
        cseq, branch = self.next_cseq(), "z9hG4bK" + message.token()
        self.sent_via = "SIP/2.0/UDP %s;rport;branch=%s" % (self.via_host, branch)
        headers = self.head(method, cseq, branch)
        if method == "INVITE":
            headers.append(("Contact", self.contact))
        headers += [
            ("User-Agent", "FS-" + self.switch.name),
            ("Allow", ALLOW),
            ("Supported", "timer, path, replaces"),
        ] + list(extra)
        data = message.build("%s %s SIP/2.0" % (method, self.target), headers, body)
        return Client(self.calls.sip, method, branch, data, self.where(), done)

    def invite_request(self, done, has_cn=False):
        extra = [
            ("Allow-Events", "talk, hold, conference, refer"),
            ("Content-Type", "application/sdp"),
            ("Content-Disposition", "session"),
            ("X-FS-Support", "update_display,send_info"),
        ]
        return self.request("INVITE", done, extra, self.sdp(has_cn))

    def ack(self, m):
        """Of an INVITE's response: a 200 has one of its own, other ones the
        branch of the INVITE (RFC 3261 17.1.1.3)."""
        number = m.cseq()[0]
        if m.status >= 300:
            headers = [("Via", m.get("via"))] + self.head("ACK", number, "")[1:]
            headers = [h for h in headers if h[0] != "To"]
            headers.append(("To", m.get("to")))
        else:
            branch = "z9hG4bK" + message.token()
            headers = self.head("ACK", number, branch)
            headers.append(("Contact", self.contact))
        data = message.build("ACK %s SIP/2.0" % self.target, headers)
        self.calls.sip.send(data, self.where())

    def bye(self, cause):
        reason = 'Q.850;cause=%d;text="%s"' % (CAUSES.get(cause, 31), cause)
        self.request("BYE", lambda m: None, [("Reason", reason)])

    # ---- the caller's INVITE is answered

    def answer(self, source):
        m = self.invite
        extra = [
            ("Contact", self.contact),
            ("Allow", ALLOW),
            ("Supported", "timer, path, replaces"),
            ("Content-Type", "application/sdp"),
            ("Content-Disposition", "session"),
        ]
        data = self.calls.sip.keep(
            m, source, 200, "OK", extra, self.sdp(), message.tag(self.local)
        )
        self.answered_us = self.switch.now_us()
        self.callstate = "ACTIVE"
        self.is_established = True
        self.calls.sip.send(data, source)
        self.again(data, source, T1_S, 0)

    def again(self, data, source, wait_s, waited_s):
        """The 200 until its ACK comes (RFC 3261 13.3.1.4)."""

        def resend():
            if waited_s + wait_s >= self.switch.sip_timeout_s:
                self.hangup("RECOVERY_ON_TIMER_EXPIRE")
                return
            self.calls.sip.send(data, source)
            self.again(data, source, min(2 * wait_s, 4), waited_s + wait_s)

        self.ok_timer = asyncio.get_running_loop().call_later(wait_s, resend)

    def acked(self):
        if self.ok_timer:
            self.ok_timer.cancel()
            self.ok_timer = None

    # ---- the row

    def track(self):
        """Soon: what changes at once is written once."""
        if self.pending or self.is_gone or not self.switch.track_calls:
            return
        if self.answered_us:
            loop = asyncio.get_running_loop()
            self.pending = loop.call_later(0.1, self.write_row)

    def write_row(self):
        self.pending = None
        xml = row.render(self)
        if self.is_tracked:
            self.calls.store.update(self.uuid, xml)
        else:
            self.calls.store.insert(self, xml)
        self.is_tracked = True

    # ---- the end

    def hangup(self, cause, disposition="send_bye"):
        """And of its partner; a BYE unless the far end had the last word."""
        if self.is_gone:
            return
        self.is_gone = True
        self.acked()
        if self.pending:
            self.pending.cancel()
        hung_us = self.switch.now_us()
        channel_events.hangup(self, cause, hung_us)
        self.state = "CS_HANGUP"
        if self.is_established and disposition == "send_bye":
            self.bye(cause)
        if self.answered_us:
            self.calls.store.delete(self.uuid)
        cdr.write(self, cause, disposition, hung_us)
        self.leave()
        partner, self.partner = self.partner, None
        if partner:
            partner.partner = None
            partner.hangup(cause)

    def leave(self):
        self.calls.forget(self)
        if self.room:
            self.room.members.remove(self)
            self.room = None
        if self.port:
            self.port.close()
            self.port = None
        if self.pool_port:
            self.switch.pool.give_back(self.pool_port)
        if self.switch.channels.pop(self.uuid, None):
            self.switch.sessions -= 1
            self.calls.store.no_channel(self.uuid)


