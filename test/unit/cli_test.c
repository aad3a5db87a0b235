/* SPDX-License-Identifier: Apache-2.0 */
/* The command line: words, options, statuses, help. */
#include "unit.h"

#include <pthread.h>

#include "cli/opt.h"

struct rec {
	uint64_t n;
};

static const struct fp_field fields[] = { { "n", 0, FP_F_U64, NULL, NULL } };
static const struct fp_type type = { "rec", fields, 1 };

/* Prints what the parser made of the words. */
static int run_add(struct fp_cli *c)
{
	const char *why = fp_cli_get(c, "why"), *all = fp_cli_get(c, "all");

	printf("%s", c->verb->name);
	for (int i = 0; i < c->argc; i++)
		printf(" [%s]", c->argv[i]);
	if (why)
		printf(" why=%s", why);
	if (all)
		printf(" all");
	for (size_t i = 0; i < c->n_nodes; i++)
		printf(" node=%s", c->nodes[i]);
	if (fp_cli_overrides(c, "own"))
		printf(" own");
	printf(" %d%d%d%d %lld %s%s %s %s\n", c->is_dry_run, c->is_json,
	       c->is_quiet, c->verbose, (long long)c->timeout_ms, c->cluster,
	       c->is_cluster_named ? "!" : "", c->state_dir, c->pin_dir);
	return FP_EXIT_OK;
}

static int run_list(struct fp_cli *c)
{
	struct rec r = { 7 };
	struct fp_err e;
	int code = fp_out_record(c->out, &type, &r, &e);

	return code ? fp_cli_fail(c, code, &e) : FP_EXIT_NO;
}

static int run_fail(struct fp_cli *c)
{
	struct fp_err e = { 0 };

	if (c->argc < 2)
		return fp_cli_usage(c, "no %s given", "CODE and RULE");
	if (*c->argv[1])
		fp_refuse(&e, c->argv[1], "it is ours");
	return fp_cli_fail(c, -atoi(c->argv[0]), &e);
}

static void *hang(void *ctx)
{
	(void)ctx;
	pause();
	return NULL;
}

static void destroy(void)
{
	(void)!write(STDOUT_FILENO, "destroyed\n", 10);
}

/* Ends while a thread of it is inside a library ("hang"), or is not. */
static int run_end(struct fp_cli *c)
{
	pthread_t t;

	atexit(destroy);
	printf("printed\n");
	return c->argc && pthread_create(&t, NULL, hang, NULL);
}

static const struct fp_verb verbs[] = {
	{ "add", "PREFIX...", "add prefixes", run_add },
	{ "list", "[NAME]", "list them", run_list },
	{ "lists", NULL, "list lists", run_list },
	{ "fail", "CODE RULE", "fail", run_fail },
	{ "end", "[hang]", "end", run_end },
	{ 0 },
};
static const struct fp_opt opts[] = {
	{ "why", 'w', "TEXT", "add", "the reason" },
	{ "all", 'a', NULL, "add list", "all of them" },
	{ "rate", 0, "N", NULL, "for every verb" },
	{ 0 },
};
static const struct fp_tool tool = { .name = "fp-test",
				     .summary = "Tests things.",
				     .verbs = verbs,
				     .opts = opts };

#define MAX_TEXT 8192

static struct {
	int status;
	char out[MAX_TEXT], err[MAX_TEXT];
} said;

static void slurp(FILE *f, char *to)
{
	rewind(f);
	to[fread(to, 1, MAX_TEXT - 1, f)] = 0;
	fclose(f);
}

/* Run the tool with these words (as a shell would split them) into said. */
static void run(const char *words)
{
	char copy[4096], *argv[200], *save;
	FILE *out = tmpfile(), *err = tmpfile();
	int argc = 0, status;
	pid_t pid;

	snprintf(copy, sizeof(copy), "fp-test %s", words);
	for (char *w = strtok_r(copy, " ", &save); w;
	     w = strtok_r(NULL, " ", &save))
		argv[argc++] = strcmp(w, "''") ? w : "";
	argv[argc] = NULL;
	fflush(NULL);
	pid = fork();
	if (!pid) {
		dup2(fileno(out), STDOUT_FILENO);
		dup2(fileno(err), STDERR_FILENO);
		exit(fp_cli_main(&tool, argc, argv));
	}
	waitpid(pid, &status, 0);
	said.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
	slurp(out, said.out);
	slurp(err, said.err);
}

#define DEFAULTS                                                               \
	"10000 /etc/fastpath/cluster.ini /var/lib/fastpath /sys/fs/bpf/fastpath"

TEST(words)
{
	static const struct {
		const char *words, *out;
	} cases[] = {
		{ "add", "add 0000 " DEFAULTS },
		{ "add a b", "add [a] [b] 0000 " DEFAULTS },
		{ "add -", "add [-] 0000 " DEFAULTS },
		{ "add ''", "add [] 0000 " DEFAULTS },
		/* before, after and between; one option, many forms */
		{ "-n add a", "add [a] 1000 " DEFAULTS },
		{ "add a -n b", "add [a] [b] 1000 " DEFAULTS },
		{ "add a -w x b", "add [a] [b] why=x 0000 " DEFAULTS },
		{ "add -wx", "add why=x 0000 " DEFAULTS },
		{ "add --why=x", "add why=x 0000 " DEFAULTS },
		{ "add --why= -a", "add why= all 0000 " DEFAULTS },
		{ "add --why x --why y", "add why=y 0000 " DEFAULTS },
		{ "add -nqvv", "add 1012 " DEFAULTS },
		{ "add -w -n", "add why=-n 0000 " DEFAULTS },
		/* -- ends options */
		{ "add -- -n b", "add [-n] [b] 0000 " DEFAULTS },
		{ "-- add -n", "add [-n] 0000 " DEFAULTS },
		{ "add a -- --", "add [a] [--] 0000 " DEFAULTS },
		{ "add -N a -N b", "add node=a node=b 0000 " DEFAULTS },
		{ "add --override own", "add own 0000 " DEFAULTS },
		{ "add --override owner", "add 0000 " DEFAULTS },
		{ "add -t 500ms -C c --state s --pins p",
		  "add 0000 500 c! s p" },
	};

	unsetenv("FP_CLUSTER");
	unsetenv("FP_STATE");
	unsetenv("FP_PINS");
	for (size_t i = 0; i < 2 * sizeof(cases) / sizeof(*cases); i++) {
		char want[256];

		if (i & 1)
			setenv("POSIXLY_CORRECT", "1", 1);
		else
			unsetenv("POSIXLY_CORRECT");
		run(cases[i / 2].words);
		EQ(said.status, 0);
		snprintf(want, sizeof(want), "%s\n", cases[i / 2].out);
		STR(said.out, want);
		STR(said.err, "");
	}
}

TEST(environment)
{
	setenv("FP_CLUSTER", "c", 1);
	setenv("FP_STATE", "s", 1);
	setenv("FP_PINS", "p", 1);
	run("add");
	STR(said.out, "add 0000 10000 c! s p\n");
	run("add -C d --state= --pins q");
	STR(said.out, "add 0000 10000 d!  q\n");
	setenv("FP_CLUSTER", "", 1);
	setenv("FP_STATE", "", 1);
	setenv("FP_PINS", "", 1);
	run("add");
	STR(said.out, "add 0000 " DEFAULTS "\n");
}

/* Each wrong usage is one line that names the word, and status 2. */
TEST(usage)
{
	static const struct {
		const char *words, *err;
	} cases[] = {
		{ "", "no verb given; try fp-test --help" },
		{ "-n", "no verb given; try fp-test --help" },
		{ "frob x", "unknown verb \"frob\"; try fp-test --help" },
		{ "''", "unknown verb \"\"; try fp-test --help" },
		{ "lis", "unknown verb \"lis\"; try fp-test --help" },
		{ "a\nb", "unknown verb \"a?b\"; try fp-test --help" },
		{ "add --frob", "unknown or ambiguous option --frob" },
		{ "add --frob=1", "unknown or ambiguous option --frob=1" },
		{ "add --ver", "unknown or ambiguous option --ver" },
		{ "add -z", "unknown option -z" },
		{ "add -nz", "unknown option -z" },
		{ "add -w", "option --why needs TEXT" },
		{ "add --why", "option --why needs TEXT" },
		{ "add --timeout", "option --timeout needs DUR" },
		{ "add --all=3", "option --all=3 takes no value" },
		{ "list --why x",
		  "option --why is not for \"list\"; try fp-test list --help" },
		{ "--why x list", "option --why is not for \"list\"" },
		{ "lists -a", "option --all is not for \"lists\"" },
		{ "add -t 5", "--timeout: \"5\" is not a duration" },
		{ "list -C - a -",
		  "--cluster - and the operand \"-\" both read standard input" },
		{ "fail", "no CODE and RULE given; try fp-test fail --help" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		run(cases[i].words);
		EQ(said.status, 2);
		STR(said.out, "");
		HAS(said.err, cases[i].err);
		HAS(said.err, "; try fp-test ");
		EQ(strncmp(said.err, "fp-test: ", 9), 0);
		OK(strchr(said.err, '\n') == said.err + strlen(said.err) - 1);
	}
}

TEST(too_many)
{
	char words[2000] = "add";

	for (int i = 0; i < 64; i++)
		strcat(words, " -N node");
	run(words);
	EQ(said.status, 0);
	strcat(words, " -N last");
	run(words);
	EQ(said.status, 2);
	HAS(said.err, "too many options like --node last");
}

TEST(help)
{
	run("--help");
	EQ(said.status, 0);
	STR(said.err, "");
	HAS(said.out, "usage: fp-test VERB [OPTION]... [ARG]...\n"
		      "Tests things.\n");
	HAS(said.out, "\n  add PREFIX...               add prefixes\n");
	HAS(said.out, "\n  -w, --why TEXT              the reason\n");
	HAS(said.out, "\n      --rate N                for every verb\n");
	HAS(said.out, "\n  -C, --cluster FILE  ");
	HAS(said.out, "See fp-test(8).\n");
	run("add -h");
	EQ(said.status, 0);
	HAS(said.out, "usage: fp-test add [OPTION]... PREFIX...\n"
		      "add prefixes\n");
	HAS(said.out, "--why TEXT");
	run("--help lists");
	HAS(said.out, "usage: fp-test lists [OPTION]...\n");
	OK(!strstr(said.out, "--why") && !strstr(said.out, "--all"));
	HAS(said.out, "--rate N");
	run("frob --help");
	EQ(said.status, 2);
	run("--version");
	EQ(said.status, 0);
	STR(said.out, "fp-test " FP_VERSION "\n");
}

TEST(dump)
{
	int n = 0;

	run("--dump-options");
	EQ(said.status, 0);
	STR(said.err, "");
	HAS(said.out, "add\t-\t-\tPREFIX...\tadd prefixes\n");
	HAS(said.out, "lists\t-\t-\t-\tlist lists\n");
	HAS(said.out, "-\t--cluster\tC\tFILE\t");
	HAS(said.out, "-\t--rate\t-\tN\tfor every verb\n");
	HAS(said.out, "add\t--why\tw\tTEXT\tthe reason\n");
	HAS(said.out, "add\t--all\ta\t-\tall of them\n");
	HAS(said.out, "list\t--all\ta\t-\tall of them\n");
	OK(!strstr(said.out, "lists\t--all"));
	for (char *p = said.out; (p = strchr(p, '\t')); p++)
		n++;
	for (char *p = said.out; (p = strchr(p, '\n')); p++)
		n -= 4;
	EQ(n, 0);
}

TEST(statuses)
{
	static const struct {
		int code, status;
	} cases[] = {
		{ EINVAL, 2 },       { ENOENT, 2 },       { EPERM, 2 },
		{ EAGAIN, 4 },       { EBUSY, 4 },        { ETIMEDOUT, 4 },
		{ ECONNREFUSED, 4 }, { EHOSTUNREACH, 4 }, { ENETUNREACH, 4 },
		{ ENOMEM, 2 },       { ENOSPC, 2 },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		char words[40], want[80];

		snprintf(words, sizeof(words), "fail %d ''", cases[i].code);
		run(words);
		EQ(said.status, cases[i].status);
		snprintf(want, sizeof(want), "fp-test: %s\n",
			 strerror(cases[i].code));
		STR(said.err, want);
	}
	run("fail 1 own-address -q");
	EQ(said.status, 5);
	STR(said.err, "fp-test: refused by rule own-address: it is ours; "
		      "--override own-address lifts it\n");
}

TEST(records)
{
	run("list");
	EQ(said.status, 1);
	STR(said.out, "7\n");
	run("list -j");
	STR(said.out, "{\"type\":\"rec\",\"n\":7}\n");
	run("list -o n");
	STR(said.out, "7\n");
	run("list -o m");
	EQ(said.status, 2);
	STR(said.out, "");
	HAS(said.err, "fp-test: --fields: \"m\" is not a field of rec, which "
		      "has: n\n");
}

/* The destructors of libraries that a thread is in do not run under it. */
TEST(ends_beside_a_thread)
{
	run("end");
	EQ(said.status, 0);
	STR(said.out, "printed\ndestroyed\n");
	run("end hang");
	EQ(said.status, 0);
	STR(said.out, "printed\n");
}

/* Whatever the verb says, what did not reach the disk is a failure. */
TEST(disk_full)
{
	static const char *const words[] = { "list", "--help", "--version",
					     "--dump-options", "add" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		char *argv[] = { "fp-test", (char *)words[i], NULL };
		int status;

		fflush(stdout);
		if (!fork()) {
			OK(freopen("/dev/full", "w", stdout));
			_exit(fp_cli_main(&tool, 2, argv));
		}
		wait(&status);
		EQ(WEXITSTATUS(status), 2);
	}
}
