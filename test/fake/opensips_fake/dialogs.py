# SPDX-License-Identifier: Apache-2.0
"""Dialogs as the module of that name keeps them: legs, states, the hash table in
whose order they are listed, and what it tells its peers of them.  Source: OpenSIPS
3.6 dialog: dlg_hash.c, dlg_replication.c; replies of 3.6.8."""
import random
import time

EARLY, NO_ACK, CONFIRMED, DELETED = 2, 3, 4, 5
SIZE = 4096         # hash_size
LINGER_S = 5.0      # a deleted one stays listed: tm's wt_timer holds it
CALLER, CALLEE = 0, 1
PLANTED_SDP = ('v=0\r\no=%s 1 1 IN IP4 127.0.3.%d\r\ns=-\r\nc=IN IP4 127.0.3.%d'
               '\r\nt=0 0\r\nm=audio 20060 RTP/AVP 8\r\na=rtpmap:8 '
               'PCMA/8000\r\n')


def core_hash(text):
    """hash_func.h: so that dialogs stand in the order of a real one."""
    data, h = text.encode(), 0
    whole = len(data) & ~3
    for i in range(0, whole, 4):
        v = int.from_bytes(data[i:i + 4], 'big')
        h = (h + (v ^ (v >> 3))) & 0xffffffff
    v = int.from_bytes(data[whole:], 'big')
    h = (h + (v ^ (v >> 3))) & 0xffffffff
    return ((h + (h >> 11)) + ((h >> 13) + (h >> 23))) & (SIZE - 1)


def reverse_hex(n):
    return '%x' % n if n < 16 else ('%x' % n)[::-1]


class Leg:
    """in_sdp is the end's own, out_sdp what it was sent when that was changed on
    its way; r_cseq: of the last request to it that another end made."""
    __slots__ = ('tag', 'contact', 'r_cseq', 'in_sdp', 'out_sdp', 'gen_cseq',
                 'maps')
    KEPT = ('tag', 'contact', 'r_cseq', 'in_sdp', 'out_sdp', 'gen_cseq')

    def __init__(self, values=()):
        self.tag = self.contact = self.in_sdp = self.out_sdp = ''
        self.r_cseq, self.gen_cseq = '0', 0
        self.maps = {}  # CSeq of an INVITE that was relayed: what it became
        for name, value in zip(self.KEPT, values):
            setattr(self, name, value)

    def values(self):
        return [getattr(self, name) for name in self.KEPT]

    def next_cseq(self):
        """Of a request made here: dlg_req_within.c, build_dialog_info."""
        if not self.gen_cseq:
            self.gen_cseq = int(self.r_cseq)
        self.gen_cseq += 1
        return self.gen_cseq


class Dialog:
    __slots__ = ('callid', 'from_uri', 'to_uri', 'entry', 'id', 'state',
                 'started', 'until', 'legs', 'values', 'is_synced',
                 'is_replicated', 'is_planted', 'gone_at', 'out')
    KEPT = ('callid', 'from_uri', 'to_uri', 'id', 'state', 'started',
            'until', 'values')

    def __init__(self, callid, from_uri, to_uri):
        self.callid, self.from_uri, self.to_uri = callid, from_uri, to_uri
        self.entry, self.id = core_hash(callid), random.getrandbits(31)
        self.state, self.started, self.until = 1, 0, 0
        self.legs = [Leg(), Leg()]
        self.values = {}
        self.is_synced = self.is_replicated = self.is_planted = False
        self.gone_at, self.out = 0, None  # out: its INVITE, sent on

    @property
    def did(self):
        return '%s.%s' % (reverse_hex(self.entry), reverse_hex(self.id))

    @property
    def tag(self):
        return self.values.get('dlgX_shtag')

    def pack(self):
        return [[getattr(self, k) for k in self.KEPT],
                self.legs[0].values(), self.legs[1].values()]

    def learn(self, packed):
        """What an UPDATE brings: all but the CSeqs made here."""
        mine, caller, callee = packed
        for name, value in zip(self.KEPT, mine):
            setattr(self, name, value)
        for leg, values in zip(self.legs, (caller, callee)):
            made, maps = leg.gen_cseq, leg.maps
            leg.__init__(values)
            leg.gen_cseq, leg.maps = made, maps


def unpack(packed):
    d = Dialog(*packed[0][:3])
    for name, value in zip(Dialog.KEPT, packed[0]):
        setattr(d, name, value)
    d.legs = [Leg(packed[1]), Leg(packed[2])]
    d.is_replicated = True
    return d


# ---- how it is shown

def stamp(at):
    return time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(at))


def shown(d, bind, with_context):
    caller, callee = d.legs
    out = {'ID': d.did, 'db_id': str((d.entry << 32) + d.id),
           'state': d.state, 'user_flags': '', 'timestart': int(d.started)}
    if d.started:
        out['datestart'] = stamp(d.started)
    until = int(d.until) if NO_ACK <= d.state <= CONFIRMED else 0
    out['timeout'] = until
    if until:
        out['dateout'] = stamp(until)
    out.update(callid=d.callid, from_uri=d.from_uri, to_uri=d.to_uri,
               caller_tag=caller.tag, caller_contact=caller.contact,
               callee_cseq=caller.r_cseq, caller_route_set='',
               caller_bind_addr=bind)
    if caller.in_sdp:
        out['caller_sdp'] = caller.in_sdp
    if caller.out_sdp:
        out['caller_sent_sdp'] = caller.out_sdp
    out['CALLEES'] = []
    if callee.tag:
        leg = {'callee_tag': callee.tag, 'callee_contact': callee.contact,
               'caller_cseq': callee.r_cseq, 'callee_route_set': '',
               'callee_bind_addr': bind}
        if callee.in_sdp:
            leg['callee_sdp'] = callee.in_sdp
        if callee.out_sdp:
            leg['callee_sent_sdp'] = callee.out_sdp
        out['CALLEES'].append(leg)
    if with_context:
        out['context'] = {'values': [{k: v} for k, v in d.values.items()]} \
            if d.values else {}
    return out


# ---- all of a node

class Table:
    """state is the node's; every function wants its lock."""

    def __init__(self, state):
        self.state = state
        self.entries = [[] for _ in range(SIZE)]
        self.by_callid, self.by_did = {}, {}
        self.deleted = []  # those that linger
        self.count = 0     # of those that came by churn

    # -- in and out

    def link(self, d):
        self.entries[d.entry].append(d)
        self.by_callid.setdefault(d.callid, []).append(d)
        self.by_did[d.did] = d

    def unlink(self, d):
        self.entries[d.entry].remove(d)
        same = self.by_callid[d.callid]
        same.remove(d)
        if not same:
            del self.by_callid[d.callid]
        if self.by_did.get(d.did) is d:
            del self.by_did[d.did]

    def find(self, callid, last=CONFIRMED):
        for d in self.by_callid.get(callid, ()):
            if d.state <= last:
                return d
        return None

    def find_id(self, text):
        """By ID, else by call-id: get_dlg_by_dialog_id."""
        d = self.by_did.get(text)
        return d if d and d.state <= CONFIRMED else self.find(text)

    def total(self):
        return sum(len(e) for e in self.entries)

    def walk(self, start=0, count=0):
        skipped = taken = 0
        for entry in self.entries:
            if skipped + len(entry) <= start:
                skipped += len(entry)
                continue
            for d in entry:
                if skipped < start:
                    skipped += 1
                    continue
                yield d
                taken += 1
                if count and taken == count:
                    return

    # -- what no call is behind

    def plant(self, name, tag, state=CONFIRMED, age_s=0):
        """As a call that came about age_s ago."""
        d = Dialog(name, 'sip:caller@127.0.3.1', 'sip:callee@127.0.3.2')
        for leg, who in zip(d.legs, ('caller', 'callee')):
            n = 1 + (who == 'callee')
            leg.tag, leg.contact = who, 'sip:%s@127.0.3.%d:5060' % (who, n)
            leg.in_sdp = PLANTED_SDP % (who, n, n)
        d.legs[CALLEE].r_cseq = '1'
        if tag:
            d.values['dlgX_shtag'] = tag
        d.is_planted, d.state = True, state
        d.started = time.time() - age_s if state >= NO_ACK else 0
        d.until = d.started + self.state.args.dialog_timeout
        self.link(d)
        self.add('processed_dialogs')
        if state == EARLY:
            self.add('early_dialogs')
        elif NO_ACK <= state <= CONFIRMED:
            self.add('active_dialogs')
        return d

    def churn(self, n):
        """The first n planted ones end, and n others begin."""
        for d in [d for d in self.walk() if d.is_planted][:n]:
            self.count += 1
            self.end(d, False)
            self.plant('churn-%d-%d' % (self.state.node, self.count), d.tag)

    # -- numbers

    def add(self, name, n=1):
        s = self.state.statistics
        s['dialog:' + name] = s.get('dialog:' + name, 0) + n

    def confirmed(self, d):
        """It has its 200."""
        if d.state == EARLY:
            self.add('early_dialogs', -1)
        d.state, d.started = NO_ACK, time.time()
        d.until = d.started + self.state.args.dialog_timeout
        self.add('active_dialogs')

    def is_owner(self, d):
        """Without a tag everybody is."""
        return not d.tag or self.state.tags.get(d.tag, 'backup') == 'active'

    # -- an end

    def end(self, d, is_told):
        """A BYE, or what is taken for one.  Peers drop it at once."""
        if d.state >= DELETED:
            return
        if d.state >= NO_ACK:
            self.add('active_dialogs', -1)
        elif d.state == EARLY:
            self.add('early_dialogs', -1)
        was, d.state, d.gone_at = d.state, DELETED, time.time() + LINGER_S
        if is_told and was >= NO_ACK:
            self.tell('delete', [d.callid, d.id], 'delete_sent')
        if is_told:
            self.deleted.append(d)
        else:
            self.unlink(d)

    def sweep(self):
        """Those that lingered, and those whose time is over."""
        now = time.time()
        while self.deleted and self.deleted[0].gone_at <= now:
            self.unlink(self.deleted.pop(0))

    def expired(self):
        now = time.time()
        return [d for e in self.entries for d in e
                if NO_ACK <= d.state <= CONFIRMED and d.until <= now]

    # -- to peers

    def tell(self, kind, words, sent=None):
        if self.state.tell_peers({kind: words}) and sent:
            self.add(sent)

    def created(self, d):
        if not d.is_replicated:
            d.is_replicated = True
            self.tell('create', d.pack(), 'create_sent')

    def updated(self, d):
        if NO_ACK <= d.state <= CONFIRMED:
            d.is_replicated = True
            self.tell('update', d.pack(), 'update_sent')

    def cseq_made(self, d, i):
        self.tell('cseq', [d.callid, d.id, i, d.legs[i].gen_cseq])

    # -- from peers

    def same(self, packed):
        """By its ID in its entry: lookup_dlg_unsafe."""
        for d in self.entries[core_hash(packed[0][0])]:
            if d.id == packed[0][3]:
                return d
        return None

    def heard(self, kind, words):
        if kind == 'create':
            self.add('create_recv')
            self.take(words, self.state.is_syncing)
        elif kind == 'update':
            self.add('update_recv')
            d = self.same(words)
            if not d:
                self.take(words, self.state.is_syncing)
            elif d.state < DELETED:
                d.learn(words)
        elif kind == 'delete':
            self.add('delete_recv')
            for d in list(self.by_callid.get(words[0], ())):
                if d.id == words[1]:
                    self.end(d, False)
        elif kind == 'cseq':
            for d in self.by_callid.get(words[0], ()):
                if d.id == words[1] and d.state < DELETED:
                    d.legs[words[2]].gen_cseq = words[3]

    def take(self, packed, is_synced):
        """A copy.  The socket is ours of that tag: nothing of it is kept."""
        d = self.same(packed)
        if d:
            d.is_synced = d.is_synced or is_synced
            return None
        d = unpack(packed)
        d.is_synced = is_synced
        self.add('processed_dialogs')
        self.add('active_dialogs')
        self.link(d)
        return d

    # -- a sync

    def donated(self):
        return [d.pack() for d in self.walk()
                if NO_ACK <= d.state <= CONFIRMED]

    def wants(self, d):
        """Tags that are active here are not synced (sharing_tags.c)."""
        return self.state.tags.get(d.tag, 'backup') != 'active'

    def synced(self, chunks):
        """SYNC_DONE: what the donor lacks is dropped, unless its tag is active
        here; of those that are, nothing is taken."""
        for packed in chunks:
            d = self.take(packed, True)
            if d and not self.wants(d):
                self.end(d, False)
        for d in list(self.walk()):
            if d.state >= DELETED:
                continue
            if not d.is_synced and self.wants(d):
                self.end(d, False)
            d.is_synced = False
