/* SPDX-License-Identifier: Apache-2.0 */
/* fp-sync: one policy on every node. */
#include "sync.h"

static const struct fp_opt opts[] = {
	{ NULL, 0, NULL, NULL, NULL },
};

static const struct fp_verb verbs[] = {
	{ "receive", "", "the node's end: requests on stdin, answers on stdout",
	  fs_receive },
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
