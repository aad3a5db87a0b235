#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: fp_block
short_description: Prefixes on a list of the SIP filter on this node
description:
  - Puts prefixes on a list or takes them off, with C(fp-block add) and
    C(fp-block del). Other entries are left alone.
version_added: 0.1.0
author:
  - the authors of fastpath (@fastpath)
options:
  prefixes:
    description: Addresses and prefixes, IPv4 and IPv6.
    type: list
    elements: str
    required: true
  state:
    description: Whether they are to be on the list.
    type: str
    choices: [present, absent]
    default: present
  list:
    description:
      - The list to change. Without it prefixes go on C(local), C(local-allow) or
        C(local-fence), by I(kind), and off every list of the kind.
    type: str
  for:
    description:
      - How long an entry stays, as C(90s), C(1h) or C(7d). One that is there
        already keeps its end, unless I(extend) is true.
    type: str
  until:
    description:
      - When it ends, as RFC 3339 has it. An end that is there and is later stays.
    type: str
  extend:
    description: Count I(for) from now for entries that are there, too.
    type: bool
    default: false
  by:
    description: Who wants it.
    type: str
extends_documentation_fragment:
  - fastpath.fastpath.tool
attributes:
  check_mode:
    support: full
    description: Says what would change, by C(--dry-run).
  diff_mode:
    support: full
    description: The entries of these prefixes before and after.
'''

EXAMPLES = r'''
- name: Ban a scanner for a day
  fastpath.fastpath.fp_block:
    prefixes: 203.0.113.7
    for: 1d
    why: scan

- name: Let a carrier through whatever the lists say
  fastpath.fastpath.fp_block:
    prefixes:
      - 198.51.100.0/24
      - 2001:db8:7::/48
    kind: allow
    why: our carrier

- name: Lift a ban, from all lists of this node
  fastpath.fastpath.fp_block:
    prefixes: 203.0.113.7
    state: absent
'''

RETURN = r'''
prefixes:
  description: >-
    What became of each: a record of fp-block(8) with prefix, list, kind,
    action, until and the kernel's verdict.
  type: list
  elements: dict
  returned: success
rule:
  description: The safety rule that refused.
  type: str
  returned: when one did
status:
  description: Exit status of fp-block.
  type: int
  returned: failure
'''

from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastpath.fastpath.plugins.module_utils.tool import (
    ARGUMENTS, Tool, canonical, lines_of, options)

DEFAULT_LISTS = dict(block='local', allow='local-allow', fence='local-fence')


def is_live(entry):
    """Times of the tools are UTC and of one length: they sort as text."""
    now = datetime.now(timezone.utc).strftime('%Y-%m-%dT%H:%M:%SZ')
    return not entry.get('until') or entry['until'] > now


def meant(module, tool, name):
    """Live entries of our prefixes, of one list or of all of the kind."""
    wanted = set(canonical(prefix) for prefix in module.params['prefixes'])
    kind = module.params['kind'] or 'block'
    if name and name not in tool.lists():
        return []
    return [entry for entry in tool.entries(name)
            if entry['prefix'] in wanted and is_live(entry) and
            (name or entry['kind'] == kind)]


def list_name(params):
    return params['list'] or DEFAULT_LISTS[params['kind'] or 'block']


def add(module, tool):
    """Lines bring an end of their own where there is one: --for would set a new
    one at every run."""
    params, ends = module.params, {}
    if params['for'] and not params['extend']:
        ends = dict((entry['prefix'], entry['until'])
                    for entry in meant(module, tool, list_name(params))
                    if entry.get('until'))
    lines = [prefix + (' until=%s' % ends[canonical(prefix)]
                       if canonical(prefix) in ends else '')
             for prefix in params['prefixes']]
    words = ['add'] + options(params, ['list', 'kind', 'for', 'until', 'by'])
    return tool.change(words, ['-'], '\n'.join(lines) + '\n')


def delete(module, tool):
    params = module.params
    if params['list'] and params['list'] not in tool.lists():
        return dict(changed=False), []
    words = ['del'] + options(params, ['list', 'kind'])
    return tool.change(words, ['-'], '\n'.join(params['prefixes']) + '\n')


def predicted(module, before, records):
    """What `meant` would find afterwards: only the check mode's diff shows it."""
    entries = dict(((entry['list'], entry['prefix']), entry) for entry in before)
    for record in records:
        at = record.get('list'), record['prefix']
        if record['action'] == 'removed':
            entries.pop(at, None)
        elif record['action'] in ('added', 'updated'):
            entry = dict(entries.get(at, {}), **record)
            for key in ('why', 'by'):
                entry[key] = module.params[key] or entry.get(key)
            entries[at] = entry
    return list(entries.values())


def shown(entries):
    """Of several lists, list by list."""
    names = sorted(set(entry['list'] for entry in entries))
    return ''.join(
        '# list %s\n%s' % (name, lines_of(entry for entry in entries
                                          if entry['list'] == name))
        for name in names)


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            prefixes=dict(type='list', elements='str', required=True),
            state=dict(type='str', choices=['present', 'absent'],
                       default='present'),
            list=dict(type='str'),
            until=dict(type='str'),
            extend=dict(type='bool', default=False),
            by=dict(type='str'),
            **{'for': dict(type='str')}),
        mutually_exclusive=[('for', 'until')],
        supports_check_mode=True)
    params = module.params
    if not params['prefixes']:
        module.exit_json(changed=False, prefixes=[])
    tool = Tool(module)
    is_present = params['state'] == 'present'
    about = list_name(params) if is_present else params['list']
    before = meant(module, tool, about) if module._diff else []
    summary, records = (add if is_present else delete)(module, tool)
    result = dict(changed=summary['changed'], prefixes=records)
    if module._diff:
        after = (predicted(module, before, records) if module.check_mode
                 else meant(module, tool, about))
        result['diff'] = dict(before=shown(before), after=shown(after))
    module.exit_json(**result)


if __name__ == '__main__':
    main()
