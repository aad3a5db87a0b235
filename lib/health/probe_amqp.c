/* SPDX-License-Identifier: Apache-2.0 */
/* A broker that speaks AMQP 0-9-1: does it let us in, and does it take messages?
 * A broker with an alarm of its own (memory, disk) serves consumers still, and
 * tells a connection only when that publishes (RabbitMQ, "Blocked Connections"):
 * so one message is published that no queue takes, and comes back. */
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "health/probe.h"
#include "io/secret.h"
#include "io/ssl_thread.h"
#include "peer/amqp.h"

#define CA_FILE "/etc/ssl/certs/ca-certificates.crt"
#define NO_QUEUE "fastpath.health.no-queue"
#define URL_MAX 1024
#define JOB_SLACK_MS 1000

enum stage { WAITING, RESOLVING, CONNECTING, PUBLISHING };
/* What the broker made of our message. */
enum taken { RETURNED, FORBIDDEN, BLOCKED };

/* A reading under way: the thread's, but for where it is. */
struct ask {
	char *url, *file, *ca; /* of the cluster file, or NULL */
	int64_t timeout_ms;
	enum taken taken;
	_Atomic int stage;
};

struct amqp {
	struct fp_task *task;
	struct ask *ask; /* ours to look at while task is there */
};

static void free_ask(void *data)
{
	struct ask *a = data;

	free(a->url);
	free(a->file);
	free(a->ca);
	free(a);
}

/* ---- in the thread */

static int read_url(const struct ask *a, struct fp_amqp_url *out,
		    struct fp_err *e)
{
	char text[URL_MAX];
	int r;

	if (!a->file) {
		r = fp_amqp_url_parse(out, a->url, false, e);
		return r ? fp_err_prefix(e, r, "fp_amqp") : 0;
	}
	r = fp_secret_read(a->file, text, sizeof(text), e);
	if (!r)
		r = fp_amqp_url_parse(out, text, true, e);
	explicit_bzero(text, sizeof(text));
	/* whatever is wrong with a file of ours, it is not the broker */
	return r ? fp_err_prefix(e, -EINVAL, "fp_amqp_file %s", a->file) : 0;
}

static int publish(struct fp_amqp *m, enum taken *out, struct fp_err *e)
{
	static const struct fp_amqp_post post = { .exchange = "",
						  .key = NO_QUEUE,
						  .body = "" };
	size_t n_good;
	int r = fp_amqp_publish(m, &post, e);

	if (!r)
		r = fp_amqp_confirm(m, &n_good, e);
	if (r == -EBUSY)
		*out = BLOCKED;
	else if (r == -EACCES ||
		 (r == -EREMOTEIO && strstr(e->text, "ACCESS_REFUSED")))
		*out = FORBIDDEN;
	else if (r == -EREMOTEIO || !r)
		*out = RETURNED;
	else
		return r;
	return 0;
}

static int run(void *data, struct fp_err *e)
{
	struct ask *a = data;
	struct fp_amqp_url url;
	const struct fp_amqp_opts o = { .url = &url,
					.ca_file = a->ca ? a->ca : CA_FILE,
					.timeout_ms = a->timeout_ms };
	struct fp_amqp *m;
	int r = read_url(a, &url, e);

	if (r)
		return r;
	a->stage = RESOLVING;
	r = fp_resolve_wait(url.host, e);
	if (!r) {
		a->stage = CONNECTING;
		r = fp_probe_has_socket(e);
	}
	if (!r)
		r = fp_amqp_open(&m, &o, e);
	explicit_bzero(&url, sizeof(url));
	if (!r) {
		a->stage = PUBLISHING;
		r = publish(m, &a->taken, e);
		fp_amqp_close(m);
	}
	fp_ssl_thread_end();
	return r;
}

/* ---- in the loop */

static void say_taken(enum taken taken, struct fp_reading *r)
{
	switch (taken) {
	case RETURNED:
		fp_reading_say(r, FP_OK, "it takes messages");
		break;
	case FORBIDDEN:
		fp_reading_say(r, FP_OK,
			       "it lets us in; that it takes messages is not "
			       "seen, as the user may not publish");
		break;
	case BLOCKED:
		fp_reading_say(r, FP_CRITICAL,
			       "it takes no messages: an alarm of its own "
			       "(memory or disk)");
	}
}

static void fail(int code, const struct fp_err *e, enum stage stage,
		 int64_t timeout_ms, struct fp_reading *r)
{
	if (code == -EACCES) /* it answers, but not to us */
		fp_reading_say(r, FP_UNKNOWN, "%s", e->text);
	else if (code == -ETIMEDOUT && !strncmp(e->text, "login", 5))
		fp_reading_say(r, FP_CRITICAL,
			       "connected, but the broker says nothing within "
			       "%lld ms",
			       (long long)timeout_ms);
	else if (code == -ETIMEDOUT && stage == PUBLISHING)
		fp_reading_say(r, FP_CRITICAL, "it lets us in, but %s",
			       e->text);
	else
		fp_reading_fail(r, code, e);
	r->is_silent |= code == -ETIMEDOUT;
}

static void done(void *ctx, int code, void *data, const struct fp_err *e)
{
	struct fp_probe *p = ctx;
	struct amqp *d = p->data;
	struct ask *a = data;
	struct fp_reading r;

	d->task = NULL;
	d->ask = NULL;
	fp_reading_init(&r);
	if (code && a && a->stage == RESOLVING)
		fp_reading_no_name(&r, code, e);
	else if (code)
		fail(code, e, a ? (enum stage)a->stage : WAITING,
		     a ? a->timeout_ms : p->timeout_ms, &r);
	else
		say_taken(a->taken, &r);
	fp_probe_done(p, &r);
}

static bool copy(char **to, const struct fp_probe *p, const char *var)
{
	const char *s = fp_inventory_var(p->host, var);

	*to = s && *s ? strdup(s) : NULL;
	return !s || !*s || *to;
}

static struct ask *new_ask(const struct fp_probe *p)
{
	struct ask *a = calloc(1, sizeof(*a));

	if (!a)
		return NULL;
	/* a reading is several waits, each of which may take this long */
	a->timeout_ms = p->timeout_ms - p->timeout_ms / 10;
	if (copy(&a->url, p, "fp_amqp") && copy(&a->file, p, "fp_amqp_file") &&
	    copy(&a->ca, p, "fp_tls_ca"))
		return a;
	free_ask(a);
	return NULL;
}

static void start(struct fp_probe *p)
{
	struct amqp *d = p->data;
	struct fp_err e = { .text = "" };
	struct ask *a = new_ask(p);
	struct fp_reading r;
	int code = -ENOMEM;

	if (a) {
		struct fp_job job = { .run = run,
				      .done = done,
				      .free = free_ask,
				      .data = a,
				      .ctx = p,
				      .timeout_ms =
					      p->timeout_ms + JOB_SLACK_MS };

		d->ask = a;
		code = fp_work_do(p->env->work, &job, &d->task, &e);
	}
	if (!code)
		return;
	d->task = NULL;
	d->ask = NULL;
	fp_reading_init(&r);
	fp_reading_fail(&r, code, &e);
	fp_probe_done(p, &r);
}

static void expire(struct fp_probe *p, struct fp_reading *r)
{
	struct amqp *d = p->data;
	int stage = d->ask ? d->ask->stage : WAITING;

	if (d->task)
		fp_work_cancel(d->task);
	d->task = NULL;
	d->ask = NULL;
	if (stage == WAITING) {
		fp_reading_say(r, FP_UNKNOWN,
			       "not asked within %lld ms: too many others hang",
			       (long long)p->timeout_ms);
		return;
	}
	if (stage == RESOLVING) {
		fp_reading_say(r, FP_UNKNOWN, "no answer from DNS in %lld ms",
			       (long long)p->timeout_ms);
		r->is_silent = true;
		return;
	}
	fp_reading_say(r, FP_CRITICAL,
		       stage == CONNECTING
			       ? "it does not let us in within %lld ms"
			       : "it lets us in, but takes no message within "
				 "%lld ms",
		       (long long)p->timeout_ms);
	r->is_silent = true;
}

/* ---- the kind */

static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	static const struct fp_endpoint to = { .transport = FP_T_NONE };
	const char *url = fp_inventory_var(h, "fp_amqp");
	const char *file = fp_inventory_var(h, "fp_amqp_file");
	struct fp_amqp_url u;
	int r;

	if (url && *url && file && *file)
		return fp_err(e, -EINVAL,
			      "fp_amqp and fp_amqp_file: only one of them");
	if (url && *url) {
		r = fp_amqp_url_parse(&u, url, false, e);
		explicit_bzero(&u, sizeof(u));
		return r ? fp_err_prefix(e, r, "fp_amqp") : add(ctx, &to);
	}
	return file && *file ? add(ctx, &to) : 0;
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	p->data = calloc(1, sizeof(struct amqp));
	return p->data ? 0 : fp_err(e, -ENOMEM, "out of memory");
}

static void fini(struct fp_probe *p)
{
	struct amqp *d = p->data;

	if (d->task)
		fp_work_cancel(d->task);
	free(d);
	p->data = NULL;
}

static const char *const figures[] = { NULL };

const struct fp_probe_kind fp_probe_amqp = {
	.name = "amqp",
	.vars = "fp_amqp or fp_amqp_file",
	.figures = figures,
	.is_network = true,
	.plan = plan,
	.init = init,
	.fini = fini,
	.start = start,
	.expire = expire,
};
