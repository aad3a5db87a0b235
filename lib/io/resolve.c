/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/hash.h"
#include "io/clock.h"
#include "io/resolve_priv.h"

#define KEEP_MS 60000
#define KEEP_FAILURE_MS 5000
/* Until then the last address is used when DNS does not answer. */
#define KEEP_STALE_MS 86400000
/* Of its time to wait, what a question about a name that was known gets. */
#define STALE_PART 4
/* A question is given up, for all who wait, after this.  glibc asks twice, for 5 s
 * each, by default: resolv.conf(5). */
#define QUESTION_MS 12000
/* Beyond this many names wait for their turn; each takes a thread of the pool. */
#define AT_ONCE 64
#define BUCKETS 256

struct fp_lookup {
	struct fp_resolver *r;
	struct name *name;
	struct fp_lookup *left, *right; /* in the name's ring */
	struct fp_timer timer;
	int64_t timeout_ms;
	uint16_t port;
	void (*done)(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e);
	void *ctx;
};

enum state { KNOWN, WAITING, ASKED };

struct name {
	struct fp_resolver *r;
	struct name *next;  /* in its bucket */
	struct name *after; /* in the line of those that wait for a turn */
	enum state state;
	struct fp_lookup ring; /* who waits for it */
	struct fp_task *task;
	int code; /* when KNOWN: 0, or why not */
	struct fp_err err;
	struct sockaddr_storage to;
	socklen_t len;
	int64_t until_ms, good_ms; /* good: to is of then; len 0: no address */
	bool is_stale; /* DNS did not answer when it was asked again */
	char host[256];
};

struct fp_resolver {
	struct fp_loop *loop;
	struct fp_work *work;
	struct name *buckets[BUCKETS];
	struct name *line, **line_end;
	unsigned int n_asked;
	bool *is_gone; /* of the call that is in hand */
	void (*stale)(void *ctx, const char *host, const struct fp_err *e);
	void *stale_ctx;
};

static void set_port(struct sockaddr_storage *to, uint16_t port)
{
	if (to->ss_family == AF_INET)
		((struct sockaddr_in *)to)->sin_port = htons(port);
	else
		((struct sockaddr_in6 *)to)->sin6_port = htons(port);
}

/* ---- names */

static size_t bucket_of(const char *host)
{
	uint64_t h = FP_FNV1A_INIT;

	for (; *host; host++) {
		char c = *host | 0x20; /* what differs in case only meets */

		h = fp_fnv1a(h, &c, 1);
	}
	return h % BUCKETS;
}

static bool is_idle(const struct name *n)
{
	return n->state == KNOWN && n->ring.right == &n->ring;
}

/* The entry of a host, or NULL; on the way what is old goes. */
static struct name *find(struct fp_resolver *r, const char *host)
{
	struct name **p = &r->buckets[bucket_of(host)], *n;
	int64_t now_ms = fp_clock_ms();

	while ((n = *p)) {
		if (n->len && n->good_ms + KEEP_STALE_MS <= now_ms)
			n->len = 0;
		if (is_idle(n) && n->until_ms <= now_ms && !n->len) {
			*p = n->next;
			free(n);
			continue;
		}
		if (!strcasecmp(n->host, host))
			return n;
		p = &n->next;
	}
	return NULL;
}

static void ask_next(struct fp_resolver *r);

static void line_up(struct name *n)
{
	n->state = WAITING;
	*n->r->line_end = n;
	n->r->line_end = &n->after;
}

static struct name *add(struct fp_resolver *r, const char *host)
{
	struct name *n = calloc(1, sizeof(*n));
	struct name **bucket = &r->buckets[bucket_of(host)];

	if (!n)
		return NULL;
	n->r = r;
	n->ring.left = n->ring.right = &n->ring;
	memcpy(n->host, host, strlen(host) + 1);
	n->next = *bucket;
	*bucket = n;
	line_up(n);
	return n;
}

static void forget(struct fp_lookup *q)
{
	fp_loop_timer_disarm(q->r->loop, &q->timer);
	q->left->right = q->right;
	q->right->left = q->left;
}

static void tell(struct fp_lookup *q, const struct name *n)
{
	struct sockaddr_storage to = n->to;
	struct fp_err err = n->err;

	forget(q);
	if (!n->code)
		set_port(&to, q->port);
	q->done(q->ctx, n->code, n->code ? NULL : (struct sockaddr *)&to,
		n->code ? 0 : n->len, &err);
	free(q);
}

/* DNS does not answer, but it did: the address stays, and that is said once. */
static void stay(struct name *n, const struct fp_err *e)
{
	struct fp_resolver *r = n->r;

	if (!n->is_stale && r->stale)
		r->stale(r->stale_ctx, n->host, e);
	n->is_stale = true;
}

/* What came of a question.  That there is no such name is an answer. */
static void set_code(struct name *n, int code, const struct fp_err *e)
{
	n->state = KNOWN;
	n->until_ms = fp_clock_ms() + (code ? KEEP_FAILURE_MS : KEEP_MS);
	if (code && code != -ENOENT && n->len) {
		stay(n, e);
		return;
	}
	n->is_stale = false;
	n->code = code;
	if (code) {
		n->err = *e;
		n->len = 0;
	}
}

/* It is known now: say so to all who wait.  done may close the resolver. */
static void settle(struct name *n, int code, const struct fp_err *e)
{
	struct fp_resolver *r = n->r;
	bool is_gone = false;

	n->task = NULL;
	set_code(n, code, e);
	r->is_gone = &is_gone;
	while (!is_gone && n->ring.right != &n->ring)
		/* NOLINTNEXTLINE(*Malloc): is_gone says so */
		tell(n->ring.right, n);
	if (is_gone)
		return;
	r->is_gone = NULL;
	ask_next(r);
}

static void on_answer(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct name *n = ctx;
	const struct fp_question *q = data;
	struct fp_err err;

	n->r->n_asked--;
	if (!code) {
		n->to = q->to;
		n->len = q->len;
		n->good_ms = fp_clock_ms();
	} else if (code == -ETIMEDOUT) {
		fp_err(&err, code, "%s: no answer of DNS", n->host);
		e = &err;
	}
	settle(n, code, e);
}

static int start(struct name *n, struct fp_err *e)
{
	struct fp_question *q = calloc(1, sizeof(*q));
	struct fp_job job = { .run = fp_resolve_ask,
			      .done = on_answer,
			      .free = free,
			      .data = q,
			      .ctx = n,
			      .timeout_ms = QUESTION_MS };
	int r;

	if (!q)
		return fp_err_sys(e, -ENOMEM, "%s", n->host);
	memcpy(q->host, n->host, sizeof(q->host));
	r = fp_work_do(n->r->work, &job, &n->task, e);
	if (!r) {
		n->state = ASKED;
		n->r->n_asked++;
	}
	return r;
}

/* It cannot be asked: those who wait are told by the loop. */
static void fail_soon(struct name *n, int code, const struct fp_err *e)
{
	set_code(n, code, e);
	for (struct fp_lookup *q = n->ring.right; q != &n->ring; q = q->right)
		fp_loop_timer_arm(n->r->loop, &q->timer, 1);
}

/* Whose turn it is. */
static void ask_next(struct fp_resolver *r)
{
	while (r->line && r->n_asked < AT_ONCE) {
		struct name *n = r->line;
		struct fp_err e;
		int code;

		r->line = n->after;
		if (!r->line)
			r->line_end = &r->line;
		n->after = NULL;
		if (n->ring.right == &n->ring && !n->is_stale) {
			n->state = KNOWN; /* nobody wants it any more */
			continue;
		}
		code = start(n, &e);
		if (code)
			fail_soon(n, code, &e);
	}
}

static void on_timer(void *ctx)
{
	struct fp_lookup *q = ctx;
	struct fp_err e;

	if (q->name->state == KNOWN) {
		tell(q, q->name);
		return;
	}
	fp_err(&e, -ETIMEDOUT, "%s: no answer of DNS within %lld ms",
	       q->name->host, (long long)q->timeout_ms);
	if (q->name->len) {
		stay(q->name, &e);
		tell(q, q->name);
		return;
	}
	forget(q);
	q->done(q->ctx, -ETIMEDOUT, NULL, 0, &e);
	free(q);
}

/* ---- for others */

int fp_resolver_open(struct fp_resolver **out, struct fp_loop *l,
		     struct fp_work *w, struct fp_err *e)
{
	struct fp_resolver *r = calloc(1, sizeof(*r));

	if (!r)
		return fp_err_sys(e, -ENOMEM, "resolver");
	r->loop = l;
	r->work = w;
	r->line_end = &r->line;
	*out = r;
	return 0;
}

void fp_resolver_on_stale(struct fp_resolver *r,
			  void (*stale)(void *ctx, const char *host,
					const struct fp_err *e),
			  void *ctx)
{
	r->stale = stale;
	r->stale_ctx = ctx;
}

void fp_resolver_close(struct fp_resolver *r)
{
	if (!r)
		return;
	if (r->is_gone)
		*r->is_gone = true;
	for (size_t i = 0; i < BUCKETS; i++) {
		struct name *n;

		while ((n = r->buckets[i])) {
			r->buckets[i] = n->next;
			fp_work_cancel(n->task);
			while (n->ring.right != &n->ring)
				/* NOLINTNEXTLINE(*Malloc): not n */
				fp_resolve_cancel(n->ring.right);
			free(n);
		}
	}
	free(r);
}

/* Has it one to give without waiting? What is stale is asked again meanwhile. */
static bool is_answer(struct name *n)
{
	bool is_old = n->until_ms <= fp_clock_ms();

	if (n->state == KNOWN && !is_old)
		return true;
	if (!n->is_stale || !n->len)
		return false;
	if (n->state == KNOWN) {
		line_up(n);
		ask_next(n->r);
	}
	return true;
}

/* Told at once.  true: done was called. */
static bool answer_now(struct fp_resolver *r, const struct fp_endpoint *p,
		       uint16_t port,
		       void (*done)(void *ctx, int code,
				    const struct sockaddr *to, socklen_t len,
				    const struct fp_err *e),
		       void *ctx)
{
	struct sockaddr_storage to;
	struct fp_err none = { { 0 }, { 0 } }, err;
	struct name *n;
	socklen_t len;
	int code;

	if (p->addr.len) {
		len = fp_sockaddr(&p->addr, port, &to);
		done(ctx, 0, (struct sockaddr *)&to, len, &none);
		return true;
	}
	n = find(r, p->host);
	if (!n || !is_answer(n))
		return false;
	to = n->to;
	len = n->len;
	code = n->code;
	err = n->err;
	if (!code)
		set_port(&to, port);
	done(ctx, code, code ? NULL : (struct sockaddr *)&to, code ? 0 : len,
	     &err);
	return true;
}

static struct fp_lookup *wait_for(struct name *n, uint16_t port,
				  int64_t timeout_ms)
{
	struct fp_lookup *q = calloc(1, sizeof(*q));

	if (!q)
		return NULL;
	*q = (struct fp_lookup){ .r = n->r,
				 .name = n,
				 .timer = { .fire = on_timer, .ctx = q },
				 .timeout_ms = timeout_ms,
				 .port = port };
	if (fp_loop_timer_arm(n->r->loop, &q->timer,
			      fp_clock_ms() + timeout_ms)) {
		free(q);
		return NULL;
	}
	q->right = &n->ring;
	q->left = n->ring.left;
	q->left->right = q->right->left = q;
	return q;
}

int fp_resolve(struct fp_resolver *r, const struct fp_endpoint *p,
	       uint16_t default_port, int64_t timeout_ms,
	       void (*done)(void *ctx, int code, const struct sockaddr *to,
			    socklen_t len, const struct fp_err *e),
	       void *ctx, struct fp_lookup **out, struct fp_err *e)
{
	uint16_t port = p->port ? p->port : default_port;
	struct fp_lookup *q;
	struct name *n;

	if (!p->addr.len && !*p->host)
		return fp_err(e, -EINVAL, "no host to look up");
	if (out)
		*out = NULL;
	if (answer_now(r, p, port, done, ctx))
		return 0;
	n = find(r, p->host);
	if (!n)
		n = add(r, p->host);
	else if (n->state == KNOWN)
		line_up(n);
	if (n && n->len && timeout_ms > STALE_PART)
		timeout_ms /= STALE_PART;
	q = n ? wait_for(n, port, timeout_ms) : NULL;
	if (!q)
		return fp_err_sys(e, -ENOMEM, "%s", p->host);
	q->done = done;
	q->ctx = ctx;
	if (out)
		*out = q;
	ask_next(r);
	return 0;
}

void fp_resolve_cancel(struct fp_lookup *q)
{
	if (!q)
		return;
	forget(q);
	free(q);
}
