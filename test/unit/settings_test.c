/* SPDX-License-Identifier: Apache-2.0 */
#include "model/settings.h"

#include <sys/stat.h>

#include "io/clock.h"
#include "unit.h"

static struct fp_settings settings;

/* What a value reads back as, or "no" when it is refused. */
static const char *set(const char *word)
{
	static struct fp_buf b;
	enum fp_setting key = FP_SET_N;
	struct fp_err e = { 0 };

	b.len = 0;
	fp_settings_default(&settings);
	if (fp_settings_set(&settings, word, &key, &e))
		return *e.text ? "no" : "no message";
	fp_settings_print(&settings, key, &b);
	return fp_buf_str(&b);
}

TEST(defaults)
{
	struct fp_buf b = { 0 };

	fp_settings_default(&settings);
	for (int k = 0; k < FP_SET_N; k++) {
		fp_buf_printf(&b, "%s=", fp_setting_keys[k].name);
		fp_settings_print(&settings, (enum fp_setting)k, &b);
		fp_buf_str_add(&b, "\n");
	}
	STR(fp_buf_str(&b), "guard-ports=none\nlists=enforce\n"
			    "malformed=observe\nmax-hashed=4000000\n"
			    "sample=1\nsip-ports=5060-5061\n"
			    "stealth=observe\n");
	fp_buf_fini(&b);
}

TEST(values_read_back_in_one_form)
{
	STR(set("lists=off"), "off");
	STR(set("stealth=enforce"), "enforce");
	STR(set("malformed=observe"), "observe");
	STR(set("sample=1"), "1");
	STR(set("sample=1000"), "1000");
	STR(set("sample=all"), "all");
	STR(set("max-hashed=100000000"), "100000000");
	STR(set("sip-ports=none"), "none");
	STR(set("sip-ports=any"), "any");
	STR(set("sip-ports=0-65535"), "any");
	STR(set("sip-ports=0-65535/udp"), "0-65535/udp");
	STR(set("sip-ports=1-65535"), "1-65535");
	STR(set("sip-ports=5061,5060"), "5060-5061");
	STR(set("sip-ports=5060,5060-5062,5061"), "5060-5062");
	STR(set("sip-ports=5060/udp,5060/tcp"), "5060");
	STR(set("sip-ports=5060/udp,5060-5062/tcp"), "5060,5061-5062/tcp");
	STR(set("guard-ports=0"), "0");
	STR(set("guard-ports=65535/tcp"), "65535/tcp");
	STR(set("guard-ports=31-33,63/udp,64/udp"), "31-33,63-64/udp");
}

TEST(what_is_no_value)
{
	static const char *const words[] = {
		"",
		"=",
		"lists",
		"lists=",
		"lists=on",
		"lists=OFF",
		"list=off",
		"lists =off",
		"Lists=off",
		"stealth=enforced",
		"sample=0",
		"sample=1001",
		"sample=01",
		"sample=-1",
		"sample=",
		"sample=4294967296",
		"sample=1 ",
		"sample=99999999999999999999",
		"max-hashed=0",
		"max-hashed=100000001",
		"max-hashed=1e6",
		"sip-ports=",
		"sip-ports=65536",
		"sip-ports=5060,",
		"sip-ports=,5060",
		"sip-ports=5061-5060",
		"sip-ports=5060-",
		"sip-ports=-5060",
		"sip-ports=05060",
		"sip-ports=5060/",
		"sip-ports=5060/ud",
		"sip-ports=5060/udpx",
		"sip-ports=5060 ",
		"sip-ports=5060/udp/tcp",
		"sip-ports=any,5060",
		"sip-ports=none,5060",
		"guard-ports=Any",
		"guard-ports=100000",
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (!STR(set(words[i]), "no"))
			printf("# %s\n", words[i]);
}

TEST(a_refused_value_changes_nothing)
{
	struct fp_settings other;

	fp_settings_default(&other);
	set("sip-ports=5080,oops");
	OK(!memcmp(&settings, &other, sizeof(other)));
}

TEST(equal_is_by_key)
{
	struct fp_settings other;

	fp_settings_default(&other);
	set("sip-ports=5060-5062");
	OK(!fp_settings_equal(&settings, &other, FP_SET_SIP_PORTS));
	OK(fp_settings_equal(&settings, &other, FP_SET_GUARD_PORTS));
	OK(fp_settings_equal(&settings, &other, FP_SET_LISTS));
}

/* ---- the file */

static char dir[] = "/tmp/settings_test.XXXXXX";

static void put(const char *text)
{
	char path[64];
	FILE *f;

	snprintf(path, sizeof(path), "%s/settings", dir);
	f = fopen(path, "w");
	if (f) {
		fputs(text, f);
		fclose(f);
	}
}

static const char *get(const char *name)
{
	static char text[4096];
	char path[64];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	f = fopen(path, "r");
	if (!f)
		return NULL;
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	return text;
}

static void clean(void)
{
	char path[64];

	snprintf(path, sizeof(path), "%s/settings", dir);
	unlink(path);
	rmdir(dir);
}

static void keep_bad(void *ctx, const char *text)
{
	struct fp_buf *b = ctx;

	fp_buf_printf(b, "%s\n", text);
}

TEST(a_file_that_is_not_there_is_all_defaults)
{
	struct fp_settings other;
	struct fp_err e;

	if (!OK(mkdtemp(dir)))
		return;
	fp_settings_default(&other);
	EQ(fp_settings_read(&settings, dir, NULL, NULL, &e), 0);
	OK(!memcmp(&settings, &other, sizeof(other)));
	clean();
}

TEST(written_sorted_and_read_back)
{
	struct fp_settings other;
	struct fp_err e;

	if (!OK(mkdtemp(dir)))
		return;
	set("guard-ports=any");
	settings.sample = 8;
	settings.stealth = FP_ENFORCE;
	EQ(fp_settings_write(&settings, dir, &e), 0);
	STR(get("settings"), "guard-ports=any\nlists=enforce\n"
			     "malformed=observe\nmax-hashed=4000000\n"
			     "sample=8\nsip-ports=5060-5061\n"
			     "stealth=enforce\n");
	OK(!get("settings.tmp"));
	EQ(fp_settings_read(&other, dir, NULL, NULL, &e), 0);
	OK(!memcmp(&settings, &other, sizeof(other)));
	clean();
}

TEST(bad_lines_are_named_and_left_out)
{
	struct fp_buf bad = { 0 };
	struct fp_err e;

	if (!OK(mkdtemp(dir)))
		return;
	put("# comment\n\nlists=off\nsip-ports=x\nfuture=1\nstealth=enforce");
	EQ(fp_settings_read(&settings, dir, keep_bad, &bad, &e), 2);
	HAS(fp_buf_str(&bad), "settings:4: sip-ports: \"x\"");
	HAS(fp_buf_str(&bad), "settings:5: \"future\" is not a setting");
	EQ(settings.lists, FP_OFF);
	EQ(settings.stealth, FP_ENFORCE);
	EQ(settings.sip.udp[5060 / 32] >> 5060 % 32 & 1, 1);
	fp_buf_fini(&bad);
	clean();
}

TEST(a_directory_that_is_not_there)
{
	struct fp_err e;

	fp_settings_default(&settings);
	EQ(fp_settings_write(&settings, "/nonexistent", &e), -ENOENT);
	HAS(e.text, "/nonexistent/settings");
}

TEST(a_file_that_cannot_be_read)
{
	struct fp_err e;

	EQ(fp_settings_read(&settings, "/dev/null", NULL, NULL, &e), -ENOTDIR);
	HAS(e.text, "/dev/null/settings");
}

/* ---- sshd, and the maps */

static struct fp_conf conf;
static struct fp_ports ports;
static const uint16_t ssh[] = { 22, 2222 };

static bool is_in(const uint32_t *port_set, unsigned int port)
{
	return port_set[port >> 5] >> (port & 31) & 1;
}

static bool apply(const char *word)
{
	if (word)
		STR(set(word), strchr(word, '=') + 1);
	return fp_settings_apply(&settings, ssh, 2, &conf, &ports);
}

TEST(applied_once_is_enough)
{
	fp_settings_default(&settings);
	OK(apply(NULL));
	EQ(conf.lists, FP_ENFORCE);
	EQ(conf.stealth, FP_OBSERVE);
	EQ(conf.malformed, FP_OBSERVE);
	EQ(conf.sample_ticks, 1);
	EQ(conf.max_hashed, 4000000);
	OK(is_in(ports.sip_udp, 5060) && is_in(ports.sip_tcp, 5061));
	OK(!is_in(ports.sip_udp, 5062) && !is_in(ports.guard_udp, 5060));
	OK(is_in(ports.never, 22) && is_in(ports.never, 2222));
	OK(!apply(NULL));
	OK(apply("lists=off"));
	EQ(conf.lists, FP_OFF);
	OK(!apply("lists=off"));
}

/* When add_s more seconds have gone by. */
static uint32_t since(unsigned int check, int add_s, const char *word)
{
	fp_clock_turn(add_s * 1000);
	fp_settings_set(&settings, word, NULL, NULL);
	fp_settings_apply(&settings, ssh, 2, &conf, &ports);
	return conf.observing_s[check];
}

TEST(since_when_a_check_observes)
{
	uint32_t stealth, malformed;

	fp_settings_default(&settings);
	stealth = since(0, 0, "lists=off");
	malformed = conf.observing_s[1];
	OK(stealth && malformed);
	EQ(since(0, 100, "lists=enforce"), stealth);
	EQ(since(1, 0, "stealth=off"), malformed);
	EQ(conf.observing_s[0], 0);
	OK(since(0, 0, "stealth=observe") >= stealth + 100);
	EQ(conf.observing_s[1], malformed);
	EQ(since(1, 0, "malformed=enforce"), 0);
	OK(since(1, 100, "malformed=observe") >= malformed + 200);
	/* fewer ports, and TCP, are nothing new to it */
	stealth = conf.observing_s[0];
	EQ(since(0, 100, "sip-ports=5060,5080/tcp"), stealth);
	OK(since(0, 0, "sip-ports=5060,5080") >= stealth + 200);
}

TEST(any_port_but_sshds)
{
	unsigned int n = 0;

	apply("guard-ports=any");
	for (unsigned int port = 0; port < 65536; port++)
		n += is_in(ports.guard_tcp, port);
	EQ(n, 65534);
	OK(!is_in(ports.guard_tcp, 22) && !is_in(ports.guard_tcp, 2222));
	OK(is_in(ports.guard_udp, 22) && is_in(ports.guard_udp, 2222));
	OK(apply("guard-ports=none"));
	OK(!is_in(ports.guard_tcp, 80) && !is_in(ports.guard_udp, 22));
}

TEST(sshds_ports_are_in_no_set_whatever_is_named)
{
	apply("sip-ports=20-30");
	OK(is_in(ports.sip_tcp, 21) && !is_in(ports.sip_tcp, 22));
	apply("guard-ports=2000-3000");
	OK(is_in(ports.guard_tcp, 2221) && !is_in(ports.guard_tcp, 2222));
	/* it moved */
	OK(fp_settings_apply(&settings, ssh, 1, &conf, &ports));
	OK(is_in(ports.guard_tcp, 2222) && !is_in(ports.never, 2222));
}

static int check(const char *word, enum fp_setting key, struct fp_err *e)
{
	set(word);
	return fp_settings_check_ssh(&settings, key, ssh, 2, e);
}

TEST(rule_ssh)
{
	struct fp_err e;

	EQ(check("guard-ports=any", FP_SET_GUARD_PORTS, &e), 0);
	EQ(check("guard-ports=1-65535", FP_SET_GUARD_PORTS, &e), -EPERM);
	STR(e.rule, "ssh");
	HAS(e.text, "guard-ports names TCP port 22");
	EQ(check("guard-ports=2222/udp", FP_SET_GUARD_PORTS, &e), 0);
	EQ(check("guard-ports=2222/tcp", FP_SET_GUARD_PORTS, &e), -EPERM);
	HAS(e.text, "2222");
	EQ(check("sip-ports=any", FP_SET_SIP_PORTS, &e), -EPERM);
	EQ(check("sip-ports=23-2221", FP_SET_SIP_PORTS, &e), 0);
	/* another key was named */
	EQ(check("sip-ports=22", FP_SET_GUARD_PORTS, &e), 0);
	EQ(check("sip-ports=22", FP_SET_LISTS, &e), 0);
}
