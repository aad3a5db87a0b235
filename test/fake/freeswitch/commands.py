# SPDX-License-Identifier: Apache-2.0
"""The api commands: each is one function of the switch and its arguments."""

import json
import uuid

COMMANDS = {}
FSCTL = {}


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


# ---- calls: as many as it takes to fill it


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
    legs = [str(uuid.uuid4()) for _ in range(n)]
    for leg in legs:
        switch.channels[leg] = {"legs": legs}
    switch.sessions += n
    switch.since_startup += n
    switch.peak = max(switch.peak, switch.sessions)
    return "+OK %s\n" % legs[0]


@command(COMMANDS, "hupall")
def hupall(switch, args):
    switch.sessions = 0
    switch.channels.clear()
    return "+OK hangup all channels with cause %s\n" % (args or "MANAGER_REQUEST")


@command(COMMANDS, "uuid_exists")
def uuid_exists(switch, args):
    return "true" if args in switch.channels else "false"


@command(COMMANDS, "uuid_kill")
def uuid_kill(switch, args):
    leg = switch.channels.get(args.partition(" ")[0])
    if not leg:
        return "-ERR No such channel!\n"
    for one in leg["legs"]:
        switch.channels.pop(one, None)
        switch.sessions -= 1
    return "+OK\n"


@command(COMMANDS, "show")
def show(switch, args):
    if args.endswith("count"):
        return "\n%d total.\n" % len(switch.channels)
    if args.endswith("as json") and not switch.channels:
        return '{"row_count": 0}\n'
    return None


# ---- fsctl


@command(COMMANDS, "fsctl")
def fsctl(switch, args):
    name, _, rest = args.partition(" ")
    function = FSCTL.get(name)
    if not function:
        return "-ERR Invalid command\nUSAGE: fsctl [...]\n"
    return function(switch, rest.strip())


DIRECTIONS = ("inbound", "outbound")


@command(FSCTL, "pause")
def pause(switch, rest):
    if rest in DIRECTIONS and switch.pause in ("none", rest):
        switch.pause = rest
    else:
        switch.pause = "both"
    return "+OK\n"


@command(FSCTL, "resume")
def resume(switch, rest):
    if rest not in DIRECTIONS or switch.pause == rest:
        switch.pause = "none"
    elif switch.pause == "both":
        switch.pause = "outbound" if rest == "inbound" else "inbound"
    return "+OK\n"


def truth(is_true):
    return "true" if is_true else "false"


@command(FSCTL, "pause_check")
def pause_check(switch, rest):
    if rest in DIRECTIONS:
        return truth(switch.paused(rest))
    return truth(switch.pause == "both")


@command(FSCTL, "ready_check")
def ready_check(switch, _):
    return truth(switch.ready())


@command(FSCTL, "max_sessions")
def max_sessions(switch, rest):
    if rest and int(rest) > 0:
        switch.max_sessions = int(rest)
    return "+OK max sessions: %d\n" % switch.max_sessions


@command(FSCTL, "min_idle_cpu")
def min_idle_cpu(switch, rest):
    if rest:
        switch.min_idle = float(rest)
    if not switch.min_idle:
        return "+OK min idle cpu: DISABLED\n"
    return "+OK min idle cpu: %.2f" % switch.min_idle


@command(FSCTL, "crash")
def crash(switch, _):
    raise Crash


@command(FSCTL, "shutdown")
def shutdown(switch, rest):
    if rest == "now":
        raise Crash
    # "asap" takes no more calls and waits for those there are
    switch.pause = "none" if rest == "cancel" else "both"
    return "+OK\n"


@command(FSCTL, "recover")
def recover(switch, rest):
    return "+OK 0 session(s) recovered in total\n"
