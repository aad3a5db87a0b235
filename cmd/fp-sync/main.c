/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync: one policy on every node. */
#include "common.h"
#include "sync.h"

static const struct fp_opt opts[] = {
	{ "url", 0, "URL", "consume publish",
	  "the broker, without a password (default amqp://localhost)" },
	{ "url-file", 0, "FILE", "consume publish",
	  "holds the broker's URL with its password" },
	{ "ca", 0, "FILE", "consume publish",
	  "certificates to trust for amqps:// (default: the system's)" },
	{ "exchange", 0, "NAME", "consume publish",
	  "fan-out exchange of changes (default fp.bans)" },
	{ "queue", 0, "NAME", "consume",
	  "this node's queue (default fp-sync.HOSTNAME)" },
	{ "bind", 0, "EXCHANGE=KEY,...", "consume",
	  "further exchanges to hear: amq.topic=fp.pike" },
	{ "list", 'l', "NAME", "add del consume",
	  "the dynamic list (default bans, of consume: feeds)" },
	{ "ttl", 0, "DUR", "consume",
	  "how long a ban lasts that does not say (default 1h)" },
	{ "max-ttl", 0, "DUR", "consume",
	  "the longest that a ban may last (default 1h, at most 24h)" },
	{ "rate", 0, "N", "consume", "bans a second (default 1000)" },
	{ "max-bans", 0, "N", "consume",
	  "bans of feeds at the same time (default 100000)" },
	{ "allow-del", 0, NULL, "consume", "feeds may lift bans of feeds" },
	{ "lists", 0, "DIR", "push status compare pull rollback",
	  "the lists directory (default /etc/fastpath/lists)" },
	{ "prune", 0, NULL, "push",
	  "take away pushed lists that are not in the directory" },
	{ "adopt", 0, NULL, "push rollback",
	  "take over nodes that another controller changed" },
	{ "max-change", 0, "PERCENT", "push rollback",
	  "let nodes drop that much of a list over 100 entries (default 20)" },
	{ "why", 'w', "TEXT", "push rollback add del bypass",
	  "the reason, kept with the change" },
	{ "by", 'b', "WHO", "push rollback add del bypass",
	  "who wants it (default: user@host)" },
	{ "kind", 'k', "KIND", "add del",
	  "of the list: block (default), allow or fence" },
	{ "for", 'f', "DUR", "add bypass",
	  "ends by itself after this long: 1h, 7d" },
	{ "until", 'u', "TIME", "add",
	  "ends by itself then: 2026-01-02T03:04:05Z" },
	{ "max", 0, "N", "compare",
	  "differences shown of a list (default 1000)" },
	{ "repair", 0, NULL, "status", "push to nodes what they lack" },
	{ "parallel", 0, "N",
	  "push status add del compare why pull rollback bypass confirm",
	  "connections at once (default 64)" },
	{ "ssh-command", 0, "WORDS",
	  "push status add del compare why pull rollback bypass confirm",
	  "connect by this program, as ssh takes its words" },
	{ "no-ssh-config", 0, NULL,
	  "push status add del compare why pull rollback bypass confirm",
	  "do not ask ssh -G for settings" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "push", "[NAME...]", "make nodes' pushed lists equal to ours",
	  fs_push },
	{ "status", "", "one record a node: is it there, and in step?",
	  fs_status },
	{ "add", "PREFIX...|-", "put prefixes on a dynamic list everywhere",
	  fs_add },
	{ "del", "PREFIX...|-", "lift them everywhere", fs_del },
	{ "compare", "[NODE...]", "one record a difference of pushed lists",
	  fs_compare },
	{ "why", "ADDR", "what each node's lists and kernel say of it",
	  fs_why },
	{ "receive", "", "the node's end: requests on stdin, answers on stdout",
	  fs_receive },
	{ "consume", "", "follow the broker: what feeds say is banned here",
	  fs_consume },
	{ "publish", "[-]", "changes from stdin to the broker, confirmed",
	  fs_publish },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-sync",
	.summary = "one policy on every node",
	.verbs = verbs,
	.opts = opts,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
