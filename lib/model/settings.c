/* SPDX-License-Identifier: Apache-2.0 */
#include "model/settings.h"

#include <fcntl.h>
#include <glob.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "io/clock.h"
#include "io/whole.h"
#include "model/area.h"
#include "model/settings_ports.h"

#define FP_SETTINGS_MAX (1u << 20) /* bytes of the file */
#define FP_MAX_HASHED_MAX 100000000u
#define FP_SAMPLE_MAX 1000u

const struct fp_setting_key fp_setting_keys[FP_SET_N] = {
	[FP_SET_GUARD_PORTS] = { "guard-ports", "PORTS, any or none",
				 "ports that take no packet from a blocked "
				 "source; never sshd's" },
	[FP_SET_LISTS] = { "lists", "off, observe or enforce",
			   "drop what comes from a blocked or fenced source" },
	[FP_SET_MALFORMED] = { "malformed", "off, observe or enforce",
			       "drop what is not SIP on a SIP port" },
	[FP_SET_MAX_HASHED] = { "max-hashed", "a number up to 100000000",
				"most timed and IPv6 entries" },
	[FP_SET_SAMPLE] = { "sample", "all, or ticks up to 1000",
			    "ticks of the clock between two samples of a reason" },
	[FP_SET_SIP_PORTS] = { "sip-ports", "PORTS, any or none",
			       "ports where SIP is checked" },
	[FP_SET_STEALTH] = { "stealth", "off, observe or enforce",
			     "drop OPTIONS from a source on no allow list" },
};

static const char *const fp_modes[] = {
	[FP_OFF] = "off", [FP_OBSERVE] = "observe", [FP_ENFORCE] = "enforce"
};

const char *fp_mode_name(enum fp_mode m)
{
	return m <= FP_ENFORCE ? fp_modes[m] : "-";
}

/* ---- keys and values ---- */

void fp_settings_default(struct fp_settings *s)
{
	*s = (struct fp_settings){
		.lists = FP_ENFORCE,
		.stealth = FP_OBSERVE,
		.malformed = FP_OBSERVE,
		.sample = 1,
		.max_hashed = 4000000,
	};
	fp_ports_add(&s->sip, 5060, 5061, FP_P_BOTH);
}

static int fp_mode_parse(const char *s, enum fp_mode *out)
{
	for (int m = FP_OFF; m <= FP_ENFORCE; m++)
		if (!strcmp(s, fp_modes[m])) {
			*out = (enum fp_mode)m;
			return 0;
		}
	return -EINVAL;
}

static int fp_number_parse(const char *s, uint32_t max, uint32_t *out)
{
	uint64_t v = 0;
	const char *p = s;

	for (; *p >= '0' && *p <= '9' && p - s < 10; p++)
		v = v * 10 + (uint64_t)(*p - '0');
	if (p == s || *p || !v || v > max || *s == '0')
		return -EINVAL;
	*out = (uint32_t)v;
	return 0;
}

static int fp_sample_parse(const char *s, uint32_t *out)
{
	if (strcmp(s, "all") != 0)
		return fp_number_parse(s, FP_SAMPLE_MAX, out);
	*out = 0;
	return 0;
}

static int fp_settings_value(struct fp_settings *s, enum fp_setting key,
			     const char *value)
{
	switch (key) {
	case FP_SET_GUARD_PORTS:
		return fp_ports_parse(&s->guard, value);
	case FP_SET_SIP_PORTS:
		return fp_ports_parse(&s->sip, value);
	case FP_SET_SAMPLE:
		return fp_sample_parse(value, &s->sample);
	case FP_SET_MAX_HASHED:
		return fp_number_parse(value, FP_MAX_HASHED_MAX,
				       &s->max_hashed);
	case FP_SET_LISTS:
		return fp_mode_parse(value, &s->lists);
	case FP_SET_STEALTH:
		return fp_mode_parse(value, &s->stealth);
	case FP_SET_MALFORMED:
		return fp_mode_parse(value, &s->malformed);
	default:
		return -EINVAL;
	}
}

static int fp_settings_no_key(const char *word, size_t n, struct fp_err *e)
{
	struct fp_buf names = { 0 };
	const char *text;
	int r;

	for (int k = 0; k < FP_SET_N; k++)
		fp_buf_printf(&names, " %s", fp_setting_keys[k].name);
	text = fp_buf_str(&names);
	r = fp_err(e, -EINVAL, "\"%.*s\" is not a setting:%s",
		   (int)(n < 64 ? n : 64), word, text ? text : "");
	fp_buf_fini(&names);
	return r;
}

int fp_settings_set(struct fp_settings *s, const char *word,
		    enum fp_setting *key, struct fp_err *e)
{
	size_t n = strcspn(word, "=");
	int k;

	for (k = 0; k < FP_SET_N; k++)
		if (strlen(fp_setting_keys[k].name) == n &&
		    !memcmp(fp_setting_keys[k].name, word, n))
			break;
	if (k == FP_SET_N)
		return fp_settings_no_key(word, n, e);
	if (!word[n])
		return fp_err(e, -EINVAL, "%s needs a value: %s", word,
			      fp_setting_keys[k].values);
	if (fp_settings_value(s, (enum fp_setting)k, word + n + 1))
		return fp_err(e, -EINVAL, "%s: \"%.64s\" is not %s%s",
			      fp_setting_keys[k].name, word + n + 1,
			      fp_setting_keys[k].values,
			      k == FP_SET_SIP_PORTS || k == FP_SET_GUARD_PORTS
				      ? " (5060-5061,5080/udp)"
				      : "");
	if (key)
		*key = (enum fp_setting)k;
	return 0;
}

void fp_settings_print(const struct fp_settings *s, enum fp_setting key,
		       struct fp_buf *b)
{
	switch (key) {
	case FP_SET_GUARD_PORTS:
		fp_ports_print(&s->guard, b);
		break;
	case FP_SET_SIP_PORTS:
		fp_ports_print(&s->sip, b);
		break;
	case FP_SET_SAMPLE:
		if (s->sample)
			fp_buf_printf(b, "%u", s->sample);
		else
			fp_buf_str_add(b, "all");
		break;
	case FP_SET_MAX_HASHED:
		fp_buf_printf(b, "%u", s->max_hashed);
		break;
	case FP_SET_LISTS:
		fp_buf_str_add(b, fp_mode_name(s->lists));
		break;
	case FP_SET_STEALTH:
		fp_buf_str_add(b, fp_mode_name(s->stealth));
		break;
	case FP_SET_MALFORMED:
		fp_buf_str_add(b, fp_mode_name(s->malformed));
		break;
	default:
		break;
	}
}

bool fp_settings_equal(const struct fp_settings *a, const struct fp_settings *b,
		       enum fp_setting key)
{
	struct fp_buf x = { 0 }, y = { 0 };
	bool is_equal;

	fp_settings_print(a, key, &x);
	fp_settings_print(b, key, &y);
	is_equal = !x.is_failed && !y.is_failed && x.len == y.len &&
		   (!x.len || !memcmp(x.data, y.data, x.len));
	fp_buf_fini(&x);
	fp_buf_fini(&y);
	return is_equal;
}

/* ---- the file ---- */

/* Its text, or "" without the file; free(3). */
static int fp_settings_slurp(const char *path, char **out, struct fp_err *e)
{
	int fd = open(path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK),
	    r = 0;
	struct fp_buf b = { 0 };
	ssize_t n = 1;
	char *at;

	if (fd < 0 && errno != ENOENT)
		return fp_err_sys(e, -errno, "%s", path);
	while (fd >= 0 && n > 0 && b.len < FP_SETTINGS_MAX &&
	       (at = fp_buf_room(&b, 4096))) {
		n = read(fd, at, 4096);
		b.len += n > 0 ? (size_t)n : 0;
	}
	if (n < 0)
		r = fp_err_sys(e, -errno, "%s", path);
	if (fd >= 0)
		close(fd);
	if (!r && !fp_buf_str(&b))
		r = fp_err(e, -ENOMEM, "out of memory");
	if (r)
		fp_buf_fini(&b);
	else
		*out = b.data;
	return r;
}

/* *s is what was read so far: a bad line changes nothing of it. */
static int fp_settings_line(struct fp_settings *s, const char *line, int number,
			    void (*bad)(void *ctx, const char *text), void *ctx)
{
	struct fp_err e;

	if (!*line || *line == '#' || !fp_settings_set(s, line, NULL, &e))
		return 0;
	fp_err_prefix(&e, -EINVAL, "settings:%d", number);
	if (bad)
		bad(ctx, e.text);
	return 1;
}

int fp_settings_read(struct fp_settings *s, const char *state_dir,
		     void (*bad)(void *ctx, const char *text), void *ctx,
		     struct fp_err *e)
{
	char path[PATH_MAX], *text = NULL;
	int r, n_bad = 0, number = 1;

	fp_settings_default(s);
	snprintf(path, sizeof(path), "%s/settings", state_dir);
	r = fp_settings_slurp(path, &text, e);
	if (r)
		return r;
	for (char *at = text, *end; *at; at = end, number++) {
		end = at + strcspn(at, "\n");
		if (*end)
			*end++ = 0;
		n_bad += fp_settings_line(s, at, number, bad, ctx);
	}
	free(text);
	return n_bad;
}

/* What killed writers left; nobody else writes. */
static void sweep(const char *path)
{
	char pattern[PATH_MAX + 16];
	glob_t left;

	snprintf(pattern, sizeof(pattern), "%s.??????.tmp", path);
	if (glob(pattern, GLOB_NOSORT, NULL, &left))
		return;
	for (size_t i = 0; i < left.gl_pathc; i++)
		unlink(left.gl_pathv[i]);
	globfree(&left);
}

int fp_settings_write(const struct fp_settings *s, const char *state_dir,
		      struct fp_err *e)
{
	struct fp_buf b = { 0 };
	char path[PATH_MAX];
	int r;

	for (int k = 0; k < FP_SET_N; k++) {
		fp_buf_printf(&b, "%s=", fp_setting_keys[k].name);
		fp_settings_print(s, (enum fp_setting)k, &b);
		fp_buf_str_add(&b, "\n");
	}
	snprintf(path, sizeof(path), "%s/settings", state_dir);
	sweep(path);
	r = b.is_failed ? fp_err_sys(e, -ENOMEM, "%s", path)
			: fp_whole_write(path, b.data, b.len, 0644, e);
	fp_buf_fini(&b);
	return r;
}

/* ---- sshd, and the maps ---- */

int fp_settings_check_ssh(const struct fp_settings *s, enum fp_setting key,
			  const uint16_t *ssh, size_t n_ssh, struct fp_err *e)
{
	const struct fp_port_set *set =
		key == FP_SET_GUARD_PORTS ? &s->guard : &s->sip;

	if (key != FP_SET_GUARD_PORTS && key != FP_SET_SIP_PORTS)
		return 0;
	if (key == FP_SET_GUARD_PORTS && fp_ports_are_any(set))
		return 0;
	for (size_t i = 0; i < n_ssh; i++)
		if (fp_ports_at(set, ssh[i]) & FP_P_TCP)
			return fp_refuse(
				e, "ssh",
				"%s names TCP port %u, where sshd listens",
				fp_setting_keys[key].name, ssh[i]);
	return 0;
}

static bool fp_put32(uint32_t *to, uint32_t v)
{
	if (*to == v)
		return false;
	fp_store32(to, v);
	return true;
}

static bool fp_ports_apply(const struct fp_settings *s, const uint16_t *ssh,
			   size_t n_ssh, struct fp_ports *to)
{
	uint32_t never[FP_PORT_WORDS] = { 0 };
	bool differs = false;

	for (size_t i = 0; i < n_ssh; i++)
		never[ssh[i] >> 5] |= 1u << (ssh[i] & 31);
	for (size_t i = 0; i < FP_PORT_WORDS; i++) {
		uint32_t kept = ~never[i];

		differs |= fp_put32(&to->never[i], never[i]);
		differs |= fp_put32(&to->sip_udp[i], s->sip.udp[i]);
		differs |= fp_put32(&to->sip_tcp[i], s->sip.tcp[i] & kept);
		differs |= fp_put32(&to->guard_udp[i], s->guard.udp[i]);
		differs |= fp_put32(&to->guard_tcp[i], s->guard.tcp[i] & kept);
	}
	return differs;
}

/* Does a check, which judges UDP alone, come to ports where it was not? */
static bool fp_sip_grows(const struct fp_settings *s,
			 const struct fp_ports *ports)
{
	for (size_t i = 0; i < FP_PORT_WORDS; i++)
		if (s->sip.udp[i] & ~ports->sip_udp[i])
			return true;
	return false;
}

static void fp_observing_apply(uint32_t *since_s, uint32_t was, enum fp_mode to,
			       bool is_anew)
{
	uint32_t now_s = (uint32_t)(fp_clock_ms() / 1000);

	if (to != FP_OBSERVE)
		fp_put32(since_s, 0);
	else if (was != FP_OBSERVE || !*since_s || is_anew)
		fp_put32(since_s, now_s ? now_s : 1);
}

bool fp_settings_apply(const struct fp_settings *s, const uint16_t *ssh,
		       size_t n_ssh, struct fp_conf *conf,
		       struct fp_ports *ports)
{
	bool is_anew = fp_sip_grows(s, ports);
	bool differs = fp_ports_apply(s, ssh, n_ssh, ports);

	fp_observing_apply(&conf->observing_s[0], conf->stealth, s->stealth,
			   is_anew);
	fp_observing_apply(&conf->observing_s[1], conf->malformed, s->malformed,
			   is_anew);
	differs |= fp_put32(&conf->lists, s->lists);
	differs |= fp_put32(&conf->stealth, s->stealth);
	differs |= fp_put32(&conf->malformed, s->malformed);
	differs |= fp_put32(&conf->sample_ticks, s->sample);
	differs |= fp_put32(&conf->max_hashed, s->max_hashed);
	return differs;
}
