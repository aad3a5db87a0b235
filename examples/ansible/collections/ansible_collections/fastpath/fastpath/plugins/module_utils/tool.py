# SPDX-License-Identifier: Apache-2.0
"""fp-block, as the modules of this collection run it: never by a shell, with
--json, its exit status mapped to what Ansible knows."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type

import ipaddress
import json
import os
import re

ARGUMENTS = dict(
    kind=dict(type='str', choices=['block', 'allow', 'fence']),
    why=dict(type='str'),
    overrides=dict(type='list', elements='str', default=[]),
    cluster=dict(type='path'),
    state_dir=dict(type='path'),
    pin_dir=dict(type='path'),
    executable=dict(type='path'),
    timeout=dict(type='str'),
)
WHERE = dict(cluster='--cluster', state_dir='--state', pin_dir='--pins',
             timeout='--timeout')
DIRECTORIES = ['/usr/sbin', '/usr/local/sbin']
# fp(7), EXIT STATUS
YES, NO, PARTLY, AGAIN, REFUSED = 0, 1, 3, 4, 5


def options(params, names):
    """--name=value of those parameters that were given."""
    return ['--%s=%s' % (name.replace('_', '-'), params[name])
            for name in names if params[name] is not None]


def canonical(prefix):
    """As the tools print it; what is no prefix is left for them to refuse."""
    try:
        net = ipaddress.ip_network(prefix)
    except ValueError:
        return prefix
    is_host = net.prefixlen == net.max_prefixlen
    return str(net.network_address if is_host else net)


def lines_of(entries):
    """What `fp-block list` would print of them: for --diff alone."""
    def line(entry):
        words = [entry['prefix']]
        for key in ('until', 'why', 'by', 'run'):
            value = entry.get(key)
            if value:
                words.append('%s=%s' % (key, quoted(value)))
        return ' '.join(words)

    return ''.join(line(entry) + '\n' for entry in sorted(entries, key=order))


def quoted(value):
    """fp-lists(5), Body"""
    if re.search(r'[ "#\\]', value):
        return '"%s"' % re.sub(r'(["\\])', r'\\\1', value)
    return value


def order(entry):
    try:
        net = ipaddress.ip_network(entry['prefix'])
    except ValueError:
        return (9, 0, 0)
    return (net.version, int(net.network_address), net.prefixlen)


class Tool(object):
    def __init__(self, module):
        self.module = module
        self.path = module.params['executable'] or module.get_bin_path(
            'fp-block', opt_dirs=DIRECTORIES)
        if not self.path or not os.access(self.path, os.X_OK):
            self.missing()

    def missing(self):
        """In check mode a play would have installed it by now."""
        if not self.module.check_mode:
            self.module.fail_json(msg='fp-block is not installed here')
        self.module.warn('fp-block is not installed here yet')
        self.module.exit_json(changed=self.module.params['state'] == 'present')

    def run(self, words, stdin=None):
        params = self.module.params
        where = ['%s=%s' % (WHERE[name], params[name])
                 for name in sorted(WHERE) if params[name] is not None]
        return self.module.run_command([self.path] + where + words, data=stdin,
                                       binary_data=True)

    def ask(self, *words):
        """Records of a verb that changes nothing."""
        status, out, err = self.run(list(words) + ['--json'])
        if status not in (YES, PARTLY):
            self.fail(status, said(err))
        return [json.loads(line) for line in out.splitlines()]

    def lists(self):
        return dict((record['list'], record) for record in self.ask('lists')
                    if record['type'] == 'list')

    def entries(self, name=None):
        return [record for record in self.ask('list', *([name] if name else []))
                if record['type'] == 'entry']

    def change(self, words, operands, stdin=None):
        """Run a verb that changes something, or would; (summary, records)."""
        params = self.module.params
        words = words + ['--json']
        if params['why'] is not None:
            words.append('--why=%s' % params['why'])
        words += ['--override=%s' % rule for rule in params['overrides']]
        if self.module.check_mode:
            words.append('--dry-run')
        status, out, err = self.run(words + ['--'] + operands, stdin)
        notes = said(err)
        is_done = status in (YES, PARTLY) or (
            status == NO and self.module.check_mode)
        if not is_done:
            self.fail(status, notes)
        for note in notes:
            self.module.warn(note)
        records = [json.loads(line) for line in out.splitlines()]
        if not records or records[-1].get('type') != 'summary':
            self.module.fail_json(msg='no summary: is %s a fp-block?' % self.path,
                                  status=status, stdout=out, stderr=err)
        return records[-1], records[:-1]

    def fail(self, status, notes):
        msg = '; '.join(notes) or 'fp-block ended with status %d' % status
        result = dict(status=status, stderr_lines=notes)
        if status == REFUSED:
            found = re.search(r'refused by rule ([\w-]+)', msg)
            result['rule'] = found.group(1) if found else None
        if status == AGAIN:
            msg += ' (nothing is wrong: try again, or give a longer timeout)'
        self.module.fail_json(msg=msg, **result)


def said(err):
    """Lines of stderr without the tool's name and a journal's priority; a line
    of our own stdin is one of the content."""
    lines = [re.sub(r'^(<\d>)?fp-block: ', '', line)
             for line in err.splitlines() if line]
    return [re.sub(r'^-:(\d+: )', r'content:\1', line) for line in lines]
