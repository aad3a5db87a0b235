/* SPDX-License-Identifier: Apache-2.0 */
/* Replies about dialogs: the first byte says of which command, the rest is the reply.
 * Every text that is handed on is there; a set of what was listed finds it again. */
#include <stdlib.h>
#include <string.h>

#include "codec/dialogs.h"
#include "codec/jsonrpc.h"
#include "logic/dialogs.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void check_text(const char *s)
{
	check(s && strlen(s) < 1 << 20);
}

static int dialog(void *ctx, const struct fp_os_dialog *d)
{
	const char *const texts[] = { d->callid,         d->from_uri,
				      d->to_uri,         d->tag,
				      d->caller_contact, d->callee_contact,
				      d->caller_bind,    d->callee_bind };
	const char *const media[] = { d->caller_media, d->callee_media,
				      d->caller_sent, d->callee_sent };
	int r;

	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		check_text(texts[i]);
	for (size_t i = 0; i < sizeof(media) / sizeof(*media); i++)
		check(memchr(media[i], 0, FP_MEDIA_STRLEN));
	check(*d->callid && d->state >= 0 && d->state <= FP_DLG_DELETED);
	check(d->started_s >= 0 && d->started_s <= 1ll << 53);
	check_text(fp_dialog_state_name(d->state));
	r = fp_dialogs_add(ctx, d);
	check(r == 0 || r == 1);
	check(fp_dialogs_is_seen(ctx, d->callid));
	return 0;
}

static int differs(void *ctx, const struct fp_dialog *a,
		   const struct fp_dialog *b)
{
	(void)ctx;
	check(!a || !b);
	return 0;
}

static void dialogs(const struct cJSON *v)
{
	struct fp_dialogs *s = fp_dialogs_new(), *none = fp_dialogs_new();
	struct fp_select q = { .media = "2001:DB8::1", .from_prefix = "s" };
	const struct fp_dialog **list;
	struct fp_err e = { .text = "" };
	size_t n, n_early;
	int64_t count;
	int r;

	check(s && none);
	fp_dialogs_pass(s);
	r = fp_os_dialogs(v, &count, dialog, s, &e);
	check(!r || (r == -EBADMSG && *e.text));
	check(count >= -1);
	fp_dialogs_done(s);
	for (size_t i = 0; i < fp_dialogs_n(s); i++) {
		const struct fp_dialog *d = fp_dialogs_at(s, i);

		check(fp_dialogs_find(s, d->callid) == d);
		check(!i ||
		      strcmp(fp_dialogs_at(s, i - 1)->callid, d->callid) < 0);
		check(fp_dialog_body(d) != FP_BODY_AUTO);
	}
	check(!fp_select(&q, s, 1795251788, &list, &n, &n_early));
	check(n + n_early <= fp_dialogs_n(s));
	free(list);
	check(!fp_dialogs_compare(s, s, differs, NULL));
	check(!fp_dialogs_compare(s, none, differs, NULL));
	fp_dialogs_free(s);
	fp_dialogs_free(none);
}

static int report(void *ctx, int64_t at_s, const char *text)
{
	check(at_s >= -1);
	check_text(text);
	return ++*(int *)ctx == 100 ? 7 : 0;
}

static void sequential(const struct cJSON *v)
{
	char reason[64] = "";
	int code = 0, r;
	struct fp_err e = { .text = "" };

	r = fp_os_sequential(v, &code, reason, &e);
	if (r)
		check(r == -EBADMSG && *e.text);
	else
		check(code >= 100 && code <= 699 &&
		      memchr(reason, 0, sizeof(reason)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct fp_jsonrpc r;
	int n_reports = 0, code;

	if (!n || fp_jsonrpc_parse(&r, (const char *)data + 1, n - 1, NULL))
		return 0;
	if (!r.result) {
		fp_jsonrpc_fini(&r);
		return 0;
	}
	if (*data == 'd') {
		dialogs(r.result);
	} else if (*data == 's') {
		sequential(r.result);
	} else {
		code = fp_os_reports(r.result, report, &n_reports, NULL);
		check(n_reports < 100 ? !code || code == -EBADMSG : code == 7);
	}
	fp_jsonrpc_fini(&r);
	return 0;
}
