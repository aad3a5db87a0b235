/* SPDX-License-Identifier: Apache-2.0 */
#include "load.h"

#include <string.h>

#include "would.h"

struct rec {
	const char *key, *value, *was, *help;
};

static const struct fp_field fields[] = {
	FL_FIELD(rec, key, FP_F_STR, NULL, "setting"),
	FL_FIELD(rec, value, FP_F_STR, NULL, "its value"),
	FL_FIELD(rec, was, FP_F_STR, NULL, "before, when it was another"),
	FL_FIELD(rec, help, FP_F_STR, NULL, "what it does"),
};
static const struct fp_type type = { "setting", fields, FL_COUNT(fields) };

struct change {
	struct fp_cli *c;
	struct fp_filter *f;
	struct fp_settings to;
	bool is_named[FP_SET_N]; /* on the command line */
	bool is_asked;           /* a check begins to enforce: would tells */
	struct fl_would would;
};

static bool differs(const struct change *ch, enum fp_setting key)
{
	return !fp_settings_equal(&ch->to, &ch->f->settings, key);
}

static int print(const struct change *ch, enum fp_setting key)
{
	struct fp_buf value = { 0 }, was = { 0 };
	struct rec rec = { .key = fp_setting_keys[key].name,
			   .help = fp_setting_keys[key].help };
	int r;

	fp_settings_print(&ch->to, key, &value);
	rec.value = fp_buf_str(&value);
	if (differs(ch, key)) {
		fp_settings_print(&ch->f->settings, key, &was);
		rec.was = fp_buf_str(&was);
	}
	r = fl_record(ch->c, &type, &rec);
	fp_buf_fini(&value);
	fp_buf_fini(&was);
	return r;
}

/* Rule ssh; and any leaves sshd's ports out. */
static int check_ports(const struct change *ch, struct fp_err *e)
{
	struct fp_sshd_ports ssh;
	int r = 0;

	if (!ch->is_named[FP_SET_SIP_PORTS] &&
	    !ch->is_named[FP_SET_GUARD_PORTS])
		return 0;
	r = fp_sshd_ports(&ssh, e);
	for (int k = 0; k < FP_SET_N && !r; k++)
		if (ch->is_named[k])
			r = fp_settings_check_ssh(&ch->to, (enum fp_setting)k,
						  ssh.v, ssh.n, e);
	if (r == -EPERM && fp_cli_overrides(ch->c, "ssh")) {
		fp_log(FP_LOG_WARN, "%s: that port is left out all the same",
		       e->text);
		return 0;
	}
	return r;
}

static void say_left_out(const struct change *ch)
{
	struct fp_buf text = { 0 }, ports = { 0 };
	struct fp_sshd_ports ssh;
	const char *s;

	fp_settings_print(&ch->to, FP_SET_GUARD_PORTS, &text);
	s = fp_buf_str(&text);
	if (s && !strcmp(s, "any") && !fp_sshd_ports(&ssh, NULL)) {
		for (size_t i = 0; i < ssh.n; i++)
			fp_buf_printf(&ports, " %u", ssh.v[i]);
		s = fp_buf_str(&ports);
		fp_log(FP_LOG_NOTICE,
		       "guard-ports=any leaves out sshd's TCP ports:%s",
		       s ? s : "");
	}
	fp_buf_fini(&text);
	fp_buf_fini(&ports);
}

/* Does the check begin to drop?  Whom would it have dropped? */
static int check_mode(struct change *ch, enum fp_setting key, enum fp_mode was,
		      enum fp_mode to, struct fp_err *e)
{
	if (to != FP_ENFORCE || was == FP_ENFORCE)
		return 0;
	ch->is_asked = true;
	return fl_would(ch->c, ch->f, key, was, &ch->would, e);
}

static int check_modes(struct change *ch, struct fp_err *e)
{
	const struct fp_settings *was = &ch->f->settings;
	int r;

	r = check_mode(ch, FP_SET_STEALTH, was->stealth, ch->to.stealth, e);
	if (!r)
		r = check_mode(ch, FP_SET_MALFORMED, was->malformed,
			       ch->to.malformed, e);
	return r;
}

static bool sip_grows(const struct change *ch)
{
	for (size_t i = 0; i < FP_PORT_WORDS; i++)
		if (ch->to.sip.udp[i] & ~ch->f->settings.sip.udp[i])
			return true;
	return false;
}

/* A check that enforces, at ports where it never observed. */
static void say_unseen_ports(const struct change *ch)
{
	bool stealth = ch->to.stealth == FP_ENFORCE;
	bool malformed = ch->to.malformed == FP_ENFORCE;

	if ((stealth || malformed) && sip_grows(ch))
		fp_log(FP_LOG_WARN,
		       "sip-ports: checks that enforce at the new ones (%s%s%s) have observed nothing there: whom they drop is not known",
		       stealth ? "stealth" : "",
		       stealth && malformed ? ", " : "",
		       malformed ? "malformed" : "");
}

static void summary(const struct change *ch, bool is_changed)
{
	if (ch->is_asked)
		fp_out_counts(ch->c->out, is_changed, NULL, "sources",
			      ch->would.sources, "nodes", ch->would.nodes,
			      "dialogs", ch->would.dialogs, "forgotten",
			      ch->would.forgotten, NULL);
	else
		fp_out_summary(ch->c->out, is_changed, NULL, NULL);
}

static int apply(struct change *ch, struct fp_err *e)
{
	struct fp_buf what = { 0 };
	const char *text;
	int r;

	for (int k = 0; k < FP_SET_N; k++) {
		if (!differs(ch, (enum fp_setting)k))
			continue;
		fp_buf_printf(&what, " %s=", fp_setting_keys[k].name);
		fp_settings_print(&ch->to, (enum fp_setting)k, &what);
	}
	r = fp_filter_set(ch->f, &ch->to, e);
	text = fp_buf_str(&what);
	if (!r && text && *text)
		fp_log_change(fp_cli_get(ch->c, "why"), "set%s", text);
	fp_buf_fini(&what);
	return r;
}

static void say_bypass(const struct change *ch)
{
	struct fp_maps *maps = ch->f->node.maps;
	uint64_t left_s = maps ? fp_filter_bypass_s(fp_maps_conf(maps)) : 0;

	if (left_s)
		fp_log(FP_LOG_NOTICE,
		       "the filter is bypassed: nothing is dropped for %llu s, whatever is set",
		       (unsigned long long)left_s);
}

static int set(struct change *ch)
{
	bool is_changed = false;
	struct fp_err e = { 0 };
	int r, status = 0;

	if (ch->f->n_bad_settings)
		return fp_cli_fail(
			ch->c, -EINVAL,
			&(struct fp_err){
				.text = "the settings file has bad lines: mend it first" });
	r = check_ports(ch, &e);
	if (!r)
		r = check_modes(ch, &e);
	if (!r)
		say_unseen_ports(ch);
	if (r == -EPERM && ch->is_asked)
		summary(ch, false);
	if (r)
		return fp_cli_fail(ch->c, r, &e);
	for (int k = 0; k < FP_SET_N && !status; k++) {
		is_changed |= differs(ch, (enum fp_setting)k);
		if (ch->is_named[k])
			status = print(ch, (enum fp_setting)k);
	}
	if (!status && !ch->c->is_dry_run) {
		if (ch->is_named[FP_SET_GUARD_PORTS])
			say_left_out(ch);
		r = apply(ch, &e);
		if (r)
			return fp_cli_fail(ch->c, r, &e);
	}
	summary(ch, is_changed);
	if (status)
		return status;
	return ch->c->is_dry_run && is_changed ? FP_EXIT_NO : FP_EXIT_OK;
}

static int show(struct change *ch)
{
	int r = 0;

	for (int k = 0; k < FP_SET_N && !r; k++)
		r = print(ch, (enum fp_setting)k);
	fp_out_summary(ch->c->out, false, NULL, NULL);
	return r;
}

/* A wrong word is wrong whoever holds the lock, whatever is set. */
static int check_words(const struct fp_cli *c, struct fp_err *e)
{
	struct fp_settings scratch;
	int r = 0;

	fp_settings_default(&scratch);
	for (int i = 0; i < c->argc && !r; i++)
		r = fp_settings_set(&scratch, c->argv[i], NULL, e);
	return r;
}

static void read_words(struct change *ch)
{
	enum fp_setting key;

	ch->to = ch->f->settings;
	for (int i = 0; i < ch->c->argc; i++)
		if (!fp_settings_set(&ch->to, ch->c->argv[i], &key, NULL))
			ch->is_named[key] = true;
}

int fl_set(struct fp_cli *c)
{
	struct fp_filter f;
	struct change ch = { .c = c, .f = &f };
	struct fp_err e = { 0 };
	int r;

	if (check_words(c, &e))
		return fp_cli_usage(c, "%s", e.text);
	r = fp_out_check(c->out, &type, &e);
	if (!r)
		r = fl_open(c, c->argc ? FL_CHANGE : FL_LOOK, &f, &e);
	if (r)
		return fp_cli_fail(c, r, &e);
	read_words(&ch);
	say_bypass(&ch);
	r = c->argc ? set(&ch) : show(&ch);
	fp_filter_close(&f);
	return r;
}
