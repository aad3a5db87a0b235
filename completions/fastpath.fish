# SPDX-License-Identifier: Apache-2.0
# fish completion for all fastpath tools.  What a tool takes is asked of the tool
# itself (--dump-options: verb, option, letter, arg, help), so this never goes
# stale.

# The words of one metavariable, or of a verb's operands.
function __fastpath_values --argument-names tool meta
	switch $meta
		case '*FILE*' '*CAPTURE*'
			__fish_complete_path (commandline -ct)
		case '*DIR*'
			__fish_complete_directories (commandline -ct)
		case '*IF*'
			__fish_print_interfaces
		case '*NAME*'
			$tool lists -o name 2>/dev/null
	end
end

function __fastpath
	set -l words (commandline -opc)
	set -l tool $words[1]
	set -l verb ''
	set -l meta ''
	set -l table ($tool --dump-options 2>/dev/null)

	# The verb is the first word that is neither option nor option's value.
	for word in $words[2..]
		if test -n "$meta"
			set meta ''
			continue
		end
		if not string match -q -- '-?*' $word
			test -n "$verb"; or set verb $word
			continue
		end
		for line in $table
			set -l row (string split \t -- $line)
			if test "$row[2]" != - -a "$row[4]" != -
				contains -- $word $row[2] (string replace -- -- '' -$row[3])
				and set meta $row[4]
			end
		end
	end
	if test -n "$meta"
		__fastpath_values $tool $meta
		return
	end
	for line in $table
		set -l row (string split \t -- $line)
		if test "$row[2]" = -
			if test -z "$verb"
				printf '%s\t%s\n' $row[1] $row[5]
			else if test "$row[1]" = "$verb"
				__fastpath_values $tool $row[4]
			end
		else if test "$row[1]" = - -o -z "$verb" -o "$row[1]" = "$verb"
			printf '%s\t%s\n' $row[2] $row[5]
		end
	end
end

for tool in fp-block fp-load fp-sync fp-health fp-rehome fp-recover
	complete -c $tool -f -a '(__fastpath)'
end
