# SPDX-License-Identifier: Apache-2.0
# awk -v bench=NAME -v json=FILE -f report.awk GOALS FIGURES: a table to stdout,
# a JSON line a row to FILE.  datapath.goals says what a row is.
BEGIN {
	head = sprintf("%-50s %10s %10s %10s %8s %9s  %s", "what", "ours",
		       "peer", "floor", "ratio", "goal", "met")
}

# The middle one of list[1..n].
function median(list, n,    i, j, v)
{
	for (i = 2; i <= n; i++) {
		v = list[i]
		for (j = i - 1; j >= 1 && list[j] > v; j--)
			list[j + 1] = list[j]
		list[j + 1] = v
	}
	return n % 2 ? list[(n + 1) / 2] : (list[n / 2] + list[n / 2 + 1]) / 2
}

function trim(s)
{
	gsub(/^[ \t]+|[ \t]+$/, "", s)
	return s
}

# A figure's median; "" when it was not measured.
function middle(name,    r, n, list)
{
	for (r = 0; r < rounds[name]; r++)
		list[++n] = value[name, r]
	return n ? median(list, n) : ""
}

# The median over rounds of what a row compares.
function ratio_of(ours, peer, floor,    r, n, list, zero)
{
	for (r = 0; r < rounds[ours]; r++) {
		if (peer == "-") {
			list[++n] = value[ours, r]
			continue
		}
		zero = floor ~ /^[-=]/ ? 0 : value[floor, r]
		if (!((peer, r) in value) || value[peer, r] == zero)
			continue
		list[++n] = (value[ours, r] - zero) / (value[peer, r] - zero)
	}
	return n ? median(list, n) : ""
}

# The figure that a pattern stands for, ours or the peer's: of several the one
# that brings the ratio furthest from the goal.
function worst(pattern, other, is_peer, floor, goal,    re, name, x, best, found)
{
	if (pattern !~ /\*/)
		return pattern
	re = pattern
	gsub(/[.+]/, "[&]", re)
	gsub(/\*/, ".*", re)
	for (name in rounds) {
		if (name !~ "^" re "$")
			continue
		x = is_peer ? ratio_of(other, name, floor) : \
			ratio_of(name, other, floor)
		if (found == "" || (goal ~ /^>/ ? x < best : x > best)) {
			found = name
			best = x
		}
	}
	return found == "" ? pattern : found
}

function found_as(pattern, name)
{
	return name == pattern ? "" : \
		" (" substr(name, index(name, "/") + 1) ")"
}

function is_met(ratio, goal,    part)
{
	split(goal, part, " ")
	return part[1] == "<=" ? ratio <= part[2] + 0 : ratio >= part[2] + 0
}

function number(x)
{
	if (x == "")
		return "-"
	return sprintf(x >= 100 ? "%.0f" : x >= 10 ? "%.1f" : "%.3g", x)
}

function json_number(x)
{
	return x == "" ? "null" : sprintf("%.6g", x)
}

function row(name, unit, ours, peer, floor, goal,    ratio, met, beside)
{
	pattern = ours
	ours = worst(ours, peer, 0, floor, goal)
	if (!rounds[ours])
		return
	name = name found_as(pattern, ours)
	pattern = peer
	peer = worst(peer, ours, 1, floor, goal)
	name = name found_as(pattern, peer)
	ratio = ratio_of(ours, peer, floor)
	beside = floor
	sub(/^=/, "", beside)
	met = goal == "-" ? "" : \
		ratio != "" && is_met(ratio, goal) ? "yes" : "NO"
	n_goals += goal != "-"
	n_met += met == "yes"
	printf "%-50s %7s %-2s %10s %10s %8s %9s  %s\n", name,
		number(middle(ours)), unit, number(middle(peer)),
		number(middle(beside)), peer == "-" ? "" : number(ratio),
		goal == "-" ? "" : goal, met
	printf "{\"bench\":\"%s\",\"name\":\"%s\",\"ratio\":%s,\"goal\":%s," \
		"\"met\":%s,\"ours\":%s,\"peer\":%s,\"floor\":%s," \
		"\"unit\":\"%s\"}\n", bench, name, json_number(ratio),
		goal == "-" ? "null" : "\"" goal "\"",
		met == "" ? "null" : met == "yes" ? "true" : "false",
		json_number(middle(ours)), json_number(middle(peer)),
		json_number(middle(beside)), unit >> json
}

# The first file is read last, once the figures are there.
NR == FNR {
	if (!/^#/ && NF)
		goal_line[++n_lines] = $0
	next
}

{
	value[$1, $2] = $3
	if ($2 + 1 > rounds[$1])
		rounds[$1] = $2 + 1
}

END {
	print head
	for (i = 1; i <= n_lines; i++) {
		n = split(goal_line[i], field, "|")
		if (n != 6) {
			print "bad row: " goal_line[i] > "/dev/stderr"
			exit 2
		}
		for (j = 1; j <= n; j++)
			field[j] = trim(field[j])
		row(field[1], field[2], field[3], field[4], field[5], field[6])
	}
	printf "%d of %d goals met\n", n_met, n_goals
}
