/* SPDX-License-Identifier: Apache-2.0 */
/* What a FreeSWITCH's configuration says. */
#include <stdio.h>
#include <string.h>

#include "recover/switches_priv.h"

#define LOCATE "api xml_locate configuration configuration name "

static const struct {
	const char *name, *command;
} questions[SWITCH_Q_CONFS_END - SWITCH_Q_CONF] = {
	{ "switch.conf", LOCATE "switch.conf" },
	{ "sofia.conf", LOCATE "sofia.conf" },
	{ "pre_load_modules.conf", LOCATE "pre_load_modules.conf" },
	{ "modules.conf", LOCATE "modules.conf" },
	{ "api_on_startup", "api global_getvar api_on_startup" },
};

const char *switch_conf_question(int q)
{
	return q == SWITCH_Q_SOFIA ? "api sofia status"
				   : questions[q - SWITCH_Q_CONF].command;
}

/* What is not there, or cannot be read, is not known: checks say so. */
static int known(struct switch_link *l, int code, const struct fp_err *e)
{
	const struct fp_switches *s = l->x->all;
	char line[sizeof(e->text) + 80];

	if (code == -EBADMSG && s->say) {
		snprintf(line, sizeof(line), "%s: %s", l->x->name, e->text);
		s->say(s->ctx, line);
	}
	return code == -ENOMEM ? code : 0;
}

int switch_conf_take(struct switch_link *l, int q, const struct fp_esl_frame *f,
		     struct fp_err *e)
{
	struct fp_fsconf *c =
		l->reading->parts & FP_SWITCH_CONF ? &l->conf : &l->x->conf;
	const char *body = f->kind == FP_ESL_REPLY ? f->text : f->body;
	int r;

	if (q == SWITCH_Q_SOFIA)
		r = fp_fsconf_take_status(c, body, e);
	else
		r = fp_fsconf_take(c, questions[q - SWITCH_Q_CONF].name, body,
				   strlen(body), e);
	return known(l, r, e);
}

/* ---- addresses */

static bool is_address(const char *s)
{
	struct fp_prefix p;

	return *s && !fp_prefix_parse(&p, s, strlen(s), NULL) &&
	       !strchr(s, '/');
}

/* "192.0.2.21", "autonat:192.0.2.21"; "auto" and stun servers are no address. */
static void take_address(const char *s, char out[64])
{
	static const char before[] = "autonat:";

	if (!strncmp(s, before, strlen(before)))
		s += strlen(before);
	if (is_address(s))
		snprintf(out, 64, "%s", s);
}

static const struct fp_fsprofile *main_profile(const struct fp_fsconf *c)
{
	for (size_t i = 0; i < c->n_profiles; i++)
		if (c->profile[i].is_running)
			return &c->profile[i];
	return c->n_profiles ? c->profile : NULL;
}

static void take_addresses(struct fp_switch *x)
{
	const struct fp_fsprofile *p = main_profile(&x->conf);

	if (!p)
		return;
	if (!fp_inventory_var(x->host, "fp_rtp"))
		take_address(p->rtp_ip, x->rtp_ip);
	snprintf(x->adv_ip, sizeof(x->adv_ip), "%s", x->rtp_ip);
	take_address(p->ext_rtp_ip, x->adv_ip);
}

void switch_conf_done(struct switch_link *l, unsigned int parts)
{
	if (parts & FP_SWITCH_CONF) {
		fp_fsconf_fini(&l->x->conf);
		l->x->conf = l->conf;
		take_addresses(l->x);
	} else {
		fp_fsconf_fini(&l->conf);
	}
	l->conf = (struct fp_fsconf){ .n_profiles = 0 };
}

void switch_conf_free(struct switch_link *l)
{
	fp_fsconf_fini(&l->conf);
	fp_fsconf_fini(&l->x->conf);
}
