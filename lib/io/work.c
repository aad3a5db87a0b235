/* SPDX-License-Identifier: Apache-2.0 */
#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/work.h"

#define STACK_SIZE (1024 * 1024) /* NSS modules and TLS of libpq run on it */
#define IDLE_S 30                /* then a thread without work ends */
/* Threads that nobody waits for any more do not count as those of the pool; this
 * many may be lost in what they do before the rest has to wait. */
#define LOST_MAX 64

enum state { QUEUED, RUNNING, FINISHED, ABANDONED };

struct fp_task {
	struct fp_job job;
	struct fp_work *w; /* the loop's side only */
	enum state state;  /* under the pool's lock */
	int code;
	struct fp_err err;
	struct fp_timer timer;
	struct fp_task *next;         /* in queue or finished */
	struct fp_task *left, *right; /* in fp_work's ring */
};

struct list {
	struct fp_task *first, **last;
};

/* What threads and loop share; it lives as long as the last of them. */
struct pool {
	pthread_mutex_t lock;
	pthread_cond_t wake;
	struct list queue, finished;
	unsigned int n_threads, n_idle, n_lost, n_queued, max;
	unsigned int refs; /* the loop's side and each thread */
	int event_fd;
	bool is_closed;
};

struct fp_work {
	struct fp_loop *loop;
	struct pool *pool;
	struct fp_task ring; /* all that the loop waits for */
	size_t n;
};

static void list_init(struct list *l)
{
	l->first = NULL;
	l->last = &l->first;
}

static void list_put(struct list *l, struct fp_task *t)
{
	t->next = NULL;
	*l->last = t;
	l->last = &t->next;
}

static struct fp_task *list_pop(struct list *l)
{
	struct fp_task *t = l->first;

	if (t && !(l->first = t->next))
		l->last = &l->first;
	return t;
}

static void list_take(struct list *l, struct fp_task *t)
{
	struct fp_task **p = &l->first;

	while (*p != t)
		p = &(*p)->next;
	*p = t->next;
	if (!*p)
		l->last = p;
}

static void task_free(struct fp_task *t)
{
	if (t->job.free)
		t->job.free(t->job.data);
	free(t);
}

/* ---- threads */

/* The lock is held; it is gone after this. */
static void pool_leave(struct pool *p)
{
	bool is_last = !--p->refs;

	pthread_mutex_unlock(&p->lock);
	if (!is_last)
		return;
	close(p->event_fd);
	pthread_cond_destroy(&p->wake);
	pthread_mutex_destroy(&p->lock);
	free(p);
}

/* The next one, or NULL: nothing to do for a while, or closed. */
static struct fp_task *next_task(struct pool *p)
{
	struct fp_task *t = NULL;
	struct timespec end;
	int r = 0;

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += IDLE_S;
	p->n_idle++;
	while (!p->is_closed && !(t = list_pop(&p->queue)) && r != ETIMEDOUT)
		r = pthread_cond_clockwait(&p->wake, &p->lock, CLOCK_MONOTONIC,
					   &end);
	p->n_idle--;
	return t;
}

/* Lock is held before and after.  false: this thread has become one too many. */
static bool run_task(struct pool *p, struct fp_task *t)
{
	static const uint64_t one = 1;

	p->n_queued--;
	t->state = RUNNING;
	pthread_mutex_unlock(&p->lock);
	t->code = t->job.run(t->job.data, &t->err);
	pthread_mutex_lock(&p->lock);
	if (t->state == RUNNING) {
		t->state = FINISHED;
		list_put(&p->finished, t);
		/* never full, so that it cannot fail */
		(void)!write(p->event_fd, &one, sizeof(one));
		return true;
	}
	p->n_lost--;
	pthread_mutex_unlock(&p->lock);
	task_free(t);
	pthread_mutex_lock(&p->lock);
	if (p->n_threads >= p->max)
		return false;
	p->n_threads++;
	return true;
}

static void *work(void *ctx)
{
	struct pool *p = ctx;
	struct fp_task *t;
	bool is_counted = true;

	pthread_mutex_lock(&p->lock);
	while (is_counted && (t = next_task(p)))
		is_counted = run_task(p, t);
	p->n_threads -= is_counted;
	pool_leave(p);
	return NULL;
}

/* The lock is held. */
static int start_thread(struct pool *p)
{
	pthread_attr_t attr;
	pthread_t thread;
	sigset_t all, before;
	int code;

	/* signals are the loop's */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	pthread_attr_init(&attr);
	pthread_attr_setdetachstate(&attr, PTHREAD_CREATE_DETACHED);
	pthread_attr_setstacksize(&attr, STACK_SIZE);
	code = -pthread_create(&thread, &attr, work, p);
	pthread_attr_destroy(&attr);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (!code) {
		p->n_threads++;
		p->refs++;
	}
	return code;
}

/* The lock is held.  0: somebody will see to what is queued. */
static int staff(struct pool *p)
{
	int code = 0;

	if (p->n_queued > p->n_idle && p->n_threads < p->max &&
	    p->n_lost < LOST_MAX && !p->is_closed)
		code = start_thread(p);
	pthread_cond_signal(&p->wake);
	return p->n_threads || p->n_lost ? 0 : code;
}

/* ---- the loop's side */

static void forget(struct fp_task *t)
{
	struct fp_work *w = t->w;

	fp_loop_timer_disarm(w->loop, &t->timer);
	t->left->right = t->right;
	t->right->left = t->left;
	if (!--w->n)
		fp_loop_fd_del(w->loop, w->pool->event_fd);
}

/* Take it from the pool.  false: a thread has it and will free it. */
static bool withdraw(struct pool *p, struct fp_task *t)
{
	bool is_ours = true;

	pthread_mutex_lock(&p->lock);
	if (t->state == QUEUED) {
		list_take(&p->queue, t);
		p->n_queued--;
	} else if (t->state == FINISHED) {
		list_take(&p->finished, t);
	} else {
		t->state = ABANDONED;
		p->n_threads--;
		p->n_lost++;
		staff(p);
		is_ours = false;
	}
	pthread_mutex_unlock(&p->lock);
	return is_ours;
}

void fp_work_cancel(struct fp_task *t)
{
	if (!t)
		return;
	forget(t);
	if (withdraw(t->w->pool, t))
		task_free(t);
}

static void on_deadline(void *ctx)
{
	struct fp_task *t = ctx;
	struct fp_job job = t->job;
	struct fp_err e;

	fp_err(&e, -ETIMEDOUT, "no answer within %lld ms",
	       (long long)job.timeout_ms);
	fp_work_cancel(t);
	job.done(job.ctx, -ETIMEDOUT, NULL, &e);
}

static struct fp_task *next_finished(struct pool *p)
{
	struct fp_task *t = NULL;

	pthread_mutex_lock(&p->lock);
	if (!p->is_closed)
		t = list_pop(&p->finished);
	pthread_mutex_unlock(&p->lock);
	return t;
}

/* done may add, cancel and close. */
static void on_event(void *ctx, uint32_t events)
{
	struct fp_work *w = ctx;
	struct pool *p = w->pool;
	struct fp_task *t;
	uint64_t n;

	(void)events;
	if (read(p->event_fd, &n, sizeof(n)) < 0)
		return;
	pthread_mutex_lock(&p->lock);
	p->refs++;
	pthread_mutex_unlock(&p->lock);
	while ((t = next_finished(p))) {
		forget(t);
		t->job.done(t->job.ctx, t->code, t->job.data, &t->err);
		task_free(t);
	}
	pthread_mutex_lock(&p->lock);
	pool_leave(p);
}

int fp_work_open(struct fp_work **out, struct fp_loop *l, unsigned int threads,
		 struct fp_err *e)
{
	struct fp_work *w = calloc(1, sizeof(*w));
	struct pool *p = calloc(1, sizeof(*p));
	int code = -ENOMEM;

	if (p) {
		p->event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
		code = p->event_fd < 0 ? -errno : 0;
	}
	if (!w || code) {
		if (p && !code)
			close(p->event_fd);
		free(w);
		free(p);
		return fp_err_sys(e, code ? code : -ENOMEM, "threads");
	}
	pthread_mutex_init(&p->lock, NULL);
	pthread_cond_init(&p->wake, NULL);
	list_init(&p->queue);
	list_init(&p->finished);
	p->max = threads ? threads : 1;
	p->refs = 1;
	w->loop = l;
	w->pool = p;
	w->ring.left = w->ring.right = &w->ring;
	*out = w;
	return 0;
}

void fp_work_close(struct fp_work *w)
{
	if (!w)
		return;
	pthread_mutex_lock(&w->pool->lock);
	w->pool->is_closed = true;
	pthread_cond_broadcast(&w->pool->wake);
	pthread_mutex_unlock(&w->pool->lock);
	while (w->ring.right != &w->ring)
		/* NOLINTNEXTLINE(*Malloc): it left the ring */
		fp_work_cancel(w->ring.right);
	pthread_mutex_lock(&w->pool->lock);
	pool_leave(w->pool);
	free(w);
}

static int enqueue(struct fp_work *w, struct fp_task *t)
{
	struct pool *p = w->pool;
	int code;

	pthread_mutex_lock(&p->lock);
	list_put(&p->queue, t);
	p->n_queued++;
	code = staff(p);
	pthread_mutex_unlock(&p->lock);
	return code;
}

int fp_work_do(struct fp_work *w, const struct fp_job *job,
	       struct fp_task **out, struct fp_err *e)
{
	struct fp_task *t = calloc(1, sizeof(*t));
	int code = -ENOMEM;

	if (!t) {
		if (job->free)
			job->free(job->data);
		return fp_err_sys(e, code, "work");
	}
	t->job = *job;
	t->w = w;
	t->timer = (struct fp_timer){ .fire = on_deadline, .ctx = t };
	code = w->n ? 0
		    : fp_loop_fd_add(w->loop, w->pool->event_fd, EPOLLIN,
				     on_event, w);
	if (code) {
		task_free(t);
		return fp_err_sys(e, code, "work");
	}
	w->n++;
	t->right = &w->ring;
	t->left = w->ring.left;
	t->left->right = t->right->left = t;
	code = enqueue(w, t);
	if (!code)
		code = fp_loop_timer_arm(w->loop, &t->timer,
					 fp_clock_ms() + job->timeout_ms);
	if (code) {
		fp_work_cancel(t);
		return fp_err_sys(e, code, "work");
	}
	if (out)
		*out = t;
	return 0;
}
