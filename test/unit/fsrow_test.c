/* SPDX-License-Identifier: Apache-2.0 */
/* Rows of table recovery, as FreeSWITCH 1.10.12 wrote them
 * (test/fuzz/corpus/fsrow). */
#include "unit.h"

#include <dirent.h>

#include "codec/fsrow.h"

#define CORPUS "test/fuzz/corpus/fsrow/"

struct text {
	char *s;
	size_t n;
};

static struct text text_of_file(const char *name)
{
	struct text t = { NULL, 0 };
	char path[512];
	FILE *f;

	snprintf(path, sizeof(path), CORPUS "%s", name);
	f = fopen(path, "r");
	if (!OK(f))
		exit(1);
	t.s = calloc(1, 1 << 20);
	t.n = fread(t.s, 1, (1 << 20) - 1, f);
	fclose(f);
	return t;
}

static struct text formatted(const char *variables)
{
	struct text t = { NULL, 0 };
	int n = asprintf(
		&t.s,
		"<cdr core-uuid=\"c1\" switchname=\"fs1\">\n"
		"  <channel_data>\n    <direction>inbound</direction>\n"
		"    <flags>1=1;4=1</flags>\n  </channel_data>\n"
		"  <variables>\n    <uuid>u1</uuid>\n%s  </variables>\n"
		"  <callflow><caller_profile><uuid>other</uuid>"
		"</caller_profile></callflow>\n</cdr>\n",
		variables);

	t.n = (size_t)n;
	return t;
}

static struct fp_fsrow parsed(const struct text *t)
{
	struct fp_fsrow r = { 0 };
	struct fp_err e;

	if (!EQ(fp_fsrow_parse(&r, t->s, t->n, &e), 0)) {
		printf("# %s\n", e.text);
		exit(1);
	}
	return r;
}

/* Rewritten; free(3). */
static struct text edited(const struct text *t,
			  const struct fp_fsrow_edit *edit)
{
	struct fp_fsrow r = parsed(t);
	struct fp_buf b = { 0 };
	struct fp_err e = { .text = "" };

	if (!EQ(fp_fsrow_rewrite(&b, &r, t->s, t->n, edit, &e), 0))
		printf("# %s\n", e.text);
	fp_fsrow_fini(&r);
	fp_buf_str(&b);
	return (struct text){ b.data, b.len };
}

static void is_same(const struct text *a, const struct text *b)
{
	OK(a->n == b->n && !memcmp(a->s, b->s, a->n));
}

TEST(a_bridged_inbound_leg)
{
	struct text t = text_of_file("A-bridged-inbound");
	struct fp_fsrow r = parsed(&t);

	STR(r.uuid, "634be068-11e2-42c6-852c-e5f658d0b240");
	STR(r.switchname, "fs1");
	STR(r.core_uuid, "cbd50a7d-2ceb-43d0-9b94-6550b00227a8");
	OK(r.is_inbound && r.is_answered && r.is_originator);
	STR(r.signal_bond, "7ecb3580-b6b5-44e2-8860-1e99a54fec6b");
	STR(r.originate_signal_bond, "");
	STR(r.bridge_to, "7ecb3580-b6b5-44e2-8860-1e99a54fec6b");
	STR(r.call_uuid, "634be068-11e2-42c6-852c-e5f658d0b240");
	STR(r.conference, "");
	STR(r.call_id, "1-24924@127.0.0.50");
	STR(r.from_tag, "24924c1");
	STR(r.to_tag, "cBreZH6DgNZFF");
	STR(r.full_from,
	    "\"caller1\" <sip:caller1@127.0.0.50:5106>;tag=24924c1");
	STR(r.full_to, "<sip:2001@127.0.0.21:5060>;tag=cBreZH6DgNZFF");
	STR(r.contact_uri, "caller1@127.0.0.50:5106");
	STR(r.req_uri, "2001@127.0.0.21:5060");
	STR(r.network_ip, "127.0.0.50");
	STR(r.via, "");
	STR(r.route, "");
	EQ(r.cseq, 1);
	OK(r.has_cseq);
	EQ(r.transport, FP_FSROW_UDP);
	STR(r.profile, "internal");
	STR(r.media_ip, "127.0.0.21");
	STR(r.advertised_ip, "127.0.0.21");
	STR(r.remote_ip, "127.0.0.50");
	EQ(r.media_port, 21884);
	EQ(r.remote_port, 21060);
	EQ(r.video_port, 0);
	STR(r.from_user, "caller1");
	STR(r.to_user, "2001");
	STR(r.context, "default");
	STR(r.app, "bridge");
	STR(r.app_data, "sofia/internal/2001@127.0.0.60:5080");
	STR(r.process_cdr, "");
	EQ(r.created_us, 1795251808243773);
	EQ(r.answered_us, 1795251808263737);
	EQ(r.traits, 0);
	EQ(r.n_apps, 2);
	STR(r.apps[0].name, "set");
	STR(r.apps[0].data, "hangup_after_bridge=true");
	STR(r.apps[1].name, "bridge");
	STR(r.apps[1].data, "sofia/internal/2001@127.0.0.60:5080");
	EQ(r.n_spans, 11);
	fp_fsrow_fini(&r);
	free(t.s);
}

TEST(an_outbound_leg)
{
	struct text t = text_of_file("B-bridged-outbound");
	struct fp_fsrow r = parsed(&t);

	OK(!r.is_inbound && r.is_answered && !r.is_originator);
	STR(r.call_uuid, "634be068-11e2-42c6-852c-e5f658d0b240");
	STR(r.signal_bond, "634be068-11e2-42c6-852c-e5f658d0b240");
	STR(r.via, "SIP/2.0/UDP 127.0.0.21;rport;branch=z9hG4bK91Q6mFmevg8Kg");
	EQ(r.transport, FP_FSROW_UDP);
	EQ(r.media_port, 23408);
	EQ(r.traits, 0);
	EQ(r.n_apps, 0);
	fp_fsrow_fini(&r);
	free(t.s);
}

TEST(a_leg_that_was_recovered)
{
	struct text t = text_of_file("B-bridged-outbound-after-recover-on-fs2");
	struct fp_fsrow r = parsed(&t);
	size_t n_via = 0;

	STR(r.switchname, "fs2");
	STR(r.media_ip, "127.0.0.22");
	EQ(r.traits, FP_FSROW_IS_RECOVERED);
	for (size_t i = 0; i < r.n_spans; i++)
		n_via += r.spans[i].place == FP_FSROW_RECOVER_VIA;
	EQ(n_via, 1);
	fp_fsrow_fini(&r);
	free(t.s);
}

TEST(one_leg_calls)
{
	struct text t = text_of_file("conference-member-1");
	struct fp_fsrow r = parsed(&t);

	STR(r.conference, "room3000");
	STR(r.conference_member_id, "2");
	STR(r.app, "conference");
	STR(r.app_data, "room3000@default");
	STR(r.signal_bond, "");
	fp_fsrow_fini(&r);
	free(t.s);
	t = text_of_file("one-leg-playback-multi-app");
	r = parsed(&t);
	STR(r.app, "playback");
	STR(r.app_data, "tone_stream://%(500,0,440);loops=4");
	OK(r.n_apps > 2);
	fp_fsrow_fini(&r);
	free(t.s);
}

/* Each captured row: nothing told, nothing changed. */
TEST(an_empty_edit_changes_nothing)
{
	struct fp_fsrow_edit none = { 0 };
	struct dirent *d;
	DIR *dir = opendir(CORPUS);
	size_t n = 0;

	while (dir && (d = readdir(dir))) {
		struct text t, got;

		if (!strchr("ABco", *d->d_name) || !strchr(d->d_name, '-'))
			continue;
		n++;
		t = text_of_file(d->d_name);
		got = edited(&t, &none);
		is_same(&got, &t);
		free(got.s);
		free(t.s);
	}
	closedir(dir);
	OK(n >= 8);
}

static const struct fp_fsrow_edit to_fs2 = {
	.media_ip = "127.0.0.2",
	.advertised_ip = "192.0.2.22",
	.profile = "inter nal",
	.media_port = 40000,
	.drop_via = true,
	.drop_bond = true,
};

/* What to_fs2 makes of an element, by another way than the code's: NULL, it stays;
 * "", it goes. */
static const char *wanted(const char *element)
{
	static const struct {
		const char *start, *want;
	} all[] = {
		{ "<local_media_ip>", "<local_media_ip>127.0.0.2" },
		{ "<local_media_port>", "<local_media_port>40000" },
		{ "<advertised_media_ip>", "<advertised_media_ip>192.0.2.22" },
		{ "<recovery_profile_name>",
		  "<recovery_profile_name>inter%20nal" },
		{ "<sip_recover_via>", "" },
		{ "<signal_bond>", "" },
		{ "<originate_signal_bond>", "" },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!strncmp(element, all[i].start, strlen(all[i].start)))
			return all[i].want;
	return NULL;
}

/* FreeSWITCH writes an element a line: the lines that differ are the elements of
 * the edit, and only in <variables>. */
static void check_lines(const struct text *t, const struct text *got)
{
	const char *a = t->s, *b = got->s, *want;
	char line[8192];
	bool is_in = false;

	for (; *a; a += *a == '\n') {
		size_t n = strcspn(a, "\n"), blank = strspn(a, " ");

		is_in = is_in ? !strstr(strndupa(a, n), "</variables>")
			      : !!strstr(strndupa(a, n), "<variables>");
		want = is_in ? wanted(a + blank) : NULL;
		if (!want)
			snprintf(line, sizeof(line), "%.*s", (int)n, a);
		else if (!*want)
			snprintf(line, sizeof(line), "%*s", (int)blank, "");
		else
			snprintf(line, sizeof(line), "%*s%s</%.*s", (int)blank,
				 "", want, (int)strcspn(want + 1, ">") + 1,
				 want + 1);
		if (!OK(!strncmp(b, line, strlen(line)))) {
			printf("# %.80s\n# %.80s\n", line, b);
			return;
		}
		b += strlen(line);
		a += n;
		OK(*a == *b);
		b += *b == '\n';
	}
	EQ(b - got->s, got->n);
}

TEST(an_edit_changes_its_elements_and_no_other_byte)
{
	struct dirent *d;
	DIR *dir = opendir(CORPUS);
	size_t n = 0;

	while (dir && (d = readdir(dir))) {
		struct text t, got;

		if (!strchr("ABco", *d->d_name) || !strchr(d->d_name, '-'))
			continue;
		n++;
		t = text_of_file(d->d_name);
		got = edited(&t, &to_fs2);
		check_lines(&t, &got);
		free(got.s);
		free(t.s);
	}
	closedir(dir);
	OK(n >= 8);
}

static void check_edit(const char *variables, const struct fp_fsrow_edit *edit,
		       const char *want)
{
	struct text t = formatted(variables), w = formatted(want);
	struct text got = edited(&t, edit);

	STR(got.s, w.s);
	free(got.s);
	free(w.s);
	free(t.s);
}

/* Addresses that begin alike, and the old one within a Call-ID, a To, an SDP. */
TEST(only_whole_elements_are_changed)
{
	const struct fp_fsrow_edit e = { .media_ip = "127.0.0.22",
					 .advertised_ip = "127.0.0.22" };

#define STAY                                                                   \
	"<sip_call_id>1%40127.0.0.2</sip_call_id>"                             \
	"<sip_full_to>%3Csip%3A2001%40127.0.0.2%3E%3Btag%3Da</sip_full_to>"    \
	"<rtp_local_sdp_str>c%3DIN%20IP4%20127.0.0.2%0D%0A"                    \
	"</rtp_local_sdp_str><remote_media_ip>127.0.0.2</remote_media_ip>"     \
	"<x_local_media_ip>127.0.0.2</x_local_media_ip>"                       \
	"<local_media_ip_x>127.0.0.2</local_media_ip_x>"                       \
	"<network_addr>127.0.0.21</network_addr>"                              \
	"<o><local_media_ip>127.0.0.2</local_media_ip></o>"
	check_edit(STAY "<local_media_ip>127.0.0.2</local_media_ip>"
			"<advertised_media_ip>127.0.0.21</advertised_media_ip>",
		   &e,
		   STAY "<local_media_ip>127.0.0.22</local_media_ip>"
			"<advertised_media_ip>127.0.0.22"
			"</advertised_media_ip>");
}

TEST(each_of_a_name_is_changed_and_the_first_counts)
{
	const struct fp_fsrow_edit e = { .media_ip = "192.0.2.9",
					 .video_port = 40002,
					 .text_port = 40004 };
	const char *twice =
		"<local_media_ip>192.0.2.1</local_media_ip>"
		"<Local_Media_IP>192.0.2.2</Local_Media_IP>"
		"<local_media_ip></local_media_ip><local_media_ip/>"
		"<local_video_ip >192.0.2.1</local_video_ip >"
		"<local_text_ip><![CDATA[192.0.2.1]]></local_text_ip>"
		"<local_video_port>1</local_video_port>"
		"<local_text_port>2</local_text_port>";
	struct text t = formatted(twice);
	struct fp_fsrow r = parsed(&t);

	STR(r.media_ip, "192.0.2.1");
	STR(r.text_ip, "192.0.2.1");
	EQ(r.n_spans, 9);
	fp_fsrow_fini(&r);
	free(t.s);
	check_edit(twice, &e,
		   "<local_media_ip>192.0.2.9</local_media_ip>"
		   "<Local_Media_IP>192.0.2.9</Local_Media_IP>"
		   "<local_media_ip>192.0.2.9</local_media_ip>"
		   "<local_media_ip>192.0.2.9</local_media_ip>"
		   "<local_video_ip >192.0.2.9</local_video_ip >"
		   "<local_text_ip>192.0.2.9</local_text_ip>"
		   "<local_video_port>40002</local_video_port>"
		   "<local_text_port>40004</local_text_port>");
}

TEST(what_is_written_is_encoded)
{
	const struct fp_fsrow_edit e = { .profile = "a&b<c>%41 +'\xc3\xbc",
					 .media_ip = "2001:db8::1" };
	struct text t =
		formatted("<recovery_profile_name>i</recovery_profile_name>"
			  "<local_media_ip>192.0.2.1</local_media_ip>");
	struct text got = edited(&t, &e);
	struct fp_fsrow r = parsed(&got);

	HAS(got.s, "<recovery_profile_name>a%26b%3Cc%3E%2541%20%2B'%C3%BC<");
	HAS(got.s, "<local_media_ip>2001%3Adb8%3A%3A1<");
	STR(r.profile, e.profile);
	STR(r.media_ip, e.media_ip);
	fp_fsrow_fini(&r);
	free(got.s);
	free(t.s);
}

/* FreeSWITCH takes <uuid> as it stands, and all others decoded. */
TEST(a_uuid_is_written_decoded)
{
	static const char xml[] =
		"<cdr><channel_data><direction>inbound</direction>"
		"</channel_data><variables><uuid>1-2%40h%26</uuid>"
		"<signal_bond>3%40h</signal_bond></variables><callflow>"
		"<caller_profile></caller_profile></callflow></cdr>";
	static const char want[] =
		"<cdr><channel_data><direction>inbound</direction>"
		"</channel_data><variables><uuid>1-2@h&amp;</uuid>"
		"<signal_bond>3%40h</signal_bond></variables><callflow>"
		"<caller_profile></caller_profile></callflow></cdr>";
	struct fp_fsrow_edit none = { 0 };
	struct fp_buf to = { .data = NULL };
	struct fp_fsrow r;
	struct fp_err e;

	EQ(fp_fsrow_parse(&r, xml, strlen(xml), &e), 0);
	STR(r.uuid, "1-2@h&");
	EQ(fp_fsrow_rewrite(&to, &r, xml, strlen(xml), &none, &e), 0);
	fp_buf_add(&to, "", 1);
	STR(to.data, want);
	fp_buf_fini(&to);
	fp_fsrow_fini(&r);
}

/* Bytes that no text of PostgreSQL's may hold would cost the whole row. */
TEST(a_uuid_that_is_no_text_stays_encoded)
{
	static const char *const uuids[] = { "7%cb35", "a%01b", "%C2%9B" };
	char xml[512];

	for (size_t i = 0; i < 3; i++) {
		struct fp_fsrow_edit none = { 0 };
		struct fp_buf to = { .data = NULL };
		struct fp_fsrow r;
		struct fp_err e;

		snprintf(xml, sizeof(xml),
			 "<cdr><channel_data><direction>inbound</direction>"
			 "</channel_data><variables><uuid>%s</uuid></variables>"
			 "<callflow><caller_profile></caller_profile>"
			 "</callflow></cdr>",
			 uuids[i]);
		EQ(fp_fsrow_parse(&r, xml, strlen(xml), &e), 0);
		EQ(fp_fsrow_rewrite(&to, &r, xml, strlen(xml), &none, &e), 0);
		fp_buf_add(&to, "", 1);
		STR(to.data, xml);
		fp_buf_fini(&to);
		fp_fsrow_fini(&r);
	}
}

TEST(what_is_not_there_is_not_made)
{
	const struct fp_fsrow_edit e = { .media_ip = "192.0.2.1",
					 .advertised_ip = "192.0.2.1",
					 .profile = "p",
					 .media_port = 1,
					 .drop_via = true,
					 .drop_bond = true };

	check_edit("", &e, "");
	check_edit("<sip_recover_via>a</sip_recover_via>"
		   "<signal_bond/><b>1</b>"
		   "<originate_signal_bond>c</originate_signal_bond>",
		   &e, "<b>1</b>");
}

/* A call that shall end dials nobody. */
TEST(its_applications_are_dropped)
{
	const struct fp_fsrow_edit e = { .drop_apps = true };
	struct text t = text_of_file("A-bridged-inbound");
	struct text got = edited(&t, &e);
	struct fp_fsrow r = parsed(&got);
	char *at = strstr(t.s, "<extension"), *end;

	EQ(r.n_apps, 0);
	end = strstr(at, "</extension>") + strlen("</extension>");
	memmove(at, end, strlen(end) + 1);
	STR(got.s, t.s);
	HAS(got.s, "<app_log>\n    <application app_name=\"set\"");
	fp_fsrow_fini(&r);
	free(got.s);
	free(t.s);
}

TEST(texts_that_no_element_may_hold)
{
	static const struct {
		struct fp_fsrow_edit edit;
		const char *why;
	} all[] = {
		{ { .media_ip = "" }, "media_ip: no address" },
		{ { .media_ip = "sip1" }, "media_ip: no address: sip1" },
		{ { .advertised_ip = "192.0.2.1 " }, "advertised_ip" },
		{ { .profile = "" }, "1 to 255 characters" },
		{ { .profile = "a\n" }, "control character" },
	};
	struct text t = formatted("");
	struct fp_fsrow r = parsed(&t);

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fp_buf b = { 0 };
		struct fp_err e = { .text = "" };

		EQ(fp_fsrow_rewrite(&b, &r, t.s, t.n, &all[i].edit, &e),
		   -EINVAL);
		HAS(e.text, all[i].why);
		EQ(b.len, 0);
	}
	fp_fsrow_fini(&r);
	free(t.s);
}

TEST(another_text_than_was_parsed)
{
	struct text t = formatted("<signal_bond>a</signal_bond>");
	struct fp_fsrow r = parsed(&t);
	struct fp_fsrow_edit none = { 0 };
	struct fp_buf b = { 0 };
	struct fp_err e = { .text = "" };

	EQ(fp_fsrow_rewrite(&b, &r, t.s, 40, &none, &e), -EINVAL);
	HAS(e.text, "not what was parsed");
	fp_fsrow_fini(&r);
	free(t.s);
}

TEST(decoded_by_percent_and_entity)
{
	struct text t = formatted(
		"<sip_call_id>a%2Bb+c%20d%zz%4&amp;&#37;41&lt;%</sip_call_id>"
		"<sip_from_tag>&#xfc;</sip_from_tag>"
		"<sip_to_tag>a%00b</sip_to_tag>"
		"<sip_network_ip><![CDATA[<&>]]></sip_network_ip>");
	struct fp_fsrow r = parsed(&t);

	/* %zz and %4 are no bytes; &#37; is a % before the decoding */
	STR(r.call_id, "a+b+c d%zz%4&A<%");
	STR(r.from_tag, "\xc3\xbc");
	STR(r.to_tag, "a");
	STR(r.network_ip, "<&>");
	fp_fsrow_fini(&r);
	free(t.s);
}

/* FreeSWITCH writes names as they are, and texts of a caller that are no UTF-8. */
TEST(what_freeswitch_reads_and_xml_forbids)
{
	static const char xml[] =
		"<cdr><channel_data><direction>outbound</direction>"
		"</channel_data><variables><a(b)@c>1</a(b)@c><uuid>u</uuid>"
		"<local_media_ip>192.0.2.1</local_media_ip></variables>"
		"<callflow><caller_profile><caller_id_name>\x01</caller_id_name>"
		"<caller_id_number>M\xfcller</caller_id_number>"
		"</caller_profile></callflow></cdr>";
	struct text t = { (char *)(uintptr_t)xml, sizeof(xml) - 1 }, got;
	const struct fp_fsrow_edit e = { .media_ip = "192.0.2.22" };
	struct fp_fsrow r = parsed(&t);

	STR(r.uuid, "u");
	STR(r.from_user, "M\xc3\xbcller");
	fp_fsrow_fini(&r);
	got = edited(&t, &e);
	EQ(got.n, t.n + 1);
	HAS(got.s, "<a(b)@c>1</a(b)@c>");
	HAS(got.s, "<local_media_ip>192.0.2.22</local_media_ip>");
	HAS(got.s, ">M\xfcller<");
	free(got.s);
}

static unsigned int traits_of(const char *variables,
			      enum fp_fsrow_transport *transport)
{
	struct text t = formatted(variables);
	struct fp_fsrow r = parsed(&t);
	unsigned int traits = r.traits;

	if (transport)
		*transport = r.transport;
	fp_fsrow_fini(&r);
	free(t.s);
	return traits;
}

#define V(NAME, VALUE) "<" NAME ">" VALUE "</" NAME ">"

TEST(traits)
{
	static const struct {
		const char *variables;
		unsigned int traits;
	} all[] = {
		{ "", 0 },
		{ V("rtp_has_crypto", "srtp%3Adtls%3AAES_CM_128_HMAC_SHA1_80"),
		  FP_FSROW_HAS_DTLS },
		{ V("rtp_has_crypto", "AES_CM_128_HMAC_SHA1_80"), 0 },
		{ V("media_webrtc", "true"), FP_FSROW_HAS_DTLS },
		{ V("switch_r_sdp", "v%3D0%0D%0Aa%3Dfingerprint%3Asha-256%20A"),
		  FP_FSROW_HAS_DTLS },
		{ V("switch_r_sdp", "v%3D0%0D%0Aa%3Dice-ufrag%3Aab")
			  V("rtp_local_sdp_str", "v%3D0%0D%0A"),
		  0 },
		{ V("switch_r_sdp", "v%3D0%0D%0Aa%3Dice-ufrag%3Aab")
			  V("rtp_local_sdp_str", "v%3D0%0Aa%3Dice-ufrag%3Acd"),
		  FP_FSROW_HAS_DTLS },
		{ V("rtp_last_audio_local_crypto_key", "1%20AES%20inline%3Ak"),
		  FP_FSROW_HAS_SDES },
		{ V("srtp_remote_video_crypto_key", "1"), FP_FSROW_HAS_SDES },
		{ V("local_video_port", "4000")
			  V("video_media_flow", "inactive"),
		  0 },
		{ V("local_video_port", "4000")
			  V("video_media_flow", "sendrecv"),
		  FP_FSROW_HAS_VIDEO },
		{ V("remote_video_port", "4000"), FP_FSROW_HAS_VIDEO },
		{ V("local_text_port", "4000"), FP_FSROW_HAS_TEXT },
		{ V("has_t38", "true"), FP_FSROW_HAS_T38 },
		{ V("switch_r_sdp", "m%3Dimage%204000%20udptl%20t38"),
		  FP_FSROW_HAS_T38 },
		{ V("switch_r_sdp", "m%3Dimage%200%20udptl%20t38"), 0 },
		{ V("remote_audio_media_flow", "sendonly"), FP_FSROW_IS_HELD },
		{ V("remote_audio_media_flow", "recvonly"), 0 },
		{ V("audio_media_flow", "sendonly"), FP_FSROW_IS_HELD },
		{ V("remote_media_ip", "0.0.0.0"), FP_FSROW_IS_HELD },
		{ V("bypass_media", "true"), FP_FSROW_IS_BYPASS },
		{ V("bypass_media", "true") V("local_media_port", "4000"), 0 },
		{ V("sip_nat_detected", "true"), FP_FSROW_IS_NAT },
		{ V("sip_nat_detected", "false"), 0 },
		{ V("recovered", "true"), FP_FSROW_IS_RECOVERED },
		{ V("dlg_req_swap_direction", "true"), FP_FSROW_IS_SWAPPED },
		{ V("sofia_session_timeout", "1800"),
		  FP_FSROW_HAS_SESSION_TIMER },
		{ V("sofia_session_timeout", "0"), 0 },
		{ V("sip_i_session_expires", "1800%3Brefresher%3Duac"),
		  FP_FSROW_HAS_SESSION_TIMER },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (!EQ(traits_of(all[i].variables, NULL), all[i].traits))
			printf("# %s\n", all[i].variables);
}

/* bypass_media and proxy_media as switch_core_media_recover_session asks for them */
TEST(media_that_is_not_ours)
{
	static const char xml[] =
		"<cdr><channel_data><direction>inbound</direction>"
		"<flags>0=1;1=1;%s</flags></channel_data><variables>"
		"<uuid>u</uuid><local_media_port>4000</local_media_port>"
		"</variables><callflow><caller_profile/></callflow></cdr>";
	static const struct {
		const char *flags;
		unsigned int traits;
	} all[] = {
		{ "17=1", FP_FSROW_IS_BYPASS },
		{ "32=1", FP_FSROW_IS_BYPASS },
		{ "17=0", 0 },
		{ "117=1", 0 },
		{ "1732=1;", 0 },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct text t = { NULL, 0 };
		struct fp_fsrow r;

		t.n = (size_t)asprintf(&t.s, xml, all[i].flags);
		r = parsed(&t);
		EQ(r.traits, all[i].traits);
		OK(r.is_answered);
		fp_fsrow_fini(&r);
		free(t.s);
	}
}

TEST(transports)
{
	static const struct {
		const char *variables;
		enum fp_fsrow_transport want;
	} all[] = {
		{ "", FP_FSROW_UDP },
		{ V("sip_via_protocol", "tcp"), FP_FSROW_TCP },
		{ V("sip_via_protocol", "wss"), FP_FSROW_WS },
		{ V("sip_via_protocol", "tls")
			  V("sip_invite_route_uri",
			    "%3Csip%3Ap%3Btransport%3DUDP%3Blr%3E"),
		  FP_FSROW_UDP },
		{ V("sip_invite_record_route", "%3Csips%3Ap%3Blr%3E"),
		  FP_FSROW_TLS },
		{ V("sip_contact_params", "transport%3Dtcp%3Bob"),
		  FP_FSROW_TCP },
		{ V("sip_contact_params", "x-transport%3Dtcp"), FP_FSROW_UDP },
		{ V("sofia_profile_url", "sip%3Aa%40b%3Btransport%3Dtls"),
		  FP_FSROW_TLS },
		/* an inbound leg's Via is the far end's */
		{ V("sip_full_via", "SIP/2.0/TCP%20192.0.2.1"), FP_FSROW_UDP },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		enum fp_fsrow_transport got = FP_FSROW_UDP;

		traits_of(all[i].variables, &got);
		if (!EQ(got, all[i].want))
			printf("# %s\n", all[i].variables);
	}
}

TEST(an_outbound_leg_by_its_via)
{
	static const char xml[] =
		"<cdr><channel_data><direction>outbound</direction>"
		"</channel_data><variables><uuid>u</uuid>"
		"<sip_via_protocol>udp</sip_via_protocol>"
		"<sip_recover_via>SIP/2.0/TLS%20192.0.2.1</sip_recover_via>"
		"</variables><callflow><caller_profile/></callflow></cdr>";
	struct text t = { (char *)(uintptr_t)xml, sizeof(xml) - 1 };
	struct fp_fsrow r = parsed(&t);

	EQ(r.transport, FP_FSROW_TLS);
	fp_fsrow_fini(&r);
}

/* The second callflow is an older one; a caller_profile within another is another's */
TEST(the_first_callflow_counts)
{
	static const char xml[] =
		"<cdr><channel_data><direction>inbound</direction>"
		"</channel_data><variables><uuid>u</uuid></variables>"
		"<variables><uuid>v</uuid><sip_cseq>7</sip_cseq></variables>"
		"<app_log><application app_name=\"log\"/></app_log>"
		"<callflow><caller_profile><origination>"
		"<caller_id_number>3</caller_id_number></origination>"
		"<caller_id_number>1</caller_id_number></caller_profile>"
		"<times><created_time>5</created_time></times></callflow>"
		"<callflow><extension><application app_name=\"park\"/>"
		"</extension><times><created_time>4</created_time></times>"
		"</callflow></cdr>";
	struct text t = { (char *)(uintptr_t)xml, sizeof(xml) - 1 };
	struct fp_fsrow r = parsed(&t);

	STR(r.uuid, "u");
	OK(!r.has_cseq);
	STR(r.from_user, "1");
	EQ(r.created_us, 5);
	EQ(r.answered_us, 0);
	EQ(r.n_apps, 0);
	fp_fsrow_fini(&r);
}

TEST(documents_that_are_refused)
{
	static const struct {
		const char *xml, *why;
		int code;
	} all[] = {
		{ "", "no element found", -EBADMSG },
		{ "{}", "line 1, column 1", -EBADMSG },
		{ "<cdr", "unclosed token", -EBADMSG },
		{ "<cdr><variables>", "no element found", -EBADMSG },
		{ "<cdr></variables>", "mismatched tag", -EBADMSG },
		{ "<a/>", "no <cdr>", -EBADMSG },
		{ "<cdr/>", "no <variables>", -EBADMSG },
		{ "<cdr><variables/></cdr>", "no variable uuid", -EBADMSG },
		{ "<cdr><variables><uuid>u</uuid></variables></cdr>",
		  "no channel_data/direction", -EBADMSG },
		{ "<cdr><channel_data><direction>inbound</direction>"
		  "</channel_data><variables><uuid>u</uuid></variables></cdr>",
		  "no callflow/caller_profile", -EBADMSG },
		{ "<cdr/><cdr/>", "junk after document element", -EBADMSG },
		{ "<!DOCTYPE cdr><cdr/>", "a DTD", -EBADMSG },
		{ "<!DOCTYPE cdr [<!ENTITY a \"aa\"><!ENTITY b \"&a;&a;\">]>"
		  "<cdr><variables><uuid>&b;</uuid></variables></cdr>",
		  "a DTD", -EBADMSG },
		{ "<!DOCTYPE cdr SYSTEM \"http://192.0.2.1/\"><cdr>&x;</cdr>",
		  "a DTD", -EBADMSG },
		{ "<cdr>&x;</cdr>", "undefined entity", -EBADMSG },
		{ "<cdr a=\"1\" a=\"2\"/>", "duplicate attribute", -EBADMSG },
	};

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		struct fp_fsrow r = { .n_apps = 7 };
		struct fp_err e = { .text = "" };

		if (!EQ(fp_fsrow_parse(&r, all[i].xml, strlen(all[i].xml), &e),
			all[i].code))
			printf("# %s\n", all[i].xml);
		HAS(e.text, all[i].why);
		EQ(r.n_apps, 7);
	}
}

TEST(an_error_shows_no_content)
{
	struct text t = formatted(
		"<rtp_last_audio_local_crypto_key>1%20AES%20inline%3ASECRET"
		"</rtp_last_audio_local_crypto_kez>");
	struct fp_fsrow r;
	struct fp_err e = { .text = "" };

	EQ(fp_fsrow_parse(&r, t.s, t.n, &e), -EBADMSG);
	STR(e.text, "its XML, line 8, column 61: mismatched tag");
	free(t.s);
}

static void repeat(struct fp_buf *b, const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		fp_buf_str_add(b, s);
}

static int parse_buf(struct fp_buf *b, const char *why)
{
	struct fp_fsrow r;
	struct fp_err e = { .text = "" };
	int rc = fp_fsrow_parse(&r, b->data, b->len, &e);

	if (!rc)
		fp_fsrow_fini(&r);
	HAS(e.text, why);
	fp_buf_fini(b);
	return rc;
}

TEST(bounds)
{
	struct fp_buf b = { 0 };

	repeat(&b, "<cdr>", 1000);
	EQ(parse_buf(&b, "nesting"), -EMSGSIZE);
	b = (struct fp_buf){ 0 };
	fp_buf_str_add(&b, "<cdr><variables>");
	repeat(&b, "<a></a>", 70000);
	fp_buf_str_add(&b, "</variables></cdr>");
	EQ(parse_buf(&b, "elements"), -EMSGSIZE);
	b = (struct fp_buf){ 0 };
	repeat(&b, "0123456789", FP_FSROW_MAX / 10 + 1);
	EQ(parse_buf(&b, "more than 4194304"), -EMSGSIZE);
}

/* All rows of a node are read and rewritten while its callers hear nothing. */
TEST(five_hundred_rows_in_no_time)
{
	struct text t = text_of_file("A-bridged-inbound");
	long start = unit_now_ms(), took;

	for (int i = 0; i < 500; i++) {
		struct text got = edited(&t, &to_fs2);

		free(got.s);
	}
	took = unit_now_ms() - start;
	printf("# 500 rows of %zu bytes in %ld ms\n", t.n, took);
	OK(took < 5000); /* sanitizers, valgrind; bench has the figure */
	free(t.s);
}
