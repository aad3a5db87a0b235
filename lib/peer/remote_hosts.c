/* SPDX-License-Identifier: Apache-2.0 */
#include "peer/remote_hosts.h"

#include <ctype.h>
#include <libssh2.h>
#include <nettle/base64.h>
#include <nettle/hmac.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "peer/remote_file.h"

#define MAX_FILE_SIZE (16 << 20)
#define MAX_BLOB 4096
#define LIBSSH2_RSA_SHA2 0x010b00 /* 1.11 signs and verifies rsa-sha2 */

/* Host key types, best first, with what libssh2 is asked for and what
 * ssh-keyscan calls them.  Never SHA-1 (RFC 8332). */
static const struct kind {
	const char *type, *methods, *scan;
} kinds[] = {
	{ "ssh-ed25519", "ssh-ed25519", "ed25519" },
	{ "ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", "ecdsa" },
	{ "ecdsa-sha2-nistp384", "ecdsa-sha2-nistp384", "ecdsa" },
	{ "ecdsa-sha2-nistp521", "ecdsa-sha2-nistp521", "ecdsa" },
	{ "ssh-rsa", "rsa-sha2-512,rsa-sha2-256", "rsa" },
};
#define N_KINDS (sizeof(kinds) / sizeof(*kinds))
#define RSA (N_KINDS - 1)

static size_t kind_of(const char *type, size_t n)
{
	size_t i = 0;

	while (i < N_KINDS &&
	       (strlen(kinds[i].type) != n || memcmp(kinds[i].type, type, n)))
		i++;
	return i;
}

/* A line of a known_hosts file that is about this host. */
struct entry {
	const char *file;
	unsigned int line;
	char mark;        /* '@': a key of an authority, '!': revoked, 0 */
	bool is_portless; /* names the host, without the port it has */
	unsigned char blob[MAX_BLOB];
	size_t blob_len;
	size_t kind; /* N_KINDS: another */
};

/* ---- names */

static bool glob(const char *p, size_t n, const char *s)
{
	for (; n && *p != '*'; p++, n--, s++)
		if (!*s || (*p != '?' && tolower((unsigned char)*p) != *s))
			return false;
	if (!n)
		return !*s;
	while (n && *p == '*')
		p++, n--;
	if (!n)
		return true;
	for (; *s; s++)
		if (glob(p, n, s))
			return true;
	return false;
}

static size_t decode64(const char *s, size_t n, unsigned char *out, size_t size)
{
	struct base64_decode_ctx c;
	size_t len = size;

	base64_decode_init(&c);
	if (BASE64_DECODE_LENGTH(n) > size ||
	    !base64_decode_update(&c, &len, out, n, s) ||
	    !base64_decode_final(&c))
		return 0;
	return len;
}

/* "|1|SALT|HASH": HMAC-SHA1 of the name, keyed by the salt. */
static bool is_hash_of(const char *p, size_t n, const char *name)
{
	unsigned char salt[64], want[64], is[SHA1_DIGEST_SIZE];
	const char *bar = memchr(p + 3, '|', n - 3);
	struct hmac_sha1_ctx c;
	size_t salt_len;

	if (!bar)
		return false;
	salt_len = decode64(p + 3, (size_t)(bar - p) - 3, salt, sizeof(salt));
	if (!salt_len || decode64(bar + 1, n - (size_t)(bar - p) - 1, want,
				  sizeof(want)) != sizeof(is))
		return false;
	hmac_sha1_set_key(&c, salt_len, salt);
	hmac_sha1_update(&c, strlen(name), (const uint8_t *)name);
	hmac_sha1_digest(&c, sizeof(is), is);
	return !memcmp(is, want, sizeof(is));
}

/* Patterns separated by commas; one that begins with '!' and matches says no. */
static bool is_for(const char *list, size_t n, const char *name)
{
	bool is_found = false;

	if (n > 3 && !memcmp(list, "|1|", 3))
		return is_hash_of(list, n, name);
	while (n) {
		const char *comma = memchr(list, ',', n);
		size_t len = comma ? (size_t)(comma - list) : n;
		bool is_not = *list == '!';

		if (glob(list + is_not, len - is_not, name)) {
			if (is_not)
				return false;
			is_found = true;
		}
		list += len + !!comma;
		n -= len + !!comma;
	}
	return is_found;
}

/* ---- files */

struct word {
	const char *s;
	size_t n;
};

static struct word next_word(const char **s, const char *end)
{
	struct word w;

	while (*s < end && (**s == ' ' || **s == '\t'))
		++*s;
	w.s = *s;
	while (*s < end && **s != ' ' && **s != '\t' && **s != '\r')
		++*s;
	w.n = (size_t)(*s - w.s);
	return w;
}

static bool is_word(struct word w, const char *s)
{
	return w.n == strlen(s) && !memcmp(w.s, s, w.n);
}

/* false: the line is empty, broken (as ssh, passed over) or not about us. */
static bool read_line(struct entry *t, const char *s, const char *end,
		      const char *name, const char *portless)
{
	struct word w = next_word(&s, end), key;

	t->mark = is_word(w, "@cert-authority") ? '@'
		  : is_word(w, "@revoked")      ? '!'
						: 0;
	if (t->mark)
		w = next_word(&s, end);
	if (!w.n || *w.s == '#' || *w.s == '@')
		return false;
	t->is_portless = !is_for(w.s, w.n, name);
	if (t->is_portless && (!portless || !is_for(w.s, w.n, portless)))
		return false;
	w = next_word(&s, end);
	key = next_word(&s, end);
	t->blob_len = decode64(key.s, key.n, t->blob, sizeof(t->blob));
	t->kind = kind_of(w.s, w.n);
	return t->blob_len > 0;
}

struct walk {
	char name[256], portless[256];
	void (*take)(void *ctx, const struct entry *t);
	void *ctx;
	struct entry t;
};

static void walk_file(struct walk *w, const char *file)
{
	struct fp_buf b = { 0 };
	const char *s, *end, *eol;

	if (fp_remote_file(&b, file, MAX_FILE_SIZE, NULL, NULL))
		return;
	w->t.file = file;
	w->t.line = 0;
	end = b.data + b.len;
	for (s = b.data; s < end; s = eol + 1) {
		eol = memchr(s, '\n', (size_t)(end - s));
		eol = eol ? eol : end;
		w->t.line++;
		if (read_line(&w->t, s, eol, w->name,
			      *w->portless ? w->portless : NULL))
			w->take(w->ctx, &w->t);
	}
	fp_buf_fini(&b);
}

static void lower(char *to, const char *s, size_t n)
{
	for (; *s && n--; s++)
		*to++ = (char)tolower((unsigned char)*s);
	*to = 0;
}

/* Every entry about the host.  As ssh does, a line without the port serves a host
 * on another port too. */
static void walk(const struct fp_remote_config *c,
		 void (*take)(void *ctx, const struct entry *t), void *ctx)
{
	struct walk *w = calloc(1, sizeof(*w));
	const char *end = strrchr(c->alias, ']');

	if (!w)
		return;
	w->take = take;
	w->ctx = ctx;
	lower(w->name, c->alias, sizeof(w->name) - 1);
	if (*c->alias == '[' && end)
		lower(w->portless, c->alias + 1, (size_t)(end - c->alias) - 1);
	for (int i = 0; i < FP_REMOTE_FILES && *c->known_hosts[i]; i++)
		walk_file(w, c->known_hosts[i]);
	free(w);
}

/* ---- what to ask for */

static void note_kind(void *ctx, const struct entry *t)
{
	if (!t->mark)
		*(unsigned int *)ctx |= 1u << t->kind;
}

void fp_hosts_prefs(const struct fp_remote_config *c, char out[FP_HOSTS_PREFS])
{
	bool has_rsa = libssh2_version(LIBSSH2_RSA_SHA2);
	unsigned int known = 0;
	size_t n = 0;

	walk(c, note_kind, &known);
	/* What libssh2 does not know is not even named: 1.10 takes it out of the
	 * list by a memcpy onto itself (session_method_pref, session.c). */
	for (int pass = 1; pass >= 0; pass--)
		for (size_t i = 0; i < (has_rsa ? N_KINDS : RSA); i++)
			if ((int)(known >> i & 1) == pass)
				n += (size_t)snprintf(out + n,
						      FP_HOSTS_PREFS - n,
						      "%s%s", n ? "," : "",
						      kinds[i].methods);
}

/* ---- the verdict */

struct verdict {
	const void *blob;
	size_t n;
	bool is_known, is_revoked;
	/* The first that is of another key, by kind, and of an authority. */
	char other[N_KINDS + 1][300], authority[300];
};

static void at(char *out, size_t size, const struct entry *t)
{
	if (!*out)
		snprintf(out, size, "%s:%u", t->file, t->line);
}

static void judge(void *ctx, const struct entry *t)
{
	struct verdict *v = ctx;
	bool is_same = t->blob_len == v->n && !memcmp(t->blob, v->blob, v->n);

	if (t->mark == '@') {
		at(v->authority, sizeof(v->authority), t);
	} else if (t->mark == '!') {
		if (is_same && !v->is_revoked)
			at(v->other[N_KINDS], sizeof(v->other[0]), t);
		v->is_revoked |= is_same;
	} else if (is_same) {
		v->is_known = true;
	} else if (!t->is_portless) {
		at(v->other[t->kind], sizeof(v->other[0]), t);
	}
}

/* OpenSSH's way to write it. */
static void fingerprint(const void *blob, size_t n, char out[64])
{
	unsigned char sum[FP_SHA256_SIZE];
	char text[BASE64_ENCODE_RAW_LENGTH(FP_SHA256_SIZE)];
	struct fp_sha256 h;

	fp_sha256_init(&h);
	fp_sha256_add(&h, blob, n);
	fp_sha256_fini(&h, sum);
	base64_encode_raw(text, sizeof(sum), sum);
	snprintf(out, 64, "SHA256:%.43s", text);
}

void fp_hosts_remedy(const struct fp_remote_config *c, const char *kind,
		     char *out, size_t size)
{
	char as[sizeof(c->alias)] = "", filter[300] = "";

	if (c->port == 22)
		snprintf(as, sizeof(as), "%s", c->host);
	else
		snprintf(as, sizeof(as), "[%.240s]:%u", c->host, c->port);
	if (strcmp(as, c->alias))
		snprintf(filter, sizeof(filter), " | sed 's/^[^ ]*/%s/'",
			 c->alias);
	snprintf(out, size, "ssh-keyscan -p %u%s%s %s%s >>%s", c->port,
		 kind ? " -t " : "", kind ? kind : "", c->host, filter,
		 *c->known_hosts[0] ? c->known_hosts[0] : "~/.ssh/known_hosts");
}

static int say_unknown(const struct fp_remote_config *c,
		       const struct verdict *v, size_t kind, const char *print,
		       struct fp_err *e)
{
	const char *scan = kind < N_KINDS ? kinds[kind].scan : NULL;
	char run[400], note[380] = "";

	fp_hosts_remedy(c, scan, run, sizeof(run));
	if (*v->authority)
		snprintf(note, sizeof(note),
			 " (the @cert-authority at %.80s is for "
			 "--ssh-command ssh only)",
			 v->authority);
	else if (*v->other[RSA])
		snprintf(note, sizeof(note),
			 " (the RSA key at %.80s is not one that libssh2 %s "
			 "can verify)",
			 v->other[RSA], libssh2_version(0));
	return fp_err(e, -ENOKEY,
		      "unknown host key %s%s; compare it with what "
		      "ssh-keygen -lf /etc/ssh/ssh_host_%s_key.pub prints "
		      "there, then run: %s",
		      print, note, scan ? scan : "*", run);
}

int fp_hosts_check(const struct fp_remote_config *c, const void *blob, size_t n,
		   struct fp_err *e)
{
	const unsigned char *b = blob;
	size_t len = n >= 4 ? (size_t)b[0] << 24 | (size_t)b[1] << 16 |
				      (size_t)b[2] << 8 | b[3]
			    : 0;
	size_t kind = n >= 4 && len <= n - 4 ? kind_of((const char *)b + 4, len)
					     : N_KINDS;
	struct verdict v = { .blob = blob, .n = n };
	const char *where = NULL;
	char print[64];

	walk(c, judge, &v);
	if (v.is_known && !v.is_revoked)
		return 0;
	fingerprint(blob, n, print);
	if (v.is_revoked)
		return fp_err(e, -EKEYREJECTED,
			      "the host's key %s is revoked at %s", print,
			      v.other[N_KINDS]);
	/* Keys of other kinds were asked for first: it has them no more. */
	if (*v.other[kind])
		where = v.other[kind];
	for (size_t i = 0; i < N_KINDS && !where; i++)
		if (*v.other[i] &&
		    (i != RSA || libssh2_version(LIBSSH2_RSA_SHA2)))
			where = v.other[i];
	if (!where)
		return say_unknown(c, &v, kind, print, e);
	return fp_err(e, -EKEYREJECTED,
		      "the host's key is not the one at %s: it is %s, of %s "
		      "port %u; if the host was installed anew, delete that "
		      "line, else somebody may be listening",
		      where, print, c->host, c->port);
}
