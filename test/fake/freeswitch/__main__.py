# SPDX-License-Identifier: Apache-2.0
"""A stand-in for FreeSWITCH 1.10.12: its event socket, calls over SIP with voice,
and the table recovery, with the bytes it was seen to send and write, whole or broken
in the ways that were seen.

    python3 test/fake/freeswitch [--ip 127.0.0.1] [--esl 8021] [--sip 5060]
        [--name fs1] [--control SOCKET] [--db CONNINFO] [--cdr FILE]
        [KEY=VALUE]...

Ready when it prints "up".  Settings: switch.py, wire.py; while it runs:
control.py.  A frozen process is made by SIGSTOP, a killed one by SIGKILL."""

import argparse
import asyncio
import os
import resource
import sys

sys.dont_write_bytecode = True  # the source tree stays as it is

from calls import Calls
from control import Control
from esl import Server
from sip import Sip
from store import Store
from switch import Switch
from wire import Wire


def crash():
    os._exit(134)


async def main():
    p = argparse.ArgumentParser()
    p.add_argument("--ip", default="127.0.0.1")
    p.add_argument("--esl", type=int, default=8021)
    p.add_argument("--sip", type=int, default=5060)
    p.add_argument("--name", default="fs1")
    p.add_argument("--control")
    p.add_argument("--db", default="")
    p.add_argument("--cdr", default="")
    p.add_argument("settings", nargs="*", metavar="KEY=VALUE")
    o = p.parse_args()
    switch = Switch(o.name, o.ip)
    server = Server(switch, Wire(), crash)
    control = Control(server)
    for setting in o.settings:
        control.set(setting)
    switch.cdr = o.cdr
    store = Store(switch, o.db)
    store.open()
    sip = Sip(switch)
    switch.calls = Calls(switch, sip, store)
    await sip.open(o.ip, o.sip)
    await server.open(o.ip, o.esl)
    if o.control:
        await control.open(o.control)
    print("up", flush=True)
    await asyncio.Event().wait()


most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a socket a leg
asyncio.run(main())
