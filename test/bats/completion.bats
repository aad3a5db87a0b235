#!/usr/bin/env bats
# SPDX-License-Identifier: Apache-2.0
# Completion in each shell, for real, of words that the tool itself names.
bats_require_minimum_version 1.5.0

setup() {
	cd "$BATS_TEST_DIRNAME/../.." || return
	export PATH=$FP_BUILD:$PATH
	[ -x "$FP_BUILD/fp-block" ] || skip "fp-block is not built"
}

# Needs SHELL: skip when it is not installed.
need() {
	command -v "$1" >/dev/null || skip "$1 is not installed"
}

# What bash offers for the command line $1, one word a line.
in_bash() {
	# shellcheck disable=SC2016 # for the inner shell
	bash --norc --noprofile -c '
		. /usr/share/bash-completion/bash_completion
		. completions/fastpath.bash
		COMP_LINE=$1 COMP_POINT=${#1}
		read -ra COMP_WORDS <<<"$1"
		[[ $1 != *" " ]] || COMP_WORDS+=("")
		COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
		_fastpath
		printf "%s\n" "${COMPREPLY[@]}"' bash "$1"
}

in_fish() {
	# shellcheck disable=SC2016 # for the inner shell
	HOME=$BATS_TEST_TMPDIR fish --no-config -c '
		source completions/fastpath.fish
		complete -C $argv[1]' "$1" | cut -f 1
}

# What the command line $1 becomes in an interactive zsh after TAB.
in_zsh() {
	# shellcheck disable=SC2016 # for the inner shell
	HOME=$BATS_TEST_TMPDIR zsh -f -c '
		zmodload zsh/zpty
		zpty z env TERM=dumb zsh -f -i
		zpty -w z "PS1= PS2= RPS1=; stty -echo"
		zpty -w z "fpath=($PWD/completions \$fpath)"
		zpty -w z "autoload -Uz compinit && compinit -u -D"
		zpty -w z "show() { print -r -- \"<<\$BUFFER>>\"; BUFFER=; zle accept-line }"
		zpty -w z "zle -N show; bindkey \"^X\" show; print -r -- rea\"\"dy"
		while zpty -r z line; do [[ $line = *ready* ]] && break; done
		zpty -n -w z "$1"$'"'\t\x18'"'
		while zpty -r z line; do
			[[ $line = *"<<"* ]] && break
		done
		print -r -- ${${line#*<<}%>>*}
		zpty -d z' zsh "$1"
}

offers() { # WORD: it is among the lines of $output
	grep -qxF -e "$1" <<<"$output" ||
		{ echo "no $1 among:"; echo "$output"; return 1; }
}

@test "bash completes verbs" {
	need bash
	run in_bash "fp-block a"
	offers add
	run in_bash "fp-block --dry-run u"
	[ "$output" = unload ]
	run in_bash "fp-block -C /etc/hosts u"
	[ "$output" = unload ]
}

@test "bash completes options, a verb's own only after it" {
	run in_bash "fp-block add --"
	offers --dry-run
	offers --for
	run in_bash "fp-block lists --fo"
	[ -z "$output" ]
	run in_bash "fp-block --fo"
	offers --for
}

@test "bash completes files where a file goes" {
	run in_bash "fp-block -C /etc/host"
	offers /etc/hosts
	run in_bash "fp-block load x /etc/host"
	offers /etc/hosts
}

@test "every option that a tool has is offered by bash" {
	for tool in "$FP_BUILD"/fp-*; do
		[ -x "$tool" ] || continue
		run in_bash "$(basename "$tool") --"
		while read -r option; do
			offers "$option"
		done < <("$tool" --dump-options |
			awk -F'\t' '$2 != "-" { print $2 }' | sort -u)
	done
}

@test "zsh completes verbs, options and files" {
	need zsh
	[ "$(in_zsh "fp-block unl")" = "fp-block unload " ]
	[ "$(in_zsh "fp-block --dr")" = "fp-block --dry-run " ]
	[ "$(in_zsh "fp-block add --fo")" = "fp-block add --for " ]
	[ "$(in_zsh "fp-block lists --fo")" = "fp-block lists --fo" ]
	[ "$(in_zsh "fp-block -C /etc/hostn")" = "fp-block -C /etc/hostname " ]
}

@test "fish completes verbs, options and files" {
	need fish
	run in_fish "fp-block unl"
	[ "$output" = unload ]
	run in_fish "fp-block add --fo"
	offers --for
	run in_fish "fp-block lists --fo"
	run ! offers --for
	run in_fish "fp-block -C /etc/hostn"
	offers /etc/hostname
}
