# SPDX-License-Identifier: Apache-2.0
"""Events of channels, as far as somebody listens (esl/08 of the captures)."""

from row import STATES

SOURCE = ("switch_channel.c", "switch_channel_perform_set_running_state", "2408")
CREATE = ("switch_core_state_machine.c", "switch_core_session_run", "626")
BRIDGE = ("switch_ivr_bridge.c", "switch_ivr_multi_threaded_bridge", "1689")
HANGUP = ("switch_channel.c", "switch_channel_perform_hangup", "3373")
COMPLETE = ("switch_core_state_machine.c", "switch_core_session_reporting_state", "945")
EXECUTE = ("switch_core_session.c", "switch_core_session_exec", "2978")
DUMP = ("mod_commands.c", "uuid_dump_function", "6468")


def headers(leg, has_variables=False):
    p = leg.profile
    out = [
        ("Channel-State", leg.state),
        ("Channel-Call-State", leg.callstate),
        ("Channel-State-Number", str(STATES[leg.state])),
        ("Channel-Name", leg.vars.get("channel_name", "")),
        ("Unique-ID", leg.uuid),
        ("Call-Direction", leg.direction),
        ("Presence-Call-Direction", leg.direction),
        ("Channel-HIT-Dialplan", "true" if leg.is_inbound else "false"),
        ("Channel-Call-UUID", leg.vars.get("call_uuid", leg.uuid)),
        ("Answer-State", "answered" if leg.answered_us else "ringing"),
        ("Caller-Direction", leg.direction),
        ("Caller-Username", p.get("from_user", "")),
        ("Caller-Dialplan", "XML"),
        ("Caller-Caller-ID-Name", p.get("cid_name", "")),
        ("Caller-Caller-ID-Number", p.get("cid_number", "")),
        ("Caller-Network-Addr", p.get("net_ip", "")),
        ("Caller-Destination-Number", p.get("destination", "")),
        ("Caller-Unique-ID", leg.uuid),
        ("Caller-Source", "mod_sofia"),
        ("Caller-Context", "default"),
        ("Caller-Channel-Name", leg.vars.get("channel_name", "")),
        ("Caller-Channel-Created-Time", str(leg.start_us)),
        ("Caller-Channel-Answered-Time", str(leg.answered_us)),
    ]
    if leg.partner:
        out.append(("Other-Leg-Unique-ID", leg.partner.uuid))
    if has_variables:
        out += [("variable_" + k, v) for k, v in leg.vars.items()]
    return out


def tell(leg, name, source, extra=(), has_variables=False, before=()):
    if leg.switch.listens(name):
        leg.switch.tell(
            leg.switch.event(
                name,
                source,
                list(before) + headers(leg, has_variables) + list(extra),
            )
        )


def state(leg):
    tell(leg, "CHANNEL_STATE", SOURCE)


def created(leg):
    tell(leg, "CHANNEL_CREATE", CREATE, has_variables=True)


def answered(leg):
    tell(leg, "CHANNEL_ANSWER", SOURCE, has_variables=True)


def executes(leg):
    extra = [
        ("Application", leg.app),
        ("Application-Data", leg.app_data),
    ]
    tell(leg, "CHANNEL_EXECUTE", EXECUTE, extra, has_variables=True)


def bridged(a, b):
    ids = [("Bridge-A-Unique-ID", a.uuid), ("Bridge-B-Unique-ID", b.uuid)]
    tell(a, "CHANNEL_BRIDGE", BRIDGE, has_variables=True, before=ids)


def hangup(leg, cause, hung_us):
    """process_cdr=false does not silence CHANNEL_HANGUP_COMPLETE."""
    tell(leg, "CHANNEL_HANGUP", HANGUP, [("Hangup-Cause", cause)], True)
    bill_us = hung_us - leg.answered_us if leg.answered_us else 0
    extra = [
        ("Hangup-Cause", cause),
        ("variable_hangup_cause", cause),
        ("variable_duration", str(round((hung_us - leg.start_us) / 1e6))),
        ("variable_billsec", str(round(bill_us / 1e6))),
    ]
    tell(leg, "CHANNEL_HANGUP_COMPLETE", COMPLETE, extra, True)


def dump(leg):
    return leg.switch.event("CHANNEL_DATA", DUMP, headers(leg, True))
