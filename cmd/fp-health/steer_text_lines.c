/* SPDX-License-Identifier: Apache-2.0 */
/* fp-health steer --format nsupdate|haproxy: the words and the lines. */
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"
#include "steer_text.h"

#define TTL_S 30
#define LABEL 63 /* RFC 1035 2.3.4 */
#define LETTERS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"

/* ---- the names that go into lines of other programs */

/* Letters, digits, '-' within (RFC 1123 2.1), and '_' (RFC 2782). */
static bool is_label(const char *s, size_t n)
{
	return n && n <= LABEL && s[0] != '-' && s[n - 1] != '-' &&
	       strspn(s, LETTERS "0123456789-_") >= n;
}

static bool is_dns_name(const char *s)
{
	for (;;) {
		size_t n = strcspn(s, ".");

		if (!is_label(s, n))
			return false;
		if (!s[n])
			return true;
		s += n + 1;
	}
}

/* Whole names, with or without the last dot. */
static int dns_name(const struct fp_cli *c, const char *option,
		    const char *what, char out[FH_DNS_NAME], struct fp_err *e)
{
	const char *s = fp_cli_get(c, option);
	size_t n = s ? strlen(s) : 0;

	if (!n)
		return fp_err(e, -EINVAL, "--%s: --format nsupdate needs %s",
			      option, what);
	if (s[n - 1] == '.')
		n--;
	if (n < FH_DNS_NAME) {
		memcpy(out, s, n);
		out[n] = 0;
	}
	if (n >= FH_DNS_NAME || !is_dns_name(out))
		return fp_err(
			e, -EINVAL,
			"--%s %s: not a name in DNS (letters, digits, '-' "
			"and '_', %d in a label, %d in all)",
			option, s, LABEL, FH_DNS_NAME - 1);
	return 0;
}

static bool is_within(const char *name, const char *zone)
{
	size_t n = strlen(name), z = strlen(zone);

	return n >= z && !strcasecmp(name + n - z, zone) &&
	       (n == z || name[n - z - 1] == '.');
}

/* Source: HAProxy configuration manual, 2.2: names are of letters, digits, '-',
 * '_', '.' and ':'. */
static bool is_haproxy_name(const char *s)
{
	return *s && strspn(s, LETTERS "0123456789-_.:") == strlen(s);
}

/* ---- addresses */

static void add_address(struct fh_text_node *n, const struct fp_prefix *p)
{
	for (size_t i = 0; i < n->n_addrs; i++)
		if (!fp_prefix_cmp(&n->addr[i], p))
			return;
	if (n->n_addrs < FH_TEXT_ADDRESSES)
		n->addr[n->n_addrs++] = *p;
}

/* Where clients reach a node: fp_sip, else its own address. */
static int addresses(struct fh_text_node *n, struct fp_err *e)
{
	const char *sip = fp_inventory_var(n->host, "fp_sip");
	struct fp_endpoint to;
	int r = 1;

	for (size_t i = 0; sip && r == 1; i++) {
		r = fp_endpoint_list(sip, i, &to, e);
		if (r == 1 && to.addr.len)
			add_address(n, &to.addr);
	}
	if (r < 0)
		return fp_err_prefix(e, r, "%s: fp_sip", n->host->name);
	if (!n->n_addrs && n->host->addr.len)
		add_address(n, &n->host->addr);
	if (!n->n_addrs)
		return fp_err(e, -EINVAL,
			      "%s has no address: DNS does not take names",
			      n->host->name);
	return 0;
}

/* ---- what the command line says */

/* The cluster file has others too: who is meant is never a guess. */
static int nodes_are_named(const struct fh_text *t, struct fp_err *e)
{
	if (t->c->n_nodes)
		return 0;
	return fp_err(e, -EINVAL, "-N (--node): --format %s needs %s",
		      t->is_haproxy ? "haproxy" : "nsupdate",
		      t->is_haproxy ? "the nodes that are servers of --backend"
				    : "the nodes that --name leads to");
}

static int nsupdate_options(struct fh_text *t, struct fp_err *e)
{
	int r = dns_name(t->c, "zone", "a zone", t->zone, e);

	t->ttl_s = TTL_S;
	if (!r)
		r = dns_name(t->c, "name", "the name of the records", t->name,
			     e);
	if (!r)
		r = fp_nodes_number(t->c, "ttl", 0, 604800, &t->ttl_s, e);
	if (!r && !is_within(t->name, t->zone))
		r = fp_err(e, -EINVAL,
			   "--name %s: not in --zone %s (a whole name is "
			   "needed: %.63s.%s)",
			   t->name, t->zone, t->name, t->zone);
	if (!r)
		r = nodes_are_named(t, e);
	for (size_t i = 0; !r && i < t->nodes->n_hosts; i++)
		r = addresses(&t->v[i], e);
	return r;
}

static int haproxy_options(struct fh_text *t, struct fp_err *e)
{
	t->backend = fp_cli_get(t->c, "backend");
	if (!t->backend || !*t->backend)
		return fp_err(e, -EINVAL,
			      "--backend: --format haproxy needs the backend");
	if (!is_haproxy_name(t->backend))
		return fp_err(e, -EINVAL, "--backend %s: not a name in HAProxy",
			      t->backend);
	for (size_t i = 0; i < t->nodes->n_hosts; i++)
		if (!is_haproxy_name(t->v[i].host->name))
			return fp_err(e, -EINVAL,
				      "%s: not a name of a server in HAProxy",
				      t->v[i].host->name);
	return nodes_are_named(t, e);
}

int fh_text_options(struct fh_text *t, struct fp_err *e)
{
	return t->is_haproxy ? haproxy_options(t, e) : nsupdate_options(t, e);
}

/* ---- nsupdate */

static bool is_shared(const struct fh_text *t, const struct fh_text_node *n,
		      const struct fp_prefix *p)
{
	for (size_t i = 0; i < t->nodes->n_hosts; i++) {
		const struct fh_text_node *x = &t->v[i];

		for (size_t k = 0;
		     x != n && x->next != FH_OUT && k < x->n_addrs; k++)
			if (!fp_prefix_cmp(&x->addr[k], p))
				return true;
	}
	return false;
}

static void update_line(const struct fh_text *t, const struct fh_text_node *n,
			const struct fp_prefix *p)
{
	const char *kind = fp_prefix_is_v4(p) ? "A" : "AAAA";
	char addr[FP_PREFIX_STRLEN];

	fp_prefix_print(p, addr);
	if (n->next == FH_IN)
		printf("update add %s. %lld %s %s\n", t->name,
		       (long long)t->ttl_s, kind, addr);
	else if (!is_shared(t, n, p))
		printf("update delete %s. %s %s\n", t->name, kind, addr);
}

static void nsupdate_node(const struct fh_text *t, const struct fh_text_node *n)
{
	printf("; %s %s%s%s%s%s\n", n->host->name,
	       n->next == FH_IN ? "in" : "out", n->guard ? ", held: " : "",
	       n->guard ? n->guard : "", *n->why ? ": " : "", n->why);
	for (size_t k = 0; k < n->n_addrs; k++)
		update_line(t, n, &n->addr[k]);
}

/* ---- HAProxy */

/* The weight, not the state: maint, drain and ready are an operator's.  0 % and
 * 100 % of what is configured are what static algorithms take too.
 * Source: HAProxy management guide, 9.3, "set server" and "set weight". */
static void haproxy_node(const struct fh_text *t, const struct fh_text_node *n)
{
	printf("set server %s/%s weight %d%%\n", t->backend, n->host->name,
	       n->next == FH_IN ? 100 : 0);
}

int fh_text_print(const struct fh_text *t, struct fp_err *e)
{
	if (!t->is_haproxy)
		printf("zone %s.\n", t->zone);
	/* additions first: there is never none */
	for (enum fh_where w = FH_IN; w <= FH_OUT; w++)
		for (size_t i = 0; i < t->nodes->n_hosts; i++)
			if (t->v[i].next != w)
				continue;
			else if (t->is_haproxy)
				haproxy_node(t, &t->v[i]);
			else
				nsupdate_node(t, &t->v[i]);
	if (!t->is_haproxy)
		printf("send\n");
	return fflush(stdout) ? fp_err_sys(e, -errno, "stdout") : 0;
}
