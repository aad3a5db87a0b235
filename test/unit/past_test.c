/* SPDX-License-Identifier: Apache-2.0 */
/* What the journals say of a node: copies of jobs, as movers leave them. */
#include <errno.h>

#include "rehome/past.h"
#include "unit.h"

static struct {
	char dir[64];
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_journal_opts o;
} f;

static void begin(void)
{
	const char *tmp = getenv("TMPDIR");
	struct fp_err e;

	snprintf(f.dir, sizeof(f.dir), "%s/fp-past.XXXXXX",
		 tmp ? tmp : P_tmpdir);
	OK(mkdtemp(f.dir));
	EQ(fp_loop_open(&f.loop, &e), 0);
	EQ(fp_work_open(&f.work, f.loop, 1, &e), 0);
	f.o = (struct fp_journal_opts){ .loop = f.loop,
					.work = f.work,
					.is_alone = true,
					.app = "test",
					.state_dir = f.dir,
					.owner = "test",
					.timeout_ms = 5000 };
}

static void end(void)
{
	char *argv[] = { "rm", "-r", f.dir, NULL };
	pid_t pid = fork();

	if (!pid)
		execvp(argv[0], argv);
	waitpid(pid, NULL, 0);
	fp_work_close(f.work);
	fp_loop_close(f.loop);
}

/* "ITEM STATE TO", TO "-": no detail; state NULL: it runs on and is lost. */
static void job(const char *tool, const char *plan, const char *state,
		const char *const *words)
{
	struct fp_job_head h = { .plan = (char *)plan };
	char item[64], what[32], to[32], detail[64];
	struct fp_journal *j;
	struct fp_err e;

	snprintf(h.tool, sizeof(h.tool), "%s", tool);
	snprintf(h.verb, sizeof(h.verb), "drain");
	snprintf(h.node, sizeof(h.node), "sip1");
	if (!EQ(fp_journal_begin(&j, &f.o, &h, NULL, 0, &e), 0))
		return;
	for (; *words; words++) {
		EQ(sscanf(*words, "%63s %31s %31s", item, what, to), 3);
		snprintf(detail, sizeof(detail), "{\"to\":\"%s\"}", to);
		EQ(fp_journal_add(j, item, what, *to == '-' ? NULL : detail,
				  &e),
		   0);
	}
	EQ(fp_journal_state(j, state, &e), 0);
	fp_journal_close(j);
}

#define TO2                                                                    \
	"{\"kind\":\"drain\",\"from\":\"sip1\",\"tags\":[{\"tag\":\"sip1.0\"," \
	"\"to\":\"sip2\"},{\"tag\":\"sip1.1\",\"to\":\"sip2\"}]}"
#define JOB(state, ...)                                                        \
	job("fp-rehome", TO2, state, (const char *const[]){ __VA_ARGS__, NULL })

TEST(calls)
{
	struct fp_past *p = NULL;
	struct fp_err e;

	begin();
	JOB("stopped", "call:moved moved sip2", "call:asked asked -",
	    "call:silent silent sip2", "call:gone gone sip2",
	    "call:skipped skipped sip2", "call:done done sip2");
	job("fp-block", TO2, "done",
	    (const char *const[]){ "call:moved moved sip3", NULL });
	EQ(fp_past_read(&p, &f.o, &e), 0);
	OK(fp_past_is_at(p, "moved", "sip2"));
	OK(!fp_past_is_at(p, "moved", "sip3"));
	OK(fp_past_is_at(p, "done", "sip2"));
	OK(!fp_past_is_at(p, "asked", "sip2"));
	OK(!fp_past_is_at(p, "nosuch", "sip2"));
	/* what was moved to sip2 is sip1's no more, whoever's tag it has */
	OK(!fp_past_is_through(p, "moved", "sip1", true));
	OK(fp_past_is_through(p, "moved", "sip2", false));
	/* not moved for sure: sip1's, if its tag is; and it may be sip2's */
	OK(fp_past_is_through(p, "asked", "sip1", true));
	OK(!fp_past_is_through(p, "asked", "sip1", false));
	OK(fp_past_is_through(p, "asked", "sip2", false)); /* by the plan */
	OK(fp_past_is_through(p, "silent", "sip2", false));
	OK(!fp_past_is_through(p, "gone", "sip1", true)); /* had ended */
	/* not asked at all */
	OK(fp_past_is_through(p, "skipped", "sip1", true));
	OK(!fp_past_is_through(p, "skipped", "sip2", false));
	OK(fp_past_is_through(p, "nosuch", "sip1", true));
	OK(!fp_past_is_through(p, "nosuch", "sip1", false));
	OK(fp_past_is_through(NULL, "moved", "sip1", true));
	fp_past_free(p);
	end();
}

TEST(the_later_job_has_the_last_word)
{
	struct fp_past *p = NULL;
	struct fp_err e;
	size_t n;

	begin();
	JOB("done", "call:a moved sip2", "call:b moved sip2",
	    "tag:sip1.0 moved sip2", "tag:sip1.1 given sip2",
	    "tag:sip3.0 kept sip2");
	sleep(1); /* jobs are ordered by the second */
	JOB("stopped", "call:a moved sip1", "call:b silent sip3",
	    "tag:sip1.0 given sip3");
	EQ(fp_past_read(&p, &f.o, &e), 0);
	OK(fp_past_is_at(p, "a", "sip1"));
	OK(!fp_past_is_at(p, "b", "sip2"));
	OK(fp_past_is_through(p, "b", "sip2", false));
	OK(fp_past_is_through(p, "b", "sip3", false));
	OK(!fp_past_is_through(p, "b", "sip1", true));
	STR(fp_past_owner(p, "sip1.0"), "sip3");
	STR(fp_past_owner(p, "sip1.1"), "sip2");
	OK(!fp_past_owner(p, "sip3.0"));
	OK(fp_past_open(p, &n));
	EQ(n, 1);
	fp_past_free(p);
	end();
}
