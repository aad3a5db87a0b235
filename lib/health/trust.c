/* SPDX-License-Identifier: Apache-2.0 */
#include "health/trust.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/jsonrpc.h"
#include "codec/opensips.h"
#include "codec/trusted.h"

#define WHY_MAX 400

struct source {
	struct fp_proxy *p;
	int64_t timeout_ms;
	int (*each)(void *ctx, const char *where, const char *why,
		    struct fp_err *e);
	void *ctx;
	const char *what; /* "permissions" */
	struct fp_err *e;
	unsigned int commands; /* that it has: 1 << index */
	bool has_parts;
	char *part[64];
	size_t n_parts;
};

static int found(struct source *s, const char *where, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
static int found(struct source *s, const char *where, const char *fmt, ...)
{
	char why[WHY_MAX];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	return s->each(s->ctx, where, why, s->e);
}

static int dispatcher_dest(void *ctx, const struct fp_trusted_dest *d)
{
	struct source *s = ctx;
	const char *part = strcmp(d->partition, "default") ? d->partition : "";

	return found(s, d->address ? d->address : d->uri,
		     "dispatcher %s %s%s%" PRId64, s->p->host->name, part,
		     *part ? ":" : "", d->set_id);
}

static int take_dispatcher(void *ctx, const struct cJSON *result,
			   struct fp_err *e)
{
	return fp_trusted_dispatcher(result, dispatcher_dest, ctx, e);
}

static int balancer_dest(void *ctx, const struct fp_os_dest *d)
{
	struct source *s = ctx;

	return found(s, d->uri, "load_balancer %s %" PRId64, s->p->host->name,
		     d->set_id);
}

static int take_balancer(void *ctx, const struct cJSON *result,
			 struct fp_err *e)
{
	return fp_os_load_balancer(result, balancer_dest, ctx, e);
}

static int trusted(void *ctx, const struct fp_os_trusted *t)
{
	struct source *s = ctx;

	return found(s, t->address, "%s %s %s", s->what, s->p->host->name,
		     t->what);
}

static int take_gateways(void *ctx, const struct cJSON *result,
			 struct fp_err *e)
{
	return fp_os_gateways(result, trusted, ctx, e);
}

static int take_addresses(void *ctx, const struct cJSON *result,
			  struct fp_err *e)
{
	return fp_os_addresses(result, trusted, ctx, e);
}

/* ---- drouting with partitions: each is asked for by its name */

static int part(void *ctx, const char *name)
{
	struct source *s = ctx;

	s->has_parts = true;
	if (s->n_parts == sizeof(s->part) / sizeof(*s->part))
		return -E2BIG;
	s->part[s->n_parts] = strdup(name);
	return s->part[s->n_parts++] ? 0 : -ENOMEM;
}

static int take_parts(void *ctx, const struct cJSON *result, struct fp_err *e)
{
	int r = fp_trusted_partitions(result, part, ctx);

	return r ? fp_err_sys(e, r, "partitions of drouting") : 0;
}

/* ---- one question */

struct asked {
	struct fp_loop *loop;
	int (*take)(void *ctx, const struct cJSON *result, struct fp_err *e);
	void *ctx;
	struct fp_err *e;
	int code;
	bool is_done;
};

static void answered(void *ctx, int code, const struct fp_jsonrpc *r,
		     const struct fp_err *e)
{
	struct asked *a = ctx;

	a->code = code;
	if (code)
		*a->e = *e;
	else if (r->is_error)
		a->code =
			fp_err(a->e, -EREMOTEIO, "%d %s", r->code, r->message);
	else
		a->code = a->take(a->ctx, r->result, a->e);
	a->is_done = true;
	fp_loop_stop(a->loop);
}

static int ask(struct source *s, const char *method, const char *params,
	       int (*take)(void *ctx, const struct cJSON *result,
			   struct fp_err *e))
{
	struct asked a = {
		.loop = s->p->all->loop, .take = take, .ctx = s, .e = s->e
	};
	struct fp_mi_call *call = NULL;
	int r = fp_mi_ask(s->p->mi, method, params, s->timeout_ms, answered, &a,
			  &call, s->e);

	if (!r) {
		r = fp_loop_wait(a.loop, &a.is_done, s->e);
		if (r && call && !a.is_done)
			fp_mi_drop(call);
	}
	if (!r)
		r = a.code;
	return r && r != -EINTR ? fp_err_prefix(s->e, r, "%s", method) : r;
}

static int ask_part(struct source *s, const char *name)
{
	struct fp_buf params = { 0 };
	int r;

	fp_buf_str_add(&params, "{\"partition_name\":");
	fp_jsonrpc_string(&params, name);
	fp_buf_str_add(&params, "}");
	r = fp_buf_str(&params)
		    ? ask(s, "dr_gw_status", params.data, take_gateways)
		    : -ENOMEM;
	fp_buf_fini(&params);
	return r;
}

static int ask_drouting(struct source *s)
{
	int r = ask(s, "dr_reload_status", NULL, take_parts);

	if (!r && !s->has_parts)
		r = ask(s, "dr_gw_status", NULL, take_gateways);
	for (size_t i = 0; i < s->n_parts; i++) {
		if (!r)
			r = ask_part(s, s->part[i]);
		free(s->part[i]);
	}
	return r;
}

/* ---- all of one OpenSIPS */

static const struct {
	const char *method, *what;
	int (*take)(void *ctx, const struct cJSON *result, struct fp_err *e);
} commands[] = {
	{ "ds_list", "dispatcher", take_dispatcher },
	{ "lb_list", "load_balancer", take_balancer },
	{ "dr_gw_status", "drouting", NULL },
	{ "address_dump", "permissions", take_addresses },
	{ "subnet_dump", "permissions", take_addresses },
};
#define N_COMMANDS (sizeof(commands) / sizeof(*commands))

static int take_which(void *ctx, const struct cJSON *result, struct fp_err *e)
{
	struct source *s = ctx;

	if (!fp_os_has(result, "which"))
		return fp_err(e, -EBADMSG, "no list of commands");
	for (size_t i = 0; i < N_COMMANDS; i++)
		if (fp_os_has(result, commands[i].method))
			s->commands |= 1u << i;
	return 0;
}

int fp_trust_ask(struct fp_proxy *p, int64_t timeout_ms,
		 int (*each)(void *ctx, const char *where, const char *why,
			     struct fp_err *e),
		 void *ctx, struct fp_err *e)
{
	struct source s = { .p = p,
			    .timeout_ms = timeout_ms,
			    .each = each,
			    .ctx = ctx,
			    .e = e };
	int r = ask(&s, "which", NULL, take_which);

	for (size_t i = 0; i < N_COMMANDS && !r; i++) {
		s.what = commands[i].what;
		if (!(s.commands & 1u << i))
			continue;
		r = commands[i].take ? ask(&s, commands[i].method, NULL,
					   commands[i].take)
				     : ask_drouting(&s);
	}
	return r;
}
