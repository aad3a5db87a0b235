# SPDX-License-Identifier: Apache-2.0
"""How bytes go out: whole, in pieces, or broken."""

import asyncio


class Wire:
    """What is wrong with the event socket; `set` changes it while it runs."""

    settings = {
        "chunk": int,  # bytes a segment; 0: whole
        "delay_ms": float,  # between segments
        "fault": str,  # see FAULTS, or "none"
        "cut": int,  # bytes of answers until the connection is cut; -1: never
        "banner": str,  # instead of auth/request; \n and \x00 are understood
    }
    # where: what is wrong
    FAULTS = {
        "none": "",
        "mute-banner": "accepts, and says nothing",
        "mute-auth": "no reply to the password",
        "mute-answers": "no answer to any command",
        "half": "the first half of an answer, then nothing",
        "half-eof": "the first half of an answer, then the end",
        "eof": "the end instead of an answer",
        "notice": "disconnect-notice and the end instead of an answer",
        "endless-head": "header lines for ever",
        "endless-body": "a body for ever, of a length it did not say",
        "huge": "a Content-Length that nobody can hold",
        "garbage": "bytes that mean nothing instead of an answer",
        "wrong": "answers that do not belong to the questions",
        "extra": "an answer more than there are questions",
        "events": "an event before and after each answer",
    }

    def __init__(self):
        self.chunk = 0
        self.delay_ms = 0.0
        self.fault = "none"
        self.banner = ""
        self.cut = -1

    def set(self, key, value):
        if key not in self.settings:
            raise KeyError(key)
        if key == "fault" and value not in self.FAULTS:
            raise ValueError(value)
        setattr(self, key, self.settings[key](value))

    def banner_bytes(self):
        text = self.banner or "Content-Type: auth/request\\n\\n"
        return text.encode().decode("unicode_escape").encode("latin-1")

    async def send(self, writer, data):
        if isinstance(data, str):
            data = data.encode()
        is_cut = 0 <= self.cut <= len(data)
        if is_cut:
            data, self.cut = data[: self.cut], -1
        elif self.cut >= 0:
            self.cut -= len(data)
        step = self.chunk or len(data) or 1
        for at in range(0, len(data), step):
            writer.write(data[at : at + step])
            await writer.drain()
            if self.chunk:
                await asyncio.sleep(self.delay_ms / 1000)
        if is_cut:
            writer.close()
            raise ConnectionResetError

    async def send_for_ever(self, writer, data):
        while True:
            await self.send(writer, data)
            await asyncio.sleep(0)
