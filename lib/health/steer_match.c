/* SPDX-License-Identifier: Apache-2.0 */
#include "health/steer_match.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/endpoint.h"
#include "health/probe.h"
#include "logic/health_steer.h"

#define SIP_PORT 5060
#define SIPS_PORT 5061

static uint16_t port_of(const struct fp_endpoint *p, bool is_rtpengine)
{
	if (p->port)
		return p->port;
	if (is_rtpengine)
		return fp_probe_ng.default_port;
	return p->transport == FP_T_TLS ? SIPS_PORT : SIP_PORT;
}

static int add(struct fp_places *p, const struct fp_host *h,
	       const struct fp_endpoint *to, bool is_rtpengine,
	       struct fp_err *e)
{
	struct fp_place *v = realloc(p->v, (p->n + 1) * sizeof(*v));

	if (!v)
		return fp_err_sys(e, -ENOMEM, "addresses of nodes");
	p->v = v;
	v += p->n++;
	*v = (struct fp_place){ .node = h,
				.is_rtpengine = is_rtpengine,
				.addr = to->addr,
				.port = port_of(to, is_rtpengine) };
	snprintf(v->host, sizeof(v->host), "%s", to->host);
	return fp_names_add(p->names, v->host, e);
}

static int add_all(struct fp_places *p, const struct fp_host *h,
		   const char *key, bool is_rtpengine, struct fp_err *e)
{
	const char *value = fp_inventory_var(h, key);
	struct fp_endpoint to;
	int r = 0;

	for (size_t i = 0; value && !r; i++) {
		r = fp_endpoint_list(value, i, &to, e);
		if (r <= 0)
			return r ? fp_err_prefix(e, r, "%s: %s", h->name, key)
				 : 0;
		r = *to.host ? add(p, h, &to, is_rtpengine, e) : 0;
	}
	return r;
}

int fp_places_init(struct fp_places *out, struct fp_names *names,
		   const struct fp_host *const *hosts, size_t n,
		   struct fp_err *e)
{
	int r = 0;

	*out = (struct fp_places){ .names = names };
	for (size_t i = 0; i < n && !r; i++) {
		r = add_all(out, hosts[i], "fp_sip", false, e);
		if (!r)
			r = add_all(out, hosts[i], "fp_ng", true, e);
	}
	if (r)
		fp_places_fini(out);
	return r;
}

void fp_places_fini(struct fp_places *p)
{
	free(p->v);
	p->v = NULL;
	p->n = 0;
}

int fp_places_host(const struct fp_view_dest *d, char host[256], uint16_t *port)
{
	struct fp_endpoint to;

	if (d->kind != FP_DEST_RTPENGINE)
		return fp_uri_host(d->uri, host, port);
	if (fp_endpoint_parse(&to, d->uri, strlen(d->uri), NULL) || !*to.host)
		return -EINVAL;
	snprintf(host, 256, "%s", to.host);
	*port = port_of(&to, true);
	return 0;
}

static bool meet(const struct fp_prefix *a, int n_a, const struct fp_prefix *b,
		 int n_b)
{
	for (int i = 0; i < n_a; i++)
		for (int j = 0; j < n_b; j++)
			if (!fp_prefix_cmp(&a[i], &b[j]))
				return true;
	return false;
}

/* there: the n addresses of host. */
static bool is_at(const struct fp_places *p, const struct fp_place *x,
		  const char *host, const struct fp_prefix *there, int n)
{
	struct fp_prefix here[FP_NAMES_MAX];

	if (x->addr.len)
		return meet(there, n, &x->addr, 1);
	return !strcasecmp(x->host, host) ||
	       meet(there, n, here, fp_names_get(p->names, x->host, here));
}

const struct fp_host *fp_places_find(const struct fp_places *p,
				     const struct fp_view_dest *d,
				     const struct fp_host **other)
{
	struct fp_prefix there[FP_NAMES_MAX];
	const struct fp_host *found = NULL;
	char host[256];
	uint16_t port;
	int n;

	*other = NULL;
	if (fp_places_host(d, host, &port))
		return NULL;
	n = fp_names_get(p->names, host, there);
	for (size_t i = 0; i < p->n; i++) {
		const struct fp_place *x = &p->v[i];

		if (x->is_rtpengine != (d->kind == FP_DEST_RTPENGINE) ||
		    x->port != port || x->node == found)
			continue;
		if (!is_at(p, x, host, there, n))
			continue;
		if (!found)
			found = x->node;
		else
			*other = x->node;
	}
	return found;
}

bool fp_places_is_known(const struct fp_places *p, const struct fp_view_dest *d)
{
	struct fp_prefix addr[FP_NAMES_MAX];
	char host[256];
	uint16_t port;

	if (fp_places_host(d, host, &port) ||
	    fp_names_get(p->names, host, addr) <= 0)
		return false;
	for (size_t i = 0; i < p->n; i++) {
		const struct fp_place *x = &p->v[i];

		if (x->is_rtpengine == (d->kind == FP_DEST_RTPENGINE) &&
		    x->port == port && !x->addr.len &&
		    fp_names_get(p->names, x->host, addr) <= 0)
			return false;
	}
	return true;
}
