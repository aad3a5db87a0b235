/* SPDX-License-Identifier: Apache-2.0 */
/* SIP by OPTIONS, over UDP, TCP and TLS. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "health/probe.h"
#include "io/clock.h"

#define DEFAULT_FAIL "408,409,5xx,6xx"
#define TLS_PORT 5061 /* RFC 3261 19.1.2 */
#define CERT_DAYS 14  /* fewer: WARNING */

struct sip {
	struct fp_sip_call *call;         /* under way, or NULL */
	unsigned char fails[700 / 8 + 1]; /* a bit a status */
	char user[128], domain[256];      /* of From, or "" */
	struct fp_sip_opts opts;
};

/* ---- which answers are failures */

static bool is_failure(const struct sip *d, int status)
{
	return d->fails[status / 8] >> status % 8 & 1;
}

static void add_failures(struct sip *d, int from, int n)
{
	for (int i = from; i < from + n; i++)
		d->fails[i / 8] |= (unsigned char)(1 << i % 8);
}

/* "486" or "4xx". */
static int add_word(struct sip *d, const char *s, size_t n, struct fp_err *e)
{
	bool is_ok = n == 3 && *s >= '2' && *s <= '6';
	bool is_class = is_ok && !strncasecmp(s + 1, "xx", 2);
	char word[24];

	if (is_class) {
		add_failures(d, (*s - '0') * 100, 100);
		return 0;
	}
	if (is_ok && strspn(s, "0123456789") >= 3) {
		add_failures(d, atoi(s), 1);
		return 0;
	}
	snprintf(word, sizeof(word), "%.*s", n < 20 ? (int)n : 20, s);
	return fp_err(e, -EINVAL,
		      "\"%s\": neither a status of SIP (486) nor a class of "
		      "them (5xx)",
		      word);
}

static int read_failures(struct sip *d, const char *list, struct fp_err *e)
{
	int r;

	for (;; list++) {
		size_t n = strcspn(list += strspn(list, " "), ","), len = n;

		while (len && list[len - 1] == ' ')
			len--;
		r = add_word(d, list, len, e);
		list += n;
		if (r || !*list)
			return r;
	}
}

/* ---- the cluster file */

/* user@domain */
static int read_from(struct sip *d, const char *from, struct fp_err *e)
{
	/* RFC 3261 25.1, unreserved and user-unreserved, and of a host */
	static const char user[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.!~*'()&=+$,;?/%";
	static const char host[] = "abcdefghijklmnopqrstuvwxyz"
				   "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				   "0123456789-_.:[]";
	size_t n = strspn(from, user), m;

	m = from[n] == '@' ? strspn(from + n + 1, host) : 0;
	if (!n || !m || from[n + 1 + m] || n >= sizeof(d->user) ||
	    m >= sizeof(d->domain))
		return fp_err(e, -EINVAL, "\"%.200s\": not user@domain", from);
	memcpy(d->user, from, n);
	d->user[n] = 0;
	memcpy(d->domain, from + n + 1, m + 1);
	return 0;
}

/* What of a node holds for all of its endpoints. */
static int read_vars(struct sip *d, const struct fp_host *h, const char *fail,
		     struct fp_err *e)
{
	const char *own = fp_inventory_var(h, "fp_sip_fail");
	const char *from = fp_inventory_var(h, "fp_sip_from");
	int r;

	r = read_failures(d, own ? own : fail ? fail : DEFAULT_FAIL, e);
	if (r)
		return own ? fp_err_prefix(e, r, "%s: fp_sip_fail", h->name)
			   : fp_err_prefix(e, r, "failures of SIP");
	r = from ? read_from(d, from, e) : 0;
	return r ? fp_err_prefix(e, r, "%s: fp_sip_from", h->name) : 0;
}

/* Is this endpoint asked?  Those of other transports stand in the file for other
 * readers.  -EINVAL: it is none of SIP. */
static int is_asked(struct fp_endpoint *to)
{
	switch (to->transport) {
	case FP_T_TLS:
		if (!to->port)
			to->port = TLS_PORT;
		return 1;
	case FP_T_NONE:
	case FP_T_UDP:
	case FP_T_TCP:
		return 1;
	case FP_T_SCTP:
	case FP_T_WS:
	case FP_T_WSS:
		return 0;
	default:
		return -EINVAL;
	}
}

static int plan(const struct fp_host *h,
		int (*add)(void *ctx, const struct fp_endpoint *to), void *ctx,
		struct fp_err *e)
{
	const char *list = fp_inventory_var(h, "fp_sip");
	struct sip vars = { .call = NULL };
	char text[FP_ENDPOINT_STRLEN];
	struct fp_endpoint to;
	int r;

	if (!list)
		return 0;
	r = read_vars(&vars, h, NULL, e);
	for (size_t i = 0; !r; i++) {
		r = fp_endpoint_list(list, i, &to, e);
		if (r <= 0)
			return r ? fp_err_prefix(e, r, "%s: fp_sip", h->name)
				 : 0;
		r = is_asked(&to);
		fp_endpoint_print(&to, text);
		if (r < 0)
			return fp_err(e, r,
				      "%s: fp_sip: \"%s\": not where SIP is "
				      "taken",
				      h->name, text);
		r = r ? add(ctx, &to) : 0;
	}
	return r;
}

/* ---- a reading */

static void judge_certificate(struct fp_reading *r, int days)
{
	if (days < 0)
		return;
	fp_reading_figure(r, "cert_days", days, "", NAN);
	if (days < CERT_DAYS)
		fp_reading_say(r, FP_WARNING,
			       "the certificate ends in %d day%s", days,
			       days == 1 ? "" : "s");
}

static void judge(const struct sip *d, struct fp_reading *r,
		  const struct fp_sip_response *said)
{
	char after[48] = "";
	double ms = (double)r->latency_us / 1000;
	/* a server may say nothing in its reason */
	const char *space = *said->reason ? " " : "";

	if (!is_failure(d, said->status)) {
		fp_reading_say(r, FP_OK, "%d%s%s in %.*f ms", said->status,
			       space, said->reason, ms < 100 ? 1 : 0, ms);
		return;
	}
	if (said->retry_after_s >= 0)
		snprintf(after, sizeof(after), ", retry after %lld s",
			 (long long)said->retry_after_s);
	fp_reading_say(r, FP_CRITICAL, "%d%s%s%s%s%.*s", said->status, space,
		       said->reason, after, said->warning_len ? ": " : "",
		       said->warning_len < 100 ? (int)said->warning_len : 100,
		       said->warning);
	r->is_refusing = said->status == 503;
}

static void on_answer(void *ctx, int code, const struct fp_sip_response *said,
		      int cert_days, const struct fp_err *e)
{
	struct fp_probe *p = ctx;
	struct sip *d = p->data;
	struct fp_reading r;

	d->call = NULL;
	fp_reading_init(&r);
	if (code) {
		fp_reading_fail(&r, code, e);
	} else {
		r.latency_us = fp_clock_us() - p->started_us;
		fp_reading_figure(&r, "latency", (double)r.latency_us / 1e6,
				  "s", NAN);
		judge(d, &r, said);
		judge_certificate(&r, cert_days);
	}
	fp_probe_done(p, &r);
}

static void start(struct fp_probe *p)
{
	struct sip *d = p->data;
	struct fp_reading r;
	struct fp_err e;
	int code;

	/* the engine's deadline comes first: it began before us */
	code = fp_sip_ask(p->env->sip, &p->to, (struct sockaddr *)&p->sa,
			  p->sa_len, &d->opts, p->timeout_ms, on_answer, p,
			  &d->call, &e);
	if (!code)
		return;
	d->call = NULL;
	fp_reading_init(&r);
	fp_reading_fail(&r, code, &e);
	fp_probe_done(p, &r);
}

static void expire(struct fp_probe *p, struct fp_reading *r)
{
	struct sip *d = p->data;
	struct fp_err e = { .text = "" };

	if (d->call)
		fp_sip_far(d->call, &e);
	fp_reading_fail(r, -ETIMEDOUT, &e);
	fp_sip_drop(d->call);
	d->call = NULL;
}

/* ---- its life */

static int read_tls(struct sip *d, struct fp_probe *p, struct fp_err *e)
{
	const struct fp_tls_opts o = {
		.ca_file = fp_inventory_var(p->host, "fp_tls_ca"),
		.cert_file = fp_inventory_var(p->host, "fp_tls_cert"),
		.key_file = fp_inventory_var(p->host, "fp_tls_key"),
	};

	if (p->to.transport != FP_T_TLS)
		return 0;
	return fp_sip_tls(p->env->sip, &o, &d->opts.tls, e);
}

static int init(struct fp_probe *p, struct fp_err *e)
{
	struct sip *d = calloc(1, sizeof(*d));
	int r;

	if (!d)
		return fp_err_sys(e, -ENOMEM, "SIP");
	r = read_vars(d, p->host, p->env->sip_fail, e);
	if (!r)
		r = read_tls(d, p, e);
	if (r) {
		free(d);
		return r;
	}
	if (*d->user) {
		d->opts.from_user = d->user;
		d->opts.from_domain = d->domain;
	}
	p->data = d;
	return 0;
}

static void fini(struct fp_probe *p)
{
	struct sip *d = p->data;

	fp_sip_drop(d->call);
	free(d);
}

static const char *const figures[] = { "latency", "cert_days", NULL };

const struct fp_probe_kind fp_probe_sip = {
	.name = "sip",
	.vars = "fp_sip",
	.figures = figures,
	.is_network = true,
	.default_port = 5060,
	.plan = plan,
	.init = init,
	.fini = fini,
	.start = start,
	.expire = expire,
};
