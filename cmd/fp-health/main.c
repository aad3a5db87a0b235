/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health: a true view of health, and routing that follows it. */
#include "health.h"

#define ASK "status check watch"

static const struct fp_opt opts[] = {
	{ "only", 0, "CHECK,...", ASK,
	  "these checks alone: sip,esl,tags (default all)" },
	{ "fail-at", 0, "STATE", "check",
	  "exit 0 below this state: warning (default) or critical" },
	{ "format", 0, "FORMAT", "check steer",
	  "check: text, json, nagios, prometheus; steer: apply, nsupdate, haproxy" },
	{ "warning", 0, "THRESHOLD,...", ASK,
	  "WARNING outside of [CHECK.]FIGURE=RANGE: esl.sessions=800" },
	{ "critical", 0, "THRESHOLD,...", ASK,
	  "CRITICAL outside of [CHECK.]FIGURE=RANGE" },
	{ "sip-fail", 0, "CODE,...", ASK,
	  "answers to OPTIONS that are failures (default 408,409,5xx,6xx)" },
	{ "rise", 0, "N", "check watch",
	  "readings in a row until it is better (check: 1, watch: 2)" },
	{ "fall", 0, "N", "check watch",
	  "readings in a row until it is worse (check: 1, watch: 2)" },
	{ "interval", 0, "DUR", "watch", "between two readings (default 1s)" },
	{ "on-change", 0, "COMMAND", "watch",
	  "run by /bin/sh -c for each transition, the record on its stdin" },
	{ "observers", 0, "NODE,...", "watch",
	  "controllers that watch too; CRITICAL is what most of us say" },
	{ "observe-command", 0, "COMMAND", "watch",
	  "run there (default \"fp-health watch --json\")" },
	{ "lists", 0, "DIR", ASK,
	  "the lists directory (default /etc/fastpath/lists)" },
	{ "parallel", 0, "N", ASK " weights peers",
	  "servers asked at once (default 1024; over SSH 64)" },
	{ "ssh-command", 0, "WORDS", ASK,
	  "connect by this program, as ssh takes its words" },
	{ "no-ssh-config", 0, NULL, ASK, "do not ask ssh -G for settings" },
	{ "on", 0, "CHECK,...", "steer",
	  "checks that routing follows (default sip,esl,ng,mi,taking)" },
	{ "max-down", 0, "PERCENT", "steer",
	  "of a set may be out through us (default 50)" },
	{ "lease", 0, "DUR", "steer",
	  "what we disabled is anyone's after this long (default 60s)" },
	{ "settle", 0, "DUR", "steer",
	  "how long late probe replies may undo us (default 31s)" },
	{ "zone", 0, "NAME", "steer", "nsupdate: the zone" },
	{ "name", 0, "NAME", "steer", "nsupdate: the name of the records" },
	{ "ttl", 0, "SECONDS", "steer", "nsupdate: their TTL (default 30)" },
	{ "backend", 0, "NAME", "steer", "haproxy: the backend" },
	{ "apply", 0, NULL, "weights", "set them, not only print them" },
	{ "max-weight", 0, "N", "weights",
	  "of a FreeSWITCH that is idle (default 100)" },
	{ "resource", 0, "NAME", "weights",
	  "of load_balancer (default: its first)" },
	{ "no-resolve", 0, NULL, "peers", "leave out host names" },
	{ "for", 'f', "DUR", "maintain",
	  "ends by itself after this long: 2h, 1d" },
	{ "until", 'u', "TIME", "maintain",
	  "ends by itself then: 2026-01-02T03:04:05Z" },
	{ "why", 'w', "TEXT", "maintain", "the reason, kept with the mark" },
	{ "by", 'b', "WHO", "maintain", "who wants it (default: user@host)" },
	{ "end", 0, NULL, "maintain", "end it now" },
	{ "role", 0, "NAME", "setup",
	  "of the database: gets what the tools need (default fastpath)" },
	{ "admin", 0, "CONNINFO", "setup",
	  "connect so to make the schema (default: fp_db)" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "status", "[NODE...]",
	  "one screen: nodes, problems, what is going on", fh_status },
	{ "check", "[NODE...]",
	  "one record a node and check; the worst is the exit status",
	  fh_check },
	{ "watch", "[NODE...]", "a record a transition, for ever", fh_watch },
	{ "steer", "[-]", "routing follows the records of watch --json",
	  fh_steer },
	{ "weights", "[NODE...]",
	  "what each FreeSWITCH can carry, by OpenSIPS' formulas", fh_weights },
	{ "peers", "[NODE...]", "addresses that the routing itself trusts",
	  fh_peers },
	{ "maintain", "[NODE...]", "take nodes out for a while", fh_maintain },
	{ "setup", "", "make or migrate the schema in fp_db", fh_setup },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-health",
	.summary = "a true view of health, and routing that follows it",
	.verbs = verbs,
	.opts = opts,
	.fail_exit = FP_UNKNOWN,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
