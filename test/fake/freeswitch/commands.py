# SPDX-License-Identifier: Apache-2.0
"""The api commands: each is one function of the switch and its arguments."""

import inspect
import json

COMMANDS = {}


class Crash(Exception):
    """The process ends here, without a reply."""


def command(table, name):
    def add(function):
        table[name] = function
        return function

    return add


def run(switch, line):
    """The body of the answer to `api LINE`."""
    name, _, args = line.partition(" ")
    function = COMMANDS.get(name)
    if not function or name in switch.mute.split(","):
        return "-ERR %s Command not found!\n" % name
    return function(switch, args.strip()) or "-ERR no reply\n"


async def run_wait(switch, line):
    """The same of those that take their time, too."""
    body = run(switch, line)
    if inspect.isawaitable(body):
        body = await body
    return body


# ---- what it is


@command(COMMANDS, "status")
def status(switch, _):
    return (
        "UP %s\nFreeSWITCH (Version %s  64bit) is %s\n"
        "%d session(s) since startup\n"
        "%d session(s) - peak %d, last 5min %d \n"
        "%d session(s) per Sec out of max %d, peak %d, last 5min %d \n"
        "%d session(s) max\nmin idle cpu %.2f/%.2f\n"
        "Current Stack Size/Max 240K/240K\n"
        % (
            switch.uptime_text(),
            switch.version,
            "ready" if switch.ready() else "not ready",
            switch.since_startup,
            switch.sessions,
            switch.peak,
            switch.peak,
            switch.rate,
            switch.max_rate,
            switch.rate,
            switch.rate,
            switch.max_sessions,
            switch.min_idle,
            switch.idle,
        )
    )


def json_status(switch):
    """idleCPU has its names the wrong way round, as FreeSWITCH has."""
    units = [u + "s" for u in switch.UNITS]
    return {
        "systemStatus": "ready" if switch.ready() else "not ready",
        "uptime": dict(zip(units, switch.uptime())),
        "version": switch.version + "  64bit",
        "sessions": {
            "count": {
                "total": switch.since_startup,
                "active": switch.sessions,
                "peak": switch.peak,
                "peak5Min": switch.peak,
                "limit": switch.max_sessions,
            },
            "rate": {
                "current": switch.rate,
                "max": switch.max_rate,
                "peak": switch.rate,
                "peak5Min": switch.rate,
            },
        },
        "idleCPU": {"used": switch.min_idle, "allowed": switch.idle},
        "stackSizeKB": {"current": 240, "max": 240},
    }


@command(COMMANDS, "json")
def json_command(switch, args):
    try:
        asked = json.loads(args)
    except ValueError:
        return "-ERR Parse error.\n"
    answer = dict(asked)
    if asked.get("command") == "status":
        answer.update(status="success", response=json_status(switch))
    else:
        answer.update(
            status="error",
            message="Invalid request or non-existant command",
            response=None,
        )
    return json.dumps(answer, separators=(",", ":"))


@command(COMMANDS, "version")
def version(switch, args):
    if args == "short":
        return switch.version + "\n"
    return "FreeSWITCH Version %s~64bit ( 64bit)\n" % switch.version


@command(COMMANDS, "switchname")
def switchname(switch, _):
    return switch.name


@command(COMMANDS, "hostname")
def hostname(switch, _):
    return "vm"


@command(COMMANDS, "global_getvar")
def global_getvar(switch, args):
    return {
        "core_uuid": switch.uuid,
        "switchname": switch.name,
        "hostname": "vm",
        "local_ip_v4": switch.ip,
    }.get(args)


@command(COMMANDS, "strepoch")
def strepoch(switch, _):
    return str(switch.now_us() // 1000000)


@command(COMMANDS, "strmicroepoch")
def strmicroepoch(switch, _):
    return str(switch.now_us())
