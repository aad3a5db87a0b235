# SPDX-License-Identifier: Apache-2.0
"""A row of table recovery: the XML of one leg as FreeSWITCH 1.10.12 writes it,
element for element as captured (data/)."""

import os
import re
import urllib.parse
import xml.etree.ElementTree as ElementTree
from xml.sax.saxutils import escape

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), "data")
UNSAFE = "\r\n #%&+:;<=>?@[\\]^`{|}\""  # switch_utils.h, SWITCH_URL_UNSAFE
SAFE = "".join(chr(c) for c in range(32, 127) if chr(c) not in UNSAFE)

STATES = {
    "CS_NEW": 0,
    "CS_INIT": 1,
    "CS_ROUTING": 2,
    "CS_SOFT_EXECUTE": 3,
    "CS_EXECUTE": 4,
    "CS_EXCHANGE_MEDIA": 5,
    "CS_PARK": 6,
    "CS_CONSUME_MEDIA": 7,
    "CS_HIBERNATE": 8,
    "CS_RESET": 9,
    "CS_HANGUP": 10,
    "CS_REPORTING": 11,
    "CS_DESTROY": 12,
}
TIMES = (
    "created profile_created progress progress_media answered bridged last_hold"
    " hold_accum hangup resurrect transfer"
).split()

HEAD = """<cdr core-uuid="%s" switchname="%s">
  <channel_data>
    <state>%s</state>
    <direction>%s</direction>
    <state_number>%d</state_number>
    <flags>%s</flags>
    <caps>1=1;2=1;3=1;4=1;5=1;6=1;8=1;9=1;10=1</caps>
  </channel_data>
"""


def read(name):
    with open(os.path.join(DATA, name), encoding="ascii") as f:
        return f.read()


CALL_STATS = read("call-stats.xml")
TEMPLATES = {
    name: [line.partition("=")[::2] for line in read(name + ".vars").splitlines()]
    for name in ("inbound", "outbound")
}


def encode(text):
    return urllib.parse.quote(text, safe=SAFE)


def variables(direction, kind, values):
    """{NAME: VALUE} of a fresh leg, in order.  kind: bridge, conference, one;
    what is empty is not there."""
    out = {}
    for name, template in TEMPLATES[direction]:
        where, colon, rest = name.partition(": ")
        if colon:
            if where != kind and (where != "*" or kind == "bridge"):
                continue
            name = rest
        text = template.format_map(values)
        if text:
            out[name] = text
    return out


# ---- the call flow


def profile_lines(profile, indent):
    pad = " " * indent
    order = (
        ("username", "from_user"),
        ("dialplan", None),
        ("caller_id_name", "cid_name"),
        ("caller_id_number", "cid_number"),
        ("callee_id_name", "callee_name"),
        ("callee_id_number", "callee_number"),
        ("ani", "from_user"),
        ("aniii", ""),
        ("network_addr", "net_ip"),
        ("rdnis", ""),
        ("destination_number", "destination"),
        ("uuid", "uuid"),
        ("source", None),
        ("transfer_source", "transfer_source"),
        ("context", None),
        ("chan_name", "name"),
    )
    fixed = {"dialplan": "XML", "source": "mod_sofia", "context": "default"}
    out = ""
    for element, key in order:
        value = fixed[element] if key is None else profile.get(key, "")
        if element != "transfer_source" or value:
            out += "%s<%s>%s</%s>\n" % (pad, element, escape(value), element)
    return out


def application(name, data, stamp=None):
    quoted = {'"': "&quot;"}
    more = ' app_stamp="%d"' % stamp if stamp else ""
    return '<application app_name="%s" app_data="%s"%s></application>\n' % (
        escape(name, quoted),
        escape(data, quoted),
        more,
    )


def flow(ids, extension, apps, profile, others):
    """A callflow up to its times.  ids: unique-id, clone-of, profile_index;
    extension: (name, number) or None; others: [(role, profile)]."""
    unique, clone, index = ids
    out = '  <callflow dialplan="XML" unique-id="%s"%s profile_index="%d">\n' % (
        unique,
        ' clone-of="%s"' % clone if clone else "",
        index,
    )
    if extension:
        out += '    <extension name="%s" number="%s">\n' % extension
        for name, data in apps:
            out += "      " + application(name, data)
        out += "    </extension>\n"
    out += "    <caller_profile>\n" + profile_lines(profile, 6)
    for role, other in others:
        out += "      <%s>\n        <%s_caller_profile>\n" % (role, role)
        out += profile_lines(other, 10)
        out += "        </%s_caller_profile>\n      </%s>\n" % (role, role)
    return out + "    </caller_profile>\n"


def times_text(times):
    out = "    <times>\n"
    for name in TIMES:
        out += "      <%s_time>%d</%s_time>\n" % (name, times.get(name, 0), name)
    return out + "    </times>\n"


def render(leg):
    state = leg.state
    if state == "CS_EXCHANGE_MEDIA":
        state = "CS_CONSUME_MEDIA"  # what it is in when the row is written
    out = [
        HEAD
        % (
            leg.switch.uuid,
            leg.switch.name,
            state,
            leg.direction,
            STATES[state],
            ";".join("%d=%s" % f for f in sorted(leg.flags.items())),
        ),
        CALL_STATS,
        "  <variables>\n",
    ]
    for name, value in leg.vars.items():
        line = "    <%s>%s</%s>\n" % (name, encode(value), name)
        out.append(line)
        if name == "DP_MATCH" and not leg.is_recovered:
            out.append(line)  # as it does
    out.append("  </variables>\n")
    if leg.app_log:
        out.append("  <app_log>\n")
        for name, data, stamp in leg.app_log:
            out.append("    " + application(name, data, stamp))
        out.append("  </app_log>\n")
    for text, times in leg.flows:
        out.append(text + times_text(times) + "  </callflow>\n")
    return "".join(out) + "</cdr>\n"


# ---- and back


class Row:
    """What recovery reads of it.  ElementTree.ParseError, KeyError, ValueError:
    it is broken."""

    def __init__(self, xml):
        root = ElementTree.fromstring(xml)
        data = root.find("channel_data")
        self.direction = data.findtext("direction")
        pairs = [f.split("=") for f in data.findtext("flags").split(";")]
        self.flags = {int(k): v for k, v in pairs}
        self.vars = {}
        for element in root.find("variables"):
            self.vars[element.tag] = urllib.parse.unquote(element.text or "")
        self.uuid = self.vars["uuid"]
        self.read_flow(root.find("callflow"))
        self.flow_texts = []
        for m in re.finditer(r"  <callflow .*?</callflow>\n", xml, re.S):
            text, times, _ = m[0].partition("    <times>\n")
            self.flow_texts.append((text, self.read_times(times + _)))

    def read_flow(self, element):
        """The first alone: recover_callback does so too."""
        self.apps = None
        extension = element.find("extension")
        if extension is not None:
            self.apps = [
                (a.get("app_name", ""), a.get("app_data", ""))
                for a in extension.findall("application")
            ]
        caller = element.find("caller_profile")

        def text(name):
            return caller.findtext(name) or ""

        self.profile = {
            "from_user": text("username"),
            "cid_name": text("caller_id_name"),
            "cid_number": text("caller_id_number"),
            "callee_name": text("callee_id_name"),
            "callee_number": text("callee_id_number"),
            "net_ip": text("network_addr"),
            "destination": text("destination_number"),
            "uuid": text("uuid"),
            "name": text("chan_name"),
        }

    @staticmethod
    def read_times(text):
        found = re.findall(r"<(\w+)_time>(\d+)</", text)
        return {name: int(value) for name, value in found}
