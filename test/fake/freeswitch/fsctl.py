# SPDX-License-Identifier: Apache-2.0
"""`fsctl ...`, and what the configuration says."""

import conf
import recovery
from commands import COMMANDS, Crash, command
from uuids import legs

FSCTL = {}


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
    if not rest:  # everybody is hung up, and their rows go
        for leg in legs(switch):
            leg.hangup("SYSTEM_SHUTDOWN")
    # "asap" takes no more calls and waits for those there are
    switch.pause = "none" if rest == "cancel" else "both"
    return "+OK\n"


@command(FSCTL, "recover")
async def fsctl_recover(switch, rest):
    """[TECHNOLOGY[:PROFILE]]; "flush" is taken for a technology, by a bug."""
    technology, _, profile = rest.partition(":")
    if technology == "flush":
        return "+OK flushed\n"
    n = await recovery.recover(switch, technology, profile)
    return "+OK %d session(s) recovered in total\n" % n


@command(COMMANDS, "xml_locate")
def xml_locate(switch, args):
    """Of a configuration: xml_locate configuration configuration name NAME."""
    words = args.split()
    if len(words) < 4 or words[:3] != ["configuration", "configuration", "name"]:
        return "-ERR bad args\n"
    return conf.configuration(switch, words[3]) or "can't find anything\n"
