/* SPDX-License-Identifier: Apache-2.0 */
#include "health/names.h"

#include <netdb.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "io/clock.h"

#define KEEP_MS 60000

struct answer {
	char host[256];
	struct fp_prefix v[FP_NAMES_MAX];
	size_t n;
};

struct name {
	struct answer now;
	int code; /* of the last answer; -EAGAIN: none yet */
	int64_t asked_ms;
	struct fp_task *task;
	struct fp_names *all;
	struct name *next;
};

struct fp_names {
	struct fp_loop *loop;
	struct fp_work *work;
	struct name *first;
	size_t n_asked;
	struct fp_timer end; /* so that done comes from the loop */
	void (*done)(void *ctx);
	void *ctx;
};

static void ended(void *ctx)
{
	struct fp_names *n = ctx;
	void (*done)(void *ctx) = n->done;

	n->done = NULL;
	if (done)
		done(n->ctx);
}

int fp_names_open(struct fp_names **out, struct fp_loop *l, struct fp_work *w,
		  struct fp_err *e)
{
	struct fp_names *n = calloc(1, sizeof(*n));

	if (!n)
		return fp_err_sys(e, -ENOMEM, "names");
	n->loop = l;
	n->work = w;
	n->end = (struct fp_timer){ .fire = ended, .ctx = n };
	*out = n;
	return 0;
}

void fp_names_close(struct fp_names *n)
{
	struct name *x, *next;

	if (!n)
		return;
	fp_loop_timer_disarm(n->loop, &n->end);
	for (x = n->first; x; x = next) {
		next = x->next;
		if (x->task)
			fp_work_cancel(x->task);
		free(x);
	}
	free(n);
}

static struct name *find(const struct fp_names *n, const char *host)
{
	for (struct name *x = n->first; x; x = x->next)
		if (!strcasecmp(x->now.host, host))
			return x;
	return NULL;
}

/* An address is its own answer. */
static bool is_address(const char *host, struct fp_prefix *out)
{
	return !fp_prefix_parse(out, host, strlen(host), NULL) &&
	       fp_prefix_is_host(out);
}

int fp_names_add(struct fp_names *n, const char *host, struct fp_err *e)
{
	struct fp_prefix p;
	struct name *x;

	if (is_address(host, &p) || find(n, host))
		return 0;
	x = calloc(1, sizeof(*x));
	if (!x)
		return fp_err_sys(e, -ENOMEM, "names");
	snprintf(x->now.host, sizeof(x->now.host), "%s", host);
	x->code = -EAGAIN;
	x->all = n;
	x->next = n->first;
	n->first = x;
	return 0;
}

/* ---- in a thread */

static void keep(struct answer *a, const struct sockaddr *sa)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)sa;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)sa;

	if (a->n < FP_NAMES_MAX && sa->sa_family == AF_INET)
		a->v[a->n++] = fp_prefix_v4(&v4->sin_addr, 32);
	else if (a->n < FP_NAMES_MAX && sa->sa_family == AF_INET6)
		a->v[a->n++] = fp_prefix_v6(&v6->sin6_addr, 128);
}

static int look_up(void *data, struct fp_err *e)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_DGRAM };
	struct addrinfo *list = NULL;
	struct answer *a = data;
	int r = getaddrinfo(a->host, NULL, &hints, &list);

	if (r)
		return fp_err(e,
			      r == EAI_NONAME || r == EAI_NODATA
				      ? -ENOENT
				      : -EHOSTUNREACH,
			      "%s: %s", a->host, gai_strerror(r));
	for (const struct addrinfo *x = list; x; x = x->ai_next)
		keep(a, x->ai_addr);
	freeaddrinfo(list);
	return a->n ? 0 : -ENOENT;
}

/* ---- in the loop */

static void one_done(struct fp_names *n)
{
	if (!--n->n_asked)
		fp_loop_timer_arm(n->loop, &n->end, fp_clock_ms());
}

static void looked_up(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct name *x = ctx;

	(void)e;
	x->task = NULL;
	x->code = code;
	if (!code)
		x->now = *(struct answer *)data;
	one_done(x->all);
}

static void ask(struct fp_names *n, struct name *x, int64_t timeout_ms)
{
	struct answer *a = calloc(1, sizeof(*a));
	struct fp_job job = { .run = look_up,
			      .done = looked_up,
			      .free = free,
			      .data = a,
			      .ctx = x,
			      .timeout_ms = timeout_ms };

	if (!a)
		return;
	memcpy(a->host, x->now.host, sizeof(a->host));
	x->asked_ms = fp_clock_ms();
	if (!fp_work_do(n->work, &job, &x->task, NULL))
		n->n_asked++;
}

void fp_names_resolve(struct fp_names *n, int64_t timeout_ms,
		      void (*done)(void *ctx), void *ctx)
{
	int64_t now_ms = fp_clock_ms();

	n->done = done;
	n->ctx = ctx;
	n->n_asked++;
	for (struct name *x = n->first; x; x = x->next)
		if (!x->task && (x->code || now_ms - x->asked_ms > KEEP_MS))
			ask(n, x, timeout_ms);
	one_done(n);
}

int fp_names_get(const struct fp_names *n, const char *host,
		 struct fp_prefix out[FP_NAMES_MAX])
{
	const struct name *x;

	if (is_address(host, &out[0]))
		return 1;
	x = find(n, host);
	if (!x)
		return -EAGAIN;
	memcpy(out, x->now.v, x->now.n * sizeof(*out));
	return x->now.n ? (int)x->now.n : x->code;
}
