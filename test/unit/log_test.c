/* SPDX-License-Identifier: Apache-2.0 */
/* What goes to stderr. */
#include "unit.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "cli/log.h"
#include "cli/progress.h"
#include "io/clock.h"

static char said[8192];

/* What f writes to stderr, into said. */
static void stderr_of(void (*f)(void))
{
	FILE *err = tmpfile();
	int was = dup(STDERR_FILENO);

	dup2(fileno(err), STDERR_FILENO);
	f();
	dup2(was, STDERR_FILENO);
	close(was);
	rewind(err);
	said[fread(said, 1, sizeof(said) - 1, err)] = 0;
	fclose(err);
}

static void log_some(void)
{
	fp_log_init("fp-test", FP_LOG_WARN);
	fp_log(FP_LOG_ERR, "an error");
	fp_log(FP_LOG_WARN, "a \"%s\"", "x\ny\033z\xc2\x9b\xc3\xa9\xff\x9b");
	fp_log(FP_LOG_NOTICE, "not this");
}

TEST(log_lines)
{
	setenv("JOURNAL_STREAM", "1:2", 1); /* not ours */
	stderr_of(log_some);
	STR(said, "fp-test: an error\nfp-test: a \"x?y?z??\xc3\xa9\xff?\"\n");
}

static void log_to_journal(void)
{
	char id[64];
	struct stat st;

	fstat(STDERR_FILENO, &st);
	snprintf(id, sizeof(id), "%llu:%llu", (unsigned long long)st.st_dev,
		 (unsigned long long)st.st_ino);
	setenv("JOURNAL_STREAM", id, 1);
	log_some();
}

TEST(log_to_systemd)
{
	stderr_of(log_to_journal);
	STR(said,
	    "<3>fp-test: an error\n<4>fp-test: a \"x?y?z??\xc3\xa9\xff?\"\n");
}

static void go_on(bool is_quiet, uint64_t total)
{
	struct fp_progress p;

	fp_log_init("fp-test", FP_LOG_NOTICE);
	fp_progress_start(&p, "load", "entries", total, is_quiet);
	for (uint64_t i = 0; i < 40; i++) {
		fp_progress_at(&p, i);
		fp_clock_turn(1000);
	}
	fp_progress_end(&p);
}

static void go_on_loud(void)
{
	go_on(false, 40);
}

static void go_on_unknown(void)
{
	go_on(false, 0);
}

static void go_on_quiet(void)
{
	go_on(true, 40);
}

/* Forty seconds, not on a terminal: a line every ten. */
TEST(progress_lines)
{
	stderr_of(go_on_loud);
	STR(said, "fp-test: load: 10 of 40 entries, 1/s, 30 s left\n"
		  "fp-test: load: 20 of 40 entries, 1/s, 20 s left\n"
		  "fp-test: load: 30 of 40 entries, 1/s, 10 s left\n");
	stderr_of(go_on_unknown);
	HAS(said, "fp-test: load: 10 entries\n");
	stderr_of(go_on_quiet);
	STR(said, "");
}

/* The same on a terminal: a bar that is drawn over itself and goes away. */
TEST(progress_bar)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY), slave;
	int was = dup(STDERR_FILENO);

	OK(!grantpt(master) && !unlockpt(master));
	slave = open(ptsname(master), O_RDWR | O_NOCTTY);
	dup2(slave, STDERR_FILENO);
	close(slave);
	go_on(false, 40);
	go_on(true, 40);
	dup2(was, STDERR_FILENO);
	unit_read_all(master, said, sizeof(said));
	HAS(said, "\rload: [#.............................] 2/40 entries");
	HAS(said,
	    "\rload: [#############################.] 39/40 entries, 1/s, 1 s left");
	STR(said + strlen(said) - 4, "\r\033[K");
	OK(!strchr(said, '\n'));
}
