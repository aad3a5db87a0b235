/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "peer/sip_priv.h"

static const char *transport_word(enum fp_transport t)
{
	return t == FP_T_TCP ? "TCP" : t == FP_T_TLS ? "TLS" : "UDP";
}

static void print_uri(char *out, size_t size, const struct fp_endpoint *to,
		      enum fp_transport t)
{
	bool is_v6 = to->addr.len && !fp_prefix_is_v4(&to->addr);
	char port[8] = "";

	if (to->port)
		snprintf(port, sizeof(port), ":%u", to->port);
	snprintf(out, size, "sip:%s%s%s%s%s", is_v6 ? "[" : "", to->host,
		 is_v6 ? "]" : "", port,
		 t == FP_T_TCP   ? ";transport=tcp"
		 : t == FP_T_TLS ? ";transport=tls"
				 : "");
}

/* ---- where from, and where to */

int fp_sip_way(struct fp_sip *s, const struct sip_id *id, struct sip_way *w)
{
	int r = fp_sip_local(s, w->sa, w->len, w->local);

	if (r)
		return r;
	/* Over a connection the answer comes back on it. */
	if (w->transport == FP_T_UDP)
		snprintf(w->sent_by, sizeof(w->sent_by), "%s:%u", w->local,
			 fp_sip_socket(s, w->sa->sa_family)->port);
	else
		snprintf(w->sent_by, sizeof(w->sent_by), "%s", w->local);
	print_uri(w->uri, sizeof(w->uri), w->to, w->transport);
	memcpy(w->branch, COOKIE, sizeof(COOKIE));
	fp_hex(id->branch, sizeof(id->branch), w->branch + strlen(COOKIE));
	return 0;
}

/* The request, in s->text. */
void fp_sip_way_options(struct fp_sip *s, const struct sip_id *id,
			const struct sip_way *w, const struct fp_sip_opts *from)
{
	char call_id[2 * CALL_ID_BYTES + 1], tag[2 * TAG_BYTES + 1];
	struct fp_sip_options o = {
		.transport = transport_word(w->transport),
		.sent_by = w->sent_by,
		.uri = w->uri,
		.user = from->from_user ? from->from_user : "fastpath",
		.domain = from->from_domain ? from->from_domain : w->local,
		.branch = w->branch,
		.tag = tag,
		.call_id = call_id,
		.cseq = id->cseq
	};

	fp_hex(id->call_id, sizeof(id->call_id), call_id);
	fp_hex(id->tag, sizeof(id->tag), tag);
	fp_sip_print_options(&s->text, &o);
}

int fp_sip_way_bye(struct fp_sip *s, const struct sip_way *w,
		   const struct fp_sip_bye *bye, struct fp_err *e)
{
	struct fp_sip_bye b = *bye;

	b.transport = transport_word(w->transport);
	b.sent_by = w->sent_by;
	b.branch = w->branch;
	if (!b.uri)
		b.uri = w->uri;
	return fp_sip_print_bye(&s->text, &b, e);
}
