/* SPDX-License-Identifier: Apache-2.0 */
/* fp-block: the block, allow and fence lists of this node. */
#include "block.h"

static const struct fp_opt opts[] = {
	{ "list", 'l', "NAME", "add del", "the list to change" },
	{ "kind", 'k', "KIND", "add del load",
	  "block (default), allow or fence" },
	{ "owner", 0, "OWNER", "add load",
	  "of a new list: local (default) or dynamic" },
	{ "for", 'f', "DUR", "add", "ends by itself after this long: 1h, 7d" },
	{ "until", 'u', "TIME", "add",
	  "ends by itself then: 2026-01-02T03:04:05Z" },
	{ "why", 'w', "TEXT", "add del load unload",
	  "the reason, kept with the entry and in syslog" },
	{ "by", 'b', "WHO", "add", "who wants it (default: SUDO_USER)" },
	{ "run", 0, "ID", "add", "of a fence: the run it fences" },
	{ "skip-bad", 0, NULL, "load",
	  "leave out lines that are bad or refused, and count them" },
	{ "max-change", 0, "PERCENT", "load",
	  "refuse to drop more of a list over 100 entries (default 20)" },
	{ "repair", 0, NULL, "verify", "compile anew when the tables differ" },
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "add", "PREFIX...|-", "put prefixes on a list", fb_add },
	{ "del", "PREFIX...|-", "take prefixes off the lists", fb_del },
	{ "load", "NAME FILE|-", "make a list equal to a file", fb_load },
	{ "unload", "NAME", "remove a list", fb_unload },
	{ "list", "[NAME]", "print entries, as load takes them", fb_list },
	{ "lists", "", "print the lists", fb_lists },
	{ "test", "ADDR...", "ask the kernel: is it blocked?", fb_test },
	{ "why", "ADDR...", "which entries decide, and what the kernel does",
	  fb_why },
	{ "sweep", "", "remove what has expired, tidy up", fb_sweep },
	{ "verify", "", "prove that the tables equal the lists", fb_verify },
	{ "digest", "", "the policy digest of the pushed lists", fb_digest },
	{ NULL, NULL, NULL, NULL },
};

static const struct fp_tool tool = {
	.name = "fp-block",
	.summary = "block, allow and fence lists of the SIP filter",
	.verbs = verbs,
	.opts = opts,
};

int main(int argc, char **argv)
{
	return fp_cli_main(&tool, argc, argv);
}
