/* SPDX-License-Identifier: Apache-2.0 */
/* fp-recover: a dead FreeSWITCH node's calls come up on other nodes. */
#include "recover.h"

#define MOVES "failover drain take resume"
#define PLANS "preflight list failover drain"
#define FENCES "failover drain take resume fence"

static const struct fp_opt opts[] = {
	{ "to", 0, "NODE[=WEIGHT],...", "preflight failover drain take resume",
	  "the nodes that get the calls; auto: the restarted node, else all that are "
	  "ready" },
	{ "all", 0, NULL, "preflight jobs",
	  "preflight: each node, as if it died now; jobs: ended ones too" },
	{ "run", 0, "UUID,...", "preflight list failover fence unfence",
	  "these runs of the node alone (Core-UUIDs)" },
	{ "from-db", 0, "FILE", "preflight list failover",
	  "rows of a copy of the dead node's core.db (SQLite)" },
	{ "fence", 0, "COMMAND", "preflight " FENCES,
	  "proves a node dead, or makes it so: sh -c, exit status 0" },
	{ "fence-targets", 0, NULL, "failover drain take resume",
	  "ask that command of targets that die, too: it looks at $FP_NODE" },
	{ "fence-timeout", 0, "DUR", FENCES, "for that command (default 30s)" },
	{ "orphans", 0, "WHAT", PLANS " resume",
	  "legs without a partner: bye (default), redial or skip" },
	{ "one-leg", 0, "WHICH", PLANS " resume",
	  "safe (default): those with applications that may run again; all" },
	{ "room", 0, NULL, "take", "of a conference: all members" },
	{ "member", 0, NULL, "take", "of a conference: this member alone" },
	{ "batch", 0, "N", MOVES, "legs recovered at once (default 100)" },
	{ "prove", 0, "DUR", MOVES,
	  "how long far ends may take to answer (default 35s)" },
	{ "wait", 0, "DUR", "failover drain",
	  "drain: for calls that cannot be moved to end; failover: for the node's "
	  "restart" },
	{ "unit", 0, "FILE,...", "preflight",
	  "unit files that start FreeSWITCH, to be looked at too" },
	{ "why", 'w', "TEXT", MOVES " fence unfence",
	  "the reason, kept with the job" },
	{ "by", 'b', "WHO", MOVES " fence unfence",
	  "who wants it (default: user@host)" },
	{ "lists", 0, "DIR", "preflight " MOVES " fence unfence",
	  "the lists directory (default /etc/fastpath/lists)" },
	{ "ssh-command", 0, "WORDS", "preflight " MOVES " fence unfence",
	  "connect by this program, as ssh takes its words" },
	{ "no-ssh-config", 0, NULL, "preflight " MOVES " fence unfence",
	  "do not ask ssh -G for settings" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "preflight", "[NODE]", "what would refuse or lose a call, by name",
	  fv_preflight },
	{ "list", "[NODE...]", "calls that have recovery rows", fv_list },
	{ "failover", "NODE|-",
	  "NODE's run is dead: its calls come up elsewhere", fv_failover },
	{ "drain", "NODE", "NODE is alive: new calls stopped, then its calls",
	  fv_drain },
	{ "take", "UUID", "one live call to another node", fv_take },
	{ "fence", "NODE", "make sure that a run is dead and stays so",
	  fv_fence },
	{ "unfence", "NODE", "take the fence of a new run away", fv_unfence },
	{ "jobs", "[JOB]", "what goes on, or what one did", fv_jobs },
	{ "resume", "JOB", "go on where a job stopped", fv_resume },
	{ "abort", "JOB", "end a job where it is", fv_abort },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-recover",
	.summary = "brings a FreeSWITCH node's calls up on other nodes",
	.verbs = verbs,
	.opts = opts,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
