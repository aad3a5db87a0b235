#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# The cluster file means to the tools what it means to Ansible: real
# ansible-inventory reads the same files.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup_file() {
	export ANSIBLE_NOCOLOR=1 ANSIBLE_HOME=$BATS_FILE_TMPDIR/ansible
	export ANSIBLE_LOCAL_TEMP=$BATS_FILE_TMPDIR/ansible/tmp
	ansible=$(command -v ansible-inventory) || skip 'no ansible-inventory'
	# the Python that has Ansible's modules
	ANSIBLE_PYTHON=$(sed -n '1s/^#! *//p' "$ansible")
	export ANSIBLE_PYTHON PYTHONDONTWRITEBYTECODE=1
	unset PYTHONPATH PYTHONHOME
	write_helpers
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	inventory=$FP_BUILD/test/prog/inventory
	[ -x "$inventory" ] || skip 'test/prog/inventory is not built'
}

write_helpers() {
	cat >"$BATS_FILE_TMPDIR/compare.py" <<'EOF'
# compare.py OURS THEIRS VIA_JSON: what test/prog/inventory printed of an INI
# file, what ansible-inventory printed of it, and what test/prog/inventory printed
# of that.  Says every difference.
import ast, json, sys

def ours(path):
    of = {'host': set(), 'group': set(), 'var': {}, 'addr': []}
    for line in open(path, newline='\n', encoding='utf-8'):
        kind, name, *rest = line.rstrip('\n').split('\t', 3)
        if kind == 'var':
            of['var'][name, rest[0]] = rest[1]
        elif kind == 'host':
            of['host'].add(name)
        elif kind == 'group':
            of['group'].add((name, rest[0]))
        else:
            of['addr'].append((name, rest[0]))
    of['addr'].sort()
    return of

def theirs(path):
    groups = json.load(open(path, encoding='utf-8'))
    hostvars = groups.pop('_meta')['hostvars']
    hosts = set(hostvars)

    def members(name):
        group = groups.get(name, {})
        of = set(group.get('hosts', []))
        return of.union(*map(members, group.get('children', [])))

    pairs = {(host, group) for group in groups for host in members(group)}
    hosts |= {host for host, group in pairs}
    pairs |= {(host, 'all') for host in hosts}
    return {'host': hosts, 'group': pairs,
            'var': {(host, key): value for host in hostvars
                    for key, value in hostvars[host].items()}}

def is_ours(key):
    return key.startswith('fp_') or key in (
        'ansible_host', 'ansible_port', 'ansible_user')

# Our values are text.  Ansible's may be what that text is to Python, of variables
# that we do not read; of ours it prints the same.
def is_same(key, text, value):
    if isinstance(value, str):
        return text == value
    if is_ours(key):
        return text == str(value)
    read = ast.literal_eval(text)
    return json.loads(json.dumps(read)) == value

ini, ansible, via = ours(sys.argv[1]), theirs(sys.argv[2]), ours(sys.argv[3])
wrong = []
for kind in 'host', 'group':
    for other, name in (ansible, 'Ansible'), (via, 'its JSON'):
        if ini[kind] != other[kind]:
            wrong.append((kind, name, ini[kind] ^ other[kind]))
for at in sorted({*ini['var'], *ansible['var']}):
    if at not in ini['var'] or at not in ansible['var'] or not is_same(
            at[1], ini['var'][at], ansible['var'][at]):
        wrong.append((at, ini['var'].get(at), ansible['var'].get(at)))
for at in sorted({*ini['var'], *via['var']}):
    if is_ours(at[1]) and ini['var'].get(at) != via['var'].get(at):
        wrong.append((at, ini['var'].get(at), 'JSON', via['var'].get(at)))
if ini['addr'] != via['addr']:
    wrong.append(('addresses', ini['addr'], via['addr']))
for what in wrong:
    print(*what)
sys.exit(bool(wrong))
EOF
	cat >"$BATS_FILE_TMPDIR/by_chance.py" <<'EOF'
# by_chance.py SEED FILE INVENTORY: write lines by chance, without those that
# INVENTORY refuses.
import random, re, subprocess, sys

seed, path, inventory = sys.argv[1:]
rnd = random.Random(int(seed))
any_of = rnd.choice
groups = ['g%d' % i for i in range(6)] + ['a-b', 'Z', 'e.x', 'all', 'ungrouped']
hosts = ['h%d' % i for i in range(8)] + ['192.0.2.7', 'n.example.com', 'x_y']
keys = ['k1', 'k2', 'k3', 'fp_tags', 'fp_if', 'fp_switchname', 'fp_node_id',
        'fp_rtp_ports', 'ansible_user', 'ansible_port']
good = ['1', '22', 'eth0', 'true', 'a=b', '0', '16384-20383', 'service=fp']
parts = ['1', '0', '007', '1.5', '-3', '+4', 'true', 'True', 'no', 'None',
         '0x1f', '1_000', '1e3', 'a', 'b', 'u', '\u00e4', '\u00a0', ' ', '  ',
         '\t', "'", '"', *',=#;:/{}[]()-+.\\$%@!&']

def value():
    if rnd.random() < .5:
        return any_of(good)
    quote = any_of(['', '', "'", '"'])
    middle = ''.join(any_of(parts) for _ in range(rnd.randint(0, 4)))
    return quote + middle + quote

def host_line():
    pairs = [' %s=%s' % (any_of(keys), value())
             for _ in range(rnd.randint(0, 3))]
    return any_of(hosts) + ''.join(pairs) + any_of(
        ['', '', ' # c', ' ;', '\u00a0', '\r'])

def line():
    global section
    chance = rnd.random()
    if chance < .15:
        section = any_of(['', '', ':children', ':vars'])
        return '[%s%s]%s' % (any_of(groups), section, any_of(['', ' # c']))
    if chance < .22:
        return any_of(['', '# c\u00e4', '; x=1', '  # y', '\t', '#\x0ch9',
                       '; \u2028h9', 'h[01:10]', 'h:22', '[x', '# \u00a0 z',
                       'g1 k1=1'])
    if section == ':children':
        return any_of(groups) + any_of(['', ' ', ' # c', '\u00a0'])
    if section == ':vars':
        return any_of(['', ' ']) + any_of(keys) + any_of(
            ['=', ' = ', '\t=']) + value() + any_of(['', ' ', ' # c'])
    return host_line()

section = ''
lines = [line() for _ in range(300)]
while True:
    with open(path, 'w', newline='', encoding='utf-8') as f:
        f.write('\n'.join(lines) + '\n')
    ran = subprocess.run([inventory, path], capture_output=True, text=True)
    if ran.returncode == 0:
        break
    at = re.match(re.escape(path) + r':(\d+): ', ran.stderr)
    if not at:
        sys.exit(ran.stderr)
    del lines[int(at[1]) - 1]
print(len(lines), 'lines')
sys.exit(len(lines) < 50)
EOF
	cat >"$BATS_FILE_TMPDIR/limit.py" <<'EOF'
# limit.py FILE INVENTORY: Ansible's --limit against -N, by chance.
import random, subprocess, sys
from ansible.inventory.manager import InventoryManager
from ansible.parsing.dataloader import DataLoader

path, inventory = sys.argv[1:]
manager = InventoryManager(loader=DataLoader(), sources=[path])
rnd = random.Random(3)
names = ['sip1', 'sip2', 'sip3.example.com', 'fs1', 'ctl1', 'opensips', 'edge',
         'freeswitch', 'a-b', 'all', '*', 'sip*', '*s*', 's?p*', '[cf]*', 'e*',
         '[!e]*', '[a-c]*', 'sip[13]*', 's*m', '*1', 'ungrouped', 'o*', 'nobody',
         'sip9', 'x*', 'al*', 'ung*']

def limit(text):
    manager.subset(text)
    try:
        return {host.name for host in manager.get_hosts('all')}
    finally:
        manager.subset(None)

def selected(*patterns):
    ran = subprocess.run([inventory, path, *patterns], capture_output=True,
                         text=True)
    return ran.returncode, ran.stdout.split(), ran.stderr

wrong = n_selected = n_refused = 0
for _ in range(400):
    parts = [rnd.choice(['', '', '', '&', '!']) + rnd.choice(names)
             for _ in range(rnd.randint(1, 4))]
    text = rnd.choice(',:').join(parts)
    want = limit(text)
    code, got, why = selected(*rnd.choice([[text], parts]))
    if code:
        part = why.split('"')[1]
        n_refused += 1
        is_right = not want or not limit(part.lstrip('&!'))
    else:
        n_selected += 1
        is_right = want == set(got) and len(got) == len(want)
    if not is_right:
        wrong += 1
        print(text, 'Ansible:', want, 'we:', got or why)
print(n_selected, 'selected', n_refused, 'refused')
sys.exit(wrong > 0 or n_selected < 100 or n_refused < 50)
EOF
}

# as_ansible FILE.ini [OPTION...]: the same hosts, groups and variables.
as_ansible() {
	local file=$1

	shift
	"$inventory" "$file" >ours
	ansible-inventory -i "$file" --list >theirs.json 2>warnings || {
		cat warnings
		return 1
	}
	"$inventory" theirs.json >via
	python3 "$BATS_FILE_TMPDIR/compare.py" ours theirs.json via
}

# refused LINE TEXT: the file bad.ini, by this message.
refused() {
	run --separate-stderr -2 "$inventory" bad.ini
	[ -z "$output" ]
	[[ $stderr == "bad.ini:$1: $2"* ]] || {
		echo "$stderr"
		return 1
	}
}

@test "the example is what Ansible takes it for" {
	cp "$BATS_TEST_DIRNAME/../../examples/cluster.ini" .
	as_ansible cluster.ini
	grep -qx $'var\tsip1\tfp_node_id\t1' ours
	grep -qx $'group\tsip1\tedge' ours
}

@test "quotes, comments, '=' and spaces" {
	cat >quotes.ini <<'EOF'
# a comment; another
; and one more
lone	x=1	# before any group
[a] # of a
h1 x="two words" y='it is "quoted"' z="it's"   # end
h2 x='a # no comment' y=a;b z="# it"
h3 x=a=b=c y==c z= k='' l=""
h4 fp_db="service=fastpath host=/run/pg" ansible_ssh_common_args='-o ProxyCommand="ssh -W %h:%p jump"'
  h5   x=$HOME   y=~/x   z=%h

[a:vars]
 spaced = two  words
quoted="two words"
single = 'a # b ; c'
semi = a ; b
args=-o A=B -o C=D
path=C:\dir
tab	=	x	y
empty =
EOF
	as_ansible quotes.ini
	grep -qx $'var\th1\tz\tit\'s' ours
	grep -qx $'var\th5\tspaced\ttwo  words' ours
}

@test "numbers and booleans are text that Ansible reads as such" {
	cat >values.ini <<'EOF'
[a]
h1 a=1 b=-1 c=0 d=1.5 e=true f=True g=no h=None i=007 j=1e3 k=0x10 l=1_0 m=+1
h2 fp_node_id=7 fp_rtp_ports=16384-20383 fp_switchname=007 fp_tags=true fp_if=1x
h3 ansible_port=2222 ansible_user=0 fp_switchname=-5 fp_tags=123456789012345
h4 a=1,2 b=[1,2] c='{"x": 1}' d='(1, 2)' e='1 # 2' f=1.0 g=.5 h=yes i=off
h5 a=408,409,5xx,6xx b=1,x c='1, 2x' d=1,2,3, e=1,True f=1,Truer g='1,"x"' i=1,,2 j='True , x'
h6 fp_sip_fail=408,409,5xx,6xx
[a:vars]
v = 1
w = True
x = [1, 2]
y = 1.10
z = "1"
EOF
	as_ansible values.ini
	grep -qx $'var\th2\tfp_node_id\t7' via
	grep -qx $'var\th1\te\ttrue' via
}

@test "who wins: all, parents, children by name, host; ties; two groups" {
	cat >wins.ini <<'EOF'
first v=host
[b]
h v1=host
both
[a]
h
both
[deep]
h
h2 v2=host v2b=1
h2 v2=again
[b:vars]
v1=b
v2=b
tie=b
[a:vars]
v1=a
v2=a
tie=a
onlya=a
[top:children]
b
mid
[mid:children]
deep
a
[deep:vars]
v2=deep
v3=deep
tie=deep
[mid:vars]
v3=mid
v4=mid
tie=mid
[top:vars]
v4=top
v5=top
tie=top
[other:children]
b
[other:vars]
v5=other
[_under]
h
[_under:vars]
v5=_under
[Upper]
h
[Upper:vars]
v5=Upper
v6=Upper
[all:vars]
v1=all
v5=all
v6=all
v7=all
v7=all again
[ungrouped:vars]
v7=ungrouped
v=ungrouped
[empty]
[empty:vars]
x=1
EOF
	as_ansible wins.ini
	grep -qx $'var\th\ttie\tdeep' ours
	grep -qx $'var\tboth\ttie\ta' ours
}

@test "one host in many groups, groups as they come, nodes of one address" {
	cat >groups.ini <<'EOF'
[z:children]
y
[y:children]
x
[x]
n1 ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5060
n2 ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5062
n3 ansible_host=192.0.2.1 fp_sip=udp:192.0.2.1:5062
[w]
n1 fp_if=eth1
n1
[x]
n1 fp_if=eth2
n4
[y]
n1
[all]
n5
[ungrouped]
n6
n1
[all:children]
w
[dot.ted-group_1]
n.example.com
192.0.2.9
EOF
	as_ansible groups.ini
	[ "$(grep -c '^host' ours)" = 8 ]
	grep -qx $'var\tn1\tfp_if\teth2' ours
}

@test "JSON of --export and from stdin is the same" {
	cat >e.ini <<'EOF'
lone
[a]
h1 fp_if=eth1
h2
[b:children]
a
[b:vars]
fp_if=eth0
fp_tags=b
[a:vars]
fp_tags=a
[all:vars]
fp_if=lo
fp_ssh_user=fp
EOF
	as_ansible e.ini
	ansible-inventory -i e.ini --list --export >exported.json
	"$inventory" exported.json | sort -u >got
	sort -u ours | diff - got
	"$inventory" - <exported.json | sort -u | diff got -
	"$inventory" - <e.ini | diff ours -
	run --separate-stderr -2 "$inventory" - <<<'{"a": {}, x'
	[ "$stderr" = '-:1: near byte 12: not JSON' ]
	run -0 "$inventory" - 'b:!h1' <theirs.json
	[ "$output" = h2 ]
}

@test "files by chance" {
	for seed in 1 2 3 4 5 6; do
		echo "seed $seed"
		python3 "$BATS_FILE_TMPDIR/by_chance.py" $seed random.ini \
			"$inventory"
		as_ansible random.ini
	done
}

@test "what is outside the subset is named by line and word" {
	printf '[a]\nsip[01:10]\n' >bad.ini
	refused 2 '"sip[01:10]": host ranges are not taken'
	printf '[a]\nsip1:22\n' >bad.ini
	refused 2 '"sip1:22": a port goes in ansible_port='
	printf '[a]\nh\n[a:vars]\nfp_tags = [1, 2]\n' >bad.ini
	refused 4 '"fp_tags": templates and Python literals'
	printf 'h fp_sipp=x\n' >bad.ini
	refused 1 '"fp_sipp": no variable of fastpath'
	printf '[web]\nweb x=1\n' >bad.ini
	refused 1 '"web": a host and a group'
}

@test "-N is Ansible's --limit" {
	cat >limit.ini <<'EOF'
ctl1
[opensips]
sip2
sip1
[freeswitch]
fs1
sip3.example.com
[edge:children]
opensips
[a-b]
fs1
sip2
[nobody]
EOF
	"$ANSIBLE_PYTHON" "$BATS_FILE_TMPDIR/limit.py" limit.ini "$inventory"
	run -0 "$inventory" limit.ini 'sip*' '!sip2'
	[ "$output" = $'sip1\nsip3.example.com' ]
	run --separate-stderr -2 "$inventory" limit.ini sip1,sip9
	[ "$stderr" = '"sip9": matches no node' ]
	[ -z "$output" ]
}
