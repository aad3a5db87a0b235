/* SPDX-License-Identifier: Apache-2.0 */
/* A row that can be read: nothing told, nothing changed; what was told is read back,
 * and all else is as it was. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "codec/fsrow.h"

static const struct fp_fsrow_hop hop = { .host = "127.0.0.60",
					 .port = 5080,
					 .to_host = "2001:db8::12" };

static const struct fp_fsrow_edit edit = {
	.media_ip = "192.0.2.22",
	.advertised_ip = "2001:db8::22",
	.profile = "a%41<&> b",
	.media_port = 40000,
	.video_port = 40002,
	.text_port = 40004,
	.drop_via = true,
	.drop_bond = true,
	.drop_apps = true,
	.hop = &hop,
	.n_hops = 1,
};

static void same(const char *a, const char *b)
{
	if (strcmp(a, b))
		abort();
}

static bool has(const struct fp_fsrow *r, enum fp_fsrow_place place)
{
	for (size_t i = 0; i < r->n_spans; i++)
		if (r->spans[i].place == place)
			return true;
	return false;
}

static const char *want(const struct fp_fsrow *r, enum fp_fsrow_place place,
			const char *now, const char *then)
{
	return has(r, place) ? then : now;
}

static void check_edited(const struct fp_fsrow *a, const struct fp_fsrow *b)
{
	same(b->media_ip,
	     want(a, FP_FSROW_LOCAL_MEDIA_IP, a->media_ip, edit.media_ip));
	same(b->video_ip,
	     want(a, FP_FSROW_LOCAL_VIDEO_IP, a->video_ip, edit.media_ip));
	same(b->text_ip,
	     want(a, FP_FSROW_LOCAL_TEXT_IP, a->text_ip, edit.media_ip));
	same(b->advertised_ip, want(a, FP_FSROW_ADVERTISED_MEDIA_IP,
				    a->advertised_ip, edit.advertised_ip));
	same(b->profile, want(a, FP_FSROW_PROFILE, a->profile, edit.profile));
	if (has(a, FP_FSROW_LOCAL_MEDIA_PORT) && b->media_port != 40000)
		abort();
	if (has(b, FP_FSROW_EXTENSION) || has(b, FP_FSROW_RECOVER_VIA) ||
	    has(b, FP_FSROW_SIGNAL_BOND) || *b->via || *b->signal_bond ||
	    *b->originate_signal_bond)
		abort();
	if (fp_fsrow_names(b, &hop) || fp_fsrow_goes_to(b, &hop))
		abort();
	same(a->uuid, b->uuid);
	same(a->call_id, b->call_id);
	same(a->full_from, b->full_from);
	same(a->remote_ip, b->remote_ip);
	same(a->app_data, b->app_data);
	if (b->n_apps || a->cseq != b->cseq || a->created_us != b->created_us)
		abort();
}

static void rewrite(struct fp_buf *to, const struct fp_fsrow *r,
		    const char *xml, size_t n, const struct fp_fsrow_edit *how)
{
	struct fp_err e;

	if (fp_fsrow_rewrite(to, r, xml, n, how, &e))
		abort();
}

static bool is_encoded(const struct fp_fsrow *r, const char *xml)
{
	for (size_t i = 0; i < r->n_spans; i++)
		if (r->spans[i].place == FP_FSROW_UUID &&
		    memchr(xml + r->spans[i].at, '%', r->spans[i].len))
			return true;
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *xml = malloc(n ? n : 1);
	struct fp_fsrow r, again;
	struct fp_buf b = { 0 }, c = { 0 };
	struct fp_err e;

	memcpy(xml, data, n);
	if (fp_fsrow_parse(&r, xml, n, &e))
		goto out;
	rewrite(&b, &r, xml, n, &(struct fp_fsrow_edit){ 0 });
	/* an encoded uuid is written decoded (fsrow_edit.c) */
	if (!is_encoded(&r, xml) && (b.len != n || memcmp(b.data, xml, n)))
		abort();
	rewrite(&c, &r, xml, n, &edit);
	if (fp_fsrow_parse(&again, c.data, c.len, &e))
		abort();
	check_edited(&r, &again);
	fp_fsrow_fini(&again);
	fp_fsrow_fini(&r);
out:
	fp_buf_fini(&b);
	fp_buf_fini(&c);
	free(xml);
	return 0;
}
