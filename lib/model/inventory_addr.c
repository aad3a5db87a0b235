/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "model/inventory_priv.h"

/* What a variable of ours holds. */
enum type {
	TEXT,
	NUMBER,    /* decimal */
	ENDPOINTS, /* [udp:]ADDRESS[:PORT], http://ADDRESS:PORT/..., fifo:PATH,
		    * several with ',' between them */
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

/* Does s begin with one of the words before ':' that name a transport? */
static size_t transport_len(const char *s)
{
	static const char *const transports[] = { "udp:",  "tcp:", "tls:",
						  "sctp:", "ws:",  "wss:" };

	for (size_t i = 0; i < sizeof(transports) / sizeof(*transports); i++)
		if (!strncmp(s, transports[i], strlen(transports[i])))
			return strlen(transports[i]);
	return 0;
}

/* Where the host of an endpoint of n bytes stands in it. */
static const char *host_of(const char *s, size_t n, size_t *host_n)
{
	const char *slashes = memmem(s, n, "://", 3), *end = s + n;

	s = slashes ? slashes + 3 : s + transport_len(s);
	if (s < end && *s == '[') {
		const char *close = memchr(s, ']', (size_t)(end - s));

		*host_n = close ? (size_t)(close - s - 1) : 0;
		return s + 1;
	}
	*host_n = strcspn(s, ":/,");
	if (*host_n > (size_t)(end - s))
		*host_n = (size_t)(end - s);
	return s;
}

/* The address in an endpoint.  1; 0: it has a name, or none (fifo:PATH);
 * -EINVAL. */
static int endpoint(struct fp_prefix *out, const char *s, size_t n)
{
	const char *host;
	size_t host_n;
	bool is_v6;

	if (!fp_prefix_parse(out, s, n, NULL))
		return fp_prefix_is_host(out) ? 1 : -EINVAL;
	host = host_of(s, n, &host_n);
	is_v6 = host > s && host[-1] == '[';
	if (!host_n && !is_v6)
		return -EINVAL;
	if (!fp_prefix_parse(out, host, host_n, NULL))
		return fp_prefix_is_host(out) ? 1 : -EINVAL;
	return is_v6 || strspn(host, "0123456789.") >= host_n ? -EINVAL : 0;
}

/* Call each(ctx, p) for the addresses of endpoints; -EINVAL when one is bad. */
static int endpoints(const char *s,
		     int (*each)(void *ctx, const struct fp_prefix *p),
		     void *ctx)
{
	for (;; s++) {
		struct fp_prefix p;
		size_t n = strcspn(s += strspn(s, " "), ",");
		size_t len = n;
		int r;

		while (len && s[len - 1] == ' ')
			len--;
		r = endpoint(&p, s, len);
		if (r > 0)
			r = each(ctx, &p);
		s += n;
		if (r || !*s)
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

/* The host of ansible_host: an address, or a name that DNS could have. */
static bool is_host(const char *s)
{
	struct fp_prefix p;

	if (!fp_prefix_parse(&p, s, strlen(s), NULL))
		return fp_prefix_is_host(&p);
	return *s && strspn(s, "0123456789.") < strlen(s) &&
	       !strpbrk(s, ":/,@[]{}()\"' ");
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
