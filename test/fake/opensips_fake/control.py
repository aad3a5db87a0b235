# SPDX-License-Identifier: Apache-2.0
"""DIR/ctl: one JSON object a connection, one back.  Tests speak by "opensips ctl
DIR ...", other nodes by cluster.py.

  set KEY=VALUE...   shm.free=BYTES shm.total=BYTES dialogs=N processed=N
                     statistic.GROUP:NAME=N version=TEXT skew=SECONDS
                     zone=SECONDS threshold=N
                     tag.NAME=active|backup|gone   (this node's mind alone)
                     link.N=STATE[/NEXT_HOP]|auto  link.N.enabled=yes|no
                     cap=Ok|"not synced"  cap.enabled=yes|no
                     fault.TRANSPORT[/METHOD]=KIND [ARG]|none
                       TRANSPORT: udp unix fifo http; KIND: silent, slow S,
                       garbage [TEXT], error CODE TEXT, wrong-id, twice,
                       internal, status N, close, endless, flood, part
  report TEXT        one more report of its sync ("Sync started from node [2]")
  command NAME yes|no
  ds SET URI a|i|p|Active|Inactive|Probing
  lb ID yes|no [on|off]
  rtp URL 0|1|2
  restart            as if the process was new
  asked              what it was asked lately, TRANSPORT METHOD a line
  help
"""
import json
import os
import socket

from . import cluster


# ---- the words

def set_link(s, key, value):
    node, _, what = key.partition('.')
    link = s.links[int(node)]
    if what == 'enabled':
        link.enabled = value == 'yes'
    elif value == 'auto':
        link.forced = None
    else:
        name, _, hop = value.partition('/')
        link.forced = (name, int(hop or (node if name == 'Up' else 0)))


def set_one(s, key, value):
    group, _, rest = key.partition('.')
    names = {'shm.free': 'shmem:free_size', 'shm.total': 'shmem:total_size',
             'dialogs': 'dialog:active_dialogs',
             'processed': 'dialog:processed_dialogs'}
    if key in names:
        s.set_statistic(names[key], int(value))
    elif group == 'statistic':
        s.set_statistic(rest, int(value))
    elif key == 'version':
        s.version = value
    elif key in ('skew', 'zone', 'threshold'):
        setattr(s, key, type(getattr(s, key))(value))
    elif group == 'tag' and value == 'gone':
        s.tags.pop(rest, None)
    elif group == 'tag':
        s.tags[rest] = value
    elif group == 'link':
        set_link(s, rest, value)
    elif key == 'cap':
        s.capability, s.wants_sync = value, False
    elif key == 'cap.enabled':
        s.cap_enabled = value
    elif group == 'fault' and value == 'none':
        s.faults.pop(rest, None)
    elif group == 'fault':
        s.faults[rest] = value.split(' ')
    else:
        raise ValueError('no such key: %s' % key)


def do_set(s, *pairs):
    for pair in pairs:
        key, equals, value = pair.partition('=')
        if not equals:
            raise ValueError('not KEY=VALUE: %s' % pair)
        set_one(s, key, value)


def do_ds(s, number, uri, state):
    found = [d for d in s.dispatcher
             if d.set == int(number) and d.uri == uri]
    if not found:
        raise ValueError('no such destination')
    for d in found:
        if len(state) == 1:
            d.set_state(state, s.threshold)
        else:
            d.inactive, d.probing = state == 'Inactive', state == 'Probing'


def do_lb(s, number, enabled, auto='on'):
    for b in s.balanced:
        if b.id == int(number):
            b.enabled, b.auto = enabled == 'yes', auto == 'on'


def do_rtp(s, url, how):
    from .commands import rtpengine_enable
    rtpengine_enable(s, url, int(how))


def do_command(s, name, is_there):
    if is_there == 'yes' and name not in s.commands:
        s.commands.append(name)
    elif is_there == 'no' and name in s.commands:
        s.commands.remove(name)


def do_report(s, *words):
    s.report(*cluster.CAPABILITY, ' '.join(words))


def do_restart(s):
    s.restart()


def do_asked(s):
    return '\n'.join(' '.join(a) for a in s.asked)


def do_help(s):
    return __doc__.partition('\n\n')[2].rstrip()


WORDS = {'set': do_set, 'ds': do_ds, 'lb': do_lb, 'rtp': do_rtp,
         'command': do_command, 'report': do_report, 'restart': do_restart,
         'asked': do_asked, 'help': do_help}


# ---- both ends

def answer(s, words):
    with s.lock:
        if 'node' in words:
            return cluster.heard(s, words)
        try:
            function = WORDS[words['words'][0]]
            return {'said': function(s, *words['words'][1:]) or ''}
        except (KeyError, IndexError, TypeError, ValueError) as e:
            return {'error': '%s: %s' % (type(e).__name__, e)}


def serve(s):
    path = os.path.join(s.dir, 'ctl')
    if os.path.exists(path):
        os.unlink(path)
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    fd = os.open(s.dir, os.O_PATH | os.O_DIRECTORY)
    sock.bind('/proc/self/fd/%d/ctl' % fd)
    sock.listen(64)
    while True:
        peer, _ = sock.accept()
        peer.settimeout(1)
        try:
            data = b''
            while not data.endswith(b'\n'):
                data += peer.recv(65536) or b'\n'
            peer.sendall(json.dumps(answer(s, json.loads(data))).encode()
                         + b'\n')
        except (OSError, ValueError):
            pass
        peer.close()
