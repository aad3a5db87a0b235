/* SPDX-License-Identifier: Apache-2.0 */
/* Threads beside the loop. */
#include "unit.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>

#include "io/clock.h"
#include "io/work.h"

static atomic_int n_freed, n_running, n_most, n_ran;
static pthread_mutex_t gate = PTHREAD_MUTEX_INITIALIZER;

struct ctx {
	struct fp_loop *l;
	struct fp_work *w;
	int n_done, code;
	void *data;
	struct fp_err err;
	bool is_closing;
};

static void open_all(struct ctx *c, unsigned int threads)
{
	struct fp_err e;

	memset(c, 0, sizeof(*c));
	EQ(fp_loop_open(&c->l, &e), 0);
	EQ(fp_work_open(&c->w, c->l, threads, &e), 0);
}

static void close_all(struct ctx *c)
{
	fp_work_close(c->w);
	fp_loop_close(c->l);
}

static void free_data(void *data)
{
	n_freed++;
	free(data);
}

static void on_done(void *arg, int code, void *data, const struct fp_err *e)
{
	struct ctx *c = arg;

	c->code = code;
	c->data = data;
	c->err = *e;
	if (code != -ETIMEDOUT)
		EQ(*(int *)data, code);
	c->n_done++;
	if (c->is_closing) {
		fp_work_close(c->w);
		c->w = NULL;
	}
}

static int give(void *data, struct fp_err *e)
{
	n_ran++;
	return *(int *)data < 0 ? fp_err(e, *(int *)data, "as told")
				: *(int *)data;
}

static int nap(void *data, struct fp_err *e)
{
	int now = ++n_running, most = n_most;

	while (now > most && !atomic_compare_exchange_weak(&n_most, &most, now))
		;
	usleep(30000);
	n_running--;
	return give(data, e);
}

static int hang(void *data, struct fp_err *e)
{
	n_running++;
	pthread_mutex_lock(&gate);
	pthread_mutex_unlock(&gate);
	return give(data, e);
}

static struct fp_task *start(struct ctx *c,
			     int (*run)(void *data, struct fp_err *e),
			     int value, int64_t timeout_ms)
{
	struct fp_job job = { .run = run,
			      .done = on_done,
			      .free = free_data,
			      .data = malloc(sizeof(int)),
			      .ctx = c,
			      .timeout_ms = timeout_ms };
	struct fp_task *t = NULL;
	struct fp_err e;

	*(int *)job.data = value;
	EQ(fp_work_do(c->w, &job, &t, &e), 0);
	return t;
}

/* Wait for a condition that threads bring about. */
#define UNTIL(COND)                                                            \
	for (int i_ = 0; i_ < 1000 && !(COND); i_++)                           \
		usleep(5000);                                                  \
	OK(COND)

TEST(what_run_returns_is_told)
{
	struct ctx c;

	open_all(&c, 2);
	start(&c, give, 7, 5000);
	EQ(fp_loop_run(c.l), 0); /* ends by itself */
	EQ(c.n_done, 1);
	EQ(c.code, 7);
	start(&c, give, -EACCES, 5000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -EACCES);
	STR(c.err.text, "as told");
	EQ(n_freed, 2);
	close_all(&c);
}

TEST(many_jobs_few_threads)
{
	struct ctx c;
	long start_ms = unit_now_ms();

	open_all(&c, 4);
	for (int i = 0; i < 40; i++)
		start(&c, nap, i, 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 40);
	EQ(n_freed, 40);
	EQ(n_most, 4);
	OK(unit_now_ms() - start_ms >= 300);
	close_all(&c);
}

/* A thread that hangs is replaced, so that others are not kept waiting. */
TEST(hangs_are_left_behind)
{
	struct ctx c;

	open_all(&c, 1);
	pthread_mutex_lock(&gate);
	start(&c, hang, 1, 50);
	start(&c, hang, 2, 600);
	start(&c, give, 3, 60000);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 3);
	EQ(c.code, 3);
	EQ(n_freed, 1);
	start(&c, hang, 4, 20);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.code, -ETIMEDOUT);
	OK(!c.data);
	HAS(c.err.text, "no answer within 20 ms");
	pthread_mutex_unlock(&gate);
	UNTIL(n_freed == 4);
	EQ(c.n_done, 4);
	close_all(&c);
}

/* In the queue a job's time passes too; it is never run then. */
TEST(late_in_the_queue)
{
	struct ctx c;

	open_all(&c, 1);
	pthread_mutex_lock(&gate);
	start(&c, hang, 1, 200);
	start(&c, give, 2, 30);
	start(&c, give, 3, 60);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 3);
	EQ(n_ran, 0);
	EQ(n_freed, 2);
	pthread_mutex_unlock(&gate);
	UNTIL(n_freed == 3);
	close_all(&c);
}

TEST(cancelled_is_not_told)
{
	struct ctx c;
	struct fp_task *t;

	open_all(&c, 1);
	pthread_mutex_lock(&gate);
	t = start(&c, hang, 1, 60000);
	UNTIL(n_running == 1);
	fp_work_cancel(start(&c, give, 2, 60000));
	EQ(n_freed, 1);
	fp_work_cancel(t);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 0);
	pthread_mutex_unlock(&gate);
	UNTIL(n_freed == 2);
	/* finished, not told yet */
	t = start(&c, give, 3, 60000);
	UNTIL(n_ran == 2);
	fp_work_cancel(t);
	EQ(fp_loop_run(c.l), 0);
	UNTIL(n_freed == 3);
	EQ(c.n_done, 0);
	close_all(&c);
}

TEST(closed_while_it_hangs)
{
	struct ctx c;

	open_all(&c, 2);
	pthread_mutex_lock(&gate);
	for (int i = 0; i < 5; i++)
		start(&c, hang, i, 60000);
	close_all(&c);
	pthread_mutex_unlock(&gate);
	UNTIL(n_freed == 5);
	EQ(c.n_done, 0);
}

TEST(closed_from_within)
{
	struct ctx c;

	open_all(&c, 2);
	c.is_closing = true;
	for (int i = 0; i < 5; i++)
		start(&c, give, i, 60000);
	UNTIL(n_ran == 5);
	EQ(fp_loop_run(c.l), 0);
	EQ(c.n_done, 1);
	UNTIL(n_freed == 5);
	fp_loop_close(c.l);
}
