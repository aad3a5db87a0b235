/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/opt_table.h"

#define HELP_COLUMN 26

const struct fp_opt fp_common_opts[FP_N_COMMON + 1] = {
	[FP_O_CLUSTER] = { "cluster", 'C', "FILE", NULL,
			   "cluster file, an Ansible INI inventory; -: JSON of ansible-inventory" },
	[FP_O_NODE] = { "node", 'N', "NODE", NULL,
			"only this node, group or glob; repeatable" },
	[FP_O_DRY_RUN] = { "dry-run", 'n', NULL, NULL,
			   "show what would be done; exit 1 if anything" },
	[FP_O_JSON] = { "json", 'j', NULL, NULL, "JSON Lines on stdout" },
	[FP_O_FIELDS] = { "fields", 'o', "FIELDS", NULL,
			  "print only these fields, comma-separated" },
	[FP_O_QUIET] = { "quiet", 'q', NULL, NULL, "errors only on stderr" },
	[FP_O_VERBOSE] = { "verbose", 'v', NULL, NULL,
			   "more on stderr; twice: everything" },
	[FP_O_TIMEOUT] = { "timeout", 't', "DUR", NULL,
			   "give up after DUR (10s)" },
	[FP_O_OVERRIDE] = { "override", 0, "RULE", NULL,
			    "lift the refusal of this rule; repeatable" },
	[FP_O_STATE] = { "state", 0, "DIR", NULL,
			 "where lists live (/var/lib/fastpath)" },
	[FP_O_PINS] = { "pins", 0, "DIR", NULL,
			"where kernel tables are pinned (/sys/fs/bpf/fastpath)" },
	[FP_O_HELP] = { "help", 'h', NULL, NULL,
			"this text; after a verb, that verb's" },
	[FP_O_VERSION] = { "version", 'V', NULL, NULL, "print the version" },
};

bool fp_opt_is_for(const struct fp_opt *opt, const char *verb)
{
	const char *p = opt->verbs;
	size_t n;

	if (!p || !verb)
		return true;
	for (n = strlen(verb); (p = strstr(p, verb)); p += n)
		if ((p == opt->verbs || p[-1] == ' ') && (!p[n] || p[n] == ' '))
			return true;
	return false;
}

static void print_row(FILE *f, const char *left, const char *help)
{
	if (strlen(left) > HELP_COLUMN)
		fprintf(f, "  %s\n  %*s  %s\n", left, HELP_COLUMN, "", help);
	else
		fprintf(f, "  %-*s  %s\n", HELP_COLUMN, left, help);
}

static void print_opts(FILE *f, const struct fp_opt *opts, const char *verb)
{
	for (const struct fp_opt *o = opts; o && o->name; o++) {
		char left[80], letter[8] = "    ";

		if (!fp_opt_is_for(o, verb))
			continue;
		if (o->letter)
			snprintf(letter, sizeof(letter), "-%c, ", o->letter);
		snprintf(left, sizeof(left), "%s--%s%s%s", letter, o->name,
			 o->arg ? " " : "", o->arg ? o->arg : "");
		print_row(f, left, o->help);
	}
}

void fp_help_print(FILE *f, const struct fp_tool *tool,
		   const struct fp_verb *verb)
{
	if (verb) {
		fprintf(f, "usage: %s %s [OPTION]...%s%s\n%s\n", tool->name,
			verb->name, verb->args ? " " : "",
			verb->args ? verb->args : "", verb->help);
	} else {
		fprintf(f,
			"usage: %s VERB [OPTION]... [ARG]...\n%s\n\nverbs:\n",
			tool->name, tool->summary);
		for (const struct fp_verb *v = tool->verbs; v->name; v++) {
			char left[80];

			snprintf(left, sizeof(left), "%s %s", v->name,
				 v->args ? v->args : "");
			print_row(f, left, v->help);
		}
	}
	fputs("\noptions:\n", f);
	print_opts(f, tool->opts, verb ? verb->name : NULL);
	print_opts(f, fp_common_opts, NULL);
	fprintf(f, "\nSee %s(8).\n", tool->name);
}

static const char *dash(const char *s)
{
	return s && *s ? s : "-";
}

static void dump_opt(FILE *f, const struct fp_opt *o, const char *verb)
{
	char letter[2] = { o->letter, 0 };

	fprintf(f, "%s\t--%s\t%s\t%s\t%s\n", dash(verb), o->name, dash(letter),
		dash(o->arg), dash(o->help));
}

void fp_help_dump(FILE *f, const struct fp_tool *tool)
{
	for (const struct fp_verb *v = tool->verbs; v->name; v++)
		fprintf(f, "%s\t-\t-\t%s\t%s\n", v->name, dash(v->args),
			dash(v->help));
	for (const struct fp_opt *o = fp_common_opts; o->name; o++)
		dump_opt(f, o, NULL);
	for (const struct fp_opt *o = tool->opts; o && o->name; o++) {
		if (!o->verbs)
			dump_opt(f, o, NULL);
		for (const struct fp_verb *v = tool->verbs; v->name; v++)
			if (o->verbs && fp_opt_is_for(o, v->name))
				dump_opt(f, o, v->name);
	}
}
