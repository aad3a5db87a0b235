#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# examples/ansible against three nodes with a real sshd: what changes, changes
# once; what --check says comes true; what is refused says why.
# shellcheck disable=SC2154 # bats' own variables

bats_require_minimum_version 1.5.0

setup_file() {
	[ -n "${FP_TEST_BPFFS-}" ] && [ "$(id -u)" = 0 ] ||
		skip 'needs root and test/run'
	command -v ansible-playbook >/dev/null || skip 'no ansible-playbook'
	for tool in fp-block fp-load fp-sync; do
		[ -x "$FP_BUILD/$tool" ] || skip "$tool is not built"
	done
	source test/lab/cluster.sh
	cluster_up 3
	export EXAMPLES=$PWD/examples/ansible
	write_inventory
	write_playbooks
}

setup() {
	[ -n "${LAB_DIR-}" ] || skip 'there is no lab'
	source test/lab/cluster.sh
	cd "$LAB_DIR/controller/play" || return
}

teardown_file() {
	[ -n "${LAB_DIR-}" ] || return 0
	source test/lab/cluster.sh
	cluster_down
}

# The cluster file with the controller in it, what the roles are told, and an
# Ansible that writes nothing outside of the lab.
write_inventory() {
	local play=$LAB_DIR/controller/play

	mkdir -p "$play/group_vars" "$play/tmp" "$LAB_DIR/build"
	cp "$FP_BUILD"/fp-{block,load,sync} "$LAB_DIR/build"
	{
		cat "$LAB_DIR/cluster.ini"
		printf '\n[controllers]\n%s\n' \
			'ctl1 ansible_host=10.77.1.1 ansible_connection=local'
	} >"$play/cluster.ini"
	ssh-keygen -q -t ed25519 -N '' -C ctl2 -f "$play/id_new"
	cat >"$play/group_vars/all.yml" <<-END
	fastpath_build_dir: $LAB_DIR/build
	fastpath_has_systemd: false
	fastpath_sbin_dir: $LAB_DIR/{{ inventory_hostname }}/sbin
	fastpath_etc_dir: $LAB_DIR/{{ inventory_hostname }}/fastpath
	fastpath_state_dir: $LAB_DIR/{{ inventory_hostname }}/state
	fastpath_pin_dir: $LAB_DIR/{{ inventory_hostname }}/bpf
	fastpath_authorized_keys: $LAB_DIR/{{ inventory_hostname }}/authorized_keys
	fastpath_block: "{{ fastpath_sbin_dir }}/fp-block"
	fastpath_controller_keys: ["$(<"$play/id_new.pub")"]
	fastpath_lists:
	  - name: carriers
	    kind: allow
	    content: [198.51.100.0/24 why="our carrier"]
	fastpath_pushed_lists:
	  - name: apiban
	    content: |
	      203.0.113.66 why=apiban
	  - name: peers
	    kind: allow
	    content: [192.0.2.200]
	END
	cat >"$play/ansible.cfg" <<-END
	[defaults]
	inventory = $play/cluster.ini
	collections_path = $EXAMPLES/collections
	local_tmp = $play/tmp
	remote_tmp = $play/tmp/remote
	home = $play/home
	host_key_checking = true
	private_key_file = $LAB_DIR/id_admin
	interpreter_python = /usr/bin/python3
	forks = 3
	remote_user = root
	retry_files_enabled = false
	localhost_warning = false
	[ssh_connection]
	pipelining = true
	transfer_method = piped
	control_path_dir = $play/cp
	ssh_args = -o ControlMaster=auto -o ControlPersist=60s -o IdentitiesOnly=yes
	END
	cp "$EXAMPLES"/*.yml "$play/"
}

# ansible COMMAND...: by the controller, in its directory
ansible() {
	cluster_in controller env ANSIBLE_NOCOLOR=1 ANSIBLE_NOCOWS=1 \
		PYTHONDONTWRITEBYTECODE=1 ANSIBLE_CONFIG="$PWD/ansible.cfg" "$@"
}

# play [-s STATUS] FILE [OPTION]...: run it from the controller; its results are in $output.
play() {
	local want=0

	[ "$1" != -s ] || { want=$2; shift 2; }
	run ansible ansible-playbook "$@"
	[ "$status" = "$want" ] || {
		echo "$output"
		return 1
	}
}

# changes: how many, of each host; diffs: the lines that --diff showed of sip1
changes() { sed -nE 's/^(sip.|ctl1) .*(changed=[0-9]+).*/\1 \2/p' <<<"$output"; }
diffs() {
	awk '/^(ok|changed|skipping|included|fatal): / { is_ours = /\[sip1\]/
			if (is_ours) printf "%s", text
			text = "" }
		/^[-+][^-+]/ { text = text $0 "\n" }' <<<"$output"
}

until_of() {
	cluster_in "$1" fp-block list --json |
		jq -r --arg prefix "$2" 'select(.prefix == $prefix).until'
}

# recap COUNT=N...: of every node, or of $nodes
recap() {
	local node want

	for node in ${nodes-sip1 sip2 sip3}; do
		for want; do
			grep -qE "^$node +:.*[ =]$want( |$)" <<<"$output" ||
				{ echo "$node: not $want: $output"; return 1; }
		done
	done
}

in_output() {
	grep -qF -- "$1" <<<"$output" || { echo "no $1 in: $output"; return 1; }
}

# entries NODE LIST: its prefixes
entries() {
	local text

	text=$(cluster_in "$1" fp-block list "$2") || return
	cut -d ' ' -f 1 <<<"$text" | xargs
}

# all that nodes have
state() {
	(cd "$LAB_DIR" && find sip*/state sip*/sbin sip*/fastpath \
		sip*/authorized_keys ctl1 -type f \
		-exec sha256sum {} + 2>/dev/null | sort -k 2)
}

# One playbook whose tasks are chosen by tags, since each run takes seconds; where
# one node shows it, it is run on one.
write_playbooks() {
	local play=$LAB_DIR/controller/play i

	for i in {1..200}; do echo "198.18.0.$i"; done >"$play/200.txt"
	head -n 100 "$play/200.txt" >"$play/100.txt"
	printf '198.18.0.1\n198.18.0.2 until=soon\n' >"$play/bad.txt"
	cat >"$play/modules.yml" <<-'END'
	- hosts: edge
	  gather_facts: false
	  module_defaults:
	    fastpath.fastpath.fp_list: &where
	      executable: "{{ fastpath_block }}"
	      cluster: "{{ fastpath_etc_dir }}/cluster.ini"
	      state_dir: "{{ fastpath_state_dir }}"
	      pin_dir: "{{ fastpath_pin_dir }}"
	    fastpath.fastpath.fp_block: *where
	  tasks:
	    - tags: list
	      fastpath.fastpath.fp_list:
	        name: feed
	        content: |
	          # a comment
	          203.0.113.9   why="toll fraud"   # why "not
	          2001:DB8:9::1
	          203.0.113.8 until=2099-01-01T02:00:00+02:00
	          203.0.113.7 until=2001-01-01T00:00:00Z
	        why: test
	    - tags: ban
	      fastpath.fastpath.fp_block:
	        prefixes: [203.0.113.20, "2001:db8:9:0::20"]
	        for: "{{ duration | default('1h') }}"
	        extend: "{{ extend | default(false) }}"
	        why: "{{ reason | default('scan') }}"
	        by: test
	    - tags: lift
	      fastpath.fastpath.fp_block:
	        prefixes: [203.0.113.20, 203.0.113.9]
	        state: absent
	    - tags: lift
	      fastpath.fastpath.fp_block:
	        prefixes: [203.0.113.20]
	        list: nowhere
	        state: absent
	    - tags: unload
	      fastpath.fastpath.fp_list: {name: feed, state: absent}
	    - tags: refused
	      ignore_errors: true
	      fastpath.fastpath.fp_list:
	        name: wrong
	        content: "{{ item.content | default(omit) }}"
	        src: "{{ item.src | default(omit) }}"
	        overrides: "{{ item.overrides | default([]) }}"
	      loop:
	        - {content: [203.0.113.1, x]}
	        - {src: "{{ playbook_dir }}/bad.txt"}
	        - {src: "{{ playbook_dir }}/gone.txt"}
	        - {content: 10.77.1.1, overrides: [wide]}
	        - {content: 0.0.0.0/1}
	    - tags: big
	      fastpath.fastpath.fp_list:
	        name: big
	        src: "{{ playbook_dir }}/{{ file }}"
	        max_change: "{{ percent | default(omit) }}"
	    - tags: busy
	      fastpath.fastpath.fp_list:
	        {name: feed, content: 203.0.113.1, timeout: 100ms}
	END
}

@test "modules compile, document themselves; examples have the right syntax" {
	collection=$EXAMPLES/collections/ansible_collections/fastpath/fastpath
	mapfile -t files < <(find "$collection" -name '*.py')
	[ ${#files[@]} = 4 ]
	for file in "${files[@]}"; do
		python3 -c 'import sys; compile(open(sys.argv[1]).read(), *sys.argv[1:], "exec")' \
			"$file"
	done
	run -0 ansible ansible-doc fastpath.fastpath.fp_{list,block}
	[ "$(grep -c EXAMPLES: <<<"$output")" = 2 ]
	[ "$(grep -c '^- pin_dir' <<<"$output")" = 2 ]
	play --syntax-check block.yml rolling-upgrade.yml site.yml
}

@test "every option of a module is documented, and the other way round" {
	cat >options.py <<-'END'
	import ast, sys
	for path in sys.argv[1:]:
	    for node in ast.walk(ast.parse(open(path).read())):
	        if isinstance(node, ast.keyword) and node.arg:
	            pairs = [(node.arg, node.value)]
	        elif isinstance(node, ast.Dict):
	            pairs = [(k.value, v) for k, v in zip(node.keys, node.values)]
	        else:
	            continue
	        for name, value in pairs:
	            if isinstance(value, ast.Call) and any(
	                    word.arg == 'type' for word in value.keywords):
	                print(name)
	END
	plugins=$EXAMPLES/collections/ansible_collections/fastpath/fastpath/plugins
	ansible ansible-doc -j fastpath.fastpath.fp_{list,block} >doc.json
	for module in fp_list fp_block; do
		jq -r ".[\"fastpath.fastpath.$module\"].doc.options | keys[]" \
			doc.json | sort >documented
		python3 options.py "$plugins/module_utils/tool.py" \
			"$plugins/modules/$module.py" | sort >taken
		diff documented taken
	done
}

@test "site.yml --check says what would change, and changes nothing" {
	state >before
	play site.yml --check --diff
	changes >predicted
	in_output 'is not installed here yet'
	in_output '+sip2 ansible_host=10.77.0.2'
	state | diff before -
	[ ! -e "$LAB_DIR/sip1/sbin" ]
}

@test "site.yml: what was said; saved, and not in force yet" {
	play site.yml
	changes | diff predicted -
	recap failed=0
	in_output 'NOT in force'
	for host in sip1 sip2 sip3 ctl1; do
		cmp "$LAB_DIR/build/fp-load" "$LAB_DIR/$host/sbin/fp-load"
		cmp cluster.ini "$LAB_DIR/$host/fastpath/cluster.ini"
	done
	[ "$(entries sip2 carriers)" = 198.51.100.0/24 ]
	in_file='203.0.113.66 why=apiban'
	[ "$(cat "$LAB_DIR/ctl1/fastpath/lists/apiban.list")" = "$in_file" ]
	[ "$(cat "$LAB_DIR/ctl1/fastpath/lists/peers.list")" = \
		$'#fastpath-list 1 kind=allow\n192.0.2.200' ]
}

@test "site.yml again: nothing changes" {
	state >before
	play site.yml
	recap changed=0 failed=0
	run ! grep '^changed:' <<<"$output"
	state | diff before -
}

@test "the key that was let in runs fp-sync receive, and nothing else" {
	for node in sip1 sip3; do
		run cluster_in controller ssh -i id_new -o IdentitiesOnly=yes \
			"$node" 'echo a shell' </dev/null
		run ! grep 'a shell' <<<"$output"
		line=$(grep ctl2 "$LAB_DIR/$node/authorized_keys")
		[[ $line == "restrict,command=\"$LAB_DIR/$node/sbin/fp-sync receive\" ssh-ed25519 "* ]]
	done
}

@test "fp_list: check predicts, diff shows, the second run changes nothing" {
	for node in sip1 sip2 sip3; do
		cluster_in "$node" fp-load attach net1 --quiet >/dev/null
	done
	state >before
	play modules.yml --tags list --check --diff
	recap changed=1
	in_output '+203.0.113.8 until=2099-01-01T00:00:00Z'
	in_output '+203.0.113.9 why="toll fraud"'
	in_output '+2001:db8:9::1'
	diffs >predicted
	run ! grep -F +203.0.113.7 predicted
	state | diff before -
	play modules.yml --tags list --diff
	recap changed=1
	diffs | diff predicted -
	run ! grep 'NOT in force' <<<"$output"
	[ "$(entries sip3 feed)" = '203.0.113.8 203.0.113.9 2001:db8:9::1' ]
	cluster_in sip3 fp-block test 203.0.113.9 >/dev/null
	state >before
	play modules.yml --tags list --diff
	recap changed=0
	state | diff before -
}

@test "fp_block: check predicts, diff shows; a live ban keeps its end" {
	nodes=sip1
	state >before
	play modules.yml --limit sip1 --tags ban --check --diff
	recap changed=1
	in_output '+2001:db8:9::20 until='
	diffs | cut -d ' ' -f 1 >predicted
	state | diff before -
	play modules.yml --limit sip1 --tags ban --diff
	recap changed=1
	diffs | cut -d ' ' -f 1 | diff predicted -
	cluster_in sip1 fp-block test 203.0.113.20 2001:db8:9::20 >/dev/null
	state >before
	play modules.yml --limit sip1 --tags ban -e duration=7d
	recap changed=0
	state | diff before -
	until=$(until_of sip1 203.0.113.20)
	play modules.yml --limit sip1 --tags ban -e duration=7d -e reason=fraud
	recap changed=1
	[ "$(until_of sip1 203.0.113.20)" = "$until" ]
	play modules.yml --limit sip1 --tags ban -e duration=7d -e reason=fraud -e extend=yes
	recap changed=1
	[[ $(until_of sip1 203.0.113.20) > $until ]]
}

@test "fp_block: lifted from all lists, once" {
	nodes=sip1
	state >before
	play modules.yml --limit sip1 --tags lift --check --diff
	recap changed=1
	in_output '-203.0.113.20 until='
	in_output '-203.0.113.9 why="toll fraud"'
	diffs >predicted
	state | diff before -
	play modules.yml --limit sip1 --tags lift --diff
	recap changed=1
	diffs | diff predicted -
	[ "$(entries sip1 feed)" = '203.0.113.8 2001:db8:9::1' ]
	[ "$(entries sip1 local)" = 2001:db8:9::20 ]
	play modules.yml --limit sip1 --tags lift
	recap changed=0
}

@test "what is bad or refused fails: with file and line, or by its rule" {
	nodes=sip1
	state >before
	play modules.yml --limit sip1 --tags refused
	recap ignored=1 changed=0
	in_output '"msg": "content:2: \"x\" is not'
	in_output "$PWD/bad.txt:2: "
	in_output "there is no file $PWD/gone.txt"
	in_output 'refused by rule ssh: 10.77.1.1 is connected'
	in_output '"rule": "ssh"'
	in_output '"rule": "wide"'
	in_output '"status": 5'
	state | diff before -
}

@test "max_change and a busy node; a list goes once" {
	nodes=sip1
	play modules.yml --limit sip1 --tags big -e file=200.txt
	recap changed=1
	play -s 2 modules.yml --limit sip1 --tags big -e file=100.txt
	recap changed=0 failed=1
	in_output '"rule": "max-change"'
	play modules.yml --limit sip1 --tags big -e file=100.txt -e percent=50
	recap changed=1
	cluster_start busy sip1 flock --no-fork "$LAB_DIR/sip1/state/lists" sleep 60
	play -s 2 modules.yml --limit sip1 --tags busy
	in_output '"status": 4'
	in_output 'try again'
	cluster_stop busy
	play modules.yml --limit sip1 --tags unload --diff
	recap changed=1
	in_output '-203.0.113.8 until='
	run -2 entries sip1 feed
	play modules.yml --limit sip1 --tags unload
	recap changed=0
}

@test "block.yml bans on every node, and lifts" {
	play block.yml -e prefixes=203.0.113.30,203.0.113.31 -e why=scan \
		-e duration=1h
	recap changed=1
	cluster_in sip3 fp-block test 203.0.113.31 >/dev/null
	play block.yml -e prefixes=203.0.113.30,203.0.113.31 -e state=absent
	recap changed=1
	run -1 cluster_in sip3 fp-block test 203.0.113.31
}

@test "rolling-upgrade.yml goes from node to node, and stops at a sick one" {
	new=()
	if [ -x "${FP_OTHER_LAYOUT:-none}/fp-load" ]; then
		new=(-e "fastpath_build_dir=$FP_OTHER_LAYOUT"
			-e '{"fastpath_tools": ["fp-block", "fp-load"]}')
		play rolling-upgrade.yml "${new[@]}"
		recap changed=2 failed=0
		cluster_in sip3 "$LAB_DIR/sip3/sbin/fp-block" verify --quiet
	fi
	cluster_in sip2 "$LAB_DIR/sip2/sbin/fp-load" detach --all --quiet \
		>/dev/null
	play -s 2 rolling-upgrade.yml "${new[@]}"
	grep -qE '^sip1 .*changed=0 .*failed=0' <<<"$output"
	grep -qE '^sip2 .*changed=0 .*failed=1' <<<"$output"
	run ! grep -E '^sip3' <<<"$output"
}
