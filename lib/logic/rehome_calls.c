/* SPDX-License-Identifier: Apache-2.0 */
#include "logic/rehome_calls.h"

#include <stdio.h>
#include <string.h>

#include "logic/rehome_check_priv.h"

/* Dialogs that are being made or ended differ for a moment: so many of a peer's
 * may lack, but never all. */
#define SLACK(N) ((N) / 50 > 2 ? (N) / 50 : 2)
#define ENOUGH 20 /* calls that tell how many updates each has */
#define MB (1024.0 * 1024)

#define SAY(C, STATE, RULE, ...)                                               \
	fp_check_say(C, NAME, FP_CHECK_##STATE, RULE, __VA_ARGS__)

/* ---- sockets */

static uint16_t port_of(const struct fp_endpoint *p)
{
	if (p->port)
		return p->port;
	return p->transport == FP_T_TLS ? 5061 : 5060; /* RFC 3261 19.1.2 */
}

static bool is_host(const struct fp_endpoint *a, const struct fp_endpoint *b)
{
	if (a->addr.len && b->addr.len)
		return !fp_prefix_cmp(&a->addr, &b->addr);
	return !strcmp(a->host, b->host);
}

static bool is_among(const struct fp_endpoint *v, size_t n,
		     const struct fp_endpoint *p)
{
	for (size_t i = 0; i < n; i++)
		if (is_host(&v[i], p) && port_of(&v[i]) == port_of(p))
			return true;
	return false;
}

static bool is_host_among(const struct fp_endpoint *v, size_t n,
			  const struct fp_endpoint *p)
{
	for (size_t i = 0; i < n; i++)
		if (is_host(&v[i], p))
			return true;
	return false;
}

static void wrong(struct fp_check_bind *b, size_t *count, const char *socket)
{
	(*count)++;
	if (!*b->wrong || count == &b->n_foreign)
		snprintf(b->wrong, sizeof(b->wrong), "%s", socket);
}

void fp_check_bind_add(struct fp_check_bind *b, int side, const char *socket)
{
	struct fp_endpoint p;

	if (!*socket)
		return;
	b->n++;
	if (!*b->first[side])
		snprintf(b->first[side], sizeof(b->first[side]), "%s", socket);
	if (fp_endpoint_parse(&p, socket, strlen(socket), NULL))
		wrong(b, &b->n_wrong, socket);
	else if (is_among(b->own, b->n_own, &p))
		b->n_own_hit++;
	else if (is_among(b->others, b->n_others, &p))
		wrong(b, &b->n_foreign, socket);
	else if (b->n_own && is_host_among(b->own, b->n_own, &p))
		wrong(b, &b->n_near, socket);
	else if (b->n_own || strcmp(b->first[side], socket))
		wrong(b, &b->n_wrong, socket);
	else
		b->n_own_hit++;
}

#define NAME "bind"
void fp_check_bind(struct fp_check *out, const struct fp_check_bind *b)
{
	size_t bad = b->n_foreign + b->n_wrong;

	if (!b->n) {
		SAY(out, OK, "", "no dialog");
	} else if (bad) {
		SAY(out, REFUSE, "bind", "%zu of %zu: %s", bad, b->n, b->wrong);
		fp_check_detail(
			out, "%s",
			b->n_foreign
				? "that is another node's: the socket's tag is "
				  "to map to one of its own"
			: b->n_own
				? "not in its fp_sip"
				: "more than one socket, and it has no fp_sip");
	} else if (b->n_near) {
		SAY(out, WARN, "", "%s", b->wrong);
		fp_check_detail(out, "its address, but that port is not in its "
				     "fp_sip");
	} else {
		SAY(out, OK, "", "%s",
		    *b->first[0] ? b->first[0] : b->first[1]);
	}
}
#undef NAME

/* ---- has it the dialogs? */

static int64_t missing(const struct fp_check_counts *f)
{
	return f->peer && f->n >= 0 && f->peer_n > f->n ? f->peer_n - f->n : 0;
}

bool fp_check_counts_again(const struct fp_check_counts *f)
{
	return missing(f) || f->n_lacking;
}

#define NAME "dialogs"
void fp_check_counts(struct fp_check *out, const struct fp_check_counts *f)
{
	long long n = (long long)f->n, peer = (long long)f->peer_n;

	if (f->n < 0) {
		SAY(out, REFUSE, "in-sync", "not known");
		fp_check_detail(out, "it has no statistics of dialogs");
	} else if (f->n_lacking) {
		SAY(out, REFUSE, "in-sync", "%lld, lacks %zu of the owner's", n,
		    f->n_lacking);
		fp_check_detail(out, "such as %.100s: fp-rehome compare",
				f->lacking);
	} else if (!f->has_owner && missing(f) &&
		   (!f->n || missing(f) > SLACK(f->peer_n))) {
		SAY(out, REFUSE, "in-sync", "%lld, %s has %lld", n, f->peer,
		    peer);
		fp_check_detail(out, "%s",
				f->n ? "copies were lost, or never came"
				     : "empty: restarted, or its sockets have "
				       "no tag");
	} else if (missing(f)) {
		SAY(out, WARN, "", "%lld, %s has %lld", n, f->peer, peer);
	} else {
		SAY(out, OK, "", "%lld", n);
		if (f->peer)
			fp_check_detail(out, "%s has %lld", f->peer, peer);
	}
}
#undef NAME

#define NAME "no-ack"
void fp_check_state3(struct fp_check *out, size_t n, size_t n_state3)
{
	if (!n_state3) {
		SAY(out, OK, "", "0 of %zu", n);
		return;
	}
	SAY(out, WARN, "", "%zu of %zu", n_state3, n);
	fp_check_detail(out, "in state 3: their ACK passed another node than "
			     "the tag's owner, or there is no ACK rule");
}
#undef NAME

#define NAME "ack-rule"
/* Source: facts/opensips-3nodes.md 0.3: 2 updates a call with the rule, 1 without. */
void fp_check_ack(struct fp_check *out, const struct fp_check_ack *f)
{
	static const char without[] =
		"copies keep the SDP of the call's set-up: $DLG_timeout = "
		"$DLG_timeout at each ACK";
	double each = f->create_recv > 0
			      ? (double)f->update_recv / (double)f->create_recv
			      : 0;

	if (f->cfg >= 0) {
		fp_check_say(out, NAME, f->cfg ? FP_CHECK_OK : FP_CHECK_WARN,
			     "", "%s", f->cfg ? "yes" : "no");
		if (!f->cfg)
			fp_check_detail(out, "%s", without);
	} else if (f->n_state3) {
		SAY(out, WARN, "", "no");
		fp_check_detail(out, "%s", without);
	} else if (f->create_recv < ENOUGH || f->update_recv < 0) {
		SAY(out, OK, "", "not known");
	} else if (each < 1.5) {
		SAY(out, WARN, "", "no: %.1f updates a call", each);
		fp_check_detail(out, "%s", without);
	} else {
		SAY(out, OK, "", "%.1f updates a call", each);
	}
}
#undef NAME

#define NAME "early"
void fp_check_early(struct fp_check *out, size_t n_early, bool is_failover)
{
	if (!n_early) {
		SAY(out, OK, "", "0");
		return;
	}
	SAY(out, WARN, "", "%zu", n_early);
	fp_check_detail(
		out, "%s",
		is_failover ? "still being set up: they are lost with the node"
			    : "still being set up: they are left alone");
}
#undef NAME

#define NAME "sdp"
void fp_check_sdp(struct fp_check *out, size_t n, size_t n_stale,
		  bool is_failover)
{
	if (!n_stale) {
		SAY(out, OK, "", "0 of %zu differ", n);
		return;
	}
	SAY(out, WARN, "", "%zu of %zu differ", n_stale, n);
	fp_check_detail(
		out, "%s",
		is_failover
			? "a copy is of the call's set-up: media may go where "
			  "it went then"
			: "they are refreshed through the owner first");
}
#undef NAME

/* ---- memory */

static double above_floor(const struct fp_check_memory *f)
{
	double left = (double)f->free - f->floor * (double)f->total;

	return f->free >= 0 && f->total > 0 && left > 0 ? left : 0;
}

double fp_check_memory_rate(const struct fp_check_memory *f)
{
	double each = (double)f->cost * (double)f->wt_ms / 1000;

	return each > 0 ? above_floor(f) / each : 0;
}

#define NAME "memory"
void fp_check_memory(struct fp_check *out, const struct fp_check_memory *f)
{
	double rate = fp_check_memory_rate(f);
	bool is_slow = f->rate > 0 && rate < f->rate;

	if (f->free < 0 || f->total <= 0) {
		SAY(out, REFUSE, "memory", "not known");
		fp_check_detail(out, "it has no statistics of shmem, and dies "
				     "when it has none left");
		return;
	}
	fp_check_say(out, NAME,
		     rate < 1  ? FP_CHECK_REFUSE
		     : is_slow ? FP_CHECK_WARN
			       : FP_CHECK_OK,
		     "memory", "%.1f of %.1f MB free, floor %.1f MB",
		     (double)f->free / MB, (double)f->total / MB,
		     f->floor * (double)f->total / MB);
	fp_check_detail(out,
			"%scarries %.0f calls a second (%.0f kB each for "
			"%.0f s); room for %.0f more dialogs",
			rate < 1  ? "too little: "
			: is_slow ? "slow: "
				  : "",
			rate, (double)f->cost / 1024, (double)f->wt_ms / 1000,
			f->dialog ? above_floor(f) / (double)f->dialog : 0);
}
#undef NAME

/* ---- media */

#define NAME "body"
void fp_check_body(struct fp_check *out, const struct fp_check_body *f)
{
	if (!strcmp(f->named, "outbound") && f->n_anchored) {
		SAY(out, REFUSE, "body", "outbound is wrong for %zu of %zu",
		    f->n_anchored, f->n_anchored + f->n_direct);
		fp_check_detail(out, "a media proxy anchors them: it would "
				     "loop, or media would go past it");
	} else if (!strcmp(f->named, "inbound") && f->n_direct) {
		SAY(out, WARN, "", "inbound, %zu are not anchored",
		    f->n_direct);
		fp_check_detail(out, "a local_route that offers would anchor "
				     "them");
	} else {
		SAY(out, OK, "", "%s: %zu inbound, %zu outbound", f->named,
		    !strcmp(f->named, "inbound") ? f->n_anchored + f->n_direct
						 : f->n_anchored,
		    !strcmp(f->named, "inbound") ? (size_t)0 : f->n_direct);
	}
}
#undef NAME

#define NAME "local-route"
void fp_check_local_route(struct fp_check *out, int has, size_t n_anchored)
{
	if (!n_anchored || has > 0) {
		SAY(out, OK, "", "%s",
		    has > 0 ? "it calls rtpengine_offer" : "not needed");
		return;
	}
	fp_check_say(out, NAME, has ? FP_CHECK_WARN : FP_CHECK_REFUSE,
		     "local-route", "%s", has ? "not known" : "no");
	fp_check_detail(out,
			"%zu calls are anchored: their re-INVITEs need "
			"local_route { rtpengine_offer() }%s",
			n_anchored, has ? ": --config FILE tells" : "");
}
#undef NAME
