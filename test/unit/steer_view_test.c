/* SPDX-License-Identifier: Apache-2.0 */
/* What steering makes of a watcher's words, whom destinations lead to, and leases
 * without a database. */
#include "unit.h"

#include "health/steer_match.h"
#include "health/steer_store.h"
#include "health/steer_view.h"
#include "io/clock.h"

static struct fp_steer_view view;
static struct fp_err e;
static char why[200];

static int feed(const char *node, const char *check, const char *to,
		bool is_refusing)
{
	struct fp_record r = { .kind = FP_RECORD_TRANSITION,
			       .is_refusing = is_refusing };

	snprintf(r.node, sizeof(r.node), "%s", node);
	snprintf(r.check, sizeof(r.check), "%s", check);
	snprintf(r.to, sizeof(r.to), "%s", to);
	snprintf(r.detail, sizeof(r.detail), "said");
	return fp_steer_view_feed(&view, &r, 1000, 0, &e);
}

static void alive(int64_t now_ms, int64_t interval_ms)
{
	struct fp_record r = { .kind = FP_RECORD_ALIVE,
			       .interval_ms = interval_ms };

	fp_steer_view_feed(&view, &r, now_ms, 0, &e);
}

static enum fp_want want(const char *node)
{
	return fp_steer_view_want(&view, node, why);
}

TEST(names_of_checks)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	EQ(view.n_on, 5);
	EQ(fp_steer_view_init(&view, "sip", &e), 0);
	EQ(fp_steer_view_init(&view, "sip,", &e), -EINVAL);
	EQ(fp_steer_view_init(&view, "", &e), -EINVAL);
	EQ(fp_steer_view_init(&view, "a,b,c,d,e,f,g,h,i,j,k,l,m,n,o,p,q", &e),
	   -EINVAL);
	EQ(fp_steer_view_init(&view, "a-name-that-is-far-too-long-for-a-check",
			      &e),
	   -EINVAL);
}

TEST(what_is_wanted)
{
	EQ(fp_steer_view_init(&view, "sip,esl", &e), 0);
	EQ(want("fs1"), FP_WANT_KEEP);
	EQ(feed("fs1", "sip", "OK", false), 1);
	EQ(feed("fs1", "sip", "OK", false), 0);
	EQ(want("fs1"), FP_WANT_IN);
	STR(why, "");
	EQ(feed("fs1", "rows", "CRITICAL", false), 1);
	EQ(want("fs1"), FP_WANT_IN);
	EQ(feed("fs1", "esl", "WARNING", false), 1);
	EQ(want("fs1"), FP_WANT_IN);
	EQ(feed("fs1", "esl", "WARNING", true), 1);
	EQ(want("fs1"), FP_WANT_OUT);
	STR(why, "esl takes no calls: said");
	EQ(feed("fs1", "esl", "UNKNOWN", false), 1);
	EQ(want("fs1"), FP_WANT_KEEP);
	EQ(feed("fs1", "sip-2", "CRITICAL", false), 1);
	EQ(want("fs1"), FP_WANT_OUT);
	STR(why, "sip-2 CRITICAL: said");
	EQ(want("fs2"), FP_WANT_KEEP);
	EQ(feed("fs1", "sip", "BROKEN", false), -EINVAL);
	fp_steer_view_fini(&view);
}

TEST(maintenance_is_of_the_node)
{
	EQ(fp_steer_view_init(&view, "sip", &e), 0);
	feed("fs1", "sip", "CRITICAL", false);
	feed("fs1", "node", "MAINT", false);
	EQ(want("fs1"), FP_WANT_OUT);
	STR(why, "node MAINT: said");
	feed("fs1", "sip", "OK", false);
	EQ(want("fs1"), FP_WANT_OUT);
	feed("fs1", "node", "OK", false);
	EQ(want("fs1"), FP_WANT_IN);
	/* only names of several checks end in a number */
	feed("fs1", "sip-x", "CRITICAL", false);
	feed("fs1", "sipper", "CRITICAL", false);
	feed("fs1", "sip-", "CRITICAL", false);
	EQ(want("fs1"), FP_WANT_IN);
	fp_steer_view_fini(&view);
}

TEST(stale)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	OK(fp_steer_view_is_stale(&view, 1000));
	feed("fs1", "sip", "OK", false);
	OK(fp_steer_view_is_stale(&view, 1000));
	alive(1000, 0);
	OK(!fp_steer_view_is_stale(&view, 1000));
	OK(!fp_steer_view_is_stale(&view, 31000));
	OK(fp_steer_view_is_stale(&view, 31001));
	alive(40000, 500);
	OK(!fp_steer_view_is_stale(&view, 41500));
	OK(fp_steer_view_is_stale(&view, 41501));
	fp_steer_view_fini(&view);
}

/* An alive record of at_s, heard at now_ms (and our clock says the same, plus
 * skew_s). */
static void heard(int64_t at_s, int64_t now_ms, int64_t skew_s)
{
	struct fp_record r = { .kind = FP_RECORD_ALIVE,
			       .at_s = at_s,
			       .interval_ms = 1000 };

	fp_steer_view_feed(&view, &r, now_ms, now_ms + skew_s * 1000, &e);
}

TEST(a_backlog_is_no_life)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	heard(1000, 1000200, 0);
	OK(!fp_steer_view_is_stale(&view, 1000300));
	/* we were stopped for a minute: what is in the pipe comes at once */
	for (int i = 1; i < 55; i++)
		heard(1000 + i, 1060000 + i, 0);
	OK(fp_steer_view_is_stale(&view, 1060100));
	EQ(view.old_ms / 1000, 6);
	heard(1060, 1060200, 0);
	OK(!fp_steer_view_is_stale(&view, 1060300));
	/* without a time in it, a transition is no word of now */
	feed("fs1", "sip", "OK", false);
	EQ(view.heard_ms, 1060200);
	fp_steer_view_fini(&view);
}

TEST(a_backlog_at_the_start)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	for (int i = 0; i < 3000; i++)
		heard(1000 + i, 9000000 + i, 0);
	OK(fp_steer_view_is_stale(&view, 9003000));
	fp_steer_view_fini(&view);
}

TEST(a_watcher_whose_clock_is_wrong)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	/* an hour behind: believed when it comes at the pace of our clock */
	heard(1000, 1000200, 3600);
	OK(fp_steer_view_is_stale(&view, 1000300));
	for (int i = 1; i < 6; i++)
		heard(1000 + i, 1000200 + i * 1000, 3600);
	OK(!fp_steer_view_is_stale(&view, 1005300));
	/* then right, then an hour before us */
	heard(1010, 1010200, 0);
	OK(!fp_steer_view_is_stale(&view, 1010300));
	heard(1011, 1011200, -3600);
	OK(!fp_steer_view_is_stale(&view, 1011300));
	/* and right again */
	for (int i = 0; i < 6; i++)
		heard(1020 + i, 1020200 + i * 1000, 0);
	OK(!fp_steer_view_is_stale(&view, 1025300));
	fp_steer_view_fini(&view);
}

static int gone(const char *node, const char *check)
{
	struct fp_record r = { .kind = FP_RECORD_GONE };

	snprintf(r.node, sizeof(r.node), "%s", node);
	snprintf(r.check, sizeof(r.check), "%s", check);
	return fp_steer_view_feed(&view, &r, 1000, 0, &e);
}

TEST(what_is_gone_is_forgotten)
{
	EQ(fp_steer_view_init(&view, NULL, &e), 0);
	feed("fs1", "sip", "CRITICAL", false);
	feed("fs1", "node", "MAINT", false);
	feed("fs2", "sip", "OK", false);
	feed("fs2", "esl", "CRITICAL", false);
	EQ(gone("fs3", ""), 0);
	EQ(gone("fs2", "esl"), 1);
	EQ(want("fs2"), FP_WANT_IN);
	EQ(want("fs1"), FP_WANT_OUT);
	EQ(gone("fs1", ""), 1);
	EQ(want("fs1"), FP_WANT_KEEP);
	EQ(view.n, 1);
	fp_steer_view_fini(&view);
}

/* ---- places */

static const char cluster[] =
	"[a]\n"
	"fs1 fp_sip=udp:192.0.2.1:5060,tls:[2001:db8::1]\n"
	"fs2 fp_sip=udp:192.0.2.2:5070\n"
	"fs3 fp_sip=udp:192.0.2.2:5070\n"
	"fs4 fp_sip=udp:fs4.example.net\n"
	"rtp1 fp_ng=udp:192.0.2.1:2223\n";

static const char *find(struct fp_places *p, enum fp_dest_kind kind,
			const char *uri)
{
	struct fp_view_dest d = { .kind = kind };
	const struct fp_host *other, *h;

	snprintf(d.uri, sizeof(d.uri), "%s", uri);
	h = fp_places_find(p, &d, &other);
	return other                        ? "(two)"
	       : h                          ? h->name
	       : !fp_places_is_known(p, &d) ? "(not known)"
					    : "(none)";
}

TEST(destinations_lead_to_nodes)
{
	const struct fp_host *v, *list[8];
	struct fp_inventory *inv;
	struct fp_places p;
	struct fp_names *names;
	struct fp_loop *loop;
	struct fp_work *work;
	size_t n;

	EQ(fp_inventory_parse(&inv, "x", cluster, strlen(cluster), &e), 0);
	n = fp_inventory_hosts(inv, &v);
	for (size_t i = 0; i < n; i++)
		list[i] = &v[i];
	EQ(fp_loop_open(&loop, &e), 0);
	EQ(fp_work_open(&work, loop, 1, &e), 0);
	EQ(fp_names_open(&names, loop, work, &e), 0);
	EQ(fp_places_init(&p, names, list, n, &e), 0);
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.1:5060"), "fs1");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.1"), "fs1");
	STR(find(&p, FP_DEST_LOAD_BALANCER, "sip:192.0.2.1;transport=tcp"),
	    "fs1");
	STR(find(&p, FP_DEST_DISPATCHER,
		 "sip:[2001:DB8:0::1]:5061;transport=tls"),
	    "fs1");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.1:5062"), "(none)");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.2:5070"), "(two)");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:FS4.example.net"), "fs4");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.1:2223"), "(none)");
	/* that nobody is there has to be known: fs4 was not looked up */
	STR(find(&p, FP_DEST_DISPATCHER, "sip:192.0.2.9"), "(not known)");
	STR(find(&p, FP_DEST_DISPATCHER, "sip:fs5.example.net:5099"),
	    "(not known)");
	STR(find(&p, FP_DEST_RTPENGINE, "udp:192.0.2.1:2223"), "rtp1");
	STR(find(&p, FP_DEST_RTPENGINE, "udp:192.0.2.1:5060"), "(none)");
	STR(find(&p, FP_DEST_RTPENGINE, "nonsense:x:y"), "(not known)");
	STR(find(&p, FP_DEST_DISPATCHER, ""), "(not known)");
	fp_places_fini(&p);
	fp_names_close(names);
	fp_work_close(work);
	fp_loop_close(loop);
	fp_inventory_free(inv);
}

/* ---- leases in memory */

TEST(leases_without_a_database)
{
	const struct fp_steer_store_opts o = { .owner = "me" };
	struct fp_lease a = { .proxy = "sip1", .set = "1", .uri = "sip:a" };
	struct fp_lease b = { .proxy = "sip1", .set = "1", .uri = "sip:b" };
	struct fp_steer_store *s;
	const struct fp_lease *v;
	int64_t now_s;
	char who[128];
	size_t n;

	EQ(fp_steer_store_open(&s, &o, &e), 0);
	EQ(fp_steer_store_begin(s, &v, &n, &now_s, who, &e), 1);
	EQ(n, 0);
	EQ(fp_steer_store_take(s, &a, 60, &e), 0);
	EQ(fp_steer_store_take(s, &b, 60, &e), 0);
	EQ(fp_steer_store_take(s, &b, 60, &e), 0);
	EQ(b.epoch, 2);
	EQ(fp_steer_store_begin(s, &v, &n, &now_s, who, &e), 1);
	EQ(n, 2);
	OK(v[0].until_s - now_s >= 59);
	EQ(fp_steer_store_let_go(s, &b, &e), 0);
	EQ(fp_steer_store_end(s, &a, &e), 0);
	EQ(fp_steer_store_begin(s, &v, &n, &now_s, who, &e), 1);
	EQ(n, 1);
	STR(v[0].uri, "sip:b");
	OK(v[0].is_let_go);
	EQ(fp_steer_store_renew(s, &a, 60, &e), 0);
	fp_steer_store_release(s);
	fp_steer_store_close(s);
}
