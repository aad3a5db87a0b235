/* SPDX-License-Identifier: Apache-2.0 */
/* The FreeSWITCH nodes of a cluster file. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "recover/switches_priv.h"

/* ---- variables */

static int ports_of(const struct fp_host *h, const char *key, uint16_t *first,
		    uint16_t *last, struct fp_err *e)
{
	const char *text = fp_inventory_var(h, key);

	if (text && !fp_esl_ports(text, first, last))
		return fp_err(e, -EINVAL,
			      "%s: %s: \"%s\": not like 16384-32767", h->name,
			      key, text);
	return 0;
}

static int esl_of(const struct fp_host *h, struct fp_endpoint *out,
		  struct fp_err *e)
{
	const char *text = fp_inventory_var(h, "fp_esl");
	int r = fp_endpoint_list(text, 0, out, e);

	if (r < 0)
		return fp_err_prefix(e, r, "%s: fp_esl", h->name);
	if (!r || *out->path ||
	    (out->transport != FP_T_NONE && out->transport != FP_T_TCP))
		return fp_err(e, -EINVAL,
			      "%s: fp_esl: \"%s\": an event socket is TCP",
			      h->name, text);
	return 0;
}

static int rtp_of(struct fp_switch *x, struct fp_err *e)
{
	const char *text = fp_inventory_var(x->host, "fp_rtp");
	struct fp_prefix addr = x->host->addr;
	struct fp_endpoint p;
	char printed[FP_PREFIX_STRLEN];

	if (text) {
		int r = fp_endpoint_list(text, 0, &p, e);

		if (r < 0)
			return fp_err_prefix(e, r, "%s: fp_rtp", x->name);
		if (!r || !p.addr.len)
			return fp_err(e, -EINVAL,
				      "%s: fp_rtp: \"%s\": no address: RTP is "
				      "bound to one",
				      x->name, text);
		addr = p.addr;
	}
	if (!addr.len)
		return 0; /* its profile may say */
	fp_prefix_print(&addr, printed);
	snprintf(x->rtp_ip, sizeof(x->rtp_ip), "%s", printed);
	snprintf(x->adv_ip, sizeof(x->adv_ip), "%s", printed);
	return 0;
}

static int variables(struct fp_switch *x, struct switch_link *l,
		     struct fp_err *e)
{
	const char *name = fp_inventory_var(x->host, "fp_switchname");
	int r = esl_of(x->host, &l->to, e);

	x->name = x->host->name;
	x->switchname = name ? name : x->name;
	x->db = fp_inventory_var(x->host, "fp_recovery_db");
	if (x->db && !*x->db) /* libpq would take its own defaults */
		x->db = NULL;
	if (!r)
		r = rtp_of(x, e);
	if (!r)
		r = ports_of(x->host, "fp_rtp_ports", &x->rtp_first,
			     &x->rtp_last, e);
	if (!r)
		r = ports_of(x->host, "fp_recovery_ports", &x->recovery_first,
			     &x->recovery_last, e);
	return r;
}

/* Rows are told apart by it. */
static int unlike_others(const struct fp_switch *x, struct fp_err *e)
{
	for (const struct fp_switch *y = x->all->v; y < x; y++)
		if (!strcmp(y->switchname, x->switchname))
			return fp_err(
				e, -EINVAL,
				"%s and %s have the same fp_switchname=%s",
				y->name, x->name, x->switchname);
	return 0;
}

/* ---- all of them */

static int add(struct fp_switches *s, const struct fp_host *h, struct fp_err *e)
{
	struct fp_switch *x = &s->v[s->n];
	struct switch_link *l = calloc(1, sizeof(*l));
	int r;

	if (!l)
		return fp_err(e, -ENOMEM, "out of memory");
	s->n++;
	x->all = s;
	x->host = h;
	x->priv = l;
	l->x = x;
	for (int q = 0; q < SWITCH_QUESTIONS; q++)
		l->answers[q] = (struct switch_answer){ .l = l, .q = q };
	x->code = fp_err(&x->err, -ENOTCONN, "it was not asked yet");
	r = variables(x, l, e);
	return r ? r : unlike_others(x, e);
}

int fp_switches_init(struct fp_switches *out, const struct fp_switches_opts *o,
		     const struct fp_inventory *inv, struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(inv, &h);
	int r = 0;

	*out = (struct fp_switches){ .loop = o->loop,
				     .resolver = o->resolver,
				     .timeout_ms = o->timeout_ms,
				     .say = o->say,
				     .ctx = o->ctx };
	out->v = calloc(n + 1, sizeof(*out->v));
	if (!out->v)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n && !r; i++)
		if (fp_inventory_var(&h[i], "fp_esl"))
			r = add(out, &h[i], e);
	if (!r && !out->n)
		r = fp_err(e, -EINVAL,
			   "no node of the cluster file has fp_esl");
	if (r)
		fp_switches_fini(out);
	return r;
}

void fp_switches_fini(struct fp_switches *s)
{
	struct fp_err e;

	fp_err(&e, -ECONNRESET, "it is over");
	for (size_t i = 0; i < s->n; i++) {
		struct switch_link *l = s->v[i].priv;

		switch_link_close(l, -ECONNRESET, &e);
		switch_conf_free(l);
		free(l->events);
		free(l);
	}
	free(s->v);
	*s = (struct fp_switches){ .n = 0 };
}

struct fp_switch *fp_switches_find(const struct fp_switches *s,
				   const char *name)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].name, name))
			return &s->v[i];
	return NULL;
}

struct fp_switch *fp_switches_by_run(const struct fp_switches *s,
				     const char *run)
{
	for (size_t i = 0; i < s->n; i++) {
		struct fp_switch *x = &s->v[i];

		if ((!x->code || x->code == -ESTALE) &&
		    !strcmp(x->view.run, run))
			return x;
	}
	return NULL;
}

struct fp_switch *fp_switches_by_switchname(const struct fp_switches *s,
					    const char *switchname)
{
	for (size_t i = 0; i < s->n; i++)
		if (!strcmp(s->v[i].switchname, switchname))
			return &s->v[i];
	return NULL;
}
