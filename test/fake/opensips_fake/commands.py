# SPDX-License-Identifier: Apache-2.0
"""The MI commands, but for those of dialogs.  COMMANDS[name] = (Recipes, function(state, **params)); a
function returns the result or raises MiError.  Source: captured from 3.6.8; its
sources where a function says so."""
import os
import subprocess

from . import cluster, state as st
from .rpc import MiError, Recipes

COMMANDS = {}


def command(name, *recipes, named_only=False):
    def add(function):
        COMMANDS[name] = (Recipes(recipes or [()], named_only), function)
        return function
    return add


def whole(value, name):
    """MI takes numbers as texts too."""
    try:
        return int(value)
    except (TypeError, ValueError):
        raise MiError(-32602, 'Invalid params',
                      "Bad type for parameter '%s'" % name) from None


# ---- core

@command('which', (), ('command',))
def which(s, command=None):
    if command is None:
        return s.commands
    if command not in s.commands:
        raise MiError(404, 'unknown MI command')
    return [list(r) for r in COMMANDS.get(command, ([()],))[0]]


@command('version')
def version(s):
    return {'Server': s.version}


@command('uptime')
def uptime(s):
    now = s.now()
    return {'Now': s.ctime(now), 'Up since': s.ctime(s.started + s.skew),
            'Up time': '%d [sec]' % (int(now) - int(s.started + s.skew))}


@command('get_statistics', ('statistics',))
def get_statistics(s, statistics):
    """"group:" is all of a group, one of it goes by its bare name; "group:name"
    and what is not there are left out."""
    out = {}
    for want in statistics:
        for name, value in s.statistics.items():
            group, _, bare = name.partition(':')
            if want in ('all', group + ':', bare):
                out[name] = value
    if s.odd_free is not None and 'shmem:free_size' in out:
        out['shmem:free_size'], s.odd_free = s.odd_free, None
    return out


def shown_reports(s, key):
    return [{'Timestamp': at, 'Date': s.ctime(at), 'Log': text}
            for at, text in s.reports.get(key, [])]


@command('sr_list_reports', (), ('group',), ('group', 'identifier'))
def sr_list_reports(s, group=None, identifier=None):
    groups = {}
    for g, i in s.reports:
        groups.setdefault(g, []).append(i)
    if group is None:
        return [{'Name': g, 'Identifiers': sr_list_reports(s, g)}
                for g in groups]
    if group not in groups:
        raise MiError(404, 'Group not found')
    if identifier is None:
        return [{'Name': i, 'Reports': shown_reports(s, (group, i))}
                for i in groups[group]]
    if identifier not in groups[group]:
        raise MiError(404, 'Identifier not found')
    return shown_reports(s, (group, identifier))


# ---- clusterer

def in_cluster(s, value):
    return {'Clusters': [dict([('cluster_id', 1)], **value)]}


@command('clusterer_list')
def clusterer_list(s):
    nodes = []
    for link in reversed(list(s.links.values())):
        state, hop = cluster.seen(link)
        nodes.append({
            'node_id': link.node, 'db_id': -1,
            'url': 'bin:127.0.1.%d:5566' % link.node, 'link_state': state,
            'state': 'enabled' if link.enabled else 'disabled',
            'next_hop': str(hop) if hop else 'none', 'description': 'none'})
    return in_cluster(s, {'Nodes': nodes})


@command('clusterer_list_cap')
def clusterer_list_cap(s):
    return in_cluster(s, {'Capabilities': [
        {'name': st.CAPABILITY, 'state': s.capability,
         'enabled': s.cap_enabled}]})


@command('clusterer_list_shtags')
def clusterer_list_shtags(s):
    return [{'Tag': tag, 'Cluster': 1, 'State': state}
            for tag, state in reversed(s.tags.items())]


@command('clusterer_shtag_set_active', ('tag',))
def clusterer_shtag_set_active(s, tag):
    """A tag that nobody knows is made; a node that cannot be told is not."""
    name, slash, number = tag.partition('/')
    if not slash or not name or not number.isdigit():
        raise MiError(400, 'Bad tag format <name/cluster_id>')
    if number != '1':
        raise MiError(404, 'Cluster ID not found')
    s.activate(name, 'MI command')
    s.tell_peers({'tag_active': name})
    return 'OK'


@command('clusterer_set_status', ('cluster_id', 'status'))
def clusterer_set_status(s, cluster_id, status):
    if whole(cluster_id, 'cluster_id') != 1:
        raise MiError(404, 'Cluster ID not found')
    s.is_in_cluster = whole(status, 'status') != 0
    for link in s.links.values():
        link.state, link.hop = 'Down', 0
    return 'OK'


# ---- dispatcher

def shown_destination(d, full):
    out = {'URI': d.uri, 'state': d.state, 'first_hit_counter': 0}
    if d.attr:
        out['attr'] = d.attr
    if full:
        out.update(weight=d.weight, priority=0)
        if d.description:
            out['description'] = d.description
    out['resolved_addresses'] = [d.uri.partition(':')[2]]
    return out


@command('ds_list', (), ('partition',), ('full',), ('full', 'partition'))
def ds_list(s, full=None, partition='default'):
    sets = {}
    if partition != 'default':
        raise MiError(500, 'ERROR Unknown partition')
    for d in s.dispatcher:
        sets.setdefault(d.set, []).append(shown_destination(d, full))
    return {'PARTITIONS': [{'name': 'default', 'SETS': [
        {'id': n, 'Destinations': v} for n, v in sets.items()]}]}


@command('ds_set_state', ('state', 'group', 'address'))
def ds_set_state(s, state, group, address):
    word = {'0': 'i', '1': 'a', '2': 'p'}.get(str(state)[:1],
                                              str(state)[:1].lower())
    if word not in ('a', 'i', 'p'):
        raise MiError(500, 'Bad state value')
    partition, colon, number = str(group).rpartition(':')
    if colon and partition != 'default':
        raise MiError(404, 'ERROR Unknown partition')
    if not number.isdigit():
        raise MiError(500, 'bad group value')
    found = [d for d in s.dispatcher
             if d.set == int(number) and d.uri == address]
    if not found:
        raise MiError(404, 'destination not found')
    for d in found:
        d.set_state(word, s.threshold)
    return 'OK'


@command('ds_reload', (), ('inherit_state',), ('partition',),
         ('inherit_state', 'partition'))
def ds_reload(s, inherit_state='n', partition='default'):
    """Its table is DIR/db/dispatcher; DIR/db/fill, when it is there, makes it
    from a database first."""
    if partition != 'default':
        raise MiError(500, 'ERROR Unknown partition')
    fill = os.path.join(s.dir, 'db', 'fill')
    if os.path.exists(fill):
        subprocess.run([fill], check=True)
    s.load_dispatcher(str(inherit_state)[:1] == 'y')
    return 'OK'


# ---- load_balancer

@command('lb_list')
def lb_list(s):
    return {'Destinations': [
        {'uri': b.uri, 'id': b.id, 'group': b.group,
         'enabled': 'yes' if b.enabled else 'no',
         'auto-reenable': 'on' if b.auto else 'off',
         'Resources': b.resources} for b in s.balanced]}


def balanced(s, destination_id):
    for b in s.balanced:
        if b.id == whole(destination_id, 'destination_id'):
            return b
    raise MiError(404, 'Destination ID not found')


@command('lb_status', ('destination_id',), ('destination_id', 'new_status'))
def lb_status(s, destination_id, new_status=None):
    b = balanced(s, destination_id)
    if new_status is None:
        return {'enable': 'yes' if b.enabled else 'no'}
    b.set_status(whole(new_status, 'new_status') != 0)
    return 'OK'


@command('lb_resize', ('destination_id', 'res_name', 'new_capacity'))
def lb_resize(s, destination_id, res_name, new_capacity):
    for r in balanced(s, destination_id).resources:
        if r['name'] == res_name:
            r['max'] = whole(new_capacity, 'new_capacity')
            return 'OK'
    raise MiError(404, 'Destination has no such resource')


# ---- rtpengine

@command('rtpengine_show')
def rtpengine_show(s):
    return [{'Set': s.engine_set, 'Nodes': [
        {'url': e.url, 'index': e.index, 'disabled': e.disabled, 'weight': 1,
         'recheck_ticks': e.recheck} for e in s.engines]}]


@command('rtpengine_enable', ('url', 'enable'), ('url', 'enable', 'setid'))
def rtpengine_enable(s, url, enable, setid=None):
    """0: for ever; 2: until it is asked again; else on."""
    is_set = setid is None or whole(setid, 'setid') == s.engine_set
    found = [e for e in s.engines if e.url == url and is_set]
    if not found:
        raise MiError(404, 'RTP engine not found')
    for e in found:
        how = whole(enable, 'enable')
        e.disabled = 1 if how in (0, 2) else 0
        e.recheck = {0: st.FOREVER, 2: int(s.now() - s.started) + 1}.get(how,
                                                                         0)
    return 'OK'


# ---- drouting, permissions

@command('dr_reload_status')
def dr_reload_status(s):
    return {'Date': s.ctime(s.started)}


@command('dr_gw_status', (), named_only=True)
def dr_gw_status(s):
    return {'Gateways': [
        {'ID': g['gwid'], 'IP': g['address'].rpartition('sip:')[2],
         'State': 'Disabled MI' if g['state'] == '1' else 'Active'}
        for g in s.gateways]}


def dumped(s, is_subnet):
    out = []
    for a in s.addresses:
        is_v4 = ':' not in a['ip']
        bits, size = int(a['mask']), 32 if is_v4 else 128
        if (bits == size) == is_subnet:
            continue
        mask = str(bits)
        if is_subnet:
            n = (1 << 32) - (1 << 32 - bits)
            mask = '.'.join(str(n >> i & 255) for i in (24, 16, 8, 0))
        out.append({'grp': int(a['grp']), 'ip': a['ip'] if is_v4 else
                    spelled(a['ip']), 'mask': mask, 'port': int(a['port']),
                    'proto': a['proto'], 'pattern': '', 'context_info': ''})
    return {'Partitions': [{'name': 'default', 'Destinations': out}]}


def spelled(ip):
    """IPv6 as ip_addr2a prints it: "2001:DB8:0:0:0:0:0:7"."""
    head, _, tail = ip.partition('::')
    first = head.split(':') if head else []
    last = tail.split(':') if tail else []
    middle = ['0'] * (8 - len(first) - len(last))
    return ':'.join(first + middle + last).upper()


@command('address_dump')
def address_dump(s):
    return dumped(s, False)


@command('subnet_dump')
def subnet_dump(s):
    return dumped(s, True)
