/* SPDX-License-Identifier: Apache-2.0 */
#include <ctype.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/spawn.h"
#include "peer/remote.h"

#define SSH_PORT 22          /* RFC 4253 4.1 */
#define ASK_TIMEOUT_MS 10000 /* a Match exec may look things up */
#define ASK_MAX_BYTES 65536

/* What is being put together. */
struct making {
	struct fp_remote_config *c;
	const struct fp_remote_hints *h;
	char word[256]; /* what ssh would be called with */
	char host_key_alias[256];
	unsigned int n_keys, n_known;
	struct fp_err *e;
};

static int set(struct making *m, char *to, size_t size, const char *s,
	       const char *what)
{
	if (strlen(s) >= size)
		return fp_err(m->e, -EINVAL, "%s is too long: %.60s...", what,
			      s);
	strcpy(to, s);
	return 0;
}
#define SET(m, to, s, what) set(m, to, sizeof(to), s, what)

/* A path with ~ and the tokens of ssh_config(5) that stand for something known
 * here.  false: it is empty, none, or has another token. */
static bool expand(const struct making *m, char *out, size_t size,
		   const char *s)
{
	const char *home = m->h->home ? m->h->home : "";
	size_t n = 0;

	if (!*s || !strcasecmp(s, "none"))
		return false;
	if (s[0] == '~' && s[1] == '/') {
		if (!*home)
			return false;
		n = (size_t)snprintf(out, size, "%s", home);
		s++;
	}
	for (; *s && n < size; s++) {
		const char *value = NULL;
		char one[8] = { *s, 0 };

		if (*s != '%')
			value = one;
		else if (s++, *s == '%')
			value = "%";
		else if (*s == 'd' && *home)
			value = home;
		else if (*s == 'h')
			value = m->c->host;
		else if (*s == 'n')
			value = m->word;
		else if (*s == 'r')
			value = m->c->user;
		else if (*s == 'p') {
			snprintf(one, sizeof(one), "%u", m->c->port);
			value = one;
		}
		if (!value)
			return false;
		n += (size_t)snprintf(out + n, size - n, "%s", value);
	}
	return n < size;
}

static void add_key(struct making *m, const char *s)
{
	char path[256];

	if (m->n_keys < FP_REMOTE_FILES && expand(m, path, sizeof(path), s) &&
	    !access(path, F_OK))
		strcpy(m->c->key[m->n_keys++], path);
}

static void add_known(struct making *m, const char *list)
{
	char *copy = strdup(list), *at = NULL, path[256];

	for (char *s = copy ? strtok_r(copy, " \t", &at) : NULL; s;
	     s = strtok_r(NULL, " \t", &at))
		if (m->n_known < FP_REMOTE_FILES &&
		    expand(m, path, sizeof(path), s))
			strcpy(m->c->known_hosts[m->n_known++], path);
	free(copy);
}

/* ---- ssh -G */

static int run_ssh(struct making *m, struct fp_buf *out)
{
	const struct fp_remote_hints *h = m->h;
	char port[8], why[200];
	const char *argv[] = { h->ssh, "-G", NULL, NULL, NULL,
			       NULL,   NULL, NULL, NULL };
	struct fp_buf err = { 0 };
	struct fp_spawn s = { .argv = argv,
			      .out = out,
			      .err = &err,
			      .max_bytes = ASK_MAX_BYTES,
			      .timeout_ms = ASK_TIMEOUT_MS };
	int n = 2, status = 0, code;

	snprintf(port, sizeof(port), "%u", h->port);
	if (h->port) {
		argv[n++] = "-p";
		argv[n++] = port;
	}
	if (h->user) {
		argv[n++] = "-l";
		argv[n++] = h->user;
	}
	argv[n] = m->word;
	code = fp_spawn_run(&s, &status, NULL);
	if (!code && status == 255 && fp_buf_str(&err) &&
	    !strstr(err.data, "usage: ssh")) {
		size_t len = strcspn(err.data, "\r\n");

		snprintf(why, sizeof(why), "%.*s", len < 190 ? (int)len : 190,
			 err.data);
		code = fp_err(m->e, -EBADMSG, "ssh -G %s: %s", m->word, why);
	} else if (code || status) {
		out->len = 0; /* it is not there, too old, or stuck */
		code = 0;
	}
	fp_buf_fini(&err);
	return code;
}

static int take_proxy(struct making *m, const char *value)
{
	if (!strcasecmp(value, "none"))
		return 0;
	return fp_err(
		m->e, -EINVAL,
		"ssh's configuration reaches %s through a proxy (%.100s), "
		"which only --ssh-command ssh does",
		m->word, value);
}

/* Settings that others depend on come first: hostname, user and port stand in
 * paths. */
static int take_first(struct making *m, const char *key, const char *value)
{
	struct fp_remote_config *c = m->c;

	if (!strcmp(key, "hostname"))
		return SET(m, c->host, value, "the host's name");
	if (!strcmp(key, "user"))
		return SET(m, c->user, value, "the user");
	if (!strcmp(key, "port"))
		c->port = (uint16_t)strtoul(value, NULL, 10);
	else if (!strcmp(key, "hostkeyalias"))
		return SET(m, m->host_key_alias, value, "HostKeyAlias");
	else if (!strcmp(key, "proxyjump") || !strcmp(key, "proxycommand"))
		return take_proxy(m, value);
	return 0;
}

static int take_second(struct making *m, const char *key, const char *value)
{
	if (!strcmp(key, "identityfile") && !m->h->key) {
		add_key(m, value);
	} else if (!strcmp(key, "identityagent")) {
		/* SSH_AUTH_SOCK and $VAR: the environment, which hints bring */
		if (!strcasecmp(value, "none"))
			*m->c->agent = 0;
		else if (strcmp(value, "SSH_AUTH_SOCK") && *value != '$' &&
			 !expand(m, m->c->agent, sizeof(m->c->agent), value))
			return fp_err(m->e, -EINVAL, "IdentityAgent %.100s",
				      value);
	} else if (!strcmp(key, "userknownhostsfile") && !m->h->known_hosts) {
		add_known(m, value);
	}
	return 0;
}

/* ssh prints it before the user's, and searches it after. */
static int take_third(struct making *m, const char *key, const char *value)
{
	if (!strcmp(key, "globalknownhostsfile") && !m->h->known_hosts)
		add_known(m, value);
	return 0;
}

static int take_lines(struct making *m, const char *text,
		      int (*take)(struct making *m, const char *key,
				  const char *value))
{
	char *copy = strdup(text), *at = NULL, *value;
	int code = copy ? 0 : fp_err(m->e, -ENOMEM, "out of memory");

	for (char *s = copy ? strtok_r(copy, "\n", &at) : NULL; s && !code;
	     s = strtok_r(NULL, "\n", &at)) {
		value = s + strcspn(s, " ");
		if (*value)
			*value++ = 0;
		code = take(m, s, value);
	}
	free(copy);
	return code;
}

static int ask_ssh(struct making *m, struct fp_buf *said)
{
	int code = run_ssh(m, said);

	if (code || !said->len)
		return code;
	if (!fp_buf_str(said))
		return fp_err(m->e, -ENOMEM, "out of memory");
	return take_lines(m, said->data, take_first);
}

/* ---- defaults and hints */

static int own_name(struct making *m)
{
	struct passwd pw, *found = NULL;
	char buf[4096];

	if (getpwuid_r(geteuid(), &pw, buf, sizeof(buf), &found) || !found)
		return fp_err(m->e, -EINVAL, "no user to log in as");
	return SET(m, m->c->user, pw.pw_name, "the user");
}

static int take_files(struct making *m)
{
	const struct fp_remote_hints *h = m->h;
	int code = 0;

	if (h->key) { /* kept even if it is not there: its absence is told */
		m->n_keys = 1;
		if (!expand(m, m->c->key[0], sizeof(m->c->key[0]), h->key))
			code = fp_err(m->e, -EINVAL, "key file %.100s", h->key);
	}
	if (h->known_hosts) {
		m->n_known = 1;
		if (!code &&
		    !expand(m, m->c->known_hosts[0],
			    sizeof(m->c->known_hosts[0]), h->known_hosts))
			code = fp_err(m->e, -EINVAL, "known_hosts file %.100s",
				      h->known_hosts);
	}
	return code;
}

static void take_defaults(struct making *m, bool is_asked)
{
	if (!is_asked && !m->h->key) {
		add_key(m, "~/.ssh/id_ed25519");
		add_key(m, "~/.ssh/id_ecdsa");
		add_key(m, "~/.ssh/id_rsa");
	}
	if (!m->n_known)
		add_known(m, "~/.ssh/known_hosts /etc/ssh/ssh_known_hosts");
}

static int name_alias(struct making *m)
{
	struct fp_remote_config *c = m->c;
	char alias[300];

	if (*m->host_key_alias)
		return SET(m, c->alias, m->host_key_alias, "HostKeyAlias");
	if (c->port == SSH_PORT)
		return SET(m, c->alias, c->host, "the host's name");
	snprintf(alias, sizeof(alias), "[%s]:%u", c->host, c->port);
	return SET(m, c->alias, alias, "the host's name");
}

/* A word that a program would take for an option, or two words. */
static int check_word(struct making *m, const char *s, const char *what)
{
	const char *p = s;

	while (*p && !isspace((unsigned char)*p) && !iscntrl((unsigned char)*p))
		p++;
	return !*s || *s == '-' || *p
		       ? fp_err(m->e, -EINVAL, "%s cannot be \"%.60s\"", what,
				s)
		       : 0;
}

static int take_hints(struct making *m)
{
	const struct fp_remote_hints *h = m->h;
	const char *word = h->address ? h->address : h->name ? h->name : "";
	int code = SET(m, m->word, word, "the host's name");

	if (!code)
		code = check_word(m, word, "the host's name");
	if (!code && h->user)
		code = check_word(m, h->user, "the user");
	if (!code && h->name)
		code = SET(m, m->c->name, h->name, "the node's name");
	if (!code)
		code = SET(m, m->c->host, word, "the host's name");
	if (!code && h->agent)
		code = SET(m, m->c->agent, h->agent, "the agent's socket");
	return code;
}

static int make(struct making *m, struct fp_buf *said)
{
	const struct fp_remote_hints *h = m->h;
	int code = take_hints(m);

	if (!code && h->ssh)
		code = ask_ssh(m, said);
	if (!code && h->user)
		code = SET(m, m->c->user, h->user, "the user");
	if (!code && !*m->c->user)
		code = own_name(m);
	if (h->port)
		m->c->port = h->port;
	if (!m->c->port)
		m->c->port = SSH_PORT;
	if (!code)
		code = take_files(m);
	if (!code && said->len)
		code = take_lines(m, said->data, take_second);
	if (!code && said->len)
		code = take_lines(m, said->data, take_third);
	if (!code)
		take_defaults(m, said->len);
	return code ? code : name_alias(m);
}

int fp_remote_config(struct fp_remote_config *out,
		     const struct fp_remote_hints *h, struct fp_err *e)
{
	struct fp_remote_config c = { .said = { .user = h->user,
						.port = h->port,
						.key = h->key,
						.known_hosts =
							h->known_hosts } };
	struct making m = { .c = &c, .h = h, .e = e };
	struct fp_buf said = { 0 };
	int code = make(&m, &said);

	fp_buf_fini(&said);
	if (!code)
		*out = c;
	return code;
}
