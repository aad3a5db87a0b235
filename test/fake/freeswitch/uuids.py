# SPDX-License-Identifier: Apache-2.0
"""`uuid_...`, `show ...`, `originate` and `hupall`: single channels."""

import json
import time
import uuid

import channel_events
import recovery
from commands import COMMANDS, command
from leg import Leg
from switch import plain

NO_CHANNEL = "-ERR No such channel!\n"


def usage(text):
    return "-USAGE: %s\n" % text


def legs(switch):
    return [x for x in list(switch.channels.values()) if isinstance(x, Leg)]


# ---- calls without SIP: as many as it takes to fill it


@command(COMMANDS, "originate")
def originate(switch, args):
    """A call of null/ has one leg, one of loopback/ two."""
    n = 2 if "loopback/" in args else 1
    if (
        switch.shutting_down
        or switch.paused("outbound")
        or switch.sessions + n > switch.max_sessions
    ):
        return "-ERR DESTINATION_OUT_OF_ORDER\n"
    new = [str(uuid.uuid4()) for _ in range(n)]
    for leg in new:
        switch.channels[leg] = {"legs": new}
    switch.sessions += n
    switch.since_startup += n
    switch.peak = max(switch.peak, switch.sessions)
    return "+OK %s\n" % new[0]


@command(COMMANDS, "hupall")
def hupall(switch, args):
    cause = args or "MANAGER_REQUEST"
    for leg in legs(switch):
        leg.hangup(cause)
    switch.sessions = 0
    switch.channels.clear()
    return "+OK hangup all channels with cause %s\n" % cause


# ---- one of them


@command(COMMANDS, "uuid_exists")
def uuid_exists(switch, args):
    is_there = args in switch.channels or args in switch.leaked
    return "true" if is_there else "false"


@command(COMMANDS, "uuid_kill")
def uuid_kill(switch, args):
    words = args.split()
    if not words:
        return usage("<uuid> [cause]")
    if words[0] in switch.leaked:
        switch.leaked.remove(words[0])
        return "+OK\n"
    leg = switch.channels.get(words[0])
    if not leg:
        return NO_CHANNEL
    if isinstance(leg, Leg):
        leg.hangup(words[1] if len(words) > 1 else "NORMAL_CLEARING")
        return "+OK\n"
    for one in leg["legs"]:
        switch.channels.pop(one, None)
        switch.sessions -= 1
    return "+OK\n"


@command(COMMANDS, "uuid_getvar")
def uuid_getvar(switch, args):
    words = args.split()
    if len(words) < 2:
        return usage("<uuid> <var>")
    leg = switch.channels.get(words[0])
    if not isinstance(leg, Leg):
        return NO_CHANNEL
    return leg.vars.get(words[1], "_undef_")


@command(COMMANDS, "uuid_setvar")
def uuid_setvar(switch, args):
    words = args.split(None, 2)
    if len(words) < 2:
        return usage("<uuid> <var> [value]")
    leg = switch.channels.get(words[0])
    if not isinstance(leg, Leg):
        return NO_CHANNEL
    if len(words) > 2:
        leg.vars[words[1]] = words[2]
    else:
        leg.vars.pop(words[1], None)
    return "+OK\n"


@command(COMMANDS, "uuid_dump")
def uuid_dump(switch, args):
    words = args.split()
    if not words:
        return usage("<uuid> [format]")
    leg = switch.channels.get(words[0])
    if not isinstance(leg, Leg):
        return NO_CHANNEL
    headers = channel_events.dump(leg)
    if words[1:] == ["json"]:
        return json.dumps(dict(headers), separators=(",", ":"))
    return plain(headers)


@command(COMMANDS, "uuid_transfer")
def uuid_transfer(switch, args):
    """As far as "park: inline" goes: no SIP is sent for it."""
    words = args.split()
    if len(words) < 2:
        return usage("<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]")
    leg = switch.channels.get(words[0])
    if not isinstance(leg, Leg):
        return NO_CHANNEL
    which, partner = words[1], leg.partner
    if which in ("-bleg", "-both") and not partner:
        if which == "-bleg":
            return "-ERR No such channel!\n"
    moved = {"-both": [leg, partner], "-bleg": [partner]}.get(which, [leg])
    part(leg)
    for one in moved:
        if one:
            park(one)
    if partner and partner not in moved:
        partner.hangup("NORMAL_CLEARING")
    return "+OK\n"


def part(leg):
    partner, leg.partner = leg.partner, None
    if partner:
        partner.partner = None


def park(leg):
    if leg.room:
        leg.room.members.remove(leg)
        leg.room = None
    leg.app, leg.app_data = "park", ""
    leg.app_log.append(("park", "", leg.switch.now_us()))
    leg.vars["current_application"] = "park"
    leg.vars.pop("current_application_data", None)
    for name in ("signal_bond", "bridge_to", "bridge_uuid", "bridge_channel"):
        leg.vars.pop(name, None)
    leg.enter("CS_EXECUTE")
    channel_events.executes(leg)
    leg.track()


@command(COMMANDS, "uuid_bridge")
def uuid_bridge(switch, args):
    words = args.split()
    if len(words) != 2:
        return usage("<uuid> <other_uuid>")
    a, b = (switch.channels.get(w) for w in words)
    if not isinstance(a, Leg) or not isinstance(b, Leg):
        return "-ERR Invalid uuid\n"
    for leg in (a, b):
        other = leg.partner
        part(leg)
        if other and other not in (a, b):
            other.hangup("NORMAL_CLEARING")
    recovery.bridge(a, b)
    return "+OK %s\n" % b.uuid


# ---- all of them


def channel(leg):
    p = leg.profile
    codec = leg.vars.get("rtp_use_codec_name", "PCMU")
    at = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(leg.start_us // 1000000))
    return {
        "uuid": leg.uuid,
        "direction": leg.direction,
        "created": at,
        "created_epoch": str(leg.start_us // 1000000),
        "name": leg.vars.get("channel_name", ""),
        "state": leg.state,
        "cid_name": p.get("cid_name", ""),
        "cid_num": p.get("cid_number", ""),
        "ip_addr": p.get("net_ip", ""),
        "dest": p.get("destination", ""),
        "application": leg.app,
        "application_data": leg.app_data,
        "dialplan": "XML",
        "context": "default",
        "read_codec": codec,
        "read_rate": "8000",
        "read_bit_rate": "64000",
        "write_codec": codec,
        "write_rate": "8000",
        "write_bit_rate": "64000",
        "secure": "",
        "hostname": leg.switch.name,
        "presence_id": "",
        "presence_data": "",
        "accountcode": "",
        "callstate": leg.callstate,
        "callee_name": p.get("callee_name", ""),
        "callee_num": p.get("callee_number", ""),
        "callee_direction": "",
        "call_uuid": leg.vars.get("call_uuid", ""),
        "sent_callee_name": "",
        "sent_callee_num": "",
        "initial_cid_name": p.get("cid_name", ""),
        "initial_cid_num": p.get("cid_number", ""),
        "initial_ip_addr": p.get("net_ip", ""),
        "initial_dest": p.get("destination", ""),
        "initial_dialplan": "XML",
        "initial_context": "default",
    }


def call(leg):
    """A row of `show calls`: both legs of a bridge, or one that is alone."""
    out = channel(leg)
    other = channel(leg.partner) if leg.partner else {k: "" for k in out}
    for key in "uuid direction created name state dest callstate".split():
        out["b_" + key] = other[key]
    return out


@command(COMMANDS, "show")
def show(switch, args):
    words = args.split()
    if not words or words[0] not in ("channels", "calls"):
        return None
    if words[0] == "channels":
        rows = [channel(leg) for leg in legs(switch)]
        n = len(switch.channels)
    else:
        rows = [
            call(leg)
            for leg in legs(switch)
            if not (leg.partner and not leg.is_inbound)
        ]
        n = len(rows)
    if words[-1] == "count":
        return "\n%d total.\n" % n
    if words[-2:] == ["as", "json"]:
        if not rows:
            return '{"row_count": 0}\n'
        answer = {"row_count": len(rows), "rows": rows}
        return json.dumps(answer, separators=(",", ":"))
    if not rows:
        return "\n0 total.\n"
    lines = [",".join(rows[0])] + [",".join(r.values()) for r in rows]
    return "\n".join(lines) + "\n\n%d total.\n" % len(rows)
