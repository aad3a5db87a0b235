/* SPDX-License-Identifier: Apache-2.0 */
/* A controller made of lines: wire COMMAND [ARG]... <SCRIPT
 * runs COMMAND (fp-sync receive), sends it what the lines say and prints its
 * answers, a frame a line ("OK changed=1 ..."), body lines indented.
 *
 *   TYPE [KEY=VALUE]...   a frame, HELLO CHANGE COMMIT ...; then its answer.  "_"
 *                         in a value is a blank.  policy=@: of the lists known.
 *   |LINE                 a line of the body of the frame that comes next
 *   list NAME KIND FILE   send it whole: LIST, DATA, END; it is known then
 *   diff NAME KIND OLD NEW, buckets NAME KIND FILE N
 *   know NAME KIND FILE, forget NAME
 *   words NAME KIND FILE N   WORDS with the buckets of FILE
 *   quiet ... loud        do not wait for answers; then print all of them
 *   sleep MS, sh COMMAND, raw HEX, end (close the channel), time (print ms since
 *   the last one)
 * Exits with COMMAND's status. */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "codec/wire.h"
#include "io/clock.h"
#include "model/diff.h"

#define LISTS_MAX 300
#define LINE_BYTES 65536
#define DATA_BYTES (900u << 10)

static struct {
	int in, out; /* of the command: we read in, write out */
	pid_t pid;
	struct fp_buf got, body;
	struct fp_list_digest known[LISTS_MAX];
	size_t n_known, n_asked;
	bool is_quiet;
	int64_t last_ms;
} w;

static void die(const char *what)
{
	fprintf(stderr, "wire: %s\n", what);
	exit(99);
}

/* ---- what comes */

static const struct {
	const char *name;
	enum fp_wire_type type;
} types[] = {
	{ "CHANGE", FP_WIRE_CHANGE },   { "BACK", FP_WIRE_BACK },
	{ "COMMIT", FP_WIRE_COMMIT },   { "DATA", FP_WIRE_DATA },
	{ "END", FP_WIRE_END },         { "FAIL", FP_WIRE_FAIL },
	{ "GET", FP_WIRE_GET },         { "HELLO", FP_WIRE_HELLO },
	{ "OK", FP_WIRE_OK },           { "LIST", FP_WIRE_LIST },
	{ "MODE", FP_WIRE_MODE },       { "NOTE", FP_WIRE_NOTE },
	{ "CONFIRM", FP_WIRE_CONFIRM }, { "WORDS", FP_WIRE_WORDS },
	{ "WANT", FP_WIRE_WANT },       { "DROP", FP_WIRE_DROP },
	{ "WHY", FP_WIRE_WHY },
};
#define N_TYPES (sizeof(types) / sizeof(*types))

static const char *type_name(enum fp_wire_type t)
{
	for (size_t i = 0; i < N_TYPES; i++)
		if (types[i].type == t)
			return types[i].name;
	return "?";
}

static void print_body(const struct fp_wire_msg *m)
{
	const char *s = m->body, *end = s + m->body_len, *nl;

	if (m->type == FP_WIRE_WANT || m->type == FP_WIRE_WORDS) {
		printf("  ");
		while (s < end)
			printf("%02x", (unsigned char)*s++);
		printf("\n");
		return;
	}
	for (; s < end; s = nl + 1) {
		nl = memchr(s, '\n', (size_t)(end - s));
		nl = nl ? nl : end;
		printf("  %.*s\n", (int)(nl - s), s);
	}
}

static void print_msg(const struct fp_wire_msg *m)
{
	printf("%s", type_name(m->type));
	for (size_t i = 0; i < m->n_fields; i++)
		printf(" %.*s=%.*s", (int)m->field[i].key_len, m->field[i].key,
		       (int)m->field[i].value_len, m->field[i].value);
	printf("\n");
	print_body(m);
	fflush(stdout);
}

/* The next frame, valid until the one after it.  false: the channel ended. */
static bool get(struct fp_wire_msg *m)
{
	static size_t used;
	struct fp_err e;

	if (used) {
		w.got.len -= used;
		memmove(w.got.data, w.got.data + used, w.got.len);
		used = 0;
	}
	for (;;) {
		int r = fp_wire_read(w.got.data, w.got.len, &used, m, &e);
		char *to;
		ssize_t n;

		if (r > 0)
			return true;
		if (r < 0)
			die(e.text);
		to = fp_buf_room(&w.got, 65536);
		n = read(w.in, to, 65536);
		if (n <= 0)
			return false;
		w.got.len += (size_t)n;
	}
}

/* Read up to the end of an answer.  What WANT says is kept in w.body. */
static bool answer(void)
{
	struct fp_wire_msg m;
	bool is_open = false; /* DATA and END follow */

	for (;;) {
		if (!get(&m)) {
			printf("(closed)\n");
			return false;
		}
		print_msg(&m);
		switch (m.type) {
		case FP_WIRE_NOTE:
			break;
		case FP_WIRE_WORDS:
		case FP_WIRE_LIST:
		case FP_WIRE_DATA:
			is_open = true;
			break;
		case FP_WIRE_WANT:
			w.body.len = 0;
			fp_buf_add(&w.body, m.body, m.body_len);
			return true;
		default:
			return m.type != FP_WIRE_FAIL;
		}
		if (is_open && m.type == FP_WIRE_END)
			return true;
	}
}

/* ---- what goes */

static void put(const void *data, size_t n)
{
	const char *s = data;

	while (n) {
		ssize_t r = write(w.out, s, n);

		if (r <= 0)
			return; /* the answer will say */
		s += r;
		n -= (size_t)r;
	}
}

static void send_frame(struct fp_buf *b, size_t begin)
{
	fp_wire_end(b, begin);
	if (b->is_failed)
		die("a frame does not fit");
	put(b->data, b->len);
	fp_buf_fini(b);
}

static bool ask(void)
{
	w.n_asked++;
	if (w.is_quiet)
		return true;
	w.n_asked--;
	return answer();
}

static void policy(char hex[65])
{
	for (size_t i = 1; i < w.n_known; i++)
		for (size_t j = i;
		     j && strcmp(w.known[j - 1].name, w.known[j].name) > 0;
		     j--) {
			struct fp_list_digest t = w.known[j];

			w.known[j] = w.known[j - 1];
			w.known[j - 1] = t;
		}
	fp_policy_digest(w.known, w.n_known, hex);
}

static void forget(const char *name)
{
	for (size_t i = 0; i < w.n_known; i++)
		if (!strcmp(w.known[i].name, name))
			w.known[i] = w.known[--w.n_known];
}

static void frame(enum fp_wire_type type, char *words)
{
	struct fp_buf b = { 0 };
	size_t begin = fp_wire_begin(&b, type);
	char hex[65], *save, *word;

	for (word = strtok_r(words, " ", &save); word;
	     word = strtok_r(NULL, " ", &save)) {
		char *eq = strchr(word, '=');

		if (!eq)
			die(word);
		*eq++ = 0;
		for (char *c = eq; *c; c++)
			if (*c == '_')
				*c = ' ';
		policy(hex);
		fp_wire_put(&b, word, strcmp(eq, "@") ? eq : hex);
	}
	if (type == FP_WIRE_DROP) {
		struct fp_wire_msg m;
		char name[64];
		size_t used;

		fp_wire_end(&b, begin);
		fp_wire_read(b.data, b.len, &used, &m, NULL);
		if (fp_wire_str(&m, "name", name, sizeof(name)))
			forget(name);
		put(b.data, b.len);
		fp_buf_fini(&b);
		ask();
		return;
	}
	if (w.body.len)
		fp_wire_body(&b, w.body.data, w.body.len);
	w.body.len = 0;
	send_frame(&b, begin);
	if (type != FP_WIRE_LIST && type != FP_WIRE_DATA)
		ask();
}

/* ---- lists */

struct mem {
	struct fp_text text;
	struct fp_entries x;
	size_t i;
};

static int mem_next(void *ctx, struct fp_entry *out, struct fp_err *e)
{
	struct mem *m = ctx;

	(void)e;
	if (m->i == m->x.n)
		return 0;
	*out = m->x.v[m->i++];
	return 1;
}

static void load(struct mem *m, const char *file)
{
	const struct fp_parse_opts o = { .file = file, .max = 1u << 26 };
	struct fp_err e;

	memset(m, 0, sizeof(*m));
	if (fp_text_read(&m->text, file, 1ull << 32, &e) ||
	    fp_entries_parse(&m->x, m->text.data, m->text.len, &o, &e))
		die(e.text);
}

static void unload(struct mem *m)
{
	fp_entries_fini(&m->x);
	fp_text_fini(&m->text);
}

static void know(const char *name, const char *kind, struct mem *m,
		 uint64_t *entries, char hex[65])
{
	struct fp_stream s = { mem_next, m };
	struct fp_list_digest *d;
	enum fp_kind k;

	m->i = 0;
	if (fp_kind_parse(kind, &k, NULL) ||
	    fp_stream_digest(name, k, &s, entries, hex, NULL))
		die(name);
	forget(name);
	d = &w.known[w.n_known++];
	snprintf(d->name, sizeof(d->name), "%s", name);
	d->kind = k;
	memcpy(d->hex, hex, 65);
	m->i = 0;
}

static size_t begin_list(struct fp_buf *b, const char *name, const char *kind,
			 const char *hex, uint64_t entries, const char *how)
{
	size_t begin = fp_wire_begin(b, FP_WIRE_LIST);

	fp_wire_put(b, "name", name);
	fp_wire_put(b, "kind", kind);
	fp_wire_put(b, "digest", hex);
	fp_wire_put_u64(b, "entries", entries);
	fp_wire_put(b, "how", how);
	return begin;
}

static struct fp_buf data;
static size_t data_begin;

static void data_flush(void)
{
	if (!data.len)
		return;
	send_frame(&data, data_begin);
	data = (struct fp_buf){ 0 };
}

static void data_line(const char *sign, const struct fp_entry *x)
{
	if (data.len > DATA_BYTES)
		data_flush();
	if (!data.len) {
		data_begin = fp_wire_begin(&data, FP_WIRE_DATA);
		fp_wire_body(&data, NULL, 0);
	}
	fp_buf_str_add(&data, sign);
	fp_entry_print(&data, x);
}

static void send_end(void)
{
	struct fp_buf b = { 0 };

	data_flush();
	send_frame(&b, fp_wire_begin(&b, FP_WIRE_END));
	ask();
}

static void send_whole(const char *name, const char *kind, const char *file)
{
	struct fp_buf b = { 0 };
	uint64_t entries;
	char hex[65];
	struct mem m;

	load(&m, file);
	know(name, kind, &m, &entries, hex);
	send_frame(&b, begin_list(&b, name, kind, hex, entries, "whole"));
	for (size_t i = 0; i < m.x.n; i++)
		data_line("", &m.x.v[i]);
	send_end();
	unload(&m);
}

static int diff_line(void *ctx, const struct fp_change *c)
{
	struct fp_entry x = { .p = c->entry.p };

	(void)ctx;
	if (c->is_del)
		data_line("-", &x);
	else
		data_line("+", &c->entry);
	return 0;
}

static void send_diff(const char *name, const char *kind, const char *old,
		      const char *new)
{
	struct fp_buf b = { 0 };
	char from[65], to[65];
	struct mem m[2];
	struct fp_stream s[2] = { { mem_next, &m[0] }, { mem_next, &m[1] } };
	uint64_t entries;
	size_t begin;

	load(&m[0], old);
	load(&m[1], new);
	know(name, kind, &m[0], &entries, from);
	know(name, kind, &m[1], &entries, to);
	begin = begin_list(&b, name, kind, to, entries, "diff");
	fp_wire_put(&b, "from", from);
	send_frame(&b, begin);
	fp_diff(&s[0], &s[1], diff_line, NULL, NULL);
	send_end();
	unload(&m[0]);
	unload(&m[1]);
}

static void put_buckets(struct fp_buf *b, struct mem *m, uint32_t n)
{
	struct fp_stream s = { mem_next, m };
	unsigned char *sums = calloc(n, FP_BUCKET_DIGEST);

	m->i = 0;
	if (!sums || fp_bucket_digests(&s, n, sums, NULL))
		die("buckets");
	fp_wire_put_u64(b, "n_buckets", n);
	fp_wire_body(b, sums, (size_t)n * FP_BUCKET_DIGEST);
	free(sums);
}

static void send_buckets(const char *name, const char *kind, const char *file,
			 uint32_t n)
{
	struct fp_buf b = { 0 };
	uint64_t entries;
	char hex[65];
	struct mem m;
	size_t begin;

	load(&m, file);
	know(name, kind, &m, &entries, hex);
	begin = begin_list(&b, name, kind, hex, entries, "buckets");
	put_buckets(&b, &m, n);
	send_frame(&b, begin);
	if (answer()) {
		for (size_t i = 0; i < m.x.n; i++) {
			uint32_t at = fp_bucket_of(&m.x.v[i].p, n);

			if (w.body.data[at / 8] >> (at % 8) & 1)
				data_line("", &m.x.v[i]);
		}
		send_end();
	}
	w.body.len = 0;
	unload(&m);
}

static void send_words(const char *name, const char *kind, const char *file,
		       uint32_t n)
{
	struct fp_buf b = { 0 };
	struct mem m;
	size_t begin = fp_wire_begin(&b, FP_WIRE_WORDS);

	load(&m, file);
	fp_wire_put(&b, "list", name);
	fp_wire_put(&b, "kind", kind);
	put_buckets(&b, &m, n);
	send_frame(&b, begin);
	ask();
	unload(&m);
}

/* ---- lines */

static void send_raw(const char *hex)
{
	unsigned int byte;

	for (; sscanf(hex, "%2x", &byte) == 1; hex += 2) {
		char c = (char)byte;

		put(&c, 1);
	}
}

static void say_time(void)
{
	int64_t now_ms = fp_clock_ms();

	printf("ms=%lld\n", (long long)(now_ms - w.last_ms));
	w.last_ms = now_ms;
}

static bool directive(const char *verb, char *rest)
{
	char a[64] = "", b[16] = "", c[4096] = "", d[4096] = "";
	uint64_t entries;
	char hex[65];
	struct mem m;

	sscanf(rest, "%63s %15s %4095s %4095s", a, b, c, d);
	if (!strcmp(verb, "list")) {
		send_whole(a, b, c);
	} else if (!strcmp(verb, "diff")) {
		send_diff(a, b, c, d);
	} else if (!strcmp(verb, "buckets")) {
		send_buckets(a, b, c, (uint32_t)atoi(d));
	} else if (!strcmp(verb, "words")) {
		send_words(a, b, c, (uint32_t)atoi(d));
	} else if (!strcmp(verb, "know")) {
		load(&m, c);
		know(a, b, &m, &entries, hex);
		unload(&m);
	} else if (!strcmp(verb, "forget")) {
		forget(a);
	} else if (!strcmp(verb, "quiet")) {
		w.is_quiet = true;
	} else if (!strcmp(verb, "loud")) {
		w.is_quiet = false;
		for (; w.n_asked; w.n_asked--)
			answer();
	} else if (!strcmp(verb, "sleep")) {
		usleep((useconds_t)atoi(a) * 1000);
	} else if (!strcmp(verb, "sh")) {
		if (system(rest))
			die(rest);
	} else if (!strcmp(verb, "raw")) {
		send_raw(a);
		ask();
	} else if (!strcmp(verb, "time")) {
		say_time();
	} else if (!strcmp(verb, "end")) {
		close(w.out);
		w.out = -1;
	} else {
		return false;
	}
	return true;
}

static void take_line(char *line)
{
	char *rest = strchr(line, ' ');

	if (*line == '|') {
		fp_buf_printf(&w.body, "%s\n", line + 1);
		return;
	}
	if (rest)
		*rest++ = 0;
	else
		rest = line + strlen(line);
	for (size_t i = 0; i < N_TYPES; i++)
		if (!strcmp(types[i].name, line)) {
			frame(types[i].type, rest);
			return;
		}
	if (!directive(line, rest))
		die(line);
}

static void start(char **argv)
{
	int to[2], from[2];

	if (pipe2(to, O_CLOEXEC) || pipe2(from, O_CLOEXEC))
		die("pipe");
	w.pid = fork();
	if (!w.pid) {
		dup2(to[0], STDIN_FILENO);
		dup2(from[1], STDOUT_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	close(to[0]);
	close(from[1]);
	w.out = to[1];
	w.in = from[0];
}

int main(int argc, char **argv)
{
	static char line[LINE_BYTES];
	struct fp_wire_msg m;
	int status;

	if (argc < 2)
		die("usage: wire COMMAND [ARG]... <SCRIPT");
	setenv("WIRE_PID", "", 1);
	signal(SIGPIPE, SIG_IGN);
	start(argv + 1);
	snprintf(line, sizeof(line), "%d", (int)w.pid);
	setenv("WIRE_PID", line, 1); /* for sh */
	w.last_ms = fp_clock_ms();
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = 0;
		if (*line)
			take_line(line);
	}
	if (w.out >= 0)
		close(w.out);
	while (get(&m))
		print_msg(&m);
	if (waitpid(w.pid, &status, 0) < 0)
		return 99;
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}
