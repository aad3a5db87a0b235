/* SPDX-License-Identifier: Apache-2.0 */
/* Answers of FreeSWITCH 1.10.12 about its configuration (test/fuzz/corpus/fsconf), and
 * unit files. */
#include "unit.h"

#include <errno.h>

#include "codec/fsconf.h"

#define CORPUS "test/fuzz/corpus/fsconf/"

static char text[65536];

static const char *file(const char *name)
{
	char path[256];
	FILE *f;

	snprintf(path, sizeof(path), CORPUS "%s", name);
	f = fopen(path, "r");
	if (!OK(f))
		exit(1);
	text[fread(text, 1, sizeof(text) - 1, f)] = 0;
	fclose(f);
	return text;
}

static int take(struct fp_fsconf *c, const char *name, const char *s)
{
	struct fp_err e = { .text = "" };
	int rc = fp_fsconf_take(c, name, s, strlen(s), &e);

	if (rc)
		printf("# %s\n", e.text);
	return rc;
}

TEST(switch_conf)
{
	struct fp_fsconf c = { .has_switch = false };

	EQ(take(&c, "switch.conf", file("switch.conf")), 0);
	OK(c.has_switch && !c.has_sofia && !c.has_preload && !c.has_startup);
	STR(c.switchname, "fs1");
	EQ(c.rtp_first, 20384);
	EQ(c.rtp_last, 24383);
	OK(c.is_robust);
	OK(!c.is_dsn && !c.is_pgsql);
	STR(c.core_db, "/var/lib/freeswitch/db/core.db");
	OK(c.min_idle <= 0);
	EQ(c.max_sessions, 5000);
	/* <variables>: api_on_startup */
	OK(c.is_recovering_at_start);
	fp_fsconf_fini(&c);
}

TEST(sofia_conf_and_status)
{
	struct fp_fsconf c = { .has_switch = false };
	const struct fp_fsprofile *p;
	struct fp_err e;

	EQ(take(&c, "sofia.conf", file("sofia.conf")), 0);
	OK(c.has_sofia);
	EQ(c.n_profiles, 3);
	EQ(fp_fsconf_take_status(&c, file("sofia-status"), &e), 0);
	EQ(c.n_profiles, 3);
	p = fp_fsconf_profile(&c, "internal");
	if (OK(p)) {
		OK(p->is_tracking && p->is_running && !p->is_auth_all);
		STR(p->sip_ip, "127.0.0.21");
		STR(p->rtp_ip, "127.0.0.21");
		STR(p->ext_rtp_ip, "");
		EQ(p->sip_port, 5060);
	}
	p = fp_fsconf_profile(&c, "external");
	if (OK(p)) {
		OK(!p->is_tracking && p->is_running && p->is_auth_all);
		STR(p->sip_ip, "127.0.0.21");
		STR(p->ext_rtp_ip, "192.0.2.21");
		EQ(p->sip_port, 5080);
	}
	/* it has an address that is not the host's */
	p = fp_fsconf_profile(&c, "broken");
	if (OK(p))
		OK(!p->is_running);
	OK(!fp_fsconf_profile(&c, "lan"));
	fp_fsconf_fini(&c);
}

TEST(status_alone)
{
	struct fp_fsconf c = { .has_switch = false };
	struct fp_err e;

	EQ(fp_fsconf_take_status(&c, file("sofia-status"), &e), 0);
	EQ(c.n_profiles, 2);
	if (EQ(c.n_profiles, 2)) {
		STR(c.profile[0].name, "external");
		STR(c.profile[0].sip_ip, "192.0.2.21");
		EQ(c.profile[0].sip_port, 5080);
		OK(c.profile[0].is_running);
	}
	/* it was stopped */
	EQ(fp_fsconf_take_status(
		   &c,
		   "Name\tType\tData\tState\n=====\n"
		   " a\tprofile\tsip:mod_sofia@[2001:db8::1]:5061;x\tRUNNING "
		   "(0)\n"
		   " t\tprofile\tsip:mod_sofia@192.0.2.1:5061\tRUNNING (0) "
		   "(TLS)\n=====\n2 profiles 0 aliases\n",
		   &e),
	   0);
	OK(!c.profile[0].is_running);
	EQ(c.n_profiles, 4);
	if (EQ(c.n_profiles, 4)) {
		STR(c.profile[2].sip_ip, "2001:db8::1");
		EQ(c.profile[2].sip_port, 5061);
		EQ(c.profile[3].sip_port, 0);
		OK(c.profile[3].is_running);
	}
	fp_fsconf_fini(&c);
}

TEST(no_status)
{
	struct fp_fsconf c = { .has_switch = false };
	struct fp_err e;

	EQ(fp_fsconf_take_status(&c, "", &e), -EBADMSG);
	EQ(fp_fsconf_take_status(&c, "Name\n=====\n a\tprofile", &e), -EBADMSG);
	EQ(fp_fsconf_take_status(&c, "-ERR sofia Command not found!\n", &e),
	   -ENOENT);
	STR(e.text, "sofia status: -ERR sofia Command not found!");
	EQ(c.n_profiles, 0);
}

TEST(modules)
{
	struct fp_fsconf c = { .has_switch = false };

	EQ(take(&c, "pre_load_modules.conf", file("pre_load_modules.conf")), 0);
	OK(c.has_preload && c.is_pgsql_preloaded && !c.is_pgsql_late);
	EQ(take(&c, "modules.conf", file("modules.conf")), 0);
	OK(!c.is_pgsql_late);
	EQ(take(&c, "modules.conf",
		"<configuration name=\"modules.conf\"><modules>"
		"<load module=\"mod_pgsql\"/></modules></configuration>"),
	   0);
	OK(c.is_pgsql_late);
	fp_fsconf_fini(&c);
}

TEST(what_it_does_not_have)
{
	struct fp_fsconf c = { .has_switch = false };

	EQ(take(&c, "pre_load_modules.conf", file("nosuch.conf")), -ENOENT);
	EQ(take(&c, "sofia.conf", "-ERR bad args\n"), -ENOENT);
	OK(!c.has_preload && !c.has_sofia);
	/* unset: global_getvar has nothing to say */
	EQ(take(&c, "api_on_startup", "-ERR no reply\n"), 0);
	OK(c.has_startup && !c.is_recovering_at_start);
	EQ(take(&c, "api_on_startup", "load mod_x;;fsctl recover\n"), 0);
	OK(c.is_recovering_at_start);
}

TEST(configurations_that_are_refused)
{
	static const struct {
		const char *xml, *why;
	} all[] = {
		{ "", "sofia.conf: line 1: no element found" },
		{ "<configuration name=\"switch.conf\"/>",
		  "sofia.conf: no configuration of it" },
		{ "<profiles/>", "sofia.conf: no configuration of it" },
		{ "<configuration name=\"sofia.conf\"><profiles><profile "
		  "name=\"SECRET\"></configuration>",
		  "sofia.conf: line 1: mismatched tag" },
		{ "<!DOCTYPE a [<!ENTITY b \"c\">]><configuration/>",
		  "sofia.conf: it has a DTD" },
		{ "<configuration name=\"sofia.conf\">&b;</configuration>",
		  "sofia.conf: line 1: undefined entity" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fp_fsconf c = { .has_switch = false };
		struct fp_err e = { .text = "" };

		EQ(fp_fsconf_take(&c, "sofia.conf", all[i].xml,
				  strlen(all[i].xml), &e),
		   -EBADMSG);
		STR(e.text, all[i].why);
		EQ(c.n_profiles, 0);
		OK(!c.has_sofia);
	}
}

TEST(bounds)
{
	struct fp_fsconf c = { .has_switch = false };
	char *s = text, *end = text + sizeof(text);

	s += snprintf(s, (size_t)(end - s),
		      "<configuration name=\"sofia.conf\"><profiles>");
	for (int i = 0; i < 1001; i++)
		s += snprintf(s, (size_t)(end - s), "<profile name=\"%d\"/>",
			      i);
	snprintf(s, (size_t)(end - s), "</profiles></configuration>");
	EQ(take(&c, "sofia.conf", text), -EBADMSG);
	fp_fsconf_fini(&c);
	s = text;
	for (int i = 0; i < 100; i++)
		s += snprintf(s, (size_t)(end - s),
			      "<configuration name=\"sofia.conf\">");
	EQ(take(&c, "sofia.conf", text), -EBADMSG);
	fp_fsconf_fini(&c);
}

/* A site's user agent in Latin-1 */
TEST(in_another_encoding)
{
	struct fp_fsconf c = { .has_switch = false };

	EQ(take(&c, "sofia.conf",
		"<configuration name=\"sofia.conf\"><profiles>"
		"<profile name=\"a\"><settings>"
		"<param name=\"user-agent-string\" value=\"M\xfcller\"/>"
		"<param name=\"rtp-ip\" value=\"192.0.2.1\"/>"
		"<param name=\"rtp-ip\" value=\"192.0.2.2\"/>"
		"<param name=\"sip-port\" value=\"auto\"/>"
		"</settings></profile></profiles></configuration>"),
	   0);
	if (EQ(c.n_profiles, 1)) {
		STR(c.profile->rtp_ip, "192.0.2.1");
		EQ(c.profile->sip_port, 0);
	}
	fp_fsconf_fini(&c);
}

TEST(dsns)
{
	static const struct {
		const char *dsn;
		bool is_dsn, is_pgsql;
		const char *path, *app, *core_db;
	} all[] = {
		{ "", false, false, "", "", "" },
		{ "pgsql://hostaddr=192.0.2.1 dbname=fs password='a b\\'c=' "
		  "options='-csearch_path=fs3' application_name=fs1",
		  true, true, "fs3", "fs1", "" },
		{ "pgsql://application_name = fs1 options='-c "
		  "search_path=a\\\\ b -c x=y'",
		  true, true, "a b", "fs1", "" },
		{ "PGSQL://dbname=fs", true, true, "", "", "" },
		{ "pgsql://dbname", true, true, "", "", "" },
		{ "pgsql://password='", true, true, "", "", "" },
		{ "postgresql://u:p@192.0.2.1/fs?application_name=fs%201&"
		  "options=-csearch_path%3Dfs3",
		  true, true, "fs3", "fs 1", "" },
		{ "postgres://h/fs", true, true, "", "", "" },
		{ "odbc://dsn:user:application_name=x", true, false, "", "",
		  "" },
		{ "freeswitch:user:pass", true, false, "", "", "" },
		{ "mariadb://Server=192.0.2.1;", true, false, "", "", "" },
		{ "sqlite:///var/lib/fs/core.db", false, false, "", "",
		  "/var/lib/fs/core.db" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fp_fsconf c = { .has_switch = false };

		snprintf(text, sizeof(text),
			 "<configuration name=\"switch.conf\"><settings>"
			 "<param name=\"core-db-dsn\" value=\"%.200s\"/>"
			 "</settings></configuration>",
			 all[i].dsn);
		if (strchr(all[i].dsn, '&')) { /* in XML */
			char *at = strchr(text, '&');

			memmove(at + 5, at + 1, strlen(at + 1) + 1);
			memcpy(at, "&amp;", 5);
		}
		EQ(take(&c, "switch.conf", text), 0);
		if (!EQ(c.is_dsn, all[i].is_dsn) ||
		    !EQ(c.is_pgsql, all[i].is_pgsql))
			printf("# %s\n", all[i].dsn);
		STR(c.search_path, all[i].path);
		STR(c.app, all[i].app);
		STR(c.core_db, all[i].core_db);
		fp_fsconf_fini(&c);
	}
}

TEST(plain_recover_commands)
{
	static const char *const plain[] = {
		"sofia recover",
		"SOFIA  Recover",
		"bgapi sofia recover",
		"sofia profile internal recover",
		"fsctl recover",
		"fsctl recover sofia",
		"fsctl recover sofia:internal",
		"fsctl recover sofia:fp-",
		"fsctl recover flush",
		"sofia recover flush",
		"/usr/bin/fs_cli -x 'sofia recover'",
		"/bin/sh -c \"sleep 5; fs_cli -x 'fsctl recover'\"",
		"fs_cli -x sofia\\ recover",
		"api:execute(\"sofia\", \"recover\")",
		"fsctl recover sofia:fp-1-1; sofia recover",
		"a;;sofia recover;;b",
	};
	static const char *const other[] = {
		"",
		"sofia status",
		"sofia",
		"sofia profile internal restart",
		"sofia profile recover",
		"recover",
		"fsctl",
		"fsctl pause",
		"fsctl recover sofia:fp-20260102-1",
		"fs_cli -x 'fsctl recover sofia:fp-7-1'",
		"sofia_recovery",
		"/usr/local/bin/my-sofia-recover",
	};

	for (size_t i = 0; i < sizeof(plain) / sizeof(*plain); i++)
		if (!OK(fp_fsconf_is_plain_recover(plain[i])))
			printf("# %s\n", plain[i]);
	for (size_t i = 0; i < sizeof(other) / sizeof(*other); i++)
		if (!OK(!fp_fsconf_is_plain_recover(other[i])))
			printf("# %s\n", other[i]);
}

static struct fp_fsunit unit(const char *s)
{
	struct fp_fsunit u = { .recover_at = 0 };
	struct fp_err e = { .text = "" };

	if (!EQ(fp_fsunit_parse(&u, s, strlen(s), &e), 0))
		printf("# %s\n", e.text);
	return u;
}

TEST(a_unit_file)
{
	struct fp_fsunit u = unit(file("freeswitch.service"));

	STR(u.recover_line,
	    "ExecStartPost=/bin/sh -c \"sleep 5;  fs_cli -p *** -x "
	    "'sofia recover'\"");
	EQ(u.recover_at, 10);
	STR(u.restart, "on-failure");
	EQ(u.restart_ms, 60500);
	OK(u.has_core_limit);
}

TEST(unit_lines)
{
	struct fp_fsunit u = unit("[Service]\nExecStart=/usr/bin/freeswitch");

	STR(u.recover_line, "");
	EQ(u.recover_at, 0);
	STR(u.restart, "");
	EQ(u.restart_ms, -1);
	OK(!u.has_core_limit);
	/* the last one counts, and an empty one takes all back */
	u = unit("[Unit]\nExecStart=sofia recover\n[Service]\n"
		 "ExecStartPost=fs_cli -x 'sofia recover'\n"
		 "ExecStartPost=\nRestart=always\nRestart = no\n"
		 "LimitCORE=0\nLimitCORE=infinity\n#sofia recover\n"
		 "Description=sofia recover\n");
	STR(u.recover_line, "");
	EQ(u.recover_at, 0);
	STR(u.restart, "no");
	OK(!u.has_core_limit);
	u = unit("[Service]\r\nLimitCORE=0:infinity\r\n"
		 "ExecStartPre=-/bin/true --password=a -pb -p c sofia recover");
	STR(u.recover_line, "ExecStartPre=-/bin/true -p *** -p *** -p *** "
			    "sofia recover");
	EQ(u.recover_at, 3);
	OK(u.has_core_limit);
}

TEST(restart_times)
{
	static const struct {
		const char *text;
		int64_t ms;
	} all[] = {
		{ "5", 5000 },
		{ "500ms", 500 },
		{ "1min 30s", 90000 },
		{ "1min30s", 90000 },
		{ "2 h", 7200000 },
		{ "0", 0 },
		{ "1.5s", 1500 },
		{ "infinity", INT64_MAX },
		{ "", -1 },
		{ "soon", -1 },
		{ "5 parsecs", -1 },
		{ "-5", -1 },
		{ "1e300", -1 },
		{ "100us", 0 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		snprintf(text, sizeof(text), "[Service]\nRestartSec=%s\n",
			 all[i].text);
		if (!EQ(unit(text).restart_ms, all[i].ms))
			printf("# %s\n", all[i].text);
	}
}

TEST(no_unit_file)
{
	struct fp_fsunit u;
	struct fp_err e;
	size_t n = sizeof(text) - 1;

	EQ(fp_fsunit_parse(&u, "", 0, &e), -EBADMSG);
	EQ(fp_fsunit_parse(&u, "[Unit]\na=b\n", 11, &e), -EBADMSG);
	STR(e.text, "no unit file: it has no [Service]");
	/* lines without an end, in one and in pieces */
	memset(text, 'a', n);
	memcpy(text, "[Service]\nExecStart=", 20);
	EQ(fp_fsunit_parse(&u, text, n, &e), 0);
	for (size_t i = 20; i + 1 < n; i += 2)
		memcpy(text + i, "\\\n", 2);
	EQ(fp_fsunit_parse(&u, text, n, &e), 0);
}
