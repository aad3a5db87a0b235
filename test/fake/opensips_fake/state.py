# SPDX-License-Identifier: Apache-2.0
"""What a node knows."""
import collections
import json
import os
import signal
import threading
import time

from . import dialogs

DATA = os.path.join(os.path.dirname(os.path.abspath(__file__)), 'data')
CAPABILITY = 'dialog-dlg-repl'
FOREVER = 4294967295


def captured(name):
    with open(os.path.join(DATA, name + '.json')) as f:
        return json.load(f)


def table(directory, name):
    """The rows of a db_text table: ':' between columns, '\\:' for itself."""
    try:
        with open(os.path.join(directory, 'db', name)) as f:
            lines = f.read().splitlines()
    except FileNotFoundError:
        return []
    columns = [c.split('(')[0] for c in lines[0].split()]
    return [dict(zip(columns, [v.replace('\0', ':') for v in
                               line.replace('\\:', '\0').split(':')]))
            for line in lines[1:] if line]


def number(text, default=0):
    return int(text) if text.lstrip('-').isdigit() else default


class Destination:
    """Of the dispatcher: flags as dispatch.c has them."""

    def __init__(self, row):
        self.set = number(row['setid'])
        self.uri = row['destination']
        self.weight = number(row['weight'], 1)
        self.attr = row.get('attrs', '')
        self.description = row.get('description', '')
        self.inactive = self.probing = False  # persistent_state is 0
        self.failures = 0

    @property
    def state(self):
        return ('Inactive' if self.inactive else
                'Probing' if self.probing else 'Active')

    def activate(self):
        """By MI, or by an answer to a probe, however late."""
        self.inactive = self.probing = False
        self.failures = 0

    def fail(self, threshold):
        """One more failure; an inactive one is left alone (dispatch.c,
        ds_set_state)."""
        if self.inactive:
            return
        self.failures += 1
        if self.failures >= threshold:
            self.probing = True

    def set_state(self, word, threshold):
        if word == 'a':
            self.activate()
        elif word == 'i':
            self.inactive, self.probing = True, False
        else:  # 'p': it is ignored on an inactive one, which then is active
            self.fail(threshold)
            self.inactive = False


class Balanced:
    """Of the load_balancer."""

    def __init__(self, row):
        self.id = number(row['id'])
        self.group = number(row['group_id'])
        self.uri = row['dst_uri']
        self.resources = []
        for part in row['resources'].split(';'):
            name, _, size = part.partition('=')
            self.resources.append({'name': name, 'max': number(size),
                                   'load': 0})
        self.enabled = True
        self.auto = True  # auto-reenable: off when it was disabled by hand

    def set_status(self, is_enabled):
        self.enabled = self.auto = is_enabled


class Engine:
    """An rtpengine."""

    def __init__(self, url, index):
        self.url, self.index = url, index
        self.disabled, self.recheck = 0, 0


class Link:
    """To another node of the cluster."""

    def __init__(self, node):
        self.node = node
        self.state, self.hop = 'Down', 0
        self.enabled = True
        self.since = 0     # when it stopped to be Up
        self.forced = None  # (state, hop), by a test
        self.cap = ''      # what it last said of its copy
        self.events = collections.deque()  # that it is to be told
        self.has_events = threading.Event()


class State:
    def __init__(self, a):
        self.lock = threading.RLock()
        self.args, self.dir, self.node = a, a.dir, a.node
        self.started = time.time()
        self.skew = 0.0    # of its clock
        self.zone = 0      # of its texts, in seconds
        self.version = 'OpenSIPS (3.6.8 (x86_64/linux))'
        self.commands = captured('which')
        self.statistics = captured('statistics')
        self.odd_free = None  # what shmem:free_size is said to be once
        self.faults = {}   # "udp", "udp/METHOD": [KIND, ARG...]
        self.next_faults = {}  # the same, a list of them
        self.count_downs = []  # [METHOD, requests until, function]
        self.asked = []    # (transport, method), the last thousand
        self.tags = self.configured_tags()
        self.links = {n: Link(n) for n in a.nodes if n != a.node}
        self.capability = 'not synced'
        self.cap_enabled = 'yes'
        self.reports = {}  # (group, identifier): [(time, text)]
        self.report('core', 'main', 'initializing')
        self.report('core', 'main', 'initialization completed, ready now')
        self.threshold = 1
        self.ping_s, self.timeout_s = 1.0, 2.0
        self.load_tables()
        self.is_in_cluster = True
        self.wants_sync = False  # it has not had one since it started
        self.wants_again = False  # dlg_cluster_sync, or cluster_auto_sync
        self.is_syncing = True   # what comes meanwhile stays
        self.dialogs = dialogs.Table(self)
        self.b2bua = None        # when SIP is up
        self.churn = 0           # dialogs that go and come with each page

    def configured_tags(self):
        mine = 'active' if self.args.active else 'backup'
        return {'sip%d.%d' % (n, k): mine if n == self.node else 'backup'
                for n in self.args.nodes
                for k in range(self.args.tags)}

    def load_tables(self):
        self.dispatcher = [Destination(r)
                           for r in table(self.dir, 'dispatcher')]
        self.balanced = [Balanced(r)
                         for r in table(self.dir, 'load_balancer')]
        urls = self.args.rtpengine or ['udp:127.0.2.31:2223',
                                       'udp:127.0.2.32:2223']
        self.engines = [Engine(url, i) for i, url in enumerate(urls)]
        self.engine_set = 0 if self.args.rtpengine else 1
        self.gateways = table(self.dir, 'dr_gateways')
        self.addresses = table(self.dir, 'address')

    def load_dispatcher(self, is_inheriting):
        """ds_reload: what is there by set and URI may keep its state."""
        before = {(d.set, d.uri): d for d in self.dispatcher}
        self.dispatcher = [Destination(r)
                           for r in table(self.dir, 'dispatcher')]
        for d in self.dispatcher if is_inheriting else ():
            old = before.get((d.set, d.uri))
            if old:
                d.inactive, d.probing = old.inactive, old.probing
                d.failures = old.failures

    # ---- time

    def now(self):
        return time.time() + self.skew

    def ctime(self, at):
        return time.asctime(time.gmtime(at + self.zone))

    # ---- words about itself

    def report(self, group, identifier, text):
        self.reports.setdefault((group, identifier), []).append(
            (int(self.now()), text))

    def statistic(self, name):
        return self.statistics.get(name, 0)

    def set_statistic(self, name, value):
        self.statistics[name] = value
        if name in ('shmem:total_size', 'shmem:free_size'):
            total = self.statistics['shmem:total_size']
            used = total - self.statistics['shmem:free_size']
            self.statistics['shmem:used_size'] = used
            self.statistics['shmem:real_used_size'] = used

    def hold(self, size):
        """Shared memory is taken; without any left the process dies, as the real
        one (facts: dlg_async_response after "not enough free shm memory")."""
        left = self.statistics['shmem:free_size'] - size
        self.set_statistic('shmem:free_size', left)
        name = 'shmem:max_used_size'
        self.statistics[name] = max(self.statistics.get(name, 0),
                                    self.statistics['shmem:used_size'])
        if left < 0:
            self.die()

    def release(self, size):
        self.hold(-size)

    def die(self):
        os.kill(os.getpid(), signal.SIGKILL)

    def count_down(self, method):
        """A request of METHOD: what waited for the n-th is done."""
        for item in list(self.count_downs):
            if item[0] == method:
                item[1] -= 1
                if item[1] <= 0:
                    self.count_downs.remove(item)
                    item[2]()

    def tell_peers(self, event):
        """Those that can be reached will hear it, in order.  False: none."""
        is_told = False
        for link in self.links.values():
            state, hop = link.forced or (link.state, link.hop)
            if self.is_in_cluster and hop and state != 'Down':
                link.events.append(event)
                link.has_events.set()
                is_told = True
        return is_told

    # ---- tags

    def activate(self, tag, why):
        self.tags[tag] = 'active'
        self.report('clusterer', 'sharing_tags',
                    'TAG <%s>, cluster 1, became active due to %s'
                    % (tag, why))

    def step_down(self, tag):
        if self.tags.get(tag) == 'active':
            self.report('clusterer', 'sharing_tags',
                        'TAG <%s>, cluster 1, became backup due to cluster '
                        'broadcast' % tag)
        self.tags[tag] = 'backup'

    # ---- a restart, without the process

    def restart(self):
        self.started = time.time()
        self.reports = {}
        self.report('core', 'main', 'initializing')
        self.tags = self.configured_tags()
        self.dialogs = dialogs.Table(self)
        if self.b2bua:
            self.b2bua.table = self.dialogs
        self.is_syncing = True
        for name in list(self.statistics):
            if name.startswith('dialog:'):
                self.statistics[name] = 0
        self.capability = 'not synced'
        self.wants_sync = True
        self.load_tables()
