/* SPDX-License-Identifier: Apache-2.0 */
/* What does a real Kamailio take?  Sends every payload of the corpus, and random
 * mutations of them, to 127.0.0.1:5060, each from an address and port of its
 * own; reads Kamailio's log (test/corpus/kamailio.cfg) for those it took.
 *
 *	oracle CORPUS LOG OUT MUTATIONS SEED
 *
 * OUT/full/N: payloads that passed every check of the packaged configuration;
 * none may be called malformed.  OUT/line/N: those whose first line was parsed
 * and whose URI was good, but which failed a later check (so a method may be no
 * token there), and those of is_odd_colon().
 * One line a payload of the corpus on stdout: name, full | line | -.
 * Exit 1: what was taken in full is malformed, or what was taken as OPTIONS is
 * not, by the plain rule (reference.c) or by the corpus.  Exit 2: it could not
 * be asked. */
#include "test/corpus/corpus.c"
#include "test/corpus/packet.c"
#include "test/corpus/reference.c"

#include <errno.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BATCH 32 /* in flight: fits the default receive buffer */
#define FIRST_PORT 1024
#define PORTS 60000
#define FIRST_HOST 0x7f000010u    /* 127.0.0.16 and up: payloads */
#define SENTINEL_HOST 0x7f000002u /* 127.0.0.2: ends of batches */
#define WAIT_MS 10000

struct message {
	uint8_t data[PAYLOAD_MAX];
	size_t n;
	const char *name; /* of the corpus, or NULL */
	bool is_bad;      /* the corpus says so */
	bool has_line, has_full, has_options;
};

static struct oracle {
	struct message batch[BATCH];
	size_t n_batch, n_sent, n_full, n_line, n_wrong;
	uint32_t n_sentinels;
	int log_fd, out_fd;
	char text[1 << 16]; /* of the log, not yet parsed */
	size_t n_text;
	uint64_t seed;
} o;

static void die(const char *what)
{
	fprintf(stderr, "oracle: %s: %s\n", what, strerror(errno));
	exit(2);
}

/* ---- random numbers: splitmix64 ---- */

static uint64_t random64(void)
{
	uint64_t z = o.seed += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static size_t below(size_t n)
{
	return n ? random64() % n : 0;
}

/* ---- asking ---- */

static void address_of(uint32_t first, size_t i, struct sockaddr_in *a)
{
	*a = (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(first + (uint32_t)(i / PORTS)),
		.sin_port = htons((uint16_t)(FIRST_PORT + i % PORTS)),
	};
}

static void send_from(uint32_t first, size_t i, const void *p, size_t n)
{
	struct sockaddr_in from, to = {
		.sin_family = AF_INET,
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		.sin_port = htons(5060),
	};
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	address_of(first, i, &from);
	if (fd < 0 || bind(fd, (struct sockaddr *)&from, sizeof(from)))
		die("bind");
	if (sendto(fd, p, n, 0, (struct sockaddr *)&to, sizeof(to)) < 0)
		die("send");
	close(fd);
}

/* " 1(42) ALERT: full 127.0.0.16:1024"; true: the sentinel's. */
static bool on_log_line(const char *line)
{
	const char *at = strstr(line, "ALERT: ");
	char word[5], host[16];
	unsigned int port;
	struct in_addr in;
	size_t i;

	if (!at || sscanf(at + 7, "%4s %15[0-9.]:%u", word, host, &port) != 3 ||
	    !inet_pton(AF_INET, host, &in))
		return false;
	if (ntohl(in.s_addr) == SENTINEL_HOST)
		return port == FIRST_PORT + o.n_sentinels % PORTS;
	i = (ntohl(in.s_addr) - FIRST_HOST) * PORTS + port - FIRST_PORT;
	i -= o.n_sent - o.n_batch;
	if (i >= o.n_batch)
		return false;
	if (!strcmp(word, "full"))
		o.batch[i].has_full = true;
	else if (!strcmp(word, "line"))
		o.batch[i].has_line = true;
	else
		o.batch[i].has_options = true;
	return false;
}

/* The lines that the log has grown by; true: with the sentinel's. */
static bool read_log(void)
{
	ssize_t n = read(o.log_fd, o.text + o.n_text,
			 sizeof(o.text) - 1 - o.n_text);
	char *line = o.text, *end;
	bool is_done = false;

	if (n < 0)
		die("log");
	o.n_text += (size_t)n;
	o.text[o.n_text] = '\0';
	for (; (end = strchr(line, '\n')); line = end + 1) {
		*end = '\0';
		is_done |= on_log_line(line);
	}
	o.n_text -= (size_t)(line - o.text);
	memmove(o.text, line, o.n_text);
	if (o.n_text == sizeof(o.text) - 1) /* a line of no use */
		o.n_text = 0;
	return is_done;
}

/* Kamailio works in order: when it took this, it has seen all before it. */
static void wait_for_batch(void)
{
	static const char sentinel[] =
		"MESSAGE sip:x@example.net SIP/2.0\r\n"
		"Via: SIP/2.0/UDP 127.0.0.2;branch=z9hG4bK1\r\n"
		"From: <sip:a@example.com>;tag=1\r\nTo: <sip:x@example.net>\r\n"
		"Call-ID: 1\r\nCSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\n"
		"Content-Length: 0\r\n\r\n";
	struct timespec nap = { .tv_nsec = 200 * 1000 };

	send_from(SENTINEL_HOST, o.n_sentinels % PORTS, sentinel,
		  sizeof(sentinel) - 1);
	for (int i = 0; i < WAIT_MS * 4; i++) {
		if (read_log()) {
			o.n_sentinels++;
			return;
		}
		nanosleep(&nap, NULL);
	}
	fprintf(stderr, "oracle: Kamailio is silent after message %zu\n",
		o.n_sent);
	exit(2);
}

/* ---- what came of it ---- */

static void save(const char *class, size_t i, const struct message *m)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "%s/%06zu", class, i);
	fd = openat(o.out_fd, path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC,
		    0644);
	if (fd < 0 || write(fd, m->data, m->n) != (ssize_t)m->n || close(fd))
		die(path);
}

static void print_escaped(const struct message *m)
{
	for (size_t i = 0; i < m->n && i < 160; i++) {
		int c = m->data[i];

		printf(c >= ' ' && c < 127 ? "%c" : "\\x%02x", c);
	}
	printf("\n");
}

/* Kamailio 5.6 compares "sip:" after setting bit 5 of every byte (parse_uri.c),
 * so that it takes a SUB (0x1a) for the colon: its quirk, not a message. */
static bool is_odd_colon(const struct message *m)
{
	static uint8_t copy[PAYLOAD_MAX];
	uint8_t *at;
	bool is_options;

	memcpy(copy, m->data, m->n);
	at = memchr(copy, 0x1a, m->n);
	if (!at)
		return false;
	*at = ':';
	return reference_judge(copy, m->n, &is_options) != REFERENCE_MALFORMED;
}

static bool is_wrong(const struct message *m)
{
	bool is_options, is_malformed;

	is_malformed = reference_judge(m->data, m->n, &is_options) ==
		       REFERENCE_MALFORMED;
	return (m->has_full && (is_malformed || m->is_bad)) ||
	       (m->has_options && !is_options);
}

static void settle(size_t i, struct message *m)
{
	if (m->has_full && is_odd_colon(m))
		m->has_full = false;
	if (m->name)
		printf("%s\t%s\n", m->name,
		       m->has_full   ? "full"
		       : m->has_line ? "line"
				     : "-");
	if (m->has_full || m->has_line)
		save(m->has_full ? "full" : "line", i, m);
	o.n_full += m->has_full;
	o.n_line += m->has_line && !m->has_full;
	if (!is_wrong(m))
		return;
	o.n_wrong++;
	printf("wrong: %s/%06zu, %s: ", m->has_full ? "full" : "line", i,
	       m->has_options ? "taken as OPTIONS" : "taken");
	print_escaped(m);
}

static void flush_batch(void)
{
	if (!o.n_batch)
		return;
	wait_for_batch();
	for (size_t i = 0; i < o.n_batch; i++)
		settle(o.n_sent - o.n_batch + i, &o.batch[i]);
	o.n_batch = 0;
}

static void ask(const struct message *m)
{
	if (o.n_batch == BATCH)
		flush_batch();
	o.batch[o.n_batch++] = *m;
	send_from(FIRST_HOST, o.n_sent++, m->data, m->n);
}

/* ---- mutations ---- */

static void insert(struct message *m, size_t at, const void *p, size_t n)
{
	if (m->n + n > sizeof(m->data))
		return;
	memmove(m->data + at + n, m->data + at, m->n - at);
	memcpy(m->data + at, p, n);
	m->n += n;
}

static void drop(struct message *m, size_t at, size_t n)
{
	if (n > m->n - at)
		n = m->n - at;
	memmove(m->data + at, m->data + at + n, m->n - at - n);
	m->n -= n;
}

static void mutate_once(struct message *m, size_t line)
{
	static const char *const piece[] = {
		" ",   "  ", "\t", "\r", "\n",      "\r\n",     "",
		"/",   ":",  ";",  "@",  "SIP/2.0", " SIP/2.0", "sip:",
		"%00", "<",  ">",  "\"", "\x80",
	};
	/* mostly in the first line */
	size_t at = below(below(4) ? line : m->n);
	size_t i = below(sizeof(piece) / sizeof(piece[0]));

	switch (below(6)) {
	case 0:
		m->data[at] = (uint8_t)random64();
		break;
	case 1:
		m->data[at] ^= 0x20;
		break;
	case 2: /* the empty piece is a NUL */
		insert(m, at, piece[i], *piece[i] ? strlen(piece[i]) : 1);
		break;
	case 3:
		drop(m, at, 1 + below(below(4) ? 1 : 16));
		break;
	case 4:
		insert(m, below(8), piece[i], *piece[i] ? strlen(piece[i]) : 1);
		break;
	default:
		if (!below(4))
			m->n = at;
		else
			m->data[at] = *piece[i] ? (uint8_t)*piece[i] : 0;
	}
}

static void mutate(struct message *m)
{
	const uint8_t *nl = memchr(m->data, '\n', m->n);
	size_t line = nl ? (size_t)(nl - m->data) + 1 : m->n;

	for (size_t times = 1 + below(3); times && m->n > 8; times--)
		mutate_once(m, line < m->n ? line : m->n);
	if (!m->n)
		m->data[m->n++] = 0;
}

/* ---- everything ---- */

static bool is_sent_before(const struct corpus *c, size_t i)
{
	for (size_t k = 0; k < i; k++)
		if (c->v[k].len == c->v[i].len &&
		    !memcmp(c->v[k].payload, c->v[i].payload, c->v[i].len))
			return true;
	return false;
}

static void load(struct message *m, const struct corpus_case *x)
{
	memset(m, 0, sizeof(*m));
	memcpy(m->data, x->payload, x->len);
	m->n = x->len;
}

static void ask_all(const struct corpus *c, size_t mutations)
{
	static struct message m;

	for (size_t i = 0; i < c->n; i++) {
		if (!c->v[i].len || is_sent_before(c, i))
			continue;
		load(&m, &c->v[i]);
		m.name = c->v[i].name;
		m.is_bad = c->v[i].line == CORPUS_LINE_BAD &&
			   c->v[i].packet.udp_len < 0;
		ask(&m);
	}
	while (mutations--) {
		do
			load(&m, &c->v[below(c->n)]);
		while (!m.n);
		mutate(&m);
		ask(&m);
	}
	flush_batch();
}

int main(int argc, char **argv)
{
	struct corpus c;
	char why[256];

	if (argc != 6) {
		fprintf(stderr, "oracle CORPUS LOG OUT MUTATIONS SEED\n");
		return 2;
	}
	if (corpus_read(&c, argv[1], why)) {
		fprintf(stderr, "oracle: %s\n", why);
		return 2;
	}
	o.log_fd = open(argv[2], O_RDONLY | O_CLOEXEC);
	o.out_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (o.log_fd < 0 || o.out_fd < 0 ||
	    (mkdirat(o.out_fd, "full", 0755) && errno != EEXIST) ||
	    (mkdirat(o.out_fd, "line", 0755) && errno != EEXIST))
		die("open");
	o.seed = strtoull(argv[5], NULL, 0);
	printf("seed %llu\n", (unsigned long long)o.seed);
	ask_all(&c, strtoul(argv[4], NULL, 10));
	printf("%zu sent, %zu taken in full, %zu by their first line, "
	       "%zu wrong by our rule\n",
	       o.n_sent, o.n_full, o.n_line, o.n_wrong);
	corpus_free(&c);
	return o.n_wrong ? 1 : 0;
}
