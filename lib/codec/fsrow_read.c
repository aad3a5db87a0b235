/* SPDX-License-Identifier: Apache-2.0 */
/* A row, walked by expat.  What FreeSWITCH's own reader takes is taken: of elements
 * of one name the first, because its lists of siblings hold only that one; of
 * <variables> only what is directly in it; names of variables in any case, because
 * they become headers of an event.
 * Source: FreeSWITCH 1.10.12 switch_xml.c (switch_xml_insert, switch_xml_child),
 * switch_core_session.c (switch_core_session_request_xml), switch_core_sqldb.c
 * (recover_callback), switch_utils.c (switch_url_decode). */
#include <expat.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/percent.h"
#include "base/utf8.h"
#include "codec/fsrow_priv.h"

/* A call that was transferred a hundred times has some thousand elements; rows are
 * nested 6 deep. */
#define ELEMENTS_MAX 65536
#define DEPTH_MAX 32

enum node {
	NODE_OTHER,
	NODE_CDR,
	NODE_CHANNEL,
	NODE_VARIABLES,
	NODE_CALLFLOW,
	NODE_EXTENSION,
	NODE_CALLER,
	NODE_TIMES,
	NODES
};

struct reader {
	XML_Parser expat;
	struct fsrow_raw *raw;
	enum node path[DEPTH_MAX];
	unsigned int depth, n_elements;
	bool is_seen[NODES];
	int code; /* why a handler ended it */
	/* the element whose text is collected: its depth, 0 for none */
	unsigned int collecting;
	int text;  /* enum fsrow_text, or -1 */
	int place; /* enum fp_fsrow_place, or -1 */
	bool is_encoded;
	struct fp_fsrow_span span;
	struct fp_buf content;
	struct fp_err *e;
};

struct name {
	const char *name;
	int text, place;
};

/* Sorted by strcasecmp: bsearch. */
static const struct name variables[] = {
	{ "advertised_media_ip", FSROW_ADVERTISED_IP,
	  FP_FSROW_ADVERTISED_MEDIA_IP },
	{ "audio_media_flow", FSROW_AUDIO_FLOW, -1 },
	{ "bridge_to", FSROW_BRIDGE_TO, -1 },
	{ "bypass_media", FSROW_BYPASS_MEDIA, -1 },
	{ "call_uuid", FSROW_CALL_UUID, -1 },
	{ "conference_member_id", FSROW_CONFERENCE_MEMBER, -1 },
	{ "conference_name", FSROW_CONFERENCE, -1 },
	{ "current_application", FSROW_APP, -1 },
	{ "current_application_data", FSROW_APP_DATA, -1 },
	{ "dlg_req_swap_direction", FSROW_SWAP, -1 },
	{ "has_t38", FSROW_T38, -1 },
	{ "local_media_ip", FSROW_MEDIA_IP, FP_FSROW_LOCAL_MEDIA_IP },
	{ "local_media_port", FSROW_MEDIA_PORT, FP_FSROW_LOCAL_MEDIA_PORT },
	{ "local_text_ip", FSROW_TEXT_IP, FP_FSROW_LOCAL_TEXT_IP },
	{ "local_text_port", FSROW_TEXT_PORT, FP_FSROW_LOCAL_TEXT_PORT },
	{ "local_video_ip", FSROW_VIDEO_IP, FP_FSROW_LOCAL_VIDEO_IP },
	{ "local_video_port", FSROW_VIDEO_PORT, FP_FSROW_LOCAL_VIDEO_PORT },
	{ "media_webrtc", FSROW_WEBRTC, -1 },
	{ "originate_signal_bond", FSROW_ORIGINATE_BOND_TEXT,
	  FP_FSROW_ORIGINATE_SIGNAL_BOND },
	{ "process_cdr", FSROW_PROCESS_CDR, -1 },
	{ "proxy_media", FSROW_PROXY_MEDIA, -1 },
	{ "recovered", FSROW_RECOVERED, -1 },
	{ "recovery_profile_name", FSROW_PROFILE_TEXT, FP_FSROW_PROFILE },
	{ "remote_audio_media_flow", FSROW_REMOTE_AUDIO_FLOW, -1 },
	{ "remote_media_ip", FSROW_REMOTE_IP, -1 },
	{ "remote_media_port", FSROW_REMOTE_PORT, -1 },
	{ "remote_video_port", FSROW_REMOTE_VIDEO_PORT, -1 },
	{ "rtp_has_crypto", FSROW_CRYPTO, -1 },
	{ "rtp_last_audio_local_crypto_key", FSROW_AUDIO_LOCAL_KEY, -1 },
	{ "rtp_last_text_local_crypto_key", FSROW_TEXT_LOCAL_KEY, -1 },
	{ "rtp_last_video_local_crypto_key", FSROW_VIDEO_LOCAL_KEY, -1 },
	{ "rtp_local_sdp_str", FSROW_LOCAL_SDP, -1 },
	{ "signal_bond", FSROW_SIGNAL_BOND_TEXT, FP_FSROW_SIGNAL_BOND },
	{ "sip_call_id", FSROW_CALL_ID, -1 },
	{ "sip_contact_params", FSROW_CONTACT_PARAMS, -1 },
	{ "sip_contact_uri", FSROW_CONTACT_URI, FP_FSROW_CONTACT },
	{ "sip_cseq", FSROW_CSEQ, -1 },
	{ "sip_from_tag", FSROW_FROM_TAG, -1 },
	{ "sip_full_from", FSROW_FULL_FROM, -1 },
	{ "sip_full_to", FSROW_FULL_TO, -1 },
	{ "sip_full_via", FSROW_FULL_VIA, -1 },
	{ "sip_i_session_expires", FSROW_SESSION_EXPIRES, -1 },
	{ "sip_invite_record_route", FSROW_RECORD_ROUTE,
	  FP_FSROW_RECORD_ROUTE },
	{ "sip_invite_route_uri", FSROW_ROUTE, FP_FSROW_ROUTE },
	{ "sip_nat_detected", FSROW_NAT, -1 },
	{ "sip_network_ip", FSROW_NETWORK_IP, FP_FSROW_NETWORK_IP },
	{ "sip_network_port", -1, FP_FSROW_NETWORK_PORT },
	{ "sip_recover_contact", FSROW_RECOVER_CONTACT,
	  FP_FSROW_RECOVER_CONTACT },
	{ "sip_recover_via", FSROW_VIA, FP_FSROW_RECOVER_VIA },
	{ "sip_req_uri", FSROW_REQ_URI, FP_FSROW_REQ_URI },
	{ "sip_route_uri", FSROW_PROXY, FP_FSROW_PROXY },
	{ "sip_to_tag", FSROW_TO_TAG, -1 },
	{ "sip_via_protocol", FSROW_VIA_PROTOCOL, -1 },
	{ "sofia_profile_url", FSROW_PROFILE_URL, -1 },
	{ "sofia_session_timeout", FSROW_SESSION_TIMEOUT, -1 },
	{ "srtp_remote_audio_crypto_key", FSROW_AUDIO_REMOTE_KEY, -1 },
	{ "srtp_remote_text_crypto_key", FSROW_TEXT_REMOTE_KEY, -1 },
	{ "srtp_remote_video_crypto_key", FSROW_VIDEO_REMOTE_KEY, -1 },
	{ "switch_r_sdp", FSROW_REMOTE_SDP, -1 },
	{ "text_media_flow", FSROW_TEXT_FLOW, -1 },
	{ "uuid", FSROW_UUID, FP_FSROW_UUID },
	{ "video_media_flow", FSROW_VIDEO_FLOW, -1 },
};

/* Elsewhere: the element's parent, and its name. */
static const struct {
	enum node parent;
	const char *name;
	enum fsrow_text text;
} others[] = {
	{ NODE_CHANNEL, "direction", FSROW_DIRECTION },
	{ NODE_CHANNEL, "flags", FSROW_FLAGS },
	{ NODE_CALLER, "caller_id_number", FSROW_FROM_USER },
	{ NODE_CALLER, "destination_number", FSROW_TO_USER },
	{ NODE_CALLER, "context", FSROW_CONTEXT },
	{ NODE_TIMES, "created_time", FSROW_CREATED },
	{ NODE_TIMES, "answered_time", FSROW_ANSWERED },
};

/* What holds what. */
static const struct {
	enum node parent, node;
	const char *name;
} nodes[] = {
	{ NODE_CDR, NODE_CHANNEL, "channel_data" },
	{ NODE_CDR, NODE_VARIABLES, "variables" },
	{ NODE_CDR, NODE_CALLFLOW, "callflow" },
	{ NODE_CALLFLOW, NODE_EXTENSION, "extension" },
	{ NODE_CALLFLOW, NODE_CALLER, "caller_profile" },
	{ NODE_CALLFLOW, NODE_TIMES, "times" },
};

#define LENGTH(A) (sizeof(A) / sizeof(*(A)))

static void stop(struct reader *r, int code)
{
	if (!r->code)
		r->code = code;
	XML_StopParser(r->expat, XML_FALSE);
}

/* ---- texts */

static uint32_t keep(struct fsrow_raw *raw, const char *s)
{
	uint32_t at = (uint32_t)raw->texts.len;

	fp_buf_add(&raw->texts, s, strlen(s) + 1);
	return at;
}

static void keep_content(struct reader *r)
{
	char *s, *end;

	if (r->text < 0 || r->raw->at[r->text])
		return;
	fp_buf_add(&r->content, "", 1);
	s = r->content.is_failed ? NULL : r->content.data;
	if (!s)
		return;
	if (r->is_encoded) {
		end = strstr(s, "%00"); /* there switch_url_decode ends */
		if (end)
			*end = 0;
		fp_percent_decode(s);
	}
	r->raw->at[r->text] = keep(r->raw, s);
}

/* ---- what expat calls */

static int by_name(const void *a, const void *b)
{
	return strcasecmp(a, ((const struct name *)b)->name);
}

static void collect(struct reader *r, int text, int place, bool is_encoded)
{
	r->collecting = r->depth;
	r->text = text;
	r->place = place;
	r->is_encoded = is_encoded;
	r->content.len = 0;
}

static void start_place(struct reader *r, enum fp_fsrow_place place)
{
	uint32_t size = (uint32_t)XML_GetCurrentByteCount(r->expat);

	r->span.whole_at = (uint32_t)XML_GetCurrentByteIndex(r->expat);
	r->span.at = r->span.whole_at + size;
	r->span.place = place;
}

static void start_variable(struct reader *r, const char *name)
{
	const struct name *v = bsearch(name, variables, LENGTH(variables),
				       sizeof(*variables), by_name);

	if (!v)
		return;
	collect(r, v->text, v->place, true);
	if (v->place >= 0)
		start_place(r, (enum fp_fsrow_place)v->place);
}

/* A place as a whole: nothing within it is collected.  Each, lest the second one
 * becomes the first. */
static void start_extension(struct reader *r)
{
	collect(r, -1, FP_FSROW_EXTENSION, false);
	start_place(r, FP_FSROW_EXTENSION);
}

static void start_other(struct reader *r, enum node parent, const char *name)
{
	for (size_t i = 0; i < LENGTH(others); i++)
		if (others[i].parent == parent && !strcmp(others[i].name, name))
			collect(r, (int)others[i].text, -1, false);
}

/* The first of its name counts, and its content alone. */
static enum node node_of(struct reader *r, enum node parent, const char *name)
{
	for (size_t i = 0; i < LENGTH(nodes); i++) {
		enum node node = nodes[i].node;

		if (nodes[i].parent != parent || strcmp(nodes[i].name, name))
			continue;
		if (r->is_seen[node])
			return NODE_OTHER;
		r->is_seen[node] = true;
		return node;
	}
	return NODE_OTHER;
}

static const char *attribute(const char **attr, const char *name)
{
	for (; *attr; attr += 2)
		if (!strcmp(*attr, name))
			return attr[1];
	return "";
}

static void start_application(struct reader *r, const char **attr)
{
	struct fsrow_raw_app a = {
		keep(r->raw, attribute(attr, "app_name")),
		keep(r->raw, attribute(attr, "app_data")),
	};

	fp_buf_add(&r->raw->apps, &a, sizeof(a));
}

static enum node start_root(struct reader *r, const char *name,
			    const char **attr)
{
	if (strcmp(name, "cdr")) {
		fp_err(r->e, -EBADMSG, "its XML is no <cdr>");
		stop(r, -EBADMSG);
		return NODE_OTHER;
	}
	r->raw->at[FSROW_SWITCHNAME] =
		keep(r->raw, attribute(attr, "switchname"));
	r->raw->at[FSROW_CORE_UUID] =
		keep(r->raw, attribute(attr, "core-uuid"));
	return NODE_CDR;
}

static void XMLCALL on_start(void *ctx, const char *name, const char **attr)
{
	struct reader *r = ctx;
	enum node parent = r->depth ? r->path[r->depth - 1] : NODE_OTHER;
	enum node node;

	if (r->depth == DEPTH_MAX || ++r->n_elements > ELEMENTS_MAX) {
		fp_err(r->e, -EMSGSIZE,
		       "its XML has more elements or nesting than a call has");
		stop(r, -EMSGSIZE);
		return;
	}
	if (!r->depth)
		node = start_root(r, name, attr);
	else
		node = node_of(r, parent, name);
	r->path[r->depth++] = node;
	if (parent == NODE_VARIABLES)
		start_variable(r, name);
	else if (parent == NODE_EXTENSION && !strcmp(name, "application"))
		start_application(r, attr);
	else if (parent == NODE_CALLFLOW && !strcmp(name, "extension"))
		start_extension(r);
	else
		start_other(r, parent, name);
}

static void XMLCALL on_end(void *ctx, const char *name)
{
	struct reader *r = ctx;
	uint32_t at;

	(void)name;
	if (r->collecting == r->depth) {
		keep_content(r);
		if (r->place >= 0) {
			at = (uint32_t)XML_GetCurrentByteIndex(r->expat);
			r->span.len = at - r->span.at;
			r->span.whole_len =
				at +
				(uint32_t)XML_GetCurrentByteCount(r->expat) -
				r->span.whole_at;
			fp_buf_add(&r->raw->spans, &r->span, sizeof(r->span));
		}
		r->collecting = 0;
	}
	r->depth--;
}

static void XMLCALL on_text(void *ctx, const char *s, int n)
{
	struct reader *r = ctx;

	if (r->collecting && r->collecting == r->depth)
		fp_buf_add(&r->content, s, (size_t)n);
}

/* What declares entities: FreeSWITCH writes none. */
static void XMLCALL on_doctype(void *ctx, const char *name, const char *system,
			       const char *public, int has_internal)
{
	struct reader *r = ctx;

	(void)name, (void)system, (void)public, (void)has_internal;
	fp_err(r->e, -EBADMSG, "its XML has a DTD");
	stop(r, -EBADMSG);
}

/* ---- what FreeSWITCH reads and XML forbids */

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (c >= '0' && c <= '9') || strchr("_-.:", c) || c & 0x80;
}

/* A variable may have any name, FreeSWITCH writes it as it is, and so is what a caller
 * called himself: the same number of bytes, with '_' for what no name may have and
 * '?' for control characters. */
static void repair(char *s)
{
	bool is_tag = false;

	for (; *s; s++) {
		if (is_tag && (*s == '>' || *s == '/' || *s == ' '))
			is_tag = false;
		else if (is_tag && *s != '<' && *s != '\n' && !is_name(*s))
			*s = '_';
		else if ((unsigned char)*s < ' ' && !strchr("\t\r\n", *s))
			*s = '?';
		if (*s == '<' && s[1] && !strchr("!?", s[1])) {
			is_tag = true;
			s += s[1] == '/';
		}
	}
}

static const char *encoding(const char *s)
{
	for (size_t n; *s; s += n)
		if (!(n = fp_utf8_len(s)))
			return "ISO-8859-1";
	return "UTF-8";
}

/* ---- */

static int failed(struct reader *r)
{
	enum XML_Error why = XML_GetErrorCode(r->expat);

	if (r->code)
		return r->code;
	if (why == XML_ERROR_NO_MEMORY)
		return fp_err(r->e, -ENOMEM, "out of memory");
	return fp_err(r->e, -EBADMSG, "its XML, line %lu, column %lu: %s",
		      (unsigned long)XML_GetCurrentLineNumber(r->expat),
		      (unsigned long)XML_GetCurrentColumnNumber(r->expat) + 1,
		      XML_ErrorString(why));
}

static int parse(struct reader *r, const char *xml, size_t n, const char *enc)
{
	int rc = 0;

	r->expat = XML_ParserCreate(enc);
	if (!r->expat)
		return fp_err(r->e, -ENOMEM, "out of memory");
	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetCharacterDataHandler(r->expat, on_text);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	/* once and for all, so that nothing of it stays behind in the heap */
	fp_buf_room(&r->content, n + 1);
	fp_buf_room(&r->raw->texts, n + 1);
	fp_buf_add(&r->raw->texts, "", 1);
	if (XML_Parse(r->expat, xml, (int)n, 1) != XML_STATUS_OK)
		rc = failed(r);
	else if (r->raw->texts.is_failed || r->raw->apps.is_failed ||
		 r->raw->spans.is_failed || r->content.is_failed)
		rc = fp_err(r->e, -ENOMEM, "out of memory");
	XML_ParserFree(r->expat);
	if (r->content.data)
		explicit_bzero(r->content.data, r->content.cap);
	fp_buf_fini(&r->content);
	r->raw->has_variables = r->is_seen[NODE_VARIABLES];
	r->raw->has_caller = r->is_seen[NODE_CALLER];
	return rc;
}

int fp_fsrow_read(struct fsrow_raw *raw, const char *xml, size_t n,
		  bool is_repaired, struct fp_err *e)
{
	struct reader r = { .raw = raw, .e = e };
	char *copy;
	int rc;

	if (!is_repaired)
		return parse(&r, xml, n, "UTF-8");
	copy = strndup(xml, n);
	if (!copy)
		return fp_err(e, -ENOMEM, "out of memory");
	repair(copy);
	rc = parse(&r, copy, strlen(copy), encoding(copy));
	explicit_bzero(copy, strlen(copy));
	free(copy);
	return rc;
}
