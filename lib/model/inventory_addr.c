/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "base/endpoint.h"
#include "model/inventory_priv.h"

/* What a variable of ours holds. */
enum type {
	TEXT,
	NUMBER,    /* decimal */
	ENDPOINTS, /* base/endpoint.h; several with ',' between them */
};

static const struct {
	const char *key;
	enum type type;
} known[] = {
	{ .key = "fp_node_id", .type = NUMBER },
	{ .key = "fp_sip", .type = ENDPOINTS },
	{ .key = "fp_mi", .type = ENDPOINTS },
	{ .key = "fp_mi_list", .type = ENDPOINTS },
	{ .key = "fp_switchname", .type = TEXT },
	{ .key = "fp_esl", .type = ENDPOINTS },
	{ .key = "fp_rtp", .type = ENDPOINTS },
	{ .key = "fp_rtp_ports", .type = TEXT },
	{ .key = "fp_ng", .type = ENDPOINTS },
	{ .key = "fp_if", .type = TEXT },
	{ .key = "fp_ssh_user", .type = TEXT },
	{ .key = "fp_ssh_key_file", .type = TEXT },
	{ .key = "fp_ssh_known_hosts", .type = TEXT },
	{ .key = "fp_sync_command", .type = TEXT },
	{ .key = "fp_esl_password_file", .type = TEXT },
	{ .key = "fp_recovery_db", .type = TEXT },
	{ .key = "fp_db", .type = TEXT },
	{ .key = "fp_recovery_ports", .type = TEXT },
	{ .key = "fp_tags", .type = TEXT },
	{ .key = "fp_sip_fail", .type = TEXT },
	{ .key = "fp_sip_from", .type = TEXT },
	{ .key = "fp_tls_ca", .type = TEXT },
	{ .key = "fp_tls_cert", .type = TEXT },
	{ .key = "fp_tls_key", .type = TEXT },
	{ .key = "fp_pg", .type = TEXT },
	{ .key = "fp_amqp", .type = TEXT },
	{ .key = "fp_amqp_file", .type = TEXT },
	{ .key = "fp_checks", .type = TEXT },
	{ .key = "fp_warning", .type = TEXT },
	{ .key = "fp_critical", .type = TEXT },
	{ .key = "fp_dispatcher_db", .type = TEXT },
};

#define N_KNOWN (sizeof(known) / sizeof(*known))

/* Call each(ctx, p) for the addresses of endpoints, host names there are none;
 * -EINVAL when one is bad. */
static int endpoints(const char *s,
		     int (*each)(void *ctx, const struct fp_prefix *p),
		     void *ctx)
{
	for (size_t i = 0;; i++) {
		struct fp_endpoint p;
		int r = fp_endpoint_list(s, i, &p, NULL);

		if (r <= 0)
			return r;
		r = p.addr.len ? each(ctx, &p.addr) : 0;
		if (r)
			return r;
	}
}

static int ignore(void *ctx, const struct fp_prefix *p)
{
	(void)ctx;
	(void)p;
	return 0;
}

static bool value_check(enum type type, const char *value, const char **why)
{
	size_t n = strlen(value);

	*why = "templates and Python literals are not taken here";
	if (strstr(value, "{{"))
		return false;
	*why = "not a number";
	if (type == NUMBER)
		return n && n < 10 && strspn(value, "0123456789") == n &&
		       (*value != '0' || n == 1);
	*why = "no address in it (udp:192.0.2.1:5060, 192.0.2.1:8021, "
	       "http://192.0.2.1:8888/mi)";
	return type != ENDPOINTS || !endpoints(value, ignore, NULL);
}

/* The host of ansible_host: an address, or a name that DNS could have.  No other
 * byte: programs get it, ssh and a fence command among them. */
static bool is_host(const char *s)
{
	struct fp_prefix p;

	if (!fp_prefix_parse(&p, s, strlen(s), NULL))
		return fp_prefix_is_host(&p);
	return *s != '-' && strspn(s, "0123456789.") < strlen(s) &&
	       strspn(s, FP_INV_NAME_CHARS ".-") == strlen(s);
}

bool fp_inv_var_is_ours(const char *key)
{
	return !strncmp(key, "fp_", 3) || !strcmp(key, "ansible_host") ||
	       !strcmp(key, "ansible_port") || !strcmp(key, "ansible_user");
}

bool fp_inv_var_check(const char *key, const char *value, const char **why)
{
	*why = "not taken here, as it changes which value wins";
	if (!strcmp(key, "ansible_group_priority"))
		return false;
	*why = "neither an address nor a host name";
	if (!strcmp(key, "ansible_host"))
		return is_host(value);
	if (strncmp(key, "fp_", 3))
		return true;
	for (size_t i = 0; i < N_KNOWN; i++)
		if (!strcmp(key, known[i].key))
			return value_check(known[i].type, value, why);
	*why = "no variable of fastpath";
	return false;
}

/* ---- a node's addresses */

struct told {
	const struct fp_host *h;
	int (*each)(void *ctx, const struct fp_host *h,
		    const struct fp_prefix *p);
	void *ctx;
};

static int tell(void *ctx, const struct fp_prefix *p)
{
	struct told *t = ctx;

	return t->each(t->ctx, t->h, p);
}

int fp_inventory_addresses(const struct fp_host *h,
			   int (*each)(void *ctx, const struct fp_host *h,
				       const struct fp_prefix *p),
			   void *ctx)
{
	struct told t = { h, each, ctx };
	int r = h->addr.len ? each(ctx, h, &h->addr) : 0;

	for (size_t i = 0; !r && i < N_KNOWN; i++) {
		const char *value = known[i].type == ENDPOINTS
					    ? fp_inventory_var(h, known[i].key)
					    : NULL;

		if (value)
			r = endpoints(value, tell, &t);
	}
	return r;
}
