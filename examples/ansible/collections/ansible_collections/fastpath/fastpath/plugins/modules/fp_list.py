#!/usr/bin/python
# SPDX-License-Identifier: Apache-2.0

from __future__ import absolute_import, division, print_function

__metaclass__ = type

DOCUMENTATION = r'''
---
module: fp_list
short_description: A list of the SIP filter on this node
description:
  - Makes a list equal to entries or a file by the smallest difference, or
    removes it, with C(fp-block load) and C(fp-block unload).
  - Lists that a controller pushes (C(fp-sync push)) are refused by the rule
    C(owner).
version_added: 0.1.0
author:
  - the authors of fastpath (@fastpath)
options:
  name:
    description: Name of the list, C([a-z0-9][a-z0-9._-]*), at most 31 letters.
    type: str
    required: true
  state:
    description: Whether the list is to be there.
    type: str
    choices: [present, absent]
    default: present
  content:
    description:
      - Its entries, a prefix each, which C(until=), C(why=), C(by=) may follow
        (fp-lists(5)). A list of entries, or text of lines.
      - An entry whose end has passed is left out.
    type: raw
  src:
    description: A file on this node that has them.
    type: path
  owner:
    description: Of a list that is made; C(local) unless said otherwise.
    type: str
    choices: [local, dynamic]
  max_change:
    description:
      - How much of a list of more than 100 entries may be dropped, in percent;
        20 unless said otherwise.
    type: int
extends_documentation_fragment:
  - fastpath.fastpath.tool
attributes:
  check_mode:
    support: full
    description: Says what would change, by C(--dry-run).
  diff_mode:
    support: full
    description: The list's entries before and after.
'''

EXAMPLES = r'''
- name: The carriers are never dropped
  fastpath.fastpath.fp_list:
    name: carriers
    kind: allow
    content:
      - 198.51.100.0/24 why="our carrier"
      - 2001:db8:7::/48
    why: change 1234

- name: A list from a file that is on the node
  fastpath.fastpath.fp_list:
    name: scanners
    src: /var/lib/feeds/scanners.txt
    max_change: 50

- name: A list that is no longer wanted
  fastpath.fastpath.fp_list:
    name: old
    state: absent
'''

RETURN = r'''
added:
  description: Entries that the list did not have.
  type: int
  returned: state=present
removed:
  description: Entries that it no longer has.
  type: int
  returned: state=present
updated:
  description: Entries with another end or reason.
  type: int
  returned: state=present
entries:
  description: Entries that it now has, or had when it was removed.
  type: int
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

import os
import re
from datetime import datetime, timezone

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.fastpath.fastpath.plugins.module_utils.tool import (
    ARGUMENTS, Tool, canonical, lines_of, options)

WORD = re.compile(r'#.*|(?:[^\s"]|"(?:[^"\\]|\\.)*")+')


def text_of(module):
    content = module.params['content']
    if isinstance(content, list):
        return ''.join('%s\n' % entry for entry in content)
    if content is None or isinstance(content, str):
        return content
    module.fail_json(msg='content: a list of entries, or text')


def time_of(value):
    """An end as the tools write it, and whether it has passed."""
    at = datetime.fromisoformat(value.upper().replace('Z', '+00:00'))
    at = at.astimezone(timezone.utc)
    return at.strftime('%Y-%m-%dT%H:%M:%SZ'), at <= datetime.now(timezone.utc)


def words_of(line):
    """Up to a comment, which begins a word."""
    for found in WORD.finditer(line):
        if found.group().startswith('#'):
            return
        yield found.group()


def entry_of(line):
    """What becomes of a line that the tool has accepted, or None."""
    words = list(words_of(line))
    if not words:
        return None
    entry = dict(word.split('=', 1) for word in words[1:])
    for key, value in entry.items():
        if value.startswith('"'):
            entry[key] = re.sub(r'\\(.)', r'\1', value[1:-1])
    entry['prefix'] = canonical(words[0])
    if entry.get('until'):
        entry['until'], is_over = time_of(entry['until'])
        if is_over:
            return None
    return entry


def predicted(module, text):
    """The list as it would be: only the check mode's diff shows it."""
    if text is None:
        with open(module.params['src'], encoding='utf-8-sig') as source:
            text = source.read()
    entries = {}
    for line in text.splitlines():
        entry = entry_of(line)
        if entry:
            entries[entry['prefix']] = entry
    return lines_of(entries.values())


def shown(tool, name):
    """The list's text for the diff; '' without one."""
    if not tool.module._diff or name not in tool.lists():
        return ''
    return lines_of(tool.entries(name))


def load(module, tool, text):
    name, src = module.params['name'], module.params['src']
    if src and not os.path.isfile(src):
        if module.check_mode:
            module.exit_json(changed=True, msg='%s is not there yet' % src)
        module.fail_json(msg='src: there is no file %s' % src)
    words = ['load'] + options(module.params, ['kind', 'owner', 'max_change'])
    summary, _records = tool.change(words, [name, src or '-'], text)
    return summary, ('added', 'removed', 'updated', 'entries')


def unload(module, tool):
    summary, _records = tool.change(['unload'], [module.params['name']])
    return summary, ('entries',)


def after(module, tool, text, is_changed, before):
    if not is_changed:
        return before
    if module.params['state'] == 'absent':
        return ''
    if module.check_mode:
        return predicted(module, text)
    return shown(tool, module.params['name'])


def main():
    module = AnsibleModule(
        argument_spec=dict(
            ARGUMENTS,
            name=dict(type='str', required=True),
            state=dict(type='str', choices=['present', 'absent'],
                       default='present'),
            content=dict(type='raw'),
            src=dict(type='path'),
            owner=dict(type='str', choices=['local', 'dynamic']),
            max_change=dict(type='int'),
        ),
        mutually_exclusive=[('content', 'src')],
        required_if=[('state', 'present', ('content', 'src'), True)],
        supports_check_mode=True)
    name, is_present = module.params['name'], module.params['state'] == 'present'
    text = text_of(module)
    tool = Tool(module)
    before = shown(tool, name)
    summary, counts = load(module, tool, text) if is_present else unload(
        module, tool)
    result = dict((count, summary[count]) for count in counts)
    result['changed'] = summary['changed']
    if module._diff:
        result['diff'] = dict(
            before=before, before_header='list %s' % name,
            after=after(module, tool, text, summary['changed'], before),
            after_header='list %s' % name)
    module.exit_json(**result)


if __name__ == '__main__':
    main()
