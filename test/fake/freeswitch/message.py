# SPDX-License-Identifier: Apache-2.0
"""SIP messages (RFC 3261): taken apart, and put together."""

import random
import re
import string

COMPACT = {
    "c": "content-type",
    "f": "from",
    "i": "call-id",
    "l": "content-length",
    "m": "contact",
    "t": "to",
    "v": "via",
}


def token(n=13):
    """As sofia-sip makes tags and branches."""
    return "".join(random.choices(string.ascii_letters + string.digits, k=n))


class Message:
    def __init__(self, start, headers, body):
        self.start = start
        self.headers = headers  # [(name in small letters, value)]
        self.body = body
        words = start.split(" ", 2)
        self.is_response = words[0] == "SIP/2.0"
        if self.is_response:
            self.status = int(words[1])
            self.reason = words[2] if len(words) > 2 else ""
        else:
            self.method, self.uri = words[0], words[1]

    def get(self, name, default=""):
        for key, value in self.headers:
            if key == name:
                return value
        return default

    def all(self, name):
        return [value for key, value in self.headers if key == name]

    def cseq(self):
        number, _, method = self.get("cseq").partition(" ")
        return int(number), method.strip()

    def branch(self):
        return parameter(self.get("via"), "branch")

    def routes(self):
        """Addresses of Record-Route, topmost first."""
        out = []
        for value in self.all("record-route"):
            out += re.findall(r"<[^>]*>[^,]*", value)
        return [x.strip() for x in out]


def parse(data):
    """A Message, or None."""
    head, _, body = data.decode(errors="replace").partition("\r\n\r\n")
    lines = head.split("\r\n")
    words = lines[0].split(" ")
    if len(words) < 3 or "SIP/2.0" not in (words[0], words[-1]):
        return None
    headers = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip().lower()
        if colon:
            headers.append((COMPACT.get(name, name), value.strip()))
    try:
        message = Message(lines[0], headers, body)
        message.cseq()
    except ValueError:
        return None
    return message


def parameter(value, name):
    m = re.search(r";\s*%s=([^;>\s]*)" % name, value)
    return m[1] if m else ""


def tag(value):
    """Of From or To: behind the address."""
    return parameter(value.rpartition(">")[2] or value, "tag")


def uri(value):
    """Of a name-addr or addr-spec: "sip:user@host:port;...". """
    m = re.search(r"<([^>]*)>", value)
    return m[1] if m else value.split(";")[0].strip()


def display(value):
    m = re.match(r'\s*"([^"]*)"|\s*([^<"]*)<', value)
    return (m[1] or m[2] or "").strip() if m else ""


def parts(text):
    """(user, host, port) of a URI; the port is a text, "" when not said."""
    text = re.sub(r"^<?sips?:", "", text.strip())
    text = re.split(r"[;>?]", text)[0]
    user, at, rest = text.rpartition("@")
    host, colon, port = rest.partition(":")
    return user, host, port


def bare(text):
    """user@host:port of a URI, as variables have it."""
    return re.split(r"[;>?]", re.sub(r"^<?sips?:", "", text.strip()))[0]


def hop(text):
    """Where a request with this URI goes to."""
    _, host, port = parts(text)
    return host, int(port or 5060)


def build(start, headers, body=""):
    lines = [start] + ["%s: %s" % h for h in headers]
    lines.append("Content-Length: %d" % len(body))
    return ("\r\n".join(lines) + "\r\n\r\n" + body).encode()


# ---- SDP, as far as one audio stream


def media(sdp):
    """(address, port, payload type) of the first stream, or None."""
    ip = re.search(r"^c=IN IP4 (\S+)", sdp, re.M)
    stream = re.search(r"^m=audio (\d+) \S+ (\d+)", sdp, re.M)
    if not ip or not stream:
        return None
    return ip[1], int(stream[1]), int(stream[2])


CODECS = {0: "PCMU", 8: "PCMA"}


def offer(ip, port, pt, version, is_recovered=False, has_cn=False):
    """FreeSWITCH forgets the rate of what is no voice when it recovers."""
    rate = 0 if is_recovered else 8000
    cn = has_cn or is_recovered
    lines = [
        "v=0",
        "o=FreeSWITCH %d %d IN IP4 %s" % (version, version + 1, ip),
        "s=FreeSWITCH",
        "c=IN IP4 " + ip,
        "t=0 0",
        "m=audio %d RTP/AVP %d 101%s" % (port, pt, " 13" if cn else ""),
        "a=rtpmap:%d %s/8000" % (pt, CODECS[pt]),
        "a=rtpmap:101 telephone-event/%d" % rate,
        "a=fmtp:101 0-15",
    ]
    if cn:
        lines.append("a=rtpmap:13 CN/%d" % rate)
    return "\r\n".join(lines + ["a=ptime:20", "a=sendrecv", ""])
