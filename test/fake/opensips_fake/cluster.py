# SPDX-License-Identifier: Apache-2.0
"""Nodes of one cluster, each beside the others' directories (../N), tell each
other by their control sockets what real ones tell by BIN: that they are there,
which tag went active, how many dialogs a sync brings."""
import os
import time

from . import client, state as st

PING_S = 0.1
PROBE_S, DOWN_S = 1.0, 2.0  # a lost node: Probe, then Down, and again
CAPABILITY = ('clusterer', 'cap:' + st.CAPABILITY)


def tell(s, node, words, timeout=0.3):
    """What the node answers, or None."""
    path = os.path.join(os.path.dirname(os.path.abspath(s.dir)), str(node))
    try:
        return client.talk(path, dict(words, node=s.node), timeout)
    except (OSError, ValueError):
        return None


def seen(link):
    return link.forced or (link.state, link.hop)


def broadcast(s, words):
    """To those whose link is Up: the others are told nothing, and nobody is told
    so."""
    for link in s.links.values():
        if seen(link)[0] == 'Up':
            tell(s, link.node, words)


def heard(s, words):
    """From another node; s.lock is held."""
    if not s.is_in_cluster:
        return {'error': 'not in the cluster'}
    if 'tag_active' in words:
        s.step_down(words['tag_active'])
    return {'ok': True, 'capability': s.capability,
            'dialogs': s.statistic('dialog:active_dialogs')}


def is_donor(answer):
    return bool(answer and answer.get('capability') == 'Ok')


def sync(s, is_postponed=False):
    """From the first that is Ok, highest number first; it takes what the donor
    has.  A request is reported after it went out, so after a quick end; one that
    was postponed is not reported again."""
    def report(text):
        s.report(*CAPABILITY, text)

    for node in sorted(s.links, reverse=True):
        if seen(s.links[node])[0] != 'Up':
            continue
        answer = tell(s, node, {'sync': True})
        if is_donor(answer):
            s.set_statistic('dialog:active_dialogs', answer['dialogs'])
            s.capability = 'Ok'
            s.wants_sync = False
            report('Sync completed, received [%d] chunks' % answer['dialogs'])
            if not is_postponed:
                report('Sync requested from node [%d]' % node)
            return True
    return False


def step(link, answer, now):
    if answer and answer.get('ok'):
        link.state, link.hop, link.since = 'Up', link.node, 0
        return
    if link.state == 'Up':
        link.since = now
    link.hop = 0
    turn = (now - link.since) % (PROBE_S + DOWN_S)
    link.state = 'Probe' if turn < PROBE_S else 'Down'


def catch_up(s, since):
    """When it has started: a sync, or, with no donor, as if there was one."""
    if not s.wants_sync:
        return
    if not sync(s, True) and time.time() - since > s.args.sync_s and not any(
            seen(x)[0] == 'Up' and is_donor(tell(s, x.node, {}))
            for x in s.links.values()):
        s.capability = 'Ok'
        s.wants_sync = False
        s.report(*CAPABILITY, 'ERROR: Sync request aborted! (no donor found in '
                 'due time) => fallback to synced state')


def watch(s):
    s.wants_sync = True
    s.report(*CAPABILITY, 'Sync request postponed! (no donor available)')
    since = time.time()
    while True:
        for link in list(s.links.values()):
            answer = (tell(s, link.node, {'ping': True}) if s.is_in_cluster
                      else None)
            with s.lock:
                step(link, answer, time.time())
        with s.lock:
            catch_up(s, max(since, s.started))
        time.sleep(PING_S)
