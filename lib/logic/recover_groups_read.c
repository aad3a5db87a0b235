/* SPDX-License-Identifier: Apache-2.0 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "logic/recover_groups_priv.h"

static const char *text(const char *s)
{
	return s != NULL ? s : "";
}

const char *fp_leg_id(const struct fp_leg *l)
{
	return text(l->row.uuid)[0] != '\0' ? l->row.uuid : text(l->uuid);
}

/* switch_channel.c switch_channel_get_partner_uuid */
const char *fp_leg_partner(const struct fp_leg *l)
{
	const char *bond = text(l->row.signal_bond);

	return bond[0] != '\0' ? bond : text(l->row.originate_signal_bond);
}

bool fp_leg_is_uuid(const char *s)
{
	size_t n = 0;

	for (; s[n] != '\0'; n++)
		if (s[n] <= ' ' || s[n] > '~')
			return false;
	return n > 0 && n <= FP_LEG_UUID_MAX;
}

/* What FreeSWITCH would choke on after it has deleted the row; NULL: nothing. */
static const char *lack(const struct fp_leg *l)
{
	const struct fp_fsrow *r = &l->row;
	unsigned int no_port = FP_FSROW_IS_BYPASS | FP_FSROW_HAS_T38;

	if (r->uuid[0] == '\0')
		return "no variable uuid";
	if (strcmp(r->uuid, text(l->uuid)) != 0)
		return "its column uuid is of another session";
	/* it stands in commands to the target */
	if (!fp_leg_is_uuid(r->uuid))
		return "its uuid is none: 1 to 255 printable bytes, no space";
	if (r->profile[0] == '\0')
		return "no recovery_profile_name";
	if (r->media_port == 0 && !(r->traits & no_port))
		return "no local_media_port";
	return NULL;
}

static bool is_sofia(const struct fp_leg *l)
{
	return l->technology == NULL || strcmp(l->technology, "sofia") == 0;
}

static int leg_read(struct fp_leg *l, struct fp_err *e)
{
	struct fp_err bad = { .text = "" };
	const char *why;
	int rc;

	memset(&l->row, 0, sizeof(l->row));
	l->words = 0;
	l->why[0] = '\0';
	/* says how long it is, before it looks at it */
	rc = fp_fsrow_parse(&l->row, l->xml,
			    l->too_long != 0 ? l->too_long : l->xml_len, &bad);
	if (rc == -ENOMEM)
		return fp_err(e, rc, "%s", bad.text);
	/* a document that is another endpoint's may lack what sofia's have */
	why = rc != 0 ? bad.text : is_sofia(l) ? lack(l) : NULL;
	if (why == NULL)
		return 0;
	l->words = FP_CALL_BROKEN;
	snprintf(l->why, sizeof(l->why), "%s", why);
	fp_fsrow_fini(&l->row);
	memset(&l->row, 0, sizeof(l->row));
	return 0;
}

int fp_legs_read(struct fp_leg *leg, size_t n, struct fp_err *e)
{
	for (size_t i = 0; i < n; i++) {
		int rc = leg_read(&leg[i], e);

		if (rc == 0)
			continue;
		fp_legs_fini(leg, i);
		return rc;
	}
	return 0;
}

/* ---- read before */

static int by_uuid(const void *a, const void *b)
{
	const struct fp_leg *const *x = a, *const *y = b;

	return strcmp(text((*x)->uuid), text((*y)->uuid));
}

/* What a row says depends on these alone; one that was broken is read anew. */
static bool is_same(const struct fp_leg *a, const struct fp_leg *b)
{
	return b->row.uuid != NULL && a->xml_len == b->xml_len &&
	       strcmp(text(a->technology), text(b->technology)) == 0 &&
	       memcmp(a->xml, b->xml, a->xml_len) == 0;
}

static int leg_read_again(struct fp_leg *l, struct fp_leg **was, size_t n_was,
			  struct fp_err *e)
{
	struct fp_leg **at =
		bsearch(&l, was, n_was, sizeof(struct fp_leg *), by_uuid);

	if (at == NULL || !is_same(l, *at))
		return leg_read(l, e);
	l->row = (*at)->row;
	l->words = 0;
	l->why[0] = '\0';
	memset(&(*at)->row, 0, sizeof((*at)->row));
	return 0;
}

int fp_legs_read_again(struct fp_leg *leg, size_t n, struct fp_leg *was,
		       size_t n_was, struct fp_err *e)
{
	struct fp_leg **sorted = calloc(n_was + 1, sizeof(struct fp_leg *));
	int rc = 0;

	if (sorted == NULL)
		return fp_err(e, -ENOMEM, "out of memory");
	for (size_t i = 0; i < n_was; i++)
		sorted[i] = &was[i];
	qsort(sorted, n_was, sizeof(struct fp_leg *), by_uuid);
	for (size_t i = 0; i < n && rc == 0; i++) {
		rc = leg_read_again(&leg[i], sorted, n_was, e);
		if (rc != 0)
			fp_legs_fini(leg, i);
	}
	free(sorted);
	return rc;
}

void fp_legs_fini(struct fp_leg *leg, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		fp_fsrow_fini(&leg[i].row);
		memset(&leg[i].row, 0, sizeof(leg[i].row));
	}
}

static unsigned int trait_words(unsigned int traits)
{
	static const struct {
		unsigned int trait, word;
	} of[] = {
		{ FP_FSROW_HAS_DTLS, FP_CALL_DTLS },
		{ FP_FSROW_HAS_SDES, FP_CALL_SRTP },
		{ FP_FSROW_HAS_VIDEO, FP_CALL_VIDEO },
		{ FP_FSROW_HAS_T38, FP_CALL_T38 },
		{ FP_FSROW_IS_HELD, FP_CALL_HELD },
		{ FP_FSROW_IS_BYPASS, FP_CALL_BYPASS },
		{ FP_FSROW_IS_NAT, FP_CALL_NAT },
	};
	unsigned int words = 0;

	for (size_t i = 0; i < sizeof(of) / sizeof(*of); i++)
		if (traits & of[i].trait)
			words |= of[i].word;
	return words;
}

unsigned int fp_leg_words(const struct fp_leg *l, const struct fp_calls_opts *o)
{
	static const unsigned int transport[] = {
		[FP_FSROW_UDP] = 0,
		[FP_FSROW_TCP] = FP_CALL_TCP,
		[FP_FSROW_TLS] = FP_CALL_TLS,
		[FP_FSROW_WS] = FP_CALL_WS,
	};
	unsigned int words = l->words & FP_CALL_BROKEN;
	int64_t dead_us = l->dead_us ? l->dead_us : o->dead_us;

	if (!is_sofia(l))
		words |= FP_CALL_FOREIGN;
	if (dead_us > 0 && o->too_old_us > 0 &&
	    o->now_us - dead_us > o->too_old_us)
		words |= FP_CALL_TOO_OLD;
	if (words & FP_CALL_BROKEN)
		return words;
	if (o->now_us > 0 && fp_leg_cseq_wait_ms(l, o->now_us / 1000) > 0)
		words |= FP_CALL_TOO_YOUNG;
	return words | transport[l->row.transport] | trait_words(l->row.traits);
}

/* sofia-sip 1.13.17 nta.c begins a dialog of which it knows no CSeq with the time
 * since 1900 in units of 2 s */
#define SINCE_1900_S 2208988800LL
#define CSEQ_BITS 0x7ffffffu

uint32_t fp_fs_cseq(int64_t unix_s)
{
	return (uint32_t)((unix_s + SINCE_1900_S) >> 1) & CSEQ_BITS;
}

int64_t fp_leg_cseq_wait_ms(const struct fp_leg *l, int64_t unix_ms)
{
	unsigned int ours = FP_FSROW_IS_RECOVERED | FP_FSROW_IS_SWAPPED;
	int64_t now, ahead, into_ms;

	/* of an inbound leg the row has the far end's count, not FreeSWITCH's */
	if (!l->row.has_cseq || (l->row.is_inbound && !(l->row.traits & ours)))
		return 0;
	now = fp_fs_cseq(unix_ms / 1000);
	ahead = (int64_t)l->row.cseq - now;
	if (ahead < 0)
		return 0;
	/* 1900 is an even count of seconds before 1970 */
	into_ms = unix_ms % 2000;
	return (ahead + 1) * 2000 - into_ms;
}
