/* SPDX-License-Identifier: Apache-2.0 */
/* The state file's lines: fields with TAB between them, in this order: node,
 * check, state, since, read (unix ms), run, run before, refusing, since when it is
 * silent (unix ms, or 0),
 * flapping, raw, seen, seen refusing, same, pending, unknown, n_refusing,
 * changes as "AT:WORST:REFUSING" with ',' between, or "-". */
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "logic/health_state.h"

#define CHANGES 8

/* ---- print */

static void add_word(struct fp_buf *to, const char *s)
{
	char c;

	if (!*s)
		fp_buf_str_add(to, "-");
	for (; *s; s++) {
		c = (unsigned char)*s < ' ' || *s == 0x7f ? '?' : *s;
		fp_buf_add(to, &c, 1);
	}
	fp_buf_str_add(to, "\t");
}

static void add_changes(struct fp_buf *to, const struct fp_judged *j)
{
	if (!j->n_changes)
		fp_buf_str_add(to, "-");
	for (unsigned int i = 0; i < j->n_changes && i < CHANGES; i++)
		fp_buf_printf(to, "%s%" PRId64 ":%s:%d", i ? "," : "",
			      j->change_ms[i],
			      fp_health_name(j->change_worst[i]),
			      j->change_refusing[i]);
	fp_buf_str_add(to, "\n");
}

static int64_t at_least_1(int64_t ms)
{
	return ms > 0 ? ms : 1;
}

void fp_judged_print(const struct fp_judged *j, const char *node,
		     const char *check, struct fp_buf *to)
{
	if (!j->is_known)
		return;
	add_word(to, node);
	add_word(to, check);
	fp_buf_printf(to, "%s\t%" PRId64 "\t%" PRId64 "\t",
		      fp_health_name(j->state), j->since_ms, j->read_ms);
	add_word(to, j->run);
	add_word(to, j->run_before);
	fp_buf_printf(to, "%d\t%" PRId64 "\t%d\t%s\t%s\t%d\t%u\t%s\t%u\t%u\t",
		      j->is_refusing,
		      j->is_silent ? at_least_1(j->silent_ms) : 0,
		      j->is_flapping, fp_health_name(j->raw),
		      fp_health_name(j->seen), j->is_seen_refusing, j->n_same,
		      fp_health_name(j->pending), j->n_unknown, j->n_refusing);
	add_changes(to, j);
}

/* ---- parse */

struct line {
	const char *at, *end;
	bool is_bad;
};

/* The next field; the last one goes to the end. */
static const char *field(struct line *l, size_t *n)
{
	const char *s = l->at;
	const char *tab = memchr(s, '\t', (size_t)(l->end - s));

	*n = (size_t)((tab ? tab : l->end) - s);
	l->is_bad |= !*n;
	l->at = tab ? tab + 1 : l->end;
	return s;
}

static void word(struct line *l, char *to, size_t size, bool may_be_empty)
{
	size_t n;
	const char *s = field(l, &n);

	if (may_be_empty && n == 1 && *s == '-')
		n = 0;
	for (size_t i = 0; i < n; i++)
		l->is_bad |= (unsigned char)s[i] < ' ' || s[i] == 0x7f;
	if (n >= size) {
		l->is_bad = true;
		n = 0;
	}
	memcpy(to, s, n);
	to[n] = 0;
}

static bool digits(const char *s, size_t n, int64_t max, int64_t *out)
{
	int64_t x = 0;

	for (size_t i = 0; i < n; i++)
		if (s[i] < '0' || s[i] > '9' ||
		    __builtin_mul_overflow(x, 10, &x) ||
		    __builtin_add_overflow(x, s[i] - '0', &x))
			return false;
	*out = x;
	return n && x <= max;
}

static int64_t number(struct line *l, int64_t max)
{
	size_t n;
	int64_t x = 0;
	const char *s = field(l, &n);

	if (!digits(s, n, max, &x))
		l->is_bad = true;
	return x;
}

static bool flag(struct line *l)
{
	return number(l, 1) != 0;
}

static unsigned int counter(struct line *l)
{
	int64_t x = number(l, UINT_MAX);

	return l->is_bad ? 0 : (unsigned int)x;
}

static bool state_of(const char *s, size_t n, enum fp_health *out)
{
	char name[16];

	if (n >= sizeof(name))
		return false;
	memcpy(name, s, n);
	name[n] = 0;
	/* As it is printed, and no other way. */
	return !fp_health_parse(name, out) &&
	       !strcmp(name, fp_health_name(*out));
}

static enum fp_health state(struct line *l)
{
	size_t n;
	enum fp_health h = FP_UNKNOWN;
	const char *s = field(l, &n);

	if (!state_of(s, n, &h))
		l->is_bad = true;
	return h;
}

/* AT:WORST:REFUSING; the newest come first. */
static bool change(struct fp_judged *j, const char *s, size_t n)
{
	unsigned int i = j->n_changes;
	const char *a = memchr(s, ':', n), *b;

	if (!a || i == CHANGES)
		return false;
	b = memchr(a + 1, ':', n - (size_t)(a + 1 - s));
	if (!b || b + 2 != s + n || (b[1] != '0' && b[1] != '1') ||
	    !digits(s, (size_t)(a - s), INT64_MAX, &j->change_ms[i]) ||
	    !state_of(a + 1, (size_t)(b - a - 1), &j->change_worst[i]) ||
	    (i && j->change_ms[i] > j->change_ms[i - 1]))
		return false;
	j->change_refusing[i] = b[1] == '1';
	j->n_changes++;
	return true;
}

static void changes(struct line *l, struct fp_judged *j)
{
	size_t n;
	const char *s = field(l, &n), *end = s + n;

	l->is_bad |= end != l->end; /* it is the last */
	if (n == 1 && *s == '-')
		return;
	while (s < end && !l->is_bad) {
		const char *comma = memchr(s, ',', (size_t)(end - s));

		l->is_bad = !change(j, s, (size_t)((comma ? comma : end) - s));
		l->is_bad |= comma && comma + 1 == end;
		s = comma ? comma + 1 : end;
	}
}

int fp_judged_parse(struct fp_judged *j, char node[256], char check[32],
		    const char *line, size_t n)
{
	struct fp_judged x = { .is_known = true };
	struct line l = { .at = line, .end = line + n };
	char of_node[256], of_check[32];

	if (n && line[n - 1] == '\n')
		l.end--;
	word(&l, of_node, sizeof(of_node), true); /* the cluster's is "" */
	word(&l, of_check, sizeof(of_check), false);
	x.state = state(&l);
	x.since_ms = number(&l, INT64_MAX);
	x.read_ms = number(&l, INT64_MAX);
	word(&l, x.run, sizeof(x.run), true);
	word(&l, x.run_before, sizeof(x.run_before), true);
	x.is_refusing = flag(&l);
	x.silent_ms = number(&l, INT64_MAX);
	x.is_silent = x.silent_ms != 0;
	x.is_flapping = flag(&l);
	x.raw = state(&l);
	x.seen = state(&l);
	x.is_seen_refusing = flag(&l);
	x.n_same = counter(&l);
	x.pending = state(&l);
	x.n_unknown = counter(&l);
	x.n_refusing = counter(&l);
	changes(&l, &x);
	if (l.is_bad || l.at != l.end)
		return -EINVAL;
	*j = x;
	memcpy(node, of_node, strlen(of_node) + 1);
	memcpy(check, of_check, strlen(of_check) + 1);
	return 0;
}
