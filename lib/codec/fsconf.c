/* SPDX-License-Identifier: Apache-2.0 */
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/utf8.h"
#include "codec/fsconf_priv.h"

#define XML_BYTES_MAX (16u << 20)
#define PROFILES_MAX 1000
#define DEPTH_MAX 32

void fp_fsconf_copy(char *out, size_t size, const char *text, size_t n)
{
	if (n >= size)
		n = size - 1;
	memcpy(out, text, n);
	out[n] = 0;
}

static void copy(char *out, size_t size, const char *text)
{
	fp_fsconf_copy(out, size, text, strlen(text));
}

/* ---- profiles */

const struct fp_fsprofile *fp_fsconf_profile(const struct fp_fsconf *c,
					     const char *name)
{
	for (size_t i = 0; i < c->n_profiles; i++)
		if (!strcmp(c->profile[i].name, name))
			return &c->profile[i];
	return NULL;
}

struct fp_fsprofile *fp_fsconf_add(struct fp_fsconf *c, const char *name)
{
	char cut[sizeof(c->profile->name)];
	struct fp_fsprofile *p;

	copy(cut, sizeof(cut), name);
	for (size_t i = 0; i < c->n_profiles; i++)
		if (!strcmp(c->profile[i].name, cut))
			return &c->profile[i];
	if (c->n_profiles == PROFILES_MAX)
		return NULL;
	p = realloc(c->profile, (c->n_profiles + 1) * sizeof(*p));
	if (!p)
		return NULL;
	c->profile = p;
	p += c->n_profiles++;
	memset(p, 0, sizeof(*p));
	memcpy(p->name, cut, sizeof(cut));
	return p;
}

void fp_fsconf_fini(struct fp_fsconf *c)
{
	free(c->profile);
	memset(c, 0, sizeof(*c));
}

/* ---- what a <param> says */

/* As switch_true (switch_utils.h). */
static bool is_true(const char *s)
{
	static const char *const words[] = { "yes",     "on",     "true", "t",
					     "enabled", "active", "allow" };

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!strcasecmp(s, words[i]))
			return true;
	return *s && !s[strspn(s, "0123456789")] && s[strspn(s, "0")];
}

static bool is(const char *a, const char *b)
{
	return !strcasecmp(a, b);
}

/* What is no port ("auto") is 0. */
static uint16_t port(const char *s)
{
	char *end;
	unsigned long v = strtoul(s, &end, 10);

	return end == s || *end || v > 65535 ? 0 : (uint16_t)v;
}

/* switch_core.c: switch_load_core_config */
static void switch_param(struct fp_fsconf *c, const char *name,
			 const char *value)
{
	if (is(name, "switchname"))
		copy(c->switchname, sizeof(c->switchname), value);
	else if (is(name, "rtp-start-port"))
		c->rtp_first = port(value);
	else if (is(name, "rtp-end-port"))
		c->rtp_last = port(value);
	else if (is(name, "rtp-port-usage-robustness"))
		c->is_robust |= is_true(value);
	else if (is(name, "core-db-dsn"))
		fp_fsconf_dsn(c, value);
	else if (is(name, "core-db-name"))
		copy(c->core_db, sizeof(c->core_db), value);
	else if (is(name, "min-idle-cpu"))
		c->min_idle = strtod(value, NULL);
	else if (is(name, "max-sessions"))
		c->max_sessions = strtoll(value, NULL, 10);
}

/* sofia.c: config_sofia.  Of several rtp-ip calls get each in turn: the first. */
static void profile_param(struct fp_fsprofile *p, const char *name,
			  const char *value)
{
	if (is(name, "sip-ip"))
		copy(p->sip_ip, sizeof(p->sip_ip), value);
	else if (is(name, "rtp-ip") && !*p->rtp_ip)
		copy(p->rtp_ip, sizeof(p->rtp_ip), value);
	else if (is(name, "ext-rtp-ip"))
		copy(p->ext_rtp_ip, sizeof(p->ext_rtp_ip), value);
	else if (is(name, "sip-port"))
		p->sip_port = port(value);
	else if (is(name, "track-calls"))
		p->is_tracking = is_true(value);
	else if (is(name, "auth-all-packets"))
		p->is_auth_all = is_true(value);
}

/* ---- the XML */

enum node {
	NODE_OTHER,
	NODE_ROOT,
	NODE_SETTINGS,
	NODE_VARIABLES,
	NODE_MODULES,
	NODE_PROFILES,
	NODE_PROFILE,
	NODE_PROFILE_SETTINGS,
};

static const struct {
	enum node parent, node;
	const char *name;
} nodes[] = {
	{ NODE_ROOT, NODE_SETTINGS, "settings" },
	{ NODE_ROOT, NODE_VARIABLES, "variables" },
	{ NODE_ROOT, NODE_MODULES, "modules" },
	{ NODE_ROOT, NODE_PROFILES, "profiles" },
	{ NODE_PROFILES, NODE_PROFILE, "profile" },
	{ NODE_PROFILE, NODE_PROFILE_SETTINGS, "settings" },
};

struct reader {
	XML_Parser expat;
	struct fp_fsconf *c; /* NULL: it is only looked whether it is well */
	const char *name;
	bool is_switch, is_sofia, is_early;
	enum node path[DEPTH_MAX];
	unsigned int depth;
	size_t profile; /* index of the one it is in */
	int code;
	struct fp_err *e;
};

static void stop(struct reader *r, int code)
{
	if (!r->code)
		r->code = code;
	XML_StopParser(r->expat, XML_FALSE);
}

static const char *attribute(const char **attr, const char *name)
{
	for (; *attr; attr += 2)
		if (!strcmp(*attr, name))
			return attr[1];
	return "";
}

static enum node node_of(enum node parent, const char *name)
{
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++)
		if (nodes[i].parent == parent && !strcmp(nodes[i].name, name))
			return nodes[i].node;
	return NODE_OTHER;
}

static void start_profile(struct reader *r, const char *name)
{
	struct fp_fsprofile *p = fp_fsconf_add(r->c, name);

	if (p)
		r->profile = (size_t)(p - r->c->profile);
	else if (r->c->n_profiles == PROFILES_MAX)
		stop(r, fp_err(r->e, -EBADMSG, "%s: more than %d profiles",
			       r->name, PROFILES_MAX));
	else
		stop(r, fp_err(r->e, -ENOMEM, "out of memory"));
}

static void start_module(struct reader *r, const char *module)
{
	if (!is(module, "mod_pgsql") && !is(module, "mod_pgsql.so"))
		return;
	if (r->is_early)
		r->c->is_pgsql_preloaded = true;
	else
		r->c->is_pgsql_late = true;
}

/* api_on_startup is run when all is up (switch_core.c: switch_core_init_and_modload) */
static void take(struct reader *r, enum node parent, const char *element,
		 const char **attr)
{
	const char *name = attribute(attr, "name");
	const char *value = attribute(attr, "value");
	bool is_param = !strcmp(element, "param");

	if (parent == NODE_PROFILES && !strcmp(element, "profile"))
		start_profile(r, name);
	else if (parent == NODE_MODULES && !strcmp(element, "load"))
		start_module(r, attribute(attr, "module"));
	else if (parent == NODE_SETTINGS && is_param && r->is_switch)
		switch_param(r->c, name, value);
	else if (parent == NODE_VARIABLES && is(name, "api_on_startup"))
		r->c->is_recovering_at_start |=
			fp_fsconf_is_plain_recover(value);
	else if (parent == NODE_PROFILE_SETTINGS && is_param && r->is_sofia)
		profile_param(&r->c->profile[r->profile], name, value);
}

static void XMLCALL on_start(void *ctx, const char *name, const char **attr)
{
	struct reader *r = ctx;
	enum node parent = r->depth ? r->path[r->depth - 1] : NODE_OTHER;

	if (r->depth == DEPTH_MAX) {
		stop(r, fp_err(r->e, -EBADMSG, "%s: nested too deep", r->name));
		return;
	}
	if (!r->depth && (strcmp(name, "configuration") ||
			  strcmp(attribute(attr, "name"), r->name))) {
		stop(r, fp_err(r->e, -EBADMSG, "%s: no configuration of it",
			       r->name));
		return;
	}
	r->path[r->depth] = r->depth ? node_of(parent, name) : NODE_ROOT;
	r->depth++;
	if (r->c)
		take(r, parent, name, attr);
}

static void XMLCALL on_end(void *ctx, const char *name)
{
	struct reader *r = ctx;

	(void)name;
	r->depth--;
}

static void XMLCALL on_doctype(void *ctx, const char *name, const char *system,
			       const char *public, int has_internal)
{
	struct reader *r = ctx;

	(void)name, (void)system, (void)public, (void)has_internal;
	stop(r, fp_err(r->e, -EBADMSG, "%s: it has a DTD", r->name));
}

static int failed(struct reader *r)
{
	enum XML_Error why = XML_GetErrorCode(r->expat);

	if (r->code)
		return r->code;
	if (why == XML_ERROR_NO_MEMORY)
		return fp_err(r->e, -ENOMEM, "out of memory");
	return fp_err(r->e, -EBADMSG, "%s: line %lu: %s", r->name,
		      (unsigned long)XML_GetCurrentLineNumber(r->expat),
		      XML_ErrorString(why));
}

/* FreeSWITCH hands on what its files hold, in whatever encoding. */
static const char *encoding(const char *s)
{
	for (size_t n; *s; s += n)
		if (!(n = fp_utf8_len(s)))
			return "ISO-8859-1";
	return "UTF-8";
}

static int parse(struct reader *r, const char *xml)
{
	int rc = 0;

	r->depth = 0;
	r->expat = XML_ParserCreate(encoding(xml));
	if (!r->expat)
		return fp_err(r->e, -ENOMEM, "out of memory");
	XML_SetUserData(r->expat, r);
	XML_SetElementHandler(r->expat, on_start, on_end);
	XML_SetStartDoctypeDeclHandler(r->expat, on_doctype);
	if (XML_Parse(r->expat, xml, (int)strlen(xml), 1) != XML_STATUS_OK)
		rc = failed(r);
	XML_ParserFree(r->expat);
	return rc;
}

/* ---- */

/* "-ERR ...", or what xml_locate says of a name it does not know
 * (mod_commands.c: xml_locate_function). */
static bool is_missing(const char *s, size_t n)
{
	static const char none[] = "can't find anything";

	return (n >= 4 && !memcmp(s, "-ERR", 4)) ||
	       (n >= sizeof(none) - 1 && !memcmp(s, none, sizeof(none) - 1));
}

static int take_startup(struct fp_fsconf *c, const char *text)
{
	c->has_startup = true;
	c->is_recovering_at_start |= fp_fsconf_is_plain_recover(text);
	return 0;
}

static int take_xml(struct fp_fsconf *c, const char *name, const char *xml,
		    struct fp_err *e)
{
	struct reader r = { .name = name,
			    .is_switch = !strcmp(name, "switch.conf"),
			    .is_sofia = !strcmp(name, "sofia.conf"),
			    .is_early = !strcmp(name, "pre_load_modules.conf"),
			    .e = e };
	int rc = parse(&r, xml);

	if (rc)
		return rc;
	r.c = c;
	rc = parse(&r, xml);
	if (rc)
		return rc;
	c->has_switch |= r.is_switch;
	c->has_sofia |= r.is_sofia;
	c->has_preload |= r.is_early;
	return 0;
}

int fp_fsconf_take(struct fp_fsconf *c, const char *name, const char *xml,
		   size_t n, struct fp_err *e)
{
	bool is_startup = !strcmp(name, "api_on_startup");
	char *text;
	int rc;

	if (is_missing(xml, n) && is_startup)
		return take_startup(c, "");
	if (is_missing(xml, n))
		return fp_err(e, -ENOENT, "%s: it has no such configuration",
			      name);
	if (n > XML_BYTES_MAX || memchr(xml, 0, n))
		return fp_err(e, -EBADMSG, "%s: no text of at most %u bytes",
			      name, XML_BYTES_MAX);
	text = strndup(xml, n);
	if (!text)
		return fp_err(e, -ENOMEM, "out of memory");
	rc = is_startup ? take_startup(c, text) : take_xml(c, name, text, e);
	explicit_bzero(text, n);
	free(text);
	return rc;
}
