# SPDX-License-Identifier: Apache-2.0
"""A unix socket that takes lines while the stand-in runs:

    KEY=VALUE      a setting of Switch or Wire
    get KEY        one of them
    forget         what is queued for the database is lost, as by a crash
    beat           a heartbeat now
    hang-up        end every connection
    accepted       how many connections there were
Each line is answered by "ok", what was asked for, or "no: WHY"."""

import asyncio


class Control:
    def __init__(self, server):
        self.server = server

    async def open(self, path):
        await asyncio.start_unix_server(self.serve, path)

    async def serve(self, reader, writer):
        while line := (await reader.readline()).decode().strip():
            try:
                said = await self.take(line)
            except (KeyError, ValueError) as e:
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
        else:
            self.set(line)
        return "ok"

    def set(self, line):
        key, equals, value = line.partition("=")
        if not equals:
            raise ValueError(line)
        for settings in (self.server.switch, self.server.wire):
            if key in settings.settings:
                settings.set(key, value)
                return
        raise KeyError(key)
