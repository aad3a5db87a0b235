/* SPDX-License-Identifier: Apache-2.0 */
/* fp-rehome: moves live OpenSIPS dialogs between nodes. */
#include "rehome.h"

#define MOVES "failover drain balance take drain-media activate resume"
#define SELECTS "preflight list failover drain balance drain-media"
#define ASKS "preflight failover drain balance take activate resume"

static const struct fp_opt opts[] = {
	{ "to", 0, "NODE,...",
	  "preflight failover drain take drain-media resume",
	  "the nodes that get the calls; auto: all that are in step" },
	{ "all", 0, NULL, "preflight jobs",
	  "preflight: each node, as if it died now; jobs: ended ones too" },
	{ "config", 0, "FILE", "preflight join activate",
	  "the node's OpenSIPS configuration, for settings that MI does not show" },
	{ "tag", 0, "TAG,...", SELECTS " activate",
	  "these sharing tags alone" },
	{ "calls", 0, "CALLID,...", SELECTS, "these calls alone" },
	{ "from-uri", 0, "PREFIX", SELECTS, "calls whose From URI begins so" },
	{ "to-uri", 0, "PREFIX", SELECTS, "calls whose To URI begins so" },
	{ "media", 0, "ADDRESS", SELECTS, "calls whose media is there" },
	{ "older", 0, "DUR", SELECTS, "calls that are older" },
	{ "younger", 0, "DUR", SELECTS, "calls that are younger" },
	{ "count", 0, "N", SELECTS, "at most so many calls, the oldest first" },
	{ "body", 0, "WHICH", MOVES " preflight",
	  "auto (default), outbound, or inbound where rtpengine anchors media" },
	{ "window", 0, "N", MOVES, "calls under way at once (default 8)" },
	{ "rate", 0, "N", MOVES,
	  "calls begun a second (default 50); max: what memory allows" },
	{ "retries", 0, "N", MOVES, "of calls that answer 491 (default 3)" },
	{ "silent-retries", 0, "N", MOVES,
	  "of calls whose endpoint does not answer (default 0)" },
	{ "call-timeout", 0, "DUR", MOVES,
	  "for OpenSIPS' answer to one call (default 70s)" },
	{ "verify", 0, "HOW", MOVES,
	  "list (default), traffic: OPTIONS to both ends, or none" },
	{ "wait", 0, "DUR", "failover drain join",
	  "for the node's end, for calls to end, to be in step" },
	{ "fence", 0, "COMMAND", "failover resume",
	  "run by sh: exit 0 says that the node is dead" },
	{ "fence-timeout", 0, "DUR", "failover resume",
	  "for that command (default 30s)" },
	{ "sync", 0, NULL, "join", "let it copy the dialogs of another first" },
	{ "why", 'w', "TEXT", MOVES, "the reason, kept with the job" },
	{ "by", 'b', "WHO", MOVES, "who wants it (default: user@host)" },
	{ "lists", 0, "DIR", ASKS,
	  "the lists directory (default /etc/fastpath/lists)" },
	{ "ssh-command", 0, "WORDS", ASKS,
	  "connect by this program, as ssh takes its words" },
	{ "no-ssh-config", 0, NULL, ASKS, "do not ask ssh -G for settings" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "preflight", "[NODE]", "what would refuse or lose a move, by name",
	  fr_preflight },
	{ "list", "[NODE...]", "dialogs", fr_list },
	{ "failover", "NODE", "NODE is dead: its calls go on elsewhere",
	  fr_failover },
	{ "drain", "NODE", "NODE is alive: new calls away, then its calls",
	  fr_drain },
	{ "balance", "[NODE...]", "even out by moving tags", fr_balance },
	{ "take", "CALLID...", "the signalling path of single calls", fr_take },
	{ "drain-media", "RTPENGINE", "its calls are anchored elsewhere",
	  fr_drain_media },
	{ "join", "NODE", "is a new or restarted node in step?", fr_join },
	{ "activate", "NODE", "give a node its tags", fr_activate },
	{ "compare", "NODE NODE", "dialogs that two nodes do not have alike",
	  fr_compare },
	{ "jobs", "[JOB]", "what goes on, or what one did", fr_jobs },
	{ "resume", "JOB", "go on where a job stopped", fr_resume },
	{ "abort", "JOB", "end a job where it is", fr_abort },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-rehome",
	.summary = "moves live OpenSIPS dialogs between nodes",
	.verbs = verbs,
	.opts = opts,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
