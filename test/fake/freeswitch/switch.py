# SPDX-License-Identifier: Apache-2.0
"""The state of a FreeSWITCH, and what it says of itself without being a switch.

Numbers and texts are those of FreeSWITCH 1.10.12 as captured."""

import asyncio
import time
import urllib.parse
import uuid

from rtp import Pool


def number(text):
    return float(text) if "." in text else int(text)


class Switch:
    """One run of a FreeSWITCH; `set` changes any of `settings` while it runs."""

    settings = {
        "name": str,
        "uuid": str,  # "new": as after a restart
        "password": str,
        "acl": str,  # allow, deny
        "sessions": int,
        "max_sessions": int,
        "rate": int,
        "max_rate": int,
        "idle": number,
        "min_idle": number,
        "pause": str,  # none, inbound, outbound, both
        "shutting_down": int,
        "clock_ms": int,  # added to its clock
        "up_s": int,  # added to its uptime
        "heartbeat_s": number,
        "gateways": str,  # "NAME=PROXY,..."
        "mute": str,  # "json,version": api commands that do not exist
        # of calls
        "callee": str,  # HOST[:PORT] that 2xxx is bridged to
        "profile": str,  # the one that runs
        "rtp": str,  # FIRST-LAST
        "robust": int,  # rtp-port-usage-robustness
        "track_calls": int,
        "preload": int,  # mod_pgsql is in pre_load_modules.conf
        "sql_s": number,  # how long what is written is queued
        "recover_ms": number,  # a row
        "sip_timeout_s": number,  # 64 * T1
        "bond_wait_s": number,  # how long a bridge waits for a far end
    }

    def __init__(self, name, ip):
        self.name = name
        self.ip = ip
        self.uuid = str(uuid.uuid4())
        self.version = "1.10.12-release"
        self.password = "ClueCon"
        self.acl = "allow"
        self.sessions = 0
        self.since_startup = 0
        self.peak = 0
        self.max_sessions = 5000
        self.rate = 0
        self.max_rate = 300
        self.idle = 91.966666666666669
        self.min_idle = 0
        self.pause = "none"
        self.shutting_down = 0
        self.clock_ms = 0
        self.up_s = 0
        self.heartbeat_s = 20
        self.gateways = ""
        self.mute = ""
        self.started = time.time()
        self.sequence = 0
        self.channels = {}  # uuid: Leg, or a dict of one without SIP
        self.leaked = set()  # uuids of sessions that nobody sees
        self.callee = "127.0.0.60:5080"
        self.profile = "internal"
        self.rtp_first, self.rtp_last = 16384, 32768
        self.robust = 0
        self.track_calls = 1
        self.preload = 1
        self.sql_s = 1.0
        self.recover_ms = 0
        self.sip_timeout_s = 32.0
        self.bond_wait_s = 2.0
        self.cdr = ""  # the file, or none
        self.pool = Pool(self)
        self.calls = None  # when it has SIP
        self.server = None  # of the event socket

    def set(self, key, value):
        if key not in self.settings:
            raise KeyError(key)
        if key == "rtp":
            first, _, last = value.partition("-")
            self.rtp_first, self.rtp_last = int(first), int(last)
            return
        setattr(self, key, self.settings[key](value))
        if key == "uuid" and value == "new":
            self.uuid = str(uuid.uuid4())
            self.started = time.time()
        self.peak = max(self.peak, self.sessions)

    # ---- questions

    def paused(self, direction):
        return self.pause in ("both", direction)

    def ready(self):
        """switch_core_ready: paused both ways is not ready."""
        return not self.shutting_down and self.pause != "both"

    def takes_calls(self):
        """What mod_sofia asks before it takes a call or answers OPTIONS."""
        return (
            not self.shutting_down
            and not self.paused("inbound")
            and self.sessions < self.max_sessions
        )

    def is_busy(self):
        return self.min_idle > 0 and self.idle < self.min_idle

    def now_us(self):
        return int(time.time() * 1e6) + self.clock_ms * 1000

    def uptime_us(self):
        return int((time.time() - self.started + self.up_s) * 1e6)

    def uptime(self):
        """Years, days, hours, minutes, seconds, milliseconds, microseconds."""
        us = self.uptime_us()
        s = us // 1000000
        return (
            s // (365 * 86400),
            s % (365 * 86400) // 86400,
            s % 86400 // 3600,
            s % 3600 // 60,
            s % 60,
            us // 1000 % 1000,
            us % 1000,
        )

    UNITS = "year day hour minute second millisecond microsecond".split()

    def uptime_text(self):
        return ", ".join(
            "%d %s%s" % (n, unit, "" if n == 1 else "s")
            for n, unit in zip(self.uptime(), self.UNITS)
        )

    # ---- events

    def say(self, text):
        """Its log."""
        print(text, flush=True)

    def listens(self, name):
        return self.server and self.server.listens(name)

    def tell(self, headers, body=""):
        """To all that listen, in this order."""
        asyncio.ensure_future(self.server.tell(headers, body))

    def event(self, name, source, extra):
        """Headers of an event, in the order FreeSWITCH sends them."""
        self.sequence += 1
        us = self.now_us()
        t = time.gmtime(us // 1000000)
        file, function, line = source
        return [
            ("Event-Name", name),
            ("Core-UUID", self.uuid),
            ("FreeSWITCH-Hostname", "vm"),
            ("FreeSWITCH-Switchname", self.name),
            ("FreeSWITCH-IPv4", self.ip),
            ("FreeSWITCH-IPv6", "::1"),
            ("Event-Date-Local", time.strftime("%Y-%m-%d %H:%M:%S", t)),
            ("Event-Date-GMT", time.strftime("%a, %d %b %Y %H:%M:%S GMT", t)),
            ("Event-Date-Timestamp", str(us)),
            ("Event-Calling-File", file),
            ("Event-Calling-Function", function),
            ("Event-Calling-Line-Number", line),
            ("Event-Sequence", str(self.sequence)),
        ] + extra

    def heartbeat(self):
        """It says "System Ready" whatever is the case."""
        return self.event(
            "HEARTBEAT",
            ("switch_core.c", "send_heartbeat", "95"),
            [
                ("Event-Info", "System Ready"),
                ("Up-Time", self.uptime_text()),
                ("FreeSWITCH-Version", self.version + "~64bit"),
                ("Uptime-msec", str(self.uptime_us() // 1000)),
                ("Session-Count", str(self.sessions)),
                ("Max-Sessions", str(self.max_sessions)),
                ("Session-Per-Sec", str(self.max_rate)),
                ("Session-Per-Sec-Last", str(self.rate)),
                ("Session-Per-Sec-Max", str(self.rate)),
                ("Session-Per-Sec-FiveMin", str(self.rate)),
                ("Session-Since-Startup", str(self.since_startup)),
                ("Session-Peak-Max", str(self.peak)),
                ("Session-Peak-FiveMin", str(self.peak)),
                ("Idle-CPU", "%f" % self.idle),
            ],
        )


def plain(headers, body=""):
    """An event as `event plain` has it."""
    text = "".join(
        "%s: %s\n" % (k, urllib.parse.quote(v, safe=",~-._/()+!*'@"))
        for k, v in headers
    )
    if body:
        text += "Content-Length: %d\n\n%s" % (len(body), body)
    else:
        text += "\n"
    return text
