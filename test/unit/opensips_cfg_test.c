/* SPDX-License-Identifier: Apache-2.0 */
/* What is read out of configurations: those that clusters ran with
 * (test/corpus/opensips-cfg), and what else OpenSIPS' grammar allows. */
#include "codec/opensips_cfg.h"
#include "unit.h"

static struct fp_os_cfg read_text(const char *text)
{
	struct fp_os_cfg c = { 0 };
	struct fp_err e;

	if (!OK(!fp_os_cfg_read(&c, text, strlen(text), &e)))
		printf("# %s\n", e.text);
	return c;
}

static char text[16384];

static struct fp_os_cfg read_named(const char *name)
{
	char path[256];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "test/corpus/opensips-cfg/%s.cfg", name);
	f = fopen(path, "re");
	if (!OK(f))
		exit(1);
	n = fread(text, 1, sizeof(text) - 1, f);
	text[n] = 0;
	fclose(f);
	return read_text(text);
}

/* The text of that line. */
static const char *line_of(unsigned int line)
{
	static char out[256];
	const char *s = text;

	while (s && --line)
		s = strchr(s, '\n') ? strchr(s, '\n') + 1 : NULL;
	snprintf(out, sizeof(out), "%.*s", s ? (int)strcspn(s, "\n") : 0, s);
	return out;
}

TEST(the_one_that_survives)
{
	struct fp_os_cfg c = read_named("recommended-1");

	OK(c.has_dialog && c.has_replication && c.has_socket_tag);
	OK(c.has_topology_hiding && c.has_ack_rule);
	OK(!c.has_rtpengine && !c.has_local_offer && !c.has_include);
	EQ(c.auto_sync, 0);
	STR(line_of(c.line_auto_sync),
	    "modparam(\"dialog\", \"cluster_auto_sync\", 0)");
	EQ(c.n_tags, 24);
	STR(c.tag[0].name, "sip1.0");
	STR(c.tag[23].name, "sip3.7");
	for (size_t i = 0; i < c.n_tags; i++)
		OK(!c.tag[i].is_active);
	EQ(c.line_active, 0);
}

TEST(defaults_that_lose_calls)
{
	struct fp_os_cfg c = read_named("default-1");
	size_t n_active = 0;

	EQ(c.auto_sync, 1);
	EQ(c.line_auto_sync, 0);
	OK(!c.has_ack_rule && c.has_replication && c.has_socket_tag);
	for (size_t i = 0; i < c.n_tags; i++)
		n_active += c.tag[i].is_active;
	EQ(n_active, 8);
	STR(line_of(c.line_active),
	    "modparam(\"clusterer\", \"sharing_tag\", \"sip1.0/1=active\")");
}

TEST(a_pair)
{
	struct fp_os_cfg c = read_named("pair");

	EQ(c.n_tags, 1);
	STR(c.tag[0].name, "service");
	OK(c.tag[0].is_active && c.has_socket_tag && c.has_topology_hiding);
	OK(!c.has_ack_rule);
	EQ(c.auto_sync, 1);
}

TEST(media)
{
	struct fp_os_cfg c = read_named("rtpengine-local");

	OK(c.has_rtpengine && c.has_local_offer && c.has_topology_hiding);
	OK(!c.has_socket_tag && !c.has_replication && c.has_dialog);
	c = read_named("rtpengine");
	OK(c.has_rtpengine && !c.has_local_offer && c.has_topology_hiding);
	c = read_named("record-route");
	OK(c.has_rtpengine && !c.has_local_offer && !c.has_topology_hiding);
}

/* ---- comments and strings */

TEST(comments)
{
	struct fp_os_cfg c =
		read_text("# modparam(\"dialog\", \"cluster_auto_sync\", 0)\n"
			  "// modparam(\"dialog\", \"cluster_auto_sync\", 0)\n"
			  "/* a /* nested */ one\n"
			  "modparam(\"dialog\", \"cluster_auto_sync\", 0) */\n"
			  "loadmodule \"dialog.so\" # route {\n"
			  "modparam(\"dialog\", \"default_timeout\", /**/ 5)\n"
			  "modparam(\"dialog\",\n\t'cluster_auto_sync' # x\n"
			  "\t,\n  -1)");

	OK(c.has_dialog);
	EQ(c.auto_sync, -1);
	EQ(c.line_auto_sync, 7);
}

TEST(what_is_no_comment)
{
	struct fp_os_cfg c = read_text(
		"route {\n"
		"xlog(\"// \\\" /* # }\");\n"
		"xlog('/* \\');\n"
		"$var(y) = $(var(x){re.subst,/a//g}{s.select,0,#}); }\n"
		"modparam(\"dialog\", \"cluster_auto_sync\", 0)");

	EQ(c.auto_sync, 0);
	EQ(c.line_auto_sync, 5);
}

TEST(it_ends_in_the_middle)
{
	const char *const cut[] = {
		"loadmodule \"dialog.so\" /* open",
		"loadmodule \"dialog.so\" \"open \\",
		"loadmodule \"dialog.so\" modparam(\"dialog\",",
		"loadmodule \"dialog.so\" route { if (is_method(\"ACK\"",
		"loadmodule \"dialog.so\" route[x",
		"loadmodule \"dialog.so\" route { $(var(x",
		"loadmodule \"dialog.so\" socket=udp:192.0.2.1:5060",
		"loadmodule \"dialog.so\" $",
	};

	for (size_t i = 0; i < sizeof(cut) / sizeof(*cut); i++)
		OK(read_text(cut[i]).has_dialog);
}

TEST(no_configuration)
{
	const char *const others[] = { "", "\n# nothing\n",
				       "[opensips]\nsip1 fp_node_id=1\n",
				       "{\"jsonrpc\":\"2.0\"}", "route" };
	struct fp_os_cfg c;
	struct fp_err e;

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		EQ(fp_os_cfg_read(&c, others[i], strlen(others[i]), &e),
		   -EINVAL);
		HAS(e.text, "no configuration of OpenSIPS");
	}
}

TEST(includes)
{
	OK(read_text("include_file \"a.cfg\"\n").has_include);
	OK(read_text("route {\n import_file 'a.cfg'\n}").has_include);
	OK(!read_text("#include_file \"a\"\nroute {}").has_include);
}

/* ---- modules and tags */

TEST(modules_are_patterns)
{
	EQ(read_text("modparam(\"clusterer|DIALOG\", \"cluster_auto_sync\", 0)")
		   .auto_sync,
	   0);
	EQ(read_text("modparam(\"^(tm|dialog)$\", \"cluster_auto_sync\", 0)")
		   .auto_sync,
	   0);
	EQ(read_text("modparam(\"dialogs\", \"cluster_auto_sync\", 0)")
		   .auto_sync,
	   1);
	OK(read_text("loadmodule \"/usr/lib/opensips/dialog.so\"").has_dialog);
	OK(!read_text("loadmodule \"b2b_dialog.so\"").has_dialog);
	OK(!read_text("modparam(\"dialog\", \"dialog_replication_cluster\", 0)")
		    .has_replication);
}

TEST(sharing_tags)
{
	struct fp_os_cfg c = read_text(
		"modparam(\"clusterer\", \"sharing_tag\", \" a / 1 = active\")\n"
		"modparam(\"clusterer\", \"sharing_tag\", \"b/1\" '=backup')\n"
		"modparam(\"clusterer\", \"sharing_tag\", \"a/1=backup\")\n"
		"modparam(\"clusterer\", \"sharing_tag\", \"c=active\")\n"
		"modparam(\"clusterer\", \"sharing_tag\", \"d/1\")\n"
		"modparam(\"clusterer\", \"sharing_tag\", \"e/2=active\")\n");

	EQ(c.n_tags, 3);
	STR(c.tag[0].name, "a");
	OK(!c.tag[0].is_active); /* the last word counts */
	STR(c.tag[1].name, "b");
	OK(!c.tag[1].is_active);
	STR(c.tag[2].name, "e");
	OK(c.tag[2].is_active);
}

TEST(more_tags_than_are_kept)
{
	size_t n = 0;
	struct fp_os_cfg c;

	for (int i = 0; i < FP_OS_CFG_TAGS + 5; i++)
		n += (size_t)snprintf(
			text + n, sizeof(text) - n,
			"modparam(\"clusterer\",\"sharing_tag\",\"t%d/1=backup\")",
			i);
	c = read_text(text);
	EQ(c.n_tags, FP_OS_CFG_TAGS);
	STR(c.tag[FP_OS_CFG_TAGS - 1].name, "t63");
}

TEST(socket_tags)
{
	OK(read_text("loadmodule 'a'\nlisten=tls:[2001:db8::1]:5061 as "
		     "192.0.2.1\n\ttag sip\n")
		   .has_socket_tag);
	OK(!read_text("socket=bin:192.0.2.1:5566 tag x\nroute {}")
		    .has_socket_tag);
	OK(!read_text("socket=udp:192.0.2.1:5060\nroute { $var(tag) = 1; }")
		    .has_socket_tag);
	OK(!read_text(
		    "socket=udp:192.0.2.1:5060\nloadmodule 'x'\nroute { tag(); }")
		    .has_socket_tag);
}

/* ---- routes */

static bool has_ack_rule(const char *body)
{
	char cfg[1024];

	snprintf(cfg, sizeof(cfg), "route { %s }", body);
	return read_text(cfg).has_ack_rule;
}

#define TOUCH "$DLG_timeout = $DLG_timeout;"

TEST(an_ack_rule)
{
	OK(has_ack_rule("if (is_method(\"ACK\")) " TOUCH));
	OK(has_ack_rule("if(is_method(\"INVITE|ACK\")){if(1){" TOUCH "}}"));
	OK(has_ack_rule("if ($rm==\"ACK\" && has_totag()) {" TOUCH "}"));
	OK(has_ack_rule("if (!has_totag() && is_method(\"ACK\")) " TOUCH));
	OK(has_ack_rule("if (is_method('ACK')) $DLG_timeout=$DLG_timeout;"));
	OK(has_ack_rule("if (is_method(\"ACK\")) {\n$DLG_timeout += 0;}"));
	OK(has_ack_rule("if (is_method(\"ACK\") != false) " TOUCH));
	OK(has_ack_rule("if ($(rm) == \"ACK\" && is_x() == false) " TOUCH));
	OK(has_ack_rule("if (is_x(1) == 0 || is_method(\"ACK\")) " TOUCH));
	OK(has_ack_rule("switch ($rm) { case \"BYE\": exit; case \"ACK\":" TOUCH
			"}"));
}

TEST(no_ack_rule)
{
	OK(!has_ack_rule(TOUCH));
	OK(!has_ack_rule("if (is_method(\"ACK\")) t_relay(); " TOUCH));
	OK(!has_ack_rule("if (is_method(\"ACK\")) { t_relay(); } " TOUCH));
	OK(!has_ack_rule("if (!is_method(\"ACK\")) " TOUCH));
	OK(!has_ack_rule("if ($rm != \"ACK\") { " TOUCH " }"));
	OK(!has_ack_rule("if (is_method(\"ACK\") == false) {" TOUCH "}"));
	OK(!has_ack_rule("if (is_method(\"ACK\")==0 && x()) {" TOUCH "}"));
	OK(!has_ack_rule("if (is_method(\"ACK\") != true) {" TOUCH "}"));
	OK(!has_ack_rule("if ((x() && is_method(\"ACK\")) == false) " TOUCH));
	OK(!has_ack_rule("if (!(x() && is_method(\"ACK\"))) " TOUCH));
	OK(!has_ack_rule("if (not (x() && is_method(\"ACK\"))) " TOUCH));
	OK(!has_ack_rule("if (is_method(\"BACK\")) " TOUCH));
	OK(!has_ack_rule("if (is_method(\"ACK\")) { $DLG_timeout == 3; }"));
	OK(!has_ack_rule("if (is_method(\"ACK\")) { } else { " TOUCH " }"));
	OK(!has_ack_rule("switch ($rm) { case \"ACK\": exit; default: " TOUCH
			 "}"));
	OK(!has_ack_rule("# if (is_method(\"ACK\")) " TOUCH "\n"));
	OK(!read_text("local_route { if (is_method(\"ACK\")) " TOUCH " }")
		    .has_ack_rule);
}

TEST(an_ack_rule_that_is_called)
{
	OK(read_text("route { if (is_method(\"ACK\")) route(a); }\n"
		     "route[a] { route(\"b\", 1); }\nroute[b] {" TOUCH "}")
		   .has_ack_rule);
	OK(!read_text("route { if (is_method(\"BYE\")) route(a); }\n"
		      "route[a] { route(b); }\nroute[b] {" TOUCH "}")
		    .has_ack_rule);
	/* one that calls itself */
	OK(!read_text("route[a] { route(b); }\nroute[b] { route(a); " TOUCH "}")
		    .has_ack_rule);
}

TEST(a_local_offer)
{
	OK(read_text("local_route{if(1)rtpengine_offer();}").has_local_offer);
	OK(read_text("local_route { if (has_body('application/sdp') && "
		     "rtpengine_manage()) exit; }")
		   .has_local_offer);
	OK(read_text("route[m] { rtpengine_offer(); }\n"
		     "local_route { if (route(m)) { xlog(\"x\"); } }")
		   .has_local_offer);
	OK(!read_text("local_route { rtpengine_delete(); }\n"
		      "route[m] { rtpengine_offer(); }\nroute { route(m); }")
		    .has_local_offer);
	OK(!read_text("failure_route[m] { rtpengine_offer(); }\n"
		      "local_route { route(m); }")
		    .has_local_offer);
	OK(!read_text("local_route { # rtpengine_offer();\n }")
		    .has_local_offer);
}

TEST(deep_blocks)
{
	size_t n = 0;

	n += (size_t)sprintf(text, "route { if (is_method(\"ACK\")) {");
	for (int i = 0; i < 200; i++)
		n += (size_t)sprintf(text + n, "{");
	n += (size_t)sprintf(text + n, TOUCH);
	for (int i = 0; i < 202; i++)
		n += (size_t)sprintf(text + n, "}");
	sprintf(text + n, "modparam(\"dialog\", \"cluster_auto_sync\", 0)");
	EQ(read_text(text).auto_sync, 0);
	OK(read_text(text).has_ack_rule);
}
