# SPDX-License-Identifier: Apache-2.0
"""A unix socket that takes lines while the stand-in runs:

    KEY=VALUE      a setting of Switch or Wire
    rtp UUID       "HEARD SENT": how many packets its socket got and gave
    rooms          "NAME MEMBERS" of each conference, separated by ","
    hold IP:PORT   bind it as a program without SO_REUSEADDR would
    beat           a heartbeat now
    hang-up        end every connection
    accepted       how many connections there were
Each line is answered by "ok", what was asked for, or "no: WHY"."""

import asyncio
import socket


class Control:
    def __init__(self, server):
        self.server = server
        self.held = []

    async def open(self, path):
        await asyncio.start_unix_server(self.serve, path)

    async def serve(self, reader, writer):
        while line := (await reader.readline()).decode().strip():
            try:
                said = await self.take(line)
            except (AttributeError, KeyError, OSError, ValueError) as e:
                said = "no: %s: %s" % (type(e).__name__, e)
            writer.write((said + "\n").encode())
        writer.close()

    async def take(self, line):
        if line == "beat":
            await self.server.tell(self.server.switch.heartbeat())
        elif line == "hang-up":
            self.server.hang_up()
        elif line == "accepted":
            return str(self.server.n_accepted)
        elif line == "rooms":
            return self.rooms()
        elif line.startswith("rtp "):
            port = self.server.switch.channels[line[4:]].port
            return "%d %d" % (port.heard, port.sent)
        elif line.startswith("hold "):
            ip, _, port = line[5:].partition(":")
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((ip, int(port)))
            self.held.append(s)
        else:
            self.set(line)
        return "ok"

    def rooms(self):
        rooms = self.server.switch.calls.rooms.values()
        return ",".join(
            "%s %d" % (r.name, len(r.members)) for r in rooms if r.members
        )

    def set(self, line):
        key, equals, value = line.partition("=")
        if not equals:
            raise ValueError(line)
        for settings in (self.server.switch, self.server.wire):
            if key in settings.settings:
                settings.set(key, value)
                return
        raise KeyError(key)
