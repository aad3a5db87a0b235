# SPDX-License-Identifier: Apache-2.0
# bash completion for all fastpath tools.  What a tool takes is asked of the tool
# itself (--dump-options: verb, option, letter, arg, help), so this never goes
# stale.

# Those of WORDS that the word under the cursor begins.
_fastpath_offer() { # WORDS
	mapfile -t COMPREPLY < <(compgen -W "$1" -- "$cur")
}

# The words of one metavariable, or of a verb's operands, into COMPREPLY.
_fastpath_values() { # TOOL META
	case $2 in
	*FILE* | *CAPTURE*) _filedir ;;
	*DIR*) _filedir -d ;;
	*IF*) _fastpath_offer "$(ls /sys/class/net)" ;;
	*NAME*) _fastpath_offer "$("$1" lists -o name 2>/dev/null)" ;;
	esac
}

_fastpath() {
	local cur prev words cword tool table verb='' meta i
	_init_completion -n = || return

	tool=${words[0]}
	table=$("$tool" --dump-options 2>/dev/null) || return
	# The verb is the first word that is neither option nor option's value.
	for ((i = 1; i < cword; i++)); do
		case ${words[i]} in
		-?*)
			meta=$(_fastpath_meta "${words[i]}")
			[ -z "$meta" ] || ((i++))
			;;
		*)
			verb=${words[i]}
			break
			;;
		esac
	done
	case $prev in
	-?*) meta=$(_fastpath_meta "$prev") ;;
	*) meta= ;;
	esac
	if [ -n "$meta" ]; then
		_fastpath_values "$tool" "$meta"
	elif [[ $cur == -* ]]; then
		_fastpath_offer "$(awk -F'\t' -v verb="$verb" '
			$2 != "-" && ($1 == "-" || verb == "" || $1 == verb) {
				print $2 }' <<<"$table")"
	elif [ -z "$verb" ]; then
		_fastpath_offer "$(awk -F'\t' '
			$2 == "-" { print $1 }' <<<"$table")"
	else
		_fastpath_values "$tool" "$(awk -F'\t' -v verb="$verb" '
			$2 == "-" && $1 == verb { print $4 }' <<<"$table")"
	fi
}

# What the option WORD wants as its value; nothing for a flag, for --a=b, or for
# what is no option.  table is the caller's.
_fastpath_meta() { # WORD
	awk -F'\t' -v word="$1" '
		$3 == "-" { $3 = "" }
		$2 != "-" && $4 != "-" && (word == $2 || word == "-" $3) {
			print $4
			exit
		}' <<<"$table"
}

complete -F _fastpath fp-block fp-load fp-sync fp-health fp-rehome fp-recover
