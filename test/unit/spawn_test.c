/* SPDX-License-Identifier: Apache-2.0 */
/* Programs that are run. */
#include "unit.h"

#include <signal.h>
#include <sys/pidfd.h>

#include "io/spawn.h"

static struct fp_buf out, err;
static struct fp_err e;
static int status;

static void tidy(void)
{
	fp_buf_fini(&out);
	fp_buf_fini(&err);
}

/* valgrind 3.19 does not know pidfd_open(2). */
static void need_pidfd(void)
{
	int fd = pidfd_open(getpid(), 0);

	if (fd < 0)
		SKIP("no pidfd_open here");
	close(fd);
}

static int shell(const char *script, const char *in, size_t in_len,
		 int64_t timeout_ms)
{
	const char *const argv[] = { "sh", "-c", script, NULL };
	const struct fp_spawn s = { .argv = argv,
				    .in = in,
				    .in_len = in_len,
				    .out = &out,
				    .err = &err,
				    .max_bytes = 1000000,
				    .timeout_ms = timeout_ms };

	need_pidfd();
	tidy();
	e.text[0] = 0;
	status = -1;
	return fp_spawn_run(&s, &status, &e);
}

TEST(talks)
{
	EQ(shell("cat; echo no >&2; exit 7", "hello\n", 6, 10000), 0);
	EQ(status, 7);
	STR(fp_buf_str(&out), "hello\n");
	STR(fp_buf_str(&err), "no\n");
	EQ(shell("cat", NULL, 0, 10000), 0); /* reads /dev/null */
	EQ(out.len, 0);
	EQ(shell("cat", "", 0, 10000), 0);
	EQ(out.len, 0);
	EQ(shell("kill -9 $$", NULL, 0, 10000), 0);
	EQ(status, 128 + 9);
	tidy();
}

/* More than any pipe holds, in both directions at once. */
TEST(talks_much)
{
	size_t n = 900000;
	char *in = malloc(n);

	memset(in, 'x', n);
	EQ(shell("cat", in, n, 60000), 0);
	EQ(out.len, n);
	OK(out.data && !memcmp(out.data, in, n));
	/* It does not read; that is no failure and no SIGPIPE for us. */
	EQ(shell("exit 3", in, n, 60000), 0);
	EQ(status, 3);
	free(in);
	tidy();
}

TEST(ends_in_time)
{
	char pid_file[] = "/tmp/fastpath-spawn.XXXXXX", script[200];
	long start_ms = unit_now_ms();
	int fd = mkstemp(pid_file), child = 0;
	FILE *f;

	snprintf(script, sizeof(script),
		 "echo some; sleep 300 & echo $! >%s; wait", pid_file);
	EQ(shell(script, NULL, 0, 300), -ETIMEDOUT);
	OK(unit_now_ms() - start_ms < 10000);
	STR(fp_buf_str(&out), "some\n");
	HAS(e.text, "sh: no end after 300 ms");
	EQ(status, -1);
	/* Its children went with it (and wait for init to bury them). */
	f = fdopen(fd, "r");
	EQ(fscanf(f, "%d", &child), 1);
	snprintf(script, sizeof(script), "/proc/%d/cmdline", child);
	fclose(f);
	unlink(pid_file);
	for (int i = 0; i < 100; i++) {
		char line[100] = "";

		f = fopen(script, "r");
		if (!f || !fgets(line, sizeof(line), f))
			*line = 0;
		if (f)
			fclose(f);
		if (!*line)
			break;
		OK(i < 99);
		usleep(20000);
	}
	tidy();
}

/* What it leaves running is not waited for. */
TEST(leaves_daemons)
{
	long start_ms = unit_now_ms();

	EQ(shell("sleep 3 & echo done", NULL, 0, 20000), 0);
	STR(fp_buf_str(&out), "done\n");
	OK(unit_now_ms() - start_ms < 2500);
	tidy();
}

TEST(is_bounded)
{
	EQ(shell("yes", NULL, 0, 60000), -EMSGSIZE);
	EQ(out.len, 1000000);
	HAS(e.text, "printed more than 1000000 bytes");
	tidy();
}

TEST(is_not_there)
{
	const char *const argv[] = { "/no/such/program", NULL };
	const struct fp_spawn s = { .argv = argv, .timeout_ms = 1000 };

	need_pidfd();
	EQ(fp_spawn_run(&s, &status, &e), -ENOENT);
	HAS(e.text, "/no/such/program: No such file or directory");
}

/* A program starts with the signals that a shell would give it (32 and 33 are
 * the C library's own). */
TEST(signals_are_default)
{
	unsigned long long blocked = 1, ignored = 1;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGTERM, SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	EQ(shell("grep -E 'Sig(Blk|Ign)' /proc/self/status | cut -f 2", NULL, 0,
		 10000),
	   0);
	EQ(sscanf(fp_buf_str(&out), "%llx %llx", &blocked, &ignored), 2);
	EQ(blocked, 0);
	EQ(ignored & 0x7fffffff, 0);
	tidy();
}
