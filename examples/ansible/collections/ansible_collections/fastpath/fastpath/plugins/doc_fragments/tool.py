# SPDX-License-Identifier: Apache-2.0
"""Options that both modules have."""

from __future__ import absolute_import, division, print_function

__metaclass__ = type


class ModuleDocFragment(object):
    DOCUMENTATION = r'''
options:
  kind:
    description:
      - What the list does; C(block) unless the list is there already.
      - C(allow) beats block, C(fence) beats allow and takes cluster nodes only.
    type: str
    choices: [block, allow, fence]
  why:
    description: The reason, for syslog; of I(prefixes) also kept with them.
    type: str
  overrides:
    description:
      - Safety rules of fp-block(8) that shall not refuse this, by name.
    type: list
    elements: str
    default: []
  cluster:
    description:
      - The cluster file; C(/etc/fastpath/cluster.ini) unless said otherwise.
    type: path
  state_dir:
    description: Where lists live; C(/var/lib/fastpath) unless said otherwise.
    type: path
  pin_dir:
    description:
      - Where the kernel's tables are pinned; C(/sys/fs/bpf/fastpath) unless said
        otherwise.
    type: path
  executable:
    description:
      - Path of fp-block, when it is neither in PATH nor in C(/usr/sbin) or
        C(/usr/local/sbin).
    type: path
  timeout:
    description:
      - How long to wait for another writer, as C(10s), which is what it is
        unless said otherwise.
    type: str
notes:
  - A change that is saved but not in force, since no NIC has the filter, is
    a change with a warning.
  - A refusal by a safety rule fails the task, and names the rule in C(msg) and
    C(rule).
requirements:
  - fp-block on the node
  - root, or the capabilities that fp-block needs
'''
