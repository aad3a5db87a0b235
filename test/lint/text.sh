#!/bin/bash
# SPDX-License-Identifier: Apache-2.0
# Every source file names its licence and ends its lines as it should.
cd "$(dirname "$0")/../.." || exit 2
status=0

while read -r f; do
	case $f in
	bpf/*) want=GPL-2.0-only ;;
	*.bpf.c) want='\(GPL-2.0-only\|Apache-2.0\)' ;;
	*) want=Apache-2.0 ;;
	esac
	head -3 "$f" | grep -q "SPDX-License-Identifier: .*$want" ||
		{ echo "$f: no SPDX-License-Identifier: $want"; status=1; }
	grep -nE '[[:space:]]+$' "$f" | sed "s|^|$f:|" | grep . && status=1
done < <(find bpf lib cmd test bench examples completions \( -name '*.[chS]' -o \
	-name '*.sh' -o -name '*.bats' -o -name '*.bash' -o -name '*.fish' \
	-o -path test/run -o -path test/deps \) -print 2>/dev/null)
exit $status
