/* SPDX-License-Identifier: Apache-2.0 */
/* The table of `sofia status`.
 * Source: FreeSWITCH 1.10.12 mod_sofia.c, cmd_status. */
#include <stdlib.h>
#include <string.h>

#include "codec/fsconf_priv.h"

struct word {
	const char *s;
	size_t n;
};

/* Up to a TAB or the line's end, without blanks around it. */
static struct word column(const char **s, const char *end)
{
	const char *stop = *s;
	struct word w = { *s, 0 };

	while (stop < end && *stop != '\t')
		stop++;
	*s = stop < end ? stop + 1 : end;
	while (w.s < stop && *w.s == ' ')
		w.s++;
	while (stop > w.s && (stop[-1] == ' ' || stop[-1] == '\r'))
		stop--;
	w.n = (size_t)(stop - w.s);
	return w;
}

static bool is(const struct word *w, const char *s)
{
	return w->n == strlen(s) && !memcmp(w->s, s, w->n);
}

static bool starts(const struct word *w, const char *s)
{
	return w->n >= strlen(s) && !memcmp(w->s, s, strlen(s));
}

/* "sip:mod_sofia@192.0.2.21:5060", "...@[2001:db8::1]:5060;transport=udp": what a
 * contact of it says, i.e. its ext-sip-ip if it has one. */
static void take_url(struct fp_fsprofile *p, const struct word *w)
{
	const char *end = w->s + w->n, *at = memchr(w->s, '@', w->n), *stop;
	unsigned long port = 0;

	if (!at)
		return;
	at++;
	stop = at < end && *at == '[' ? memchr(at, ']', (size_t)(end - at))
				      : NULL;
	if (stop)
		at++;
	else
		for (stop = at; stop < end && *stop != ':' && *stop != ';';)
			stop++;
	if (!*p->sip_ip)
		fp_fsconf_copy(p->sip_ip, sizeof(p->sip_ip), at,
			       (size_t)(stop - at));
	stop += stop < end && *stop == ']';
	if (p->sip_port || stop >= end || *stop != ':')
		return;
	for (stop++; stop < end && *stop >= '0' && *stop <= '9'; stop++) {
		port = port * 10 + (unsigned long)(*stop - '0');
		if (port > 65535)
			return;
	}
	p->sip_port = (uint16_t)port;
}

/* Of a profile with TLS there is a second line, or that alone. */
static int take_line(struct fp_fsconf *c, const char *s, const char *end,
		     struct fp_err *e)
{
	struct word name = column(&s, end), type = column(&s, end);
	struct word data = column(&s, end), state = column(&s, end);
	struct fp_fsprofile *p;
	char text[sizeof(p->name)];

	if (!is(&type, "profile") || !name.n)
		return 0;
	fp_fsconf_copy(text, sizeof(text), name.s, name.n);
	p = fp_fsconf_add(c, text);
	if (!p)
		return fp_err(e, -ENOMEM, "out of memory");
	p->is_running |= starts(&state, "RUNNING");
	if (!memmem(state.s, state.n, "(TLS)", 5))
		take_url(p, &data);
	return 0;
}

int fp_fsconf_take_status(struct fp_fsconf *c, const char *text,
			  struct fp_err *e)
{
	bool is_table = false, is_whole = false;
	const char *end;
	int rc = 0;

	if (!strncmp(text, "-ERR", 4))
		return fp_err(e, -ENOENT, "sofia status: %.*s",
			      (int)strcspn(text, "\r\n"), text);
	for (const char *s = text; *s; s = end + (*end != 0)) {
		end = s + strcspn(s, "\n");
		if (end - s >= 5 && !strncmp(s, "=====", 5)) {
			is_whole = is_table;
			is_table = true;
		}
	}
	if (!is_whole)
		return fp_err(e, -EBADMSG, "sofia status: no table of it");
	for (size_t i = 0; i < c->n_profiles; i++)
		c->profile[i].is_running = false;
	for (const char *s = text; !rc && *s; s = end + (*end != 0)) {
		end = s + strcspn(s, "\n");
		rc = take_line(c, s, end, e);
	}
	return rc;
}
