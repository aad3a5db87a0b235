# SPDX-License-Identifier: Apache-2.0
import os
import sys

from . import client


def address(text):
    host, _, port = text.rpartition(':')
    return host.strip('[]'), int(port)


def arguments(argv):
    import argparse
    p = argparse.ArgumentParser(prog='opensips run')
    p.add_argument('dir')
    p.add_argument('--node', type=int, default=1)
    p.add_argument('--ip', help='default: 127.0.1.NODE')
    p.add_argument('--cluster', default='1,2,3',
                   help='the nodes of it, beside DIR; "": none')
    p.add_argument('--udp', type=address, help='default: IP:8080')
    p.add_argument('--http', type=address, help='default: IP:8888')
    p.add_argument('--sip', type=address, help='default: IP:5060')
    p.add_argument('--uas', type=address, default=('127.0.3.2', 5060),
                   help='where calls go')
    p.add_argument('--ds-route', action='store_true',
                   help='calls of a number go to a destination of dispatcher '
                   'set 1, those that such a one makes to --uas')
    p.add_argument('--tags', type=int, default=1,
                   help='tags of a node: a power of two')
    p.add_argument('--active', action='store_true',
                   help="its tags are =active in its configuration")
    p.add_argument('--auto-sync', action='store_true',
                   help='cluster_auto_sync is 1')
    p.add_argument('--no-ack-rule', dest='ack_rule', action='store_false',
                   help='an ACK within a dialog replicates nothing')
    p.add_argument('--fr-timeout', type=float, default=5)
    p.add_argument('--fr-inv-timeout', type=float, default=30)
    p.add_argument('--dialog-timeout', type=int, default=7200)
    p.add_argument('--rtpengine', action='append', default=[],
                   help='udp:H:P of one that calls go through, by NG')
    p.add_argument('--local-route', action='store_true',
                   help='local_route offers what is made here to it')
    p.add_argument('--no-probes', action='store_true',
                   help='send no OPTIONS and pings')
    p.add_argument('--buf-size', type=int, default=4 << 20,
                   help="httpd's: the longest reply by HTTP")
    p.add_argument('--sync-s', type=float, default=0.3,
                   help='until a node without a donor calls itself synced')
    a = p.parse_args(argv)
    a.ip = a.ip or '127.0.1.%d' % a.node
    a.udp = a.udp or (a.ip, 8080)
    a.http = a.http or (a.ip, 8888)
    a.sip = a.sip or (a.ip, 5060)
    a.nodes = [int(n) for n in a.cluster.split(',') if n]
    return a


def run(argv):
    import threading
    from . import cluster, control, probing, state, transports
    a = arguments(argv)
    os.makedirs(a.dir, exist_ok=True)
    s = state.State(a)
    parts = [transports.udp, transports.unix, transports.fifo,
             transports.http, probing.sip]
    if a.nodes:
        parts += [cluster.watch, cluster.tell_all]
    if not a.no_probes:
        parts.append(probing.probe)
    parts.append(control.serve)  # tests wait for its socket
    for part in parts:
        threading.Thread(target=part, args=(s,), daemon=True).start()
    threading.Event().wait()


def main(argv):
    if len(argv) > 2 and argv[1] == 'run':
        return run(argv[2:])
    if len(argv) > 3 and argv[1] == 'ctl':
        return client.client(argv[2], argv[3:])
    print(sys.modules['__main__'].__doc__.strip(), file=sys.stderr)
    return 2
