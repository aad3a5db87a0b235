/* SPDX-License-Identifier: Apache-2.0 */
/* Bodies of messages.  What is understood is within bounds, and reads back from
 * its own print as the same. */
#include <stdlib.h>
#include <string.h>

#include "logic/ban.h"
#include "model/event.h"
#include "model/words.h"

#define NOW_MS 1767323045500

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void same(const struct fp_event_ban *a, const struct fp_event_ban *b)
{
	check(!fp_prefix_cmp(&a->p, &b->p) && a->is_del == b->is_del);
	check(a->for_s == b->for_s && a->until_s == b->until_s);
	check(!strcmp(a->why, b->why) && !strcmp(a->by, b->by));
}

static void check_print(const struct fp_event_ban *ban)
{
	struct fp_event_body ev;
	struct fp_buf b = { 0 };

	fp_event_print(&b, ban);
	check(!fp_event_parse(&ev, b.data, b.len, NULL) && ev.n == 1);
	same(ban, &ev.v[0]);
	fp_event_fini(&ev);
	fp_buf_fini(&b);
}

/* Within limits it fits into a list. */
static void check_limit(const struct fp_event_ban *said)
{
	const struct fp_ban_limits l = { 60, 3600, true };
	struct fp_buf store = { 0 };
	struct fp_entry x;
	struct fp_ban b;

	if (fp_ban_limit(&b, &l, said, 0, NOW_MS, NULL))
		return;
	check(b.until_s <= NOW_MS / 1000 + 3600);
	check(b.p.len == (fp_prefix_is_v4(&b.p) ? 128 : 64));
	check(!fp_word_make(&store, &x, &b.p, b.until_s, b.at_ms, said->why,
			    said->by, NULL));
	fp_buf_fini(&store);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly as long, so that the sanitizer sees a read past it */
	char *body = malloc(n ? n : 1);
	struct fp_event_body ev;
	struct fp_err e;

	memcpy(body, data, n);
	if (!fp_event_parse(&ev, body, n, &e)) {
		check(ev.n && ev.n <= FP_EVENT_BANS_MAX);
		for (size_t i = 0; i < ev.n; i++) {
			check_print(&ev.v[i]);
			check_limit(&ev.v[i]);
		}
		fp_event_fini(&ev);
	}
	if (!fp_event_parse_line(&ev, body, n, &e))
		fp_event_fini(&ev);
	free(body);
	return 0;
}
