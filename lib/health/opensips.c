/* SPDX-License-Identifier: Apache-2.0 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "codec/opensips.h"
#include "health/opensips_priv.h"
#include "io/clock.h"

/* ---- what is kept with a connection */

static void known_free(void *kept)
{
	struct os_known *k = kept;
	struct os_set *s, *next;

	for (s = k->sets; s; s = next) {
		next = s->next;
		free(s);
	}
	free(k);
}

struct os_known *os_known(struct fp_mi *m)
{
	struct os_known *k = fp_mi_kept(m);

	if (k)
		return k;
	k = calloc(1, sizeof(*k));
	if (k)
		fp_mi_keep(m, k, known_free);
	return k;
}

/* ---- the end of a reading */

static void read_free(struct fp_opensips_read *r)
{
	for (size_t i = 0; i < OS_QUESTIONS; i++)
		if (r->asked[i].call)
			fp_mi_drop(r->asked[i].call);
	fp_view_free(r->v);
	free(r);
}

void fp_opensips_read_drop(struct fp_opensips_read *r)
{
	read_free(r);
}

/* A request for a sync ends "Ok", and the sync's end sets it: what reports say after
 * that is of packets that came twice.  Source: OpenSIPS 3.6 clusterer, sync.c
 * cl_request_sync, handle_sync_packet; seen after a restart with
 * cluster_auto_sync on: "Sync started" three times behind "Sync completed". */
static void settle(struct fp_view_opensips *v)
{
	for (size_t i = 0; i < v->n_caps; i++)
		if (!strcmp(v->cap[i].name, "dialog-dlg-repl") &&
		    v->cap[i].is_ok)
			v->is_sync_pending = false;
}

static void finish(struct fp_opensips_read *r)
{
	void (*done)(void *ctx, int code, struct fp_view *v,
		     const struct fp_err *e) = r->done;
	struct fp_view *v = r->has_answers ? r->v : NULL;
	struct fp_err e = r->err;
	void *ctx = r->ctx;
	int code = r->code;

	if (v) {
		r->v = NULL;
		settle(&v->opensips);
	}
	read_free(r);
	done(ctx, code, v, &e);
}

/* The first of several says what is wrong. */
static void note(struct fp_opensips_read *r, int code, const struct fp_err *e)
{
	if (r->code)
		return;
	r->code = code;
	r->err = *e;
}

/* ---- questions and answers */

static void go_on(struct fp_opensips_read *r);

/* One answer that is too long leaves the others to be had. */
static bool is_fatal(const struct os_question *q, int code)
{
	return !q->is_long || (code != -EMSGSIZE && code != -EPROTO);
}

/* Restarted with another configuration, perhaps. */
static void forget_commands(struct fp_opensips_read *r)
{
	struct os_known *k = os_known(r->mi);

	if (k)
		k->has_commands = false;
}

/* A command that is not there, a group of reports that no module made: then there
 * is nothing to say. */
static void take_error(struct fp_opensips_read *r, const struct os_question *q,
		       const struct fp_jsonrpc *reply)
{
	struct fp_err e;

	if (reply->code == -32601)
		forget_commands(r);
	if (q == &os_questions[OS_WHICH] ||
	    (reply->code != 404 && reply->code != -32601))
		note(r,
		     fp_err(&e, -EREMOTEIO, "%s: error %d: %s", q->method,
			    reply->code, reply->message),
		     &e);
}

static void answered(void *ctx, int code, const struct fp_jsonrpc *reply,
		     const struct fp_err *said)
{
	struct os_asked *a = ctx;
	struct fp_opensips_read *r = a->read;
	const struct os_question *q = &os_questions[a - r->asked];
	struct fp_err e;

	a->call = NULL;
	r->n_flying--;
	if (code) {
		note(r, code, said);
		if (is_fatal(q, code)) {
			finish(r);
			return;
		}
	} else {
		r->has_answers = true;
		if (reply->is_error)
			take_error(r, q, reply);
		else if ((code = q->take(r, reply->result, &e)))
			note(r, code, &e);
	}
	if (!r->n_flying)
		go_on(r);
}

static int ask(struct fp_opensips_read *r, size_t i, struct fp_err *e)
{
	int64_t left_ms = r->deadline_ms - fp_clock_ms();
	int code = fp_mi_ask(r->mi, os_questions[i].method,
			     os_questions[i].params, left_ms > 1 ? left_ms : 1,
			     answered, &r->asked[i], &r->asked[i].call, e);

	r->asked[i].is_asked = true;
	if (!code)
		r->n_flying++;
	return code;
}

static bool is_next(const struct fp_opensips_read *r, size_t i)
{
	const struct os_known *k = fp_mi_kept(r->mi);
	const struct os_question *q = &os_questions[i];

	return !r->asked[i].is_asked && q->part & r->parts &&
	       (k->commands & 1u << i);
}

/* First what commands there are; then the short ones together; at last the long
 * ones, each alone: when a datagram is too short for an answer it does not say
 * for which. */
static int ask_next(struct fp_opensips_read *r, struct fp_err *e)
{
	const struct os_known *k = fp_mi_kept(r->mi);
	int code = 0;

	if (!k->has_commands && !r->asked[OS_WHICH].is_asked)
		return ask(r, OS_WHICH, e);
	for (size_t i = 0; !code && i < OS_QUESTIONS; i++) {
		if (!is_next(r, i))
			continue;
		if (!os_questions[i].is_long)
			code = ask(r, i, e);
		else if (!r->n_flying)
			return ask(r, i, e);
	}
	return code;
}

static void go_on(struct fp_opensips_read *r)
{
	struct fp_err e;
	int code = ask_next(r, &e);

	if (code)
		note(r, code, &e);
	if (code || !r->n_flying)
		finish(r);
}

int fp_opensips_read(struct fp_mi *m, unsigned int parts, int64_t timeout_ms,
		     void (*done)(void *ctx, int code, struct fp_view *v,
				  const struct fp_err *e),
		     void *ctx, struct fp_opensips_read **out, struct fp_err *e)
{
	struct fp_opensips_read *r = calloc(1, sizeof(*r));
	int code = 0;

	if (r)
		r->v = fp_view_new(FP_VIEW_OPENSIPS);
	if (!r || !r->v || !os_known(m)) {
		code = fp_err(e, -ENOMEM, "no memory");
		goto fail;
	}
	r->mi = m;
	/* uptime tells a restart, after which all may be different */
	r->parts = parts | FP_OS_BASE;
	r->deadline_ms = fp_clock_ms() + timeout_ms;
	r->done = done;
	r->ctx = ctx;
	for (size_t i = 0; i < OS_QUESTIONS; i++)
		r->asked[i].read = r;
	code = ask_next(r, e);
	if (code)
		goto fail;
	if (out)
		*out = r;
	return 0;
fail:
	if (r)
		read_free(r);
	return code;
}

/* ---- changes */

static void set_free(struct os_set *s)
{
	struct os_set **at = &s->known->sets;

	while (*at != s)
		at = &(*at)->next;
	*at = s->next;
	free(s);
}

static void was_set(void *ctx, int code, const struct fp_jsonrpc *reply,
		    const struct fp_err *said)
{
	struct os_set *s = ctx;
	void (*done)(void *ctx, int code, const struct fp_err *e) = s->done;
	struct fp_err e = *said;
	void *to = s->ctx;

	if (!code && reply->is_error)
		code = fp_err(&e, -EREMOTEIO, "%s: %s", s->what,
			      reply->message);
	set_free(s);
	done(to, code, &e);
}

/* The command of a destination and its parameters. */
static const char *command_of(const struct fp_view_dest *d, bool is_enabled,
			      struct fp_buf *params)
{
	switch (d->kind) {
	case FP_DEST_DISPATCHER:
		fp_buf_printf(params, "{\"state\":\"%c\",\"group\":",
			      is_enabled ? 'a' : 'i');
		fp_jsonrpc_string(params, d->set);
		fp_buf_str_add(params, ",\"address\":");
		fp_jsonrpc_string(params, d->uri);
		fp_buf_str_add(params, "}");
		return "ds_set_state";
	case FP_DEST_LOAD_BALANCER:
		fp_buf_printf(params,
			      "{\"destination_id\":%" PRId64
			      ",\"new_status\":%d}",
			      d->id, is_enabled);
		return "lb_status";
	case FP_DEST_RTPENGINE:
		fp_buf_str_add(params, "{\"url\":");
		fp_jsonrpc_string(params, d->uri);
		fp_buf_printf(params, ",\"enable\":%d,\"setid\":%d}",
			      is_enabled, atoi(d->set));
		return "rtpengine_enable";
	}
	return "";
}

int fp_opensips_set(struct fp_mi *m, const struct fp_view_dest *d,
		    bool is_enabled, int64_t timeout_ms,
		    void (*done)(void *ctx, int code, const struct fp_err *e),
		    void *ctx, struct fp_err *e)
{
	struct os_known *k = os_known(m);
	struct os_set *s = k ? calloc(1, sizeof(*s)) : NULL;
	struct fp_buf params = { 0 };
	const char *method = command_of(d, is_enabled, &params);
	const char *text = fp_buf_str(&params);
	int r = -ENOMEM;

	if (!s || !text) {
		fp_err(e, r, "no memory");
		goto out;
	}
	s->known = k;
	s->done = done;
	s->ctx = ctx;
	snprintf(s->what, sizeof(s->what), "%s %s", method, d->uri);
	r = fp_mi_ask(m, method, text, timeout_ms, was_set, s, NULL, e);
	if (r)
		goto out;
	s->next = k->sets;
	k->sets = s;
	s = NULL;
out:
	free(s);
	fp_buf_fini(&params);
	return r;
}
