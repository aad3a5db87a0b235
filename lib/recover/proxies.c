/* SPDX-License-Identifier: Apache-2.0 */
/* Do the proxies in front know where calls will come from?  In-dialog requests are
 * matched by Route and tags; but what routes or admits by source address (permissions,
 * dispatcher, gateways) must have every FreeSWITCH.  Source: facts-2 3, "Source IP". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "codec/trusted.h"
#include "health/trust.h"
#include "logic/health_steer.h"
#include "recover/preflight_priv.h"

#define ADDRESSES 16

struct looking {
	struct recover_pf f;
	struct fp_proxies proxies;
	const struct fp_switch *const *x; /* n of them */
	size_t n;
	struct fp_prefix (*addr)[ADDRESSES]; /* that they speak SIP from */
	size_t *n_addrs;
	bool (*is_known)[ADDRESSES];
	size_t n_trusted; /* by the proxy in hand */
	bool has_names;   /* ... some of them by name */
	bool is_done;
};

/* ---- a node's SIP addresses */

static void add_address(struct looking *k, size_t i, const struct fp_prefix *p)
{
	for (size_t a = 0; a < k->n_addrs[i]; a++)
		if (!fp_prefix_cmp(&k->addr[i][a], p))
			return;
	if (p->len && k->n_addrs[i] < ADDRESSES)
		k->addr[i][k->n_addrs[i]++] = *p;
}

/* fp_sip, else where its profiles listen, else its address. */
static void addresses(struct looking *k, size_t i)
{
	const struct fp_switch *x = k->x[i];
	const char *list = fp_inventory_var(x->host, "fp_sip");
	struct fp_endpoint to;
	struct fp_prefix p;

	for (size_t n = 0; list && fp_endpoint_list(list, n, &to, NULL) > 0;
	     n++)
		if (to.addr.len)
			add_address(k, i, &to.addr);
	for (size_t n = 0; !k->n_addrs[i] && n < x->conf.n_profiles; n++)
		if (fp_trusted_address(x->conf.profile[n].sip_ip, &p))
			add_address(k, i, &p);
	if (!k->n_addrs[i])
		add_address(k, i, &x->host->addr);
}

/* ---- what one proxy trusts */

static int trusted(void *ctx, const char *where, const char *why,
		   struct fp_err *e)
{
	struct looking *k = ctx;
	struct fp_prefix p;
	char host[256];
	uint16_t port;

	(void)why;
	(void)e;
	k->n_trusted++;
	if (!fp_trusted_address(where, &p) &&
	    (fp_uri_host(where, host, &port) ||
	     !fp_trusted_address(host, &p))) {
		k->has_names = true;
		return 0;
	}
	for (size_t i = 0; i < k->n; i++)
		for (size_t a = 0; a < k->n_addrs[i]; a++)
			k->is_known[i][a] |=
				fp_prefix_contains(&p, &k->addr[i][a]);
	return 0;
}

static void tell_one(struct looking *k, const struct fp_proxy *p, size_t i)
{
	const char *name = k->x[i]->name;
	char text[FP_PREFIX_STRLEN], value[FP_PREFIX_STRLEN + 300];

	for (size_t a = 0; a < k->n_addrs[i]; a++) {
		fp_prefix_print(&k->addr[i][a], text);
		snprintf(value, sizeof(value), "%s at %s", text, p->host->name);
		if (k->is_known[i][a])
			recover_pf_say(&k->f, name, "proxy", FP_COND_OK, "",
				       value, "%s knows it", p->host->name);
		else
			recover_pf_say(
				&k->f, name, "proxy", FP_COND_WARN, "", value,
				"%s does not know it%s: where it admits or "
				"routes by source address, add it to "
				"dispatcher or permissions (address)",
				p->host->name,
				k->has_names ? " (unless by a name)" : "");
	}
}

static int one(struct looking *k, struct fp_proxy *p, struct fp_err *e)
{
	struct fp_err why = { .text = "" };
	int r = p->code;

	memset(k->is_known, 0, k->n * sizeof(*k->is_known));
	k->n_trusted = 0;
	k->has_names = false;
	if (r)
		why = p->err;
	else
		r = fp_trust_ask(p, k->proxies.timeout_ms, trusted, k, &why);
	if (r == -EINTR || r == -ENOMEM) {
		*e = why;
		return r;
	}
	if (r)
		recover_pf_say(&k->f, p->host->name, "proxy", FP_COND_WARN, "",
			       "not known",
			       "it does not tell whom it trusts: "
			       "%s",
			       why.text);
	/* one that trusts nobody by address asks nobody's */
	for (size_t i = 0; i < k->n && !r && k->n_trusted; i++)
		tell_one(k, p, i);
	return 0;
}

/* ---- all of them */

static void asked(void *ctx)
{
	struct looking *k = ctx;

	k->is_done = true;
	fp_loop_stop(k->proxies.loop);
}

static int look(struct looking *k, struct fp_err *e)
{
	const struct fp_switches *s = k->f.p->switches;
	int r;

	k->addr = calloc(k->n + 1, sizeof(*k->addr));
	k->n_addrs = calloc(k->n + 1, sizeof(*k->n_addrs));
	k->is_known = calloc(k->n + 1, sizeof(*k->is_known));
	if (!k->addr || !k->n_addrs || !k->is_known)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < k->n; i++)
		addresses(k, i);
	fp_proxies_read(&k->proxies, 0, s->timeout_ms, asked, k);
	r = fp_loop_wait(s->loop, &k->is_done, e);
	for (size_t i = 0; i < k->proxies.n && !r; i++)
		r = one(k, &k->proxies.v[i], e);
	return r;
}

static int open_proxies(const struct fp_switches *s, struct fp_proxies *out,
			struct fp_err *e)
{
	const struct fp_host *h;
	size_t n = fp_inventory_hosts(s->v->host->inv, &h), found = 0;
	const struct fp_host **list = calloc(n + 1, sizeof(*list));
	int r;

	if (!list)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n; i++)
		if (fp_inventory_var(&h[i], "fp_mi") ||
		    fp_inventory_var(&h[i], "fp_mi_list"))
			list[found++] = &h[i];
	r = fp_proxies_init(out, s->loop, s->resolver, list, found, true, e);
	free(list);
	return r;
}

int fp_recover_proxies(const struct fp_recover_check *p, struct fp_err *e)
{
	struct looking k = { .f = { .p = p },
			     .x = (const struct fp_switch *const *)p->to,
			     .n = p->n_to };
	int r;

	if (!p->switches->n || !p->n_to)
		return 0;
	r = open_proxies(p->switches, &k.proxies, e);
	if (r)
		return r;
	if (k.proxies.n)
		r = look(&k, e);
	fp_proxies_fini(&k.proxies);
	free(k.addr);
	free(k.n_addrs);
	free(k.is_known);
	return r;
}
