/* SPDX-License-Identifier: Apache-2.0 */
/* A mover that is killed at any moment, with the real journal without fp_db: who
 * resumes asks nothing again that was moved, and nothing is forgotten. */
#define FAKE_HAS_JOURNAL
#include "moving_fake.h"

#include <sys/wait.h>

#define N 400
#define WINDOW 8

static char dir[] = "/tmp/fp-moving.XXXXXX";
static struct fp_moving_call call[N];

/* ---- the mover, in a process of its own */

static struct {
	struct fp_loop *loop;
	struct fp_work *work;
	struct fp_resolver *resolver;
	struct fp_edges edges;
	struct fp_journal_opts o;
	unsigned int n_moved, n_asked; /* by the journal */
} me;

static void begin(void)
{
	struct fp_edges_opts o = { .timeout_ms = 500 };
	struct fp_err e;

	if (fp_loop_open(&me.loop, &e) ||
	    fp_work_open(&me.work, me.loop, 2, &e) ||
	    fp_resolver_open(&me.resolver, me.loop, me.work, &e))
		_exit(10);
	o.loop = me.loop;
	o.resolver = me.resolver;
	if (fp_edges_init(&me.edges, &o, f.inv, &e))
		_exit(11);
	me.o = (struct fp_journal_opts){ .loop = me.loop,
					 .work = me.work,
					 .is_alone = true,
					 .app = "test",
					 .state_dir = dir,
					 .owner = "test",
					 .timeout_ms = 5000 };
}

static int known(void *ctx, const char *item, const char *state,
		 const char *detail, int64_t at_s)
{
	(void)ctx;
	(void)detail;
	(void)at_s;
	for (size_t i = 0; i < N; i++) {
		if (strcmp(item + 5, call[i].callid))
			continue;
		if (fp_move_verdict_parse(state, &call[i].was))
			_exit(12);
		me.n_moved += call[i].was == FP_MOVE_MOVED;
		me.n_asked += call[i].was == FP_MOVE_ASKED;
		return 0;
	}
	_exit(13);
}

static void move(struct fp_journal *j, int is_over)
{
	struct fp_moving_opts o = { .edges = &me.edges,
				    .to = &me.edges.v[0],
				    .journal = j,
				    .mover = { .window = WINDOW, .retries = 3 },
				    .call_timeout_ms = 2000 };
	struct fp_moving_sum sum;
	struct fp_err e = { .text = "" };

	if (fp_moving_run(&o, call, N, &sum, &e) ||
	    fp_journal_state(j, "done", &e)) {
		fprintf(stderr, "%s\n", e.text);
		_exit(14);
	}
	fp_journal_close(j);
	if (sum.count[FP_MOVE_MOVED] + sum.count[FP_MOVE_DONE] != N ||
	    sum.count[FP_MOVE_DONE] != me.n_moved)
		_exit(15);
	_exit(is_over);
}

static void first_run(int id_fd)
{
	static const char *const locks[] = { "rehome:sip2" };
	struct fp_job_head h = { .tool = "rehome", .verb = "failover" };
	struct fp_journal *j;
	struct fp_err e;

	begin();
	if (fp_journal_begin(&j, &me.o, &h, locks, 1, &e) ||
	    write(id_fd, h.id, sizeof(h.id)) != sizeof(h.id))
		_exit(16);
	move(j, 0);
}

static void second_run(const char *id)
{
	static const char *const locks[] = { "rehome:sip2" };
	struct fp_job_head h;
	struct fp_journal *j;
	struct fp_err e;

	begin();
	if (fp_journal_resume(&j, &me.o, id, &h, locks, 1, known, NULL, &e)) {
		fprintf(stderr, "%s\n", e.text);
		_exit(17);
	}
	free(h.plan);
	move(j, 0);
}

/* ---- the target, here */

static void is_over(void *ctx)
{
	struct fp_timer *t = ctx;
	int status;

	if (waitpid(f.kill_pid, &status, WNOHANG) == f.kill_pid) {
		f.kill_pid = 0;
		f.check_code = status;
		fp_loop_stop(f.loop);
	} else {
		fp_loop_timer_arm(f.loop, t, fp_clock_ms() + 5);
	}
}

/* Serve until that process has ended; its status. */
static int serve(pid_t pid)
{
	struct fp_timer t = { .fire = is_over, .ctx = &t };

	f.kill_pid = pid;
	fp_loop_timer_arm(f.loop, &t, fp_clock_ms() + 5);
	while (f.kill_pid)
		fp_loop_run(f.loop);
	return f.check_code;
}

static void forget_under(void)
{
	for (size_t i = 0; i < f.n_calls; i++)
		f.call[i].under = 0;
	for (struct reply *r = replies; r; r = r->next)
		r->call = NULL;
	f.under = 0;
}

static unsigned int asked_twice(void)
{
	unsigned int n = 0;

	for (size_t i = 0; i < N; i++) {
		OK(f.call[i].n_asked == 1 || f.call[i].n_asked == 2);
		n += f.call[i].n_asked == 2;
	}
	return n;
}

static void killed_at(unsigned int n)
{
	struct fp_job_head h = { .id = "" };
	int fds[2], status;
	char cmd[128];
	pid_t pid;

	strcpy(dir + sizeof(dir) - 7, "XXXXXX");
	if (!OK(mkdtemp(dir)) || !OK(!pipe(fds)))
		exit(1);
	fake_open();
	f.has_journal = true;
	f.took_ms = 2;
	for (f.n_calls = 0; f.n_calls < N; f.n_calls++) {
		struct fake_call *c = &f.call[f.n_calls];

		snprintf(c->callid, sizeof(c->callid), "200.%zu", f.n_calls);
		call[f.n_calls] =
			(struct fp_moving_call){ .callid = c->callid,
						 .body = FP_BODY_OUTBOUND };
	}
	fflush(NULL);
	f.kill_at = n;
	pid = fork();
	if (!pid)
		first_run(fds[1]);
	status = serve(pid);
	OK(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
	EQ(read(fds[0], h.id, sizeof(h.id)), sizeof(h.id));
	forget_under();
	f.kill_at = 0;
	pid = fork();
	if (!pid)
		second_run(h.id);
	EQ(serve(pid), 0);
	/* at most what was under way when it was killed */
	OK(asked_twice() <= WINDOW);
	fake_close();
	close(fds[0]);
	close(fds[1]);
	snprintf(cmd, sizeof(cmd), "rm -r '%s'", dir);
	EQ(system(cmd), 0);
}

TEST(killed_early)
{
	killed_at(1);
}

TEST(killed_in_the_middle)
{
	killed_at(173);
}

TEST(killed_at_the_end)
{
	killed_at(N);
}
