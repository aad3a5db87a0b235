/* SPDX-License-Identifier: Apache-2.0 */
#ifndef FP_CLI_OPT_H
#define FP_CLI_OPT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "cli/out.h"

enum fp_exit {
	FP_EXIT_OK = 0,
	FP_EXIT_NO = 1,
	FP_EXIT_FAIL = 2,
	FP_EXIT_PARTIAL = 3,
	FP_EXIT_AGAIN = 4,
	FP_EXIT_REFUSED = 5
};

struct fp_cli;

/* One long option.  verbs: the verbs that take it, space-separated, or NULL for
 * all.  arg: its metavariable, or NULL for a flag. */
struct fp_opt {
	const char *name;
	char letter; /* or 0 */
	const char *arg;
	const char *verbs;
	const char *help;
};

/* run returns an exit status (enum fp_exit). */
struct fp_verb {
	const char *name, *args, *help;
	int (*run)(struct fp_cli *c);
};

/* The static table of a tool.  It feeds the parser, --help, the completions and
 * the test that holds the manual page to it. Both arrays end with a NULL name. */
struct fp_tool {
	const char *name, *summary;
	const struct fp_verb *verbs;
	const struct fp_opt *opts;
	/* of wrong usage and of failures here, in place of FP_EXIT_FAIL (which
	 * is CRITICAL to a monitoring system); 0: FP_EXIT_FAIL */
	int fail_exit;
};

/* What the command line said.  Strings belong to argv. */
struct fp_cli {
	const struct fp_tool *tool;
	const struct fp_verb *verb;
	int argc; /* operands after the verb */
	char **argv;
	/* options every tool has */
	const char *cluster; /* -C, $FP_CLUSTER, or /etc/fastpath/cluster.ini */
	bool is_cluster_named; /* by -C or $FP_CLUSTER: a missing file is an error */
	const char *nodes[64];
	size_t n_nodes;
	const char *overrides[32];
	size_t n_overrides;
	const char *fields;
	bool is_dry_run, is_json, is_quiet;
	int verbose;
	int64_t timeout_ms; /* -t, default 10 s */
	bool is_timeout_named;
	/* where things live; options every tool has, for tests and containers */
	const char *state_dir;  /* --state, $FP_STATE, /var/lib/fastpath */
	const char *pin_dir;    /* --pins, $FP_PINS, /sys/fs/bpf/fastpath */
	const char *values[64]; /* by index in tool->opts; NULL: not given */
	struct fp_out *out;
};

/* Parse argv, run the verb, close the output, return the process's status.
 * --help and --version print and return 0.  Wrong usage: one line naming the
 * word, then "try fp-block --help", 2.  A hidden --dump-options prints the
 * table for completions and tests: verb, option, letter, arg, help; TABs. */
int fp_cli_main(const struct fp_tool *tool, int argc, char **argv);

/* The value of an option of the tool's own table ("" for a flag), or NULL. */
const char *fp_cli_get(const struct fp_cli *c, const char *name);
bool fp_cli_overrides(const struct fp_cli *c, const char *rule);

/* --for and --until of a tool that has them: *for_s (rounded up) or *until_s, the
 * other one and both without them are left as they are.
 * -EINVAL: both, no such time, more than 100 years, or one that has passed. */
int fp_cli_end(const struct fp_cli *c, int64_t *for_s, int64_t *until_s,
	       struct fp_err *e);

/* Who asks, USER@HOST: of sudo the one behind it. */
void fp_cli_who(char out[128]);

/* Report *e on stderr and map it to an exit status: a refusal prints
 * "refused by rule RULE: ...; --override RULE lifts it" and is 5;
 * -EAGAIN -EBUSY -ETIMEDOUT -ECONNREFUSED -EHOSTUNREACH -ENETUNREACH are 4;
 * the rest 2. */
int fp_cli_fail(const struct fp_cli *c, int code, const struct fp_err *e);

/* Wrong usage found by a verb itself: prints the message and "try ...", 2. */
int fp_cli_usage(const struct fp_cli *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* "10s" "500ms" "2h" "1d" "1w"; a bare number is refused.  0; -EINVAL. */
int fp_parse_duration(const char *s, int64_t *ms, struct fp_err *e);
/* RFC 3339, "2026-01-02T03:04:05Z" or with an offset: exactly n bytes.
 * 0; -EINVAL. */
int fp_parse_time(const char *s, size_t n, int64_t *unix_s, struct fp_err *e);
#define FP_TIME_STRLEN 32
size_t fp_print_time(int64_t unix_s, char out[FP_TIME_STRLEN]);

#endif
