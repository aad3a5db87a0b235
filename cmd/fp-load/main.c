/* SPDX-License-Identifier: Apache-2.0 */
/* fp-load: the filter on this node's NICs. */
#include "load.h"

static const struct fp_opt opts[] = {
	{ "mode", 'm', "MODE", "attach",
	  "native (default), generic, or auto: generic where native fails" },
	{ "confirm", 0, "DUR", "attach",
	  "stop filtering after DUR unless fp-load confirm follows" },
	{ "stay", 0, NULL, "attach",
	  "stay, and attach again each NIC that goes and comes back" },
	{ "all", 'a', NULL, "detach", "every NIC" },
	{ "every", 'e', "DUR", "stats top", "again and again, with rates" },
	{ "reset", 0, NULL, "stats", "set the counters to zero" },
	{ "format", 0, "FORMAT", "stats", "text, json or prometheus" },
	{ "output", 0, "FILE", "stats",
	  "into FILE, which is there whole or not at all" },
	{ "for", 'f', "DUR", "watch top", "end after DUR" },
	{ "recent", 0, NULL, "watch top",
	  "begin with what was dropped before, as far back as is kept" },
	{ "limit", 0, "N", "top", "so many sources: 20" },
	{ "lists", 0, "DIR", "test", "judge by the lists in DIR" },
	{ "set", 0, "KEY=VALUE,...", "test", "judge as if these were set" },
	{ "since", 0, "WHEN", "test",
	  "only later packets: a time, a duration ago, or set (the last set)" },
	{ "dropped", 0, NULL, "test",
	  "of packets only what is dropped, or would be" },
	{ "summary", 0, NULL, "test", "sources and reasons, no packets" },
	{ "why", 'w', "TEXT", "attach detach confirm set upgrade",
	  "the reason, for syslog" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "attach", "IF...", "filter what arrives on a NIC", fl_attach },
	{ "detach", "IF...|--all", "take the filter off a NIC", fl_detach },
	{ "confirm", "[IF...]", "keep what attach --confirm began",
	  fl_confirm },
	{ "status", "", "where the filter is and what it does", fl_status },
	{ "set", "[KEY=VALUE...]", "change settings, or print them", fl_set },
	{ "stats", "", "packets and bytes by NIC and reason", fl_stats },
	{ "watch", "", "sampled drops as they come", fl_watch },
	{ "top", "", "who is dropped most, from the samples", fl_top },
	{ "upgrade", "", "put this version's program under every NIC",
	  fl_upgrade },
	{ "test", "CAPTURE|-", "what would be dropped of a capture", fl_test },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-load",
	.summary = "attach, set and watch the SIP filter",
	.verbs = verbs,
	.opts = opts,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
