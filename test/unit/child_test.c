/* SPDX-License-Identifier: Apache-2.0 */
/* Programs beside the loop. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/pidfd.h>

#include "base/buf.h"
#include "io/child.h"
#include "io/clock.h"

struct ctx {
	struct fp_loop *l;
	struct fp_child *c;
	struct fp_buf got;
	int n_ended, code, status;
	bool is_killing; /* when it says something */
};

static void on_out(void *arg, const char *p, size_t n)
{
	struct ctx *c = arg;

	fp_buf_add(&c->got, p, n);
	if (c->is_killing)
		fp_child_kill(c->c);
}

static void on_end(void *arg, int code, int status)
{
	struct ctx *c = arg;

	c->n_ended++;
	c->code = code;
	c->status = status;
}

/* A child is given a shell's script. */
static int start(struct ctx *c, const char *script, const char *in,
		 size_t in_len, int64_t timeout_ms)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	struct fp_child_opts o = { .argv = argv,
				   .in = in,
				   .in_len = in_len,
				   .timeout_ms = timeout_ms,
				   .out = on_out,
				   .ended = on_end,
				   .ctx = c };
	struct fp_err e;
	int fd = pidfd_open(getpid(), 0);

	/* valgrind 3.19 does not know it */
	if (fd < 0)
		SKIP("no pidfd_open here");
	close(fd);
	return fp_child_start(&c->c, c->l, &o, &e);
}

static void begin(struct ctx *c)
{
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	EQ(fp_loop_open(&c->l, &e), 0);
}

static void finish(struct ctx *c)
{
	fp_buf_fini(&c->got);
	fp_loop_close(c->l);
}

TEST(reads_prints_and_ends)
{
	struct ctx c;

	begin(&c);
	EQ(start(&c, "cat; echo done; exit 7", "hello\n", 6, 10000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_ended, 1);
	EQ(c.code, 0);
	EQ(c.status, 7);
	STR(fp_buf_str(&c.got), "hello\ndone\n");
	c.got.len = 0;
	/* no input is the end of it */
	EQ(start(&c, "cat; echo end", NULL, 0, 0), 0);
	EQ(fp_loop_run(c.l), 0);
	STR(fp_buf_str(&c.got), "end\n");
	c.got.len = 0;
	EQ(start(&c, "cat; echo end; kill -TERM $$", "", 0, 0), 0);
	EQ(fp_loop_run(c.l), 0);
	STR(fp_buf_str(&c.got), "end\n");
	EQ(c.status, 128 + SIGTERM);
	finish(&c);
}

TEST(much_both_ways)
{
	size_t n = 3 << 20;
	char *much = malloc(n);
	struct ctx c;

	memset(much, 'x', n);
	begin(&c);
	EQ(start(&c, "cat", much, n, 60000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.got.len, n);
	OK(c.got.data && !memcmp(c.got.data, much, n));
	c.got.len = 0;
	/* it need not read all, or anything */
	EQ(start(&c, "head -c 10; exit 3", much, n, 60000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.got.len, 10);
	EQ(c.status, 3);
	EQ(c.code, 0);
	free(much);
	finish(&c);
}

/* Its whole group goes; one that left the group is not waited for. */
TEST(deadline_kills_the_group)
{
	long start_ms = unit_now_ms();
	struct ctx c;
	pid_t pid;

	begin(&c);
	EQ(start(&c, "sleep 100 & echo $!; wait", NULL, 0, 100), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	EQ(c.status, 128 + SIGKILL);
	OK(unit_now_ms() - start_ms < 20000);
	pid = atoi(fp_buf_str(&c.got));
	for (int i = 0; i < 1000 && !kill(pid, 0); i++) {
		char file[64], stat[64] = "";
		int fd;

		/* killed, and not reaped by init yet */
		snprintf(file, sizeof(file), "/proc/%d/stat", (int)pid);
		fd = open(file, O_RDONLY);
		if (fd >= 0) {
			unit_read_all(fd, stat, sizeof(stat));
			close(fd);
		}
		if (strstr(stat, ") Z"))
			break;
		usleep(1000);
	}
	c.got.len = 0;
	EQ(start(&c, "setsid sleep 3 & echo out", NULL, 0, 60000), 0);
	start_ms = unit_now_ms();
	EQ(fp_loop_run(c.l), 0);
	OK(unit_now_ms() - start_ms < 2500);
	STR(fp_buf_str(&c.got), "out\n");
	finish(&c);
}

TEST(killed_is_not_told)
{
	struct ctx c;

	begin(&c);
	EQ(start(&c, "sleep 100", NULL, 0, 60000), 0);
	fp_child_kill(c.c);
	fp_child_kill(NULL);
	EQ(fp_loop_run(c.l), 0);
	c.is_killing = true;
	EQ(start(&c, "echo x; sleep 100", NULL, 0, 60000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(start(&c, "echo x", NULL, 0, 60000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_ended, 0);
	EQ(waitpid(-1, NULL, WNOHANG), -1); /* all are reaped */
	finish(&c);
}

TEST(what_is_not_there)
{
	const char *const argv[] = { "/nonexistent/program", NULL };
	struct ctx c;
	struct fp_child_opts o = { .argv = argv, .ended = on_end, .ctx = &c };
	struct fp_err e;

	begin(&c);
	EQ(fp_child_start(&c.c, c.l, &o, &e), -ENOENT);
	STR(e.text, "/nonexistent/program: No such file or directory");
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_ended, 0);
	finish(&c);
}

/* The signals of a child are the default, whatever ours are. */
TEST(default_signals)
{
	struct ctx c;
	sigset_t all;

	sigfillset(&all);
	signal(SIGPIPE, SIG_IGN);
	begin(&c);
	sigprocmask(SIG_SETMASK, &all, NULL);
	EQ(start(&c, "kill -TERM $$; echo no", NULL, 0, 10000), 0);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.status, 128 + SIGTERM);
	EQ(c.got.len, 0);
	finish(&c);
}
