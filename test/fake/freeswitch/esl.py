# SPDX-License-Identifier: Apache-2.0
"""mod_event_socket: connections, passwords, commands, events."""

import asyncio
import json
import socket
import uuid

import commands
import fsctl  # noqa: F401 these add their commands
import sofia  # noqa: F401
import uuids  # noqa: F401
from switch import plain

GOODBYE = "Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n"
DENIED = "Access Denied, go away.\n"


def frame(kind, body):
    return "Content-Type: %s\nContent-Length: %d\n\n%s" % (kind, len(body), body)


def reply(text):
    return "Content-Type: command/reply\nReply-Text: %s\n\n" % text


NOTICE = frame("text/disconnect-notice", GOODBYE)


class Connection:
    def __init__(self, server, reader, writer):
        self.server = server
        self.switch = server.switch
        self.wire = server.wire
        self.reader = reader
        self.writer = writer
        self.is_authenticated = False
        self.events = set()
        self.format = "plain"
        self.lock = asyncio.Lock()  # frames stay whole

    async def send(self, text):
        async with self.lock:
            await self.wire.send(self.writer, text)

    # ---- commands

    async def read_command(self):
        """A command line and its headers, up to an empty line."""
        lines = []
        while True:
            line = (await self.reader.readuntil(b"\n")).decode(errors="replace")
            line = line.rstrip("\r\n")
            if line:
                lines.append(line)
            elif lines:
                break
        headers = dict(x.split(": ", 1) for x in lines[1:] if ": " in x)
        length = int(headers.get("Content-Length", 0))
        body = await self.reader.readexactly(length) if length else b""
        return lines[0], headers, body

    async def run(self):
        if self.wire.fault == "mute-banner":
            await self.reader.read()
            return
        if self.switch.acl == "deny":
            await self.send(frame("text/rude-rejection", DENIED) + NOTICE)
            return
        await self.send(self.wire.banner_bytes())
        while True:
            line, headers, _ = await self.read_command()
            if not await self.take(line, headers):
                return

    async def take(self, line, headers):
        """One command; false: it was the last."""
        verb, _, args = line.partition(" ")
        if not self.is_authenticated and verb not in ("auth", "exit"):
            await self.send(reply("-ERR command not found"))
            return True
        function = getattr(self, "do_" + verb, None)
        if not function:
            return await self.answer(reply("-ERR command not found"))
        return await function(args, headers)

    async def do_exit(self, args, headers):
        await self.send(reply("+OK bye") + NOTICE)
        return False

    async def do_auth(self, args, headers):
        if self.wire.fault == "mute-auth":
            return True
        if args != self.switch.password:
            await self.send(reply("-ERR invalid") + NOTICE)
            return False
        self.is_authenticated = True
        await self.send(reply("+OK accepted"))
        return True

    async def do_api(self, args, headers):
        body = await commands.run_wait(self.switch, args)
        return await self.answer(frame("api/response", body))

    async def do_bgapi(self, args, headers):
        job = headers.get("Job-UUID") or str(uuid.uuid4())
        await self.answer(
            reply("+OK Job-UUID: %s\nJob-UUID: %s" % (job, job))
        )
        name, _, rest = args.partition(" ")
        extra = [("Job-UUID", job), ("Job-Command", name)]
        if rest:
            extra.append(("Job-Command-Arg", rest))
        source = ("mod_event_socket.c", "api_exec", "1572")

        async def job_done():
            try:
                body = await commands.run_wait(self.switch, args)
            except commands.Crash:
                self.server.crash()
            event = self.switch.event("BACKGROUND_JOB", source, extra)
            await self.server.tell(event, body)

        asyncio.ensure_future(job_done())
        return True

    KNOWN = set(
        "ALL HEARTBEAT BACKGROUND_JOB CUSTOM CHANNEL_CREATE CHANNEL_STATE"
        " CHANNEL_CALLSTATE CHANNEL_ANSWER CHANNEL_EXECUTE CHANNEL_BRIDGE"
        " CHANNEL_UNBRIDGE CHANNEL_HANGUP CHANNEL_HANGUP_COMPLETE"
        " CHANNEL_DESTROY CALL_UPDATE".split()
    )

    async def do_event(self, args, headers):
        words = args.split()
        if words and words[0] in ("plain", "json"):
            self.format = words.pop(0)
        if not words or not (words[0] in self.KNOWN):
            return await self.answer(reply("-ERR no keywords supplied"))
        self.events.update(words)
        return await self.answer(
            reply("+OK event listener enabled %s" % self.format)
        )

    async def do_noevents(self, args, headers):
        self.events.clear()
        return await self.answer(reply("+OK no longer listening for events"))

    async def do_nixevent(self, args, headers):
        self.events.difference_update(args.split())
        return await self.answer(reply("+OK events nixed"))

    # ---- answers, and what may be wrong with them

    async def answer(self, text):
        fault = self.wire.fault.replace("-", "_")
        function = getattr(self, "fault_" + fault, None)
        if function:
            return await function(text)
        await self.send(text)
        return True

    async def fault_mute_answers(self, text):
        return True

    async def fault_half(self, text):
        if not self.writer.is_closing():
            await self.send(text[: len(text) // 2])
        await self.reader.read()
        return False

    async def fault_half_eof(self, text):
        await self.send(text[: len(text) // 2])
        await asyncio.sleep(0.02)
        return False

    async def fault_eof(self, text):
        await asyncio.sleep(0.02)  # what was asked is read: no reset
        return False

    async def fault_notice(self, text):
        await self.send(NOTICE)
        await asyncio.sleep(0.02)
        return False

    async def fault_endless_head(self, text):
        await self.wire.send_for_ever(self.writer, "Name: value\n" * 100)

    async def fault_endless_body(self, text):
        await self.send("Content-Type: api/response\n\n")
        await self.wire.send_for_ever(self.writer, "x" * 1000)

    async def fault_huge(self, text):
        await self.send(
            "Content-Type: api/response\nContent-Length: 99999999999999\n\n"
        )
        await self.wire.send_for_ever(self.writer, "x" * 1000)

    async def fault_garbage(self, text):
        await self.send(b"\x00\xff\x16\x03\x01 nothing that means anything\n")
        return True

    async def fault_wrong(self, text):
        await self.send(frame("api/response", "+OK\x1b[31m of something else\n"))
        return True

    async def fault_extra(self, text):
        await self.send(text + frame("api/response", "+OK\n"))
        return True

    async def fault_events(self, text):
        beat = self.event_frame(self.switch.heartbeat())
        await self.send(beat + text + beat)
        return True

    # ---- events

    def event_frame(self, headers, body=""):
        if self.format == "json":
            values = dict(headers)
            if body:
                values["_body"] = body
            text = json.dumps(values, separators=(",", ":"))
        else:
            text = plain(headers, body)
        return "Content-Length: %d\nContent-Type: text/event-%s\n\n%s" % (
            len(text),
            self.format,
            text,
        )

    async def tell(self, headers, body):
        if self.events & {"ALL", dict(headers)["Event-Name"]}:
            await self.send(self.event_frame(headers, body))


class Server:
    def __init__(self, switch, wire, crash):
        self.switch = switch
        self.wire = wire
        self.crash = crash  # called when the process is to end
        self.connections = set()
        switch.server = self
        self.n_accepted = 0

    async def open(self, ip, port):
        await asyncio.start_server(self.serve, ip, port)
        asyncio.ensure_future(self.beat())

    async def serve(self, reader, writer):
        self.n_accepted += 1
        sock = writer.get_extra_info("socket")
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        c = Connection(self, reader, writer)
        self.connections.add(c)
        try:
            await c.run()
        except commands.Crash:
            self.crash()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            self.connections.discard(c)
            writer.close()

    def listens(self, name):
        return any(c.events & {"ALL", name} for c in self.connections)

    async def tell(self, headers, body=""):
        for c in list(self.connections):
            try:
                await c.tell(headers, body)
            except ConnectionError:
                pass

    async def beat(self):
        """Heartbeats; a new interval counts at once."""
        waited = 0.0
        while True:
            await asyncio.sleep(0.05)
            waited += 0.05
            if waited >= self.switch.heartbeat_s:
                waited = 0.0
                await self.tell(self.switch.heartbeat())

    def hang_up(self):
        """Every connection, without a word."""
        for c in list(self.connections):
            c.writer.transport.abort()
