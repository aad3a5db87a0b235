/* SPDX-License-Identifier: Apache-2.0 */
#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"
#include "codec/fsrow_priv.h"

/* As switch_url_encode (switch_utils.c), but for a %: that one is always encoded, where
 * FreeSWITCH leaves it when two hex digits follow and then reads another text back.
 * What is left needs no care in XML. */
static void add_encoded(struct fp_buf *to, const char *s)
{
	static const char unsafe[] = "\r\n #%&+:;<=>?@[\\]^`{|}\"";
	char hex[4];

	for (; *s; s++) {
		if (*s >= ' ' && *s <= '~' && !strchr(unsafe, *s)) {
			fp_buf_add(to, s, 1);
		} else {
			snprintf(hex, sizeof(hex), "%%%02X", (unsigned char)*s);
			fp_buf_str_add(to, hex);
		}
	}
}

static int check_ip(const char *what, const char *ip, struct fp_err *e)
{
	unsigned char a[16];

	if (!ip || inet_pton(AF_INET, ip, a) == 1 ||
	    inet_pton(AF_INET6, ip, a) == 1)
		return 0;
	return fp_err(e, -EINVAL, "%s: no address: %.60s", what, ip);
}

static int check_profile(const char *s, struct fp_err *e)
{
	size_t n = s ? strlen(s) : 1;

	if (!n || n > 255)
		return fp_err(e, -EINVAL,
			      "a profile's name has 1 to 255 characters");
	for (; s && *s; s++)
		if ((unsigned char)*s < ' ' || *s == 0x7f)
			return fp_err(
				e, -EINVAL,
				"a control character in a profile's name");
	return 0;
}

static int check_hops(const struct fp_fsrow_edit *edit, struct fp_err *e)
{
	for (size_t i = 0; i < edit->n_hops; i++) {
		const char *s = edit->hop[i].to_host;

		if (!*s || strlen(s) > 255 ||
		    s[strspn(s, "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				"abcdefghijklmnopqrstuvwxyz-_.:")])
			return fp_err(e, -EINVAL, "a hop: no host: %.60s", s);
	}
	return 0;
}

static const char *port_text(char out[6], uint16_t port)
{
	if (!port)
		return NULL;
	snprintf(out, 6, "%u", (unsigned int)port);
	return out;
}

/* What goes into a place; NULL: it stays.  out[6] is room for a port. */
static const char *text_of(const struct fp_fsrow_edit *edit,
			   enum fp_fsrow_place place, char out[6])
{
	switch (place) {
	case FP_FSROW_LOCAL_MEDIA_IP:
	case FP_FSROW_LOCAL_VIDEO_IP:
	case FP_FSROW_LOCAL_TEXT_IP:
		return edit->media_ip;
	case FP_FSROW_ADVERTISED_MEDIA_IP:
		return edit->advertised_ip;
	case FP_FSROW_LOCAL_MEDIA_PORT:
		return port_text(out, edit->media_port);
	case FP_FSROW_LOCAL_VIDEO_PORT:
		return port_text(out, edit->video_port);
	case FP_FSROW_LOCAL_TEXT_PORT:
		return port_text(out, edit->text_port);
	case FP_FSROW_PROFILE:
		return edit->profile;
	default:
		return NULL;
	}
}

static bool is_dropped(const struct fp_fsrow_edit *edit,
		       enum fp_fsrow_place place)
{
	switch (place) {
	case FP_FSROW_RECOVER_VIA:
		return edit->drop_via;
	case FP_FSROW_SIGNAL_BOND:
	case FP_FSROW_ORIGINATE_SIGNAL_BOND:
		return edit->drop_bond;
	case FP_FSROW_EXTENSION:
		return edit->drop_apps;
	default:
		return false;
	}
}

/* <NAME/> has no room for a content: the whole element is written anew. */
static void add_whole(struct fp_buf *to, const char *element, const char *text)
{
	int n = (int)strcspn(element + 1, " \t\r\n/>");

	fp_buf_printf(to, "<%.*s>", n, element + 1);
	add_encoded(to, text);
	fp_buf_printf(to, "</%.*s>", n, element + 1);
}

static void add_xml(struct fp_buf *to, const char *s)
{
	for (; *s; s++)
		if (*s == '&')
			fp_buf_str_add(to, "&amp;");
		else if (*s == '<')
			fp_buf_str_add(to, "&lt;");
		else if (*s == '>')
			fp_buf_str_add(to, "&gt;");
		else
			fp_buf_add(to, s, 1);
}

/* Could it be no content of an element, or no text of a database? */
static bool is_binary(const char *s)
{
	size_t n;

	for (; *s; s += n) {
		n = fp_utf8_len(s);
		if (!n || fp_utf8_is_control(fp_utf8_char(s, n)))
			return true;
	}
	return false;
}

/* A session's uuid may be a Call-ID, "1-24924@192.0.2.50", and FreeSWITCH takes it
 * as it stands: it is written decoded.  One of bytes that are no text stays as it
 * is, or the whole row could not be kept. */
static uint32_t add_uuid(struct fp_buf *to, const char *xml,
			 const struct fp_fsrow_span *s,
			 const struct fp_fsrow *r, uint32_t done)
{
	if (!memchr(xml + s->at, '%', s->len) || is_binary(r->uuid))
		return done;
	fp_buf_add(to, xml + done, s->at - done);
	add_xml(to, r->uuid);
	return s->at + s->len;
}

/* <NAME>text</NAME>, where it is now. */
static uint32_t add_text(struct fp_buf *to, const char *xml,
			 const struct fp_fsrow_span *s, const char *text,
			 uint32_t done)
{
	uint32_t whole_end = s->whole_at + s->whole_len;

	if (s->at == whole_end) {
		fp_buf_add(to, xml + done, s->whole_at - done);
		add_whole(to, xml + s->whole_at, text);
		return whole_end;
	}
	fp_buf_add(to, xml + done, s->at - done);
	add_encoded(to, text);
	return s->at + s->len;
}

static uint32_t add_hop(struct fp_buf *to, const char *xml,
			const struct fp_fsrow_span *s, const struct fp_fsrow *r,
			const struct fp_fsrow_edit *edit, uint32_t done)
{
	struct fp_buf text = { .data = NULL };

	if (fp_fsrow_hop_text(&text, r, s->place, edit)) {
		const char *now = fp_buf_str(&text);

		if (now)
			done = add_text(to, xml, s, now, done);
		to->is_failed |= !now;
	}
	fp_buf_fini(&text);
	return done;
}

/* Writes one span, and returns where the rest goes on. */
static uint32_t add_span(struct fp_buf *to, const char *xml,
			 const struct fp_fsrow_span *s,
			 const struct fp_fsrow *r,
			 const struct fp_fsrow_edit *edit, uint32_t done)
{
	uint32_t whole_end = s->whole_at + s->whole_len;
	char port[6];
	const char *text = text_of(edit, s->place, port);

	if (is_dropped(edit, s->place)) {
		fp_buf_add(to, xml + done, s->whole_at - done);
		return whole_end;
	}
	if (s->place == FP_FSROW_UUID)
		return add_uuid(to, xml, s, r, done);
	return text ? add_text(to, xml, s, text, done)
		    : add_hop(to, xml, s, r, edit, done);
}

/* Are they of this text: one after another, within it? */
static bool are_spans(const struct fp_fsrow *r, const char *xml, size_t n)
{
	uint64_t end = 0;

	for (size_t i = 0; i < r->n_spans; i++) {
		const struct fp_fsrow_span *s = &r->spans[i];
		uint64_t whole_end = (uint64_t)s->whole_at + s->whole_len;

		if (s->whole_at < end || whole_end > n ||
		    xml[s->whole_at] != '<' || s->at < s->whole_at ||
		    (uint64_t)s->at + s->len > whole_end)
			return false;
		end = whole_end;
	}
	return true;
}

int fp_fsrow_rewrite(struct fp_buf *to, const struct fp_fsrow *r,
		     const char *xml, size_t n,
		     const struct fp_fsrow_edit *edit, struct fp_err *e)
{
	uint32_t done = 0;
	int rc = check_ip("media_ip", edit->media_ip, e);

	rc = rc ? rc : check_ip("advertised_ip", edit->advertised_ip, e);
	rc = rc ? rc : check_profile(edit->profile, e);
	rc = rc ? rc : check_hops(edit, e);
	if (rc)
		return rc;
	if (!are_spans(r, xml, n))
		return fp_err(e, -EINVAL, "the XML is not what was parsed");
	fp_buf_room(to, n + 256);
	for (size_t i = 0; i < r->n_spans; i++)
		done = add_span(to, xml, &r->spans[i], r, edit, done);
	fp_buf_add(to, xml + done, n - done);
	return to->is_failed ? fp_err(e, -ENOMEM, "out of memory") : 0;
}
