/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health peers: addresses that the routing itself trusts, as lines of a list.
 * All of them or none: a list that lacks a carrier would shut it out. */
#include "peers.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/trusted.h"
#include "health/trust.h"
#include "logic/health_steer.h"
#include "model/list.h"

#define WHY_MAX 400

/* ---- records: with --json or -o */

struct peer_rec {
	char prefix[FP_PREFIX_STRLEN];
	const char *why;
};
static const struct fp_field fields[] = {
	{ "prefix", offsetof(struct peer_rec, prefix), FP_F_TEXT, NULL,
	  "address or prefix" },
	{ "why", offsetof(struct peer_rec, why), FP_F_STR, NULL,
	  "what trusts it" },
};
static const struct fp_type type = { "peer", fields, FH_COUNT(fields) };

/* ---- what was found */

void fh_peers_failed(struct fh_peers *x, const char *node, const char *text)
{
	fp_log(FP_LOG_ERR, "%s: %s", node, text);
	x->n_failed++;
}

static int keep(struct fh_peers *x, const struct fp_prefix *p, const char *host,
		const char *why, struct fp_err *e)
{
	struct fh_peer *v = realloc(x->v, (x->n + 1) * sizeof(*v));

	if (!v)
		return fp_err_sys(e, -ENOMEM, "peers");
	x->v = v;
	v += x->n++;
	*v = (struct fh_peer){ .host = host ? strdup(host) : NULL,
			       .why = strdup(why) };
	if (p)
		v->p = *p;
	if (!v->why || (host && !v->host))
		return fp_err_sys(e, -ENOMEM, "peers");
	return host ? fp_names_add(x->names, host, e) : 0;
}

/* "carrier.example.net:5060" as a URI has it. */
static int host_of(const char *where, char host[256])
{
	char uri[600];
	uint16_t port;

	if (!strncasecmp(where, "sip:", 4) || !strncasecmp(where, "sips:", 5))
		return fp_uri_host(where, host, &port);
	snprintf(uri, sizeof(uri), "sip:%s", where);
	return fp_uri_host(uri, host, &port);
}

int fh_peers_add(struct fh_peers *x, const char *where, struct fp_err *e,
		 const char *fmt, ...)
{
	char why[WHY_MAX], host[256];
	struct fp_prefix p;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, sizeof(why), fmt, ap);
	va_end(ap);
	if (!fp_trusted_address(where, &p)) {
		if (host_of(where, host)) {
			fp_log(FP_LOG_ERR,
			       "%s: %s: neither an address nor a "
			       "name",
			       why, where);
			x->n_failed++;
			return 0;
		}
		if (!fp_trusted_address(host, &p))
			return keep(x, NULL, host, why, e);
	}
	/* "everybody" is no peer: the list would lift every block */
	if (p.len == 0 || (fp_prefix_is_v4(&p) && p.len == 96)) {
		fp_log(FP_LOG_WARN, "%s: %s is everybody: left out", why,
		       where);
		x->n_out++;
		return 0;
	}
	return keep(x, &p, NULL, why, e);
}

/* ---- names */

static void resolved(void *ctx)
{
	struct fh_peers *x = ctx;

	x->is_done = true;
	fp_loop_stop(x->nodes.loop);
}

static int expand_one(struct fh_peers *x, size_t i, struct fp_err *e)
{
	struct fp_prefix v[FP_NAMES_MAX];
	const char *host = x->v[i].host, *why = x->v[i].why;
	int n = fp_names_get(x->names, host, v), r = 0;

	if (n <= 0) {
		fp_log(FP_LOG_ERR, "%s: %s: %s", why, host,
		       n == -ENOENT ? "no such name" : strerror(-n));
		x->n_failed++;
	}
	for (int k = 0; k < n && !r; k++)
		r = keep(x, &v[k], NULL, x->v[i].why, e);
	return r;
}

static int look_up(struct fh_peers *x, struct fp_err *e)
{
	bool is_left_out = fp_cli_get(x->c, "no-resolve");
	size_t n = x->n;
	int r = 0;

	x->is_done = is_left_out;
	if (!is_left_out)
		fp_names_resolve(x->names, x->c->timeout_ms, resolved, x);
	r = fp_nodes_wait(&x->nodes, &x->is_done, e);
	for (size_t i = 0; i < n && !r; i++) {
		if (!x->v[i].host)
			continue;
		if (!is_left_out) {
			r = expand_one(x, i, e);
			continue;
		}
		fp_log(FP_LOG_WARN, "%s: %s is a name: left out", x->v[i].why,
		       x->v[i].host);
		x->n_out++;
	}
	return r;
}

/* ---- the list */

static int by_prefix(const void *a, const void *b)
{
	const struct fh_peer *x = a, *y = b;
	int c = (x->host != NULL) - (y->host != NULL);

	if (!c)
		c = fp_prefix_cmp(&x->p, &y->p);
	return c ? c : strcmp(x->why, y->why);
}

static int print_one(struct fh_peers *x, const struct fh_peer *p,
		     const char *why, struct fp_err *e)
{
	struct fp_buf meta = { 0 }, line = { 0 };
	struct fp_entry entry = { .p = p->p };
	struct peer_rec rec = { .why = why };
	int r;

	if (x->c->is_json || x->c->fields) {
		fp_prefix_print(&p->p, rec.prefix);
		return fp_out_record(x->c->out, &type, &rec, e);
	}
	r = fp_meta_add(&meta, "why", why, e);
	entry.meta = meta.data;
	entry.meta_len = (uint32_t)meta.len;
	if (!r)
		fp_entry_print(&line, &entry);
	if (!r && line.is_failed)
		r = fp_err_sys(e, -ENOMEM, "peers");
	if (!r)
		fwrite(line.data, 1, line.len, stdout);
	fp_buf_fini(&line);
	fp_buf_fini(&meta);
	return r;
}

/* Each prefix once, with all its reasons as far as they fit. */
static int print_all(struct fh_peers *x, uint64_t *n, struct fp_err *e)
{
	int r = 0;

	if (x->n)
		qsort(x->v, x->n, sizeof(*x->v), by_prefix);
	for (size_t i = 0, j; i < x->n && !r && !x->v[i].host; i = j) {
		char why[WHY_MAX];
		size_t len = 0;

		for (j = i; j < x->n && !x->v[j].host &&
			    !fp_prefix_cmp(&x->v[i].p, &x->v[j].p);
		     j++) {
			const char *s = x->v[j].why;

			if ((j > i && !strcmp(s, x->v[j - 1].why)) ||
			    len + strlen(s) + 3 > sizeof(why))
				continue;
			len += (size_t)snprintf(why + len, sizeof(why) - len,
						"%s%s", len ? ", " : "", s);
		}
		++*n;
		r = print_one(x, &x->v[i], why, e);
	}
	return r;
}

/* ---- the verb */

static int trusted(void *ctx, const char *where, const char *why,
		   struct fp_err *e)
{
	return fh_peers_add(ctx, where, e, "%s", why);
}

static int ask_all(struct fh_peers *x, struct fp_err *e)
{
	int r;

	x->is_done = false;
	fp_proxies_read(&x->proxies, FP_OS_BASE, x->c->timeout_ms, resolved, x);
	r = fp_nodes_wait(&x->nodes, &x->is_done, e);
	for (size_t i = 0; i < x->proxies.n && !r; i++) {
		struct fp_proxy *p = &x->proxies.v[i];
		struct fp_err why = { .text = "" };
		int code = p->code;

		if (code)
			why = p->err;
		else
			code = fp_trust_ask(p, x->c->timeout_ms, trusted, x,
					    &why);
		if (code == -EINTR || code == -ENOMEM)
			r = code;
		else if (code)
			fh_peers_failed(x, p->host->name, why.text);
	}
	if (!r)
		r = fh_peers_freeswitch(x, e);
	return r ? r : look_up(x, e);
}

static int report(struct fh_peers *x, struct fp_err *e)
{
	bool is_partial = fp_cli_overrides(x->c, "partial");
	uint64_t n = 0;
	int r = 0;

	if (!x->n_failed || is_partial)
		r = print_all(x, &n, e);
	if (r)
		return fp_cli_fail(x->c, r, e);
	if (x->n_failed && !is_partial)
		fp_log(FP_LOG_ERR,
		       "not all could be asked, so that nothing is printed: "
		       "who is not on the list would be shut out; "
		       "--override partial lifts it");
	fp_out_counts(x->c->out, false, NULL, "peers", n, "failed",
		      (uint64_t)x->n_failed, "left_out", (uint64_t)x->n_out,
		      NULL);
	return x->n_failed ? FP_EXIT_PARTIAL : FP_EXIT_OK;
}

static void fini(struct fh_peers *x)
{
	for (size_t i = 0; i < x->n; i++) {
		free(x->v[i].host);
		free(x->v[i].why);
	}
	free(x->v);
	fp_proxies_fini(&x->proxies);
	fp_names_close(x->names);
	fp_nodes_close(&x->nodes);
}

int fh_peers(struct fp_cli *c)
{
	struct fh_peers x = { .c = c };
	struct fp_err e = { .text = "" };
	int status;
	int r = fp_out_check(c->out, &type, &e);

	if (!r)
		r = fp_nodes_open(&x.nodes, c, c->argv, (size_t)c->argc, &e);
	if (!r)
		r = fp_names_open(&x.names, x.nodes.loop, x.nodes.work, &e);
	if (!r)
		r = fp_proxies_init(&x.proxies, x.nodes.loop, x.nodes.resolver,
				    x.nodes.hosts, x.nodes.n_hosts, true, &e);
	if (!r)
		r = ask_all(&x, &e);
	status = r ? fp_cli_fail(c, r, &e) : report(&x, &e);
	fini(&x);
	return status;
}
