# SPDX-License-Identifier: Apache-2.0
"""`sofia ...`: one profile, internal, and its gateways."""

import recovery
from commands import COMMANDS, command

RULER = "=" * 97 + "\n"
XML = '<?xml version="1.0" encoding="ISO-8859-1"?>\n'


def gateways(switch):
    """[(NAME, PROXY)] of the setting "NAME=PROXY,..."."""
    return [
        tuple(word.split("=", 1)) for word in switch.gateways.split(",") if word
    ]


def row(name, kind, data, state):
    return "%25s\t%s\t%40s\t%s\n" % (name, kind, data, state)


def status(switch):
    text = row("Name", "  Type", "Data", "State") + RULER
    text += row(
        switch.profile,
        "profile",
        "sip:mod_sofia@%s:5060" % switch.ip,
        "RUNNING (0)",
    )
    for name, proxy in gateways(switch):
        text += row(
            "internal::" + name, "gateway", "sip:fastpath@" + proxy, "NOREG"
        )
    return text + RULER + "1 profile 0 aliases\n"


def gateway_elements(switch, name, proxy):
    return [
        ("name", name),
        ("profile", "internal"),
        ("scheme", "Digest"),
        ("realm", proxy),
        ("username", "fastpath"),
        ("password", "yes"),
        ("from", "&lt;sip:fastpath@%s&gt;" % proxy),
        (
            "contact",
            "&lt;sip:gw+%s@%s:5060;transport=udp;gw=%s&gt;"
            % (name, switch.ip, name),
        ),
        ("exten", "fastpath"),
        ("to", "sip:fastpath@" + proxy),
        ("proxy", "sip:" + proxy),
        ("context", "default"),
        ("expires", "3600"),
        ("freq", "3600"),
        ("ping", "0"),
        ("pingfreq", "0"),
        ("pingmin", "0"),
        ("pingcount", "0"),
        ("pingmax", "0"),
        ("pingtime", "0.00"),
        ("pinging", "0"),
        ("state", "NOREG"),
        ("status", "UP"),
        ("uptime-usec", str(switch.uptime_us())),
        ("calls-in", "0"),
        ("calls-out", "0"),
        ("failed-calls-in", "0"),
        ("failed-calls-out", "0"),
    ]


def xmlstatus_gateway(switch):
    text = XML + "<gateways>\n"
    for name, proxy in gateways(switch):
        text += "  <gateway>\n"
        for element, value in gateway_elements(switch, name, proxy):
            text += "    <%s>%s</%s>\n" % (element, value, element)
        text += "  </gateway>\n"
    return text + "</gateways>\n"


async def recover(switch, some, none):
    n = await recovery.recover(switch, "sofia", switch.profile)
    return "Recovered %s\n" % (some % n) if n else none


@command(COMMANDS, "sofia")
def sofia(switch, args):
    if args == "status":
        return status(switch)
    if args == "xmlstatus gateway":
        return xmlstatus_gateway(switch)
    words = args.split()
    if words == ["recover"]:
        return recover(switch, "%d call(s)", "No calls to recover.\n")
    if words[:1] == ["profile"] and words[2:] == ["recover"]:
        if words[1] != switch.profile:
            return "Invalid Profile [%s]" % words[1]
        return recover(switch, "%d session(s)", "No sessions to recover.\n")
    return None
