# SPDX-License-Identifier: Apache-2.0
"""DIR/ctl: one JSON object a connection, one back.  Tests speak by "opensips ctl
DIR ...", other nodes by cluster.py.

  set KEY=VALUE...   shm.free=BYTES shm.total=BYTES dialogs=N processed=N
                     shm.odd=BYTES   free, but in the next answer alone
                     statistic.GROUP:NAME=N version=TEXT skew=SECONDS
                     zone=SECONDS threshold=N
                     tag.NAME=active|backup|gone   (this node's mind alone)
                     link.N=STATE[/NEXT_HOP]|auto  link.N.enabled=yes|no
                     cap=Ok|"not synced"  cap.enabled=yes|no
                     fault.TRANSPORT[/METHOD]=KIND [ARG]|none
                     next.TRANSPORT[/METHOD]=KIND [ARG]    (one request's)
                       TRANSPORT: udp unix fifo http; KIND: silent, slow S,
                       garbage [TEXT], error CODE TEXT, wrong-id, twice,
                       internal, status N, close, endless, flood, part,
                       lost (done, and not said), late S (done at once)
                     churn=N     after each page of dialogs N planted ones end
                                 and N others begin
                     die.METHOD=N    at the N-th request from now
                     steal.TAG=NODE/N    at the N-th dlg_send_sequential from
                                 now NODE makes the tag active
  plant N TAG [STATE [AGE_S]]   N dialogs of no call, on this node alone
  zombie CALLID|N TAG    the same: BYE overtook the sync
  unplant            all of them end
  forget [CALLID]    dialogs go from this node alone, all or one
  activate TAG       as clusterer_shtag_set_active
  calls              CALLID STATE TAG of all, a line each
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
import threading

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
    elif key == 'shm.odd':
        s.odd_free = int(value)
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
    elif key == 'churn':
        s.churn = int(value)
    elif group == 'die':
        s.count_downs.append([rest, int(value), s.die])
    elif group == 'steal':
        node, _, n = value.partition('/')
        s.count_downs.append(['dlg_send_sequential', int(n or 1),
                              lambda: steal(s, int(node), rest)])
    elif group == 'next':
        s.next_faults.setdefault(rest, []).append(value.split(' '))
    elif group == 'fault' and value == 'none':
        s.faults.pop(rest, None)
    elif group == 'fault':
        s.faults[rest] = value.split(' ')
    else:
        raise ValueError('no such key: %s' % key)


def steal(s, node, tag):
    threading.Thread(target=cluster.tell, daemon=True, args=(
        s, node, {'activate': tag})).start()


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


def do_plant(s, n, tag, state='4', age='0'):
    first = s.dialogs.count
    s.dialogs.count += int(n)
    for i in range(first, first + int(n)):
        s.dialogs.plant('plant-%d-%d@127.0.1.%d' % (s.node, i, s.node), tag,
                        int(state), float(age))


def do_zombie(s, name, tag):
    if name.isdigit():
        return do_plant(s, name, tag)
    s.dialogs.plant(name, tag)


def do_unplant(s):
    for d in [d for d in s.dialogs.walk() if d.is_planted]:
        s.dialogs.end(d, False)


def do_forget(s, callid=None):
    for d in list(s.dialogs.walk()):
        if callid in (None, d.callid):
            s.dialogs.end(d, False)


def do_activate(s, tag):
    s.activate(tag, 'MI command')
    s.tell_peers({'tag_active': tag})


def do_calls(s):
    return '\n'.join('%s %d %s' % (d.callid, d.state, d.tag or '-')
                     for d in s.dialogs.walk())


def do_restart(s):
    s.restart()


def do_asked(s):
    return '\n'.join(' '.join(a) for a in s.asked)


def do_help(s):
    return __doc__.partition('\n\n')[2].rstrip()


WORDS = {'plant': do_plant, 'zombie': do_zombie, 'unplant': do_unplant,
         'forget': do_forget, 'activate': do_activate, 'calls': do_calls,
         'set': do_set, 'ds': do_ds, 'lb': do_lb, 'rtp': do_rtp,
         'command': do_command, 'report': do_report, 'restart': do_restart,
         'asked': do_asked, 'help': do_help}


# ---- both ends

def answer(s, words):
    with s.lock:
        if 'activate' in words:
            return {'said': do_activate(s, words['activate'])}
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
