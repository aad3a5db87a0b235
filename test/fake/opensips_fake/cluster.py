# SPDX-License-Identifier: Apache-2.0
"""Nodes of one cluster, each beside the others' directories (../N), tell each
other by their control sockets what real ones tell by BIN: that they are there,
which tag went active, what became of dialogs, and all of them for a sync."""
import os
import threading
import time

from . import client, state as st

PING_S = 0.1
START_S = 1.0  # until a node that has started is given anything
PROBE_S, DOWN_S = 1.0, 2.0  # a lost node: Probe, then Down, and again
CAPABILITY = ('clusterer', 'cap:' + st.CAPABILITY)


def tell(s, node, words, timeout=2):
    """What the node answers, or None."""
    path = os.path.join(os.path.dirname(os.path.abspath(s.dir)), str(node))
    try:
        return client.talk(path, dict(words, node=s.node), timeout)
    except (OSError, ValueError):
        return None


def seen(link):
    return link.forced or (link.state, link.hop)


def heard(s, words):
    """From another node; s.lock is held."""
    if not s.is_in_cluster:
        return {'error': 'not in the cluster'}
    for event in words.get('events', ()):
        for kind, what in event.items():
            if kind == 'tag_active':
                s.step_down(what)
            else:
                s.dialogs.heard(kind, what)
    out = {'ok': True, 'capability': s.capability,
           'dialogs': s.statistic('dialog:active_dialogs')}
    if 'sync' in words:
        out['chunks'] = s.dialogs.donated()
    return out


# ---- what is told

def tell_all(s):
    for link in s.links.values():
        threading.Thread(target=tell_one, args=(s, link),
                         daemon=True).start()


def tell_one(s, link):
    """In order, many at once; what it cannot be told is lost to it."""
    while True:
        link.has_events.wait()
        link.has_events.clear()
        while link.events:
            some = []
            while link.events and len(some) < 500:
                some.append(link.events.popleft())
            tell(s, link.node, {'events': some}, 5)


# ---- a sync

def donor(s, told):
    """The first that is Ok, highest number first; by what was last heard of it,
    so it may be one that has nothing (facts/opensips-3nodes.md 0.1)."""
    for node in sorted(s.links, reverse=True):
        if seen(s.links[node])[0] == 'Up' and told(s.links[node]) == 'Ok':
            return node
    return 0


def sync(s, node, is_postponed=False):
    """It takes what the donor has.  A request is reported after it went out, so
    after a quick end; one that was postponed is not reported again."""
    answer = tell(s, node, {'sync': True}, 10)
    with s.lock:
        if not answer or not answer.get('ok'):
            return False
        if is_postponed:
            s.report(*CAPABILITY, 'Sync started from node [%d]' % node)
        chunks = answer['chunks']
        s.dialogs.synced(chunks)
        # a test may say that there are more than there are
        more = answer['dialogs'] - len(chunks)
        if more:
            s.set_statistic('dialog:active_dialogs', answer['dialogs'])
        s.capability = 'Ok'
        s.wants_sync = s.is_syncing = False
        s.report(*CAPABILITY, 'Sync completed, received [%d] chunks'
                 % answer['dialogs'])
        if not is_postponed:
            s.report(*CAPABILITY, 'Sync requested from node [%d]' % node)
    return True


def step(link, answer, now):
    """True: it came Up."""
    if answer and answer.get('ok'):
        was, link.state = link.state, 'Up'
        link.hop, link.since = link.node, 0
        return was != 'Up'
    if link.state == 'Up':
        link.since = now
    link.hop = 0
    turn = (now - link.since) % (PROBE_S + DOWN_S)
    link.state = 'Probe' if turn < PROBE_S else 'Down'
    return False


def catch_up(s, since):
    """When it has started: a sync, or, with no donor, as if there was one."""
    with s.lock:
        node = donor(s, lambda link: link.cap) if s.wants_sync else 0
        wants = s.wants_sync
    if node and time.time() - since < START_S:
        return
    if not wants or (node and sync(s, node, True)):
        return
    with s.lock:
        # of nodes that start together one gives up first: the others have it
        late = s.args.sync_s + sum(n < s.node for n in s.args.nodes)
        if not node and s.wants_sync and time.time() - since > late:
            s.capability = 'Ok'
            s.wants_sync = False
            s.report(*CAPABILITY, 'ERROR: Sync request aborted! (no donor '
                     'found in due time) => fallback to synced state')


def again(s):
    """dlg_cluster_sync, or cluster_auto_sync: who comes back is still known as
    Ok."""
    with s.lock:
        wants, s.wants_again = s.wants_again and not s.wants_sync, False
        node = donor(s, lambda link: link.cap) if wants else 0
    if node:
        sync(s, node)


def ping(s, link):
    answer = tell(s, link.node, {'ping': True}) if s.is_in_cluster else None
    with s.lock:
        if step(link, answer, time.time()):
            if s.args.auto_sync and not s.wants_sync and link.cap:
                s.wants_again = True
                return  # what it says of itself is heard after that
        if answer and answer.get('ok'):
            link.cap = answer['capability']


def watch(s):
    s.wants_sync = True
    s.report(*CAPABILITY, 'Sync request postponed! (no donor available)')
    since = time.time()
    while True:
        for link in list(s.links.values()):
            ping(s, link)
        catch_up(s, max(since, s.started))
        again(s)
        time.sleep(PING_S)
