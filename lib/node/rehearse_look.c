/* SPDX-License-Identifier: Apache-2.0 */
#include <netinet/in.h>
#include <string.h>

#include "fp_sip.h"
#include "node/rehearse_priv.h"

#define ETH_SIZE 14
#define PORTS_SIZE 8 /* as much of UDP and TCP is read for them */
#define HEADS_MAX (ETH_SIZE + 8 + 60) /* with two tags, of either family */

/* Behind what decides.  The filter loads up to 64 bytes at once, from the first
 * line's start and from up to its end on (fp_sip_end_near, fp_sip_end_words), and
 * 20 of the payload; a load that does not fit it takes another way round to the
 * same answer, which is not relied on here. */
#define KEEP_MORE 64

static uint16_t be16(const unsigned char *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

/* A reply too: who sends one was called. */
static bool is_dialog(const unsigned char *line, size_t n)
{
	uint64_t first8;

	if (n < sizeof(first8))
		return false;
	memcpy(&first8, line, sizeof(first8));
	return fp_sip_is_reply(first8) || fp_sip_is_dialog(first8);
}

/* As fp_sip.h does: what stands before the first line is skipped, and CR or LF
 * ends it. */
static const unsigned char *find_end(struct fp_rehearse_look *k,
				     const unsigned char *at,
				     const unsigned char *end)
{
	const unsigned char *lf, *cr;

	while (at < end && fp_sip_is_leading(*at))
		at++;
	k->line_len = (size_t)(end - at);
	k->is_dialog = is_dialog(at, k->line_len);
	lf = memchr(at, '\n', k->line_len);
	cr = memchr(at, '\r', lf ? (size_t)(lf - at) : k->line_len);
	return cr ? cr : lf;
}

/* A datagram's verdict follows from the first line and what the UDP header says;
 * where that says nothing (RFC 2675 4) the frame's length counts, and all of it is
 * kept. */
static void look_udp(struct fp_rehearse_look *k, const unsigned char *p,
		     size_t n)
{
	const unsigned char *from = k->frame.payload;
	const unsigned char *end = find_end(k, from, p + n);
	size_t keep;

	k->has_end = end;
	if (!end || !be16(from - 4))
		return;
	keep = (size_t)(end - p) + KEEP_MORE;
	if (keep < n)
		k->keep = keep;
}

void fp_rehearse_look(struct fp_rehearse_look *out, const unsigned char *p,
		      size_t n)
{
	const struct fp_frame *f = &out->frame;

	out->is_ip = !fp_frame_parse(&out->frame, p, n);
	out->is_unread = out->is_ip && !f->is_later &&
			 !(f->l4 && (size_t)(f->l4 - p) + PORTS_SIZE <= n);
	out->has_end = out->is_dialog = false;
	out->line_len = 0;
	out->keep = n;
	if (!out->is_ip || !f->payload)
		return;
	if (f->proto == IPPROTO_UDP) {
		look_udp(out, p, n);
		return;
	}
	out->is_dialog = is_dialog(f->payload, f->payload_len);
	if ((size_t)(f->payload - p) + KEEP_MORE < n)
		/* TCP: its ports decide, and they stand before the payload */
		out->keep = (size_t)(f->payload - p) + KEEP_MORE;
}

/* Its first line is not there to its end, or hardly. */
static bool is_line_open(const struct fp_rehearse_look *k,
			 bool is_malformed_checked)
{
	return k->line_len < 8 || (is_malformed_checked && !k->has_end);
}

bool fp_rehearse_is_open(const struct fp_rehearse_look *k,
			 const struct fp_rehearsal_verdict *v, size_t n,
			 size_t wire_len, bool is_malformed_checked)
{
	size_t got = k->is_ip ? k->frame.payload_len : 0;

	if (v->reason == FP_R_pass_other)
		return !k->is_ip && n < HEADS_MAX;
	if (k->is_unread)
		return true;
	switch (v->reason) {
	case FP_R_pass_keepalive: /* too short to judge, here or as it was? */
		return got < FP_SIP_MIN && got + (wire_len - n) >= FP_SIP_MIN;
	case FP_R_pass_request:
	case FP_R_drop_malformed:
		return is_line_open(k, is_malformed_checked);
	default:
		return false;
	}
}
