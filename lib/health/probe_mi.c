/* SPDX-License-Identifier: Apache-2.0 */
/* OpenSIPS by its management interface: alive when it answers, and what it says of
 * itself and of the others is the view that cluster checks are made of. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "health/opensips.h"
#include "health/probe.h"
#include "io/clock.h"

/* Our own deadline is a little before the engine's: it knows what it waits for. */
#define MARGIN_MS 10
/* No question of ours has an answer like that; httpd's own bound is 4 MB, unless
 * set. */
#define REPLY_MAX (8u << 20)
#define HTTP_PORT 8888 /* Source: OpenSIPS 3.6 httpd, "port" */

struct mi {
	struct fp_probe *p;
	struct fp_mi *mi; /* kept between readings; NULL: none */
	struct fp_lookup *lookup;
	struct fp_opensips_read *read;
	uint32_t node_id;
};

/* ---- which */

/* The one for commands; the one for long listings when there is no other. */
static int mi_plan(const struct fp_host *h,
		   int (*add)(void *ctx, const struct fp_endpoint *to),
		   void *ctx, struct fp_err *e)
{
	const char *key = fp_inventory_var(h, "fp_mi") ? "fp_mi" : "fp_mi_list";
	const char *value = fp_inventory_var(h, key);
	struct fp_endpoint to;
	int r = value ? fp_endpoint_list(value, 0, &to, e) : 0;

	if (r < 0)
		return fp_err_prefix(e, r, "%s", key);
	if (!r)
		return 0;
	if (to.transport == FP_T_UDP && !to.port)
		return fp_err(e, -EINVAL, "%s: \"%s\" has no port", key, value);
	switch (to.transport) {
	case FP_T_UDP:
	case FP_T_UNIX:
	case FP_T_FIFO:
	case FP_T_HTTP:
	case FP_T_HTTPS:
		return add(ctx, &to);
	default:
		return fp_err(e, -EINVAL,
			      "%s: \"%s\" is none of udp:, unix:, fifo:, "
			      "http:// and https://",
			      key, value);
	}
}

static int mi_init(struct fp_probe *p, struct fp_err *e)
{
	const char *id = fp_inventory_var(p->host, "fp_node_id");
	struct mi *d;
	long n = 0;

	if (id) {
		char *end;

		n = strtol(id, &end, 10);
		if (!*id || *end || n < 1 || n > INT32_MAX)
			return fp_err(e, -EINVAL,
				      "fp_node_id: \"%s\" is no number of a "
				      "node",
				      id);
	}
	d = calloc(1, sizeof(*d));
	if (!d)
		return fp_err(e, -ENOMEM, "no memory");
	d->p = p;
	d->node_id = (uint32_t)n;
	p->data = d;
	return 0;
}

static void stop(struct mi *d)
{
	if (d->lookup)
		fp_resolve_cancel(d->lookup);
	if (d->read)
		fp_opensips_read_drop(d->read);
	d->lookup = NULL;
	d->read = NULL;
}

/* What did not answer may be another server by the next time. */
static void hang_up(struct mi *d)
{
	stop(d);
	fp_mi_close(d->mi);
	d->mi = NULL;
}

static void mi_fini(struct fp_probe *p)
{
	hang_up(p->data);
	free(p->data);
}

/* ---- what it said */

/* "OpenSIPS (3.6.8 (x86_64/linux))": the number alone. */
static void number_of(const char *version, char out[32])
{
	const char *s = strpbrk(version, "0123456789");
	size_t n = s ? strspn(s, "0123456789.") : 0;

	if (n > 31)
		n = 31;
	memcpy(out, s ? s : "", n);
	out[n] = 0;
}

/* Both of its times are of one moment: their difference is exact. */
static void run_of(const struct fp_view_opensips *v, struct fp_reading *r)
{
	int64_t start_s = v->now_s - v->up_s;

	if (!v->now_s || start_s <= 0 || start_s > FP_TIME_MAX_S)
		return;
	fp_time_print(start_s, r->run);
	r->run[FP_TIME_LEN] = 0;
}

static void describe(const struct fp_view_opensips *v, struct fp_reading *r)
{
	double total = (double)v->shm_total_bytes,
	       free_percent =
		       total > 0 ? 100 * (double)v->shm_free_bytes / total : -1;
	char number[32], dialogs[48] = "", memory[64] = "";

	number_of(v->version, number);
	if (v->dialogs >= 0) {
		fp_reading_figure(r, "dialogs", (double)v->dialogs, "",
				  __builtin_nan(""));
		snprintf(dialogs, sizeof(dialogs), ", %" PRId64 " dialogs",
			 v->dialogs);
	}
	if (free_percent >= 0) {
		fp_reading_figure(r, "shm_free", free_percent, "%", 100);
		snprintf(memory, sizeof(memory),
			 ", %.0f %% of shared memory free", free_percent);
	}
	fp_reading_figure(r, "up", (double)v->up_s, "s", __builtin_nan(""));
	fp_reading_say(r, FP_OK, "OpenSIPS %s, up %" PRId64 "s%s%s", number,
		       v->up_s, dialogs, memory);
	run_of(v, r);
}

/* What it said before it went wrong is worth something: a listing that is too
 * long for a datagram leaves the rest as it is. */
static void read_done(void *ctx, int code, struct fp_view *v,
		      const struct fp_err *e)
{
	struct mi *d = ctx;
	struct fp_reading r;
	bool is_partial =
		code == -EMSGSIZE || code == -EREMOTEIO || code == -EPROTO;

	d->read = NULL;
	fp_reading_init(&r);
	if (v) {
		v->opensips.node_id = d->node_id;
		if (!code || is_partial)
			describe(&v->opensips, &r);
	}
	if (code && v && is_partial)
		fp_reading_say(&r, FP_WARNING, "%s", e->text);
	else if (code)
		fp_reading_fail(&r, code, e);
	/* It did answer something. */
	if (v)
		r.is_silent = false;
	if (code && !(v && is_partial)) {
		hang_up(d);
		fp_view_free(v);
		v = NULL;
	}
	r.view = v;
	fp_probe_done(d->p, &r);
}

/* ---- asking */

static void fail(struct mi *d, int code, const struct fp_err *e)
{
	struct fp_reading r;

	hang_up(d);
	fp_reading_init(&r);
	fp_reading_fail(&r, code, e);
	fp_probe_done(d->p, &r);
}

static void ask(struct mi *d)
{
	int64_t left_ms = d->p->deadline_ms - fp_clock_ms() - MARGIN_MS;
	struct fp_err e = { .text = "" };
	int code = fp_opensips_read(d->mi,
				    FP_OS_BASE | FP_OS_CLUSTER | FP_OS_DESTS,
				    left_ms > 1 ? left_ms : 1, read_done, d,
				    &d->read, &e);

	if (code)
		fail(d, code, &e);
}

static void open_at(struct mi *d, const struct sockaddr *to, socklen_t len)
{
	struct fp_mi_opts o = { .to = d->p->to, .reply_max = REPLY_MAX };
	struct fp_err e = { .text = "" };
	int code;

	if (len > sizeof(o.sa))
		len = 0;
	if (len)
		memcpy(&o.sa, to, len);
	o.sa_len = len;
	code = fp_mi_open(&d->mi, d->p->env->loop, &o, &e);
	if (code)
		fail(d, code, &e);
	else
		ask(d);
}

static void resolved(void *ctx, int code, const struct sockaddr *to,
		     socklen_t len, const struct fp_err *e)
{
	struct mi *d = ctx;
	struct fp_reading r;

	d->lookup = NULL;
	if (!code) {
		open_at(d, to, len);
		return;
	}
	/* of the name, not of the server */
	fp_reading_init(&r);
	fp_reading_say(&r, FP_UNKNOWN, "%s",
		       e->text[0] ? e->text : strerror(-code));
	r.is_silent = code == -ETIMEDOUT || code == -EHOSTUNREACH;
	fp_probe_done(d->p, &r);
}

static void mi_start(struct fp_probe *p)
{
	struct mi *d = p->data;
	struct fp_lookup *lookup = NULL;
	struct fp_err e = { .text = "" };
	int code;

	if (d->mi) {
		ask(d);
		return;
	}
	if (!*p->to.host) {
		open_at(d, NULL, 0);
		return;
	}
	code = fp_resolve(p->env->resolver, &p->to, HTTP_PORT, p->timeout_ms,
			  resolved, d, &lookup, &e);
	if (code)
		fail(d, code, &e);
	else if (lookup)
		d->lookup = lookup;
}

static void mi_expire(struct fp_probe *p, struct fp_reading *r)
{
	struct mi *d = p->data;

	fp_reading_say(r, d->lookup ? FP_UNKNOWN : FP_CRITICAL,
		       d->lookup ? "no answer from DNS in %" PRId64 " ms"
				 : "no reply in %" PRId64 " ms",
		       p->timeout_ms);
	r->is_silent = true;
	hang_up(d);
}

static const char *const figures[] = { "dialogs", "shm_free", "up", NULL };

const struct fp_probe_kind fp_probe_mi = {
	.name = "mi",
	.vars = "fp_mi or fp_mi_list",
	.figures = figures,
	.is_network = true,
	.plan = mi_plan,
	.init = mi_init,
	.fini = mi_fini,
	.start = mi_start,
	.expire = mi_expire,
};
