/* SPDX-License-Identifier: Apache-2.0 */
/* What nodes' own reports tell. */
#include "logic/rehome_signs.h"
#include "test/unit/unit.h"

/* ---- reports, as OpenSIPS 3.6.8 words them */

TEST(reads_reports)
{
	static const struct {
		const char *text;
		enum fp_report_kind kind;
		const char *tag;
		unsigned int node, chunks;
	} v[] = {
		{ "TAG <sip1.0>, cluster 1, became active due to MI command",
		  FP_REPORT_ACTIVE, "sip1.0", 0, 0 },
		{ "TAG <sip1.7>, cluster 1, became backup due to cluster "
		  "broadcast from 2",
		  FP_REPORT_BACKUP, "sip1.7", 2, 0 },
		{ "TAG <sip1.7>, cluster 1, became backup due to cluster "
		  "broadcast",
		  FP_REPORT_BACKUP, "sip1.7", 0, 0 },
		{ "Node [3], cluster [1] is UP", FP_REPORT_NODE_UP, "", 3, 0 },
		{ "Node [12], cluster [1] is DOWN", FP_REPORT_NODE_DOWN, "", 12,
		  0 },
		{ "Sync request postponed! (no donor available)",
		  FP_REPORT_POSTPONED, "", 0, 0 },
		{ "Sync requested from node [2]", FP_REPORT_REQUESTED, "", 2,
		  0 },
		{ "Sync started from node [1]", FP_REPORT_STARTED, "", 1, 0 },
		{ "Sync completed, received [1002] chunks", FP_REPORT_COMPLETED,
		  "", 0, 1002 },
		{ "Sync timed out, received [3] chunks", FP_REPORT_TIMED_OUT,
		  "", 0, 0 },
		{ "ERROR: Sync request aborted! (no donor found in due time) "
		  "=> fallback to synced state",
		  FP_REPORT_FALLBACK, "", 0, 0 },
		{ "Capability disabled via MI, revert to not synced state",
		  FP_REPORT_DISABLED, "", 0, 0 },
		{ "initialization completed, ready now", FP_REPORT_OTHER, "", 0,
		  0 },
		{ "TAG <", FP_REPORT_OTHER, "", 0, 0 },
		{ "TAG <x>, cluster 1, became fond of it", FP_REPORT_OTHER, "x",
		  0, 0 },
		{ "Node [x], cluster [1] is UP", FP_REPORT_OTHER, "", 0, 0 },
		{ "", FP_REPORT_OTHER, "", 0, 0 },
	};

	for (size_t i = 0; i < sizeof(v) / sizeof(*v); i++) {
		struct fp_report r;

		fp_report_read(v[i].text, &r);
		if (!EQ(r.kind, v[i].kind) || !STR(r.tag, v[i].tag) ||
		    !EQ(r.node, v[i].node) || !EQ(r.chunks, v[i].chunks))
			printf("# %s\n", v[i].text);
	}
}

#define ACTIVE(T) "TAG <" T ">, cluster 1, became active due to MI command"
#define BACKUP(T)                                                              \
	"TAG <" T ">, cluster 1, became backup due to cluster broadcast from 2"

static bool configured(const char *const *v, bool is_active, unsigned int n)
{
	struct fp_tag_signs s;
	struct fp_report r;

	fp_tag_signs_init(&s, "sip1.0");
	for (; *v; v++) {
		fp_report_read(*v, &r);
		fp_tag_signs_add(&s, &r);
	}
	return fp_tag_signs_end(&s, is_active, n);
}
#define CONFIGURED(IS_ACTIVE, ...)                                             \
	configured((const char *const[]){ __VA_ARGS__, NULL }, IS_ACTIVE, 3)

TEST(a_tag_that_nobody_made_active_was_so_from_the_start)
{
	OK(CONFIGURED(true, ACTIVE("sip1.1")));
	OK(!CONFIGURED(false, ACTIVE("sip1.1")));
	OK(!CONFIGURED(true, ACTIVE("sip1.0")));
	OK(!CONFIGURED(false, ACTIVE("sip1.0"), BACKUP("sip1.0")));
	OK(CONFIGURED(false, BACKUP("sip1.0")));
	OK(CONFIGURED(true, BACKUP("sip1.0"), ACTIVE("sip1.0")));
	/* the first report may be gone */
	OK(!configured((const char *const[]){ NULL }, true, 200));
}

/* ---- syncs */

struct at {
	int64_t at_s;
	const char *text;
};

static struct fp_sync_signs signs(const struct at *sync, const struct at *node,
				  int64_t now_s)
{
	struct fp_sync_signs s;
	struct fp_report r;

	fp_sync_signs_init(&s);
	for (; sync->text; sync++) {
		fp_report_read(sync->text, &r);
		fp_sync_signs_sync(&s, sync->at_s, &r);
	}
	for (; node->text; node++) {
		fp_report_read(node->text, &r);
		fp_sync_signs_node(&s, node->at_s, now_s, &r);
	}
	return s;
}
#define UP(N) "Node [" N "], cluster [1] is UP"
#define DOWN(N) "Node [" N "], cluster [1] is DOWN"

/* Node 1 and 2 of three, of which 3 was killed and started again: captured. */
static const struct at fell_back[] = {
	{ 1040, "Sync request postponed! (no donor available)" },
	{ 1045, "ERROR: Sync request aborted! (no donor found in due time) => "
		"fallback to synced state" },
	{ 0, NULL }
};
static const struct at went_on[] = {
	{ 238, "Sync request postponed! (no donor available)" },
	{ 243, "Sync completed, received [0] chunks" },
	{ 266, "Sync requested from node [2]" },
	{ 266, "Sync started from node [2]" },
	{ 266, "Sync completed, received [150] chunks" },
	{ 0, NULL }
};

TEST(auto_sync_is_off_when_none_follows)
{
	static const struct at node[] = { { 1041, UP("2") },
					  { 1041, UP("3") },
					  { 1053, DOWN("3") },
					  { 1058, UP("3") },
					  { 0, NULL } };
	struct fp_sync_signs s = signs(fell_back, node, 1063);

	EQ(s.auto_sync, 0);
	EQ(s.synced_s, 1045);
	EQ(s.chunks, -1);
	OK(s.is_fallback);
	OK(!s.is_pending);
	/* one may follow still; its clock is not known */
	EQ(signs(fell_back, node, 1062).auto_sync, -1);
	EQ(signs(fell_back, node, 0).auto_sync, -1);
}

TEST(auto_sync_is_on_when_one_follows)
{
	static const struct at node[] = { { 239, UP("3") },
					  { 239, UP("2") },
					  { 260, DOWN("3") },
					  { 266, UP("3") },
					  { 0, NULL } };
	struct fp_sync_signs s = signs(went_on, node, 266);

	EQ(s.auto_sync, 1);
	EQ(s.chunks, 150);
	OK(!s.is_fallback);
	OK(!s.is_pending);
}

TEST(its_own_first_sync_is_no_sign)
{
	static const struct at sync[] = {
		{ 57, "Sync request postponed! (no donor available)" },
		{ 58, "Sync started from node [2]" },
		{ 58, "Sync completed, received [150] chunks" },
		{ 0, NULL }
	};
	static const struct at node[] = { { 58, UP("2") },
					  { 58, UP("1") },
					  { 0, NULL } };

	EQ(signs(sync, node, 100).auto_sync, -1);
	EQ(signs(sync, node, 100).synced_s, 58);
}

TEST(a_request_is_told_after_what_it_brought)
{
	static const struct at sync[] = {
		{ 58, "Sync completed, received [7] chunks" },
		{ 59, "Sync requested from node [2]" },
		{ 0, NULL }
	};
	static const struct at later[] = {
		{ 58, "Sync completed, received [7] chunks" },
		{ 99, "Sync requested from node [2]" },
		{ 0, NULL }
	};
	static const struct at none[] = { { 0, NULL } };

	OK(!signs(sync, none, 100).is_pending);
	OK(signs(later, none, 100).is_pending);
}

TEST(many_reports_keep_the_last)
{
	struct fp_sync_signs s;
	struct fp_report done, ask, up;

	fp_report_read("Sync completed, received [1] chunks", &done);
	fp_report_read("Sync requested from node [2]", &ask);
	fp_report_read(UP("2"), &up);
	fp_sync_signs_init(&s);
	for (int64_t t = 100; t < 100 + 200 * 10; t += 10) {
		fp_sync_signs_sync(&s, t, &ask);
		fp_sync_signs_sync(&s, t, &done);
	}
	fp_sync_signs_node(&s, 2085, 3000, &up);
	EQ(s.auto_sync, 0);
	fp_sync_signs_node(&s, 2090, 3000, &up);
	EQ(s.auto_sync, 1);
}
