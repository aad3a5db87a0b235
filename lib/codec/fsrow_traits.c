/* SPDX-License-Identifier: Apache-2.0 */
/* What a row says about its media and its transport.  By variables, not by the numbers
 * of <flags>, which are those of one build: of these only the lowest, that have not
 * moved since 1.0, are trusted.  Source: FreeSWITCH 1.10.12, as named below. */
#include <string.h>
#include <strings.h>

#include "codec/fsrow_priv.h"

/* switch_types.h: switch_channel_flag_t */
#define CF_PROXY_MODE 17  /* bypass_media */
#define CF_PROXY_MEDIA 32 /* proxy_media */

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

static bool is_set(const struct fsrow_raw *raw, enum fsrow_text t)
{
	return *fp_fsrow_text(raw, t);
}

static bool is_yes(const struct fsrow_raw *raw, enum fsrow_text t)
{
	return is_true(fp_fsrow_text(raw, t));
}

/* Is it a number above 0? */
static bool is_port(const struct fsrow_raw *raw, enum fsrow_text t)
{
	const char *s = fp_fsrow_text(raw, t);

	return s[strspn(s, "0")] >= '1' && s[strspn(s, "0")] <= '9';
}

/* ---- SDP */

static const char *line(const char *sdp, const char *start)
{
	size_t n = strlen(start);

	for (const char *s = sdp; *s;
	     s += strcspn(s, "\r\n"), s += strspn(s, "\r\n"))
		if (!strncasecmp(s, start, n))
			return s + n;
	return NULL;
}

/* Both ends say it: it was offered and taken.  Where one SDP is not in the row, the
 * other's word counts. */
static bool is_agreed(const struct fsrow_raw *raw, const char *start)
{
	const char *far = fp_fsrow_text(raw, FSROW_REMOTE_SDP);
	const char *own = fp_fsrow_text(raw, FSROW_LOCAL_SDP);

	return (*far || *own) && (!*far || line(far, start)) &&
	       (!*own || line(own, start));
}

static bool has_image(const char *sdp)
{
	const char *s = line(sdp, "m=image ");

	return s && *s >= '1' && *s <= '9';
}

/* ---- */

/* A DTLS session and the candidates of ICE are in no variable; what is left says that
 * they were used: rtp_has_crypto (switch_rtp.c), media_webrtc (mod_sofia.c,
 * switch_core_media.c), fingerprints and ice-ufrag in both SDPs
 * (switch_core_media.c: check_ice, generate_local_sdp). */
static bool has_dtls(const struct fsrow_raw *raw)
{
	static const char dtls[] = "srtp:dtls";

	return !strncmp(fp_fsrow_text(raw, FSROW_CRYPTO), dtls,
			sizeof(dtls) - 1) ||
	       is_yes(raw, FSROW_WEBRTC) || is_agreed(raw, "a=fingerprint:") ||
	       is_agreed(raw, "a=ice-ufrag:");
}

/* switch_core_media.c: switch_core_media_build_crypto, _add_crypto and
 * switch_core_session_get_recovery_crypto_key */
static bool has_keys(const struct fsrow_raw *raw)
{
	for (int t = FSROW_AUDIO_LOCAL_KEY; t <= FSROW_TEXT_REMOTE_KEY; t++)
		if (is_set(raw, (enum fsrow_text)t))
			return true;
	return false;
}

static bool is_flowing(const char *flow)
{
	return strcasecmp(flow, "inactive") && strcasecmp(flow, "disabled");
}

/* local_video_port is there as soon as video was offered, remote_video_port once it
 * was agreed (switch_core_media.c: negotiate_sdp). */
static bool has_video(const struct fsrow_raw *raw)
{
	return is_port(raw, FSROW_REMOTE_VIDEO_PORT) ||
	       (is_port(raw, FSROW_VIDEO_PORT) &&
		is_flowing(fp_fsrow_text(raw, FSROW_VIDEO_FLOW)));
}

static bool has_text(const struct fsrow_raw *raw)
{
	return is_port(raw, FSROW_TEXT_PORT) &&
	       is_flowing(fp_fsrow_text(raw, FSROW_TEXT_FLOW));
}

/* The mode that the far end's SDP had (RFC 3264 8.4, and the older 0.0.0.0 of RFC 2543
 * B.5), and ours (switch_core_media.c: switch_core_media_set_rmode, _set_smode). */
static bool is_held(const struct fsrow_raw *raw)
{
	const char *far = fp_fsrow_text(raw, FSROW_REMOTE_AUDIO_FLOW);

	return !strcasecmp(far, "sendonly") || !strcasecmp(far, "inactive") ||
	       !strcasecmp(fp_fsrow_text(raw, FSROW_AUDIO_FLOW), "sendonly") ||
	       !strcmp(fp_fsrow_text(raw, FSROW_REMOTE_IP), "0.0.0.0");
}

/* A dialplan sets the variables before it is so, and they may stay when it is over:
 * what switch_core_media_recover_session asks is the flag. */
static bool is_bypass(const struct fsrow_raw *raw)
{
	return fp_fsrow_flag(raw, CF_PROXY_MODE) ||
	       fp_fsrow_flag(raw, CF_PROXY_MEDIA) ||
	       (!is_port(raw, FSROW_MEDIA_PORT) &&
		(is_yes(raw, FSROW_BYPASS_MEDIA) ||
		 is_yes(raw, FSROW_PROXY_MEDIA)));
}

unsigned int fp_fsrow_traits(const struct fsrow_raw *raw)
{
	const struct {
		bool is;
		enum fp_fsrow_trait trait;
	} all[] = {
		{ has_dtls(raw), FP_FSROW_HAS_DTLS },
		{ has_keys(raw), FP_FSROW_HAS_SDES },
		{ has_video(raw), FP_FSROW_HAS_VIDEO },
		{ has_text(raw), FP_FSROW_HAS_TEXT },
		/* switch_core_media.c: switch_core_media_process_udptl */
		{ is_yes(raw, FSROW_T38) ||
			  has_image(fp_fsrow_text(raw, FSROW_REMOTE_SDP)),
		  FP_FSROW_HAS_T38 },
		{ is_held(raw), FP_FSROW_IS_HELD },
		{ is_bypass(raw), FP_FSROW_IS_BYPASS },
		/* sofia_glue.c: sofia_recover_callback */
		{ is_yes(raw, FSROW_NAT), FP_FSROW_IS_NAT },
		{ is_yes(raw, FSROW_SWAP), FP_FSROW_IS_SWAPPED },
		/* switch_channel.c: switch_channel_perform_mark_answered */
		{ is_set(raw, FSROW_RECOVERED), FP_FSROW_IS_RECOVERED },
		/* mod_sofia.c, sofia.c: parse-all-invite-headers */
		{ is_set(raw, FSROW_SESSION_EXPIRES) ||
			  is_port(raw, FSROW_SESSION_TIMEOUT),
		  FP_FSROW_HAS_SESSION_TIMER },
	};
	unsigned int traits = 0;

	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++)
		if (all[i].is)
			traits |= all[i].trait;
	return traits;
}

/* ---- transport */

static bool transport_word(const char *s, enum fp_fsrow_transport *out)
{
	static const struct {
		const char *name;
		enum fp_fsrow_transport transport;
	} words[] = {
		{ "udp", FP_FSROW_UDP }, { "tcp", FP_FSROW_TCP },
		{ "tls", FP_FSROW_TLS }, { "ws", FP_FSROW_WS },
		{ "wss", FP_FSROW_WS },
	};
	size_t n = strcspn(s, ";,> \t?\"");

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (strlen(words[i].name) == n &&
		    !strncasecmp(s, words[i].name, n)) {
			*out = words[i].transport;
			return true;
		}
	}
	return false;
}

/* Of the first URI of a list, or of parameters: sips:, transport=. */
static bool of_uri(const char *s, enum fp_fsrow_transport *out)
{
	static const char name[] = "transport=";
	const char *end = s + strcspn(s, ",");

	for (const char *p = s; p < end; p++) {
		if (!strncasecmp(p, "sips:", 5)) {
			*out = FP_FSROW_TLS;
			return true;
		}
		if ((p == s || p[-1] == ';') &&
		    !strncasecmp(p, name, sizeof(name) - 1))
			return transport_word(p + sizeof(name) - 1, out);
	}
	return false;
}

/* "SIP/2.0/UDP 192.0.2.1;branch=..." */
static bool of_via(const char *s, enum fp_fsrow_transport *out)
{
	const char *slash = strchr(s, '/');

	slash = slash ? strchr(slash + 1, '/') : NULL;
	return slash && transport_word(slash + 1, out);
}

/* How the re-INVITE will go.  A route decides; else an inbound leg's is sent by the
 * protocol of the first Via (sofia_recover_callback makes a route of it), an outbound
 * leg's by what its own Via said last. */
enum fp_fsrow_transport fp_fsrow_transport_of(const struct fsrow_raw *raw)
{
	bool is_outbound =
		!strcmp(fp_fsrow_text(raw, FSROW_DIRECTION), "outbound");
	enum fp_fsrow_transport t = FP_FSROW_UDP;

	if (of_uri(fp_fsrow_text(raw, FSROW_ROUTE), &t) ||
	    of_uri(fp_fsrow_text(raw, FSROW_RECORD_ROUTE), &t))
		return t;
	if (!is_outbound &&
	    transport_word(fp_fsrow_text(raw, FSROW_VIA_PROTOCOL), &t))
		return t;
	if (is_outbound && (of_via(fp_fsrow_text(raw, FSROW_VIA), &t) ||
			    of_via(fp_fsrow_text(raw, FSROW_FULL_VIA), &t)))
		return t;
	if (of_uri(fp_fsrow_text(raw, FSROW_CONTACT_PARAMS), &t) ||
	    of_uri(fp_fsrow_text(raw, FSROW_CONTACT_URI), &t) ||
	    of_uri(fp_fsrow_text(raw, FSROW_REQ_URI), &t))
		return t;
	of_uri(fp_fsrow_text(raw, FSROW_PROFILE_URL), &t);
	return t;
}
