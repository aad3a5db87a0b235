# SPDX-License-Identifier: Apache-2.0
"""mod_sofia, as far as OPTIONS over UDP."""

import asyncio
import random
import string

ALLOW = "INVITE, ACK, BYE, CANCEL, OPTIONS, MESSAGE, INFO, UPDATE, REFER, NOTIFY"


def headers_of(lines):
    out = []
    for line in lines:
        name, colon, value = line.partition(":")
        if colon:
            out.append((name.strip().lower(), value.strip()))
    return out


class Sip(asyncio.DatagramProtocol):
    def __init__(self, switch):
        self.switch = switch
        self.transport = None

    async def open(self, ip, port):
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(
            lambda: self, local_addr=(ip, port)
        )

    def connection_made(self, transport):
        self.transport = transport

    def datagram_received(self, data, source):
        lines = data.decode(errors="replace").split("\r\n\r\n")[0].split("\r\n")
        words = lines[0].split(" ")
        if len(words) != 3 or words[2] != "SIP/2.0" or words[0] == "ACK":
            return
        self.transport.sendto(
            self.response(words, headers_of(lines[1:]), source).encode(), source
        )

    def response(self, words, headers, source):
        is_taken = self.switch.takes_calls()
        if words[0] != "OPTIONS":
            status = "SIP/2.0 501 Not Implemented"
        elif is_taken:
            status = "SIP/2.0 200 OK"
        else:
            status = "SIP/2.0 503 Maximum Calls In Progress"
        tag = "".join(random.choices(string.ascii_letters + string.digits, k=13))
        out = [status]
        for name, value in headers:
            if name in ("via", "v"):
                value = value.replace(";rport", ";rport=%d" % source[1])
                out.append("Via: " + value)
        names = {"f": "from", "t": "to", "i": "call-id"}
        got = {names.get(k, k): v for k, v in headers}
        out += [
            "From: " + got.get("from", ""),
            "To: %s;tag=%s" % (got.get("to", ""), tag),
            "Call-ID: " + got.get("call-id", ""),
            "CSeq: " + got.get("cseq", ""),
        ]
        if status.endswith("OK"):
            out += ["Contact: <%s>" % words[1]]
        elif words[0] == "OPTIONS":
            out += ["Retry-After: 300"]
        out += ["User-Agent: FS-" + self.switch.name]
        if status.endswith("OK"):
            out += ["Accept: application/sdp"]
        out += [
            "Allow: " + ALLOW,
            "Supported: timer, path, replaces",
            "Allow-Events: talk, hold, conference, refer",
            "Content-Length: 0",
        ]
        return "\r\n".join(out) + "\r\n\r\n"
