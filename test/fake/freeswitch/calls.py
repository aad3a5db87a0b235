# SPDX-License-Identifier: Apache-2.0
"""Calls: a back-to-back user agent with the dialplan of the lab.

    2xxx, bridge-USER   to USER@CALLEE (the setting callee)
    3xxx                the conference room3xxx
    1001, 5000          park
    1002, 9196          echo
    1003, 9100          playback of a tone"""

import re
import uuid

import channel_events
import message
import row
from leg import Leg
from message import bare, display, parts, tag

TONE = "tone_stream://%(1000,0,880);loops=-1"
DIALPLAN = (
    ("park", r"(1001|5000)", [("answer", ""), ("park", "")]),
    ("echo", r"(1002|9196)", [("answer", ""), ("echo", "")]),
    (
        "tone",
        r"(1003|9100)",
        [("answer", ""), ("set", "mystage=one"), ("playback", TONE)],
    ),
    (
        "bridge",
        r"(2\d+)|bridge-(.+)",
        [
            ("set", "hangup_after_bridge=true"),
            ("bridge", "sofia/internal/{0}@{callee}"),
        ],
    ),
    ("conf", r"(3\d+)", [("answer", ""), ("conference", "room{0}@default")]),
)


class Values(dict):
    def __missing__(self, key):
        return ""


class Room:
    def __init__(self, name):
        self.name, self.uuid = name, str(uuid.uuid4())
        self.members, self.n_members = [], 0


class Calls:
    def __init__(self, switch, sip, store):
        self.switch, self.sip, self.store = switch, sip, store
        self.dialogs = {}  # (Call-ID, our tag): Leg
        self.rooms = {}
        self.n_sessions = 0
        sip.request = self.request

    def know(self, leg):
        self.dialogs[leg.call_id, tag(leg.local)] = leg

    def forget(self, leg):
        key = leg.call_id, tag(leg.local)
        if self.dialogs.get(key) is leg:
            del self.dialogs[key]

    # ---- requests

    def request(self, m, source):
        leg = self.dialogs.get((m.get("call-id"), tag(m.get("to"))))
        if m.method == "INVITE" and not tag(m.get("to")):
            self.new_call(m, source)
        elif m.method == "CANCEL":
            self.cancel(m, source)
        elif not leg:
            if m.method != "ACK":
                self.sip.reply(
                    m, source, 481, "Call/Transaction Does Not Exist"
                )
        elif m.method == "ACK":
            leg.acked()
        elif m.cseq()[0] <= leg.remote_cseq:
            self.sip.reply(m, source, 500, "Server Internal Error")
        else:
            leg.remote_cseq = m.cseq()[0]
            self.within(leg, m, source)

    def within(self, leg, m, source):
        """No look at where it comes from: the dialog is what counts."""
        if m.method == "BYE":
            self.sip.reply(m, source, 200, "OK")
            leg.hangup("NORMAL_CLEARING", "recv_bye")
        elif m.method == "INVITE":
            leg.heard_sdp(m.body)
            if m.get("contact"):
                leg.target = message.uri(m.get("contact"))
            leg.heard_from(source)
            extra = [("Contact", leg.contact), ("Content-Type", "application/sdp")]
            self.sip.reply(m, source, 200, "OK", extra, leg.sdp())
            leg.track()
        elif m.method in ("UPDATE", "INFO", "OPTIONS"):
            self.sip.reply(m, source, 200, "OK", [("Contact", leg.contact)])
        else:
            self.sip.reply(m, source, 501, "Not Implemented")

    def cancel(self, m, source):
        self.sip.reply(m, source, 200, "OK")
        for leg in list(self.dialogs.values()):
            if leg.invite and leg.invite.branch() == m.branch():
                if not leg.answered_us:
                    self.refuse(leg, 487, "Request Terminated")
                return

    # ---- a new call

    def new_call(self, m, source):
        self.sip.reply(m, source, 100, "Trying")
        if not self.switch.takes_calls():
            self.sip.reply(
                m, source, 503, "Maximum Calls In Progress", tag=message.token()
            )
            return
        leg = self.inbound(m, source)
        self.know(leg)
        leg.born()
        leg.enter("CS_INIT")
        channel_events.created(leg)
        pt = message.media(m.body)
        if not pt or pt[2] not in message.CODECS:
            self.refuse(leg, 488, "Not Acceptable Here")
            return
        try:
            leg.bind_any()
        except OSError:
            self.refuse(leg, 503, "Service Unavailable")
            return
        leg.heard_sdp(m.body)
        leg.vars["rtp_use_pt"] = str(pt[2])
        self.route(leg, source)

    def inbound(self, m, source):
        leg = Leg(self, "inbound")
        leg.invite, leg.source = m, source
        leg.allow = m.get("allow")
        leg.call_id = m.get("call-id")
        leg.remote = m.get("from")
        leg.local = "%s;tag=%s" % (m.get("to"), message.token())
        leg.remote_cseq = m.cseq()[0]
        leg.target = message.uri(m.get("contact"))
        leg.route = m.routes()
        if not leg.route:
            leg.hop = source[:2]
        user = parts(m.uri)[0]
        leg.contact = "<sip:%s@%s:5060;transport=udp>" % (user, self.switch.ip)
        name = "sofia/internal/" + bare(message.uri(leg.remote))
        caller = parts(message.uri(leg.remote))[0]
        leg.profile = {
            "from_user": caller,
            "cid_name": display(leg.remote) or caller,
            "cid_number": caller,
            "net_ip": source[0],
            "destination": user,
            "uuid": leg.uuid,
            "name": name,
        }
        self.n_sessions += 1
        leg.session = self.n_sessions
        leg.vars["channel_name"] = name
        leg.vars["recovery_profile_name"] = self.switch.profile
        return leg

    def refuse(self, leg, status, reason):
        self.sip.reply(
            leg.invite, leg.source, status, reason, tag=tag(leg.local)
        )
        partner, leg.ringing = leg.ringing, None
        leg.hangup("NORMAL_CLEARING", "send_refuse")
        if partner and not partner.is_gone:
            partner.cancel_it()

    def route(self, leg, source):
        user = leg.profile["destination"]
        for name, pattern, apps in DIALPLAN:
            found = re.fullmatch(pattern, user)
            if found:
                what = next((g for g in found.groups() if g), "")
                leg.extension = (name, user)
                leg.match = what
                leg.apps = [
                    (a, d if d == TONE else d.format(what, callee=self.switch.callee))
                    for a, d in apps
                ]
                self.run(leg)
                return
        self.refuse(leg, 404, "Not Found")

    # ---- applications

    def run(self, leg):
        """All of an extension's, from the first to the one that stays."""
        if leg.state != "CS_EXECUTE":
            leg.enter("CS_EXECUTE")
        for name, data in leg.apps or ():
            leg.app, leg.app_data = name, data
            leg.app_log.append((name, data, self.switch.now_us()))
            channel_events.executes(leg)
            if name == "answer" and not leg.answered_us:
                leg.answer(leg.source)
                channel_events.answered(leg)
            elif name == "set":
                key, _, value = data.partition("=")
                leg.vars[key] = value
            elif name == "bridge":
                self.bridge_to(leg, data)
                return
            elif name == "conference":
                self.join(leg, data.partition("@")[0])
                return
            elif name in ("park", "echo", "playback"):
                self.settle(leg, "one")
                return
        leg.hangup("NORMAL_CLEARING")

    def settle(self, leg, kind, **more):
        """It stays in its application: a row with all it has."""
        if leg.is_recovered:
            leg.vars["current_application"] = leg.app
            more["current_application_data"] = leg.app_data
            for key, value in more.items():
                leg.vars.pop(key, None)
                if value:
                    leg.vars[key] = value
        else:
            self.describe(leg, kind, **more)
        leg.track()

    def join(self, leg, name):
        room = self.rooms.get(name)
        if not room or not room.members:
            room = self.rooms[name] = Room(name)
        room.n_members += 1
        room.members.append(leg)
        leg.room = room
        member = str(room.n_members)
        if leg.is_recovered:
            self.settle(
                leg,
                "conference",
                conference_name=name,
                conference_uuid=room.uuid,
                app_session_uuid=room.uuid,
                conference_member_id=member,
            )
        else:
            self.settle(
                leg, "conference", room=name, room_uuid=room.uuid, member=member
            )

    # ---- bridge: the other leg

    def bridge_to(self, a, data):
        target = data.partition("sofia/internal/")[2]
        b = Leg(self, "outbound")
        b.call_id = str(uuid.uuid4())
        b.target = "sip:" + target
        user = a.profile["cid_number"]
        b.local = '"%s" <sip:%s@%s>;tag=%s' % (
            a.profile["cid_name"],
            user,
            self.switch.ip,
            message.token(),
        )
        b.remote = "<sip:%s>" % target
        b.contact = "<sip:mod_sofia@%s:5060>" % self.switch.ip
        b.profile = dict(
            a.profile,
            uuid=b.uuid,
            net_ip=message.hop(b.target)[0],
            name="sofia/internal/" + target,
            callee_name="Outbound Call",
            callee_number=parts(b.target)[0],
            destination=parts(b.target)[0],
        )
        b.vars["channel_name"] = b.profile["name"]
        b.vars["recovery_profile_name"] = self.switch.profile
        b.vars["rtp_use_pt"] = a.vars.get("rtp_use_pt", "0")
        self.n_sessions += 1
        b.session = self.n_sessions
        try:
            b.bind_any()
        except OSError:
            self.not_dialled(a, 503)
            return
        self.know(b)
        b.born()
        channel_events.created(b)
        a.ringing = b
        b.caller = a
        client = b.invite_request(lambda m: self.dialled(b, m), has_cn=True)

        def cancel_it():
            headers = [("Via", b.sent_via)] + b.head("CANCEL", b.cseq, "")[1:]
            data = message.build("CANCEL %s SIP/2.0" % b.target, headers)
            self.sip.send(data, client.to)
            b.caller = None
            b.hangup("ORIGINATOR_CANCEL", "send_cancel")

        b.cancel_it = cancel_it

    def dialled(self, b, m):
        """What came of it."""
        a = b.caller
        if b.is_established:
            if m and m != 503 and 200 <= m.status < 300:
                b.ack(m)  # again
            return
        if m is None or m == 503 or m.status >= 300:
            if m and m != 503:
                b.remote = m.get("to")
                b.ack(m)
            b.hangup("NORMAL_TEMPORARY_FAILURE", "recv_refuse")
            if a and not a.is_gone:
                self.not_dialled(a, m)
        elif m.status >= 200:
            self.taken(a, b, m)
        elif m.status > 100 and a and not a.answered_us and not a.is_gone:
            self.sip.reply(
                a.invite,
                a.source,
                180,
                "Ringing",
                [("Contact", a.contact)],
                tag=tag(a.local),
            )

    def not_dialled(self, a, m):
        a.ringing = None
        if a.answered_us:
            a.hangup("NORMAL_TEMPORARY_FAILURE")
        elif m is None or m == 503:
            self.refuse(a, 408 if m is None else 503, "Service Unavailable")
        else:
            self.refuse(a, m.status, m.reason)

    def taken(self, a, b, m):
        b.remote = m.get("to")
        b.target = message.uri(m.get("contact")) or b.target
        b.route = m.routes()[::-1]
        b.is_established, b.allow = True, m.get("allow")
        b.ack(m)
        if not a or a.is_gone:
            b.hangup("ORIGINATOR_CANCEL")
            return
        b.answered_us = self.switch.now_us()
        b.callstate = "ACTIVE"
        b.heard_sdp(m.body)
        a.ringing = None
        if not a.answered_us:
            a.answer(a.source)
        channel_events.answered(b)
        channel_events.answered(a)
        self.bridge(a, b)
        if a.is_recovered:
            self.settle(a, "bridge", signal_bond=b.uuid)
        else:
            self.describe(a, "bridge", bond=b.uuid, partner=b)
        self.describe(b, "outbound", bond=a.uuid, partner=a)
        b.track()
        a.track()

    def bridge(self, a, b):
        a.partner, b.partner = b, a
        a.vars["signal_bond"], b.vars["signal_bond"] = b.uuid, a.uuid
        b.enter("CS_EXCHANGE_MEDIA")
        channel_events.bridged(a, b)
        self.store.push(
            "insert into calls (call_uuid, call_created_epoch, caller_uuid,"
            " callee_uuid, hostname) values (%s,%s,%s,%s,%s)",
            a.uuid,
            self.switch.now_us() // 1000000,
            a.uuid,
            b.uuid,
            self.switch.name,
        )

    # ---- what a row says of a leg

    FLAGS = {
        "bridge": "0 1 4 39 45 50 55 88 89 107 113 114 123 160 165 166",
        "outbound": "0 1 2 39 45 46 50 55 88 89 107 113 114 160 166",
        "one": "0 1 39 55 68 88 89 113 114 119 123 148 160 165 166",
        "conference": "0 1 39 55 68 84 88 89 107 113 114 123 160 165 166",
    }

    def describe(self, leg, kind, bond="", partner=None, **more):
        """A fresh leg's variables, flags and call flow."""
        values = self.values(leg, bond, partner)
        values.update(more)
        own = dict(leg.vars)
        if kind == "outbound":
            leg.vars = row.variables("outbound", kind, values)
        else:
            leg.vars = row.variables("inbound", kind, values)
        for key, value in own.items():
            leg.vars.setdefault(key, value)
        leg.flags = {int(n): "1" for n in self.FLAGS[kind].split()}
        leg.flows = [self.flow(leg, kind, partner)]

    def values(self, leg, bond, partner):
        remote, local = message.uri(leg.remote), message.uri(leg.local)
        first, second = (remote, local) if leg.is_inbound else (local, remote)
        v = Values(leg.vars)
        v.update(
            uuid=leg.uuid,
            session=str(leg.session),
            ip=self.switch.ip,
            profile=self.switch.profile,
            name=leg.profile["name"],
            created=str(leg.created_us),
            codec=message.CODECS[int(leg.vars["rtp_use_pt"])],
            pt=leg.vars["rtp_use_pt"],
            ssrc=str(4144000000 + leg.port.port),
            r_sdp=leg.vars.get("switch_r_sdp", ""),
            local_sdp=leg.vars.get("rtp_local_sdp_str", ""),
            media_ip=leg.port.ip,
            media_port=str(leg.port.port),
            remote_ip=leg.vars.get("remote_media_ip", ""),
            remote_port=leg.vars.get("remote_media_port", ""),
            app=leg.app,
            app_data=leg.app_data,
            match=leg.match,
            bond=bond,
            allow=leg.allow,
            local=leg.local,
            remote=leg.remote,
            local_tag=tag(leg.local),
            remote_tag=tag(leg.remote),
            call_id=leg.call_id,
            target=leg.target,
            from_display=display(leg.remote if leg.is_inbound else leg.local),
        )
        has_dtmf = "telephone-event" in v["r_sdp"]
        v["dtmf"] = "rfc2833" if has_dtmf else "info"
        v["dtmf_pt"] = "101" if has_dtmf else ""
        if partner:
            v["m_sdp"] = partner.vars.get("switch_r_sdp", "")
            v["other_destination"] = partner.profile["destination"]
        pairs = [("from", first), ("to", second), ("contact", leg.target)]
        if leg.is_inbound:
            pairs.append(("req", leg.invite.uri))
            v.update(
                cseq=str(leg.invite.cseq()[0]),
                via=leg.invite.get("via"),
                max_forwards=leg.invite.get("max-forwards", "70"),
                net_ip=leg.source[0],
                net_port=str(leg.source[1]),
                record_route=",".join(leg.route),
            )
            sent_by = leg.invite.get("via").split(" ")[-1].split(";")[0]
            v["via_host"], _, v["via_port"] = sent_by.partition(":")
        else:
            ip, port = message.hop(second)
            v.update(
                cseq=str(leg.cseq),
                via=leg.sent_via,
                net_ip=ip,
                net_port=str(port),
                req_uri=bare(second),
                route=",".join(leg.route),
            )
        for key, text in pairs:
            v[key + "_uri"] = bare(text)
            v[key + "_user"], v[key + "_host"], v[key + "_port"] = parts(text)
        return v

    def flow(self, leg, kind, partner):
        others = []
        profile = dict(leg.profile)
        if kind == "bridge":
            profile.update(
                callee_name="Outbound Call",
                callee_number=partner.profile["callee_number"],
            )
            others = [
                ("origination", partner.profile),
                ("originatee", partner.profile),
            ]
        elif kind == "outbound":
            others = [("originator", partner.profile)]
        ids = (str(uuid.uuid4()), "" if leg.is_inbound else str(uuid.uuid4()), 1)
        extension = leg.extension if leg.is_inbound else None
        times = {
            "created": leg.created_us,
            "profile_created": leg.created_us,
            "answered": leg.answered_us,
            "bridged": self.switch.now_us() if partner else 0,
        }
        text = row.flow(ids, extension, leg.apps or (), profile, others)
        return (text, times)


