#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""A FreeSWITCH configuration as its preprocessor would have it, and as files.

    fsconf.py DIR INTO [NAME=VALUE...]    DIR/freeswitch.xml, as far as examples go

INTO/NAME.conf is each <configuration>, INTO/freeswitch.xml all of it.  NAME=VALUE is
what X-PRE-PROCESS sets, said from outside; a command of exec-set is not run.
Source: FreeSWITCH 1.10.12 switch_xml.c (preprocess)."""
import glob
import os
import re
import sys
import xml.etree.ElementTree as etree

DIRECTIVE = re.compile(
    r'<X-PRE-PROCESS\s+cmd="([^"]*)"\s+data="([^"]*)"\s*/>', re.I)


def expand(text, known):
    def value(match):
        if match[1] not in known:
            sys.exit('$${%s}: nobody sets it' % match[1])
        return known[match[1]]
    return re.sub(r'\$\$\{([^}]*)\}', value, text)


def read(path, known, given):
    with open(path, encoding='ascii') as f:
        text = f.read()
    etree.fromstring(text)  # each file is well-formed by itself
    text = re.sub(r'<\?xml.*?\?>|<!--.*?-->', '', text, flags=re.S)
    out = []
    for line in text.splitlines():
        line = expand(line, known)
        match = DIRECTIVE.search(line)
        if not match:
            out.append(re.sub('</?include>', '', line))
        elif match[1] == 'include':
            pattern = os.path.join(os.path.dirname(path), match[2])
            found = sorted(glob.glob(pattern))
            if not found:
                sys.exit('%s: no file %s' % (path, match[2]))
            out += [read(one, known, given) for one in found]
        else:
            name, _, what = match[2].partition('=')
            known[name] = given.get(name, what)
    return '\n'.join(out)


def main():
    where, into = sys.argv[1:3]
    given = dict(word.partition('=')[::2] for word in sys.argv[3:])
    text = read(os.path.join(where, 'freeswitch.xml'), {}, given)
    with open(os.path.join(into, 'freeswitch.xml'), 'w') as f:
        f.write(text)
    for one in etree.fromstring(text).iter('configuration'):
        with open(os.path.join(into, one.get('name')), 'w') as f:
            f.write(etree.tostring(one, encoding='unicode'))


main()
