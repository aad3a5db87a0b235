/* SPDX-License-Identifier: Apache-2.0 */
/* What health reads of people and of its own file: ranges, thresholds, URIs,
 * state lines.  What is read prints and reads the same; a state of any line takes
 * any readings; what is refused changes nothing. */
#include <stdlib.h>
#include <string.h>

#include "logic/health_state.h"
#include "logic/health_steer.h"

static void check(bool is_so)
{
	if (!is_so)
		abort();
}

static void ranges(const char *s)
{
	struct fp_range r;
	struct fp_err e;

	if (fp_range_parse(&r, s, &e)) {
		check(*e.text);
		return;
	}
	check(r.low <= r.high);
	check(fp_range_alerts(&r, r.low) == r.is_inside);
	check(fp_range_alerts(&r, r.high) == r.is_inside);
}

static void thresholds(const char *s)
{
	struct fp_thresholds t, before;
	struct fp_reading r;

	memset(&t, 0, sizeof(t));
	check(!fp_thresholds_add(&t, FP_WARNING, "sessions=5,sip.rtt=0.1",
				 NULL));
	before = t;
	if (fp_thresholds_add(&t, FP_CRITICAL, s, NULL))
		check(!memcmp(&t, &before, sizeof(t)));
	check(t.n >= 2 && t.n <= FP_THRESHOLDS);
	fp_reading_init(&r);
	for (size_t i = 0; i < t.n; i++)
		fp_reading_figure(&r, t.v[i].figure, (double)i, "", 1);
	fp_thresholds_apply(&t, "sip-2", &r);
	fp_reading_say(&r, FP_OK, "%s", s);
	check(strlen(r.detail) < sizeof(r.detail));
	for (const char *c = r.detail; *c; c++)
		check((unsigned char)*c >= ' ' && *c != 0x7f);
}

static void uris(const char *s)
{
	char host[256];
	uint16_t port;

	if (fp_uri_host(s, host, &port))
		return;
	check(port && *host && strlen(host) < sizeof(host));
	check(fp_uri_leads_to(s, host, port));
	check(!fp_uri_leads_to(s, host, (uint16_t)(port ^ 1)));
}

static void feed(struct fp_judged j, const char *s, size_t n)
{
	static const struct fp_judge_opts o = FP_JUDGE_DEFAULT;
	struct fp_judged_change c;
	int64_t now_ms = j.read_ms;

	for (size_t i = 0; i < n && i < 100; i++) {
		struct fp_reading r = {
			.state = (enum fp_health)(s[i] & 3),
			.is_refusing = s[i] & 4,
		};

		if (s[i] & 8)
			now_ms = s[i] & 16 ? INT64_MAX : -now_ms;
		fp_judge_feed(&j, &o, &r, now_ms, &c);
		check(j.state < FP_N_HEALTH && j.n_changes <= 8);
		check(c.to == j.state);
	}
}

static void lines(const char *s, size_t n)
{
	struct fp_buf x = { 0 }, y = { 0 };
	char node[256], name[32];
	struct fp_judged j, k;

	if (fp_judged_parse(&j, node, name, s, n))
		return;
	fp_judged_print(&j, node, name, &x);
	check(!fp_judged_parse(&k, node, name, x.data, x.len));
	fp_judged_print(&k, node, name, &y);
	check(x.len == y.len && !memcmp(x.data, y.data, x.len));
	feed(j, s, n);
	fp_buf_fini(&x);
	fp_buf_fini(&y);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	/* exactly n bytes, and as a string of its own */
	char *bytes = malloc(n ? n : 1), *text = malloc(n + 1);

	if (n > 4096 || !bytes || !text)
		goto out;
	if (n)
		memcpy(bytes, data, n);
	if (n)
		memcpy(text, data, n);
	text[n] = 0;
	ranges(text);
	thresholds(text);
	uris(text);
	lines(bytes, n);
out:
	free(bytes);
	free(text);
	return 0;
}
