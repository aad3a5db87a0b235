/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "io/child.h"
#include "io/clock.h"
#include "watch.h"

#define RUN_MS 60000
#define QUEUE_MAX 64   /* of a node */
#define TOTAL_MAX 4096 /* of all */
#define CHILDREN_MAX 64
/* One that cannot be started is tried again: 12 times are some 40 s. */
#define RETRY_MIN_MS 100
#define RETRY_MAX_MS 5000
#define TRIES_MAX 12

struct event {
	struct event *next;
	size_t n;
	unsigned int n_tries;
	char json[];
};

/* What is to be told of one node, in order. */
struct lane {
	struct fh_runner *r;
	char node[256];
	struct event *first, **last;
	size_t n;
	struct fp_child *child;
	struct lane *next;
};

struct fh_runner {
	struct fp_loop *loop;
	const char *command;
	struct lane *lanes;
	size_t n, n_children;
	int64_t warned_ms, retry_ms; /* retry: 0, or how long this wait is */
	struct fp_timer retry;
};

static void start_more(struct fh_runner *r);

/* ---- one run */

static void on_output(void *ctx, const char *p, size_t n)
{
	const struct lane *l = ctx;

	while (n) {
		const char *stop = memchr(p, '\n', n);
		size_t len = stop ? (size_t)(stop - p) : n;

		if (len)
			fp_log(FP_LOG_INFO, "--on-change, %s: %.*s", l->node,
			       (int)(len < 400 ? len : 400), p);
		len += stop ? 1 : 0;
		p += len;
		n -= len;
	}
}

static void on_ended(void *ctx, int code, int status)
{
	struct lane *l = ctx;
	struct fh_runner *r = l->r;
	const char *node = *l->node ? l->node : "the cluster";

	l->child = NULL;
	r->n_children--;
	if (code)
		fp_log(FP_LOG_WARN, "--on-change for %s: %s", node,
		       code == -ETIMEDOUT ? "killed after 60s"
					  : strerror(-code));
	else if (status)
		fp_log(FP_LOG_WARN, "--on-change for %s: exit status %d", node,
		       status);
	start_more(r);
}

static void drop_first(struct lane *l)
{
	struct event *ev = l->first;

	l->first = ev->next;
	if (!l->first)
		l->last = &l->first;
	l->n--;
	l->r->n--;
	free(ev);
}

/* For want of a descriptor or a process, perhaps: not for long. */
static void try_later(struct lane *l, const struct fp_err *e)
{
	struct fh_runner *r = l->r;

	if (!r->retry_ms)
		fp_log(FP_LOG_ERR, "--on-change: %s: it is tried again",
		       e->text);
	r->retry_ms = r->retry_ms ? 2 * r->retry_ms : RETRY_MIN_MS;
	if (r->retry_ms > RETRY_MAX_MS)
		r->retry_ms = RETRY_MAX_MS;
	fp_loop_timer_arm(r->loop, &r->retry, fp_clock_ms() + r->retry_ms);
	if (++l->first->n_tries < TRIES_MAX)
		return;
	fp_log(FP_LOG_ERR, "--on-change: a change of %s is not told to it: %s",
	       *l->node ? l->node : "the cluster", e->text);
	drop_first(l);
}

/* false: not now. */
static bool start(struct lane *l)
{
	const char *const argv[] = { "/bin/sh", "-c", l->r->command, NULL };
	struct event *ev = l->first;
	const struct fp_child_opts o = { .argv = argv,
					 .in = ev->json,
					 .in_len = ev->n,
					 .timeout_ms = RUN_MS,
					 .out = on_output,
					 .ended = on_ended,
					 .ctx = l };
	struct fp_err e = { .text = "" };

	if (fp_child_start(&l->child, l->r->loop, &o, &e)) {
		l->child = NULL;
		try_later(l, &e);
		return false;
	}
	l->r->retry_ms = 0;
	l->r->n_children++;
	drop_first(l);
	return true;
}

static void start_more(struct fh_runner *r)
{
	if (r->retry.at_ms)
		return;
	for (struct lane *l = r->lanes; l && r->n_children < CHILDREN_MAX;
	     l = l->next)
		if (l->first && !l->child && !start(l))
			return;
}

static void on_retry(void *ctx)
{
	start_more(ctx);
}

/* ---- the queues */

static struct lane *lane_of(struct fh_runner *r, const char *node)
{
	struct lane *l = r->lanes;

	while (l && strcmp(l->node, node))
		l = l->next;
	if (l)
		return l;
	l = calloc(1, sizeof(*l));
	if (!l)
		return NULL;
	snprintf(l->node, sizeof(l->node), "%s", node);
	l->r = r;
	l->last = &l->first;
	l->next = r->lanes;
	r->lanes = l;
	return l;
}

static void warn(struct fh_runner *r, const struct lane *l)
{
	int64_t now_ms = fp_clock_ms();

	if (r->warned_ms && now_ms - r->warned_ms < 10000)
		return;
	r->warned_ms = now_ms;
	fp_log(FP_LOG_WARN,
	       "--on-change cannot keep up: changes of %s are not told to it",
	       *l->node ? l->node : "the cluster");
}

void fh_runner_add(struct fh_runner *r, const char *node, const char *json,
		   size_t n)
{
	struct lane *l = lane_of(r, node);
	struct event *ev;

	if (!l)
		return;
	if (l->n >= QUEUE_MAX || r->n >= TOTAL_MAX) {
		warn(r, l);
		return;
	}
	ev = malloc(sizeof(*ev) + n);
	if (!ev)
		return;
	ev->next = NULL;
	ev->n = n;
	ev->n_tries = 0;
	memcpy(ev->json, json, n);
	*l->last = ev;
	l->last = &ev->next;
	l->n++;
	r->n++;
	start_more(r);
}

int fh_runner_open(struct fh_runner **out, struct fp_loop *l,
		   const char *command, struct fp_err *e)
{
	struct fh_runner *r = calloc(1, sizeof(*r));

	if (!r)
		return fp_err(e, -ENOMEM, "out of memory");
	r->loop = l;
	r->command = command;
	r->retry = (struct fp_timer){ .fire = on_retry, .ctx = r };
	*out = r;
	return 0;
}

void fh_runner_close(struct fh_runner *r)
{
	struct lane *l = r ? r->lanes : NULL;

	if (r)
		fp_loop_timer_disarm(r->loop, &r->retry);
	while (l) {
		struct lane *next = l->next;

		fp_child_kill(l->child);
		while (l->first) {
			struct event *ev = l->first;

			l->first = ev->next;
			free(ev);
		}
		free(l);
		l = next;
	}
	free(r);
}
