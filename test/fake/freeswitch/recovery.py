# SPDX-License-Identifier: Apache-2.0
"""`fsctl recover`, `sofia recover`: what FreeSWITCH 1.10.12 does with rows of other
runs (switch_core_sqldb.c, sofia_glue.c), for better or worse.

It looks at no hostname; it deletes all that it selected, whatever came of it; it
counts what it launched, not what the far ends said."""

import asyncio
import re
import uuid
import xml.etree.ElementTree as ElementTree

import channel_events
import message
import row
import rtp
from leg import Leg
from message import tag


async def recover(switch, technology="", profile=""):
    """How many sessions were launched."""
    store = switch.calls.store
    if not store.conninfo:
        return 0
    loop = asyncio.get_running_loop()
    rows = await loop.run_in_executor(None, store.select, technology, profile)
    n = 0
    for its_technology, xml in rows:
        n += launch(switch, its_technology, xml)
        await asyncio.sleep(switch.recover_ms / 1000)
    await loop.run_in_executor(None, store.forget, technology, profile)
    return n


def launch(switch, technology, xml):
    """1: a session was launched."""
    if technology != "sofia":
        return 0
    try:
        its = row.Row(xml)
    except (ElementTree.ParseError, AttributeError, KeyError, ValueError):
        switch.say("XML ERROR")
        return 0
    if its.uuid in switch.channels or its.uuid in switch.leaked:
        switch.say("Duplicate UUID! " + its.uuid)
        return 0
    if not switch.ready() or switch.paused(its.direction) or switch.is_busy():
        return 0  # no session is to be had
    name = its.vars.get("recovery_profile_name", "")
    if name != switch.profile:
        switch.say("Invalid profile " + name)
        switch.leaked.add(its.uuid)
        return 0
    leg = fallen(switch, its)
    switch.say("Resurrecting fallen channel " + leg.vars["channel_name"])
    begin(leg)
    return 1


# ---- a leg as it was


def fallen(switch, its):
    calls = switch.calls
    leg = Leg(calls, its.direction, its.uuid)
    leg.vars, leg.flags, leg.profile = its.vars, its.flags, its.profile
    leg.apps = its.apps
    leg.is_recovered = leg.is_established = True
    v = leg.vars
    calls.n_sessions += 1
    leg.session = calls.n_sessions
    v["session_id"] = str(leg.session)
    dialog(leg)
    first = its.flow_texts[0]
    leg.answered_us = first[1].get("answered", 0)
    leg.bond = v.get("signal_bond") or v.get("originate_signal_bond")
    first[1].update(created=leg.created_us, resurrect=leg.created_us, bridged=0)
    leg.flows = [(old_flow(first[0], leg.bond), first[1])]
    v["recovered"] = "true"
    v["sip_handle_full_from"], v["sip_handle_full_to"] = leg.local, leg.remote
    v["sip_invite_call_id"] = leg.call_id
    v.setdefault("channel_name", leg.profile["name"])
    leg.flags[59] = "1"
    return leg


def dialog(leg):
    """Who it was with: From and To of the row are as the dialog began, unless
    dlg_req_swap_direction tells that they are the other way round
    (sofia_glue.c:2279)."""
    v, ip = leg.vars, leg.switch.ip
    ends = [v.get("sip_full_from", ""), v.get("sip_full_to", "")]
    is_swapped = v.get("dlg_req_swap_direction") == "true"
    if leg.is_inbound != is_swapped:
        ends.reverse()
    leg.local, leg.remote = ends
    if leg.is_inbound:  # as an earlier recovery left them
        leg.local = v.get("sip_handle_full_from") or leg.local
        leg.remote = v.get("sip_handle_full_to") or leg.remote
    leg.call_id = v.get("sip_call_id", "")
    contact = "<sip:%s>" % v.get("sip_contact_uri", "")
    if not leg.is_inbound:
        contact = v.get("sip_recover_contact") or contact
    leg.target = message.uri(contact)
    record_route = v.get("sip_invite_record_route")
    if leg.is_inbound and not record_route:
        v["sip_invite_route_uri"] = "<sip:%s@%s:%s;transport=udp>" % (
            v.get("sip_from_user", ""),
            v.get("sip_network_ip", ""),
            v.get("sip_network_port", ""),
        )
    elif record_route:
        v.setdefault("sip_invite_route_uri", record_route)
    routes = v.get("sip_invite_route_uri", "")
    leg.route = re.findall(r"<[^>]*>[^,<]*", routes)
    leg.contact = "<sip:%s@%s:5060>" % (v.get("sip_contact_user", ""), ip)
    leg.via_host = ip
    via = v.get("sip_recover_via", "")
    if via:  # of whoever wrote it: answers go there
        leg.via_host = via.split(" ")[-1].split(";")[0].split(":")[0]


def old_flow(text, is_bond):
    """What is left of the row's own call flow."""
    text = re.sub(r' clone-of="[^"]*"', "", text, 1)
    text = re.sub(
        r'<extension name="[^"]*" number="[^"]*"',
        '<extension name="recovery" number="recovery"',
        text,
    )
    if not is_bond:
        return text
    text = re.sub(r" *<extension .*?</extension>\n", "", text, 1, re.S)
    text = re.sub(r" *<origination>.*?</origination>\n", "", text, 1, re.S)
    head, other, rest = text.partition("_caller_profile>")
    for name in ("callee_id_name", "callee_id_number", "uuid", "chan_name"):
        rest = re.sub(r"<%s>[^<]*<" % name, "<%s><" % name, rest, 1)
    return head + other + rest


# ---- its first steps


def begin(leg):
    switch, v = leg.switch, leg.vars
    leg.state, leg.callstate = "CS_INIT", "ACTIVE" if leg.is_inbound else "DOWN"
    leg.born()
    switch.calls.know(leg)
    channel_events.state(leg)
    channel_events.created(leg)
    try:
        port = int(v["local_media_port"]) if "local_media_port" in v else None
        if port == 0:
            raise OSError("Missing local port")
        if port:
            leg.bind(v.get("local_media_ip", ""), port)
    except (OSError, ValueError) as e:
        # nothing was sent, and it was counted all the same
        switch.say("AUDIO RTP REPORTS ERROR: [Bind Error! %s]" % e)
        leg.is_established, leg.answered_us = False, 0
        leg.hangup("INCOMPATIBLE_DESTINATION")
        return
    if not leg.port:
        leg.port = rtp.Port(switch.ip, 0)  # that nobody is told of
        leg.has_no_port = True
    leg.port.remote = (
        v.get("remote_media_ip", ""),
        int(v.get("remote_media_port") or 0),
    )
    leg.invite_request(lambda m: answered(leg, m))
    leg.track()
    if leg.bond:
        leg.enter("CS_RESET")
        if leg.flags.pop(4, None):
            asyncio.ensure_future(bridge_again(leg))
    else:
        leg.enter("CS_EXECUTE")
        asyncio.get_running_loop().call_soon(run, leg)


def run(leg):
    """All applications of the extension from the first; without one the call
    ends as soon as it may: when the far end has answered."""
    if leg.is_gone:
        return
    if leg.apps:
        leg.switch.calls.run(leg)
    else:
        leg.is_to_end = True
        if leg.has_ack:
            leg.hangup("NORMAL_CLEARING")


def answered(leg, m):
    """What the far end said to the re-INVITE."""
    if m is None:
        leg.vars["sip_term_status"] = "408"
        leg.is_established = False  # nobody to say BYE to
        leg.hangup("RECOVERY_ON_TIMER_EXPIRE")
    elif m == 503 or m.status >= 300:
        if m != 503:
            leg.ack(m)
        leg.vars["sip_term_status"] = str(m if m == 503 else m.status)
        leg.is_established = False
        leg.hangup("NORMAL_TEMPORARY_FAILURE")
    elif m.status >= 200:
        leg.ack(m)
        if leg.has_ack or leg.is_gone:
            return
        leg.has_ack = True
        confirmed(leg, m)
        leg.track()
        if leg.has_no_port:
            leg.hangup("INCOMPATIBLE_DESTINATION")
        elif leg.is_to_end:
            leg.hangup("NORMAL_CLEARING")


def confirmed(leg, m):
    """The variables that a 200 brings: of an inbound leg From and To have
    changed places, and stay so."""
    v, ip = leg.vars, leg.switch.ip
    contact = message.uri(m.get("contact")) or leg.target
    leg.target = contact
    host, port = leg.where()
    new = {"sip_outgoing_contact_uri": leg.contact, "sip_local_network_addr": ip}
    new.update(
        sip_reply_host=host,
        sip_reply_port=str(port),
        sip_network_ip=host,
        sip_network_port=str(port),
    )
    if leg.is_inbound:
        new["dlg_req_swap_direction"] = "true"
        new["sip_req_uri"] = v.get("sip_from_uri", "")
    else:
        new["sip_recover_contact"] = "<%s>" % contact
        new["sip_recover_via"] = leg.sent_via
    new["sip_full_via"] = leg.sent_via
    new["sip_full_from"], new["sip_full_to"] = leg.local, leg.remote
    for key, text in (
        ("from", message.uri(leg.local)),
        ("to", message.uri(leg.remote)),
        ("contact", contact),
    ):
        user, its_host, its_port = message.parts(text)
        new["sip_%s_user" % key] = user
        new["sip_%s_port" % key] = its_port
        new["sip_%s_uri" % key] = message.bare(text)
        new["sip_%s_host" % key] = its_host
    new.update(
        sip_to_tag=tag(leg.remote),
        sip_from_tag=tag(leg.local),
        sip_cseq=str(m.cseq()[0]),
        sip_call_id=leg.call_id,
    )
    for key, value in new.items():
        v.pop(key, None)
        if value:
            v[key] = value
    if m.body:
        leg.heard_sdp(m.body)


# ---- the bridge is made again


async def bridge_again(a):
    """What the originator does in CS_RESET (switch_core_state_machine.c:184).
    When its partner does not come, or does not live, it stays there for ever."""
    channels, b = a.switch.channels, None
    for _ in range(20):
        if a.is_gone:
            return
        b = channels.get(a.bond)
        await asyncio.sleep(0.1)
        if b:
            break
    if not b:
        return
    for _ in range(round(a.switch.bond_wait_s / 0.02)):
        if b.is_gone or b.has_ack:
            break
        await asyncio.sleep(0.02)
    if a.is_gone or b.is_gone:
        return
    bridge(a, b)


def bridge(a, b):
    """uuid_bridge."""
    calls = a.switch.calls
    for leg in (b, a):
        leg.enter("CS_HIBERNATE")
        leg.enter("CS_RESET")
    a.enter("CS_SOFT_EXECUTE")
    a.flags.update({4: "1", 5: "1"})
    for leg, other in ((a, b), (b, a)):
        leg.app, leg.app_data = "uuid_bridge", other.uuid
        leg.app_log = []
        again(leg, other)
    calls.bridge(a, b)
    a.track()
    b.track()


def again(leg, other):
    """Its variables and its second call flow."""
    us = leg.switch.now_us()
    unique = str(uuid.uuid4())
    source = "%d:%s:uuid_br:%s" % (us // 1000000, unique, other.uuid)
    new = {
        "bridge_channel": other.vars.get("channel_name", ""),
        "bridge_uuid": other.uuid,
        "signal_bond": other.uuid,
        "original_destination_number": leg.profile["destination"],
        "original_caller_id_name": leg.profile["cid_name"],
        "original_caller_id_number": leg.profile["cid_number"],
        "transfer_history": source,
        "transfer_source": source,
        "switch_m_sdp": other.vars.get("switch_r_sdp", ""),
        "bridge_to": other.uuid,
        "last_bridge_to": other.uuid,
    }
    if not leg.is_inbound:
        new["call_uuid"] = other.uuid
    for key, value in new.items():
        leg.vars.pop(key, None)
        leg.vars[key] = value
    profile = dict(leg.profile, transfer_source=source)
    role = "originatee" if leg.is_inbound else "originator"
    text = row.flow(
        (unique, leg.uuid, 2), None, (), profile, [(role, other.profile)]
    )
    old = leg.flows[0][1]
    times = dict(old, profile_created=us, bridged=us, resurrect=0, transfer=0)
    old["transfer"] = us
    leg.flows = [(text, times)] + leg.flows[:1]
