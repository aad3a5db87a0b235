/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync: one policy on every node. */
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
	{ "list", 'l', "NAME", "consume",
	  "dynamic block list that takes the bans (default feeds)" },
	{ "ttl", 0, "DUR", "consume",
	  "how long a ban lasts that does not say (default 1h)" },
	{ "max-ttl", 0, "DUR", "consume",
	  "the longest that a ban may last (default 1h, at most 24h)" },
	{ "rate", 0, "N", "consume", "bans a second (default 1000)" },
	{ "max-bans", 0, "N", "consume",
	  "bans of feeds at the same time (default 100000)" },
	{ "allow-del", 0, NULL, "consume", "feeds may lift bans of feeds" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
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
