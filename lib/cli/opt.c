/* SPDX-License-Identifier: Apache-2.0 */
#include <dirent.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/log.h"
#include "cli/opt_table.h"

#define MAX_OPTS (sizeof(((struct fp_cli *)0)->values) / sizeof(char *))
#define N_OF(LIST) (sizeof(LIST) / sizeof(*(LIST)))
#define OPT_BASE 256 /* getopt's val of option 0: past every letter */
#define OPT_DUMP (OPT_BASE + FP_N_COMMON + (int)MAX_OPTS)

struct parse {
	struct fp_cli *c;
	struct option longs[FP_N_COMMON + MAX_OPTS + 2];
	char shorts[3 + 2 * (FP_N_COMMON + MAX_OPTS)];
	size_t n_opts;
	bool is_help, is_version, is_dump;
};

static const struct fp_opt *opt_at(const struct fp_tool *t, size_t i)
{
	return i < FP_N_COMMON ? &fp_common_opts[i] : &t->opts[i - FP_N_COMMON];
}

static int fail_exit(const struct fp_cli *c)
{
	return c->tool->fail_exit ? c->tool->fail_exit : FP_EXIT_FAIL;
}

int fp_cli_usage(const struct fp_cli *c, const char *fmt, ...)
{
	const char *verb = c->verb ? c->verb->name : "";
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	fp_log(FP_LOG_ERR, "%s; try %s%s%s --help", text, c->tool->name,
	       *verb ? " " : "", verb);
	return fail_exit(c);
}

const char *fp_cli_get(const struct fp_cli *c, const char *name)
{
	for (size_t i = 0; c->tool->opts && c->tool->opts[i].name; i++)
		if (!strcmp(c->tool->opts[i].name, name))
			return c->values[i];
	return NULL;
}

bool fp_cli_overrides(const struct fp_cli *c, const char *rule)
{
	for (size_t i = 0; i < c->n_overrides; i++)
		if (!strcmp(c->overrides[i], rule))
			return true;
	return false;
}

int fp_cli_fail(const struct fp_cli *c, int code, const struct fp_err *e)
{
	const char *text = e->text[0] ? e->text : strerror(-code);
	bool is_denied = (code == -EACCES || code == -EPERM) && geteuid();

	if (code == -EPERM && e->rule[0]) {
		if (fp_cli_overrides(c, e->rule))
			fp_log(FP_LOG_ERR,
			       "refused by rule %s, though lifted: %s", e->rule,
			       text);
		else
			fp_log(FP_LOG_ERR,
			       "refused by rule %s: %s; --override %s lifts it",
			       e->rule, text, e->rule);
		return FP_EXIT_REFUSED;
	}
	fp_log(FP_LOG_ERR, "%s%s", text, is_denied ? " (try it as root)" : "");
	switch (code) {
	case -EPROTO: /* tables or a peer of another version */
		return FP_EXIT_REFUSED;
	case -EAGAIN:
	case -EBUSY:
	case -ETIMEDOUT:
	case -ECONNREFUSED:
	case -EHOSTUNREACH:
	case -ENETUNREACH:
		return FP_EXIT_AGAIN;
	default:
		return fail_exit(c);
	}
}

/* getopt's tables from ours: common options first.  "-" in front: operands are
 * handed over in place, whatever POSIXLY_CORRECT says; ":" is for our own
 * messages. */
static int tables(struct parse *p, const struct fp_tool *tool)
{
	char *s = p->shorts;
	size_t n = FP_N_COMMON;

	while (tool->opts && tool->opts[n - FP_N_COMMON].name)
		n++;
	if (n > FP_N_COMMON + MAX_OPTS)
		return -E2BIG;
	*s++ = '-';
	*s++ = ':';
	for (size_t i = 0; i < n; i++) {
		const struct fp_opt *o = opt_at(tool, i);

		p->longs[i] = (struct option){ o->name, !!o->arg, NULL,
					       OPT_BASE + (int)i };
		if (o->letter)
			*s++ = o->letter;
		if (o->letter && o->arg)
			*s++ = ':';
	}
	p->longs[n] = (struct option){ "dump-options", 0, NULL, OPT_DUMP };
	p->n_opts = n;
	return 0;
}

static int add_word(const char **list, size_t *n, size_t max, const char *word)
{
	if (*n == max)
		return -E2BIG;
	list[(*n)++] = word;
	return 0;
}

static int set_timeout(struct fp_cli *c, const char *arg)
{
	struct fp_err e;

	c->is_timeout_named = true;
	if (!fp_parse_duration(arg, &c->timeout_ms, &e))
		return 0;
	return fp_cli_usage(c, "--timeout: %s", e.text);
}

static int set_common(struct parse *p, enum fp_common o, const char *arg)
{
	struct fp_cli *c = p->c;
	bool *const flags[FP_N_COMMON] = {
		[FP_O_CLUSTER] = &c->is_cluster_named,
		[FP_O_DRY_RUN] = &c->is_dry_run,
		[FP_O_JSON] = &c->is_json,
		[FP_O_QUIET] = &c->is_quiet,
		[FP_O_HELP] = &p->is_help,
		[FP_O_VERSION] = &p->is_version,
	};
	const char **const words[FP_N_COMMON] = {
		[FP_O_CLUSTER] = &c->cluster,
		[FP_O_FIELDS] = &c->fields,
		[FP_O_STATE] = &c->state_dir,
		[FP_O_PINS] = &c->pin_dir,
	};
	int r = 0;

	if (flags[o])
		*flags[o] = true;
	if (words[o])
		*words[o] = arg;
	if (o == FP_O_VERBOSE)
		c->verbose++;
	if (o == FP_O_TIMEOUT)
		return set_timeout(c, arg);
	if (o == FP_O_NODE)
		r = add_word(c->nodes, &c->n_nodes, N_OF(c->nodes), arg);
	if (o == FP_O_OVERRIDE)
		r = add_word(c->overrides, &c->n_overrides, N_OF(c->overrides),
			     arg);
	if (r)
		return fp_cli_usage(c, "too many options like --%s %s",
				    fp_common_opts[o].name, arg);
	return 0;
}

/* What getopt returned for an option: its index, or -1. */
static int opt_index(const struct parse *p, int got)
{
	if (got >= OPT_BASE)
		return got - OPT_BASE;
	for (size_t i = 0; i < p->n_opts; i++)
		if (opt_at(p->c->tool, i)->letter == got)
			return (int)i;
	return -1;
}

static int bad_option(const struct parse *p, int got, const char *word)
{
	int i = optopt ? opt_index(p, optopt) : -1;

	if (got == ':' && i >= 0)
		return fp_cli_usage(p->c, "option --%s needs %s",
				    opt_at(p->c->tool, (size_t)i)->name,
				    opt_at(p->c->tool, (size_t)i)->arg);
	if (optopt >= OPT_BASE)
		return fp_cli_usage(p->c, "option %s takes no value", word);
	if (optopt)
		return fp_cli_usage(p->c, "unknown option -%c", optopt);
	return fp_cli_usage(p->c, "unknown or ambiguous option %s", word);
}

/* Options into *c, operands to the front of argv + 1 (a word never moves past
 * one that is still to be read).  0, or an exit status. */
static int read_words(struct parse *p, int argc, char **argv)
{
	struct fp_cli *c = p->c;
	int got, status = 0;

	c->argv = argv + 1;
	opterr = 0;
	optind = 0; /* GNU: start afresh */
	while (!status) {
		int i = -1;

		got = getopt_long(argc, argv, p->shorts, p->longs, NULL);
		if (got < 0)
			break;
		if (got == 1) {
			c->argv[c->argc++] = optarg;
		} else if (got == '?' || got == ':') {
			status = bad_option(p, got, argv[optind - 1]);
		} else if (got == OPT_DUMP) {
			p->is_dump = true;
		} else if ((i = opt_index(p, got)) >= FP_N_COMMON) {
			c->values[i - FP_N_COMMON] = optarg ? optarg : "";
		} else if (i >= 0) {
			status = set_common(p, (enum fp_common)i, optarg);
		}
	}
	while (!status && optind < argc)
		c->argv[c->argc++] = argv[optind++];
	return status;
}

static int find_verb(struct fp_cli *c)
{
	const struct fp_verb *v = c->tool->verbs;

	if (!c->argc)
		return 0;
	while (v->name && strcmp(v->name, c->argv[0]))
		v++;
	if (!v->name)
		return fp_cli_usage(c, "unknown verb \"%s\"", c->argv[0]);
	c->verb = v;
	c->argv++;
	c->argc--;
	return 0;
}

static int check_opts(const struct fp_cli *c)
{
	const struct fp_opt *o = c->tool->opts;

	for (size_t i = 0; o && o[i].name; i++)
		if (c->values[i] && !fp_opt_is_for(&o[i], c->verb->name))
			return fp_cli_usage(c, "option --%s is not for \"%s\"",
					    o[i].name, c->verb->name);
	return 0;
}

/* Standard input is read once. */
static int check_stdin(const struct fp_cli *c)
{
	for (int i = 0; i < c->argc && !strcmp(c->cluster, "-"); i++)
		if (!strcmp(c->argv[i], "-"))
			return fp_cli_usage(
				c,
				"--cluster - and the operand \"-\" both read standard input");
	return 0;
}

static enum fp_log_level level_of(const struct fp_cli *c)
{
	if (c->is_quiet)
		return FP_LOG_ERR;
	if (c->verbose)
		return c->verbose > 1 ? FP_LOG_DEBUG : FP_LOG_INFO;
	return FP_LOG_NOTICE;
}

static const char *from_env(const char *name, const char *otherwise)
{
	const char *s = getenv(name);

	return s && *s ? s : otherwise;
}

static void defaults(struct fp_cli *c, const struct fp_tool *tool)
{
	*c = (struct fp_cli){ .tool = tool, .timeout_ms = 10000 };
	c->cluster = from_env("FP_CLUSTER", NULL);
	c->is_cluster_named = c->cluster;
	if (!c->cluster)
		c->cluster = "/etc/fastpath/cluster.ini";
	c->state_dir = from_env("FP_STATE", "/var/lib/fastpath");
	c->pin_dir = from_env("FP_PINS", "/sys/fs/bpf/fastpath");
}

void fp_cli_who(char out[128])
{
	const char *user = getenv("SUDO_USER");
	char host[64] = "";

	if (!user || !*user)
		user = getenv("LOGNAME");
	if (gethostname(host, sizeof(host) - 1))
		strcpy(host, "controller");
	snprintf(out, 128, "%s@%s", user && *user ? user : "root", host);
}

static int act(struct parse *p)
{
	struct fp_cli *c = p->c;
	int status;

	if (p->is_dump) {
		fp_help_dump(stdout, c->tool);
		return FP_EXIT_OK;
	}
	if (p->is_version) {
		printf("%s %s\n", c->tool->name, FP_VERSION);
		return FP_EXIT_OK;
	}
	status = find_verb(c);
	if (status)
		return status;
	if (p->is_help) {
		fp_help_print(stdout, c->tool, c->verb);
		return FP_EXIT_OK;
	}
	if (!c->verb)
		return fp_cli_usage(c, "no verb given");
	status = check_opts(c);
	if (!status)
		status = check_stdin(c);
	return status ? status : c->verb->run(c);
}

/* Passwords, and rows with SRTP keys, are in our memory: core(5) would put them on
 * the disk.  The soft limit, which what we start may lift again; a program that a
 * core_pattern pipes to is started whatever the limit, but for who is not
 * dumpable (PR_SET_DUMPABLE(2const); io/caps.c keeps it so). */
static void no_core(void)
{
	struct rlimit l;

	prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);

	if (!getrlimit(RLIMIT_CORE, &l)) {
		l.rlim_cur = 0;
		setrlimit(RLIMIT_CORE, &l);
	}
}

static bool has_threads(void)
{
	DIR *d = opendir("/proc/self/task");
	int n = 0;

	if (!d)
		return true;
	for (struct dirent *t; (t = readdir(d));)
		n += *t->d_name != '.';
	closedir(d);
	return n > 1;
}

/* A thread that hangs (fp_work_close) may be inside OpenSSL or libpq, whose
 * destructors an ordinary end would run beneath it, with what malloc says of that:
 * unaligned fastbin chunk.  All is written by now. */
static int leave(int status)
{
	if (has_threads()) {
		fflush(NULL);
		_exit(status);
	}
	return status;
}

int fp_cli_main(const struct fp_tool *tool, int argc, char **argv)
{
	struct fp_cli c;
	struct parse p = { .c = &c };
	struct fp_err e = { 0 };
	int status, r;

	/* A reader that went away ends us quietly, whatever our parent set. */
	signal(SIGPIPE, SIG_DFL);
	no_core();
	defaults(&c, tool);
	fp_log_init(tool->name, FP_LOG_NOTICE);
	r = tables(&p, tool);
	if (r)
		return fp_cli_fail(&c, r, &e);
	status = read_words(&p, argc, argv);
	if (status)
		return status;
	fp_log_init(tool->name, level_of(&c));
	r = fp_out_open(&c.out, stdout, c.is_json ? FP_JSON : FP_TEXT,
			c.fields);
	if (r)
		return fp_cli_fail(&c, r, &e);
	status = act(&p);
	r = fp_out_close(c.out, &e);
	return leave(r ? fp_cli_fail(&c, r, &e) : status);
}
