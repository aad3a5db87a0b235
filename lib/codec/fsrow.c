/* SPDX-License-Identifier: Apache-2.0 */
#include <stdlib.h>
#include <string.h>

#include "codec/fsrow_priv.h"

static const struct {
	enum fsrow_text text;
	size_t offset;
} texts[] = {
	{ FSROW_UUID, offsetof(struct fp_fsrow, uuid) },
	{ FSROW_SWITCHNAME, offsetof(struct fp_fsrow, switchname) },
	{ FSROW_CORE_UUID, offsetof(struct fp_fsrow, core_uuid) },
	{ FSROW_SIGNAL_BOND_TEXT, offsetof(struct fp_fsrow, signal_bond) },
	{ FSROW_ORIGINATE_BOND_TEXT,
	  offsetof(struct fp_fsrow, originate_signal_bond) },
	{ FSROW_BRIDGE_TO, offsetof(struct fp_fsrow, bridge_to) },
	{ FSROW_CALL_UUID, offsetof(struct fp_fsrow, call_uuid) },
	{ FSROW_CONFERENCE, offsetof(struct fp_fsrow, conference) },
	{ FSROW_CONFERENCE_MEMBER,
	  offsetof(struct fp_fsrow, conference_member_id) },
	{ FSROW_CALL_ID, offsetof(struct fp_fsrow, call_id) },
	{ FSROW_FROM_TAG, offsetof(struct fp_fsrow, from_tag) },
	{ FSROW_TO_TAG, offsetof(struct fp_fsrow, to_tag) },
	{ FSROW_FULL_FROM, offsetof(struct fp_fsrow, full_from) },
	{ FSROW_FULL_TO, offsetof(struct fp_fsrow, full_to) },
	{ FSROW_CONTACT_URI, offsetof(struct fp_fsrow, contact_uri) },
	{ FSROW_RECOVER_CONTACT, offsetof(struct fp_fsrow, recover_contact) },
	{ FSROW_REQ_URI, offsetof(struct fp_fsrow, req_uri) },
	{ FSROW_NETWORK_IP, offsetof(struct fp_fsrow, network_ip) },
	{ FSROW_VIA, offsetof(struct fp_fsrow, via) },
	{ FSROW_ROUTE, offsetof(struct fp_fsrow, route) },
	{ FSROW_RECORD_ROUTE, offsetof(struct fp_fsrow, record_route) },
	{ FSROW_PROXY, offsetof(struct fp_fsrow, proxy) },
	{ FSROW_PROFILE_TEXT, offsetof(struct fp_fsrow, profile) },
	{ FSROW_MEDIA_IP, offsetof(struct fp_fsrow, media_ip) },
	{ FSROW_ADVERTISED_IP, offsetof(struct fp_fsrow, advertised_ip) },
	{ FSROW_REMOTE_IP, offsetof(struct fp_fsrow, remote_ip) },
	{ FSROW_VIDEO_IP, offsetof(struct fp_fsrow, video_ip) },
	{ FSROW_TEXT_IP, offsetof(struct fp_fsrow, text_ip) },
	{ FSROW_FROM_USER, offsetof(struct fp_fsrow, from_user) },
	{ FSROW_TO_USER, offsetof(struct fp_fsrow, to_user) },
	{ FSROW_CONTEXT, offsetof(struct fp_fsrow, context) },
	{ FSROW_APP, offsetof(struct fp_fsrow, app) },
	{ FSROW_APP_DATA, offsetof(struct fp_fsrow, app_data) },
	{ FSROW_PROCESS_CDR, offsetof(struct fp_fsrow, process_cdr) },
};

#define N_TEXTS (sizeof(texts) / sizeof(*texts))

/* A decimal number up to max, else 0. */
static uint64_t number(const char *s, uint64_t max)
{
	uint64_t v = 0;

	if (!*s)
		return 0;
	for (; *s; s++) {
		if (*s < '0' || *s > '9')
			return 0;
		v = v * 10 + (uint64_t)(*s - '0');
		if (v > max)
			return 0;
	}
	return v;
}

static uint16_t port(const struct fsrow_raw *raw, enum fsrow_text t)
{
	return (uint16_t)number(fp_fsrow_text(raw, t), 65535);
}

static int64_t micros(const struct fsrow_raw *raw, enum fsrow_text t)
{
	return (int64_t)number(fp_fsrow_text(raw, t), INT64_MAX / 16);
}

bool fp_fsrow_flag(const struct fsrow_raw *raw, unsigned int n)
{
	const char *s = fp_fsrow_text(raw, FSROW_FLAGS);
	char *end;

	for (; *s; s += strcspn(s, ";"), s += *s == ';')
		if (strtoul(s, &end, 10) == n && end != s && *end == '=')
			return strtoul(end + 1, NULL, 10);
	return false;
}

static void take_values(struct fp_fsrow *out, const struct fsrow_raw *raw)
{
	const char *cseq = fp_fsrow_text(raw, FSROW_CSEQ);

	/* CF_ANSWERED, CF_BRIDGE_ORIGINATOR: switch_types.h */
	out->is_answered = fp_fsrow_flag(raw, 1);
	out->is_originator = fp_fsrow_flag(raw, 4);
	out->is_inbound =
		strcmp(fp_fsrow_text(raw, FSROW_DIRECTION), "outbound") != 0;
	/* RFC 3261 8.1.1.5: less than 2**31 */
	out->cseq = (uint32_t)number(cseq, INT32_MAX);
	out->has_cseq = out->cseq || !strcmp(cseq, "0");
	out->media_port = port(raw, FSROW_MEDIA_PORT);
	out->remote_port = port(raw, FSROW_REMOTE_PORT);
	out->video_port = port(raw, FSROW_VIDEO_PORT);
	out->text_port = port(raw, FSROW_TEXT_PORT);
	out->created_us = micros(raw, FSROW_CREATED);
	out->answered_us = micros(raw, FSROW_ANSWERED);
	out->transport = fp_fsrow_transport_of(raw);
	out->traits = fp_fsrow_traits(raw);
}

/* ---- what the caller gets lies in one piece: spans, applications, texts */

struct piece {
	struct fp_fsrow *row;
	const struct fsrow_raw *raw;
	size_t n_apps;
	char *at; /* of the next text; NULL: sizes are summed */
	size_t size;
};

static const char *put(struct piece *p, const char *s)
{
	size_t n = strlen(s) + 1;
	char *at = p->at;

	p->size += n;
	if (!at)
		return NULL;
	p->at += n;
	return memcpy(at, s, n);
}

static void put_texts(struct piece *p)
{
	const struct fsrow_raw_app *app =
		(const struct fsrow_raw_app *)(void *)p->raw->apps.data;
	const char *base = p->raw->texts.data;

	for (size_t i = 0; i < N_TEXTS; i++) {
		const char *s = fp_fsrow_text(p->raw, texts[i].text);

		if (texts[i].text == FSROW_ROUTE && !*s)
			s = fp_fsrow_text(p->raw, FSROW_RECORD_ROUTE);
		s = put(p, s);
		memcpy((char *)p->row + texts[i].offset, &s, sizeof(s));
	}
	for (size_t i = 0; i < p->n_apps; i++) {
		const char *name = put(p, base + app[i].name);
		const char *data = put(p, base + app[i].data);

		if (p->at)
			p->row->apps[i] = (struct fp_fsrow_app){ name, data };
	}
}

static int assemble(struct fp_fsrow *out, const struct fsrow_raw *raw)
{
	size_t n_apps = raw->apps.len / sizeof(struct fsrow_raw_app);
	size_t spans_size = raw->spans.len;
	size_t head = n_apps * sizeof(*out->apps) + spans_size;
	struct piece p = { .row = out, .raw = raw, .n_apps = n_apps };
	char *store;

	put_texts(&p);
	store = malloc(head + p.size);
	if (!store)
		return -ENOMEM;
	out->store = store;
	out->apps = (struct fp_fsrow_app *)(void *)store;
	out->n_apps = n_apps;
	out->spans = (struct fp_fsrow_span *)(void *)(out->apps + n_apps);
	out->n_spans = spans_size / sizeof(*out->spans);
	if (spans_size)
		memcpy(out->spans, raw->spans.data, spans_size);
	p.at = store + head;
	put_texts(&p);
	return 0;
}

/* ---- */

static void raw_fini(struct fsrow_raw *raw)
{
	if (raw->texts.data)
		explicit_bzero(raw->texts.data, raw->texts.cap);
	fp_buf_fini(&raw->texts);
	fp_buf_fini(&raw->apps);
	fp_buf_fini(&raw->spans);
	memset(raw, 0, sizeof(*raw));
}

/* Without these FreeSWITCH itself makes no session of it, or dies of it (it compares
 * the direction unseen).  Source: switch_core_session.c,
 * switch_core_session_request_xml. */
static int check(const struct fsrow_raw *raw, struct fp_err *e)
{
	if (!raw->has_variables)
		return fp_err(e, -EBADMSG, "its XML has no <variables>");
	if (!*fp_fsrow_text(raw, FSROW_UUID))
		return fp_err(e, -EBADMSG, "its XML has no variable uuid");
	if (!*fp_fsrow_text(raw, FSROW_DIRECTION))
		return fp_err(e, -EBADMSG,
			      "its XML has no channel_data/direction");
	if (!raw->has_caller)
		return fp_err(e, -EBADMSG,
			      "its XML has no callflow/caller_profile");
	return 0;
}

int fp_fsrow_parse(struct fp_fsrow *out, const char *xml, size_t n,
		   struct fp_err *e)
{
	struct fsrow_raw raw = { 0 };
	struct fp_fsrow row = { 0 };
	int rc;

	if (n > FP_FSROW_MAX)
		return fp_err(e, -EMSGSIZE,
			      "its XML has %zu bytes, more than %u", n,
			      FP_FSROW_MAX);
	rc = fp_fsrow_read(&raw, xml, n, false, e);
	if (rc == -EBADMSG) {
		raw_fini(&raw);
		rc = fp_fsrow_read(&raw, xml, n, true, e);
	}
	rc = rc ? rc : check(&raw, e);
	if (!rc && assemble(&row, &raw))
		rc = fp_err(e, -ENOMEM, "out of memory");
	if (!rc) {
		take_values(&row, &raw);
		*out = row;
	}
	raw_fini(&raw);
	return rc;
}

void fp_fsrow_fini(struct fp_fsrow *r)
{
	free(r->store);
	memset(r, 0, sizeof(*r));
}
