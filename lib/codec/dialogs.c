/* SPDX-License-Identifier: Apache-2.0 */
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cjson/cJSON.h>

#include "base/hash.h"
#include "codec/dialogs_priv.h"

#define EXACT_MAX 9007199254740992.0 /* 2^53 */

const char *fp_dialog_state_name(int state)
{
	static const char *const names[] = {
		"-", "unconfirmed", "early", "no-ack", "confirmed", "deleted",
	};

	return names[state > 0 && state <= FP_DLG_DELETED ? state : 0];
}

/* ---- members: each object is walked once, a listing has 20 members a dialog */

/* One of CALLEES[]. */
struct callee {
	const char *contact, *bind, *sdp, *sent, *cseq;
};

struct raw {
	struct fp_os_dialog d;
	const char *caller_sdp, *to_caller; /* what was sent to the caller */
	const cJSON *callees;
	bool is_ambiguous; /* several callees may be the one that answered */
	struct callee callee;
};

/* cJSON's own questions are calls, and of members there are half a million. */
static bool is_text(const cJSON *v)
{
	return (v->type & 0xff) == cJSON_String;
}

static bool is_named(const cJSON *v, const char *name)
{
	return v->string && !strcmp(v->string, name);
}

/* Texts of an object, and where their pointers go. */
struct member {
	const char *name;
	size_t len, at;
};
#define MEMBER(NAME, TYPE, M)                                                  \
	{                                                                      \
		NAME, sizeof(NAME) - 1, offsetof(TYPE, M)                      \
	}

static void take_text(void *to, const struct member *list, size_t n,
		      const cJSON *v)
{
	size_t len = v->string ? strlen(v->string) : 0;

	for (size_t i = 0; i < n; i++) {
		if (list[i].len != len ||
		    memcmp(list[i].name, v->string, len) != 0)
			continue;
		*(const char **)((char *)to + list[i].at) = v->valuestring;
		return;
	}
}

static const char *text_of(const cJSON *v)
{
	return cJSON_IsString(v) ? v->valuestring : "";
}

/* -1: none, or no sane one. */
static int64_t number_of(const cJSON *v)
{
	if (!cJSON_IsNumber(v) || !(v->valuedouble >= 0) ||
	    !(v->valuedouble <= EXACT_MAX))
		return -1;
	return (int64_t)v->valuedouble;
}

static int64_t number_in(const cJSON *o, const char *name)
{
	return number_of(cJSON_GetObjectItemCaseSensitive(o, name));
}

static void take_callee(struct callee *to, const cJSON *from)
{
	static const struct member texts[] = {
		MEMBER("callee_contact", struct callee, contact),
		MEMBER("callee_bind_addr", struct callee, bind),
		MEMBER("callee_sdp", struct callee, sdp),
		MEMBER("callee_sent_sdp", struct callee, sent),
		MEMBER("caller_cseq", struct callee, cseq),
	};
	const cJSON *v;

	*to = (struct callee){ "", "", "", "", "" };
	cJSON_ArrayForEach(v, from)
	{
		if (is_text(v))
			take_text(to, texts, sizeof(texts) / sizeof(*texts), v);
	}
}

/* How much a leg looks like the one that answered.  MI does not say which it is:
 * a failed branch that sent a 183 has its SDP too, and behind topology hiding a
 * contact.  In-dialog requests count up the CSeq of the answered one.
 * Source: OpenSIPS 3.6 dialog, dlg_handlers.c, push_reply_in_dialog,
 * update_leg_info. */
static unsigned long long rank(const struct callee *c)
{
	unsigned long long cseq = strtoull(c->cseq, NULL, 10);

	return (*c->contact ? 1ull << 62 : 0) | (*c->sdp ? 1ull << 61 : 0) |
	       (cseq & ((1ull << 61) - 1));
}

/* Of equals the last one: branches that are tried one after the other. */
static void take_callees(struct raw *r)
{
	unsigned long long best = 0, n;
	struct callee c;
	const cJSON *v;

	r->callee = (struct callee){ "", "", "", "", "" };
	if (!cJSON_IsArray(r->callees))
		return;
	cJSON_ArrayForEach(v, r->callees)
	{
		take_callee(&c, v);
		n = rank(&c);
		if (r->d.n_callees++ && n < best)
			continue;
		r->is_ambiguous = r->d.n_callees > 1 && n == best;
		best = n;
		r->callee = c;
	}
}

/* "context":{"values":[{"dlgX_shtag":"vip1"}, ...]} */
static const char *tag_of(const cJSON *context)
{
	const cJSON *v,
		*values = cJSON_GetObjectItemCaseSensitive(context, "values");

	if (!cJSON_IsArray(values))
		return "";
	cJSON_ArrayForEach(v, values)
	{
		if (cJSON_IsObject(v) && v->child &&
		    is_named(v->child, "dlgX_shtag"))
			return text_of(v->child);
	}
	return "";
}

/* 0: none that we know. */
static int state_of(const cJSON *v)
{
	int64_t n = number_of(v);

	return n > 0 && n <= FP_DLG_DELETED ? (int)n : 0;
}

static int64_t time_of(const cJSON *v)
{
	int64_t n = number_of(v);

	return n > 0 ? n : 0;
}

static void take_members(struct raw *r, const cJSON *from)
{
	static const struct member texts[] = {
		MEMBER("callid", struct raw, d.callid),
		MEMBER("from_uri", struct raw, d.from_uri),
		MEMBER("to_uri", struct raw, d.to_uri),
		MEMBER("caller_contact", struct raw, d.caller_contact),
		MEMBER("caller_bind_addr", struct raw, d.caller_bind),
		MEMBER("caller_sdp", struct raw, caller_sdp),
		MEMBER("caller_sent_sdp", struct raw, to_caller),
	};
	const cJSON *v;

	cJSON_ArrayForEach(v, from)
	{
		if (is_text(v))
			take_text(r, texts, sizeof(texts) / sizeof(*texts), v);
		else if (is_named(v, "state"))
			r->d.state = state_of(v);
		else if (is_named(v, "timestart"))
			r->d.started_s = time_of(v);
		else if (is_named(v, "CALLEES"))
			r->callees = v;
		else if (is_named(v, "context"))
			r->d.tag = tag_of(v);
	}
}

/* ---- what the four SDP tell */

/* OpenSIPS names what it sent after whom it was sent to: callee_sent_sdp is the
 * caller's SDP after its changes, and is missing when there were none; copies
 * have it empty then.
 * Source: OpenSIPS 3.6 dialog, dlg_hash.h (out_sdp: "latest SDP advertised
 * towards this leg"), dlg_handlers.c, dlg_update_out_sdp. */
static void take_media(struct raw *r)
{
	struct fp_media in, out;
	const struct {
		const char *came, *sent;
		char *to, *to_sent;
	} ends[] = {
		{ r->caller_sdp, r->callee.sent, r->d.caller_media,
		  r->d.caller_sent },
		{ r->callee.sdp, r->to_caller, r->d.callee_media,
		  r->d.callee_sent },
	};

	for (int i = 0; i < 2; i++) {
		fp_media_read(&in, ends[i].came);
		strcpy(ends[i].to, in.address);
		if (!*ends[i].sent)
			continue;
		fp_media_read(&out, ends[i].sent);
		strcpy(ends[i].to_sent, out.address);
		if (*in.address && *out.address &&
		    (strcmp(in.address, out.address) || in.port != out.port))
			r->d.is_anchored = true;
	}
}

/* It is compared with what the same program made of another node's: eight bytes at
 * a time. */
static uint64_t mix(uint64_t h, const char *s)
{
	size_t n = strlen(s);
	uint64_t w;

	h ^= n;
	for (; n; n -= n < 8 ? n : 8, s += 8) {
		w = 0;
		memcpy(&w, s, n < 8 ? n : 8);
		h = (h ^ w) * 0x9e3779b97f4a7c15ull;
		h ^= h >> 32;
	}
	return h;
}

static uint64_t hash_of(const struct raw *r)
{
	uint64_t h;

	if (r->is_ambiguous)
		return 0;
	h = mix(mix(FP_FNV1A_INIT, r->caller_sdp), r->callee.sdp);
	return h ? h : 1;
}

static int take(const cJSON *v,
		int (*each)(void *ctx, const struct fp_os_dialog *d), void *ctx,
		struct fp_err *e)
{
	struct raw r = {
		.d = { .callid = "",
		       .from_uri = "",
		       .to_uri = "",
		       .tag = "",
		       .caller_contact = "",
		       .caller_bind = "" },
		.caller_sdp = "",
		.to_caller = "",
	};

	if (!cJSON_IsObject(v))
		return fp_err(e, -EBADMSG, "dlg_list: a dialog is no object");
	take_members(&r, v);
	if (!*r.d.callid)
		return fp_err(e, -EBADMSG,
			      "dlg_list: a dialog has no \"callid\"");
	take_callees(&r);
	r.d.callee_contact = r.callee.contact;
	r.d.callee_bind = r.callee.bind;
	take_media(&r);
	r.d.sdp_hash = hash_of(&r);
	return each(ctx, &r.d);
}

int fp_os_dialogs(const struct cJSON *result, int64_t *count,
		  int (*each)(void *ctx, const struct fp_os_dialog *d),
		  void *ctx, struct fp_err *e)
{
	const cJSON *one = cJSON_GetObjectItemCaseSensitive(result, "Dialog");
	const cJSON *v, *list;
	int r;

	*count = number_in(result, "count");
	if (one)
		return take(one, each, ctx, e);
	list = cJSON_GetObjectItemCaseSensitive(result, "Dialogs");
	if (!cJSON_IsArray(list))
		return fp_err(e, -EBADMSG, "dlg_list: \"Dialogs\" is %s",
			      list ? "no array" : "missing");
	cJSON_ArrayForEach(v, list)
	{
		r = take(v, each, ctx, e);
		if (r)
			return r;
	}
	return 0;
}

/* ---- other commands */

int fp_os_sequential(const struct cJSON *result, int *code, char reason[64],
		     struct fp_err *e)
{
	int64_t n = number_in(result, "Code");

	if (n < 100 || n > 699)
		return fp_err(e, -EBADMSG,
			      "dlg_send_sequential: \"Code\" is %s",
			      n < 0 ? "missing" : "no SIP status");
	*code = (int)n;
	snprintf(reason, 64, "%s",
		 text_of(cJSON_GetObjectItemCaseSensitive(result, "Reason")));
	for (char *p = reason; *p; p++)
		if ((unsigned char)*p < ' ' || *p == 127)
			*p = '?';
	return 0;
}

int fp_os_reports(const struct cJSON *result,
		  int (*each)(void *ctx, int64_t at_s, const char *text),
		  void *ctx, struct fp_err *e)
{
	const cJSON *v;

	if (!cJSON_IsArray(result))
		return fp_err(e, -EBADMSG, "sr_list_reports: no array");
	cJSON_ArrayForEach(v, result)
	{
		int r = each(ctx, number_in(v, "Timestamp"),
			     text_of(cJSON_GetObjectItemCaseSensitive(v,
								      "Log")));

		if (r)
			return r;
	}
	return 0;
}
