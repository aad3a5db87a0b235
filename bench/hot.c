/* SPDX-License-Identifier: Apache-2.0 */
/* hot XDP_FILTER_PROG_ID: one packet again and again through the whole filter
 * with 1M entries, beside a bare XDP_DROP and xdp-filter, in turn. */

#include "bench/rig.h"

#define REPEAT 500000
#define LINE_REPEAT 200000
#define ENTRIES 1000000

enum by { BY_BARE, BY_US, BY_XDP_FILTER, BY_N };

static const char *const by_name[] = { "bare", "ours", "xdp-filter" };

struct packet {
	const char *name;
	const char *text;
	uint32_t us, xdp_filter; /* the verdict it must get */
	bool is_listed;
};

#define HEADERS                                                                \
	"Via: SIP/2.0/UDP 192.0.2.4:5060;branch=z9hG4bK74b43\r\n"              \
	"From: <sip:alice@example.com>;tag=9fxced76sl\r\n"                     \
	"To: <sip:bob@example.com>\r\nCall-ID: 3848276298220188511\r\n"        \
	"CSeq: 1 INVITE\r\nContent-Length: 0\r\n\r\n"

static const struct packet packets[] = {
	{ "blocked", "INVITE sip:bob@example.com SIP/2.0\r\n" HEADERS, XDP_DROP,
	  XDP_DROP, true },
	{ "invite", "INVITE sip:bob@biloxi.example.com SIP/2.0\r\n" HEADERS,
	  XDP_PASS, XDP_PASS, false },
	{ "register", "REGISTER sip:registrar.example.com SIP/2.0\r\n" HEADERS,
	  XDP_PASS, XDP_PASS, false },
	{ "reply", "SIP/2.0 200 OK\r\n" HEADERS, XDP_PASS, XDP_PASS, false },
	{ "options", "OPTIONS sip:bob@example.com SIP/2.0\r\n" HEADERS,
	  XDP_DROP, XDP_PASS, false },
};

/* ---- first lines that make the parser work ---- */

/* A line is runs of one character each: how many, 0 for what is left. */
struct run {
	const char *text; /* repeated, cut to n */
	unsigned int n;
};

struct line {
	const char *name;
	struct run run[6];
};

#define END                                                                    \
	{                                                                      \
		" SIP/2.0\r\n", 10                                             \
	}

static const struct line lines[] = {
	{ "token-garbage", { { "a", 0 } } },
	{ "token-line", { { "a", 0 }, END } },
	{ "spaces", { { " ", 0 } } },
	{ "crlfs", { { "\r\n", 0 } } },
	{ "zeros", { { "\0", 0 } } },
	{ "zeros-invite", { { "\0", 0 }, { "INVITE sip:a SIP/2.0\r\n", 22 } } },
	{ "blank-mix", { { "\r\n \t \n\r \t\t\n\r ", 0 } } },
	{ "blank-mix-invite",
	  { { "\n \t \r\t \n\r \t", 0 }, { "INVITE sip:a SIP/2.0\r\n", 22 } } },
	{ "controls", { { "\1\2\3\4\5\6\7", 0 } } },
	{ "high-bytes", { { "\377", 0 } } },
	{ "long-uri", { { "INVITE sip:", 11 }, { "u", 0 }, END } },
	{ "long-method", { { "M", 120 }, { " sip:", 5 }, { "u", 0 }, END } },
	{ "wide-blank",
	  { { "INVITE", 6 }, { " \t", 60 }, { "sip:", 4 }, { "u", 0 }, END } },
	{ "long-scheme",
	  { { "INVITE ", 7 }, { "s", 31 }, { ":", 1 }, { "u", 0 }, END } },
	{ "late-end",
	  { { "INVITE sip:", 11 },
	    { "u", 0 },
	    { " SIP/2.0", 8 },
	    { " ", 60 },
	    { "\r\n", 2 } } },
	{ "all-at-once",
	  { { "M", 65 },
	    { " ", 50 },
	    { "s", 24 },
	    { ":", 1 },
	    { "u", 0 },
	    { " SIP/2.0                  "
	      "                         \r\n",
	      53 } } },
};

#define N_LINES (sizeof(lines) / sizeof(*lines))

static const unsigned int line_sizes[] = { 200, 800, 1400 };

#define N_SIZES 3

static size_t line_build(const struct line *l, size_t size, char *out)
{
	size_t fixed = 0, n = 0;

	for (size_t i = 0; i < 6 && l->run[i].text; i++)
		fixed += l->run[i].n;
	for (size_t i = 0; i < 6 && l->run[i].text; i++) {
		const struct run *r = &l->run[i];
		size_t of = strlen(r->text), m = r->n ? r->n : size - fixed;

		for (size_t j = 0; j < m; j++)
			out[n++] = r->text[of ? j % of : 0];
	}
	return n;
}

/* ---- running ---- */

struct hot {
	int fd[BY_N];
	uint32_t listed, unlisted;
	int round;
};

static void run_packet(const struct hot *h, const struct packet *p)
{
	uint32_t want[BY_N] = { XDP_DROP, p->us, p->xdp_filter }, verdict;
	char name[64];
	struct frame f;
	double ns;

	frame_ipv4(&f, p->is_listed ? h->listed : h->unlisted, p->text,
		   strlen(p->text));
	for (int by = 0; by < BY_N; by++) {
		ns = test_run(h->fd[by], &f, REPEAT, &verdict);
		if (verdict != want[by])
			die("%s of %s: verdict %u", p->name, by_name[by],
			    verdict);
		snprintf(name, sizeof(name), "%s/%s", p->name, by_name[by]);
		figure(name, h->round, ns);
	}
}

static void run_line(const struct hot *h, const struct line *l)
{
	double ns[N_SIZES];
	char name[64], text[1500];
	struct frame f;

	for (int i = 0; i < N_SIZES; i++) {
		frame_ipv4(&f, h->unlisted, text,
			   line_build(l, line_sizes[i], text));
		ns[i] = test_run(h->fd[BY_US], &f, LINE_REPEAT, NULL);
		snprintf(name, sizeof(name), "line%u/%s", line_sizes[i],
			 l->name);
		figure(name, h->round, ns[i]);
	}
	snprintf(name, sizeof(name), "slope/%s", l->name);
	figure(name, h->round,
	       (ns[2] - ns[0]) / (line_sizes[2] - line_sizes[0]));
}

static void run_round(struct hot *h)
{
	struct frame f;

	for (size_t i = 0; i < sizeof(packets) / sizeof(*packets); i++)
		run_packet(h, &packets[i]);
	frame_ipv4(&f, h->unlisted, "", 0);
	figure("line/bare", h->round,
	       test_run(h->fd[BY_BARE], &f, REPEAT, NULL));
	for (size_t i = 0; i < N_LINES; i++)
		run_line(h, &lines[i]);
}

/* xdp-filter's own map, up to the 10,000 it has room for: CLI calls for all of
 * them would take minutes, and a hot source costs the same with any number. */
static void fill_xdp_filter(const struct set *s, uint32_t listed)
{
	int cpus = libbpf_num_possible_cpus();
	int fd = bpf_obj_get("/sys/fs/bpf/xdp-filter/filter_ipv4");
	uint64_t *value = must_alloc((size_t)cpus, sizeof(*value));

	if (fd < 0)
		die("xdp-filter's map: %s", strerror(errno));
	for (int i = 0; i < cpus; i++)
		value[i] = 1; /* its MAP_FLAG_SRC */
	for (size_t i = 0; i < 9999; i++) {
		uint32_t key = htonl(i ? (uint32_t)s->v[i].at : listed);

		if (bpf_map_update_elem(fd, &key, value, BPF_ANY))
			die("xdp-filter's map: %s", strerror(errno));
	}
	close(fd);
	free(value);
}

int main(int argc, char **argv)
{
	struct bpf_object *peers;
	struct set set;
	struct rig rig;
	struct hot h;

	if (argc != 2)
		die("usage: hot XDP_FILTER_PROG_ID");
	set_init(&set, SET_MIXED4, ENTRIES, 1);
	rig_open(&rig, "hot");
	rig_block(&rig, "bulk", &set, 0);
	peers = rig_object("peers");
	rig_object_load(peers);
	h.fd[BY_US] = rig.filter_fd;
	h.fd[BY_BARE] = rig_prog(peers, "bare_drop");
	h.fd[BY_XDP_FILTER] = bpf_prog_get_fd_by_id((uint32_t)atoi(argv[1]));
	if (h.fd[BY_XDP_FILTER] < 0)
		die("xdp-filter's program: %s", strerror(errno));
	h.listed = (uint32_t)set_random_listed(&set);
	h.unlisted = (uint32_t)set_random_unlisted(&set);
	fill_xdp_filter(&set, h.listed);
	for (h.round = 0; h.round < option_rounds(); h.round++)
		run_round(&h);
	bpf_object__close(peers);
	rig_close(&rig);
	set_fini(&set);
	return 0;
}
