/* SPDX-License-Identifier: Apache-2.0 */
/* Unit files of systemd, as far as they start FreeSWITCH: systemd.syntax(7),
 * systemd.service(5), systemd.exec(5), systemd.time(7). */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "codec/fsconf_priv.h"

#define LINE_MAX_BYTES 65536

/* ---- commands */

/* What ends a word: blanks, and what a shell, fs_cli or a script put around one. */
#define BETWEEN " \t\r\n\"'`;,&|(){}\\="

static const char *next_word(const char *s, size_t *n)
{
	s += *n;
	s += strspn(s, BETWEEN);
	*n = strcspn(s, BETWEEN);
	return s;
}

static bool is_word(const char *s, size_t n, const char *word)
{
	return n == strlen(word) && !strncasecmp(s, word, n);
}

/* sofia:fp-JOB-1 */
static bool is_ours(const char *s, size_t n)
{
	const char *colon = memchr(s, ':', n);

	return colon && n - (size_t)(colon + 1 - s) > 3 &&
	       !memcmp(colon + 1, "fp-", 3);
}

/* Source: FreeSWITCH 1.10.12 mod_sofia.c (sofia recover, sofia profile X recover),
 * mod_commands.c and switch_core.c (fsctl recover [TECHNOLOGY[:PROFILE]]; "flush" loses
 * what the others find). */
bool fp_fsconf_is_plain_recover(const char *command)
{
	const char *w[4];
	size_t n[4] = { 0 };

	w[0] = command;
	for (w[0] = next_word(w[0], &n[0]); n[0];
	     w[0] = next_word(w[0], &n[0])) {
		for (int i = 1; i < 4; i++) {
			n[i] = n[i - 1];
			w[i] = next_word(w[i - 1], &n[i]);
		}
		if (is_word(w[0], n[0], "sofia") &&
		    (is_word(w[1], n[1], "recover") ||
		     (is_word(w[1], n[1], "profile") &&
		      is_word(w[3], n[3], "recover"))))
			return true;
		if (is_word(w[0], n[0], "fsctl") &&
		    is_word(w[1], n[1], "recover") && !is_ours(w[2], n[2]))
			return true;
	}
	return false;
}

/* ---- lines */

struct unit {
	struct fp_fsunit *out;
	bool is_service, has_service;
	char key[32]; /* of the Exec line that recovers */
	struct fp_err *e;
};

static bool is_key(const char *s, const char *end, const char *key)
{
	return (size_t)(end - s) == strlen(key) &&
	       !memcmp(s, key, (size_t)(end - s));
}

/* The line, but no password of fs_cli's: -p WORD, -pWORD, --password=WORD. */
static void keep_line(char *out, size_t size, const char *line)
{
	size_t o = 0;

	while (*line && o + 1 < size) {
		bool is_start = !o || strchr(" \"'", out[o - 1]);
		size_t skip = !is_start                          ? 0
			      : !strncmp(line, "--password", 10) ? 10
			      : !strncmp(line, "-p", 2)          ? 2
								 : 0;

		if (!skip) {
			out[o++] = (unsigned char)*line < ' ' ? ' ' : *line;
			line++;
			continue;
		}
		line += skip;
		line += strspn(line, " \t=");
		line += strcspn(line, " \t");
		for (const char *s = "-p ***"; *s && o + 1 < size; s++)
			out[o++] = *s;
	}
	out[o] = 0;
}

static void take_exec(struct unit *u, const char *key, const char *end,
		      const char *value, const char *line, unsigned int at)
{
	if (!*value && is_key(key, end, u->key)) {
		*u->key = *u->out->recover_line = 0;
		u->out->recover_at = 0;
	}
	if (*u->out->recover_line || !fp_fsconf_is_plain_recover(value))
		return;
	keep_line(u->out->recover_line, sizeof(u->out->recover_line), line);
	u->out->recover_at = at;
	fp_fsconf_copy(u->key, sizeof(u->key), key, (size_t)(end - key));
}

/* ---- values */

static const struct {
	const char *name;
	double ms;
} units[] = {
	{ "", 1000 },  { "usec", .001 },   { "us", .001 },    { "msec", 1 },
	{ "ms", 1 },   { "seconds", 1e3 }, { "second", 1e3 }, { "sec", 1e3 },
	{ "s", 1e3 },  { "minutes", 6e4 }, { "minute", 6e4 }, { "min", 6e4 },
	{ "m", 6e4 },  { "hours", 36e5 },  { "hour", 36e5 },  { "hr", 36e5 },
	{ "h", 36e5 }, { "days", 864e5 },  { "day", 864e5 },  { "d", 864e5 },
};

/* "5", "500ms", "1min 30s", "infinity"; -1: none of these. */
static int64_t span_ms(const char *s)
{
	double sum = 0;

	if (!strcmp(s, "infinity"))
		return INT64_MAX;
	if (!*s)
		return -1;
	while (*s) {
		char *end;
		double v = *s >= '0' && *s <= '9' ? strtod(s, &end) : -1,
		       ms = -1;
		size_t n;

		if (v < 0 || v > 1e12)
			return -1;
		/* NOLINTNEXTLINE(clang-analyzer-core.*): set where v is not -1 */
		s = end + strspn(end, " ");
		n = strspn(s, "abcdefghijklmnopqrstuvwxyz");
		for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
			if (is_key(s, s + n, units[i].name))
				ms = units[i].ms;
		if (ms < 0)
			return -1;
		sum += v * ms;
		s += n + strspn(s + n, " ");
	}
	return sum > 9e15 ? INT64_MAX : (int64_t)sum;
}

/* The soft limit: "0", "0K", "0:infinity". */
static bool is_zero(const char *s)
{
	size_t n = strspn(s, "0");

	return n && (!s[n] || strchr(":KMGTPE", s[n]));
}

static void take_value(struct unit *u, char *line, unsigned int at)
{
	char *end = line + strcspn(line, " \t="), *value;

	value = end + strspn(end, " \t");
	if (*value != '=')
		return;
	value++;
	value += strspn(value, " \t");
	if (!strncmp(line, "Exec", 4))
		take_exec(u, line, end, value, line, at);
	else if (is_key(line, end, "Restart"))
		fp_fsconf_copy(u->out->restart, sizeof(u->out->restart), value,
			       strlen(value));
	else if (is_key(line, end, "RestartSec"))
		u->out->restart_ms = span_ms(value);
	else if (is_key(line, end, "LimitCORE"))
		u->out->has_core_limit = is_zero(value);
}

static void take_line(struct unit *u, char *line, unsigned int at)
{
	size_t n;

	line += strspn(line, " \t");
	n = strlen(line);
	while (n && strchr(" \t\r", line[n - 1]))
		line[--n] = 0;
	if (*line == '[') {
		u->is_service = !strcmp(line, "[Service]");
		u->has_service |= u->is_service;
	} else if (u->is_service && *line) {
		take_value(u, line, at);
	}
}

/* The next line, joined with those that a backslash at its end continues; comments
 * within are left out.  Returns where the rest begins. */
static const char *join(const char *s, const char *end, char *line,
			unsigned int *n_lines)
{
	bool goes_on = true;
	size_t n = 0;

	for (*n_lines = 0; goes_on && s < end; ++*n_lines) {
		const char *stop = memchr(s, '\n', (size_t)(end - s));
		const char *last = stop ? stop : end;
		const char *text = s;

		while (text < last && (*text == ' ' || *text == '\t'))
			text++;
		s = stop ? stop + 1 : end;
		if (text < last && (*text == '#' || *text == ';')) {
			goes_on = n > 0;
			continue;
		}
		while (last > text && (last[-1] == '\r' || last[-1] == ' '))
			last--;
		goes_on = last > text && last[-1] == '\\';
		last -= goes_on;
		for (; text < last && n + 2 < LINE_MAX_BYTES; text++)
			line[n++] = *text ? *text : ' ';
		if (goes_on && n + 2 < LINE_MAX_BYTES)
			line[n++] = ' ';
	}
	line[n] = 0;
	return s;
}

int fp_fsunit_parse(struct fp_fsunit *out, const char *text, size_t n,
		    struct fp_err *e)
{
	struct fp_fsunit made = { .restart_ms = -1 };
	struct unit u = { .out = &made, .e = e };
	const char *end = text + n;
	unsigned int at = 1, n_lines;
	char *line = malloc(LINE_MAX_BYTES + 2);

	if (!line)
		return fp_err(e, -ENOMEM, "out of memory");
	for (const char *s = text; s < end; at += n_lines) {
		s = join(s, end, line, &n_lines);
		take_line(&u, line, at);
	}
	explicit_bzero(line, LINE_MAX_BYTES + 2);
	free(line);
	if (!u.has_service)
		return fp_err(e, -EBADMSG, "no unit file: it has no [Service]");
	*out = made;
	return 0;
}
